"""Areas from GeoJSON: inside, outside, holes, the antimeridian, and outlines that are wrong."""

from __future__ import annotations

import numpy as np
import pytest

from merestone.base.errors import InvalidInputError
from merestone.core.geo import Areas, read_area, read_areas


def polygon(*rings: list[tuple[float, float]]) -> dict:
    return {"type": "Polygon", "coordinates": [[list(point) for point in (*ring, ring[0])] for ring in rings]}


def rectangle(west: float, south: float, east: float, north: float) -> list[tuple[float, float]]:
    return [(west, south), (east, south), (east, north), (west, north)]


def inside(document: dict, longitude: float, latitude: float) -> bool:
    return Areas({"x": read_area(document)}).contains("x", longitude, latitude)


DONUT = polygon(rectangle(0, 0, 10, 10), rectangle(4, 4, 6, 6))


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        ((1, 1), True),
        ((5, 5), False),
        ((4, 5), True),
        ((0, 0), True),
        ((10, 3), True),
        ((11, 3), False),
        ((1, -0.1), False),
    ],
)
def test_holes_are_outside_and_borders_inside(point, expected):
    assert inside(DONUT, *point) is expected


@pytest.mark.parametrize(
    "document",
    [
        {
            "type": "MultiPolygon",
            "coordinates": [DONUT["coordinates"], polygon(rectangle(20, 0, 30, 10))["coordinates"]],
        },
        {"type": "GeometryCollection", "geometries": [DONUT, polygon(rectangle(20, 0, 30, 10))]},
        {
            "type": "FeatureCollection",
            "features": [
                {"type": "Feature", "properties": {}, "geometry": DONUT},
                {"type": "Feature", "properties": None, "geometry": polygon(rectangle(20, 0, 30, 10))},
            ],
        },
    ],
)
def test_all_polygons_of_a_document_belong(document):
    assert inside(document, 1, 1)
    assert inside(document, 25, 5)
    assert not inside(document, 5, 5)
    assert not inside(document, 15, 5)


@pytest.mark.parametrize(
    "document",
    [
        polygon([(177, -20), (-178, -20), (-178, -15), (177, -15)]),  # jumps
        polygon(rectangle(177, -20, 182, -15)),  # runs past 180
        polygon(rectangle(-183, -20, -178, -15)),  # runs past -180
        {
            "type": "MultiPolygon",
            "coordinates": [
                polygon(rectangle(177, -20, 180, -15))["coordinates"],
                polygon(rectangle(-180, -20, -178, -15))["coordinates"],
            ],
        },  # split, as RFC 7946 asks
    ],
)
@pytest.mark.parametrize(
    ("longitude", "expected"),
    [
        (178, True),
        (180, True),
        (-180, True),
        (-179, True),
        (181, True),
        (-177, False),
        (176, False),
        (0, False),
    ],
)
def test_areas_over_the_antimeridian(document, longitude, expected):
    assert inside(document, longitude, -17) is expected


def test_a_hole_over_the_antimeridian():
    document = polygon(rectangle(170, 0, 190, 10), [(-179, 4), (-178, 4), (-178, 6), (-179, 6)])
    assert not inside(document, -178.5, 5)
    assert inside(document, -177.5, 5)
    assert inside(document, 179, 5)


def test_an_area_that_ends_at_the_antimeridian_has_it_from_both_sides():
    document = polygon(rectangle(170, 0, 180, 10))
    assert inside(document, -180, 5)
    assert inside(document, 180, 5)
    assert not inside(document, -179.9, 5)


def test_the_whole_world_is_not_turned_inside_out():
    document = polygon(rectangle(-180, -90, 180, 90))
    assert all(inside(document, longitude, 0) for longitude in (-180, -90, 0, 90, 180))


def test_arrays_and_missing_coordinates():
    areas = Areas({"x": read_area(DONUT)})
    found = areas.contains("x", np.array([1.0, 5.0, np.nan, -180.0]), np.array([1.0, 5.0, 1.0, np.nan]))
    assert found.tolist() == [True, False, False, False]


BOW_TIE = polygon([(0, 0), (2, 2), (2, 0), (0, 2)])


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (BOW_TIE, "Self-intersection[1 1]"),
        (polygon(rectangle(0, 0, 10, 10), rectangle(20, 20, 30, 30)), "Hole lies outside shell"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}, "not closed"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0]]]}, "not closed"),
        ({"type": "Polygon", "coordinates": [[["a", 0], [1, 1], [1, 0], ["a", 0]]]}, "pairs"),
        ({"type": "Polygon", "coordinates": [5]}, "pairs"),
        ({"type": "Polygon", "coordinates": []}, "no ring"),
        ({"type": "Polygon"}, "no ring"),
        (polygon(rectangle(0, 0, 10, 100)), "not on the globe"),
        (polygon(rectangle(0, 0, float("inf"), 10)), "not on the globe"),
        (polygon([(-120, 60), (0, 60), (120, 60)]), "pole"),
        ({"type": "Point", "coordinates": [0, 0]}, "a Point"),
        ({"type": "FeatureCollection", "features": []}, "no polygon"),
        ("bay", "not a GeoJSON object"),
        (None, "not a GeoJSON object"),
    ],
)
def test_a_wrong_outline_is_refused_with_the_reason(document, words):
    with pytest.raises(InvalidInputError) as caught:
        read_area(document, where="areas/x")
    (problem,) = caught.value.problems
    assert words in problem.message
    assert problem.where == "areas/x"


def test_all_wrong_areas_are_reported_and_the_right_ones_kept():
    areas, problems = read_areas({"a": BOW_TIE, "b": DONUT, "c": {"type": "Point"}})
    assert list(areas) == ["b"]
    assert [problem.where for problem in problems] == ["areas/a", "areas/c"]


def test_a_drawing_of_too_many_points_is_refused_before_it_is_read():
    ring = [[0, 0]] * 200_001
    with pytest.raises(InvalidInputError) as caught:
        read_area({"type": "Polygon", "coordinates": [ring]})
    assert caught.value.problems[0].code == "area-too-large"


def test_deeply_nested_collections_are_read_without_recursion():
    document: dict = DONUT
    for _ in range(5_000):
        document = {"type": "GeometryCollection", "geometries": [document]}
    assert inside(document, 1, 1)
