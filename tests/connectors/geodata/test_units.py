"""Which counties touch."""

from __future__ import annotations

from itertools import pairwise

from merestone.connectors.geodata import Gazetteer, UnitMap
from merestone.connectors.geodata.units import shared_arcs


def test_shapes_touch_when_they_share_an_arc_in_either_direction() -> None:
    shapes = [("c", [[[3]]]), ("a", [[0, 1]]), ("b", [[[~1, 2]]])]
    assert shared_arcs(shapes) == (("a", "b"),)


def test_counties_touch_their_neighbours_and_islands_nobody(gazetteer: Gazetteer) -> None:
    touching = UnitMap(gazetteer).touching("county")
    of: dict[str, set[str]] = {}
    for a, b in touching:
        of.setdefault(a, set()).add(b)
        of.setdefault(b, set()).add(a)
    # Travis County, Texas: Blanco, Burnet, Williamson, Bastrop, Caldwell, Hays.
    assert of["48453"] == {"48031", "48053", "48491", "48021", "48055", "48209"}
    assert "15003" not in of  # Honolulu
    assert all(a < b for a, b in touching)
    assert all(one < other for one, other in pairwise(touching))


def test_units_are_in_the_order_of_their_ids(gazetteer: Gazetteer) -> None:
    ids = UnitMap(gazetteer).units("county")["id"].to_pylist()
    assert ids == sorted(ids)
    assert len(ids) == 3231
