"""Cells of a file as the rules read them: typed where the file is, names of places as codes, everything else as written.

Columns are read as wholes, odd cells once per distinct text. A cell that is not of its field's kind counts as missing
and is told: how many, the first row, its value. Not here: which column is which field (``file_columns``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.file_places import PlaceNames
from merestone.core.criteria.fields import FieldSet
from merestone.core.model.columns import Kind

_NUMBERS = (Kind.NUMBER, Kind.MONEY)
_PLAIN = r"^-?\d{1,15}(?:\.\d{1,17})?$"
_LONE_POINT = r"^-?[1-9]\d{0,2}\.\d{3}$"  # thousands where the comma is decimal
_SHOWS_POINT = r"^-?\d+\.(?:\d{1,2}|\d{4,})$"
_MOST_VALUES = 1_000
_WHAT = {
    Kind.NUMBER: "a number",
    Kind.MONEY: "an amount",
    Kind.DATE: "a date",
    Kind.INSTANT: "a date",
    Kind.BOOLEAN: "yes or no",
    Kind.LIST: "a list",
    Kind.TEXT: "text",
}


@dataclass
class BadValue:
    """One text that is not of its column's kind.

    Parameters
    ----------
    header, field : str
        The column in the file, and what it means.
    kind : Kind
        What the field holds.
    value : str
        The cell.
    position : int
        Of the first record that has it, from 0.
    count : int
        How many records have it.
    """

    header: str
    field: str
    kind: Kind
    value: str
    position: int
    count: int = 0

    @property
    def message(self) -> str:
        """What is wrong, as a sentence."""
        return f"'{self.value[:80]}' is not {_WHAT[self.kind]}."


class CellReader:
    """Reads the batches of one file, and remembers what was odd.

    Parameters
    ----------
    fields : FieldSet
        Kinds of the fields.
    header_of : mapping of str to str
        Field -> header; ``id`` and ``external_id`` are taken as they are.
    places : PlaceNames
        Reads names of countries and states.
    """

    def __init__(self, fields: FieldSet, header_of: Mapping[str, str], places: PlaceNames) -> None:
        self.kinds = {
            field: fields[field].kind if field in fields else Kind.TEXT
            for field in header_of
            if field not in ("id", "external_id")
        }
        self.header_of, self.places = header_of, places
        self.bad: dict[tuple[str, str], BadValue] = {}
        self.uncounted: dict[str, int] = {}
        self._has_comma: dict[str, bool] = {}
        self._order: dict[str, str] = {}
        self._start = 0

    @property
    def as_codes(self) -> frozenset[str]:
        """The headers whose text is best read as codes into distinct words."""
        return frozenset(
            self.header_of[field] for field, kind in self.kinds.items() if kind in (Kind.TEXT, Kind.LIST)
        )

    def read(self, batch: pa.Table, *, start: int) -> pa.Table:
        """Return a batch under the fields' names, its cells read.

        Parameters
        ----------
        batch : pyarrow.Table
            Columns by header.
        start : int
            Position of its first record in the file, from 0.
        """
        self._start = start
        columns: dict[str, pa.ChunkedArray | pa.Array] = {
            name: batch[self.header_of[name]] for name in ("id", "external_id") if name in self.header_of
        }
        for field, kind in self.kinds.items():
            columns[field] = self._column(field, kind, flat(batch[self.header_of[field]]))
        return self.places.read(pa.table(columns))

    def _column(self, field: str, kind: Kind, array: pa.Array) -> pa.Array:
        stored = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
        if _fits(kind, stored):
            return array if kind is not Kind.LIST else _with_escapes(array)
        texts = _as_text(array)
        if texts is None:
            return self._all_bad(field, kind, array)
        return texts if kind in (Kind.TEXT, Kind.LIST) else self._typed(field, kind, texts)

    def _typed(self, field: str, kind: Kind, texts: pa.Array) -> pa.Array:
        dtype = _TYPES[kind]
        fast = self._at_once(field, kind, texts, dtype)
        return fast if fast is not None else self._one_by_one(field, kind, texts, dtype)

    def _at_once(self, field: str, kind: Kind, texts: pa.Array, dtype: pa.DataType) -> pa.Array | None:
        """Return the column when every cell is written plainly."""
        if kind is Kind.BOOLEAN or self._has_comma.get(field) or pa.types.is_dictionary(texts.type):
            return None
        try:
            values = texts.cast(dtype)
        except pa.ArrowInvalid:
            return None
        if kind in _NUMBERS and pc.all(pc.is_finite(values)).as_py() is False:
            return None  # 'nan' and 'inf' are numbers to a machine only
        return values

    def _one_by_one(self, field: str, kind: Kind, texts: pa.Array, dtype: pa.DataType) -> pa.Array:
        """Return the column: plain numbers at once, each other distinct text by itself."""
        if kind not in _NUMBERS:
            return self._odd(field, kind, texts, dtype)
        texts = texts.dictionary_decode() if pa.types.is_dictionary(texts.type) else texts
        plain = pc.fill_null(pc.match_substring_regex(texts, _PLAIN), False)
        if self._comma(field, texts, plain):
            plain = pc.and_not(plain, pc.fill_null(pc.match_substring_regex(texts, _LONE_POINT), False))
        nothing = pa.scalar(None, texts.type)
        slow = self._odd(field, kind, pc.if_else(plain, nothing, texts), dtype)
        return pc.coalesce(pc.if_else(plain, texts, nothing).cast(dtype), slow)

    def _comma(self, field: str, texts: pa.Array, plain: pa.Array) -> bool:
        """Tell whether the column's numbers have decimal commas, as its first odd batch shows."""
        if field not in self._has_comma:
            from merestone.app.exchange.numbers import has_decimal_comma

            odd = pc.unique(texts.filter(pc.invert(plain)).drop_null()).to_pylist()
            shows_point = pc.any(pc.match_substring_regex(texts, _SHOWS_POINT)).as_py()
            self._has_comma[field] = not shows_point and has_decimal_comma(odd)
        return self._has_comma[field]

    def _odd(self, field: str, kind: Kind, texts: pa.Array, dtype: pa.DataType) -> pa.Array:
        codes = texts if pa.types.is_dictionary(texts.type) else texts.dictionary_encode()
        words = codes.dictionary.to_pylist()
        read = self._reader(field, kind, words)
        outcomes = [read((word or "").strip()) for word in words]
        for code, (_, is_good) in enumerate(outcomes):
            if not is_good:
                self._tell(field, kind, words[code], pc.equal(codes.indices, code))
        return pa.array([value for value, _ in outcomes], dtype).take(codes.indices)

    def _reader(self, field: str, kind: Kind, words: list[str]) -> Callable[[str], tuple[Any, bool]]:
        # What reads odd cells takes a while to load, and most files have none.
        from merestone.app.exchange import dates, numbers
        from merestone.app.exchange.choices import read_boolean

        if kind in _NUMBERS:
            comma = self._has_comma[field]
            read_odd = numbers.read_number if kind is Kind.NUMBER else numbers.read_money
            return _outcome(lambda text: read_odd(text, comma=comma))
        if kind is Kind.BOOLEAN:
            return _outcome(read_boolean)
        if field not in self._order:
            self._order[field] = dates.order_evidence(word for word in words if word).order or "mdy"
        order: Literal["dmy", "mdy"] = "dmy" if self._order[field] == "dmy" else "mdy"
        if kind is Kind.INSTANT:
            return _outcome(lambda text: dates.read_instant(text, order=order))
        return _outcome(lambda text: dates.read_date(text, order=order))

    def _all_bad(self, field: str, kind: Kind, array: pa.Array) -> pa.Array:
        """Return nothing but missing values for a column of a type that has no text."""
        if array.null_count < len(array):
            self._tell(field, kind, f"({array.type})", array.is_valid())
        return pa.nulls(len(array), _TYPES.get(kind, pa.string()))

    def _tell(self, field: str, kind: Kind, value: str, mask: pa.Array) -> None:
        count, first = pc.sum(mask).as_py() or 0, pc.index(mask, True).as_py()
        if not count:
            return
        key = (field, value)
        if key not in self.bad and sum(known == field for known, _ in self.bad) >= _MOST_VALUES:
            self.uncounted[field] = self.uncounted.get(field, 0) + count
            return
        known = self.bad.setdefault(
            key, BadValue(self.header_of[field], field, kind, value, self._start + first)
        )
        known.count += count


def flat(column: pa.ChunkedArray) -> pa.Array:
    """Return a column in one piece, without views."""
    array = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], column.type)
    if array.type == pa.string_view():
        array = array.cast(pa.large_string())
    return array


_TYPES: Mapping[Kind, pa.DataType] = {
    Kind.NUMBER: pa.float64(),
    Kind.MONEY: pa.float64(),
    Kind.DATE: pa.date32(),
    Kind.INSTANT: pa.date32(),
    Kind.BOOLEAN: pa.bool_(),
}


def _is_text(stored: pa.DataType) -> bool:
    return pa.types.is_string(stored) or pa.types.is_large_string(stored)


def _is_list(stored: pa.DataType) -> bool:
    return pa.types.is_list(stored) or pa.types.is_large_list(stored)


def _is_number(stored: pa.DataType) -> bool:
    return pa.types.is_integer(stored) or pa.types.is_floating(stored) or pa.types.is_decimal(stored)


def _fits(kind: Kind, stored: pa.DataType) -> bool:
    """Tell whether every engine reads values stored like this as the kind."""
    if pa.types.is_null(stored):
        return True
    if kind in _NUMBERS:
        return _is_number(stored)
    if kind in (Kind.DATE, Kind.INSTANT):  # the text of other dates is a date, too
        return pa.types.is_date32(stored) or pa.types.is_timestamp(stored)
    if kind is Kind.BOOLEAN:
        return pa.types.is_boolean(stored)
    if kind is Kind.LIST:
        return _is_text(stored) or (_is_list(stored) and _is_text(stored.value_type))
    return _is_text(stored) or _is_number(stored) or pa.types.is_boolean(stored)


def _as_text(array: pa.Array) -> pa.Array | None:
    """Return the column as text, None when its type has none (a struct, bytes)."""
    if pa.types.is_dictionary(array.type):
        if _is_text(array.type.value_type):
            return array
        array = array.dictionary_decode()
    if _is_text(array.type):
        return array
    try:
        if _is_list(array.type):
            return pc.binary_join(array.cast(pa.list_(pa.string())), ";")
        if pa.types.is_struct(array.type) or pa.types.is_map(array.type):
            return None
        return array.cast(pa.string())
    except pa.ArrowException:
        return None


def _with_escapes(array: pa.Array) -> pa.Array:
    r"""Return a list column whose texts, where they hold ``\``, are split as our own exports are written."""
    stored = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
    if not _is_text(stored):
        return array
    words = array.dictionary if pa.types.is_dictionary(array.type) else array
    if not pc.any(pc.match_substring(words, "\\")).as_py():
        return array
    from merestone.app.exchange.texts import split_list

    codes = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    lists = [None if word is None else split_list(word) for word in codes.dictionary.to_pylist()]
    return pa.array(lists, pa.list_(pa.string())).take(codes.indices)


def _outcome(read: Callable[[str], Any]) -> Callable[[str], tuple[Any, bool]]:
    def outcome(text: str) -> tuple[Any, bool]:
        if not text:
            return None, True
        found = read(text)
        value = found.value
        if isinstance(value, datetime):
            return value.date(), True
        if isinstance(value, date | bool) or value is None:
            return value, not found.code
        return float(value), not found.code

    return outcome
