"""Great-circle distances against values worked out by other means."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from merestone.core.geo import EARTH_RADIUS_KM, distance_km

latitudes = st.floats(-90, 90)
longitudes = st.floats(-180, 180)
HALF_ROUND = math.pi * EARTH_RADIUS_KM


@pytest.mark.parametrize(
    ("start", "end", "km"),
    [
        ((0, 0), (0, 0), 0),
        ((0, 0), (0, 1), HALF_ROUND / 180),  # one degree of the equator
        ((0, 0), (90, 77), HALF_ROUND / 2),  # equator to pole
        ((0, 0), (0, 180), HALF_ROUND),  # antipodes
        ((10, 20), (-10, -160), HALF_ROUND),
        ((0, 179.5), (0, -179.5), HALF_ROUND / 180),  # over the antimeridian
        (
            (36.12, -86.67),
            (33.94, -118.40),
            2886.45,
        ),  # Nashville to Los Angeles, Rosetta Code, with R = 6371.0088
    ],
)
def test_known_distances(start, end, km):
    assert distance_km(*start, to=end) == pytest.approx(km, abs=0.05)


@given(latitudes, longitudes, latitudes, longitudes)
def test_distance_is_symmetric_and_bounded(latitude, longitude, other_latitude, other_longitude):
    there = distance_km(latitude, longitude, to=(other_latitude, other_longitude))
    back = distance_km(other_latitude, other_longitude, to=(latitude, longitude))
    assert there == pytest.approx(back, abs=1e-6)
    assert 0 <= there <= HALF_ROUND + 1e-6


@given(latitudes, longitudes, latitudes, longitudes)
def test_haversine_agrees_with_the_chord_between_unit_vectors(
    latitude, longitude, other_latitude, other_longitude
):
    def vector(north: float, east: float) -> np.ndarray:
        phi, lam = math.radians(north), math.radians(east)
        return np.array([math.cos(phi) * math.cos(lam), math.cos(phi) * math.sin(lam), math.sin(phi)])

    one, two = vector(latitude, longitude), vector(other_latitude, other_longitude)
    angle = math.atan2(float(np.linalg.norm(np.cross(one, two))), float(one @ two))
    assert distance_km(latitude, longitude, to=(other_latitude, other_longitude)) == pytest.approx(
        EARTH_RADIUS_KM * angle, abs=1e-4
    )


@given(st.lists(st.tuples(latitudes, longitudes), min_size=1, max_size=20), latitudes, longitudes)
def test_arrays_give_the_scalar_distances(points, latitude, longitude):
    north, east = np.array(points).T
    together = distance_km(north, east, to=(latitude, longitude))
    apart = [distance_km(*point, to=(latitude, longitude)) for point in points]
    assert together.tolist() == pytest.approx(apart, abs=1e-9)


def test_a_missing_coordinate_gives_nan():
    assert math.isnan(distance_km(float("nan"), 0.0, to=(0, 0)))
