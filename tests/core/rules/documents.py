"""Random model documents: small trees with rules, names, exclusions, both kinds of types, and close ranks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from hypothesis import strategies as st
from tests.core.criteria.strategies import AREAS, LISTS, exprs, leaf

from merestone.core.criteria import render
from merestone.core.model.columns import Kind
from merestone.core.model.territory import (
    Case,
    Membership,
    TerritoryModelDocument,
    TerritoryNode,
    TerritoryType,
)

TYPES = (
    TerritoryType("geo", "Geography"),
    TerritoryType("named", "Named"),
    TerritoryType("ai", "AI overlay", False),
)
IDS = ["A-1", "A-2", "b-3"]
FIELDS = {"is_vip": Kind.BOOLEAN, "tier": Kind.TEXT}

_texts = (
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
    .map(str.strip)
    .filter(bool)
)
_notes = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
_days = st.none() | st.dates(date(2026, 1, 1), date(2027, 12, 31))
_ids = st.lists(st.sampled_from(IDS), max_size=2, unique=True).map(tuple)
_values = (
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-5, 5) | _texts | st.lists(_texts, max_size=2)
)


@st.composite
def _memberships(draw: Any) -> tuple[Membership, ...]:
    """Distinct reps; at most one owner, so that nothing overlaps."""
    reps = draw(st.lists(st.sampled_from(["ana@x.com", "bo@x.com", "cy@x.com"]), max_size=3, unique=True))
    members = []
    for number, rep in enumerate(reps):
        start, end = draw(_days), draw(_days)
        if start is not None and end is not None and end <= start:
            end = None
        members.append(Membership(rep, "owner" if number == 0 else "sdr", start, end))
    return tuple(members)


@st.composite
def documents(
    draw: Any, *, rules: st.SearchStrategy[Any] | None = None, is_plain: bool = False
) -> TerritoryModelDocument:
    """Documents of up to ten territories; ``is_plain`` leaves out members, notes and cases."""
    chosen = draw(
        st.lists(
            st.sampled_from([f"t{number}" for number in range(10)]), min_size=1, max_size=10, unique=True
        )
    )
    nodes: list[TerritoryNode] = []
    for number, key in enumerate(chosen):
        parent = draw(st.none() | st.sampled_from(chosen[:number])) if number else None
        where = draw(st.none() | (rules or (leaf | exprs)).map(render))
        named = draw(_ids)
        nodes.append(
            TerritoryNode(
                key=key,
                name=key if is_plain else draw(_texts),
                type=draw(st.sampled_from(TYPES)).key,
                parent=parent,
                where=where,
                priority=draw(st.sampled_from([100, 100, 1, 7])),
                members=() if is_plain else draw(_memberships()),
                named=named,
                exclude=tuple(item for item in draw(_ids) if is_plain or item not in named),
                cases=() if is_plain else draw(_cases),
                notes="" if is_plain else draw(_notes),
            )
        )
    return TerritoryModelDocument(
        key="m",
        name="m" if is_plain else draw(_texts),
        effective=None if is_plain else draw(_days),
        fields=FIELDS,
        areas=AREAS,
        lists={key: tuple(item.strip() for item in items) for key, items in LISTS.items()},
        types=TYPES,
        territories=tuple(_named_once(nodes) if not is_plain else nodes),
    )


_cases = st.lists(
    st.builds(
        Case,
        st.dictionaries(st.sampled_from(["city", "tier", "employees"]), _values, max_size=3),
        st.sampled_from(["match", "no-match", "win"]),
    ),
    max_size=2,
).map(tuple)


def _named_once(nodes: Sequence[TerritoryNode]) -> list[TerritoryNode]:
    """Keep each name in the first primary territory that has it, as a right document must."""
    import dataclasses

    taken: set[str] = set()
    kept = []
    for node in nodes:
        if node.type == "ai":
            kept.append(node)
            continue
        kept.append(dataclasses.replace(node, named=tuple(item for item in node.named if item not in taken)))
        taken.update(node.named)
    return kept
