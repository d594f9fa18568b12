"""Which classes of an axis have values at all, and a plausible value of each.

Between 249 and 250 employees there is nobody, a lifecycle is one of a few words, and revenue is never negative: what the
columns do not admit is no gap and makes no rule possible. A class counts as empty only when that is certain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from functools import cached_property
from typing import Any

from merestone.core.criteria import Field
from merestone.core.criteria.values import fold, read_value
from merestone.core.model.columns import ACCOUNTS, LEADS, Column, Kind
from merestone.core.rules.axes import Axis, Region, complement, ranges

WHOLE_NUMBERS = frozenset(("employees", "founded_year"))
_FINE = Context(prec=60)

# Values that make an example look like an account; the first that fits is taken.
PLAUSIBLE: Mapping[str, tuple[str, ...]] = {
    "country": (
        "US",
        "CA",
        "DE",
        "GB",
        "FR",
        "JP",
        "AU",
        "BR",
        "IN",
        "MX",
        "CH",
        "ES",
        "SE",
        "NL",
        "PL",
        "ZA",
    ),
    "state": ("CA", "NY", "TX", "IL", "FL", "WA", "MA", "ON", "BY", "OH", "CO", "GA", "PA", "NC", "AZ", "HI"),
    "city": ("Springfield", "Berlin", "Toronto", "Lyon", "Austin", "Zürich", "Oslo"),
    "postal_code": ("94105", "10001", "60601", "30301", "80202", "02108", "77002", "98101"),
    "county": ("06075", "36061", "17031", "48201"),
    "industry": ("Manufacturing", "Retail", "Software", "Health care", "Logistics", "Education"),
    "naics": ("541511", "325412", "423450", "622110", "236220", "111998"),
    "name": ("Example Ltd", "Northwind Traders", "Acme Works", "Blue Harbour", "Zenith Labs"),
    "company": ("Example Ltd", "Northwind Traders", "Acme Works"),
    "domain": ("example.com", "northwind.example", "zenith.example"),
    "external_id": ("EXAMPLE-1", "A-0", "X-999999", "0"),
    "language": ("en", "de", "fr", "es", "ja"),
}
_NUMBERS = {
    "employees": (120, 20, 5, 700, 2_500, 15_000),
    "revenue": (5_000_000, 500_000, 50_000_000, 900_000_000),
    "potential": (50_000, 5_000, 500_000, 5_000_000),
    "founded_year": (1998, 2015, 1970, 1900),
    "latitude": (37, 52, 0, -33),
    "longitude": (-122, 13, 0, 151),
}
_DAYS = (date(2024, 5, 6), date(2019, 5, 6), date(2030, 5, 6), date(2000, 5, 6))


@dataclass(frozen=True)
class Admitted:
    """What one axis admits.

    Parameters
    ----------
    axis : Axis
    field : Field
    spelling : mapping
        Point -> the way the rules write it.
    """

    axis: Axis
    field: Field
    spelling: Mapping[Any, Any]

    @cached_property
    def region(self) -> Region:
        """The classes that may have values."""
        if self.axis.kind is Kind.LIST:
            return (0, 1, self.axis.missing, self.axis.missing + 1)
        empty = sorted(number for number in range(self.axis.missing) if self._is_empty(number))
        if self._is_required:
            empty.append(self.axis.missing)
        outside = tuple(bound for number in empty for bound in (number, number + 1))
        return complement(_joined(outside), self.axis.n_classes)

    def sample(self, number: int) -> Any:
        """Return a value of a class as a record would hold it; None for the missing class, or when none was found."""
        return None if number == self.axis.missing else self._samples.get(number) or self._find(number)

    def samples(self, region: Region, *, most: int) -> list[Any]:
        """Return values of up to ``most`` classes of a region, plausible ones first; None stands for missing."""
        found = list(self.plausible(region))
        classes = (number for low, high in ranges(region) for number in range(low, high))
        for number in classes:
            if len(found) >= most:
                break
            value = self.sample(number)
            if value is not None or number == self.axis.missing:
                found.append(value)
        return list(dict.fromkeys(found))[:most]

    def plausible(self, region: Region) -> Iterator[Any]:
        """Yield the well-known values of this field that lie in a region."""
        for value in self._pool():
            number = self.class_of(value)
            if number is not None and any(low <= number < high for low, high in ranges(region)):
                yield self.spelling.get(fold(value), value) if isinstance(value, str) else value

    def class_of(self, value: Any) -> int | None:
        """Return the class of a value as a record would hold it; None when the field cannot hold it."""
        read = read_value(self.field.kind, value)
        if read is None:
            return None
        return self.axis.class_of(fold(read) if isinstance(read, str) else read)

    # --- finding values

    @cached_property
    def _samples(self) -> dict[int, Any]:
        return {}

    def _find(self, number: int) -> Any:
        for value in self._candidates(number):
            if self.class_of(value) == number:
                self._samples[number] = value
                return value
        return None

    def _candidates(self, number: int) -> Iterator[Any]:
        position, is_point = divmod(number, 2)
        if self.field.choices:
            yield from self.field.choices
            return
        if is_point:
            point = self.axis.points[position]
            yield self.spelling.get(point, point)
            yield point
        below = self.axis.points[position - 1] if position > 0 else None
        above = self.axis.points[position] if position < len(self.axis.points) else None
        yield from self._pool()
        yield from _BETWEEN[self.axis.kind](self, below, above)

    def _pool(self) -> Iterable[Any]:
        if self.field.choices:
            return self.field.choices
        if self.axis.kind in (Kind.NUMBER, Kind.MONEY):
            return map(Decimal, _NUMBERS.get(self.field.name, ()))
        if self.axis.kind in (Kind.DATE, Kind.INSTANT):
            return _DAYS
        return PLAUSIBLE.get(self.field.name, ()) if self.axis.kind is Kind.TEXT else ()

    def _text_between(self, below: str | None, above: str | None) -> Iterator[str]:
        if below is not None and above is not None and below.isdigit() and above.isdigit():
            if len(below) == len(above):
                yield str((int(below) + int(above)) // 2).zfill(len(below))
            yield below + "0"
        yield from ("other", "0", "!", "\x01") if below is None else ("other", "z", "~")
        start = below or ""
        written = self.spelling.get(start, start)
        for text in (written, start):
            yield from (f"{text}{end}" for end in ("-x", " x", "x", "0", "!", "\x01"))
        if start:
            first = ord(start[-1])
            yield from (start[:-1] + chr(code) for code in range(first + 1, min(first + 64, 0x10FFFF)))

    def _number_between(self, below: Decimal | None, above: Decimal | None) -> Iterator[Decimal]:
        low, high = self._limits
        start = below if below is not None else low
        end = above if above is not None else high
        if start is None and end is None:
            yield Decimal(1)
        elif start is None:
            assert end is not None
            yield from (end - 1, end - abs(end) - 1)
        elif end is None:
            yield from (_round_up(start), start + 1, start * 2)
        else:
            middle = _FINE.divide(_FINE.add(start, end), Decimal(2))
            if self._is_whole:
                yield middle.to_integral_value(ROUND_FLOOR)
                yield start.to_integral_value(ROUND_FLOOR) + 1
            yield from (_nice(middle, start, end), start if below is None else middle, middle)
            yield end if above is None else middle

    def _date_between(self, below: date | None, above: date | None) -> Iterator[date]:
        day = timedelta(days=1)
        if below is not None and below < date.max:
            yield below + day
        if above is not None and above > date.min:
            yield above - day

    def _truth_between(self, *_: Any) -> Iterator[bool]:
        yield from (False, True)

    def _nothing_between(self, *_: Any) -> Iterator[Any]:
        yield from ()

    # --- what is certainly empty

    def _is_empty(self, number: int) -> bool:
        position, is_point = divmod(number, 2)
        below = self.axis.points[position - 1] if position > 0 else None
        above = self.axis.points[position] if position < len(self.axis.points) else None
        if self.axis.kind is Kind.TEXT and not self.field.choices:
            return _is_no_text(above) if is_point else _is_nothing_between(below, above)
        if self.axis.kind in (Kind.NUMBER, Kind.MONEY):
            return self._is_no_number(above) if is_point else self._is_no_range(below, above)
        return self._find(number) is None  # of choices, truths and days all there are have been tried

    def _is_no_number(self, value: Any) -> bool:
        low, high = self._limits
        is_outside = (low is not None and value < low) or (high is not None and value > high)
        return is_outside or (self._is_whole and value != value.to_integral_value())

    def _is_no_range(self, below: Any, above: Any) -> bool:
        low, high = self._limits
        if (above is not None and low is not None and above <= low) or (
            below is not None and high is not None and below >= high
        ):
            return True
        if not self._is_whole or above is None:
            return False
        start = below if below is not None else low
        if start is None:
            return False
        first = start.to_integral_value(ROUND_FLOOR) + 1 if below is not None else start
        return bool(first.to_integral_value(ROUND_CEILING) >= above)

    @property
    def _is_whole(self) -> bool:
        return self.field.name in WHOLE_NUMBERS and not self.field.is_custom

    @cached_property
    def _columns(self) -> list[Column]:
        if self.field.is_custom:
            return []
        return [table[self.field.name] for table in (ACCOUNTS, LEADS) if self.field.name in table.names]

    @cached_property
    def _limits(self) -> tuple[Decimal | None, Decimal | None]:
        low = [column.minimum for column in self._columns]
        high = [column.maximum for column in self._columns]
        return (
            Decimal(str(min(low))) if low and None not in low else None,  # type: ignore[type-var]
            Decimal(str(max(high))) if high and None not in high else None,  # type: ignore[type-var]
        )

    @property
    def _is_required(self) -> bool:
        return bool(self._columns) and all(column.required for column in self._columns)


_BETWEEN: Mapping[Kind, Any] = {
    Kind.TEXT: Admitted._text_between,
    Kind.NUMBER: Admitted._number_between,
    Kind.MONEY: Admitted._number_between,
    Kind.DATE: Admitted._date_between,
    Kind.INSTANT: Admitted._date_between,
    Kind.BOOLEAN: Admitted._truth_between,
    Kind.LIST: Admitted._nothing_between,
}


def _joined(flat: tuple[int, ...]) -> Region:
    """Return single classes, ascending, as a region."""
    found: list[int] = []
    for low, high in ranges(flat):
        if found and found[-1] == low:
            found[-1] = high
        else:
            found += (low, high)
    return tuple(found)


def _is_no_text(point: Any) -> bool:
    """Return whether no text folds to this: blank, or itself folded to another."""
    return not point.strip() or fold(point) != point


def _is_nothing_between(below: Any, above: Any) -> bool:
    if below is None:
        return above is not None and not above.strip("\x00")
    return above is not None and above.startswith(below) and not above[len(below) :].strip("\x00")


def _round_up(value: Decimal) -> Decimal:
    """Return a rounder number above: half as much again."""
    more = value + max(abs(value) / 2, Decimal(10))
    return _nice(more, value, more * 2 if more > 0 else more + 1)


def _nice(middle: Decimal, low: Decimal, high: Decimal) -> Decimal:
    """Return the roundest number near ``middle`` strictly between two others."""
    for digits in range(1, 30):
        if not middle.is_finite() or not middle:
            break
        unit = Decimal(1).scaleb(middle.adjusted() - digits + 1)
        rounded = (middle / unit).to_integral_value() * unit
        if low < rounded < high:
            return Decimal(f"{rounded:f}")
    return middle
