"""Who had what when, quotas, and two models side by side."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from django.http import HttpResponse
from ninja import Path, Query, Schema
from pydantic import Field

from merestone.api.access import ApiRequest
from merestone.api.plain import answer
from merestone.api.routing import operation
from merestone.api.schemas import Body, Text
from merestone.app import history
from merestone.app.comparison import compare, read_side
from merestone.app.history.moments import day_of
from merestone.app.policy import Right

Table = Literal["accounts", "leads", "opportunities"]
On = Query(
    None,
    max_length=40,
    description="A day (its last instant, where the company is) or an instant; default: now.",
)
Known = Query(
    None,
    max_length=40,
    description="As the database said at the end of this day, or at this instant; default: now.",
)
After = Query(
    0, ge=0, le=2**63 - 1, description="Records with larger ids only: the last `record` of the page before."
)
Limit = Query(1000, ge=1, le=10_000, description="At most so many records.")
Key = Path(..., min_length=1, max_length=100, description="Key of the territory.")
Record = Path(..., ge=1, le=2**63 - 1, description="Id of the record.")


class OwnedRow(Schema):
    """Who had a record, and since when."""

    record: int
    territory: str | None = Field(None, description="Key; null: none, or hidden from you.")
    territory_name: str | None = None
    owner: int | None = Field(description="Rep id; null: the unassigned queue, or hidden from you.")
    owner_name: str | None
    model: str | None
    cause: str
    valid_from: datetime
    valid_to: datetime | None


class OwnedPage(Schema):
    """Who had what, by record."""

    on: datetime
    known: datetime | None
    items: list[OwnedRow]
    next: int | None = Field(description="Send it as `after` for the next page; null: this was the last.")


class HistoryStretch(Schema):
    """A time without change."""

    territory: str | None
    territory_name: str | None
    owner: int | None
    owner_name: str | None
    is_primary: bool
    cause: str
    because: str = Field(description="The reason in words; empty where it names what is hidden from you.")
    model: str | None
    from_: datetime = Field(alias="from")
    to: datetime | None


class RecordHistory(Schema):
    """The whole history of a record, newest first; intervals are half-open."""

    items: list[HistoryStretch]


class TerritoryPost(Schema):
    """A rep in a territory."""

    territory: str
    rep: int | None
    rep_name: str
    role: str
    from_: date | None = Field(alias="from")
    to: date | None = Field(description="First day after.")
    model: str


class QuotaItem(Schema):
    """What a territory is to win."""

    id: int
    territory: str
    name: str
    starts_on: date
    ends_on: date = Field(description="First day after.")
    amount: str
    currency: str


class TerritoryHistory(Schema):
    """Who was in a territory, and its quotas."""

    members: list[TerritoryPost]
    quotas: list[QuotaItem]


class QuotaPage(Schema):
    """Quotas by territory and start."""

    items: list[QuotaItem]
    next: None = Field(description="Always null: they come whole.")


class QuotaIn(Body):
    """A quota to write."""

    territory: Text = Field(description="Key.")
    starts_on: date
    ends_on: date = Field(description="First day after.")
    amount: Annotated[Decimal, Field(gt=0, max_digits=16, decimal_places=2)]
    currency: str | None = Field(None, pattern="^[A-Z]{3}$", description="Default: the company's.")


class QuotasIn(Body):
    """Quotas to write, all or none."""

    quotas: list[QuotaIn] = Field(max_length=20_000)


class QuotasWritten(Schema):
    """What writing quotas did."""

    rows: int
    created: int
    changed: int
    unchanged: int


class ComparisonAnswer(Schema):
    """Two models side by side."""

    before: str
    after: str
    owners_on: list[date] = Field(description="Whose owners count, before and after.")
    is_same: bool
    counts: dict[str, int]
    summary: dict[str, Any]
    territories: list[dict[str, Any]] = Field(
        description="Those defined differently, with the rules' text in pieces."
    )
    members: list[dict[str, Any]]
    by_territory: list[dict[str, Any]]
    by_rep: list[dict[str, Any]]
    n_accounts: int = Field(description="All accounts that move.")
    accounts: list[dict[str, Any]] = Field(description="The largest revenue first.")


def _moment(request: ApiRequest, text: str | None, name: str) -> datetime | None:
    return None if text is None else history.read_moment(request.services, text, name=name)


def _owned(
    request: ApiRequest, table: str, on: str | None, known: str | None, *, after: int, limit: int
) -> HttpResponse:
    at = _moment(request, on, "on") or request.services.clock.now()
    said = _moment(request, known, "known")
    found = history.owned_on(request.services, request.actor, table, on=at, known=said)
    page = found.filter(_later(found, after)).slice(0, limit + 1).to_pylist()
    more = page[limit - 1]["record"] if len(page) > limit else None
    return answer({"on": at, "known": said, "items": page[:limit], "next": more})


def _later(found: pa.Table, after: int) -> pa.Array:
    return pc.greater(found["record"], after)


@operation(
    "GET", "/history/accounts", scope="accounts", summary="Who owned which account", response=OwnedPage
)
def accounts_on(
    request: ApiRequest,
    on: str | None = On,
    known: str | None = Known,
    after: int = After,
    limit: int = Limit,
) -> HttpResponse:
    """Return who owned each account you see now, on a day, as known on another."""
    return _owned(request, "accounts", on, known, after=after, limit=limit)


@operation("GET", "/history/leads", scope="leads", summary="Who owned which lead", response=OwnedPage)
def leads_on(
    request: ApiRequest,
    on: str | None = On,
    known: str | None = Known,
    after: int = After,
    limit: int = Limit,
) -> HttpResponse:
    """Return who owned each lead you see now, on a day, as known on another."""
    return _owned(request, "leads", on, known, after=after, limit=limit)


@operation(
    "GET",
    "/history/opportunities",
    scope="opportunities",
    summary="Who owned which opportunity",
    response=OwnedPage,
)
def opportunities_on(
    request: ApiRequest,
    on: str | None = On,
    known: str | None = Known,
    after: int = After,
    limit: int = Limit,
) -> HttpResponse:
    """Return who owned each opportunity you see now, on a day, as known on another."""
    return _owned(request, "opportunities", on, known, after=after, limit=limit)


def _timeline(
    request: ApiRequest, table: str, record: int, known: str | None, on: str | None
) -> HttpResponse:
    at = _moment(request, on, "on")
    found = history.timeline(
        request.services, request.actor, table, record, known=_moment(request, known, "known")
    )
    return answer({"items": [one.as_dict() for one in found if at is None or one.holds(at)]})


@operation("GET", "/accounts/{record_id}/history", scope="accounts", summary="An account's history",
           response=RecordHistory, errors=(404,))  # fmt: skip
def account_history(
    request: ApiRequest, record_id: int = Record, on: str | None = On, known: str | None = Known
) -> HttpResponse:
    """Return every stretch of an account's history, or those that hold a day."""
    return _timeline(request, "accounts", record_id, known, on)


@operation("GET", "/leads/{record_id}/history", scope="leads", summary="A lead's history",
           response=RecordHistory, errors=(404,))  # fmt: skip
def lead_history(
    request: ApiRequest, record_id: int = Record, on: str | None = On, known: str | None = Known
) -> HttpResponse:
    """Return every stretch of a lead's history, or those that hold a day."""
    return _timeline(request, "leads", record_id, known, on)


@operation("GET", "/opportunities/{record_id}/history", scope="opportunities", summary="An opportunity's history",
           response=RecordHistory, errors=(404,))  # fmt: skip
def opportunity_history(
    request: ApiRequest, record_id: int = Record, on: str | None = On, known: str | None = Known
) -> HttpResponse:
    """Return every stretch of an opportunity's history, or those that hold a day."""
    return _timeline(request, "opportunities", record_id, known, on)


@operation("GET", "/territories/{key}/history", scope="territories", summary="A territory over time",
           response=TerritoryHistory, errors=(404,))  # fmt: skip
def territory_history(
    request: ApiRequest, key: str = Key, on: str | None = On, known: str | None = Known
) -> HttpResponse:
    """Return who was in a territory and its quotas, over all models that were active, or on a day."""
    at, said = _moment(request, on, "on"), _moment(request, known, "known")
    day = None if at is None else day_of(request.services, at)
    posts = history.posts_of(request.services, request.actor, key, known=said)
    quotas = history.quotas_of(request.services, request.actor, territory=key, known=said, day=day)
    members = [post.as_dict() for post in posts if day is None or post.holds(day)]
    return answer({"members": members, "quotas": [_quota(row) for row in quotas]})


def _quota(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "version"}


@operation("GET", "/quotas", scope="territories", summary="List quotas", response=QuotaPage, errors=(404,))
def list_quotas(
    request: ApiRequest,
    territory: str | None = Query(None, max_length=100, description="Key of a territory."),
    on: str | None = On,
    known: str | None = Known,
) -> HttpResponse:
    """Return the quotas of the territories you see, perhaps only those that hold a day."""
    at = _moment(request, on, "on")
    found = history.quotas_of(
        request.services,
        request.actor,
        territory=territory,
        known=_moment(request, known, "known"),
        day=None if at is None else day_of(request.services, at),
    )
    return answer({"items": [_quota(row) for row in found], "next": None})


@operation("POST", "/quotas", scope="territories", right=Right.PLAN, summary="Write quotas",
           response=QuotasWritten, errors=(413, 422))  # fmt: skip
def write_quotas(
    request: ApiRequest,
    body: QuotasIn,
    dry_run: bool = Query(False, description="True: only tell what would change."),
) -> HttpResponse:
    """Write quotas, all or none; one with the territory and first day of a quota that is there changes it."""
    company = request.services.clock.currency()
    rows = [
        history.QuotaRow(
            one.territory, one.starts_on, one.ends_on, one.amount, one.currency or company, f"quotas/{place}"
        )
        for place, one in enumerate(body.quotas)
    ]
    return answer(history.enter_quotas(request.services, request.actor, rows, dry_run=dry_run))


@operation("DELETE", "/quotas/{record_id}", scope="territories", right=Right.PLAN, summary="Delete a quota",
           response={204: None}, errors=(404,))  # fmt: skip
def delete_quota(request: ApiRequest, record_id: int = Record) -> HttpResponse:
    """Delete a quota; the audit log keeps what was there."""
    history.drop_quotas(request.services, request.actor, [record_id])
    return HttpResponse(status=204)


@operation("GET", "/models/compare", scope="models", right=Right.MANAGE_RULES, summary="Compare two models",
           response=ComparisonAnswer, errors=(404, 422))  # fmt: skip
def compare_models(
    request: ApiRequest,
    before: str = Query(
        ..., max_length=120, description="Key of a model, or key@2026-01-31 as it was on a day."
    ),
    after: str = Query(..., max_length=120, description="The same."),
    limit: int = Query(100, ge=0, le=10_000, description="At most so many accounts."),
) -> HttpResponse:
    """Return what two models say differently and what that moves, per rep and per territory."""
    found = compare(request.services, request.actor, read_side(before), read_side(after))
    return answer(found.as_dict(limit=limit))
