"""The page of hand-outs and its files."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from tests.builders import add_accounts
from tests.web.conftest import Company

from merestone.app import plan_edits, scenarios
from merestone.app.policy import OPERATOR

PAGE = "/planning/first/hand-outs/"
TYPES = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}


@pytest.fixture
def plan(company: Company) -> Company:
    """A scenario of a copy of the active model, with accounts in two counties."""
    rows = [
        {"external_id": f"C-{county}", "name": f"In {county}", "state": state, "county": county}
        for state, county in (("CA", "06037"), ("NY", "36061"))
    ]
    add_accounts(company.services, rows)
    plan_edits.clone_model(company.services, OPERATOR, "m1", new_key="plan")
    scenarios.start(company.services, OPERATOR, model="plan", parent="us", name="First")
    return company


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def test_page_offers_all_managers_and_territories(planner: Client, plan: Company) -> None:
    answer = planner.get(PAGE)
    assert answer.status_code == 200
    for words in (
        "The whole scenario",
        "By manager",
        "By territory",
        "West",
        "Ana",
        'aria-current="page">Hand-outs',
    ):
        assert words in answer.text
    assert f"{PAGE}pdf/?territory=west&amp;paper=letter" in answer.text
    assert "paper=a4" in planner.get(f"{PAGE}?paper=a4").text.split("By manager")[1]


def test_every_link_of_the_page_gives_a_file(planner: Client, plan: Company) -> None:
    links = re.findall(r'download href="([^"]+)"', planner.get(PAGE).text)
    assert len(links) >= 6
    for link in links:
        answer = planner.get(link.replace("&amp;", "&"))
        data = body(answer)
        assert answer.status_code == 200
        fmt = link.split("/")[4]
        assert data.startswith(b"%PDF" if fmt == "pdf" else b"PK")
        assert answer["Content-Type"] == TYPES[fmt]
        assert answer["Content-Disposition"].startswith('attachment; filename="first-')
        assert answer["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(
    "address",
    [
        f"{PAGE}docx/",
        f"{PAGE}pdf/?territory=nowhere",
        f"{PAGE}pdf/?manager=x",
        f"{PAGE}pdf/?manager=4711",
        "/planning/none/hand-outs/",
        "/planning/none/hand-outs/pdf/",
    ],
)
def test_what_is_not_there_is_not_found(planner: Client, plan: Company, address: str) -> None:
    assert planner.get(address).status_code == 404


def test_those_who_do_not_plan_get_nothing(as_role: Any, plan: Company) -> None:
    for client in (as_role("rep"), as_role("manager")):
        for address in (PAGE, f"{PAGE}pdf/", f"{PAGE}xlsx/?territory=west"):
            assert client.get(address).status_code == 403


def test_files_cannot_be_posted_to(planner: Client, plan: Company) -> None:
    assert planner.post(f"{PAGE}pdf/").status_code == 405
