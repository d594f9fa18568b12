"""Dates and instants in the common forms, with the order of day and month found per column."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from merestone.app.exchange.texts import fold, is_no_value
from merestone.app.exchange.values import Read

Order = Literal["dmy", "mdy"]
_MONTH_NAMES = (
    "january jan januar janvier janv enero ene gennaio gen",
    "february feb februar fevrier fevr febrero febbraio",
    "march mar marz mars marzo maerz",
    "april apr avril avr abril abr aprile",
    "may mai mayo maggio",
    "june jun juni juin junio giugno",
    "july jul juli juillet juil julio luglio",
    "august aug aout agosto ago",
    "september sep sept septembre septiembre settembre",
    "october oct oktober okt octobre octubre ottobre",
    "november nov novembre noviembre",
    "december dec dezember dez decembre diciembre dic dicembre",
)
_MONTHS = {word: number for number, words in enumerate(_MONTH_NAMES, start=1) for word in words.split()}
_TIME = (
    r"(?:[T ]\s*(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
)
_ISO = re.compile(
    rf"^(?P<year>\d{{4}})(?P<mark>[-/.])(?P<month>\d{{1,2}})(?P=mark)(?P<day>\d{{1,2}}){_TIME}$"
)
_NUMERIC = re.compile(
    rf"^(?P<a>\d{{1,2}})(?P<mark>[-/.])\s?(?P<b>\d{{1,2}})(?P=mark)\s?(?P<year>\d{{4}}|\d{{2}}){_TIME}$"
)
_DAY_NAME = r"(?:[A-Za-z]{2,9}[,.]?\s+)?"
_DAY_FIRST = re.compile(
    rf"^{_DAY_NAME}(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?[\s-]*(?:de |of )?(?P<name>[^\W\d_]{{3,12}})\.?[\s,-]*(?:de )?(?P<year>\d{{4}}|\d{{2}}){_TIME}$"
)
_MONTH_FIRST = re.compile(
    rf"^{_DAY_NAME}(?P<name>[^\W\d_]{{3,12}})\.?[\s-]*(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[\s,-]+(?P<year>\d{{4}}|\d{{2}}){_TIME}$"
)
_COMPACT = re.compile(r"^(?P<year>(?:19|20|21)\d{2})(?P<month>\d{2})(?P<day>\d{2})$")
_SERIAL = re.compile(r"^\d{5}(?:\.\d+)?$")
_SERIAL_DAY_0 = dt.datetime(1899, 12, 30, tzinfo=dt.UTC)
_LEAST_SERIAL, _LAST_SERIAL = 15_000, 80_000  # 1941 to 2119: outside, five digits are no date
_FIX = "Write it as YYYY-MM-DD."


@dataclass(frozen=True, slots=True)
class OrderEvidence:
    """How many distinct dates can only be day-month or month-day, and how many could be both."""

    dmy: int = 0
    mdy: int = 0
    either: int = 0

    def __add__(self, other: OrderEvidence) -> OrderEvidence:
        return OrderEvidence(self.dmy + other.dmy, self.mdy + other.mdy, self.either + other.either)

    @property
    def order(self) -> Order | None:
        """The order most dates need; null when none says."""
        if self.dmy == self.mdy:
            return None
        return "dmy" if self.dmy > self.mdy else "mdy"


def order_evidence(texts: Iterable[str]) -> OrderEvidence:
    """Return what distinct texts say on the order; dotted dates are always day-month and say nothing."""
    dmy = mdy = either = 0
    for text in texts:
        found = _NUMERIC.match(text)
        if not found or found["mark"] == ".":
            continue
        a, b = int(found["a"]), int(found["b"])
        if a > 12 >= b:
            dmy += 1
        elif b > 12 >= a:
            mdy += 1
        elif a != b:
            either += 1
    return OrderEvidence(dmy, mdy, either)


def read_date(text: str, *, order: Order) -> Read:
    """Return the day; a time of day is left out."""
    read = read_instant(text, order=order, local=True)
    return Read(read.value.date(), extra=read.extra) if read.value is not None else read


def read_instant(text: str, *, order: Order, local: bool = False) -> Read:
    """Return the instant in UTC, taking a time without a zone as UTC; with ``local``, as written.

    ``extra`` is ``serial`` for an Excel day number and ``century`` for a two-digit year.
    """
    if is_no_value(text):
        return Read()
    if _SERIAL.match(text) and _LEAST_SERIAL <= float(text) <= _LAST_SERIAL:
        moment = _SERIAL_DAY_0 + dt.timedelta(seconds=round(float(text) * 86_400))
        return Read(moment, extra="serial")
    parts = _parts(text, order)
    if parts is None:
        return Read(code="bad-date", message=f"{text[:80]!r} is not a date.", fix=_FIX)
    year, month, day, found = parts
    if not 1 <= month <= 12:
        said = "day.month" if order == "dmy" else "month/day"
        return Read(
            code="bad-date", message=f"{text!r} is not a {said} date: there is no month {month}.", fix=_FIX
        )
    try:
        moment = dt.datetime(year, month, day, tzinfo=dt.UTC) + _time(found)
    except (ValueError, OverflowError):
        return Read(code="no-such-date", message=f"{text!r} is a date that does not exist.", fix=_FIX)
    extra = "century" if len(found["year"]) == 2 else None
    return Read(moment if local else _utc(moment, found), extra=extra)


def _parts(text: str, order: Order) -> tuple[int, int, int, re.Match[str]] | None:
    found = _ISO.match(text) or _COMPACT.match(text)
    if found:
        return int(found["year"]), int(found["month"]), int(found["day"]), found
    found = _NUMERIC.match(text)
    if found:
        a, b = int(found["a"]), int(found["b"])
        day, month = (a, b) if order == "dmy" or found["mark"] == "." else (b, a)
        return _year(found["year"]), month, day, found
    found = _DAY_FIRST.match(text) or _MONTH_FIRST.match(text)
    if found and fold(found["name"]) in _MONTHS:
        return _year(found["year"]), _MONTHS[fold(found["name"])], int(found["day"]), found
    return None


def _year(text: str) -> int:
    year = int(text)
    if len(text) == 4:
        return year
    return 2000 + year if year < 70 else 1900 + year


def _time(found: re.Match[str]) -> dt.timedelta:
    parts = found.groupdict()
    if not parts.get("hour"):
        return dt.timedelta()
    hour, minute, second = int(parts["hour"]), int(parts["minute"]), int(parts["second"] or 0)
    half = (parts["half"] or "")[:1].lower()
    if half:
        if not 1 <= hour <= 12:
            raise ValueError(hour)
        hour = hour % 12 + (12 if half == "p" else 0)
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(hour)
    micro = int((parts["fraction"] or "0").ljust(6, "0")[:6])
    return dt.timedelta(hours=hour, minutes=minute, seconds=second, microseconds=micro)


def _utc(moment: dt.datetime, found: re.Match[str]) -> dt.datetime:
    zone = found.groupdict().get("zone") or "Z"
    if zone[0] in "+-":
        digits = zone[1:].replace(":", "")
        offset = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        moment = moment - offset if zone[0] == "+" else moment + offset
    return moment
