"""A file's text columns as a table's typed columns, with every wrong cell reported at once.

Plain cells are read by expressions on whole columns, odd ones once per distinct text. A row with an error is rejected;
a warning is told, and the row is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, Protocol

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.exchange import addresses, dates, numbers
from merestone.app.exchange.choices import read_boolean, read_choice
from merestone.app.exchange.custom import Custom, custom_columns
from merestone.app.exchange.doubts import doubts
from merestone.app.exchange.mapped import Mapping
from merestone.app.exchange.places import PlaceLookup, Places, read_postal_code
from merestone.app.exchange.problems import ROW_PROBLEMS, join_problems, problem_table
from merestone.app.exchange.texts import MULTILINE, clean, fold, is_no_value, max_chars, split_list
from merestone.app.exchange.values import Read, issues_where, no_issues, read_distinct
from merestone.base.errors import Problem
from merestone.core.model.columns import Column, Kind, Table

DateOrder = Literal["auto", "dmy", "mdy"]
MONEY = pa.decimal128(18, 2)
TYPES: dict[Kind, pa.DataType] = {
    Kind.TEXT: pa.string(), Kind.NUMBER: pa.float64(), Kind.MONEY: MONEY, Kind.DATE: pa.date32(),
    Kind.INSTANT: pa.timestamp("us", "UTC"), Kind.BOOLEAN: pa.bool_(), Kind.LIST: pa.list_(pa.string()),
    Kind.LOCATION: pa.string(),
}  # fmt: skip
_PLAIN_NUMBER = r"^-?\d{1,15}(?:\.\d{1,17})?$"
_LONE_POINT = r"^-?[1-9]\d{0,2}\.\d{3}$"
_PLAIN_MONEY = r"^-?\d{1,15}(?:\.\d{1,2})?$"
_ISO_DATE = r"^\d{4}-\d{2}-\d{2}$"


class RawRows(Protocol):
    """A file's rows as a reader gives them."""

    @property
    def table(self) -> pa.Table:
        """Text columns by header."""
        ...

    @property
    def row_numbers(self) -> pa.ChunkedArray:
        """The file's number of each row."""
        ...


@dataclass(frozen=True, slots=True)
class Normalised:
    """What a file says, in a table's own terms.

    Parameters
    ----------
    table : pyarrow.Table
        Accepted rows: ``row`` (the file's row number, int64), then one typed column per mapped target.
    errors : pyarrow.Table
        ``ROW_PROBLEMS``: why rows were rejected, by row; several per row are possible.
    warnings : pyarrow.Table
        ``ROW_PROBLEMS``: what was changed or looks odd in accepted rows.
    notes : list of Problem
        What holds for whole columns.
    n_rows : int
        Rows in the file: accepted and rejected.
    """

    table: pa.Table
    errors: pa.Table
    warnings: pa.Table
    notes: list[Problem] = field(default_factory=list)
    n_rows: int = 0

    @property
    def rejected_rows(self) -> pa.Array:
        """The file's numbers of the rejected rows, ascending."""
        rows = pc.unique(self.errors["row"])
        return rows.take(pc.sort_indices(rows))


@dataclass
class _Cells:
    """One target on its way from text to values."""

    column: Column
    header: str
    texts: pl.Series
    values: pl.Series | None = None
    issues: list[pl.DataFrame] = field(default_factory=list)
    currency: pl.Series | None = None


def normalise(
    raw: RawRows | pa.Table,
    mapping: Mapping,
    table: Table,
    *,
    places: PlaceLookup,
    custom: Custom = (),
    date_order: DateOrder = "auto",
) -> Normalised:
    """Return the typed rows of a file, and every wrong cell.

    Parameters
    ----------
    raw : RawRows or pyarrow.Table
        Text columns by header, null for empty, with the rows' numbers in the file (a bare table: 2, 3, …). Problems
        the reader found are not looked at: whoever calls joins them with these.
    mapping : Mapping
        Free of problems for this table and these headers.
    places : PlaceLookup
        The gazetteer's lookups.
    custom : mapping of key to kind, or columns
        Declared custom fields; their columns are ``custom.<key>``.
    date_order : str
        For dates like 3/4/2026, where the mapping does not say.
    """
    if isinstance(raw, pa.Table):
        texts, row_numbers = raw, pa.array(range(2, raw.num_rows + 2), pa.int64())
    else:
        texts, row_numbers = raw.table, raw.row_numbers
    run = _Run(texts, mapping, table, Places(places), custom_columns(custom), date_order)
    cells = run.read()
    rows = pl.Series("row", row_numbers.to_pylist(), dtype=pl.Int64)
    found = [_numbered(item, rows) for item in cells]
    errors = join_problems([_as_problems(issues.filter(pl.col("is_error"))) for issues in found])
    warnings = join_problems([_as_problems(issues.filter(~pl.col("is_error"))) for issues in found])
    rejected = pl.Series(errors["row"].to_pylist(), dtype=pl.Int64).unique()
    accepted = ~rows.is_in(rejected.implode())
    typed = _typed(rows, cells).filter(pa.array(accepted.to_list(), pa.bool_()))
    return Normalised(typed, errors, warnings, run.notes, texts.num_rows)


def _numbered(cells: _Cells, rows: pl.Series) -> pl.DataFrame:
    issues = pl.concat([no_issues(), *cells.issues])
    return issues.with_columns(row=rows.gather(issues["at"]), column=pl.lit(cells.header))


def _as_problems(issues: pl.DataFrame) -> pa.Table:
    if issues.is_empty():
        return problem_table()
    return issues.select(ROW_PROBLEMS.names).to_arrow(compat_level=pl.CompatLevel.oldest()).cast(ROW_PROBLEMS)


def _typed(rows: pl.Series, cells: list[_Cells]) -> pa.Table:
    arrays, fields = [rows.to_arrow()], [pa.field("row", pa.int64())]
    for item in cells:
        assert item.values is not None
        kind = TYPES[item.column.kind]
        arrays.append(item.values.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(kind))
        fields.append(pa.field(item.column.name, kind))
    return pa.table(arrays, schema=pa.schema(fields))


class _Run:
    """One file being read; columns that depend on others (state on country) come after them."""

    def __init__(
        self,
        raw: pa.Table,
        mapping: Mapping,
        table: Table,
        places: Places,
        custom: tuple[Column, ...],
        date_order: DateOrder,
    ) -> None:
        self.raw, self.mapping, self.table, self.places = raw, mapping, table, places
        self.columns = (*table.columns, *custom)
        self.date_order = date_order
        self.notes: list[Problem] = []
        self.cells: dict[str, _Cells] = {}

    def read(self) -> list[_Cells]:
        for column in self.columns:
            if column.name in self.mapping.targets:
                self.cells[column.name] = self._cells(column)
        evidence = self._date_evidence()
        for item in sorted(self.cells.values(), key=lambda item: _turn(item.column)):
            self._check_characters(item)
            self._read_one(item, evidence)
            self._check_range(item)
            self._check_required(item)
        self._settle_currency()
        values = {name: item.values for name, item in self.cells.items() if item.values is not None}
        self.notes += doubts(values, {name: item.header for name, item in self.cells.items()})
        return [self.cells[column.name] for column in self.columns if column.name in self.cells]

    def _cells(self, column: Column) -> _Cells:
        name, mapping = column.name, self.mapping
        header = mapping.header_of.get(name, "")
        if header:
            texts = self._texts(header, name)
        elif name in mapping.derived:
            header = mapping.derived[name].header
            texts = self._derived(name)
        else:
            header, texts = column.label, pl.Series([None] * self.raw.num_rows, dtype=pl.String)
        if name in mapping.values:
            words = {fold(word): value for word, value in mapping.values[name].items()}
            texts = _translate(texts, lambda text: words.get(fold(text), text))
        if name in mapping.constants:
            texts = texts.fill_null(mapping.constants[name])
        return _Cells(column, header, texts)

    def _texts(self, header: str, name: str) -> pl.Series:
        series = pl.Series("text", self.raw[header].combine_chunks())
        multiline = name in MULTILINE
        return pl.DataFrame({"text": series}).select(
            clean(pl.col("text"), multiline=multiline).alias("text")
        )["text"]

    def _derived(self, name: str) -> pl.Series:
        rule = self.mapping.derived[name]
        words = {fold(word): value for word, value in rule.values.items()}
        texts = self._texts(rule.header, name)
        otherwise = rule.otherwise or None
        found = _translate(texts, lambda text: words.get(fold(text), otherwise))
        return found if otherwise is None else found.fill_null(otherwise)

    def _date_evidence(self) -> dates.OrderEvidence:
        evidence = dates.OrderEvidence()
        for item in self.cells.values():
            if item.column.kind in (Kind.DATE, Kind.INSTANT):
                evidence += dates.order_evidence(_distinct(item.texts))
        return evidence

    def _check_characters(self, item: _Cells) -> None:
        mask = item.texts.str.contains(r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F]")
        if mask.any():
            item.issues.append(
                issues_where(
                    mask, item.texts, code="control-character", message="{} holds characters that cannot be shown.",
                    fix="Type the value again.",
                )
            )  # fmt: skip

    def _read_one(self, item: _Cells, evidence: dates.OrderEvidence) -> None:
        kind, column = item.column.kind, item.column
        if kind is Kind.NUMBER:
            self._number(item)
        elif kind is Kind.MONEY:
            self._money(item)
        elif kind in (Kind.DATE, Kind.INSTANT):
            self._date(item, evidence)
        elif kind is Kind.BOOLEAN:
            self._by_text(item, read_boolean, pl.Boolean)
        elif kind is Kind.LIST:
            item.values = _lists(item.texts)
        elif column.choices:
            self._by_text(item, lambda text: read_choice(text, column.choices), pl.String)
        else:
            self._text(item)

    def _by_text(
        self, item: _Cells, read: Callable[[str], Read], dtype: pl.DataType | type[pl.DataType]
    ) -> pl.Series:
        item.values, issues, extra = read_distinct(item.texts, read, dtype=dtype)
        item.issues.append(issues)
        return extra

    def _number(self, item: _Cells) -> None:
        scale = self.mapping.scale.get(item.column.name, Decimal(1))
        comma = numbers.has_decimal_comma(_distinct(item.texts))
        plain = item.texts.str.contains(_PLAIN_NUMBER).fill_null(False)
        if comma:
            plain &= ~item.texts.str.contains(_LONE_POINT).fill_null(False)
        if scale != 1:
            plain &= False
        fast = _where(plain, item.texts).cast(pl.Float64, strict=False)
        slow, issues, _ = read_distinct(
            _where(~plain, item.texts),
            lambda text: numbers.read_number(text, comma=comma, scale=scale),
            dtype=pl.Float64,
        )
        item.values = fast.fill_null(slow)
        item.issues.append(issues)

    def _money(self, item: _Cells) -> None:
        scale = self.mapping.scale.get(item.column.name, Decimal(1))
        comma = numbers.has_decimal_comma(_distinct(item.texts))
        plain = item.texts.str.contains(_PLAIN_MONEY).fill_null(False)
        if scale != 1:
            plain &= False
        dtype = pl.Decimal(18, 2)
        fast = _where(plain, item.texts).str.to_decimal(scale=2).cast(dtype)
        slow, issues, currency = read_distinct(
            _where(~plain, item.texts),
            lambda text: numbers.read_money(text, comma=comma, scale=scale),
            dtype=dtype,
        )
        item.values = fast.fill_null(slow)
        item.issues.append(issues)
        item.currency = currency

    def _date(self, item: _Cells, evidence: dates.OrderEvidence) -> None:
        order = self._order(item, evidence)
        is_day = item.column.kind is Kind.DATE
        plain = item.texts.str.contains(_ISO_DATE).fill_null(False)
        days = _where(plain, item.texts).str.to_date("%Y-%m-%d", strict=False)
        plain &= days.is_not_null()  # a day that does not exist is told by the slow way
        dtype = pl.Date() if is_day else pl.Datetime("us", "UTC")
        fast = days if is_day else days.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        read = dates.read_date if is_day else dates.read_instant
        slow, issues, extra = read_distinct(
            _where(~plain, item.texts), lambda text: read(text, order=order), dtype=dtype
        )
        item.values = fast.fill_null(slow)
        item.issues.append(issues)
        self._tell(
            item, extra, "serial", "excel-serials", "{n} numbers in {header!r} were read as Excel days."
        )
        self._tell(
            item,
            extra,
            "century",
            "two-digit-years",
            "{n} years of two digits in {header!r}: 69 is 2069, 70 is 1970.",
        )

    def _order(self, item: _Cells, evidence: dates.OrderEvidence) -> dates.Order:
        stated = self.mapping.dates.get(item.column.name) or self.date_order
        if stated == "dmy":
            return "dmy"
        if stated == "mdy":
            return "mdy"
        own = dates.order_evidence(_distinct(item.texts))
        found = own.order or evidence.order
        if found is None and own.either:
            self.notes.append(
                Problem(
                    "ambiguous-date-order",
                    f"No date in {item.header!r} shows whether day or month comes first; read as month/day/year.",
                    f"If the day comes first, add 'dates: {{{item.column.name}: dmy}}' to the mapping.",
                    f"column {item.header}",
                )
            )
        return found or "mdy"

    def _tell(self, item: _Cells, extra: pl.Series, mark: str, code: str, message: str) -> None:
        n = int((extra == mark).sum() or 0)
        if n:
            said = message.format(n=f"{n:,}", header=item.header)
            self.notes.append(Problem(code, said, where=f"column {item.header}"))

    def _text(self, item: _Cells) -> None:
        column = item.column
        base = column.name.removeprefix("home_")
        if base == "country":
            self._by_text(item, self.places.country, pl.String)
        elif base == "state":
            self._with_country(item, self.places.state)
        elif base == "postal_code":
            self._with_country(item, read_postal_code)
        elif base in ("domain", "phone") and not column.name.startswith("custom."):
            self._address(item, base)
        elif base in _READERS and not column.name.startswith("custom."):
            self._by_text(item, _READERS[base], pl.String)
        else:
            item.values = item.texts
        limit = max_chars(self.table, column.name)
        assert item.values is not None
        mask = item.values.str.len_chars() > limit
        if mask.any():
            item.issues.append(
                issues_where(
                    mask, item.texts, code="too-long", message=f"{{}} is longer than {limit:,} characters.",
                    fix="Shorten it.",
                )
            )  # fmt: skip

    def _address(self, item: _Cells, base: str) -> None:
        if base == "domain":
            fast = item.texts.str.to_lowercase().str.extract(addresses.PLAIN_DOMAIN, 1)
        else:
            fast = _where(item.texts.str.contains(addresses.PLAIN_PHONE).fill_null(False), item.texts)
        slow, issues, _ = read_distinct(_where(fast.is_null(), item.texts), _READERS[base], dtype=pl.String)
        item.values = fast.fill_null(slow)
        item.issues.append(issues)

    def _with_country(self, item: _Cells, read: Callable[[str, str], Read]) -> None:
        prefix = "home_" if item.column.name.startswith("home_") else ""
        country = self.cells.get(f"{prefix}country")
        if country is None or country.values is None:
            codes = pl.Series([""] * len(item.texts), dtype=pl.String)
        else:
            codes = country.values.fill_null("")
        joined = _paired(codes, item.texts)

        def read_pair(pair: str) -> Read:
            code, _, text = pair.partition("\x1f")
            return read(text, code)

        item.values, issues, extra = read_distinct(joined, read_pair, dtype=pl.String)
        item.issues.append(
            issues.with_columns(
                pl.col("value").str.split_exact("\x1f", 1).struct.field("field_1").alias("value")
            )
        )
        for mark, code, what in (
            ("kept", "states-kept", "are no ISO 3166-2 names of their country and were kept as text"),
            ("odd", "odd-postal-codes", "do not have the form of their country and were kept as text"),
        ):
            self._tell_examples(item, extra == mark, code, what)

    def _tell_examples(self, item: _Cells, mask: pl.Series, code: str, what: str) -> None:
        found = item.texts.filter(mask.fill_null(False))
        if len(found):
            examples = ", ".join(found.unique(maintain_order=True).head(3).to_list())
            message = f"{len(found):,} values of {item.header!r} {what}, e.g. {examples}."
            self.notes.append(Problem(code, message, where=f"column {item.header}"))

    def _check_range(self, item: _Cells) -> None:
        column = item.column
        if column.kind not in (Kind.NUMBER, Kind.MONEY):
            return
        assert item.values is not None
        numbers_ = item.values.cast(pl.Float64)
        low, high = column.minimum, column.maximum
        if low is not None:
            self._range_issue(item, numbers_ < low, "below-minimum", f"less than {low:g}")
        if high is not None:
            self._range_issue(item, numbers_ > high, "above-maximum", f"more than {high:g}")

    def _range_issue(self, item: _Cells, mask: pl.Series, code: str, said: str) -> None:
        if mask.any():
            fix = f"{item.column.label} must not be {said}."
            item.issues.append(issues_where(mask, item.texts, code=code, message=f"{{}} is {said}.", fix=fix))

    def _check_required(self, item: _Cells) -> None:
        if not item.column.required:
            return
        assert item.values is not None
        blank = item.values.is_null()
        for issues in item.issues:
            blank &= ~pl.int_range(len(blank), eager=True).is_in(issues["at"].implode())
        if blank.any():
            item.issues.append(
                issues_where(
                    blank, item.texts, code="missing-value", message=f"{item.column.label} is empty.",
                    fix=f"Every row needs {item.column.label.lower()!r}.",
                )
            )  # fmt: skip

    def _settle_currency(self) -> None:
        """Take the currency found beside amounts; reject rows where it contradicts the stated one."""
        names = {column.name for column in self.columns}
        amounts = [
            item
            for item in self.cells.values()
            if item.currency is not None and item.currency.is_not_null().any()
        ]
        if "currency" not in names:
            return
        stated = self.cells.get("currency")
        if stated is not None:
            self._check_currency(stated)
        if not amounts:
            return
        if stated is None:
            column = next(column for column in self.columns if column.name == "currency")
            blank = pl.Series([None] * self.raw.num_rows, dtype=pl.String)
            stated = self.cells["currency"] = _Cells(column, column.label, blank, blank)
        assert stated.values is not None
        settled = stated.values
        for item in amounts:
            assert item.currency is not None
            pair = _paired(settled.fill_null(""), item.currency)
            agrees, _, _ = read_distinct(pair, _agree, dtype=pl.Boolean)
            clash = ~agrees.fill_null(True)
            if clash.any():
                item.issues.append(
                    issues_where(
                        clash, item.texts, code="currency-conflict",
                        message="{} is in another currency than the row says.", fix="Use one currency per row.",
                    )
                )  # fmt: skip
            settled = settled.fill_null(item.currency.replace({"$": "USD"}))
        stated.values = settled

    def _check_currency(self, stated: _Cells) -> None:
        def read(text: str) -> Read:
            if is_no_value(text):
                return Read()
            code = text.upper()
            if numbers.is_currency(code):
                return Read(code)
            found = numbers.read_money(f"{text} 1").extra
            if found:
                return Read("USD" if found == "$" else found)
            return Read(
                code="bad-currency",
                message=f"{text[:80]!r} is no currency.",
                fix="Use the ISO code, e.g. USD.",
            )

        self._by_text(stated, read, pl.String)


def _agree(pair: str) -> Read:
    stated, _, found = pair.partition("\x1f")
    return Read(not stated or numbers.currencies_agree(stated, found))


def _paired(left: pl.Series, right: pl.Series) -> pl.Series:
    """Return ``left␟right`` per row; null where the right one is."""
    return pl.DataFrame({"left": left, "right": right}).select(
        pair=pl.concat_str("left", pl.lit("\x1f"), "right")
    )["pair"]


def _turn(column: Column) -> int:
    """Countries first: states and postal codes are read by them."""
    return 0 if column.name.removeprefix("home_") == "country" else 1


def _where(mask: pl.Series, texts: pl.Series) -> pl.Series:
    return pl.DataFrame({"text": texts, "mask": mask}).select(
        pl.when("mask").then("text").otherwise(None).alias("text")
    )["text"]


def _distinct(texts: pl.Series) -> list[str]:
    return texts.drop_nulls().unique().to_list()


def _translate(texts: pl.Series, word: Callable[[str], str | None]) -> pl.Series:
    found, _, _ = read_distinct(texts, lambda text: Read(word(text)), dtype=pl.String)
    return pl.DataFrame({"text": found}).select(
        pl.when(pl.col("text") == "").then(None).otherwise(pl.col("text")).alias("text")
    )["text"]


def _lists(texts: pl.Series) -> pl.Series:
    found, _, _ = read_distinct(texts, lambda text: Read(split_list(text) or None), dtype=pl.List(pl.String))
    return found


def _digits(width: int) -> Callable[[str], Read]:
    def read(text: str) -> Read:
        code = text.removesuffix(".0")
        return Read(code.zfill(width) if code.isdigit() else code)

    return read


_READERS: dict[str, Callable[[str], Read]] = {
    "domain": addresses.read_domain,
    "email": addresses.read_email,
    "phone": addresses.read_phone,
    "county": _digits(5),
    "naics": _digits(0),
    "language": lambda text: Read(text.lower()),
}
