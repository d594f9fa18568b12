"""How counties are drawn, and what states are called."""

from __future__ import annotations

import pytest
import shapely

from merestone.base.errors import UsageError
from merestone.connectors.geodata import Gazetteer, OutlineMap


def test_every_unit_has_an_outline_around_its_point(gazetteer: Gazetteer) -> None:
    outlines = OutlineMap(gazetteer).outlines("county")
    units = gazetteer.counties().to_pylist()
    assert outlines.keys() == {one["fips"] for one in units}
    for one in units[::100]:
        assert outlines[one["fips"]].distance(shapely.Point(one["lon"], one["lat"])) < 1e-4


def test_states_have_names(gazetteer: Gazetteer) -> None:
    states = OutlineMap(gazetteer).states()
    assert (states["OH"], states["DC"], states["PR"]) == ("Ohio", "District of Columbia", "Puerto Rico")


def test_a_kind_of_unit_there_is_none_of_is_refused(gazetteer: Gazetteer) -> None:
    with pytest.raises(UsageError):
        OutlineMap(gazetteer).outlines("zip")
