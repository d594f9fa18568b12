"""The analysis of models and documents: gaps, overlaps, rules that never match or win, certificates."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpResponse
from ninja import Path, Query, Schema
from pydantic import ConfigDict, Field

from merestone.api.access import ApiRequest
from merestone.api.plain import answer
from merestone.api.routes.territories import read_document_body
from merestone.api.routing import operation
from merestone.app import analyse
from merestone.app.policy import Right

Key = Path(..., min_length=1, max_length=100, description="Key of the model.")
OnBook = Query(True, description="False: look at the rules alone, not at the accounts.")
FailOn = Query("warning", description="Least severity that keeps the model from its certificate.")


class Finding(Schema):
    """One thing that was found; more keys by kind (`winner`, `decided_by`, `covered_by`, `accounts` …)."""

    model_config = ConfigDict(extra="allow")

    kind: str
    severity: Literal["error", "warning", "note"]
    certainty: Literal["proved", "possible"]
    territories: list[str]
    message: str
    fix: str = ""
    criterion: str | None = Field(None, description="Where, in the criteria language.")
    english: str = ""
    example: dict[str, Any] | None = Field(None, description="A record it is true of.")


class AnalysisPart(Schema):
    """One question, and how far it was decided."""

    part: str
    complete: bool = Field(description="False: the work allowed was done before the end.")
    found: int
    listed: int
    work: int
    budget: int


class ModelAnalysis(Schema):
    """What was found out about a model."""

    model: str
    name: str
    sha256: str
    passes: bool
    fail_on: str
    errors: int
    warnings: int
    notes: int
    findings: list[Finding]
    parts: list[AnalysisPart]
    book: dict[str, Any] | None
    missing: list[dict[str, Any]]
    certificate: dict[str, Any] | None


@operation(
    "POST",
    "/models/{key}/analysis",
    scope="models",
    right=Right.MANAGE_RULES,
    summary="Analyse a model",
    response=ModelAnalysis,
    errors=(404,),
)
def analyse_model(
    request: ApiRequest,
    key: str = Key,
    accounts: bool = OnBook,
    fail_on: Literal["error", "warning", "note"] = FailOn,
) -> HttpResponse:
    """Look for gaps, overlaps and rules that never match or win; nothing is changed."""
    found = analyse.analyse_model(
        request.services, request.actor, key, with_accounts=accounts, fail_on=fail_on
    )
    return answer(found.as_dict())


@operation(
    "POST",
    "/analysis",
    scope="models",
    right=Right.PLAN,
    summary="Analyse a model document",
    response=ModelAnalysis,
    errors=(413, 422),
    extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"type": "object", "description": "A model document."}}
            },
        }
    },
)
def analyse_document(
    request: ApiRequest,
    accounts: bool = OnBook,
    fail_on: Literal["error", "warning", "note"] = FailOn,
) -> HttpResponse:
    """Analyse a document without keeping it."""
    found = analyse.analyse_document(
        request.services, request.actor, read_document_body(request), with_accounts=accounts, fail_on=fail_on
    )
    return answer(found.as_dict())
