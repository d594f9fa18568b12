"""Territory models as documents: types, territories in a tree, members, named accounts, criteria as text.

Everything is frozen and plain; two documents are equal when they say the same. Not here: reading and checking
(``core.rules.document``), states and dates of a model's life.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from merestone.base.errors import UsageError
from merestone.core.model.columns import Kind

DEFAULT_PRIORITY = 100
EXPECTATIONS = ("match", "no-match", "win")


@dataclass(frozen=True, slots=True)
class TerritoryType:
    """A kind of territory. Primary: an account has exactly one; overlay: any number on top."""

    key: str
    name: str
    is_primary: bool = True


DEFAULT_TYPE = TerritoryType("territory", "Territory")


@dataclass(frozen=True, slots=True)
class Membership:
    """A rep in a territory from ``start`` (included) to ``end`` (excluded); None = without limit.

    Parameters
    ----------
    rep : str
        E-mail address, else external id, else name; lower-case.
    role : str
        One of ``columns.MEMBER_ROLES``.
    start, end : date or None
        Half-open range of days.
    """

    rep: str
    role: str = "owner"
    start: date | None = None
    end: date | None = None

    def is_active(self, day: date) -> bool:
        """Return whether the membership holds on ``day``."""
        return (self.start is None or self.start <= day) and (self.end is None or day < self.end)

    def overlaps(self, other: Membership) -> bool:
        """Return whether some day lies in both."""
        starts_before = self.start is None or other.end is None or self.start < other.end
        return starts_before and (other.start is None or self.end is None or other.start < self.end)


@dataclass(frozen=True)
class Case:
    """A test inside a rule document.

    Parameters
    ----------
    record : mapping
        Field name to JSON value.
    expect : str
        ``match``: the territory's rule holds; ``no-match``: it does not; ``win``: the record ends up here.
    """

    record: Mapping[str, Any]
    expect: str = "match"


@dataclass(frozen=True)
class TerritoryNode:
    """One territory of the tree.

    Parameters
    ----------
    key, name : str
        Stable key, and words on the screen.
    parent : str or None
        Key of the parent; None at the root.
    type : str
        Key of its territory type.
    where : str or None
        Criterion; None makes it a grouping node.
    priority : int
        The least wins.
    members : tuple of Membership
    named, exclude : tuple of str
        External ids that belong here by name; that may never be here (nor in what lies below).
    cases : tuple of Case
    notes : str
    """

    key: str
    name: str
    type: str
    parent: str | None = None
    where: str | None = None
    priority: int = DEFAULT_PRIORITY
    members: tuple[Membership, ...] = ()
    named: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    cases: tuple[Case, ...] = ()
    notes: str = ""

    def owner_on(self, day: date) -> str | None:
        """Return the e-mail of the owner on ``day``, or None."""
        return next(
            (member.rep for member in self.members if member.role == "owner" and member.is_active(day)), None
        )


@dataclass(frozen=True)
class TerritoryModelDocument:
    """One territory model as written: what a model document says.

    Parameters
    ----------
    key, name : str
        Of the model.
    effective : date or None
        First day it shall be active.
    fields : mapping of str to Kind
        Custom fields its criteria use.
    areas : mapping of str to GeoJSON
        Named polygons.
    lists : mapping of str to tuple of str
        Named lists.
    types : tuple of TerritoryType
    territories : tuple of TerritoryNode
        In the order of the document.
    """

    key: str
    name: str
    effective: date | None = None
    fields: Mapping[str, Kind] = field(default_factory=dict)
    areas: Mapping[str, Any] = field(default_factory=dict)
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    types: tuple[TerritoryType, ...] = (DEFAULT_TYPE,)
    territories: tuple[TerritoryNode, ...] = ()

    @property
    def tree(self) -> TerritoryTree:
        """The territories as a tree."""
        return TerritoryTree(self.territories)

    def type_of(self, node: TerritoryNode) -> TerritoryType:
        """Return the type of a territory of this document."""
        return next(kind for kind in self.types if kind.key == node.type)


class TerritoryTree:
    """Parents and children of territories; knows how to walk.

    Parameters
    ----------
    nodes : iterable of TerritoryNode
        Keys distinct, parents present, no cycle (see ``find_cycles``); children keep the given order.
    """

    def __init__(self, nodes: tuple[TerritoryNode, ...]) -> None:
        self.nodes = {node.key: node for node in nodes}
        self._children: dict[str | None, list[TerritoryNode]] = {}
        for node in nodes:
            self._children.setdefault(node.parent, []).append(node)

    def __getitem__(self, key: str) -> TerritoryNode:
        try:
            return self.nodes[key]
        except KeyError:
            raise UsageError(f"There is no territory '{key}'.", code="unknown-territory") from None

    def __iter__(self) -> Iterator[TerritoryNode]:
        """Yield every territory, parents before children, depth first."""
        pending = list(reversed(self.children(None)))
        while pending:
            node = pending.pop()
            yield node
            pending += reversed(self.children(node.key))

    def children(self, key: str | None) -> tuple[TerritoryNode, ...]:
        """Return the direct children (of None: the roots)."""
        return tuple(self._children.get(key, ()))

    def path(self, key: str) -> tuple[TerritoryNode, ...]:
        """Return the territories from the root down to ``key``, both included."""
        node, path = self[key], []
        while True:
            path.append(node)
            if node.parent is None:
                return tuple(reversed(path))
            node = self[node.parent]

    def depth(self, key: str) -> int:
        """Return the number of steps from the root; a root has 0."""
        return len(self.path(key)) - 1

    def subtree(self, key: str) -> tuple[TerritoryNode, ...]:
        """Return ``key`` and everything below, parents first."""
        found, pending = [], [self[key]]
        while pending:
            node = pending.pop()
            found.append(node)
            pending += reversed(self.children(node.key))
        return tuple(found)

    def is_leaf(self, key: str) -> bool:
        """Return whether nothing lies below."""
        return key not in self._children


def find_cycles(parents: Mapping[str, str | None]) -> list[tuple[str, ...]]:
    """Return each circle of parents once, starting with its least key; empty = a forest.

    Parameters
    ----------
    parents : mapping of str to str or None
        Key to parent key; an unknown parent ends the walk.
    """
    done: set[str] = set()
    cycles: list[tuple[str, ...]] = []
    for start in parents:
        trail: dict[str, int] = {}
        key: str | None = start
        while key is not None and key in parents and key not in done and key not in trail:
            trail[key] = len(trail)
            key = parents[key]
        if key is not None and key in trail:
            circle = list(trail)[trail[key] :]
            first = circle.index(min(circle))
            cycles.append(tuple(circle[first:] + circle[:first]))
        done.update(trail)
    return cycles
