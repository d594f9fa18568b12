"""What differs is told in words, whatever its shape."""

from __future__ import annotations

from typing import Any

import pytest

from merestone.web.conflicts import MAX_TOLD, told_changes, told_moves


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        (["a", None], ("a", "nothing")),
        ([[], ["see", "plan"]], ("nothing", "see; plan")),
        ([True, False], ("yes", "no")),
        ([0, 12], ("0", "12")),
        ([{"owner": 3, "owner_name": "Ana"}, {"owner": None, "owner_name": None}], ("owner Ana", "owner nothing")),
    ],
)  # fmt: skip
def test_pair_is_told_in_words(pair: list[Any], words: tuple[str, str]) -> None:
    assert told_changes({"late_days": pair}) == [("Late days", *words)]


def test_what_says_nothing_to_people_is_left_out() -> None:
    assert told_changes({"content_hash": ["a", "b"], "rows": [{}, {}, {}], "summary": {}}) == []


def test_moves_of_a_difference_are_told_with_their_owners_and_number() -> None:
    row = {
        "name": "Acme", "from_territory": "west", "from_name": "West", "from_owner_name": "Ana",
        "to_territory": None, "to_name": None, "to_owner_name": None,
    }  # fmt: skip
    moves, n_moves = told_moves({"summary": {}, "rows": [row] * (MAX_TOLD + 5), "n_rows": 300})
    assert (len(moves), n_moves) == (MAX_TOLD, 300)
    assert moves[0] == {"name": "Acme", "before": "West (Ana)", "after": "the queue"}
    assert told_moves({"owner": [1, 2]}) == ([], 0)
