"""The page of the audit log."""

from __future__ import annotations

import csv
import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from merestone.app import assign, crm
from merestone.app.policy import OPERATOR, Actor
from merestone.db.models import AuditEntry, AuditSeal

pytestmark = pytest.mark.django_db

ANA = Actor(role="planner", label="user:ana@example.com")


@pytest.fixture
def changed(company):
    """The company after a planner changed an account and moved another."""
    west, east = company.accounts["west"], company.accounts["east"]
    crm.update_record(
        company.services, ANA, table="accounts", record_id=west, values={"city": "Oslo"}, version=1
    )
    assign.move_accounts(company.services, OPERATOR, [east], territory="west", reason="Asked for it")
    return company


def text(response) -> str:
    assert response.status_code == 200
    return response.content.decode()


def test_change_is_told_in_words_with_its_record(changed, planner):
    page = text(planner.get("/audit/?actor=ana@example.com"))
    account = changed.accounts["west"]
    assert f'<a href="/accounts/{account}/">West Brewing</a>' in page
    assert "Testville" in page
    assert "Oslo" in page
    assert "user:ana@example.com" in page


@pytest.mark.parametrize(
    ("query", "there", "gone"),
    [
        ("table=account&field=city&did=U", "Oslo", "Asked for it"),
        ("table=accountassociation&did=U", "valid to", "Oslo"),
        ("cause=move", "East Brewing", "Oslo"),
        ("actor=nobody", "Nothing matches", "Oslo"),
        ("from=2100-01-01", "Nothing matches", "Oslo"),
        ("to=2000-01-01", "Nothing matches", "Oslo"),
        ("from=2000-01-01&to=2100-01-01&field=city&did=U", "Oslo", "Asked for it"),
    ],
)
def test_filters(changed, planner, query, there, gone):
    page = text(planner.get(f"/audit/?{query}"))
    assert there in page
    assert gone not in page


def test_record_shows_what_belongs_to_it_too(changed, planner):
    page = text(planner.get(f"/audit/?table=account&record={changed.accounts['east']}"))
    assert "account&#x27;s place" in page
    assert "East Brewing" in page
    assert "West Brewing" not in page


def test_account_page_links_to_its_log(changed, planner, rep):
    account = changed.accounts["west"]
    assert f"/audit/?table=account&amp;record={account}" in text(planner.get(f"/accounts/{account}/"))
    assert "/audit/" not in text(rep.get(f"/accounts/{account}/"))


def test_transaction_shows_what_was_done_together(changed, planner):
    seal = AuditSeal.objects.order_by("-n_entries").first()
    page = text(planner.get(f"/audit/?transaction={seal.transaction}"))
    assert page.count('class="audit-group"') == 1


def test_pages_go_by_key_and_miss_nothing(changed, planner):
    seen, url = 0, "/audit/"
    while url:
        response = planner.get(url)
        seen += sum(len(group.lines) for group in response.context["page"].groups)
        url = f"/audit/{response.context['older']}" if response.context["older"] else ""
    assert seen == AuditEntry.objects.count()


def test_a_page_costs_as_many_statements_whatever_is_on_it(changed, planner):
    def statements(url: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            planner.get(url)
        assert not any("count(" in one["sql"].lower() and "auditentry" in one["sql"] for one in queries)
        return len(queries)

    assert statements("/audit/?table=account") == statements("/audit/?table=account&did=U")


def test_wrong_filters_are_told(changed, planner):
    response = planner.get("/audit/?record=x&from=yesterday")
    assert response.status_code == 422
    page = response.content.decode()
    assert "&#x27;x&#x27; is not the id of a record." in page
    assert "yesterday" in page


@pytest.mark.parametrize("fmt", ["csv", "parquet"])
def test_export_has_a_row_per_changed_field(changed, planner, fmt):
    response = planner.get(f"/audit/export/{fmt}/?table=account&did=U&field=city")
    content = b"".join(response.streaming_content)
    if fmt == "csv":
        rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
        (row,) = [row for row in rows if row["field"] == "city"]
        assert (row["record"], row["field"], row["from"], row["to"]) == (
            "West Brewing", "city", "Testville", "Oslo",
        )  # fmt: skip
    else:
        assert content[:4] == b"PAR1"


@pytest.mark.parametrize("url", ["/audit/", "/audit/export/csv/"])
def test_only_who_may_read_the_log_sees_it(changed, rep, url):
    assert rep.get(url).status_code == 403


def test_hostile_words_are_only_words(changed, planner):
    assert (
        planner.get(
            "/audit/?actor=%00'--&table=%3Cscript%3E&field=%22%7D&before=999999999999999999999"
        ).status_code
        == 200
    )
    assert "<script>alert" not in text(planner.get("/audit/?cause=<script>alert(1)</script>"))
