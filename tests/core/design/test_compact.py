"""A short criterion holds for exactly the units it was made of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merestone.core.criteria import evaluate, parse
from merestone.core.design.compact import compact

UNITS = {
    "CA": ["06001", "06003", "06005", "06007", "06009", "06011"],
    "NV": ["32001", "32003"],
    "OR": ["41001", "41003", "41005"],
}
PREFIXES = {"CA": "06", "NV": "32", "OR": "41"}
EVERY = [(state, unit) for state, units in UNITS.items() for unit in units]


def holds(text: str) -> set[str]:
    """Return the units for which a criterion holds."""
    tree = parse(text)
    return {unit for state, unit in EVERY if evaluate(tree, {"state": state, "county": unit})}


@pytest.mark.parametrize(
    ("held", "text"),
    [
        (["32001", "32003"], "state = 'NV'"),
        (["32001", "32003", *UNITS["OR"]], "state in ('NV', 'OR')"),
        (["41003", "06001"], "county in ('06001', '41003')"),
        (["41003"], "county = '41003'"),
        (UNITS["CA"][1:], "state = 'CA' and county <> '06001'"),
        (UNITS["CA"][2:], "state = 'CA' and county not in ('06001', '06003')"),
        ([*UNITS["CA"][1:], "32001", "32003"], "state = 'NV' or (state = 'CA' and county <> '06001')"),
        ([], "county = 'none'"),
    ],
)
def test_the_shortest_words_are_chosen(held: list[str], text: str) -> None:
    made = compact(UNITS, held, by_name=UNITS)
    assert parse(made) == parse(text)


def test_a_state_that_names_do_not_tell_is_told_by_how_its_units_begin() -> None:
    made = compact(UNITS, [*UNITS["NV"], *UNITS["OR"]], by_name={"OR"}, prefixes=PREFIXES)
    assert made == "state = 'OR' or starts_with(county, '32')"


def test_what_is_asked_above_is_not_asked_again() -> None:
    only = {"CA": UNITS["CA"]}
    assert compact(only, UNITS["CA"][1:], by_name=only, within="CA") == "county <> '06001'"
    assert compact(only, UNITS["CA"], by_name=only, within="CA") == "state = 'CA'"


@given(
    held=st.sets(st.sampled_from([unit for _, unit in EVERY])),
    by_name=st.sets(st.sampled_from(list(UNITS))),
    begun=st.sets(st.sampled_from(list(UNITS))),
)
def test_it_holds_for_the_units_given_and_no_others(
    held: set[str], by_name: set[str], begun: set[str]
) -> None:
    made = compact(UNITS, held, by_name=by_name, prefixes={state: PREFIXES[state] for state in begun})
    assert holds(made) == held
