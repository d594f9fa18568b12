"""Degrees to metres: as the textbook computes it, true near the middle, whole across the date line."""

from __future__ import annotations

import numpy as np
import pytest

from merestone.core.design.plane import Plane
from merestone.core.geo.distance import distance_km

CLARKE_1866 = {"semi_major": 6_378_206.4, "eccentricity_squared": 0.006_768_66}


def test_the_textbooks_example_comes_out():
    # Snyder (1987), Map Projections: A Working Manual, pp. 333-334.
    plane = Plane(40.0, -100.0, **CLARKE_1866)
    x, y = plane.project(np.array([30.0]), np.array([-110.0]))
    assert x[0] == pytest.approx(-965_932.1, abs=0.1)
    assert y[0] == pytest.approx(-1_056_814.9, abs=0.1)


@pytest.mark.parametrize("longitude", [0.0, 179.5, -100.0])
@pytest.mark.parametrize("latitude", [0.0, 47.0, -33.0, 89.0])
def test_distances_near_the_middle_are_those_on_the_earth(latitude: float, longitude: float):
    plane = Plane(latitude, longitude)
    latitudes, longitudes = latitude + np.array([0.0, 0.3, -0.4]), longitude + np.array([0.0, 0.5, -0.2])
    x, y = plane.project(latitudes, longitudes)
    for at in (1, 2):
        true = distance_km(latitude, longitude, to=(latitudes[at], longitudes[at]))
        # The sphere that the true distance is measured on differs from the ellipsoid by up to 0.6 %.
        assert np.hypot(x[at], y[at]) / 1000 == pytest.approx(true, rel=0.006)


def test_a_map_across_the_date_line_is_one_map():
    fiji = np.array([-17.0, -16.5, -18.0])
    here = Plane.about(fiji, np.array([179.0, -179.5, 178.5]))
    there = Plane.about(fiji, np.array([9.0, 10.5, 8.5]))
    for one, other in zip(
        here.project(fiji, np.array([179.0, 180.5, 178.5])),
        there.project(fiji, np.array([9.0, 10.5, 8.5])),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, atol=1e-3)


def test_longitudes_may_be_counted_either_way():
    plane = Plane.about(np.array([10.0]), np.array([-170.0]))
    west, east = (plane.project(np.array([12.0]), np.array([degrees])) for degrees in (-171.0, 189.0))
    np.testing.assert_allclose(west, east, atol=1e-6)


@pytest.mark.parametrize("pole", [90.0, -90.0])
def test_round_a_pole_distances_are_right(pole: float):
    latitudes = np.full(4, pole - np.sign(pole) * 2)
    longitudes = np.array([0.0, 90.0, 180.0, -90.0])
    x, y = Plane.about(latitudes, longitudes).project(latitudes, longitudes)
    across = np.hypot(x[0] - x[2], y[0] - y[2]) / 1000
    assert across == pytest.approx(4 * 111.69, rel=1e-3)  # a degree of latitude is 111.69 km there
    assert np.hypot(x[1] - x[3], y[1] - y[3]) / 1000 == pytest.approx(across, rel=1e-3)


def test_areas_are_kept_far_from_the_middle():
    plane = Plane(40.0, -100.0)

    def area(latitude: float, longitude: float) -> float:
        side = np.array([0.0, 0.1, 0.1, 0.0]), np.array([0.0, 0.0, 0.1, 0.1])
        x, y = plane.project(latitude + side[0], longitude + side[1])
        return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2

    assert area(30.0, -70.0) == pytest.approx(area(30.0, -100.0), rel=1e-4)
