"""TopoJSON to polygons: shared arcs are decoded once, each shape is the sequence of arcs it names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

_LEAST_RING = 4  # points of a closed ring that holds an area


@dataclass(frozen=True)
class Shapes:
    """Polygons of one layer, in the file's order.

    Parameters
    ----------
    ids, names : tuple of str
        The layer's own id (FIPS, ISO numeric) and name; empty where the file has none.
    polygons : ndarray of shapely geometries
        Degrees, longitude before latitude.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    polygons: NDArray[Any]


def read_layers(path: Path, *layers: str) -> tuple[Shapes, ...]:
    """Return the named layers of a quantised TopoJSON file."""
    topology = json.loads(path.read_bytes())
    arcs = _decode_arcs(topology)
    return tuple(_layer(topology["objects"][layer]["geometries"], arcs) for layer in layers)


def read_arcs(path: Path, layer: str) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """Return the ids of a layer's shapes, and the numbers of the arcs of each one's rings; ``~i`` is ``i`` backwards."""
    geometries = json.loads(path.read_bytes())["objects"][layer]["geometries"]
    return tuple(str(one.get("id", "")) for one in geometries), tuple(
        one.get("arcs", []) for one in geometries
    )


def _decode_arcs(topology: dict[str, Any]) -> list[NDArray[np.float64]]:
    """The arcs in degrees; the file holds whole-number steps from point to point."""
    scale, shift = (np.array(topology["transform"][key]) for key in ("scale", "translate"))
    return [np.cumsum(np.array(arc), axis=0) * scale + shift for arc in topology["arcs"]]


def _layer(geometries: list[dict[str, Any]], arcs: list[NDArray[np.float64]]) -> Shapes:
    polygons = np.array([_polygon(geometry, arcs) for geometry in geometries], dtype=object)
    broken = ~shapely.is_valid(polygons)
    polygons[broken] = shapely.make_valid(polygons[broken], method="structure", keep_collapsed=False)
    return Shapes(
        ids=tuple(str(geometry.get("id", "")) for geometry in geometries),
        names=tuple(str(geometry.get("properties", {}).get("name", "")) for geometry in geometries),
        polygons=polygons,
    )


def _polygon(geometry: dict[str, Any], arcs: list[NDArray[np.float64]]) -> Any:
    parts: list[Any] = [geometry["arcs"]] if geometry["type"] == "Polygon" else geometry.get("arcs", [])
    polygons = []
    outer: NDArray[np.float64] = np.empty((0, 2))
    for rings in parts:
        outer, *holes = (_ring(ring, arcs) for ring in rings)
        if len(outer) >= _LEAST_RING:
            polygons.append(shapely.Polygon(outer, [hole for hole in holes if len(hole) >= _LEAST_RING]))
    if not polygons:
        # Smaller than the drawing's grain (Falls Church, VA): a place without an area.
        return shapely.MultiPoint(outer)
    return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)


def _ring(indices: list[int], arcs: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """One ring; a negative index ~i means arc i backwards, and each arc repeats the last point of the one before."""
    pieces = [arcs[index] if index >= 0 else arcs[~index][::-1] for index in indices]
    return np.concatenate([pieces[0], *(piece[1:] for piece in pieces[1:])])
