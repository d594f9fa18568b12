"""Columns as classes: what each row's value is to the rules, by one look-up a distinct value or one search a number.

A text, list or odd column is read once per distinct value (dictionary columns arrive that way already) and remembered
between batches; machine numbers and dates are searched in machine code. Values mean what ``read_value`` says.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from math import ceil, inf, nextafter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merestone.core.criteria.values import fold, read_value
from merestone.core.model.columns import Kind
from merestone.core.rules.axes import Axis
from merestone.engines.kernel.loops import filled_codes, search_floats, search_integers

_EVERY_ROW = np.zeros(0, np.int64)
_EPOCH = date(1970, 1, 1).toordinal()
_UNITS_A_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
_LARGEST = 2**63 - 1
_SHORT_DECIMAL = 18  # digits of a decimal that fit a 64-bit whole number
_MANY = 256  # texts from which bulk work pays
_SHORT_TEXT = 64  # characters; longer ones are read one by one
_ASCII_SPACE = " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f"  # what Python strips of ASCII
MAX_REMEMBERED = 1_000_000  # distinct values of a column
_MAX_WORDS = 1 << 19  # of the dictionaries an axis remembers
_MAX_DICTIONARIES = 256
_WORDS_A_ROW = 256  # of a dictionary, up to which a table of those asked for costs little next to a few rows
_NOT_ASKED = -2
_FEW = 4096  # values from which a table of all the words met so far is no longer more work than they are

Coded = tuple[np.ndarray, np.ndarray]
"""Codes of the rows, and the class (of lists: the number of the combination) of each code."""


class AxisReader:
    """Turns columns into the classes of one axis; may be shared between threads.

    Parameters
    ----------
    axis : Axis
    """

    def __init__(self, axis: Axis) -> None:
        self.axis = axis
        self.combinations: list[frozenset[str]] = []
        """Of a list axis: the distinct sets of folded items met so far, by number; a missing one is -1."""
        self._combinations: dict[frozenset[str], int] = {}
        self.row_of_combination = np.zeros(0, np.int32)
        """The bitmap row of each combination asked for so far, that of a missing list first; kept by whoever asks."""
        self._ends_of_scale: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._dictionaries, self._asked = Dictionaries(), Dictionaries()
        self._vocabulary = Vocabulary(pa.array([], pa.large_string()), np.zeros(0, np.int32))
        self._words: dict[str | None, int] = {}

    def __reduce__(self) -> Any:
        return AxisReader, (self.axis,)

    def read(self, column: pa.Array | None, *, n_rows: int) -> Coded:
        """Return the codes of a column; a column that is not there (None) is missing everywhere."""
        if column is None or pa.types.is_null(column.type):
            return np.zeros(n_rows, dtype=np.int32), np.array([self._missing], dtype=np.int32)
        searched = self._search(column) if self.is_searched else None
        if searched is not None:
            return searched, np.arange(self.axis.n_classes, dtype=np.int32)
        codes, values = distinct(column)
        if len(values) > n_rows:  # the work grows with the rows, not with the words they do not use
            return np.arange(n_rows, dtype=np.int32), self.classes_at(codes, values)
        return codes, self.classes_of(values, is_shared=pa.types.is_dictionary(column.type))

    @property
    def is_searched(self) -> bool:
        """Whether values are searched among the points, not looked up."""
        return self.axis.kind in _SEARCHED

    @property
    def _missing(self) -> int:
        return -1 if self.axis.kind is Kind.LIST else self.axis.missing

    def classes_at(self, codes: np.ndarray, values: pa.Array) -> np.ndarray:
        """Return the class (or combination) of some of the values of a dictionary; the code past them is null."""
        classes = self._dictionaries.get(values)
        if classes is not None:
            return classes[codes]
        if len(codes) <= _FEW and _are_texts(values):
            return self._remembered(codes, values)
        used, place = np.unique(codes, return_inverse=True)
        some = values.take(pa.array(used[used < len(values)]))
        return self.classes_of(some, is_shared=False)[place]

    def classes_of(self, values: pa.Array, *, is_shared: bool) -> np.ndarray:
        """Return the class (or combination) of each distinct stored value, and behind them that of null.

        Parameters
        ----------
        is_shared : bool
            Whether the same array may come again, as dictionaries do: it is remembered.
        """
        classes = self._dictionaries.get(values) if is_shared else None
        if classes is None:
            classes = np.append(self._classes(values), np.int32(self._missing))
            if is_shared:
                self._dictionaries.put(values, classes)
        return classes

    def _classes(self, values: pa.Array) -> np.ndarray:
        if not _are_texts(values):
            return np.array([*map(self._read, values.to_pylist())], dtype=np.int32)
        if len(values) <= _FEW:
            return self._looked_up_one_by_one(values)
        return self._looked_up(values.cast(pa.large_string()))

    def _remembered(self, codes: np.ndarray, values: pa.Array) -> np.ndarray:
        """Return the classes of some of a dictionary's words, of which only those not asked for before are looked up."""
        if len(values) > _WORDS_A_ROW * len(codes):
            return self._looked_up_one_by_one(values.take(pa.array(codes, mask=codes == len(values))))
        known = self._asked.get(values)
        if known is None:
            known = np.full(len(values) + 1, _NOT_ASKED, np.int32)
            known[-1] = self._missing
            self._asked.put(values, known)
        found = known[codes]
        unasked = codes[found == _NOT_ASKED]
        if len(unasked):
            known[unasked] = self._looked_up_one_by_one(values.take(pa.array(unasked)))
            found = known[codes]
        return found

    def _looked_up_one_by_one(self, values: pa.Array) -> np.ndarray:
        found = list(map(self._words.get, words := values.to_pylist()))
        if None in found:
            unread = [place for place, one in enumerate(found) if one is None]
            read = self._read_all(values.take(pa.array(unread)).cast(pa.large_string())).tolist()
            for place, one in zip(unread, read, strict=True):
                found[place] = one
            if len(self._words) > _MAX_WORDS:
                self._words = {}
            self._words.update((words[place], one) for place, one in zip(unread, read, strict=True))
        return np.array(found, dtype=np.int32)

    def _looked_up(self, values: pa.Array) -> np.ndarray:
        known = self._vocabulary
        places = known.places(values)
        unread = np.flatnonzero(places < 0)
        if len(unread):
            fresh = values.take(pa.array(unread))
            known = known.with_more(fresh, self._read_all(fresh))
            if len(known.classes) <= MAX_REMEMBERED:
                self._vocabulary = known
            places[unread] = np.arange(len(known.classes) - len(unread), len(known.classes))
        return known.classes[places]

    def _read_all(self, fresh: pa.Array) -> np.ndarray:
        """Return the classes of texts: plain ones in bulk, the others one by one."""
        found = np.empty(len(fresh), dtype=np.int32)
        is_plain = np.zeros(len(fresh), dtype=bool)
        if self.axis.kind is Kind.TEXT and len(fresh) >= _MANY and self._has_plain_points:
            short = pc.and_(pc.string_is_ascii(fresh), pc.less_equal(pc.binary_length(fresh), _SHORT_TEXT))
            is_plain = np.asarray(pc.fill_null(pc.and_not(short, pc.match_substring(fresh, "\0")), False))
            texts = pc.ascii_lower(pc.utf8_trim(fresh.filter(pa.array(is_plain)), characters=_ASCII_SPACE))
            found[is_plain] = self._bulk_classes(
                np.array(texts.cast(pa.large_binary()).to_pylist(), dtype=bytes)
            )
        rest = np.flatnonzero(~is_plain)
        found[rest] = [self._read(raw) for raw in fresh.take(pa.array(rest)).to_pylist()]
        return found

    def _bulk_classes(self, folded: np.ndarray) -> np.ndarray:
        """Return the classes of folded ASCII texts; the order of UTF-8 bytes is that of code points."""
        points = self._point_bytes
        numbers = np.searchsorted(points, folded)
        is_point = numbers < len(points)
        is_point[is_point] = points[numbers[is_point]] == folded[is_point]
        return np.where(folded == b"", self.axis.missing, 2 * numbers + is_point).astype(np.int32)

    @cached_property
    def _has_plain_points(self) -> bool:
        """Whether bytes of one width can hold the points: they end in no NUL, and none makes all the others wide."""
        return all(len(point) <= 4 * _SHORT_TEXT and not point.endswith("\0") for point in self.axis.points)

    @cached_property
    def _point_bytes(self) -> np.ndarray:
        return np.array([point.encode() for point in self.axis.points], dtype=bytes)

    def _read(self, raw: Any) -> int:
        value = read_value(self.axis.kind, raw)
        if self.axis.kind is Kind.LIST:
            return -1 if value is None else self._combination(frozenset(map(fold, value)))  # type: ignore[arg-type]
        return self.axis.class_of(fold(value) if isinstance(value, str) else value)

    def _combination(self, items: frozenset[str]) -> int:
        """Return the number of a combination; only items that rules name tell combinations apart."""
        named = items & self._items
        number = self._combinations.get(named)
        if number is None:
            with _LOCK:
                number = self._combinations.setdefault(named, len(self.combinations))
                if number == len(self.combinations):
                    self.combinations.append(named)
        return number

    @cached_property
    def _items(self) -> frozenset[str]:
        return frozenset(self.axis.points) if self.axis.kind is Kind.LIST else frozenset()

    def _search(self, column: pa.Array) -> np.ndarray | None:
        """Return the classes of machine numbers or dates; None for columns stored otherwise."""
        if self.axis.kind in (Kind.DATE, Kind.INSTANT):
            days = days_of(column)
            return None if days is None else self._integers(days, column)
        if pa.types.is_floating(column.type) and column.type != pa.float16():
            return search_floats(_floats(column), *self._float_ends, self.axis.missing)
        scaled = whole_numbers(column)
        return None if scaled is None else self._integers(scaled[0], column, scale=scaled[1])

    @cached_property
    def _float_ends(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, float]:
        ends = [_float_end(point) for point in self.axis.points]
        ats, exact = np.array([at for at, _ in ends]), np.array([is_it for _, is_it in ends], dtype=bool)
        return ats, exact, *grid(ats)

    def _integer_ends(self, scale: int) -> tuple[np.ndarray, np.ndarray]:
        if scale not in self._ends_of_scale:
            self._ends_of_scale[scale] = self._read_integer_ends(scale)
        return self._ends_of_scale[scale]

    def _read_integer_ends(self, scale: int) -> tuple[np.ndarray, np.ndarray]:
        points = self.axis.points
        if self.axis.kind in (Kind.DATE, Kind.INSTANT):
            points = tuple(point.toordinal() - _EPOCH for point in points)
        scaled = [_scaled(point, scale) for point in points]
        ats = np.array([max(-_LARGEST, min(_LARGEST, at)) for at, _ in scaled], dtype=np.int64)
        return ats, np.array([is_it and abs(at) <= _LARGEST for at, is_it in scaled], dtype=bool)

    def _integers(self, values: np.ndarray, column: pa.Array, *, scale: int = 0) -> np.ndarray:
        classes = search_integers(np.ascontiguousarray(values, np.int64), *self._integer_ends(scale))
        if column.null_count:
            classes[np.asarray(column.is_null())] = self.axis.missing
        return classes


_LOCK = threading.Lock()


class Dictionaries:
    """What is known of the words of dictionaries, which the parts of a table share and which come again with it.

    A dictionary is told by where it lies in memory; holding it keeps its place taken. The oldest are forgotten.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], tuple[pa.Array, np.ndarray]] = {}
        self._n_words = 0

    def get(self, values: pa.Array) -> np.ndarray | None:
        """Return what is known of these words."""
        found = self._known.get(_place_of(values))
        return None if found is None else found[1]

    def put(self, values: pa.Array, known: np.ndarray) -> None:
        """Remember what is known of these words, unless they are too many."""
        if len(values) > _MAX_WORDS or pa.types.is_nested(values.type):
            return
        with _LOCK:
            before = self._known.setdefault(_place_of(values), (values, known))
            self._n_words += len(values) if before[1] is known else 0
            while self._n_words > _MAX_WORDS or len(self._known) > _MAX_DICTIONARIES:
                self._n_words -= len(self._known.pop(next(iter(self._known)))[0])


def _are_texts(values: pa.Array) -> bool:
    return pa.types.is_string(values.type) or pa.types.is_large_string(values.type)


def _place_of(values: pa.Array) -> tuple[Any, ...]:
    buffers = (buffer.address if buffer is not None else 0 for buffer in values.buffers())
    return (values.type, *buffers, values.offset, len(values))


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Stored texts read so far, and their classes; never changed, only replaced by a larger one."""

    texts: pa.Array
    classes: np.ndarray

    def places(self, values: pa.Array) -> np.ndarray:
        """Return where each text stands; -1 for those not read yet."""
        found = pc.index_in(values, value_set=self.texts, skip_nulls=False)
        return found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)

    def with_more(self, texts: pa.Array, classes: np.ndarray) -> Vocabulary:
        """Return this vocabulary with more texts at its end."""
        return Vocabulary(pa.concat_arrays([self.texts, texts]), np.concatenate([self.classes, classes]))


def grid(ats: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Return, for cells of equal width over sorted numbers, how many lie below each, the first cell's end and 1 / width."""
    finite = ats[np.isfinite(ats)]
    if len(finite) < 16 or finite[0] == finite[-1]:
        return np.zeros(0, np.int64), 0.0, 0.0
    width = (finite[-1] - finite[0]) / (4 * len(finite))
    edges = finite[0] + width * np.arange(4 * len(finite) + 1)
    return np.searchsorted(ats, edges).astype(np.int64), float(finite[0]), float(1 / width)


_SEARCHED = (Kind.NUMBER, Kind.MONEY, Kind.DATE, Kind.INSTANT)


def _scaled(point: Any, scale: int) -> tuple[int, bool]:
    """Return the least whole number at or above a point in units of 10**-scale, and whether it is the point."""
    if isinstance(point, int):
        return point, True
    if not point.is_finite():
        return (_LARGEST + 1 if point > 0 else -_LARGEST - 1), False
    if point.adjusted() > 40:  # beyond every whole number, and 10**999999 is no number to build
        return (_LARGEST + 1 if point > 0 else -_LARGEST - 1), False
    if point.adjusted() < -60:
        return (1 if point > 0 else 0), point == 0
    exact = Fraction(point) * 10**scale
    whole = ceil(exact)
    return whole, whole == exact


def _float_end(point: Decimal) -> tuple[float, bool]:
    """Return the least float at or above a point, floats being read as their shortest decimals, and whether it is it."""
    at = float(point)
    if at in (inf, -inf):
        # A number beyond all floats has only infinity above it, or, below them all, the least float.
        is_infinite = not point.is_finite()
        return (at if is_infinite or at > 0 else nextafter(at, 0)), is_infinite
    while Decimal(repr(at)) < point:
        at = nextafter(at, inf)
    while Decimal(repr(nextafter(at, -inf))) >= point:
        at = nextafter(at, -inf)
    return at, Decimal(repr(at)) == point


def whole_numbers(column: pa.Array) -> tuple[np.ndarray, int] | None:
    """Return a column's numbers as 64-bit whole numbers and the decimal places they are scaled by; None if they are none."""
    if pa.types.is_integer(column.type) and column.type != pa.uint64():
        return _stored(column, column.type.to_pandas_dtype()), 0
    if (
        pa.types.is_decimal128(column.type)
        and column.type.precision <= _SHORT_DECIMAL
        and column.type.scale >= 0
    ):
        low = np.frombuffer(column.buffers()[1], dtype=np.int64)[::2]
        return low[column.offset : column.offset + len(column)], column.type.scale
    return None


def _stored(column: pa.Array, kind: Any) -> np.ndarray:
    """Return machine numbers as they are stored; anything where they are null."""
    if not len(column):
        return np.zeros(0, kind)
    return np.frombuffer(column.buffers()[1], kind, column.offset + len(column))[column.offset :]


def _floats(column: pa.Array) -> np.ndarray:
    """Return floats, NaN where they are null."""
    if column.type != pa.float64():
        column = column.cast(pa.float64())
    if column.null_count:
        column = column.fill_null(np.nan)
    return column.to_numpy(zero_copy_only=False)


def days_of(column: pa.Array) -> np.ndarray | None:
    """Return days since 1970 (UTC), anything where null; None when Arrow does not hold dates."""
    if pa.types.is_date32(column.type):
        return _stored(column, np.int32)
    if pa.types.is_timestamp(column.type):
        ticks = _stored(column, np.int64)
        return ticks // _UNITS_A_DAY[column.type.unit]
    return None


def distinct(column: pa.Array) -> tuple[np.ndarray, pa.Array]:
    """Return the rows' codes into the distinct stored values; the code one past them is null."""
    if pa.types.is_nested(column.type):
        return _distinct_lists(column)
    encoded = column if pa.types.is_dictionary(column.type) else plain(column).dictionary_encode()
    return codes_of(encoded), encoded.dictionary


def codes_of(column: pa.DictionaryArray, rows: np.ndarray | None = None) -> np.ndarray:
    """Return the codes of a dictionary column's rows (or of some of them); the code past its words is null."""
    indices = column.indices if column.type.index_type == pa.int32() else column.indices.cast(pa.int32())
    stored = _stored(indices, np.int32)
    if rows is not None and len(rows) < len(stored):
        stored = stored[rows]
    else:
        rows = None
    if not indices.null_count:
        return stored
    known = np.frombuffer(indices.buffers()[0], np.uint8)
    return filled_codes(
        stored, known, indices.offset, rows if rows is not None else _EVERY_ROW, len(column.dictionary)
    )


def _distinct_lists(column: pa.Array) -> tuple[np.ndarray, pa.Array]:
    number_of: dict[Any, int] = {}
    stored = [None if items is None else tuple(items) for items in column.to_pylist()]
    codes = np.array([number_of.setdefault(items, len(number_of)) for items in stored], dtype=np.int32)
    return codes, pa.array([None if items is None else list(items) for items in number_of], column.type)


def plain(column: pa.Array) -> pa.Array:
    """Return a column (or chunks of one) without dictionary or string views, which not every function takes."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if column.type in (pa.string_view(), pa.binary_view()):
        column = column.cast(pa.large_string())
    return column


def texts(column: pa.Array | None, *, n_rows: int) -> pa.Array:
    """Return a text column as ``large_string``, whatever it is stored as; unreadable values are null."""
    if column is None or pa.types.is_null(column.type):
        return pa.nulls(n_rows, pa.large_string())
    column = plain(column)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return column.cast(pa.large_string())
    codes, values = distinct(column)
    read: list[Any] = [*(read_value(Kind.TEXT, value) for value in values.to_pylist()), None]
    return pa.array(read, pa.large_string()).take(pa.array(codes))


def degrees(column: pa.Array | None, *, n_rows: int) -> np.ndarray:
    """Return a column of degrees as floats, NaN where missing."""
    if column is None or pa.types.is_null(column.type):
        return np.full(n_rows, np.nan)
    if pa.types.is_floating(column.type) and column.type != pa.float16():
        return _floats(column)
    codes, values = distinct(column)
    read: Callable[[Any], Any] = lambda value: read_value(Kind.NUMBER, value)  # noqa: E731
    numbers = [np.nan if number is None else float(number) for number in map(read, values.to_pylist())]
    return np.array([*numbers, np.nan])[codes]
