"""Filters in the URL: ``state=CA``, ``employees__gte=50``, ``lifecycle__in=prospect,customer``.

All wrong parameters are told at once, each with the nearest right name.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import Q, TextField
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import Cast
from django.http import QueryDict

from merestone.api.fields import Field
from merestone.api.resources import Resource
from merestone.base.errors import Problem, UsageError
from merestone.core.model.columns import Kind
from merestone.db.queries import lists

INT64 = 2**63 - 1
MAX_CONDITIONS = 30
MAX_VALUES = 500
MAX_TEXT = 300
CONTROL = frozenset({"q", "sort", "fields", "limit", "cursor", "count"})

COMPARE = ("", "in", "ne", "gt", "gte", "lt", "lte", "isnull")
LOOKUPS: Mapping[Kind, tuple[str, ...]] = {
    Kind.TEXT: ("", "in", "ne", "contains", "startswith", "isnull"),
    Kind.NUMBER: COMPARE,
    Kind.MONEY: COMPARE,
    Kind.DATE: COMPARE,
    Kind.INSTANT: COMPARE,
    Kind.BOOLEAN: ("", "ne"),
    Kind.LIST: ("has", "isnull"),
}
MEANINGS = {
    "": "equals; give it again for any of several values",
    "in": "is one of these, separated by commas",
    "ne": "is something else, or missing",
    "contains": "contains this text, in any case",
    "startswith": "begins with this text, in any case",
    "gt": "is more than",
    "gte": "is at least",
    "lt": "is less than",
    "lte": "is at most",
    "isnull": "true: is missing; false: is there",
    "has": "has this entry",
}
DJANGO_LOOKUPS = {"contains": "icontains", "startswith": "istartswith"}
CUSTOM_KINDS = {Kind.TEXT: Kind.TEXT, Kind.NUMBER: Kind.NUMBER, Kind.BOOLEAN: Kind.BOOLEAN}


class BadValueError(ValueError):
    """A parameter's value makes no sense; the text says why."""


class BadParametersError(UsageError):
    """Parameters of a URL are wrong; ``problems`` lists all of them."""

    code = "bad-parameter"

    def __init__(self, problems: list[Problem]) -> None:
        only = problems[0] if len(problems) == 1 else None
        super().__init__(
            only.message if only else f"{len(problems)} parameters are wrong.", fix=only.fix if only else ""
        )
        self.problems = problems


@dataclass
class Conditions:
    """What the rows are limited to.

    Parameters
    ----------
    annotations : dict
        What must be computed first.
    """

    conditions: list[Q] = field(default_factory=list)
    annotations: dict[str, Any] = field(default_factory=dict)

    def apply(self, rows: Any) -> Any:
        """Return the rows that match."""
        if self.annotations:
            rows = rows.annotate(**self.annotations)
        for condition in self.conditions:
            rows = rows.filter(condition)
        return rows


def read_filters(resource: Resource, query: QueryDict, *, ignored: frozenset[str] = CONTROL) -> Conditions:
    """Return the conditions of a URL.

    Raises
    ------
    UsageError
        With every unknown parameter and bad value.
    """
    found, problems = Conditions(), []
    custom = _custom_fields(resource, query)
    names = [name for name in query if name not in ignored]
    if len(names) > MAX_CONDITIONS:
        raise UsageError(
            f"{len(names)} filters are too many.", code="too-many-filters", fix=f"Use {MAX_CONDITIONS}."
        )
    for name in names:
        target, lookup = _target_of(name, resource, custom)
        if target is None:
            problems.append(_unknown(name, resource, custom))
            continue
        try:
            _add(found, target, lookup=lookup, values=query.getlist(name), custom=custom)
        except BadValueError as error:
            problems.append(Problem("bad-value", f"'{query[name][:60]}': {error}", where=name))
    if problems:
        raise BadParametersError(problems)
    found.conditions += search_conditions(resource, query.get("q", ""))
    return found


def search_conditions(resource: Resource, text: str) -> list[Q]:
    """Return one condition per word of ``q``: each must occur in one of the search fields."""
    words = text.replace("\x00", " ")[:MAX_TEXT].split()[:8]
    found = []
    for word in words:
        anywhere = Q()
        for path in resource.search:
            anywhere |= Q(**{f"{path}__icontains": word})
        found.append(anywhere)
    return found


def _custom_fields(resource: Resource, query: QueryDict) -> dict[str, Field]:
    if not resource.has_custom or not any(name.startswith("custom.") for name in query):
        return {}
    return {
        f"custom.{row.key}": Field(
            f"custom.{row.key}",
            CUSTOM_KINDS[Kind(row.kind)],
            source=f"custom_{row.pk}",
            is_filterable=True,
        )
        for row in lists.custom_fields(resource.table)
        if Kind(row.kind) in CUSTOM_KINDS
    }


def _target_of(name: str, resource: Resource, custom: Mapping[str, Field]) -> tuple[Field | None, str]:
    base, mark, lookup = name.rpartition("__")
    if not mark:
        base, lookup = name, ""
    found = custom.get(base) or resource.field(base)
    if found is None or not found.is_filterable or lookup not in LOOKUPS[found.kind]:
        return None, ""
    return found, lookup


def _unknown(name: str, resource: Resource, custom: Mapping[str, Field]) -> Problem:
    fields = [one for one in (*resource.fields, *custom.values()) if one.is_filterable]
    known = [f"{one.name}__{look}" if look else one.name for one in fields for look in LOOKUPS[one.kind]]
    near = difflib.get_close_matches(name, [*known, *sorted(CONTROL)], n=1, cutoff=0.5)
    fix = (
        f"Did you mean '{near[0]}'?"
        if near
        else f"See GET /{resource.name} in the reference for what it takes."
    )
    return Problem(
        "unknown-parameter", f"'{name[:100]}' is not a parameter of /{resource.name}.", fix, where=name[:100]
    )


def _add(
    found: Conditions, target: Field, *, lookup: str, values: list[str], custom: Mapping[str, Field]
) -> None:
    path = target.path
    if target.name in custom:
        key = target.name.removeprefix("custom.")
        found.annotations[path] = KeyTransform(key, "custom")
    if lookup == "isnull":
        found.conditions.append(_blank(target, path, is_blank=_truth(values[-1])))
        return
    if lookup == "has":
        alias = f"{target.name}_text"
        found.annotations[alias] = Cast(path, TextField())
        found.conditions += [_has(alias, value) for value in values[:MAX_VALUES]]
        return
    if lookup == "in":
        values = [part for value in values for part in value.split(",")]
    if len(values) > MAX_VALUES:
        raise BadValueError(f"{len(values)} values are too many; use at most {MAX_VALUES}")
    # Part of a text needs not be one of the choices.
    read = parsed if lookup in DJANGO_LOOKUPS else value_of
    wanted = [read(target, value) for value in values]
    if lookup in ("", "in"):
        found.conditions.append(Q(**{f"{path}__in": wanted}) if len(wanted) != 1 else Q(**{path: wanted[0]}))
    elif lookup == "ne":
        found.conditions.append(~Q(**{f"{path}__in": wanted}) | Q(**{f"{path}__isnull": True}))
    else:
        found.conditions += [
            Q(**{f"{path}__{DJANGO_LOOKUPS.get(lookup, lookup)}": value}) for value in wanted
        ]


def _blank(target: Field, path: str, *, is_blank: bool) -> Q:
    condition = Q(**{f"{path}__isnull": True})
    if target.kind is Kind.TEXT:
        condition |= Q(**{path: ""})
    if target.kind is Kind.LIST:
        condition |= Q(**{path: []})
    return condition if is_blank else ~condition


def _has(alias: str, value: str) -> Q:
    # JSON text may hold letters as they are or as \\u escapes, by database and writer.
    text = _text(value)
    return Q(**{f"{alias}__icontains": json.dumps(text)}) | Q(
        **{f"{alias}__icontains": json.dumps(text, ensure_ascii=False)}
    )


def _truth(text: str) -> bool:
    if text.lower() in ("true", "1", "yes"):
        return True
    if text.lower() in ("false", "0", "no"):
        return False
    raise BadValueError("use true or false")


def _text(text: str) -> str:
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise BadValueError("it holds characters no text has")
    if len(text) > MAX_TEXT:
        raise BadValueError(f"it is longer than {MAX_TEXT} characters")
    return text


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise BadValueError("use a number") from None
    if not math.isfinite(value) or abs(value) > 1e15:
        raise BadValueError("it is out of range")
    return value


def _whole(text: str) -> int:
    try:
        value = int(text) if len(text) < 20 else INT64 + 1
    except ValueError:
        raise BadValueError("use a whole number") from None
    if abs(value) > INT64:
        raise BadValueError("it is out of range")
    return value


def _money(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise BadValueError("use an amount such as 1250.00") from None
    if not value.is_finite() or abs(value) > Decimal(10) ** 15:
        raise BadValueError("it is out of range")
    return value


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadValueError("use a date such as 2026-01-31") from None


def _instant(text: str) -> datetime:
    # A '+' that was not percent-encoded arrives as a space.
    clean = text.strip().replace(" ", "+") if "T" in text else text.strip()
    try:
        if len(clean) == 10:
            return datetime.combine(date.fromisoformat(clean), time(), UTC)
        value = datetime.fromisoformat(clean)
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadValueError("use an instant such as 2026-01-31T08:00:00Z") from None


PARSERS: Mapping[Kind, Callable[[str], Any]] = {
    Kind.TEXT: _text,
    Kind.NUMBER: _number,
    Kind.MONEY: _money,
    Kind.DATE: _day,
    Kind.INSTANT: _instant,
    Kind.BOOLEAN: _truth,
}


def value_of(target: Field, text: str) -> Any:
    """Return a parameter's text as the field's type; BadValueError says what was expected."""
    value = parsed(target, text)
    if target.choices and value not in target.choices:
        near = difflib.get_close_matches(str(value), target.choices, n=1)
        hint = f"did you mean {near[0]}?" if near else f"use one of {', '.join(target.choices)}"
        raise BadValueError(hint)
    return value


def parsed(target: Field, text: str) -> Any:
    """Return a text as the field's type, whatever the field's choices."""
    return (_whole if target.is_whole else PARSERS[target.kind])(text)
