"""Places worth trying: the nearest points inside and outside the areas and circles that criteria name.

Nearest points are found on a plane around the record (longitude shortened by the cosine of the latitude), then pushed a
metre or two across the border; the distance told is the great-circle one. With one area or circle nothing is left out;
with several the parts they cut each other into are tried too, for a handful of simple ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import shapely
from shapely import affinity
from shapely.geometry import Point, Polygon, box
from shapely.geometry.base import BaseGeometry
from shapely.ops import nearest_points

from merestone.core.criteria import expression as ex
from merestone.core.geo import EARTH_RADIUS_KM, Areas, distance_km

Place = tuple[float, float]
"""Latitude and longitude in degrees."""

MAX_REGIONS = 4  # whose every intersection is tried
MAX_CORNERS = 5_000  # of an outline that takes part in intersections
_NUDGE = 2e-5  # degrees, about two metres
_DIGITS = 6
_KM = 100.0  # a move so far counts 1


def places_to_try(
    leaves: Sequence[ex.Leaf], own: tuple[Any, Any], *, areas: Any
) -> tuple[list[tuple[tuple[Any, ...], float]], bool]:
    """Return places with their sizes, and whether every kind of place is among them.

    Parameters
    ----------
    leaves : sequence of Leaf
        Criteria over the location, latitude or longitude.
    own : (Decimal or None, Decimal or None)
        The record's latitude and longitude.
    areas : Areas
        Named areas.
    """
    here = None if None in own else (float(own[0]), float(own[1]))
    regions = list(_regions(leaves, areas))
    found = [place for region in regions for place in _near(region, here)]
    if 1 < len(regions) <= MAX_REGIONS and all(
        shapely.get_num_coordinates(r) <= MAX_CORNERS for r in regions
    ):
        found += [place for part in _parts(regions) for place in _inside(part, here)]
    found += [place for leaf in leaves for place in _on_circle(leaf, here)]
    found += [(0.0, 0.0), (-89.0, -179.0)] if here is None or regions else []
    rounded = {(round(lat, _DIGITS), round(lon, _DIGITS)) for lat, lon in found}
    sized = [(place, _size(here, place)) for place in sorted(rounded) if abs(place[0]) <= 90]
    is_plain = all(isinstance(leaf, ex.IsNull | ex.Call) for leaf in leaves)
    return sized, is_plain and len(set(map(_mark, leaves))) <= 1


def _mark(leaf: ex.Leaf) -> Any:
    return leaf if isinstance(leaf, ex.Call) else "null"


def _size(here: Place | None, place: Place) -> float:
    return 1.0 if here is None else float(distance_km(here[0], here[1], to=place)) / _KM


def _regions(leaves: Sequence[ex.Leaf], areas: Areas) -> Iterator[BaseGeometry]:
    seen: set[str] = set()
    for leaf in leaves:
        name = repr(leaf)
        if name in seen:
            continue
        seen.add(name)
        match leaf:
            case ex.Call(name="in_area", values=values):
                yield areas.geometries[str(values[0].value)]
            case ex.Call(name="within_km", values=values):
                lat, lon, km = (float(value.value) for value in values)  # type: ignore[arg-type]
                yield _circle(lat, lon, km)
            case ex.Comparison() | ex.Between():
                yield from _bands(leaf)


def _bands(leaf: ex.Comparison | ex.Between) -> Iterator[BaseGeometry]:
    """Yield the part of the world below a bound and the part above it."""
    ends = [leaf.value] if isinstance(leaf, ex.Comparison) else [leaf.low, leaf.high]
    is_latitude = leaf.field.name in ("latitude", "lat")
    for end in ends:
        at = float(end.value)  # type: ignore[arg-type]
        yield box(-180, -90, 180, min(at, 90)) if is_latitude else box(-180, -90, min(at, 180), 90)


def _circle(lat: float, lon: float, km: float) -> BaseGeometry:
    """Return a circle as a polygon of 120 corners, cut at the edge of the world."""
    corners = [destination((lat, lon), bearing=math.radians(3 * step), km=km) for step in range(120)]
    unwrapped = [(lon + (east - lon + 540) % 360 - 180, north) for north, east in corners]
    outline = shapely.make_valid(Polygon(unwrapped))
    return outline.intersection(box(-180, -90, 180, 90))


def destination(start: Place, *, bearing: float, km: float) -> Place:
    """Return the place ``km`` along the great circle that leaves ``start`` at ``bearing`` (radians from north)."""
    lat, angle = math.radians(start[0]), km / EARTH_RADIUS_KM
    sine = math.sin(lat) * math.cos(angle) + math.cos(lat) * math.sin(angle) * math.cos(bearing)
    end = math.asin(max(-1.0, min(1.0, sine)))
    east = math.atan2(
        math.sin(bearing) * math.sin(angle) * math.cos(lat), math.cos(angle) - math.sin(lat) * math.sin(end)
    )
    return math.degrees(end), (start[1] + math.degrees(east) + 540) % 360 - 180


def _bearing(start: Place, end: Place) -> float:
    lat, to_lat = math.radians(start[0]), math.radians(end[0])
    turn = math.radians(end[1] - start[1])
    return math.atan2(
        math.sin(turn) * math.cos(to_lat),
        math.cos(lat) * math.sin(to_lat) - math.sin(lat) * math.cos(to_lat) * math.cos(turn),
    )


def _on_circle(leaf: ex.Leaf, here: Place | None) -> Iterator[Place]:
    """Yield the places just inside and just outside a circle, on the way to its centre."""
    if not isinstance(leaf, ex.Call) or leaf.name != "within_km":
        return
    lat, lon, km = (float(value.value) for value in leaf.values)  # type: ignore[arg-type]
    centre = (lat, lon)
    yield centre
    bearing = 0.0 if here is None else _bearing(centre, here)
    yield destination(centre, bearing=bearing, km=max(km - 0.001, 0.0))
    yield destination(centre, bearing=bearing, km=km + 0.001)


def _near(region: BaseGeometry, here: Place | None) -> Iterator[Place]:
    """Yield places in the region and beside it, near ``here``."""
    yield from _inside(region, here)
    if here is None:
        west, south, east, north = region.bounds
        yield from (
            (min(north + 1, 90.0), west),
            (max(south - 1, -90.0), west),
            (south, east + 1),
            (south, west - 1),
        )
        return
    border = region.boundary
    if not border.is_empty:
        yield from _across(border, here)


def _inside(region: BaseGeometry, here: Place | None) -> Iterator[Place]:
    if region.is_empty:
        return
    inner = region.representative_point()
    yield inner.y, inner.x
    if here is not None:
        yield from _across(region, here)


def _across(shape: BaseGeometry, here: Place) -> Iterator[Place]:
    """Yield the point of the shape nearest to ``here`` and a few steps around it."""
    shrink = max(math.cos(math.radians(here[0])), 0.01)
    flat = affinity.scale(shape, xfact=shrink, yfact=1.0, origin=(0, 0))
    for turn in (0.0, 360.0, -360.0):
        point = nearest_points(flat, Point((here[1] + turn) * shrink, here[0]))[0]
        north, east = point.y, point.x / shrink
        yield north, east
        away = math.hypot(north - here[0], (east - here[1] - turn) * shrink) or 1.0
        along = ((north - here[0]) / away, (east - here[1] - turn) / away)
        for reach in (_NUDGE, 10 * _NUDGE):
            yield north + along[0] * reach, east + along[1] * reach
            for step_north, step_east in (
                (1, 0),
                (-1, 0),
                (0, 1),
                (0, -1),
                (1, 1),
                (1, -1),
                (-1, 1),
                (-1, -1),
            ):
                yield north + step_north * reach, east + step_east * reach


def _parts(regions: Sequence[BaseGeometry]) -> list[BaseGeometry]:
    """Return the parts into which the regions cut the world and each other."""
    parts: list[BaseGeometry] = [box(-180, -90, 180, 90)]
    for region in regions:
        cut = [piece for part in parts for piece in (part.intersection(region), part.difference(region))]
        parts = [piece for piece in cut if piece.area > 1e-9]
    return [_shrunk(part) for part in parts]


def _shrunk(part: BaseGeometry) -> BaseGeometry:
    smaller = part.buffer(-_NUDGE)
    return part if smaller.is_empty else smaller
