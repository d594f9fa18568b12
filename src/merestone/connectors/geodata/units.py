"""The units plans are made of, and which of them touch: counties share a border when they share an arc of the map."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import combinations
from typing import Any

import pyarrow as pa

from merestone.base.errors import UsageError
from merestone.connectors.geodata.gazetteer import Gazetteer
from merestone.connectors.geodata.topology import read_arcs


class UnitMap:
    """Implements ``app.ports_scenarios.UnitMap``.

    Parameters
    ----------
    gazetteer : Gazetteer
    """

    def __init__(self, gazetteer: Gazetteer) -> None:
        self._gazetteer = gazetteer

    def units(self, kind: str) -> pa.Table:
        """Return ``id``, ``name``, ``state``, ``lon``, ``lat`` of every unit of a kind, by id."""
        _known(kind)
        return self._counties

    def touching(self, kind: str) -> Sequence[tuple[str, str]]:
        """Return the pairs of units that share a border, each once, the smaller id first."""
        _known(kind)
        return self._touching

    @cached_property
    def _counties(self) -> pa.Table:
        return self._gazetteer.counties().rename_columns(["id", "name", "state", "lon", "lat"]).sort_by("id")

    @cached_property
    def _touching(self) -> tuple[tuple[str, str], ...]:
        ids, arcs = read_arcs(self._gazetteer.file("counties-10m.json"), "counties")
        return shared_arcs(zip(ids, arcs, strict=True))


def _known(kind: str) -> None:
    if kind != "county":
        raise UsageError(f"'{kind[:40]}' is no kind of unit.", code="bad-choice", fix="Use county.")


def shared_arcs(shapes: Iterable[tuple[str, Any]]) -> tuple[tuple[str, str], ...]:
    """Return the pairs of shapes that share an arc, each once, sorted.

    Parameters
    ----------
    shapes : iterable of (str, nested lists of int)
        Id, and the arcs of its rings; ``~i`` is arc ``i`` backwards.
    """
    holders: dict[int, set[str]] = {}
    for key, rings in shapes:
        for arc in _flat(rings):
            holders.setdefault(arc if arc >= 0 else ~arc, set()).add(key)
    pairs = {pair for keys in holders.values() for pair in combinations(sorted(keys), 2)}
    return tuple(sorted(pairs))


def _flat(rings: Any) -> Iterator[int]:
    for one in rings:
        if isinstance(one, list):
            yield from _flat(one)
        else:
            yield one
