"""How two versions of rules go together: which rules say the same in both.

What is told of a rule here is all that its answers rest on: its words, its place in the winning order, what lies above it, and
the lists and areas that it uses. Rules and trees that both versions share as objects are not looked into.
"""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np

from merestone.core.criteria import expression as ex
from merestone.core.rules import Rule, Ruleset

_PARENT = operator.attrgetter("parent")
_KEY = operator.attrgetter("key")
_SAID = operator.attrgetter("where", "n_criteria", "priority", "depth", "is_primary", "named", "exclude")


@dataclass(frozen=True, eq=False)
class Traits:
    """The rules of the older version in columns, made once and compared with many.

    Parameters
    ----------
    keys : list of str
    said : list of tuple
        Of each rule all that its answers rest on, but for other rules.
    parents : (n_rules,) int32 array
        -1 where there is none.
    """

    keys: list[str]
    said: list[tuple[Any, ...]]
    parents: np.ndarray

    @classmethod
    def of(cls, rules: tuple[Rule, ...]) -> Traits:
        """Return the traits of these rules."""
        return cls(list(map(_KEY, rules)), list(map(_SAID, rules)), _parents(rules))


@dataclass(frozen=True, eq=False)
class Changed:
    """How the rules of two versions go together.

    Parameters
    ----------
    old_of : (n_new,) int array
        For each new position the old position of the same rule; -1 where it is not the same in both: itself, what lies
        above it, or a list or area that it uses.
    new_of : (n_old,) int array
        The same, from old positions to new ones.
    twin : (n_old,) int array
        For each old position the new position of the rule of that key, changed or not; -1 where there is none.
    """

    old_of: np.ndarray
    new_of: np.ndarray
    twin: np.ndarray

    @property
    def old(self) -> list[int]:
        """Old positions of rules that are not in both."""
        return np.flatnonzero(self.new_of < 0).tolist()

    @property
    def new(self) -> list[int]:
        """New positions of rules that are not in both."""
        return np.flatnonzero(self.old_of < 0).tolist()


def changed_rules(old: Ruleset, new: Ruleset, *, traits: Traits) -> Changed:
    """Return what differs between two versions of rules; ``traits`` are the old one's."""
    is_shared = _are_shared(old.rules, new.rules)
    before = _places_before(traits.keys, new.rules, is_shared)
    twin = _inverse(before, len(old.rules))
    if old.fields != new.fields:
        return Changed(np.full_like(before, -1), np.full_like(twin, -1), twin)
    is_alike = is_shared | _say_the_same(new.rules, before=before, chosen=~is_shared, traits=traits)
    old_of = np.where(is_alike, before, np.int32(-1))
    old_of[list(_users(new, _differing_keys(old, new)))] = -1
    parents = _parents_now(new.rules, is_shared, traits)
    _lose_those_below(old_of, parents, np.append(traits.parents, np.int32(-1)))
    return Changed(old_of, _inverse(old_of, len(old.rules)), twin)


def _lose_those_below(old_of: np.ndarray, parents: np.ndarray, parents_before: np.ndarray) -> None:
    """Take rules whose parent is not the same out of ``old_of``, in as many rounds as the tree is deep."""
    has_parent = parents >= 0
    while True:
        above = np.where(has_parent, old_of[parents], -1)
        is_lost = (old_of >= 0) & ((above != parents_before[old_of]) | (has_parent & (above < 0)))
        if not is_lost.any():
            return
        old_of[is_lost] = -1


def _inverse(position_of: np.ndarray, n: int) -> np.ndarray:
    found = np.full(n, -1, np.int32)
    known = np.flatnonzero(position_of >= 0)
    found[position_of[known]] = known
    return found


def _are_shared(old: tuple[Rule, ...], new: tuple[Rule, ...]) -> np.ndarray:
    """Return which new rules are the very objects that stood at their places; nothing else is looked at."""
    is_shared = np.zeros(len(new), bool)
    n_both = min(len(old), len(new))
    is_shared[:n_both] = np.fromiter(map(operator.is_, old, new), bool, n_both)
    return is_shared


def _places_before(keys_before: list[str], rules: tuple[Rule, ...], is_shared: np.ndarray) -> np.ndarray:
    """Return the old position of the rule of each new rule's key; -1 where there is none."""
    places = np.arange(len(rules), dtype=np.int32)
    others = np.flatnonzero(~is_shared).tolist()
    keys = [rules[place].key for place in others]
    if len(rules) == len(keys_before) and keys == [keys_before[place] for place in others]:
        return places
    place_of = dict(zip(keys_before, range(len(keys_before)), strict=True))
    places[others] = [place_of.get(key, -1) for key in keys]
    return places


def _say_the_same(
    rules: tuple[Rule, ...], *, before: np.ndarray, chosen: np.ndarray, traits: Traits
) -> np.ndarray:
    """Return which of the chosen rules say what the old ones ``before`` said."""
    found = np.zeros(len(rules), bool)
    known = chosen & (before >= 0)
    said = map(traits.said.__getitem__, before[known].tolist())
    pairs = map(operator.eq, said, map(_SAID, compress(rules, known.tolist())))
    found[known] = np.fromiter(pairs, bool, int(known.sum()))
    return found


def _parents_now(rules: tuple[Rule, ...], is_shared: np.ndarray, traits: Traits) -> np.ndarray:
    """Return the new rules' parents; a shared one stands where it stood, below what stood there."""
    if not is_shared.any():
        return _parents(rules)
    others = np.flatnonzero(~is_shared)
    parents = np.resize(traits.parents, len(rules))
    parents[others] = _parents(tuple(map(rules.__getitem__, others.tolist())))
    return parents


def _parents(rules: tuple[Rule, ...]) -> np.ndarray:
    return np.array([-1 if parent is None else parent for parent in map(_PARENT, rules)], np.int32)


def _differing_keys(old: Ruleset, new: Ruleset) -> tuple[set[str], set[str]]:
    """Return the keys of lists, and of areas, that are not the same in both versions."""
    lists = {key for key in (*old.lists, *new.lists) if old.lists.get(key) != new.lists.get(key)}
    areas = {
        key
        for key in (*old.areas, *new.areas)
        if key not in old.areas
        or key not in new.areas
        or old.areas.geometries[key] != new.areas.geometries[key]
    }
    return lists, areas


def _users(ruleset: Ruleset, keys: tuple[Collection[str], Collection[str]]) -> Iterable[int]:
    """Yield the positions of rules that use one of these lists or areas."""
    lists, areas = keys
    if not lists and not areas:
        return
    for position, rule in enumerate(ruleset.rules):
        if rule.where is not None and any(
            (isinstance(leaf, ex.InList) and str(leaf.key.value) in lists)
            or (isinstance(leaf, ex.Call) and leaf.name == "in_area" and str(leaf.values[0].value) in areas)
            for leaf in ex.leaves(rule.where)
        ):
            yield position
