"""Named areas: GeoJSON polygons, prepared for many point questions.

Longitudes are degrees east in [-180, 180]. A ring that crosses the antimeridian may be split there (RFC 7946), run past
180, or jump from one side to the other: an edge longer than 180° is read as going the short way round. The border
belongs to the area, a hole does not. Not here: reading files.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from shapely import affinity
from shapely.geometry import Polygon, box
from shapely.geometry.base import BaseGeometry

from merestone.base.errors import InvalidInputError, Problem
from merestone.core.geo.distance import distance_km

MAX_POINTS = 200_000  # of one area; more is a drawing, not a sales territory
_MAX_PROBLEMS = 100  # told of one area
_WORLD = box(-180, -90, 180, 90)
_NO_FIX = "Draw it again, or simplify it in a map editor."


@dataclass(frozen=True, eq=False)
class Areas:
    """The areas of one document; also answers distances, so that it is all a criterion needs of the world.

    Parameters
    ----------
    geometries : mapping of str to shapely geometry
        Prepared (multi)polygons by area key.
    """

    geometries: Mapping[str, BaseGeometry]

    def __contains__(self, key: object) -> bool:
        return key in self.geometries

    def __iter__(self) -> Iterator[str]:
        return iter(self.geometries)

    def __len__(self) -> int:
        return len(self.geometries)

    def contains(self, key: str, longitude: Any, latitude: Any) -> Any:
        """Return whether points lie in (or on the border of) the area.

        Parameters
        ----------
        key : str
            An area of this document.
        longitude, latitude : float or array of float
            Degrees; a longitude beyond ±180 is taken round. NaN lies nowhere.

        Returns
        -------
        bool or numpy.ndarray of bool
        """
        geometry = self.geometries[key]
        east = (np.asarray(longitude, dtype=float) + 180.0) % 360.0 - 180.0
        north = np.asarray(latitude, dtype=float)
        inside = shapely.intersects_xy(geometry, east, north)
        on_seam = east == -180.0
        if np.any(on_seam):
            inside = inside | (on_seam & shapely.intersects_xy(geometry, 180.0, north))
        return bool(inside) if np.ndim(inside) == 0 else inside

    def distance_km(self, latitude: Any, longitude: Any, *, to: tuple[float, float]) -> Any:
        """Return the great-circle distance in km from points to ``to`` (latitude, longitude)."""
        return distance_km(latitude, longitude, to=to)


NO_AREAS = Areas({})


def read_areas(documents: Mapping[str, Any]) -> tuple[Areas, list[Problem]]:
    """Return the areas that can be read and every problem of the others.

    Parameters
    ----------
    documents : mapping of str to GeoJSON
        Area key to a Polygon, MultiPolygon, Feature, FeatureCollection or GeometryCollection object.
    """
    geometries: dict[str, BaseGeometry] = {}
    problems: list[Problem] = []
    for key, document in documents.items():
        try:
            geometries[key] = read_area(document, where=f"areas/{key}")
        except InvalidInputError as error:
            problems += error.problems
    return Areas(geometries), problems


def read_area(document: Any, *, where: str = "") -> BaseGeometry:
    """Return one GeoJSON object as a prepared (multi)polygon within [-180, 180].

    Raises
    ------
    InvalidInputError
        When it is not GeoJSON, has no polygon, crosses itself, or goes round a pole; all problems at once.
    """
    problems: list[Problem] = []
    parts: list[BaseGeometry] = []
    for rings in _polygons(document, problems):
        try:
            parts.append(_split_at_seam(_polygon(rings)))
        except _BadRing as error:
            problems.append(Problem("bad-area", error.message, error.fix))
    if not problems and not parts:
        problems.append(
            Problem("bad-area", "The area holds no polygon.", "Use a GeoJSON Polygon or MultiPolygon.")
        )
    if problems:
        placed = [Problem(problem.code, problem.message, problem.fix, where) for problem in problems]
        raise InvalidInputError("The area cannot be read.", placed, code="bad-area")
    area = shapely.union_all(parts)
    shapely.prepare(area)
    return area


class _BadRing(Exception):
    def __init__(self, message: str, fix: str = _NO_FIX) -> None:
        super().__init__(message)
        self.message, self.fix = message, fix


def _polygons(document: Any, problems: list[Problem]) -> Iterator[list[Any]]:
    """Yield the coordinate rings of every polygon in a GeoJSON object, without recursion."""
    pending, found, n_points = deque([document]), 0, 0
    while pending and len(problems) < _MAX_PROBLEMS:
        item = pending.popleft()
        kind = item.get("type") if isinstance(item, Mapping) else None
        if kind == "FeatureCollection":
            pending += _sequence(item.get("features"))
        elif kind == "GeometryCollection":
            pending += _sequence(item.get("geometries"))
        elif kind == "Feature":
            pending.append(item.get("geometry"))
        elif kind in ("Polygon", "MultiPolygon"):
            coordinates = _sequence(item.get("coordinates"))
            for rings in [coordinates] if kind == "Polygon" else coordinates:
                found += 1
                n_points += sum(len(_sequence(ring)) for ring in _sequence(rings))
                if n_points > MAX_POINTS:
                    message = f"The area has more than {MAX_POINTS:,} points."
                    problems.append(Problem("area-too-large", message, "Simplify it in a map editor."))
                    return
                yield _sequence(rings)
        else:
            shown = f"a {kind}" if kind else "not a GeoJSON object"
            message = f"Part of the area is {shown}, not a polygon."
            problems.append(Problem("bad-area", message, "Use a GeoJSON Polygon or MultiPolygon."))


def _sequence(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _polygon(rings: list[Any]) -> Polygon:
    """Return the polygon of unwrapped rings; it may reach beyond ±180."""
    if not rings:
        raise _BadRing("A polygon of the area has no ring.")
    outer = _ring(rings[0])
    shell = Polygon(outer)
    shapely.prepare(shell)
    holes = [_beside(_ring(ring), shell) for ring in rings[1:]]
    polygon = Polygon(outer, holes)
    if not polygon.is_valid:
        reason = shapely.is_valid_reason(polygon)
        raise _BadRing(
            f"The area's outline is wrong: {reason} (longitude latitude).", "Draw it without crossing itself."
        )
    return polygon


def _ring(coordinates: Any) -> np.ndarray:
    """Return a closed ring as (n, 2) degrees, jumps over the antimeridian unwrapped to run past 180."""
    try:
        points = np.array([(float(point[0]), float(point[1])) for point in coordinates], dtype=float)
    except (TypeError, ValueError, IndexError, KeyError):
        raise _BadRing("A ring of the area is not a list of [longitude, latitude] pairs.") from None
    if len(points) < 4 or not np.array_equal(points[0], points[-1]):
        raise _BadRing(
            "A ring of the area is not closed: it needs at least four points, the last equal to the first."
        )
    if not np.isfinite(points).all() or np.abs(points[:, 1]).max() > 90 or np.abs(points[:, 0]).max() > 540:
        raise _BadRing(
            "A point of the area is not on the globe.", "GeoJSON writes longitude first, in degrees."
        )
    steps = np.diff(points[:, 0])
    turns = np.where((np.abs(steps) > 180) & (np.abs(steps) < 360), -np.sign(steps) * 360.0, 0.0)
    points[1:, 0] += np.cumsum(turns)
    if points[0, 0] != points[-1, 0]:
        raise _BadRing(
            "A ring of the area goes round a pole.", "Split the area at the antimeridian (RFC 7946, 3.1.9)."
        )
    return points


def _beside(hole: np.ndarray, shell: Polygon) -> np.ndarray:
    """Return the hole shifted by a whole turn if that brings it into its shell."""
    for turn in (0.0, 360.0, -360.0):
        shifted = hole + np.array([turn, 0.0])
        if shell.intersects(Polygon(shifted)):
            return shifted
    return hole


def _split_at_seam(polygon: Polygon) -> BaseGeometry:
    west, _, east, _ = polygon.bounds
    if west >= -180 and east <= 180:
        return polygon
    turns = range(int(np.floor((west + 180) / 360)), int(np.ceil((east - 180) / 360)) + 1)
    return shapely.union_all(
        [affinity.translate(polygon, -360.0 * turn).intersection(_WORLD) for turn in turns]
    )
