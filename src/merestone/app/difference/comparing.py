"""Two assignments of the same accounts, side by side: which rows differ, and their sums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.difference.answer import HELD, MONEY, PAIRS, REPS, ROWS, TERRITORIES, Summary
from merestone.app.places import NOWHERE, Places, Vocabulary, overlays_only_in


@dataclass(frozen=True)
class Sides:
    """Before and after, over the same accounts.

    Parameters
    ----------
    accounts : pa.Table
        The book: ``id``, ``external_id``, ``name``, ``revenue``, ``potential``.
    before, after : Places
    vocabulary : Vocabulary
        Of both.
    old_names, new_names : mapping of str to str
        Territory key -> name.
    reps : mapping of int to str
        Rep id -> name.
    """

    accounts: pa.Table
    before: Places
    after: Places
    vocabulary: Vocabulary
    old_names: Mapping[str, str]
    new_names: Mapping[str, str]
    reps: Mapping[int, str]

    def moved(self) -> np.ndarray:
        """Return, per account, whether its territory or owner differs."""
        moved: np.ndarray = self.before.territory != self.after.territory
        return moved | self.reassigned()

    def reassigned(self) -> np.ndarray:
        """Return, per account, whether its owner differs."""
        differs: np.ndarray = self.before.owner != self.after.owner
        return differs

    def overlays(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the overlays gained and lost, each (row, territory, owner)."""
        return overlays_only_in(self.after, self.before), overlays_only_in(self.before, self.after)

    def biggest_first(self, rows: np.ndarray) -> np.ndarray:
        """Return rows with the largest revenue first, then by id."""
        revenue = self.accounts["revenue"].take(rows)
        order = pa.table({"revenue": revenue, "row": rows})
        keys = [("revenue", "descending"), ("row", "ascending")]
        return rows[np.asarray(pc.sort_indices(order, sort_keys=keys))]

    def rows(self, rows: np.ndarray, gained: np.ndarray, lost: np.ndarray, *, why: pa.Array) -> pa.Table:
        """Return ``ROWS`` of these accounts.

        Parameters
        ----------
        gained, lost : array, shape (k, 3)
            Of ``overlays``.
        why : pa.Array of string
            A sentence per row of ``rows``.
        """
        at = pa.array(rows, pa.int64())
        columns = {name: plain(self.accounts[name].take(at)) for name in ("id", "external_id", "name")}
        for side, places, names in (
            ("from", self.before, self.old_names),
            ("to", self.after, self.new_names),
        ):
            columns[f"{side}_territory"] = self.vocabulary.texts(places.territory[rows])
            columns[f"{side}_name"] = self.names_of(places.territory[rows], names)
            columns[f"{side}_owner"] = owner_ids(places.owner[rows])
            columns[f"{side}_owner_name"] = rep_names(places.owner[rows], self.reps)
        columns |= {name: plain(self.accounts[name].take(at)) for name in ("revenue", "potential")}
        columns |= {"was": self.before.cause.take(at), "cause": self.after.cause.take(at)}
        columns["overlays_gained"] = self.overlay_lists(rows, gained, lost)
        columns["overlays_lost"] = self.overlay_lists(rows, lost, gained)
        columns["why"] = why
        return pa.table([columns[name] for name in ROWS.names], schema=ROWS)

    def names_of(self, codes: np.ndarray, names: Mapping[str, str]) -> pa.Array:
        """Return the territories' names; a key neither model names stands for itself."""
        known = [
            names.get(key) or self.new_names.get(key) or self.old_names.get(key) or key
            for key in self.vocabulary.keys
        ]
        texts = pa.array(known, pa.string())
        return texts.take(pa.array(np.maximum(codes, 0), pa.int64(), mask=codes < 0))

    def overlay_lists(self, rows: np.ndarray, these: np.ndarray, others: np.ndarray) -> pa.Array:
        """Return per row the overlay keys in ``these``, without those that only have another owner there."""
        known = {(row, territory) for row, territory, _ in others.tolist()}
        found: dict[int, list[str]] = {}
        for row, territory, _ in these.tolist():
            if (row, territory) not in known:
                found.setdefault(row, []).append(self.vocabulary.keys[territory])
        return pa.array([sorted(found.get(row, ())) for row in rows.tolist()], pa.list_(pa.string()))

    def held(self, rows: np.ndarray, wanted: Places) -> pa.Table:
        """Return ``HELD`` of these locked accounts, where ``wanted`` is what the rules would do."""
        at = pa.array(rows, pa.int64())
        columns = {name: plain(self.accounts[name].take(at)) for name in ("id", "external_id", "name")}
        columns["territory"] = self.vocabulary.texts(self.before.territory[rows])
        columns["to_territory"] = self.vocabulary.texts(wanted.territory[rows])
        return pa.table([columns[name] for name in HELD.names], schema=HELD)

    def pairs(self) -> pa.Table:
        """Return ``PAIRS``: accounts and revenue per (from, to), the most accounts first."""
        rows = np.flatnonzero(self.moved())
        table = pa.table(
            {
                "from": self.before.territory[rows],
                "to": self.after.territory[rows],
                "revenue": plain(self.accounts["revenue"]).take(pa.array(rows, pa.int64())),
            }
        )
        sums = table.group_by(["from", "to"], use_threads=False).aggregate(
            [([], "count_all"), ("revenue", "sum")]
        )
        keys = [("count_all", "descending"), ("from", "ascending"), ("to", "ascending")]
        sums = sums.sort_by(keys)
        origin, target = sums["from"].to_numpy(), sums["to"].to_numpy()
        columns = [
            self.vocabulary.texts(origin),
            self.names_of(origin, self.old_names),
            self.vocabulary.texts(target),
            self.names_of(target, self.new_names),
            sums["count_all"],
            pc.fill_null(sums["revenue_sum"].cast(MONEY), Decimal(0)),
        ]
        return pa.table(columns, schema=PAIRS)

    def territories(self) -> pa.Table:
        """Return ``TERRITORIES``, in the order of the models, the queue last."""
        n = len(self.vocabulary.keys)
        codes, counts = counted(self.before.territory, self.after.territory, n_codes=n)
        columns = [self.vocabulary.texts(codes), self.names_of(codes, self.new_names), *counts]
        return pa.table(columns, schema=TERRITORIES)

    def by_rep(self) -> pa.Table:
        """Return ``REPS``, by name, the queue last."""
        known = np.unique(np.concatenate([self.before.owner, self.after.owner]))
        known = known[known != NOWHERE]
        coded = [coded_among(owners, known) for owners in (self.before.owner, self.after.owner)]
        codes, counts = counted(*coded, n_codes=len(known))
        owners = np.append(known, NOWHERE)[codes]
        table = pa.table([owner_ids(owners), rep_names(owners, self.reps), *counts], schema=REPS)
        return table.sort_by([("name", "ascending"), ("rep", "ascending")])

    def summary(self, *, n_held: int, n_overlays: int) -> Summary:
        """Return what it all adds up to."""
        moved, revenue = self.moved(), plain(self.accounts["revenue"])
        return Summary(
            accounts=self.accounts.num_rows,
            moved=int(moved.sum()),
            reassigned=int(self.reassigned().sum()),
            overlays=n_overlays,
            held=n_held,
            revenue=total(revenue),
            revenue_moved=total(revenue.filter(pa.array(moved))),
        )


def counted(before: np.ndarray, after: np.ndarray, *, n_codes: int) -> tuple[np.ndarray, list[pa.Array]]:
    """Return the codes that have something on either side, and their counts before, after, gained, lost."""
    differs = before != after
    groups = (before, after, after[differs], before[differs])
    # NOWHERE (-1) counts in the last place.
    counts = [np.bincount(np.where(group < 0, n_codes, group), minlength=n_codes + 1) for group in groups]
    seen = np.flatnonzero(counts[0] + counts[1])
    codes = np.where(seen == n_codes, NOWHERE, seen)
    return codes, [pa.array(count[seen], pa.int64()) for count in counts]


def coded_among(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the positions of values among sorted ``known`` ones; ``NOWHERE`` stays."""
    return np.where(values == NOWHERE, NOWHERE, np.searchsorted(known, values))


def owner_ids(owners: np.ndarray) -> pa.Array:
    """Return rep ids; null for the queue."""
    return pa.array(owners, pa.int64(), mask=owners < 0)


def rep_names(owners: np.ndarray, reps: Mapping[int, str]) -> pa.Array:
    """Return the reps' names; null for the queue."""
    return pa.array([reps.get(owner) for owner in owners.tolist()], pa.string())


def plain(values: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return one array, text without its dictionary."""
    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    return whole.dictionary_decode() if pa.types.is_dictionary(whole.type) else whole


def total(money: pa.Array) -> Decimal:
    """Return a sum with two places; missing amounts count as nothing."""
    return Decimal(pc.sum(money, min_count=0).as_py()).quantize(Decimal("0.01"))
