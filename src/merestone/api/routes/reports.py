"""Balance and scorecards, for what the actor sees."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import HttpResponse
from ninja import Query, Schema
from pydantic import Field

from merestone.api.access import ApiRequest
from merestone.api.plain import answer
from merestone.api.routing import operation
from merestone.app import report
from merestone.base.errors import UsageError
from merestone.base.interval import Interval

Depth = Query(
    None,
    ge=0,
    le=100,
    description="Level of the tree to compare; what you see begins at 0. Default: the leaves.",
)
FirstDay = Query(..., alias="from", description="First day.")
LastDay = Query(..., alias="to", description="First day after the period.")
Under = Query(None, max_length=100, description="Compare the children of this territory.")


class BalanceReport(Schema):
    """Sums per territory, and how evenly they fall."""

    territories: list[dict[str, Any]] = Field(
        description="Per territory (null: the queue): accounts, potential, workload_hours, revenue, and each `…_index` "
        "(100 = the mean)."
    )
    spread: dict[str, dict[str, float | None]] = Field(
        description="Per measure: mean, min, max, max_deviation, cv, gini."
    )


class ScorecardReport(Schema):
    """One scorecard per territory."""

    start: date
    end: date
    territories: list[dict[str, Any]] = Field(
        description="Per territory (null: what nobody owned): the metrics of the reference."
    )


@operation(
    "GET",
    "/balance",
    scope="territories",
    summary="How evenly territories are loaded",
    response=BalanceReport,
)
def balance(request: ApiRequest, depth: int | None = Depth, under: str | None = Under) -> HttpResponse:
    """Return sums per territory, each one's index to the mean, and how evenly they fall."""
    _require_seen(request, under)
    found = report.balance_report(request.services, request.actor, depth=depth, under=under)
    return answer({"territories": found.table.to_pylist(), "spread": found.as_dict()})


@operation(
    "GET",
    "/scorecard",
    scope="territories",
    summary="How territories perform",
    response=ScorecardReport,
)
def scorecard(
    request: ApiRequest,
    start: date = FirstDay,
    end: date = LastDay,
    depth: int | None = Depth,
    under: str | None = Under,
) -> HttpResponse:
    """Return one scorecard per territory, by who owned what at the time."""
    if start >= end:
        raise UsageError(
            f"The period from {start} to {end} has no days.",
            code="empty-period",
            fix="Put the earlier day in 'from'.",
        )
    if start.year < 1900 or end.year > 2200:
        raise UsageError(f"{start} to {end} is out of range.", code="bad-parameter", fix="Use 1900 to 2200.")
    _require_seen(request, under)
    card = report.scorecard_report(
        request.services, request.actor, period=Interval(start, end), depth=depth, under=under
    )
    return answer({"start": start, "end": end, "territories": card.to_pylist()})


def _require_seen(request: ApiRequest, under: str | None) -> None:
    if under is not None and under not in request.services.visibility.visible_territories(request.actor):
        raise UsageError(
            f"There is no territory '{under}', or it is not visible to you.",
            code="unknown-territory",
            fix="GET /territories lists those you see.",
        )
