"""The analysis page: the frame, its result, who sees it, what is said of the model's problems."""

from __future__ import annotations

from typing import Any

from django.test import Client


def test_frame_fetches_its_result(planner: Client, company: Any) -> None:
    page = planner.get("/models/m1/analysis/")
    assert 'hx-get="/models/m1/analysis/result/"' in page.text
    assert "Errors" not in page.text


def test_result_tells_gaps_with_accounts_and_links_to_their_rules(planner: Client, company: Any) -> None:
    text = planner.get("/models/m1/analysis/result/").text
    assert "no territory below it" in text
    assert "/models/m1/rules/us/" in text
    assert "How far this is proved" in text


def test_without_scripts_the_page_holds_the_result(planner: Client, company: Any) -> None:
    assert "How far this is proved" in planner.get("/models/m1/analysis/?now").text


def test_a_model_page_leads_there(planner: Client, company: Any) -> None:
    assert "/models/m1/analysis/" in planner.get("/models/m1/").text


def test_only_planners_see_it_and_a_model_that_is_not_there_is_not(
    rep: Client, planner: Client, company: Any
) -> None:
    for path in ("/models/m1/analysis/", "/models/m1/analysis/result/"):
        assert rep.get(path).status_code == 403
        assert planner.get(path.replace("m1", "nope")).status_code == 404
