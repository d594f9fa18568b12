"""The page of reasons: step by step why here, and what would bring the record elsewhere."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.test import Client

from merestone.app import assign
from merestone.app.policy import OPERATOR


@pytest.mark.parametrize("table", ["accounts", "leads"])
def test_page_says_each_step_with_the_records_own_value(planner: Client, company: Any, table: str) -> None:
    record = getattr(company, table)["west"]
    page = planner.get(f"/{table}/{record}/why/")
    assert [(step["territory"], step["mark"][2]) for step in page.context["path"]] == [
        ("us", "Matches"),
        ("west", "Matches"),
    ]
    text = unescape(page.text)
    assert "State is CA or WA" in text
    assert "has CA" in text
    assert f"/{table}/{record}/why/" in planner.get(f"/{table}/{record}/").text


@pytest.mark.parametrize("table", ["accounts", "leads"])
def test_why_not_has_its_own_address_and_tells_both_ways(planner: Client, company: Any, table: str) -> None:
    page = planner.get(f"/{table}/{getattr(company, table)['west']}/why/?why_not=east")
    text = unescape(page.text)
    assert "Change the state from CA to NY" in text
    assert ("Name it in East" in text) is (table == "accounts")  # these leads have no id to be named by
    assert "state in ('NY', 'MA', 'CA')" in text
    assert "Does not match" in text


def test_a_territory_is_found_while_typing_and_without_script(planner: Client, company: Any) -> None:
    address = f"/accounts/{company.accounts['west']}/why/"
    whole = planner.get(address, {"find": "eas"})
    assert [node.name for node in whole.context["finds"]] == ["East"]
    part = planner.get(address, {"find": "eas"}, headers={"HX-Request": "true", "HX-Target": "why-finds"})
    assert "<html" not in part.text
    assert f"{address}?why_not=east#why-not" in part.text
    assert "No territory you see" in planner.get(address, {"find": "zzz"}).text


def test_a_rep_is_told_of_the_own_territory_only(rep: Client, company: Any) -> None:
    address = f"/accounts/{company.accounts['west']}/why/"
    page = rep.get(address, {"find": "s"})
    assert [node.name for node in page.context["finds"]] == ["West"]
    assert "United States" not in page.text
    assert "East" not in page.text
    hidden, missing = (rep.get(address, {"why_not": key}) for key in ("east", "never"))
    assert hidden.status_code == missing.status_code == 404


def test_a_lock_is_said_to_go_before_the_rules(planner: Client, company: Any) -> None:
    record = company.accounts["west"]
    assign.lock_account(company.services, OPERATOR, record, reason="audit")
    for address in (f"/accounts/{record}/", f"/accounts/{record}/why/?why_not=east"):
        text = planner.get(address).text
        assert "It is locked in West: it stays there whatever the rules say." in text
        assert "What the rules alone would say" in text
