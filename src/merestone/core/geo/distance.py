"""Great-circle distance on the sphere."""

from __future__ import annotations

from typing import Any

import numpy as np

EARTH_RADIUS_KM = 6371.0088  # mean radius R1 of the GRS 80 ellipsoid


def distance_km(latitude: Any, longitude: Any, *, to: tuple[Any, Any]) -> Any:
    """Return the great-circle distance in km between points, by the haversine formula.

    Parameters
    ----------
    latitude, longitude : float or array of float
        The points, in degrees. NaN and infinity give NaN.
    to : (float or array, float or array)
        Latitude and longitude of the other end, in degrees; arrays broadcast.

    Returns
    -------
    float or numpy.ndarray
        Kilometres, a scalar for scalar input. The sphere differs from the ellipsoid by up to 0.6 %.

    References
    ----------
    R. W. Sinnott (1984), Virtues of the haversine, Sky and Telescope 68(2):159.
    H. Moritz (2000), Geodetic Reference System 1980, J. Geodesy 74:128-133, doi:10.1007/s001900050278.
    """
    with np.errstate(invalid="ignore"):  # a point at infinity is NaN km away
        latitude_from, latitude_to = np.radians(latitude), np.radians(to[0])
        half_turn = np.radians(np.subtract(to[1], longitude)) / 2
        half_climb = (latitude_to - latitude_from) / 2
        chord = np.sin(half_climb) ** 2 + np.cos(latitude_from) * np.cos(latitude_to) * np.sin(half_turn) ** 2
        distance = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(chord, 1.0)))
    return float(distance) if np.ndim(distance) == 0 else distance
