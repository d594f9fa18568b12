"""Filters of lists, kept in the URL: ``state=CA&state=OR&employees.min=50&owner.empty=yes&name=labs``."""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import Count, Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.http import QueryDict
from django.utils import timezone

from merestone.core.model.columns import Kind
from merestone.web.tables.columns import ListColumn

MAX_OPTIONS = 200


@dataclass(frozen=True, slots=True)
class Filter:
    """One active condition on one column.

    Parameters
    ----------
    keys : tuple of (str, str)
        The URL parameters it came from.
    words : str
        The condition as a chip says it.
    """

    column: ListColumn
    condition: Q
    keys: tuple[tuple[str, str], ...]
    words: str


def read_filters(column: ListColumn, query: QueryDict) -> list[Filter]:
    """Return the conditions a URL sets on a column; values that make no sense are left out."""
    if not column.is_filterable:
        return []
    found = [_empty(column, query)]
    if column.has_options:
        found.append(_options(column, query))
    elif column.kind in (Kind.NUMBER, Kind.MONEY):
        found += [_bound(column, query, end) for end in ("min", "max")]
    elif column.kind in (Kind.DATE, Kind.INSTANT):
        found += [_day(column, query, end) for end in ("from", "to")]
    else:
        found.append(_contains(column, query))
    return [one for one in found if one is not None]


def _empty(column: ListColumn, query: QueryDict) -> Filter | None:
    key = f"{column.name}.empty"
    value = query.get(key)
    if value not in ("yes", "no"):
        return None
    blank = Q(**{f"{column.path}__isnull": True})
    if column.kind is Kind.TEXT:
        blank |= Q(**{column.path: ""})
    if column.kind is Kind.LIST:
        blank |= Q(**{column.path: []})
    is_blank = value == "yes"
    return Filter(
        column, blank if is_blank else ~blank, ((key, value),), "is empty" if is_blank else "is not empty"
    )


def _options(column: ListColumn, query: QueryDict) -> Filter | None:
    values = [value for value in query.getlist(column.name) if value]
    if column.kind is Kind.BOOLEAN:
        values = [value for value in values if value in ("yes", "no")]
    if not values:
        return None
    wanted: list[Any] = [value == "yes" for value in values] if column.kind is Kind.BOOLEAN else values
    names = [column.say(value) for value in values]
    words = names[0] if len(names) == 1 else f"{', '.join(names[:3])}{' …' if len(names) > 3 else ''}"
    return Filter(
        column,
        Q(**{f"{column.path}__in": wanted}),
        tuple((column.name, value) for value in values),
        f"is {words}",
    )


def _bound(column: ListColumn, query: QueryDict, end: str) -> Filter | None:
    key = f"{column.name}.{end}"
    try:
        value = Decimal(query.get(key, "").replace(",", "").strip())
    except InvalidOperation:
        return None
    if not value.is_finite() or abs(value) > Decimal(10) ** 15:
        return None
    lookup, words = ("gte", "at least") if end == "min" else ("lte", "at most")
    wanted = value if column.kind is Kind.MONEY else float(value)
    return Filter(
        column, Q(**{f"{column.path}__{lookup}": wanted}), ((key, query.get(key, "")),), f"{words} {value:,}"
    )


def _day(column: ListColumn, query: QueryDict, end: str) -> Filter | None:
    key = f"{column.name}.{end}"
    try:
        day = date.fromisoformat(query.get(key, ""))
    except ValueError:
        return None
    words = "from" if end == "from" else "to"
    if column.kind is Kind.DATE:
        condition = Q(**{f"{column.path}__{'gte' if end == 'from' else 'lte'}": day})
    else:  # whole days in the person's zone
        limit = day if end == "from" else day + timedelta(days=1)
        instant = datetime.combine(limit, time(), zoneinfo.ZoneInfo(timezone.get_current_timezone_name()))
        condition = Q(**{f"{column.path}__{'gte' if end == 'from' else 'lt'}": instant})
    return Filter(column, condition, ((key, query.get(key, "")),), f"{words} {day:%-d %b %Y}")


def _contains(column: ListColumn, query: QueryDict) -> Filter | None:
    value = query.get(column.name, "").strip()[:200]
    if not value:
        return None
    path = f"{column.name}_text" if column.kind is Kind.LIST else column.path
    return Filter(column, Q(**{f"{path}__icontains": value}), ((column.name, value),), f"contains “{value}”")


def with_text_of_lists(rows: QuerySet[Any], columns: list[ListColumn]) -> QuerySet[Any]:
    """Return the rows with list columns also as text, for the columns filtered by what they contain."""
    lists = {column for column in columns if column.kind is Kind.LIST}
    return (
        rows.annotate(**{f"{column.name}_text": Cast(column.path, TextField()) for column in lists})
        if lists
        else rows
    )


def options_of(column: ListColumn, rows: QuerySet[Any]) -> list[tuple[str, str, int | None]]:
    """Return (value, words, count) to tick for a column; counts are of the visible rows."""
    if column.kind is Kind.BOOLEAN:
        return [("yes", "Yes", None), ("no", "No", None)]
    counted = dict(
        rows.order_by()
        .values_list(column.path)
        .annotate(n=Count("pk"))
        .order_by("-n", column.path)[:MAX_OPTIONS]
    )
    if column.choices:
        return [(value, column.say(value), counted.get(value, 0)) for value in column.choices]
    return [(str(value), column.say(value), n) for value, n in counted.items() if value not in (None, "")]
