"""Which polygon a point falls in, for many points at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

_NEAR_DEG = 0.1  # shores are drawn coarsely; about 10 km


class Areas:
    """Keyed polygons with a spatial index.

    Parameters
    ----------
    keys : sequence of str
        One per polygon; a key may come more than once.
    polygons : ndarray of shapely geometries
        Degrees, longitude before latitude.
    """

    def __init__(self, keys: Sequence[str], polygons: NDArray[Any]) -> None:
        self._keys = np.array([*keys, None], dtype=object)
        self._polygons = polygons
        shapely.prepare(polygons)
        self._tree = shapely.STRtree(polygons)
        self.known = frozenset(keys) - {""}

    def at(
        self, lon: NDArray[np.float64], lat: NDArray[np.float64], *, nearest: bool | NDArray[np.bool_]
    ) -> NDArray[Any]:
        """Return the key of the polygon at each point, None outside all (and for points with NaN).

        Parameters
        ----------
        nearest : bool or ndarray of bool
            Let a point (those points) just off the coast belong to the nearest polygon.
        """
        points = shapely.points(lon, lat)
        found = np.full(len(points), -1)
        which, area = self._tree.query(points)
        inside = shapely.contains_xy(self._polygons[area], np.asarray(lon)[which], np.asarray(lat)[which])
        # Written backwards, so that of two polygons that hold a border point the first one stays.
        found[which[inside][::-1]] = area[inside][::-1]
        lost = np.flatnonzero((found < 0) & nearest & np.isfinite(lon) & np.isfinite(lat))
        which, area = self._tree.query_nearest(points[lost], max_distance=_NEAR_DEG, all_matches=False)
        found[lost[which]] = area
        return self._keys[found]

    def are_within(
        self, keys: Sequence[str], lon: NDArray[np.float64], lat: NDArray[np.float64], *, distance_deg: float
    ) -> NDArray[np.bool_]:
        """Return whether each point lies in, or within a distance of, a polygon of its key."""
        wanted = np.array(keys, dtype=object)
        result = self.at(lon, lat, nearest=False) == wanted
        rest = np.flatnonzero(~result)  # few: only these pay for the distance
        near, area = self._tree.query(
            shapely.points(lon[rest], lat[rest]), predicate="dwithin", distance=distance_deg
        )
        result[rest[near[self._keys[area] == wanted[rest[near]]]]] = True
        return result
