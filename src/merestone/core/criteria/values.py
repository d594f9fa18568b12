"""Reading values: what a record holds, as the criteria language sees it.

One rule: a value that cannot be read as its field's kind counts as missing, and so do blank text and an empty list
(a flat file cannot tell those apart). Text is trimmed here and compared through ``fold``.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

from merestone.core.model.columns import Kind

Value: TypeAlias = str | Decimal | bool | date | tuple[str, ...] | None


def fold(text: str) -> str:
    """Return ``text`` trimmed and without case, the form in which text compares."""
    return text.strip().casefold()


def read_value(kind: Kind, raw: Any) -> Value:
    """Return ``raw`` as a value of ``kind``, or None when it is missing or unreadable.

    Parameters
    ----------
    kind : Kind
        The field's kind.
    raw : object
        As found in a record: Python, numpy or JSON scalars; lists as sequences or ``;``-separated text.
    """
    if hasattr(raw, "item") and not isinstance(raw, str | bytes) and getattr(raw, "ndim", 0) == 0:
        raw = raw.item()
    if raw is None:
        return None
    return _READERS[kind](raw)


def _text(raw: Any) -> str | None:
    if isinstance(raw, str):
        return raw.strip() or None
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, float):
        if math.isnan(raw):
            return None
        return str(int(raw)) if raw.is_integer() else repr(raw)
    if isinstance(raw, datetime | date):
        return raw.isoformat()
    if isinstance(raw, list | tuple):
        return ";".join(map(str, raw)).strip() or None
    return str(raw).strip() or None


def _number(raw: Any) -> Decimal | None:
    if isinstance(raw, bool):
        return None
    if isinstance(raw, float):
        return None if math.isnan(raw) else Decimal(repr(raw))
    if not isinstance(raw, int | str | Decimal):
        return None
    try:
        number = Decimal(raw.strip() if isinstance(raw, str) else raw)
    except InvalidOperation:
        return None
    return None if number.is_nan() else number


def _date(raw: Any) -> date | None:
    if isinstance(raw, str):
        try:
            raw = datetime.fromisoformat(raw.strip())
        except ValueError:
            return None
    if isinstance(raw, datetime):
        try:
            return (raw.astimezone(UTC) if raw.tzinfo else raw).date()
        except OverflowError:  # in UTC it is past the end of the calendar
            return None
    return raw if isinstance(raw, date) else None


_TRUTH = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}


def _boolean(raw: Any) -> bool | None:
    return raw if isinstance(raw, bool) else _TRUTH.get(fold(str(raw)))


def _list(raw: Any) -> tuple[str, ...] | None:
    items = raw.split(";") if isinstance(raw, str) else raw
    if not hasattr(items, "__iter__"):
        items = (items,)
    texts = (_text(item) for item in items if item is not None)
    return tuple(dict.fromkeys(text for text in texts if text)) or None


_READERS: dict[Kind, Any] = {
    Kind.TEXT: _text,
    Kind.NUMBER: _number,
    Kind.MONEY: _number,
    Kind.DATE: _date,
    Kind.INSTANT: _date,
    Kind.BOOLEAN: _boolean,
    Kind.LIST: _list,
    Kind.LOCATION: lambda _: None,  # read from latitude and longitude, never from one value
}
