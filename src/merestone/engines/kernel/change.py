"""What a change of rules changes: only rows that a changed rule matches, matched or mentions are looked at.

Three looks, each at fewer rows: a quick one at every row (``Reach``), one at who wins where a changed rule may have a say,
and the whole answer where that has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa

from merestone.core.rules import Rule, Ruleset
from merestone.engines.kernel.batch import ALL
from merestone.engines.kernel.compiled import KernelRules, gathered, ids_of, rows_taken, takeable, taken
from merestone.engines.kernel.settle import ANSWERS, Answer, Matches, Standing
from merestone.engines.kernel.versions import Changed, changed_rules

_SMALL = 65_536  # rows


# --- some rules of a ruleset ------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Extract:
    """Some rules of one or two versions of a ruleset, made ready with what lies above them.

    Parameters
    ----------
    rules : KernelRules
    position_of : (n_rules,) int array
        Position in the whole ruleset of each rule of the extract.
    is_before, is_after : (n_rules,) bool arrays
        Whether it is one of the old rules asked for, or of the new ones.
    """

    rules: KernelRules
    position_of: np.ndarray
    is_before: np.ndarray
    is_after: np.ndarray

    def answers(self, part: pa.Table, *, depth: int = ALL) -> tuple[Answer, Answer]:
        """Return who wins among the old rules and among the new ones, by position there; names are left aside."""
        skipping = ~self.is_before, ~self.is_after
        before, after = self.rules.answers_by_rule(part, skipping=skipping, depth=depth)
        return before.renumbered(self.position_of), after.renumbered(self.position_of)

    def matches(self, part: pa.Table) -> Matches:
        """Return the matches of the new rules, by position there."""
        found = self.rules.matches(part, skipped=~self.is_after)
        found = found.where(self.is_after[found.rules])
        return Matches(found.rows, self.position_of[found.rules], found.is_named)


@dataclass(frozen=True)
class _Some:
    """Rules chosen from a ruleset, with those above them; parents by their place here."""

    rules: tuple[Rule, ...]
    position_of: list[int]
    is_chosen: list[bool]

    @classmethod
    def of(cls, ruleset: Ruleset, positions: Iterable[int], *, start: int = 0) -> _Some:
        wanted = set(positions)
        kept = set(wanted)
        for position in wanted:
            parent = ruleset.rules[position].parent
            while parent is not None and parent not in kept:
                kept.add(parent)
                parent = ruleset.rules[parent].parent
        ordered = sorted(kept)
        place_of = {position: start + place for place, position in enumerate(ordered)}
        rules = tuple(
            replace(rule, parent=None if rule.parent is None else place_of[rule.parent])
            for rule in (ruleset.rules[position] for position in ordered)
        )
        return cls(rules, ordered, [position in wanted for position in ordered])

    def ready(self, ruleset: Ruleset, *, n_before: int, near: KernelRules) -> Extract:
        """Return these rules made ready; the first ``n_before`` are old ones."""
        claims = np.array(self.is_chosen, bool)
        rules = KernelRules.of(
            replace(ruleset, rules=self.rules), claims=set(np.flatnonzero(claims).tolist()), near=near.readers
        )
        is_new = np.arange(len(claims)) >= n_before
        return Extract(rules, np.array(self.position_of, np.int32), claims & ~is_new, claims & is_new)


def extracts(old: KernelRules, new: Ruleset, changed: Changed) -> list[Extract]:
    """Return the changed rules of both versions, the new ones in the last; in one set where both read records alike."""
    was = old.ruleset
    before = _Some.of(was, changed.old)
    n = len(before.rules)
    if was.fields == new.fields and was.lists == new.lists and was.areas.geometries == new.areas.geometries:
        after = _Some.of(new, changed.new, start=n)
        both = _Some(
            (*before.rules, *after.rules),
            [*before.position_of, *after.position_of],
            [*before.is_chosen, *after.is_chosen],
        )
        return [both.ready(new, n_before=n, near=old)]
    after = _Some.of(new, changed.new)
    return [before.ready(was, n_before=n, near=old), after.ready(new, n_before=0, near=old)]


# --- the rows that differ ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Revision:
    """Two versions of rules, ready to tell what becomes of records.

    Parameters
    ----------
    old : KernelRules
    standing : Standing
        Of the new rules.
    changed : Changed
    extracts : list of Extract
        The changed rules: the old ones in the first, the new ones in the last.
    """

    old: KernelRules
    standing: Standing
    changed: Changed
    extracts: list[Extract]

    @classmethod
    def of(cls, old: KernelRules, new: Ruleset) -> Revision:
        """Return how ``new`` revises ``old``."""
        changed = changed_rules(old.ruleset, new, traits=old.traits)
        standing = old.standing.revised(old.ruleset.rules, new.rules, old_of=changed.old_of)
        return cls(old, standing, changed, extracts(old, new, changed))

    def columns(self, names: Collection[str]) -> set[str]:
        """Return those of ``names`` that some of the rules look at, and the ids."""
        rules = (self.old, *(extract.rules for extract in self.extracts))
        return {"id", "external_id"}.intersection(names).union(*(one.columns(names) for one in rules))

    def touched(self, part: pa.Table) -> tuple[int, np.ndarray, pa.Table]:
        """Return the number of rows of a part, those that a changed rule matches or mentions, and the table of these."""
        is_touched = np.zeros(part.num_rows, bool)
        for extract in self.extracts:
            is_touched[extract.rules.rows_matched(part)] = True
            is_touched[list(extract.rules.mentions.rows(part))] = True
        rows = np.flatnonzero(is_touched)
        return part.num_rows, rows, rows_taken(part, rows)

    def differing(self, part: pa.Table) -> tuple[int, np.ndarray, pa.Table]:
        """Return the number of rows of a part, those that the versions place differently, and both answers to these."""
        rows = self.suspects(part)
        left, right = self.answers(rows_taken(part, rows))
        places = np.flatnonzero(self._differ(left, right, self.changed.twin))
        was, now = left.some(places).table(self.old.standing), right.some(places).table(self.standing)
        columns = {name: now[name] for name in ANSWERS.names}
        columns |= {f"old_{name}": was[name] for name in ANSWERS.names}
        return part.num_rows, rows[places], pa.table(columns)

    def suspects(self, part: pa.Table) -> np.ndarray:
        """Return the rows where another rule wins or overlays, and those that rules mention.

        Who comes second costs most and is not asked. Where the changed rules say what they said, nobody else is asked.
        """
        before, after = self._claims(part, depth=1)
        mentioned = self._mentioned(part)
        is_suspect = self._differ(before, after, self._twin_of_rank)
        is_suspect[mentioned] = True
        rows = np.flatnonzero(is_suspect)
        left, right = self._with_others(rows_taken(part, rows), before.some(rows), after.some(rows), depth=1)
        differ = self._differ(left, right, self.changed.twin)
        return rows[differ | np.isin(rows, mentioned)]

    def answers(self, part: pa.Table) -> tuple[Answer, Answer]:
        """Return the answers of the old rules and of the new ones."""
        left, right = self._with_others(part, *self._claims(part, depth=ALL), depth=ALL)
        rows = self._mentioned(part)
        if len(rows):
            some = rows_taken(part, rows)
            was = self.old.matches(some)
            same = was.where(~self._is_changed[was.rules])
            same = Matches(same.rows, self.changed.new_of[same.rules], same.is_named)
            now = Matches.joined(same, self.extracts[-1].matches(some))
            left = left.override(rows, Answer.settled(len(rows), was, standing=self.old.standing))
            right = right.override(rows, Answer.settled(len(rows), now, standing=self.standing))
        return left, right

    def _claims(self, part: pa.Table, *, depth: int) -> tuple[Answer, Answer]:
        """Return who wins among the changed rules, old and new, as if nobody were mentioned."""
        found = [extract.answers(part, depth=depth) for extract in self.extracts]
        return found[0][0], found[-1][1]

    def _with_others(
        self, part: pa.Table, before: Answer, after: Answer, *, depth: int
    ) -> tuple[Answer, Answer]:
        """Return who wins when the rules that have not changed claim too."""
        (kept,) = self.old.answers_by_rule(part, skipping=(self._is_changed,), depth=depth)
        left = kept.merged(before, standing=self.old.standing)
        return left, kept.renumbered(self.changed.new_of).merged(after, standing=self.standing)

    def _differ(self, left: Answer, right: Answer, twin: np.ndarray) -> np.ndarray:
        return left.differs(right, standings=(self.old.standing, self.standing), twin=twin)

    def _mentioned(self, part: pa.Table) -> np.ndarray:
        """Return the rows that rules of either version name or exclude, ascending."""
        after = self.extracts[-1].rules
        return np.array(sorted({*self.old.mentions.rows(part), *after.mentions.rows(part)}), np.int32)

    @cached_property
    def _is_changed(self) -> np.ndarray:
        return self.changed.new_of < 0

    @cached_property
    def _twin_of_rank(self) -> np.ndarray:
        """As ``Changed.twin``, but only where the rule's place in the winning order is the same too."""
        twin, was, now = self.changed.twin, self.old.standing, self.standing
        is_same = twin >= 0
        for name in ("is_primary", "priority", "depth", "n_criteria"):
            is_same[is_same] = getattr(was, name)[is_same] == getattr(now, name)[twin[is_same]]
        return np.where(is_same, twin, np.int32(-1))


def rematch(old: KernelRules, new: Ruleset, table: pa.Table) -> pa.Table:
    """Return the rows that ``new`` places differently; see ``Matcher.rematch``."""
    revision = Revision.of(old, new)
    names = revision.columns(table.column_names)
    narrow = pa.table({name: takeable(table[name]) for name in table.column_names if name in names})
    rows, part = _gathered(old, narrow, revision.touched)
    places, differing = _gathered(old, part, revision.differing)
    differing_rows = pa.array(rows[places], pa.int64())
    columns = {"row": differing_rows, "id": taken(ids_of(table), differing_rows)}
    return pa.table(columns | {name: differing[name] for name in differing.column_names})


def _gathered(
    rules: KernelRules, table: pa.Table, work: Callable[[pa.Table], tuple[int, np.ndarray, pa.Table]]
) -> tuple[np.ndarray, pa.Table]:
    """Return the rows that ``work`` finds in the parts of a table, and what it says of them."""
    found: list[np.ndarray] = []
    parts: list[pa.Table] = []
    start = 0
    is_small = table.num_rows <= _SMALL  # threads that have little to do get in each other's way
    for n_rows, rows, part in [work(table)] if is_small else rules.each(table, work):
        found.append(rows + start)
        parts.append(part)
        start += n_rows
    return np.concatenate(found), gathered(pa.concat_tables(parts))
