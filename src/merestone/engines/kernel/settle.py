"""Who wins: from matches to the answer of each row, in columns."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa

from merestone.core.rules import RANKS, Rule

ANSWERS = pa.schema(
    [
        ("territory", pa.string()),
        ("cause", pa.string()),
        ("n_matches", pa.int32()),
        ("runner_up", pa.string()),
        ("rank", pa.string()),
        ("overlays", pa.list_(pa.string())),
    ]
)

_CAUSES, _RANKS = pa.array(["rule", "named"]), pa.array(RANKS)
_FEW = 4096  # rows
_NO_TWIN = np.int32(-2)
_NOBODY = np.int32(2**31 - 1)  # the place in winning order of no rule at all


@dataclass(frozen=True, eq=False)
class Matches:
    """Which rule matches which row; by name or by rule.

    Parameters
    ----------
    rows, rules : int arrays
        Row, and position of the rule.
    is_named : bool array
    """

    rows: np.ndarray
    rules: np.ndarray
    is_named: np.ndarray

    @classmethod
    def by_rule(cls, rows: np.ndarray, rules: np.ndarray) -> Matches:
        """Return matches by rule."""
        return cls(rows, rules, np.zeros(len(rows), bool))

    @classmethod
    def joined(cls, *parts: Matches) -> Matches:
        """Return all matches of the parts."""
        return cls(
            np.concatenate([part.rows for part in parts]),
            np.concatenate([part.rules for part in parts]),
            np.concatenate([part.is_named for part in parts]),
        )

    def where(self, mask: np.ndarray) -> Matches:
        """Return the matches for which ``mask`` is True."""
        return Matches(self.rows[mask], self.rules[mask], self.is_named[mask])


@dataclass(frozen=True, eq=False)
class Standing:
    """The rules of a ruleset in columns.

    Parameters
    ----------
    keys : pyarrow string array
    is_primary : bool array
    order : int array
        The place of each rule in winning order.
    priority, depth, n_criteria : int arrays
        As the winning order compares them: the least wins.
    """

    keys: pa.Array
    is_primary: np.ndarray
    order: np.ndarray
    priority: np.ndarray
    depth: np.ndarray
    n_criteria: np.ndarray

    @classmethod
    def of(cls, rules: tuple[Rule, ...]) -> Standing:
        """Return the standing of these rules."""
        ranks = [rule.rank for rule in rules]
        order = np.empty(len(rules), np.int32)
        order[sorted(range(len(rules)), key=ranks.__getitem__)] = np.arange(len(rules), dtype=np.int32)
        elements = zip(*(rank[:3] for rank in ranks), strict=True) if ranks else ((), (), ())
        return cls(
            pa.array([rule.key for rule in rules], pa.string()),
            np.array([rule.is_primary for rule in rules], bool),
            order,
            *(np.array(element, np.int64) for element in elements),
        )

    def revised(self, old: tuple[Rule, ...], new: tuple[Rule, ...], *, old_of: np.ndarray) -> Standing:
        """Return the standing of ``new`` from this one of ``old``; only rules that are not in both are looked at.

        Parameters
        ----------
        old_of : (n_new,) int array
            The position in ``old`` of the same rule; -1 where there is none.
        """
        fresh = np.flatnonzero(old_of < 0)
        own = Standing.of(tuple(new[position] for position in fresh.tolist()))
        source = old_of.astype(np.int64)
        source[fresh] = len(old) + np.arange(len(fresh))
        order = self._order_with(old, new, old_of=old_of, fresh=fresh[np.argsort(own.order)])
        columns = ("is_primary", "priority", "depth", "n_criteria")
        both = {name: np.concatenate([getattr(self, name), getattr(own, name)])[source] for name in columns}
        return Standing(keys=self._keys_with(own.keys, source, fresh), order=order, **both)

    def _keys_with(self, fresh_keys: pa.Array, source: np.ndarray, fresh: np.ndarray) -> pa.Array:
        if len(source) == len(self.keys):
            moved = np.flatnonzero(source != np.arange(len(source)))
            if np.array_equal(moved, fresh) and self.keys.take(pa.array(fresh)).equals(fresh_keys):
                return self.keys
        return pa.concat_arrays([self.keys, fresh_keys]).take(pa.array(source))

    def _order_with(
        self, old: tuple[Rule, ...], new: tuple[Rule, ...], *, old_of: np.ndarray, fresh: np.ndarray
    ) -> np.ndarray:
        """Return the new rules' places in winning order; ``fresh`` ones, in that order, go between the others."""
        kept = np.flatnonzero(old_of >= 0)
        new_of = np.full(len(old), -1, np.int32)
        new_of[old_of[kept]] = kept
        places = [
            bisect_left(self.sequence, new[position].rank, key=lambda place: old[place].rank)
            for position in fresh.tolist()
        ]
        moved = new_of[self.sequence]
        n_kept_before = np.concatenate([[0], np.cumsum(moved >= 0)])
        order = np.empty(len(new), np.int32)
        order[np.insert(moved[moved >= 0], n_kept_before[places], fresh)] = np.arange(
            len(new), dtype=np.int32
        )
        return order

    @cached_property
    def sequence(self) -> np.ndarray:
        """The rules in winning order."""
        return np.argsort(self.order)

    def sorted(self, matches: Matches) -> Matches:
        """Return each (row, rule) once: rows ascending, primary ones first, names before rules, in winning order."""
        if not len(matches.rows):
            return matches
        keys = (
            self.order[matches.rules],
            ~matches.is_named,
            ~self.is_primary[matches.rules],
            matches.rows,
        )
        found = matches.where(np.lexsort(keys))
        pair = found.rows.astype(np.int64) * max(1, len(self.order)) + found.rules
        _, first = np.unique(pair, return_index=True)  # by name comes before by rule
        return found.where(np.sort(first))

    def ranks(self, answer: Answer) -> np.ndarray:
        """Return for each row what decided, as a position in ``RANKS``; -1 without winner."""
        ranks = np.where(answer.winner < 0, -1, RANKS.index("only"))
        rows = np.flatnonzero(answer.runner_up >= 0)
        winner, loser = answer.winner[rows], answer.runner_up[rows]
        decided = np.full(len(rows), RANKS.index("key"))
        elements = (("criteria", self.n_criteria), ("depth", self.depth), ("priority", self.priority))
        for name, element in elements:  # the strongest element speaks last
            decided[element[winner] != element[loser]] = RANKS.index(name)
        decided[answer.winner_is_named[rows] != answer.runner_up_is_named[rows]] = RANKS.index("named")
        ranks[rows] = decided
        return ranks


@dataclass(frozen=True, eq=False)
class Answer:
    """Where each row belongs, by position of the rules (-1 = none), and its overlays."""

    winner: np.ndarray
    winner_is_named: np.ndarray
    runner_up: np.ndarray
    runner_up_is_named: np.ndarray
    n_matches: np.ndarray
    overlays: Matches

    @classmethod
    def settled(cls, n_rows: int, matches: Matches, *, standing: Standing) -> Answer:
        """Return the answer of rows whose matches are all known."""
        found = standing.sorted(matches)
        is_primary = standing.is_primary[found.rules]
        primary = found.where(is_primary)
        n_matches = np.bincount(primary.rows, minlength=n_rows).astype(np.int32)
        first = np.cumsum(n_matches) - n_matches
        winner, runner_up = np.full(n_rows, -1, np.int32), np.full(n_rows, -1, np.int32)
        by_name = np.zeros((2, n_rows), bool)
        for place, target in enumerate((winner, runner_up)):
            has = n_matches > place
            target[has] = primary.rules[first[has] + place]
            by_name[place, has] = primary.is_named[first[has] + place]
        return cls(winner, by_name[0], runner_up, by_name[1], n_matches, found.where(~is_primary))

    def renumbered(self, position_of: np.ndarray) -> Answer:
        """Return this answer with the rules numbered otherwise."""
        numbers = np.append(position_of, np.int32(-1))  # -1, nobody, takes the last
        overlays = Matches(self.overlays.rows, numbers[self.overlays.rules], self.overlays.is_named)
        return replace(
            self, winner=numbers[self.winner], runner_up=numbers[self.runner_up], overlays=overlays
        )

    def merged(self, other: Answer, *, standing: Standing) -> Answer:
        """Return the answer of two sets of rules together, where nobody is named."""
        order = np.append(standing.order, _NOBODY)
        claims = np.stack([self.winner, self.runner_up, other.winner, other.runner_up])
        best = np.take_along_axis(claims, np.argsort(order[claims], axis=0, kind="stable"), axis=0)
        return replace(
            self,
            winner=best[0],
            runner_up=best[1],
            n_matches=self.n_matches + other.n_matches,
            overlays=Matches.joined(self.overlays, other.overlays),
        )

    def override(self, rows: np.ndarray, other: Answer) -> Answer:
        """Return this answer with that of ``rows`` (ascending) replaced; ``other`` numbers them from 0."""
        names = ("winner", "winner_is_named", "runner_up", "runner_up_is_named", "n_matches")
        columns = {name: getattr(self, name).copy() for name in names}
        for name, column in columns.items():
            column[rows] = getattr(other, name)
        kept = self.overlays.where(~np.isin(self.overlays.rows, rows))
        moved = Matches(rows[other.overlays.rows], other.overlays.rules, other.overlays.is_named)
        return Answer(**columns, overlays=Matches.joined(kept, moved))

    def some(self, rows: np.ndarray) -> Answer:
        """Return the answer of these rows (ascending), numbered from 0."""
        names = ("winner", "winner_is_named", "runner_up", "runner_up_is_named", "n_matches")
        overlays = self.overlays.where(np.isin(self.overlays.rows, rows))
        moved = Matches(np.searchsorted(rows, overlays.rows), overlays.rules, overlays.is_named)
        return Answer(**{name: getattr(self, name)[rows] for name in names}, overlays=moved)

    def differs(self, other: Answer, *, standings: tuple[Standing, Standing], twin: np.ndarray) -> np.ndarray:
        """Return the rows whose territory, cause or overlays are not those of an answer by other rules.

        Parameters
        ----------
        standings : of the rules of each answer
        twin : int array
            The position, among the rules of ``other``, of the rule of the same key; -1 where there is none.
        """
        numbers = np.append(np.where(twin < 0, _NO_TWIN, twin), np.int32(-1))  # -1, nobody, takes the last
        differs = (numbers[self.winner] != other.winner) | (self.winner_is_named != other.winner_is_named)
        pairs = zip(standings, (self, other), strict=True)
        left, right = (standing.sorted(answer.overlays) for standing, answer in pairs)
        n_left, n_right = (np.bincount(found.rows, minlength=len(differs)) for found in (left, right))
        differs |= n_left != n_right
        left, right = left.where(~differs[left.rows]), right.where(~differs[right.rows])
        differs[left.rows[numbers[left.rules] != right.rules]] = True
        return differs

    def table(self, standing: Standing) -> pa.Table:
        """Return the answer in the columns of ``ANSWERS``."""
        n_rows = len(self.winner)
        if n_rows <= _FEW:  # what a call costs counts
            both = named(standing.keys, np.concatenate([self.winner, self.runner_up]))
            winner, runner_up = both[:n_rows], both[n_rows:]
        else:
            winner, runner_up = named(standing.keys, self.winner), named(standing.keys, self.runner_up)
        return pa.table(
            [
                winner,
                named(_CAUSES, np.where(self.winner >= 0, self.winner_is_named, -1)),
                pa.array(self.n_matches, pa.int32()),
                runner_up,
                named(_RANKS, standing.ranks(self)),
                self._overlay_lists(standing),
            ],
            schema=ANSWERS,
        )

    def _overlay_lists(self, standing: Standing) -> pa.Array:
        found = standing.sorted(self.overlays)
        counts = np.bincount(found.rows, minlength=len(self.winner))
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        return pa.ListArray.from_arrays(pa.array(offsets), named(standing.keys, found.rules))


def named(names: pa.Array, positions: np.ndarray) -> pa.Array:
    """Return the name at each position; null where it is negative."""
    positions = np.asarray(positions, dtype=np.int64)
    found = names.take(pa.array(np.maximum(positions, 0), mask=positions < 0))
    return found if found.type == pa.string() else found.cast(pa.string())
