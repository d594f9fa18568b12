"""From degrees to a plane in metres, by our own Lambert azimuthal equal-area projection about the middle of the points.

Distances near the middle are true; at 1,000 km from it they are off by at most 0.3 %, at 3,000 km by 3 %. As the points
are turned to their own middle, a map across the date line is one map.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SEMI_MAJOR_M = 6_378_137.0
ECCENTRICITY_SQUARED = 0.006_694_379_990_14
"""Of the WGS 84 ellipsoid."""
_NEAR_POLE = 89.99
_NEAR_ANTIPODE = 1e-9


@dataclass(frozen=True, slots=True)
class Plane:
    """A plane that touches the earth at a point.

    Parameters
    ----------
    latitude, longitude : float
        Where it touches, in degrees.
    semi_major, eccentricity_squared : float
        The ellipsoid: metres, and none.
    """

    latitude: float
    longitude: float
    semi_major: float = SEMI_MAJOR_M
    eccentricity_squared: float = ECCENTRICITY_SQUARED

    @classmethod
    def about(cls, latitude: np.ndarray, longitude: np.ndarray) -> Plane:
        """Return the plane that touches in the middle of points: of their mean direction from the earth's centre."""
        phi, theta = np.radians(latitude), np.radians(longitude)
        x, y = float((np.cos(phi) * np.cos(theta)).sum()), float((np.cos(phi) * np.sin(theta)).sum())
        z = float(np.sin(phi).sum())
        middle = float(np.degrees(np.arctan2(z, np.hypot(x, y))))
        # The formula divides by the cosine of the latitude; a metre off the pole changes nothing else.
        return cls(float(np.clip(middle, -_NEAR_POLE, _NEAR_POLE)), float(np.degrees(np.arctan2(y, x))))

    def project(self, latitude: np.ndarray, longitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return metres east and north of the point of touch.

        Parameters
        ----------
        latitude, longitude : array of float
            Degrees; longitudes may be counted from −180 or from 0. NaN gives NaN.

        References
        ----------
        J. P. Snyder (1987), Map Projections: A Working Manual, U.S. Geological Survey Professional Paper 1395,
        pp. 187-188, equations 3-11, 3-12, 14-15 and 24-17 to 24-20, doi:10.3133/pp1395.
        """
        squared = self.eccentricity_squared
        q_pole = float(self._q(np.array(1.0)))
        radius = self.semi_major * np.sqrt(q_pole / 2)
        sine = np.sin(np.radians(self.latitude))
        beta_0 = np.arcsin(self._q(sine) / q_pole)
        parallel = np.cos(np.radians(self.latitude)) / np.sqrt(1 - squared * sine**2)
        stretch = self.semi_major * parallel / (radius * np.cos(beta_0))
        beta = np.arcsin(np.clip(self._q(np.sin(np.radians(latitude))) / q_pole, -1.0, 1.0))
        turn = np.radians(longitude) - np.radians(self.longitude)
        facing = 1 + np.sin(beta_0) * np.sin(beta) + np.cos(beta_0) * np.cos(beta) * np.cos(turn)
        scale = radius * np.sqrt(2 / np.maximum(facing, _NEAR_ANTIPODE))
        east = scale * stretch * np.cos(beta) * np.sin(turn)
        north = (
            scale / stretch * (np.cos(beta_0) * np.sin(beta) - np.sin(beta_0) * np.cos(beta) * np.cos(turn))
        )
        return east, north

    def _q(self, sine: np.ndarray) -> np.ndarray:
        """Return Snyder's q of latitudes, given by their sines: proportional to the area below a parallel."""
        squared = self.eccentricity_squared
        root = np.sqrt(squared)
        return np.asarray(
            (1 - squared) * (sine / (1 - squared * sine**2) + np.arctanh(root * np.asarray(sine)) / root)
        )
