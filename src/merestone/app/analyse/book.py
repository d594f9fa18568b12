"""The analysis on the book: which accounts fall into gaps and overlaps, and which rules find nothing.

Everything in bulk is asked of an engine (``CompiledRules``) in columns; single records are only looked at to name the
region of a gap that no finding names yet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.ports import CompiledRules, Matcher, Progress
from merestone.core.rules.analyse import Analyser, Finding
from merestone.core.rules.analyse.columns import Points
from merestone.core.rules.analyse.gaps import Gap, told_gap
from merestone.core.rules.analyse.records import GapFinder
from merestone.core.rules.ruleset import Rule

_BATCH = 65_536  # accounts of which all matches are held at once
_ROUNDS = 8  # of looking at accounts no known gap explains
_SAMPLE = 12  # accounts looked at in a round
_MOST_TOLD = 50  # gaps told one by one
_MOST_PAIRS = 30_000_000  # pairs of matches counted before the rest is left out
MONEY = ("revenue", "potential")


@dataclass(frozen=True)
class Book:
    """What the accounts say about the rules.

    Parameters
    ----------
    n_accounts, n_queued, n_stuck : int
        In all; without any territory; with an inner territory because none below it matched.
    gaps : tuple of (Finding, int, float or None)
        Each with its accounts and their money; the most accounts first.
    stuck_at : tuple of (str, int)
        Inner territories that keep accounts, the most first.
    n_unexplained : int
        Accounts without leaf in no listed gap: excluded by name, held by an inner territory that ranks before, or too
        scattered.
    pairs : mapping of (str, str) to int
        Keys of two leaves, the better rank first -> accounts that match both.
    ties : tuple of (str, str, int)
        Winner, runner-up, accounts that only the key decides.
    counts : mapping of str to (int, int)
        Territory -> accounts it matches, and wins.
    is_complete : bool
        False when there were too many pairs to count them all.
    """

    n_accounts: int
    n_queued: int
    n_stuck: int
    stuck_at: tuple[tuple[str, int], ...]
    gaps: tuple[tuple[Finding, int, float | None], ...]
    n_unexplained: int
    pairs: dict[tuple[str, str], int]
    ties: tuple[tuple[str, str, int], ...]
    counts: dict[str, tuple[int, int]]
    is_complete: bool = True


def read_book(
    analyser: Analyser,
    matcher: Matcher,
    table: pa.Table,
    *,
    known_gaps: Iterable[Gap] = (),
    progress: Progress | None = None,
) -> Book:
    """Return what the accounts of a table say about the rules.

    Parameters
    ----------
    table : pyarrow.Table
        Accounts as ``CompiledRules`` takes them.
    known_gaps : iterable of Gap
        Regions found from the rules; accounts are looked for in these first.
    """
    tell = progress or (lambda *_: None)
    compiled = matcher.compile(analyser.ruleset)
    tell(0, 4, "Matching the book")
    matched = compiled.match(table)
    tell(1, 4, "Counting matches")
    counts = compiled.counts(table).to_pylist()
    pairs, is_complete = _pairs(analyser, compiled, table, matched)
    tell(2, 4, "Sorting the accounts of gaps")
    is_open = _without_leaf(analyser, matched)
    open_rows = table.filter(is_open)
    gaps, n_rest = _sorted_into_gaps(analyser, open_rows, known_gaps)
    n_queued = matched["territory"].null_count
    return Book(
        table.num_rows,
        n_queued,
        open_rows.num_rows - n_queued,
        _most(matched.filter(is_open)["territory"].drop_null().cast(pa.string()).to_pylist()),
        gaps,
        n_rest,
        pairs,
        _ties(matched),
        {row["territory"]: (row["n_matches"], row["n_winners"]) for row in counts},
        is_complete,
    )


def _without_leaf(analyser: Analyser, matched: pa.Table) -> pa.ChunkedArray:
    """Return which accounts end nowhere or at a territory with others below it."""
    leaves = pa.array(
        [analyser.ruleset.rules[position].key for position in analyser.space.leaves], pa.string()
    )
    is_leaf = pc.is_in(matched["territory"].cast(pa.string()), value_set=leaves)
    is_named = pc.fill_null(pc.equal(matched["cause"].cast(pa.string()), "named"), False)
    return pc.and_not(pc.invert(is_leaf), is_named)


def _most(names: Iterable[Any]) -> tuple[tuple[Any, int], ...]:
    """Return each name with its number, the most frequent first."""
    return tuple(sorted(Counter(names).items(), key=lambda entry: (-entry[1], entry[0])))


def _ties(matched: pa.Table) -> tuple[tuple[str, str, int], ...]:
    """Return the pairs that only the key decides, with their accounts, the most first."""
    is_tie = pc.fill_null(pc.equal(matched["rank"].cast(pa.string()), "key"), False)
    ties = matched.filter(is_tie)
    names = zip(
        ties["territory"].cast(pa.string()).to_pylist(),
        ties["runner_up"].cast(pa.string()).to_pylist(),
        strict=True,
    )
    return tuple((winner, loser, count) for (winner, loser), count in _most(names))


# --- overlaps ---------------------------------------------------------------------------------------------------------


def _pairs(
    analyser: Analyser, compiled: CompiledRules, table: pa.Table, matched: pa.Table
) -> tuple[dict[tuple[str, str], int], bool]:
    """Return how many accounts each pair of leaves shares, and whether all were counted."""
    rules = analyser.ruleset.rules
    n_rules = len(rules)
    leaf_keys = pa.array([rules[position].key for position in analyser.space.leaves], pa.string())
    places = np.array(analyser.space.leaves, dtype=np.int64)
    several = table.filter(pc.greater(matched["n_matches"], 1))
    found: dict[int, int] = {}
    n_pairs = 0
    for start in range(0, several.num_rows, _BATCH):
        every = compiled.every_match(several.slice(start, _BATCH))
        number = pc.index_in(every["territory"].cast(pa.string()), value_set=leaf_keys)
        is_leaf = pc.is_valid(number).to_numpy()
        rows = every["row"].to_numpy()[is_leaf]
        own = places[number.filter(pc.is_valid(number)).to_numpy()]
        for codes in _paired(rows, own, n_rules):
            n_pairs += len(codes)
            values, counts = np.unique(codes, return_counts=True)
            for value, count in zip(values.tolist(), counts.tolist(), strict=True):
                found[value] = found.get(value, 0) + count
            if n_pairs > _MOST_PAIRS:
                return _by_key(found, rules), False
    return _by_key(found, rules), True


def _paired(rows: np.ndarray, rules: np.ndarray, n_rules: int) -> Iterator[np.ndarray]:
    """Yield pairs of rules of one row as codes: neighbours first, then one further apart, until no row is so long.

    Within a row matches come in winning order, so the first of a pair is the better one.
    """
    step = 1
    while step < len(rows):
        is_same = rows[step:] == rows[:-step]
        if not is_same.any():
            return
        yield (rules[:-step] * n_rules + rules[step:])[is_same]
        step += 1


def _by_key(found: dict[int, int], rules: Sequence[Rule]) -> dict[tuple[str, str], int]:
    pairs: Counter[tuple[str, str]] = Counter()
    for code, count in found.items():
        first, second = (rules[number] for number in divmod(code, len(rules)))
        # A name may come before a better rank; the pair is the same.
        first, second = sorted((first, second), key=lambda rule: rule.rank)
        pairs[first.key, second.key] += count
    return dict(sorted(pairs.items(), key=lambda entry: (-entry[1], entry[0])))


# --- gaps -------------------------------------------------------------------------------------------------------------


def _sorted_into_gaps(
    analyser: Analyser, table: pa.Table, known: Iterable[Gap]
) -> tuple[tuple[tuple[Finding, int, float | None], ...], int]:
    """Return gaps with accounts, and how many accounts are in none of them; an account belongs to the first it is in."""
    points = Points(analyser.space, table)
    finder = GapFinder(analyser.space, analyser.neighbours)
    is_left = np.ones(table.num_rows, dtype=bool)
    found: list[tuple[Gap, np.ndarray]] = []
    gaps = list(known)
    for _ in range(_ROUNDS):
        for gap in gaps:
            rows = np.flatnonzero(points.inside(gap.box) & is_left)
            if len(rows):
                is_left[rows] = False
                found.append((gap, rows))
        if not is_left.any():
            break
        gaps = _gaps_around(finder, points, np.flatnonzero(is_left))
        if not gaps:
            break
    found.sort(key=lambda entry: -len(entry[1]))
    told = [
        (told_gap(analyser.space, gap), len(rows), money_of(table.take(pa.array(rows))))
        for gap, rows in found[:_MOST_TOLD]
    ]
    return tuple(told), int(is_left.sum()) + sum(len(rows) for _, rows in found[_MOST_TOLD:])


def _gaps_around(finder: GapFinder, points: Points, rows: np.ndarray) -> list[Gap]:
    """Return the gaps around a few of the accounts."""
    places = np.unique(np.linspace(0, len(rows) - 1, _SAMPLE).astype(np.int64))
    records = (points.record(int(row)) for row in rows[places])
    return [gap for record in records if (gap := finder.gap_of(record)) is not None]


def money_of(table: pa.Table) -> float | None:
    """Return the revenue (else the potential) of accounts; None when neither column is there."""
    for name in MONEY:
        if name in table.column_names:
            total: Any = pc.sum(table[name].cast(pa.float64())).as_py()
            return float(total or 0.0)
    return None
