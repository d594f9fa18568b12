"""What boxes leave open of another box: one open box, or all of them, or the proof that there is none.

Each covering box is a clause (a record outside it differs in at least one of its dimensions), so the question is one of
satisfiability over finite domains; it is answered by search with unit propagation (M. Davis, G. Logemann, D. Loveland,
1962, doi:10.1145/368273.368557). Classes that no box tells apart are first put together; domains are bit masks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from merestone.core.rules.analyse.space import HOLDS, ItemAtom, Space, items_for
from merestone.core.rules.analyse.space import Box as SpaceBox
from merestone.core.rules.axes import Region, intersect

Domains = list[int]
Clause = tuple[tuple[int, int], ...]
_COST_OF_COVER, _COST_OF_BOX = 2_000, 40  # of preparing one, in boxes looked at
_MOST_TRIES = 8  # dimensions by which widening may begin


class BudgetSpentError(Exception):
    """The work allowed is done; what was asked is not decided."""


@dataclass
class Budget:
    """Work allowed and done, in boxes looked at."""

    limit: int
    spent: int = 0

    def spend(self, amount: int) -> None:
        """Count work; raises BudgetSpentError past the limit."""
        if self.spent + amount > self.limit:
            raise BudgetSpentError
        self.spent += amount

    def part(self, share: int) -> Budget:
        """Return a budget of its own for one of many questions, at most what is left."""
        return Budget(max(0, min(share, self.limit - self.spent)))


def price(n_boxes: int) -> int:
    """Return what preparing a cover of so many boxes costs, in boxes looked at."""
    return _COST_OF_COVER + _COST_OF_BOX * n_boxes


class Cover:
    """One box and others laid over it.

    Parameters
    ----------
    space : Space
    start : Box
        What has to be covered.
    over : iterable of Box
        The boxes laid over it.
    """

    def __init__(self, space: Space, start: SpaceBox, over: Iterable[SpaceBox]) -> None:
        self.space, self.start = space, start
        boxes = list(over)
        regions: dict[int, list[Region]] = defaultdict(list)
        for box in boxes:
            for dimension, region in box.items():
                regions[dimension].append(region)
        self.dimensions = sorted(regions)
        self._cells = [_Cells(space, dimension, start, regions[dimension]) for dimension in self.dimensions]
        self._at = {dimension: index for index, dimension in enumerate(self.dimensions)}
        cut = [self._clause(box) for box in boxes]
        self._clause_of = {place: clause for place, clause in enumerate(cut) if clause is not None}
        self.is_covered_whole = () in self._clause_of.values()
        self._own = list(dict.fromkeys(self._clause_of.values()))
        self._laws = list(self._laws_in_play())
        self.clauses = [*self._own, *self._laws]
        self.learned: list[Clause] = []

    def _clause(self, box: SpaceBox) -> Clause | None:
        """Return a box cut to the start box, without what that fulfils anyway; None when they do not meet."""
        found: list[tuple[int, int]] = []
        for dimension, region in box.items():
            index = self._at[dimension]
            cells = self._cells[index]
            mask = cells.mask(region)
            if not mask:
                return None
            if mask != cells.whole:
                found.append((index, mask))
        return tuple(found)

    def _laws_in_play(self) -> Iterator[Clause]:
        atoms = {d for d in (*self.start, *self.dimensions) if d >= len(self.space.axes)}
        for law in self.space.laws(atoms):
            if all(intersect(self.start[d], region) for d, region in law.items() if d in self.start):
                open_part = {d: region for d, region in law.items() if self.start.get(d) != region}
                if open_part and all(d in self._at for d in open_part):
                    clause = self._clause(open_part)
                    if clause:
                        yield clause

    # --- questions

    def open_box(
        self, *, budget: Budget, is_known: bool = False, without: Sequence[Clause] = ()
    ) -> Domains | None:
        """Return domains that nothing covers; None when all is covered.

        Parameters
        ----------
        is_known : bool
            Only among records that miss no field.
        without : sequence of Clause
            Further boxes that count as covered.
        """
        if self.is_covered_whole:
            return None
        start = [cells.known if is_known else cells.whole for cells in self._cells]
        if not all(start):
            return None
        while True:
            found = _search(start, [*self.clauses, *self.learned, *without], budget)
            if found is None:
                return None
            clash = self._clash(found)
            if clash is None:
                return found
            self.learned.append(clash)

    def is_closed_by(self, entries: Iterable[int], *, budget: Budget) -> bool:
        """Return whether some of the boxes laid over (by their place among them) cover all."""
        clauses = [self._clause_of[entry] for entry in entries]
        start = [cells.whole for cells in self._cells]
        return _search(start, [*clauses, *self._laws, *self.learned], budget) is None

    @property
    def touching(self) -> list[int]:
        """The places of the boxes laid over that meet the start box."""
        return list(self._clause_of)

    def is_open(self, domains: Domains) -> bool:
        """Return whether nothing laid over meets these domains."""
        return not any(all(domains[index] & mask for index, mask in clause) for clause in self._own)

    def widened(self, domains: Domains) -> Domains:
        """Return an open box around an open one that cannot be made wider; the fewer dimensions it asks, the better."""
        # A missing value only joins where every value is open too; else it is a gap of its own kind.
        own = [mask & cells.known or mask for mask, cells in zip(domains, self._cells, strict=True)]
        barriers = _Barriers(own, [*self.clauses, *self.learned])
        asked = [index for index, cells in enumerate(self._cells) if own[index] != cells.whole]
        tries = [self._widened(own, barriers, order=_first(asked, index)) for index in asked[:_MOST_TRIES]]
        return min(tries, key=self._asked, default=own)

    def region_box(self, domains: Domains) -> SpaceBox:
        """Return domains as a box within the start box; dimensions that ask nothing are left out."""
        box: dict[int, Region] = dict(self.start)
        for cells, mask in zip(self._cells, domains, strict=True):
            if mask != cells.whole:
                box[cells.dimension] = cells.region(mask)
        return box

    def missing_only(self, domains: Domains) -> list[int]:
        """Return the dimensions (fields) of which only the missing value is open."""
        return [
            cells.dimension
            for cells, mask in zip(self._cells, domains, strict=True)
            if mask and not mask & cells.known
        ]

    def as_clause(self, domains: Domains) -> Clause:
        """Return domains as a box that counts as covered."""
        return tuple(
            (index, mask)
            for index, (cells, mask) in enumerate(zip(self._cells, domains, strict=True))
            if mask != cells.whole
        )

    def point(self, classes: Mapping[int, int]) -> Domains | None:
        """Return the cells that hold a record, given its class per dimension; None when it is outside the start box.

        Dimensions not given are left whole.
        """
        found = [
            cells.cell_of(classes[cells.dimension]) if cells.dimension in classes else cells.whole
            for cells in self._cells
        ]
        return found if all(found) else None

    # --- inside

    def _asked(self, domains: Domains) -> tuple[int, float]:
        """Return how much a box asks: dimensions, then how small its shares are."""
        asked = [
            (mask.bit_count(), cells.whole.bit_count())
            for mask, cells in zip(domains, self._cells, strict=True)
            if mask != cells.whole
        ]
        return len(asked), -sum(part / whole for part, whole in asked)

    def _widened(self, domains: Domains, barriers: _Barriers, *, order: Sequence[int]) -> Domains:
        wide = list(domains)
        n_left = list(barriers.count)
        for index in order:
            cells = self._cells[index]
            free = cells.whole & ~barriers.barred(index, n_left)
            had_known = bool(wide[index] & cells.known)
            wide[index] = (
                cells.whole if free == cells.whole else free & cells.known if had_known else wide[index]
            )
            barriers.lower(index, wide[index], n_left)
        return wide

    def _clash(self, domains: Domains) -> Clause | None:
        """Return the item questions of an open box as a clause when no list answers them."""
        fixed = [
            (cells.dimension, cells.region(mask) == HOLDS)
            for cells, mask in zip(self._cells, domains, strict=True)
            if mask != cells.whole and isinstance(self.space.atom_at(cells.dimension), ItemAtom)
        ]
        if not fixed:
            return None
        for own in self.space.items_of([*self.space.fixed_atoms(self.start), *fixed]).values():
            if items_for(own) is None:
                numbers = [self.space.atom(atom) for atom, _ in own]
                return tuple(
                    (self._at[number], domains[self._at[number]]) for number in numbers if number in self._at
                )
        return None


def _first(order: Sequence[int], index: int) -> list[int]:
    return [index, *(other for other in order if other != index)]


class _Barriers:
    """Which covering boxes a box only misses in some dimensions, so that it may not grow into them there."""

    def __init__(self, domains: Domains, clauses: Sequence[Clause]) -> None:
        self.count: list[int] = []
        self._at: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for number, clause in enumerate(clauses):
            missed = [(index, mask) for index, mask in clause if not domains[index] & mask]
            self.count.append(len(missed))
            for index, mask in missed:
                self._at[index].append((number, mask))

    def barred(self, index: int, n_left: Sequence[int]) -> int:
        """Return the cells of a dimension held by boxes that are missed in that dimension alone."""
        barred = 0
        for number, mask in self._at[index]:
            if n_left[number] == 1:
                barred |= mask
        return barred

    def lower(self, index: int, domain: int, n_left: list[int]) -> None:
        """Take note that a dimension has grown."""
        for number, mask in self._at[index]:
            if domain & mask:
                n_left[number] -= 1


class _Cells:
    """The classes of one dimension within the start box, put together where no box tells them apart."""

    def __init__(self, space: Space, dimension: int, start: SpaceBox, regions: list[Region]) -> None:
        self.dimension = dimension
        within = start.get(dimension) or space.whole(dimension)
        known = space.known(dimension)
        distinct = list(dict.fromkeys(regions))
        bounds = {bound for region in distinct for bound in region if within[0] < bound < within[-1]}
        edges = np.unique(np.array([*within, *known, *bounds]))
        lows = edges[:-1]
        is_in = _stabbed(lows, within)
        self._lows, self._highs = lows[is_in], edges[1:][is_in]
        rows = np.array([_stabbed(self._lows, region) for region in (known, *distinct)])
        first, self._group = _alike(rows)
        bits = rows[:, first]
        self.whole = (1 << bits.shape[1]) - 1
        masks = _masks(bits)
        self.known = masks[0]
        self._masks = dict(zip(distinct, masks[1:], strict=True))

    def mask(self, region: Region) -> int:
        """Return the cells of a region; one that cuts a cell is taken by what it holds whole."""
        known = self._masks.get(region)
        if known is None:
            inside = _stabbed(self._lows, region)
            partial = set(self._group[~inside].tolist())
            known = sum(1 << group for group in set(self._group[inside].tolist()) - partial)
            self._masks[region] = known
        return known

    def cell_of(self, number: int) -> int:
        """Return the cell of a class as a mask; 0 when the class is outside."""
        index = int(np.searchsorted(self._lows, number, side="right")) - 1
        if index < 0 or number >= self._highs[index]:
            return 0
        return 1 << int(self._group[index])

    def region(self, mask: int) -> Region:
        """Return the classes of cells."""
        found: list[int] = []
        for low, high, group in zip(
            self._lows.tolist(), self._highs.tolist(), self._group.tolist(), strict=True
        ):
            if mask >> group & 1:
                if found and found[-1] == low:
                    found[-1] = high
                else:
                    found += (low, high)
        return tuple(found)


def _stabbed(points: np.ndarray, region: Region) -> np.ndarray:
    """Return for ascending points whether they lie in a region."""
    return np.searchsorted(np.asarray(region, dtype=np.int64), points, side="right") % 2 == 1


def _alike(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first of each kind of column, and for each column its kind."""
    n_words = -(-len(rows) // 64)
    packed = np.zeros((rows.shape[1], 8 * n_words), dtype=np.uint8)
    own = np.packbits(rows, axis=0, bitorder="little")
    packed[:, : len(own)] = own.T
    words = packed.view(np.uint64).ravel() if n_words == 1 else packed.view(f"V{8 * n_words}").ravel()
    _, first, group = np.unique(words, return_index=True, return_inverse=True)
    return first, group.ravel()


def _masks(bits: np.ndarray) -> list[int]:
    """Return each row of bits as a mask."""
    packed = np.packbits(bits, axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in packed]


def _search(start: Domains, clauses: Sequence[Clause], budget: Budget) -> Domains | None:
    """Return domains within ``start`` outside every clause's box, or None; depth first, without recursion."""
    pending: list[tuple[Domains, list[Clause]]] = [(list(start), list(clauses))]
    while pending:
        domains, left = pending.pop()
        rest = _propagated(domains, left, budget)
        if rest is None:
            continue
        if not rest:
            return domains
        clause = min(rest, key=len)
        # The branch in which the record is outside by the first dimension is looked at first.
        index, mask = max(clause, key=lambda entry: (domains[entry[0]] & ~entry[1]).bit_count())
        inside = list(domains)
        inside[index] &= mask
        pending.append((inside, rest))
        domains[index] &= ~mask
        pending.append((domains, rest))
    return None


def _propagated(domains: Domains, clauses: list[Clause], budget: Budget) -> list[Clause] | None:
    """Narrow domains by what boxes with one way out force; returns the boxes not yet settled, None for no way out."""
    is_changed = True
    while is_changed:
        is_changed = False
        budget.spend(len(clauses))
        rest: list[Clause] = []
        for clause in clauses:
            ways: list[tuple[int, int]] = []
            for index, mask in clause:
                shared = domains[index] & mask
                if not shared:
                    break
                if shared != domains[index]:
                    ways.append((index, mask))
            else:
                if not ways:
                    return None
                if len(ways) == 1:
                    domains[ways[0][0]] &= ~ways[0][1]
                    is_changed = True
                else:
                    rest.append(tuple(ways) if len(ways) < len(clause) else clause)
        clauses = rest
    return clauses
