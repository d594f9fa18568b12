"""What a scenario starts with."""

from __future__ import annotations

from merestone.app.scenarios.measures import first_settings


def test_the_first_tolerance_lets_the_heaviest_unit_in() -> None:
    content = {"territories": [{}, {}], "amounts": {"workload": [90.0, 10.0, 20.0]}}  # mean 60
    assert first_settings(content)["balances"] == [{"measure": "workload", "tolerance": 0.55}]
    even = {"territories": [{}, {}], "amounts": {"workload": [20.0] * 6}}
    assert first_settings(even)["balances"] == [{"measure": "workload", "tolerance": 0.25}]
    nothing = {"territories": [{}], "amounts": {"workload": [0.0]}}
    assert first_settings(nothing)["balances"] == [{"measure": "workload", "tolerance": 0.25}]
