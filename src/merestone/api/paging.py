"""Pages by keyset: the cursor says where the last page ended, so pages neither skip nor repeat rows that stay.

Order is one field (nulls last in both directions), then the id.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import json
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Q
from django.http import QueryDict

from merestone.api.fields import ID, Field
from merestone.api.filters import BadParametersError, BadValueError, parsed, read_filters
from merestone.api.plain import plain
from merestone.api.resources import Resource
from merestone.app.policy import Actor
from merestone.base.errors import Problem, UsageError
from merestone.core.model.columns import Kind

DEFAULT_LIMIT = 100
MAX_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Order:
    """The order of a page."""

    field: Field
    is_descending: bool

    @property
    def text(self) -> str:
        """As ``sort`` writes it."""
        return ("-" if self.is_descending else "") + self.field.name

    def apply(self, rows: Any) -> Any:
        """Return the rows in order."""
        if self.field is ID:
            return rows.order_by("-pk" if self.is_descending else "pk")
        expression = F(self.field.path)
        first = expression.desc(nulls_last=True) if self.is_descending else expression.asc(nulls_last=True)
        return rows.order_by(first, "pk")

    def after(self, value: Any, pk: int) -> Q:
        """Return the condition for the rows behind (value, pk)."""
        if self.field is ID:
            return Q(pk__lt=pk) if self.is_descending else Q(pk__gt=pk)
        path = self.field.path
        missing = Q(**{f"{path}__isnull": True})
        if value is None:
            return missing & Q(pk__gt=pk)
        further = Q(**{f"{path}__{'lt' if self.is_descending else 'gt'}": value})
        return further | Q(**{path: value, "pk__gt": pk}) | missing


def read_page(resource: Resource, actor: Actor, query: QueryDict) -> dict[str, Any]:
    """Return ``items`` and ``next`` (null on the last page) for a URL, in one statement for the rows.

    ``total`` comes only with ``count=true``, for one statement more.
    """
    problems: list[Problem] = []
    order = _order(resource, query, problems)
    limit = _limit(query, problems)
    shown = _fields(resource, query, problems)
    is_counted = _count(query, problems)
    if problems:
        raise BadParametersError(problems)
    rows = read_filters(resource, query).apply(resource.rows(actor))
    total = rows.order_by().count() if is_counted else None
    if cursor := query.get("cursor", ""):
        rows = rows.filter(order.after(*_read_cursor(cursor, order)))
    paths = {field.path: None for field in (*shown, order.field, ID)}
    found = list(order.apply(rows).values(*paths)[: limit + 1])
    page = {
        "items": [{field.name: row[field.path] for field in shown} for row in found[:limit]],
        "next": _cursor(order, found[limit - 1]) if len(found) > limit else None,
    }
    return page | ({"total": total} if is_counted else {})


def _order(resource: Resource, query: QueryDict, problems: list[Problem]) -> Order:
    text = query.get("sort", "") or "id"
    name = text.removeprefix("-")
    field = resource.field(name)
    if field is None or not field.is_sortable:
        known = [one.name for one in resource.fields if one.is_sortable]
        problems.append(_unknown("sort", name, known))
        return Order(ID, False)
    return Order(field, text.startswith("-"))


def _fields(resource: Resource, query: QueryDict, problems: list[Problem]) -> list[Field]:
    names = [name.strip() for value in query.getlist("fields") for name in value.split(",") if name.strip()]
    known = {field.name: field for field in resource.fields}
    problems += [_unknown("fields", name, list(known)) for name in names if name not in known][:20]
    return [known[name] for name in dict.fromkeys(names) if name in known] or list(resource.fields)


def _unknown(where: str, name: str, known: list[str]) -> Problem:
    near = difflib.get_close_matches(name, known, n=1)
    fix = f"Did you mean '{near[0]}'?" if near else f"Use one of {', '.join(known)}."
    return Problem("unknown-field", f"'{name[:60]}' is not a field to use in '{where}'.", fix, where=where)


def _limit(query: QueryDict, problems: list[Problem]) -> int:
    text = query.get("limit", str(DEFAULT_LIMIT))
    if text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MAX_LIMIT:
        return int(text)
    problems.append(
        Problem("bad-limit", f"'{text[:60]}' is not a page size.", f"Use 1 to {MAX_LIMIT}.", where="limit")
    )
    return DEFAULT_LIMIT


def _count(query: QueryDict, problems: list[Problem]) -> bool:
    text = query.get("count", "false")
    if text not in ("true", "false"):
        problems.append(
            Problem("bad-value", f"'{text[:60]}' is neither.", "Use true or false.", where="count")
        )
    return text == "true"


def _cursor(order: Order, row: dict[str, Any]) -> str:
    content = json.dumps([order.text, plain(row[order.field.path]), row["pk"]], separators=(",", ":"))
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def _read_cursor(text: str, order: Order) -> tuple[Any, int]:
    bad = UsageError(
        "The cursor is not one of this list in this order.",
        code="bad-cursor",
        fix="Take 'next' of the page before, with the same sort; or start again without a cursor.",
    )
    try:
        content = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        sort, value, pk = content
        if sort != order.text or type(pk) is not int or not 0 <= pk < 2**63:
            raise bad
        if value is None:
            return None, pk
        if order.field.kind is Kind.TEXT:
            return _cursor_text(value), pk
        return parsed(order.field, value if isinstance(value, str) else repr(value)), pk
    except (ValueError, TypeError, binascii.Error, RecursionError, BadValueError) as error:
        raise bad from error


def _cursor_text(value: Any) -> str:
    if not isinstance(value, str) or "\x00" in value:
        raise BadValueError("not a text")
    value.encode()  # lone surrogates: UnicodeEncodeError is a ValueError
    return value
