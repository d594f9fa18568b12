import pytest

from merestone.base.errors import UsageError
from merestone.core.metrics.levels import groups_at_depth, groups_under, lineage, path_to

#  a ─┬─ b ─── d
#     └─ c
PARENTS = {"a": None, "b": "a", "c": "a", "d": "b"}


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        (0, {"a": "a", "b": "a", "c": "a", "d": "a"}),
        (1, {"a": "a", "b": "b", "c": "c", "d": "b"}),
        (2, {"a": "a", "b": "b", "c": "c", "d": "d"}),
        (9, {"a": "a", "b": "b", "c": "c", "d": "d"}),
    ],
)
def test_groups_at_a_depth(depth: int, expected: dict[str, str]) -> None:
    assert groups_at_depth(PARENTS, depth) == expected


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ("a", {"a": "a", "b": "b", "c": "c", "d": "b"}),
        ("b", {"b": "b", "d": "d"}),
        ("d", {"d": "d"}),
        ("unknown", {}),
    ],
)
def test_groups_under_a_node(node: str, expected: dict[str, str]) -> None:
    assert groups_under(PARENTS, node) == expected


def test_lineage_holds_every_territory_with_each_ancestor() -> None:
    pairs = {(row["territory"], row["ancestor"]) for row in lineage(PARENTS).to_pylist()}
    assert pairs == {
        ("a", "a"),
        ("b", "b"),
        ("b", "a"),
        ("c", "c"),
        ("c", "a"),
        ("d", "d"),
        ("d", "b"),
        ("d", "a"),
    }


def test_a_circle_is_refused() -> None:
    with pytest.raises(UsageError, match="is its own ancestor"):
        path_to("a", {"a": "b", "b": "a"})
