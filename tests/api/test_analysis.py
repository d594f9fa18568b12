"""The analysis of models and documents through the API."""

from __future__ import annotations

from typing import Any

from tests.api.conftest import Caller

DOCUMENT: dict[str, Any] = {
    "merestone": 1,
    "model": {"key": "new"},
    "territories": [
        {"key": "us", "where": "country = 'US'"},
        {"key": "big", "parent": "us", "where": "employees > 10 and employees < 5"},
    ],
}


def test_model_is_analysed_on_its_accounts(planner: Caller) -> None:
    found = planner("POST", "/models/m1/analysis").json()
    assert (found["model"], found["passes"]) == ("m1", False)
    assert found["book"]["accounts"] > 0
    assert {part["part"] for part in found["parts"]} >= {
        "gaps",
        "overlaps",
        "shadowed",
        "impossible",
        "cases",
    }
    alone = planner("POST", "/models/m1/analysis?accounts=false").json()
    assert alone["book"] is None


def test_document_is_analysed_and_not_kept(planner: Caller) -> None:
    found = planner("POST", "/analysis?accounts=false", DOCUMENT).json()
    assert [one["kind"] for one in found["findings"] if one["severity"] == "error"] == ["impossible"]
    assert planner("GET", "/models/new/document").status_code == 404


def test_wrong_document_tells_every_problem(planner: Caller) -> None:
    wrong = {
        **DOCUMENT,
        "territories": [{"key": "us", "where": "contry = 'US'"}, {"key": "us", "where": "state ="}],
    }
    response = planner("POST", "/analysis", wrong)
    assert response.status_code == 422
    assert len(response.json()["problems"]) >= 3


def test_reps_may_not_and_hidden_models_are_not_there(rep: Caller, planner: Caller) -> None:
    assert rep("POST", "/models/m1/analysis").status_code == 403
    assert planner("POST", "/models/nope/analysis").status_code == 404
