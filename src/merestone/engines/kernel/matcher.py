"""The matcher: rules over a table, children only over the rows their parent matched.

Three-valued logic needs no third value here: ``_select(expr, rows, want)`` returns the rows for which ``expr`` is True,
or, to answer ``not``, those for which it is False; unknown rows are in neither.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from merestone.base.errors import UsageError
from merestone.core.criteria import expression as ex
from merestone.core.criteria.fields import Field
from merestone.core.criteria.functions import FUNCTIONS
from merestone.core.model.columns import Kind
from merestone.core.rules import RANKS, Rule, Ruleset
from merestone.engines.kernel.encode import Column, Ordered, Text, encode
from merestone.engines.kernel.predicates import Predicate, Rows, cost, on_column, on_location

RESULT_SCHEMA = pa.schema(
    [
        ("territory", pa.string()),
        ("cause", pa.string()),
        ("n_matches", pa.int32()),
        ("runner_up", pa.string()),
        ("rank", pa.string()),
        ("overlays", pa.list_(pa.string())),
    ]
)


def match_table(ruleset: Ruleset, table: pa.Table) -> pa.Table:
    """Return where each row belongs, equal to ``core.rules.match_record`` row by row.

    Parameters
    ----------
    ruleset : Ruleset
        Compiled rules.
    table : pyarrow.Table
        Columns by field name (or alias), ``id`` and perhaps ``external_id``. A field without column is missing
        everywhere.

    Returns
    -------
    pyarrow.Table
        ``id`` as given; ``territory`` (null = unassigned queue); ``cause`` (``named``, ``rule``); ``n_matches``
        (primary matches); ``runner_up``; ``rank`` (what decided, one of ``core.rules.RANKS``); ``overlays``.
    """
    if "id" not in table.column_names and "external_id" not in table.column_names:
        raise UsageError(
            "The table has no column 'id'.", code="no-id", fix="Name the records in a column 'id'."
        )
    ids = table["id" if "id" in table.column_names else "external_id"]
    contest = _Contest(ruleset.rules, table.num_rows)
    for position, cause, rows in _claims(ruleset, table):
        contest.claim(position, cause, rows)
    return contest.result(ids)


# --- who claims what --------------------------------------------------------------------------------------------------


def _claims(ruleset: Ruleset, table: pa.Table) -> Iterator[tuple[int, str, np.ndarray]]:
    """Yield (rule, cause, rows) in winning order: names first, then rules by rank."""
    named, excluded = _by_name(ruleset.rules, table)
    matched = _matched(ruleset, table, excluded)
    order = sorted(range(len(ruleset.rules)), key=lambda position: ruleset.rules[position].rank)
    for position in order:
        if position in named:
            yield position, "named", named[position]
    for position in order:
        rows = matched[position]
        if position in named:
            rows = np.setdiff1d(rows, named[position], assume_unique=True)
        if ruleset.rules[position].where is not None and len(rows):
            yield position, "rule", rows


def _matched(ruleset: Ruleset, table: pa.Table, excluded: dict[int, np.ndarray]) -> list[np.ndarray]:
    """Return the rows each rule's criterion and parents match, ascending."""
    evaluation = _Evaluation(ruleset, table)
    everything = np.arange(table.num_rows, dtype=np.int32)
    matched: list[np.ndarray] = []
    for position, rule in enumerate(ruleset.rules):
        above = None if rule.parent is None else matched[rule.parent]
        if rule.where is None:
            rows = everything if above is None else above
        elif above is not None and len(above) == 0:
            rows = above
        else:
            rows = evaluation.select(rule.where, above, want=True)
        if position in excluded:
            rows = np.setdiff1d(rows, excluded[position], assume_unique=True)
        matched.append(rows)
    return matched


def _by_name(rules: tuple[Rule, ...], table: pa.Table) -> tuple[dict[int, np.ndarray], dict[int, np.ndarray]]:
    """Return the rows each rule names (its own exclusions removed) and excludes."""
    wanted = {key for rule in rules for key in rule.named | rule.exclude}
    rows_of = _rows_of_keys(wanted, table) if wanted else {}

    def rows(keys: frozenset[str]) -> np.ndarray:
        return np.array(sorted(row for key in keys for row in rows_of.get(key, ())), dtype=np.int32)

    named = {index: rows(rule.named - rule.exclude) for index, rule in enumerate(rules) if rule.named}
    excluded = {index: rows(rule.exclude) for index, rule in enumerate(rules) if rule.exclude}
    return named, excluded


def _rows_of_keys(wanted: set[str], table: pa.Table) -> dict[str, list[int]]:
    """Return the rows of each wanted key, as ``core.rules.record_key`` tells a record's key."""
    name = "external_id" if "external_id" in table.column_names else "id"
    column = encode(Kind.TEXT, table[name], n_rows=table.num_rows)
    assert isinstance(column, Text)
    codes, keys = column.folded.codes, column.folded.values
    is_wanted = np.array([*(key in wanted for key in keys), False], dtype=bool)
    rows_of: defaultdict[str, list[int]] = defaultdict(list)
    for row in np.flatnonzero(is_wanted[codes]):
        rows_of[keys[codes[row]]].append(int(row))
    return rows_of


# --- criteria over rows -----------------------------------------------------------------------------------------------


class _Evaluation:
    """Columns encoded once and repeated predicates shared, for one table."""

    def __init__(self, ruleset: Ruleset, table: pa.Table) -> None:
        self.ruleset, self.table = ruleset, table
        self.columns: dict[str, Column] = {}
        uses = Counter(leaf for rule in ruleset.rules if rule.where for leaf in ex.leaves(rule.where))
        self.shared: dict[ex.Leaf, Predicate | None] = {
            leaf: None for leaf, count in uses.items() if count > 1
        }

    def select(self, expr: ex.Expr, rows: Rows, *, want: bool) -> np.ndarray:
        """Return those of ``rows`` for which ``expr`` is ``want``, ascending."""
        if isinstance(expr, ex.Not):
            return self.select(expr.part, rows, want=not want)
        if isinstance(expr, ex.And | ex.Or):
            parts = sorted(expr.parts, key=cost)
            narrows = isinstance(expr, ex.And) is want
            return self.narrow(parts, rows, want=want) if narrows else self.gather(parts, rows, want=want)
        predicate = self.predicate(expr)
        mask = predicate.holds(rows)
        if not want:
            mask = predicate.known(rows) & ~mask
        found = np.flatnonzero(mask)
        return found.astype(np.int32) if rows is None else rows[found]

    def narrow(self, parts: list[ex.Expr], rows: Rows, *, want: bool) -> np.ndarray:
        """Return the rows for which every part is ``want``."""
        for part in parts:
            rows = self.select(part, rows, want=want)
            if not len(rows):
                break
        assert rows is not None
        return rows

    def gather(self, parts: list[ex.Expr], rows: Rows, *, want: bool) -> np.ndarray:
        """Return the rows for which some part is ``want``."""
        rest = np.arange(self.table.num_rows, dtype=np.int32) if rows is None else rows
        found: list[np.ndarray] = []
        for part in parts:
            hits = self.select(part, rest, want=want)
            if len(hits):
                found.append(hits)
                rest = np.setdiff1d(rest, hits, assume_unique=True)
        return np.sort(np.concatenate(found)) if found else rest[:0]

    def predicate(self, leaf: ex.Leaf) -> Predicate:
        shared = self.shared.get(leaf)
        if shared is None:
            shared = self.build(leaf)
            if leaf in self.shared:
                self.shared[leaf] = shared
        return shared

    def build(self, leaf: ex.Leaf) -> Predicate:
        if isinstance(leaf, ex.Call) and FUNCTIONS[leaf.name].subject is Kind.LOCATION:
            latitude, longitude = self.column("latitude"), self.column("longitude")
            assert isinstance(latitude, Ordered)
            assert isinstance(longitude, Ordered)
            return on_location(leaf, latitude, longitude, areas=self.ruleset.areas)
        ref = leaf.field
        assert ref is not None
        field = self.ruleset.fields[ref.name]
        return on_column(leaf, self.column(field.name), field.kind, lists=self.ruleset.lists)

    def column(self, name: str) -> Column:
        field = self.ruleset.fields[name]
        if field.name not in self.columns:
            self.columns[field.name] = encode(field.kind, self.stored(field), n_rows=self.table.num_rows)
        return self.columns[field.name]

    def stored(self, field: Field) -> pa.ChunkedArray | None:
        names = {name: name for name in self.table.column_names}
        name = self.ruleset.fields.raw(names, field)
        return None if name is None else self.table[name]


# --- who wins ---------------------------------------------------------------------------------------------------------


class _Contest:
    """Takes claims in winning order: the first primary claim of a row wins it, the second is the runner-up."""

    def __init__(self, rules: tuple[Rule, ...], n_rows: int) -> None:
        self.rules = rules
        self.winner = np.full(n_rows, -1, dtype=np.int32)
        self.runner_up = np.full(n_rows, -1, dtype=np.int32)
        self.winner_is_named = np.zeros(n_rows, dtype=bool)
        self.runner_up_is_named = np.zeros(n_rows, dtype=bool)
        self.n_matches = np.zeros(n_rows, dtype=np.int32)
        self.overlays: list[tuple[int, np.ndarray]] = []

    def claim(self, position: int, cause: str, rows: np.ndarray) -> None:
        if not self.rules[position].is_primary:
            self.overlays.append((position, rows))
            return
        self.n_matches[rows] += 1
        is_first = self.winner[rows] < 0
        second = rows[~is_first & (self.runner_up[rows] < 0)]
        self.winner[rows[is_first]] = position
        self.winner_is_named[rows[is_first]] = cause == "named"
        self.runner_up[second] = position
        self.runner_up_is_named[second] = cause == "named"

    def result(self, ids: pa.ChunkedArray) -> pa.Table:
        has_winner = self.winner >= 0
        keys = pa.array([rule.key for rule in self.rules], pa.string())
        columns = {
            "territory": _named(keys, self.winner),
            "cause": _named(pa.array(["rule", "named"]), np.where(has_winner, self.winner_is_named, -1)),
            "n_matches": pa.array(self.n_matches),
            "runner_up": _named(keys, self.runner_up),
            "rank": _named(pa.array(RANKS), self.ranks()),
            "overlays": self.overlay_lists(keys),
        }
        return pa.table({"id": ids, **columns})

    def ranks(self) -> np.ndarray:
        """Return for each row what decided, as a position in ``RANKS``; -1 without winner."""
        ranks = np.where(self.winner < 0, -1, RANKS.index("only"))
        rows = np.flatnonzero(self.runner_up >= 0)
        winner, loser = self.winner[rows], self.runner_up[rows]
        decided = np.full(len(rows), RANKS.index("key"))
        for index, name in (
            (2, "criteria"),
            (1, "depth"),
            (0, "priority"),
        ):  # the strongest element speaks last
            element = np.array([rule.rank[index] for rule in self.rules], dtype=np.int64)
            decided[element[winner] != element[loser]] = RANKS.index(name)
        decided[self.winner_is_named[rows] != self.runner_up_is_named[rows]] = RANKS.index("named")
        ranks[rows] = decided
        return ranks

    def overlay_lists(self, keys: pa.Array) -> pa.Array:
        rows = np.concatenate([rows for _, rows in self.overlays] or [np.empty(0, np.int32)])
        rules = np.concatenate([np.full(len(rows), position) for position, rows in self.overlays] or [rows])
        order = np.argsort(rows, kind="stable")  # within a row, claims stay in winning order
        offsets = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(self.winner)))])
        values = keys.take(pa.array(rules[order].astype(np.int64)))
        return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), values)


def _named(names: pa.Array, positions: np.ndarray) -> pa.Array:
    """Return the name at each position; null where it is negative."""
    positions = np.asarray(positions, dtype=np.int64)
    return names.take(pa.array(np.maximum(positions, 0), mask=positions < 0)).cast(pa.string())
