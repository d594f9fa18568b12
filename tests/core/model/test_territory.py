"""The tree of territories, memberships over days, and circles of parents."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merestone.base.errors import UsageError
from merestone.core.model.territory import Membership, TerritoryNode, TerritoryTree, find_cycles


def tree(**parents: str | None) -> TerritoryTree:
    return TerritoryTree(tuple(TerritoryNode(key, key, "geo", parent) for key, parent in parents.items()))


TREE = tree(b1="b", a=None, a2="a", a1="a", b=None, a11="a1")


def test_walking_visits_parents_before_children_in_document_order():
    assert [node.key for node in TREE] == ["a", "a2", "a1", "a11", "b", "b1"]


def test_path_depth_children_and_subtree():
    assert [node.key for node in TREE.path("a11")] == ["a", "a1", "a11"]
    assert [TREE.depth(key) for key in ("a", "a1", "a11")] == [0, 1, 2]
    assert [node.key for node in TREE.children("a")] == ["a2", "a1"]
    assert [node.key for node in TREE.children(None)] == ["a", "b"]
    assert [node.key for node in TREE.subtree("a")] == ["a", "a2", "a1", "a11"]
    assert [TREE.is_leaf(key) for key in ("a", "a11")] == [False, True]


def test_an_unknown_territory_is_named():
    with pytest.raises(UsageError, match="'zz'"):
        TREE.path("zz")


@pytest.mark.parametrize(
    ("parents", "cycles"),
    [
        ({"a": None, "b": "a"}, []),
        ({"a": "a"}, [("a",)]),
        ({"b": "c", "c": "a", "a": "b", "d": "a"}, [("a", "b", "c")]),
        ({"a": "b", "b": "a", "x": "y", "y": "x"}, [("a", "b"), ("x", "y")]),
        ({"a": "gone"}, []),
    ],
)
def test_circles_are_found_once(parents, cycles):
    assert find_cycles(parents) == cycles


@given(st.dictionaries(st.sampled_from("abcdef"), st.none() | st.sampled_from("abcdefg")))
def test_cutting_one_link_of_each_circle_leaves_none(parents):
    cut = {circle[0] for circle in find_cycles(parents)}
    assert find_cycles({key: None if key in cut else parent for key, parent in parents.items()}) == []


DAYS = [date(2026, 1, day) for day in range(1, 8)]
memberships = st.builds(
    Membership,
    st.just("ana@x.com"),
    start=st.none() | st.sampled_from(DAYS),
    end=st.none() | st.sampled_from(DAYS),
).filter(lambda member: member.start is None or member.end is None or member.start < member.end)


@given(memberships, memberships)
def test_memberships_overlap_exactly_when_they_share_a_day(left, right):
    days = [date(2025, 12, 31), *DAYS, date(2026, 1, 9)]
    shares_a_day = any(left.is_active(day) and right.is_active(day) for day in days)
    assert left.overlaps(right) is right.overlaps(left) is shares_a_day


def test_a_membership_ends_before_its_last_day():
    member = Membership("ana@x.com", start=date(2026, 1, 2), end=date(2026, 1, 4))
    assert [member.is_active(date(2026, 1, day)) for day in (1, 2, 3, 4)] == [False, True, True, False]
