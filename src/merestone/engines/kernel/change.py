"""What a change of rules changes: only rows that a changed rule matches, matched or mentions are looked at."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter

import numpy as np
import pyarrow as pa

from merestone.core.criteria import expression as ex
from merestone.core.rules import Rule, Ruleset
from merestone.engines.kernel.compiled import KernelRules, ids_of, takeable, taken
from merestone.engines.kernel.settle import ANSWERS, Answer, Matches, Standing


@dataclass(frozen=True)
class Changed:
    """The rules, by position, that two versions do not share.

    Parameters
    ----------
    old, new : frozenset of int
        Positions in each version of the rules that are not the same in both: themselves, above them, or in a list or
        area that they use.
    same : mapping of int to int
        Old position -> new position of the others.
    """

    old: frozenset[int]
    new: frozenset[int]
    same: dict[int, int]


def changed_rules(old: Ruleset, new: Ruleset) -> Changed:
    """Return what differs between two versions of rules."""
    fields_differ = old.fields != new.fields
    lists = {key for key in (*old.lists, *new.lists) if old.lists.get(key) != new.lists.get(key)}
    areas = {
        key
        for key in (*old.areas, *new.areas)
        if key not in old.areas
        or key not in new.areas
        or old.areas.geometries[key] != new.areas.geometries[key]
    }
    position_of = {rule.key: position for position, rule in enumerate(old.rules)}
    same: dict[int, int] = {}
    for position, rule in enumerate(new.rules):
        before = position_of.get(rule.key)
        if before is None or fields_differ:
            continue
        was = old.rules[before]
        parent_is_same = rule.parent is None if was.parent is None else same.get(was.parent) == rule.parent
        if parent_is_same and _says_the_same(was, rule) and not _uses(rule, lists, areas):
            same[before] = position
    return Changed(
        frozenset(range(len(old.rules))) - frozenset(same),
        frozenset(range(len(new.rules))) - frozenset(same.values()),
        same,
    )


def _says_the_same(one: Rule, other: Rule) -> bool:
    if one is other:
        return True
    is_same_where = one.where is other.where or one.where == other.where
    return is_same_where and _ATTRIBUTES(one) == _ATTRIBUTES(other)


_ATTRIBUTES = attrgetter("key", "type", "is_primary", "depth", "priority", "n_criteria", "named", "exclude")


def _uses(rule: Rule, lists: Collection[str], areas: Collection[str]) -> bool:
    if rule.where is None or not (lists or areas):
        return False
    return any(
        (isinstance(leaf, ex.InList) and str(leaf.key.value) in lists)
        or (isinstance(leaf, ex.Call) and leaf.name == "in_area" and str(leaf.values[0].value) in areas)
        for leaf in ex.leaves(rule.where)
    )


@dataclass(frozen=True, eq=False)
class Extract:
    """Some rules of a ruleset, made ready with what lies above them.

    Parameters
    ----------
    rules : KernelRules
    position_of : (n_rules,) int array
        Position in the whole ruleset of each rule of the extract.
    claims : (n_rules,) bool array
        Whether it is one of the rules asked for.
    """

    rules: KernelRules
    position_of: np.ndarray
    claims: np.ndarray

    @classmethod
    def of(cls, ruleset: Ruleset, positions: Iterable[int]) -> Extract:
        """Return the rules at ``positions``."""
        wanted = set(positions)
        kept = set(wanted)
        for position in wanted:
            parent = ruleset.rules[position].parent
            while parent is not None and parent not in kept:
                kept.add(parent)
                parent = ruleset.rules[parent].parent
        ordered = sorted(kept)
        place_of = {position: place for place, position in enumerate(ordered)}
        rules = tuple(
            replace(rule, parent=None if rule.parent is None else place_of[rule.parent])
            for rule in (ruleset.rules[position] for position in ordered)
        )
        claims = np.array([position in wanted for position in ordered], bool)
        part = replace(ruleset, rules=rules)
        return cls(
            KernelRules.of(part, claims=set(np.flatnonzero(claims).tolist())),
            np.array(ordered, np.int32),
            claims,
        )

    def matches(self, part: pa.Table) -> Matches:
        """Return the matches of the rules asked for, by their positions in the whole ruleset."""
        found = self.rules.matches(part)
        found = found.where(self.claims[found.rules])
        return Matches(found.rows, self.position_of[found.rules], found.is_named)

    def answer(self, part: pa.Table) -> Answer:
        """Return who wins among the rules asked for, by their positions in the whole ruleset; names are left aside."""
        return self.rules.answer_by_rule(part).renumbered(self.position_of)


def rows_touched(rules: KernelRules, part: pa.Table) -> tuple[int, np.ndarray]:
    """Return the number of rows of a part, and the rows that the rules match or mention."""
    mentioned = np.array(list(rules.mentions.rows(part)), np.int64)
    return part.num_rows, np.unique(np.concatenate([rules.rows_matched(part), mentioned]))


def together(one: Extract, other: Extract) -> list[KernelRules]:
    """Return rules that touch what either extract touches, in one set where both read records alike."""
    left, right = one.rules.ruleset, other.rules.ruleset
    if not one.claims.any() or not other.claims.any():
        return [extract.rules for extract in (one, other) if extract.claims.any()]
    if (
        left.fields != right.fields
        or left.lists != right.lists
        or left.areas.geometries != right.areas.geometries
    ):
        return [one.rules, other.rules]
    n = len(left.rules)
    moved = (replace(rule, parent=None if rule.parent is None else rule.parent + n) for rule in right.rules)
    both = replace(left, rules=(*left.rules, *moved))
    claims = np.flatnonzero(np.concatenate([one.claims, other.claims]))
    return [KernelRules.of(both, claims=set(claims.tolist()))]


def rematch(old: KernelRules, new: Ruleset, table: pa.Table) -> pa.Table:
    """Return the rows that ``new`` places differently; see ``Matcher.rematch``."""
    changed = changed_rules(old.ruleset, new)
    before, after = Extract.of(old.ruleset, changed.old), Extract.of(new, changed.new)
    rows = _touched(table, before, after)
    part = _narrow(table, old, after.rules).take(pa.array(rows))
    to_new = np.full(len(old.standing.keys), -1, np.int32)
    to_new[list(changed.same)] = list(changed.same.values())
    standing = Standing.of(new.rules)
    is_changed = to_new < 0
    kept = old.answer_by_rule(part, skipped=is_changed)
    left = kept.merged(before.answer(part), standing=old.standing)
    right = kept.renumbered(to_new).merged(after.answer(part), standing=standing)
    mentioned = sorted({*old.mentions.rows(part), *after.rules.mentions.rows(part)})
    if mentioned:
        chosen = np.array(mentioned, np.int32)
        some = part.take(pa.array(chosen))
        was = old.matches(some)
        same = was.where(~is_changed[was.rules])
        now = Matches.joined(Matches(same.rows, to_new[same.rules], same.is_named), after.matches(some))
        left = left.override(chosen, Answer.settled(len(chosen), was, standing=old.standing))
        right = right.override(chosen, Answer.settled(len(chosen), now, standing=standing))
    return _differing(rows, ids_of(table), left.table(old.standing), right.table(standing))


def _touched(table: pa.Table, before: Extract, after: Extract) -> np.ndarray:
    """Return the rows that a rule of the extracts matches or mentions, ascending."""
    found: list[np.ndarray] = [np.zeros(0, np.int64)]
    for rules in together(before, after):
        start = 0
        for n_rows, rows in rules.each(table, partial(rows_touched, rules)):
            found.append(rows + start)
            start += n_rows
    return np.unique(np.concatenate(found))


def _narrow(table: pa.Table, *rules: KernelRules) -> pa.Table:
    """Return only the columns that some of the rules look at, and the ids."""
    wanted = {"id", "external_id"}.union(*(one.columns(table.column_names) for one in rules))
    return pa.table({name: takeable(table[name]) for name in table.column_names if name in wanted})


def _differing(rows: np.ndarray, ids: pa.ChunkedArray, left: pa.Table, right: pa.Table) -> pa.Table:
    differs = _codes(left["territory"], right["territory"]) | _codes(left["cause"], right["cause"])
    one, other = left["overlays"].combine_chunks(), right["overlays"].combine_chunks()
    lengths = np.diff(one.offsets), np.diff(other.offsets)
    maybe = np.flatnonzero(~differs & (lengths[0] + lengths[1] > 0))
    pairs = zip(one.take(maybe).to_pylist(), other.take(maybe).to_pylist(), strict=True)
    differs[maybe] = np.fromiter((was != now for was, now in pairs), bool, len(maybe))
    places = pa.array(np.flatnonzero(differs))
    rows = rows[differs]
    columns = {"row": pa.array(rows, pa.int64()), "id": taken(ids, pa.array(rows))}
    columns |= {name: right[name].take(places) for name in ANSWERS.names}
    return pa.table(columns | {f"old_{name}": left[name].take(places) for name in ANSWERS.names})


def _codes(one: pa.ChunkedArray, other: pa.ChunkedArray) -> np.ndarray:
    """Return where two text columns differ; null equals null."""
    both = pa.chunked_array([*one.chunks, *other.chunks], one.type).dictionary_encode().unify_dictionaries()
    chunks = (chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False) for chunk in both.chunks)
    codes = np.concatenate([np.zeros(0, np.int32), *chunks])  # no rows: no chunks
    return codes[: len(one)] != codes[len(one) :]
