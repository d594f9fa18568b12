"""What a change of rules moves: only records that a changed rule claims, before or after, are matched anew.

A claim rests on the rule, its rank and its path from the root. Where no changed rule claims a record, the unchanged
ones claim it as before and in the same order, so nothing of its answer differs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from merestone.core.criteria import leaves
from merestone.core.rules import Rule, Ruleset
from merestone.engines.duckdb.compiled import RESULT_SCHEMA, DuckdbRules, id_column, taken

_COMPARED = ("territory", "cause", "overlays")


def rematch(
    old: DuckdbRules, new: DuckdbRules, table: pa.Table, *, make: Callable[[Ruleset], DuckdbRules]
) -> pa.Table:
    """Return ``row``, ``id``, the answers of ``new``, and those of ``old`` with the prefix ``old_``, where they differ.

    Parameters
    ----------
    old, new : DuckdbRules
        The rules before and after.
    make : callable
        Makes a part of the rules ready.
    """
    ids = id_column(table)
    before, after = _fingerprints(old.ruleset), _fingerprints(new.ruleset)
    claimed = [
        _claimed(
            _part(rules.ruleset, {key for key, mark in marks.items() if others.get(key) != mark}), table, make
        )
        for rules, marks, others in ((old, before, after), (new, after, before))
    ]
    rows = np.union1d(*claimed)
    some = pa.table({name: taken(table[name], rows) for name in table.column_names})
    was, now = (_answers(rules, some) for rules in (old, new))
    left, right = (answer.select(_COMPARED).to_pylist() for answer in (was, now))
    differing = np.flatnonzero([one != other for one, other in zip(left, right, strict=True)])
    rows, was, now = rows[differing], was.take(differing), now.take(differing)
    result = pa.table({"row": pa.array(rows, pa.int64()), "id": taken(ids, rows)})
    for prefix, answer in (("", now), ("old_", was)):
        for name in RESULT_SCHEMA.names:
            result = result.append_column(prefix + name, answer[name])
    return result


def _answers(rules: DuckdbRules, table: pa.Table) -> pa.Table:
    """Return the answers without ids; where nothing is asked, no database is opened."""
    return rules.match(table).select(RESULT_SCHEMA.names) if table.num_rows else RESULT_SCHEMA.empty_table()


def _claimed(
    part: tuple[Ruleset, set[str]], table: pa.Table, make: Callable[[Ruleset], DuckdbRules]
) -> np.ndarray:
    """Return the rows that the changed rules claim."""
    ruleset, keys = part
    if not keys:
        return np.empty(0, np.int64)
    matches = make(ruleset).every_match(table)
    is_changed = np.isin(matches["territory"].to_numpy(), sorted(keys))
    return np.unique(matches["row"].to_numpy()[is_changed])


def _part(ruleset: Ruleset, changed: set[str]) -> tuple[Ruleset, set[str]]:
    """Return the changed rules with all above them as a ruleset, and their keys."""
    rules, kept = ruleset.rules, set()
    for number, rule in enumerate(rules):
        above: int | None = number if rule.key in changed else None
        while above is not None and above not in kept:
            kept.add(above)
            above = rules[above].parent
    place = {number: index for index, number in enumerate(sorted(kept))}
    return replace(ruleset, rules=tuple(_moved(rules[number], place) for number in sorted(kept))), changed


def _moved(rule: Rule, place: dict[int, int]) -> Rule:
    return rule if rule.parent is None else replace(rule, parent=place[rule.parent])


def _fingerprints(ruleset: Ruleset) -> dict[str, Any]:
    """Return for each key all that its claims and their rank rest on."""
    paths: list[Any] = []
    marks: dict[str, Any] = {}
    for rule in ruleset.rules:
        path = (
            None if rule.parent is None else paths[rule.parent],
            rule.where,
            rule.exclude,
            _world(rule, ruleset),
        )
        paths.append(path)
        marks[rule.key] = (rule.rank, rule.is_primary, rule.named, path)
    return marks


def _world(rule: Rule, ruleset: Ruleset) -> tuple[Any, ...]:
    """Return the kinds, lists and areas that a criterion rests on beside its text."""
    found: list[Any] = []
    for leaf in leaves(rule.where) if rule.where is not None else ():
        if leaf.field is not None:
            found.append(ruleset.fields[leaf.field.name])
        key = getattr(leaf, "key", None)
        if key is not None:
            found.append(ruleset.lists[key.value])
        if getattr(leaf, "name", "") == "in_area":
            found.append(ruleset.areas.geometries[str(leaf.values[0].value)].wkb)  # type: ignore[union-attr]
    return tuple(found)
