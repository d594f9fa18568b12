"""The index: one bitmap of conjunctions per class of each axis, in winning order.

Bit c of the bitmap of a class says whether conjunction c allows that class; the AND over a record's classes leaves the
conjunctions that match it, and the first set bit wins. Classes that no conjunction tells apart share a bitmap.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from merestone.core.criteria import expression as ex
from merestone.core.model.columns import Kind
from merestone.core.rules import Rule
from merestone.core.rules.axes import Axis
from merestone.core.rules.flatten import Check, Conjunction, FlatRules, ItemTest
from merestone.engines.kernel import loops
from merestone.engines.kernel.groups import Groups, Tabled

GEOGRAPHY = ("postal_code", "state", "country", "county", "city")
"""Axes that go together in records: their bitmaps are met once per combination, not per record."""
_MAX_KEY = 2**62
_MAX_TABLED, _MAX_TABLED_ROWS = 4, 8192
_TABLED_SHARE = (
    0.9  # an axis whose classes leave more of the conjunctions than this is asked of what the others leave
)


@dataclass(frozen=True, eq=False)
class Checks:
    """The distinct checks, as the loops want them.

    Parameters
    ----------
    every : tuple of Check
    start, of : int arrays
        The checks of conjunction c are ``of[start[c]:start[c + 1]]``.
    kinds, wanted : arrays per check
    centres : (n_checks, 3) float array
        Latitude, longitude, km of a radius.
    fields : tuple of str
        Text fields that checks read, by slot.
    slot_of, needle_start, needle_bounds, needles : arrays
        The slot of each check; its needles; their bytes.
    """

    every: tuple[Check, ...]
    start: np.ndarray
    of: np.ndarray
    kinds: np.ndarray
    wanted: np.ndarray
    centres: np.ndarray
    fields: tuple[str, ...]
    slot_of: np.ndarray
    needle_start: np.ndarray
    needle_bounds: np.ndarray
    needles: np.ndarray

    @property
    def needs_location(self) -> bool:
        """Whether some check measures a distance in the loops."""
        return bool((self.kinds == loops.RADIUS).any())


@dataclass(eq=False)
class Index:
    """The bitmaps of some rules; grows by the combinations it meets, and may be shared between threads.

    Parameters
    ----------
    axes : tuple of Axis
        Those that its conjunctions look at.
    rule_of : (n_conjunctions,) int32 array
        The rule of each conjunction, in winning order: primary rules, then overlays.
    n_primary : int
        Number of conjunctions of primary rules.
    bitmaps : (n_rows, n_words) uint64 array
    bound : (n, 2) int64 array
        The pairs of a conjunction and an axis (by place in ``axes``) that it looks at.
    row_of_class : tuple of int32 arrays
        Per axis, the row of each class; of a list axis None.
    item_tests : mapping
        Per list axis (by place in ``axes``): the tests, and the conjunctions (as bitmaps) that need each; the row of
        lists that are missing.
    checks : Checks
    """

    axes: tuple[Axis, ...]
    rule_of: np.ndarray
    n_primary: int
    bitmaps: np.ndarray
    bound: np.ndarray
    row_of_class: tuple[np.ndarray | None, ...]
    item_tests: dict[int, ListTests]
    checks: Checks
    groups: Groups = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        self.n_static = len(self.bitmaps)
        self.n_rows = len(self.bitmaps)
        grouped = self._grouped()
        loose = sorted(set(range(len(self.axes))).difference(grouped), key=self._density)
        tabled = [number for number in loose if self._is_tabled(number)][:_MAX_TABLED]
        self.loose = (*tabled, *(number for number in loose if number not in tabled))
        """The other axes, those that blocks keep tables of first."""
        self.tabled = _tabled([self._span(number) for number in tabled])
        self.cards, self.bound_to = self._cards(len(tabled))
        """Per conjunction: its rule; where the axes outside groups that it looks at begin in ``bound_to``, where those
        without tables begin, where they end; where its checks begin and end."""
        self.groups = Groups(
            grouped,
            n_rows=[self._span(number)[1] for number in grouped],
            base=self.n_static,
            all_bits=_all_bits(len(self.rule_of), self.bitmaps.shape[1]),
            tabled=self.tabled,
        )

    def __getstate__(self) -> dict[str, object]:
        names = ("axes", "rule_of", "n_primary", "bound", "row_of_class", "checks")
        state: dict[str, object] = {name: getattr(self, name) for name in names}
        fresh = {
            number: ListTests(tests.tests, tests.needs, tests.known, tests.missing_row)
            for number, tests in self.item_tests.items()
        }
        return state | {"bitmaps": self.bitmaps[: self.n_static], "item_tests": fresh}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def _grouped(self) -> tuple[int, ...]:
        """Return the axes of geography, as many as one key can hold."""
        chosen: list[int] = []
        room = _MAX_KEY
        for name in GEOGRAPHY:
            number = next((number for number, axis in enumerate(self.axes) if axis.field == name), None)
            if number is not None and room // self.n_static:
                room //= self.n_static
                chosen.append(number)
        return tuple(chosen)

    def _density(self, number: int) -> float:
        """Return the share of conjunctions that a class of the axis leaves: the most selective axis comes first."""
        rows = self.row_of_class[number]
        if rows is None:  # most lists hold few of the items that rules name
            words = self.item_tests[number].bitmap(frozenset())
        else:
            words = self.bitmaps[rows[:: max(1, len(rows) // 256)]]
        return float(np.bitwise_count(words).mean())

    def _cards(self, n_tabled: int) -> tuple[np.ndarray, np.ndarray]:
        place_of = np.full(len(self.axes), -1)
        place_of[list(self.loose)] = np.arange(len(self.loose))
        conjunctions, places = self.bound[:, 0], place_of[self.bound[:, 1]]
        conjunctions, places = conjunctions[places >= 0], places[places >= 0]
        order = np.lexsort((places, conjunctions))
        conjunctions, places = conjunctions[order], places[order]
        every = np.arange(len(self.rule_of) + 1)
        start = np.searchsorted(conjunctions, every)
        tabled = np.bincount(conjunctions[places < n_tabled], minlength=len(self.rule_of))
        checks = self.checks.start
        cards = (self.rule_of, start[:-1], start[:-1] + tabled, start[1:], checks[:-1], checks[1:])
        return np.ascontiguousarray(np.stack(cards, axis=1), np.int32), places.astype(np.int32)

    def _is_tabled(self, number: int) -> bool:
        rows = self.row_of_class[number]
        if rows is None or self._span(number)[1] > _MAX_TABLED_ROWS:
            return False
        return self._density(number) * self.bitmaps.shape[1] < _TABLED_SHARE * len(self.rule_of)

    def _span(self, number: int) -> tuple[int, int]:
        """Return the first bitmap row of an axis, and how many it has."""
        rows = self.row_of_class[number]
        if rows is None:
            return 0, 0
        return int(rows.min()), int(rows.max() - rows.min() + 1)

    def rows_of(self, number: int, classes: np.ndarray, combinations: Sequence[frozenset[str]]) -> np.ndarray:
        """Return the bitmap row of each class (of a list axis: of each combination, -1 = missing)."""
        fixed = self.row_of_class[number]
        if fixed is not None:
            return fixed[classes]
        tests = self.item_tests[number]
        return np.array(
            [
                tests.missing_row if one < 0 else self._row_of_list(tests, combinations[one])
                for one in classes.tolist()
            ],
            dtype=np.int32,
        )

    def _row_of_list(self, tests: ListTests, items: frozenset[str]) -> int:
        row = tests.row_of.get(items)
        if row is None:
            with self._lock:
                row = tests.row_of.get(items)
                if row is None:
                    row = tests.row_of[items] = self._add(tests.bitmap(items))
        return row

    def _add(self, bitmap: np.ndarray) -> int:
        if self.n_rows == len(self.bitmaps):
            grown = np.zeros(
                (len(self.bitmaps) + max(64, len(self.bitmaps) // 4), self.bitmaps.shape[1]), np.uint64
            )
            grown[: self.n_rows] = self.bitmaps
            self.bitmaps = grown  # whoever reads the old one finds all it knows of there
        self.bitmaps[self.n_rows] = bitmap
        self.n_rows += 1
        return self.n_rows - 1

    def group(self, rows: Sequence[np.ndarray], *, n_rows: int) -> np.ndarray:
        """Return each record's group.

        Parameters
        ----------
        rows : sequence of int32 arrays
            The bitmap rows of the records on the grouped axes.
        """
        with self._lock:
            return self.groups.number(rows, self.bitmaps, n_rows=n_rows)


@dataclass(eq=False)
class ListTests:
    """The item tests of one list axis.

    Parameters
    ----------
    tests : tuple of ItemTest
    needs : (n_tests, n_words) uint64 array
        The conjunctions that need each test to hold.
    known : (n_words,) uint64 array
        The conjunctions that allow a list that is not missing.
    missing_row : int
        The bitmap row of a missing list.
    """

    tests: tuple[ItemTest, ...]
    needs: np.ndarray
    known: np.ndarray
    missing_row: int
    row_of: dict[frozenset[str], int] = field(default_factory=dict)

    def bitmap(self, items: frozenset[str]) -> np.ndarray:
        """Return the conjunctions that a list of these items (not missing) leaves."""
        failed = [number for number, test in enumerate(self.tests) if not test.holds(items)]
        return self.known & ~np.bitwise_or.reduce(self.needs[failed], axis=0, initial=np.uint64(0))


# --- building ---------------------------------------------------------------------------------------------------------


def build_index(flat: FlatRules, rules: Sequence[Rule], *, claims: Collection[int] | None = None) -> Index:
    """Return the index of flattened rules.

    Parameters
    ----------
    flat : FlatRules
    rules : sequence of Rule
        The ruleset's.
    claims : collection of int, optional
        Only these rules; default all. Grouping nodes claim nothing.
    """
    order = sorted(
        range(len(rules)), key=lambda position: (not rules[position].is_primary, *rules[position].rank)
    )
    conjunctions = [
        conjunction
        for position in order
        if rules[position].where is not None and (claims is None or position in claims)
        for conjunction in flat.of_rule.get(position, ())
    ]
    n_primary = sum(rules[conjunction.rule].is_primary for conjunction in conjunctions)
    n_words = max(1, -(-len(conjunctions) // 64))
    used = sorted({axis for conjunction in conjunctions for axis in conjunction.regions})
    axes = tuple(flat.axes[axis] for axis in used)
    tables: list[np.ndarray] = []
    rows_of: list[np.ndarray | None] = []
    item_tests: dict[int, ListTests] = {}
    n_rows = 0
    for place, axis in enumerate(axes):
        bitmaps = _bitmaps(axis, used[place], conjunctions, n_words)
        if axis.kind is Kind.LIST:
            item_tests[place] = _list_tests(conjunctions, used[place], bitmaps[0], n_rows)
            tables.append(bitmaps[axis.missing : axis.missing + 1])
            rows_of.append(None)
            n_rows += 1
            continue
        distinct, row_of_class = _shared(bitmaps)
        rows_of.append((row_of_class + n_rows).astype(np.int32))
        tables.append(distinct)
        n_rows += len(distinct)
    bitmaps = np.concatenate(tables) if tables else np.zeros((1, n_words), np.uint64)
    return Index(
        axes,
        np.array([conjunction.rule for conjunction in conjunctions], np.int32),
        n_primary,
        bitmaps,
        _bound(conjunctions, {axis: place for place, axis in enumerate(used)}),
        tuple(rows_of),
        item_tests,
        _checks(conjunctions),
    )


def _bound(conjunctions: Sequence[Conjunction], place_of: Mapping[int, int]) -> np.ndarray:
    pairs = [
        (number, place_of[axis])
        for number, conjunction in enumerate(conjunctions)
        for axis in {*conjunction.regions, *(test.axis for test in conjunction.items)}
    ]
    return np.array(pairs, np.int64).reshape(-1, 2)


def _tabled(spans: Sequence[tuple[int, int]]) -> Tabled:
    firsts, counts = zip(*spans, strict=True) if spans else ((), ())
    return Tabled(np.array(firsts, np.int64), np.array(counts, np.int64))


def _all_bits(n_bits: int, n_words: int) -> np.ndarray:
    words = np.full(n_words, ~np.uint64(0))
    whole, rest = divmod(n_bits, 64)
    words[whole + bool(rest) :] = 0
    if rest:
        words[whole] = (np.uint64(1) << np.uint64(rest)) - np.uint64(1)
    return words


def _bitmap_of(numbers: Iterable[int], n_words: int) -> np.ndarray:
    found = np.fromiter(numbers, np.int64)
    words = np.zeros(n_words, np.uint64)
    np.bitwise_or.at(words, found >> 6, np.uint64(1) << (found & 63).astype(np.uint64))
    return words


def _bitmaps(axis: Axis, number: int, conjunctions: Sequence[Conjunction], n_words: int) -> np.ndarray:
    """Return one bitmap per class of an axis."""
    bound = [place for place, conjunction in enumerate(conjunctions) if number in conjunction.regions]
    free = _all_bits(len(conjunctions), n_words) & ~_bitmap_of(bound, n_words)
    bitmaps = np.empty((axis.n_classes, n_words), np.uint64)
    bitmaps[:] = free
    regions = [conjunctions[place].regions[number] for place in bound]
    lengths = [len(region) // 2 for region in regions]
    bounds = np.fromiter((bound for region in regions for bound in region), np.int64, 2 * sum(lengths))
    lows, highs = np.ascontiguousarray(bounds[::2]), np.ascontiguousarray(bounds[1::2])
    loops.set_bits(bitmaps, np.repeat(np.array(bound, np.int64), lengths), lows, highs)
    return bitmaps


def _shared(bitmaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct bitmaps and the number of each class's."""
    _, first, number = np.unique(loops.hash_rows(bitmaps), return_index=True, return_inverse=True)
    distinct = bitmaps[first]
    if all(
        np.array_equal(distinct[number[at : at + 4096]], bitmaps[at : at + 4096])
        for at in range(0, len(bitmaps), 4096)
    ):
        return distinct, number
    return bitmaps, np.arange(len(bitmaps))  # two bitmaps of one hash: keep them all


def _list_tests(
    conjunctions: Sequence[Conjunction], number: int, known: np.ndarray, missing_row: int
) -> ListTests:
    needed_by: dict[ItemTest, list[int]] = {}
    for place, conjunction in enumerate(conjunctions):
        for test in conjunction.items:
            if test.axis == number:
                needed_by.setdefault(test, []).append(place)
    needs = np.zeros((len(needed_by), len(known)), np.uint64)
    for row, places in enumerate(needed_by.values()):
        needs[row] = _bitmap_of(places, len(known))
    return ListTests(tuple(needed_by), needs, known.copy(), missing_row)


_KINDS = {"within_km": loops.RADIUS, "contains": loops.CONTAINS, "starts_with": loops.BEGINS}


def _checks(conjunctions: Sequence[Conjunction]) -> Checks:
    number_of: dict[Check, int] = {}
    of = [
        [number_of.setdefault(check, len(number_of)) for check in conjunction.checks]
        for conjunction in conjunctions
    ]
    every = tuple(number_of)
    n = len(every)
    kinds, slot_of, centres = np.zeros(n, np.int8), np.zeros(n, np.int32), np.zeros((n, 3))
    fields: dict[str, int] = {}
    needles: list[list[bytes]] = []
    for number, check in enumerate(every):
        call = check.expr
        needles.append([])
        if not isinstance(call, ex.Call) or call.name not in _KINDS:
            continue
        kinds[number] = _KINDS[call.name]
        if call.field is None:
            centres[number] = [float(literal.value) for literal in call.values]  # type: ignore[arg-type]
            continue
        slot_of[number] = fields.setdefault(call.field.name, len(fields))
        # Needles with other letters than ASCII cannot be in an ASCII text, and other texts are asked elsewhere.
        needles[-1] = [
            needle for literal in call.values if (needle := str(literal.value).casefold().encode()).isascii()
        ]
    flat = [needle for group in needles for needle in group]
    return Checks(
        every,
        np.cumsum([0, *map(len, of)], dtype=np.int64),
        np.array([check for checks in of for check in checks], np.int32),
        kinds,
        np.array([check.wanted for check in every], bool),
        centres,
        tuple(fields),
        slot_of,
        np.cumsum([0, *map(len, needles)], dtype=np.int64),
        np.cumsum([0, *map(len, flat)], dtype=np.int64),
        np.frombuffer(b"".join(flat) or b"\0", np.uint8),
    )
