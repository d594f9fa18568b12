"""Lists: filters in the URL, order, search, columns, pages, saved views, bulk actions and export, all the same way."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from tests import builders

from merestone.web.tables.catalog import ACCOUNTS, KINDS
from merestone.web.tables.query import read_query


def names(client: Client, query: str, *, path: str = "/accounts/") -> list[str]:
    """Return the first cell of each row shown."""
    page = client.get(f"{path}?{query}").context["page"]
    return [line.cells[0].value for line in page.lines]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=CA&state=NY", {"East", "West"}),
        ("employees.min=20&employees.max=30", {"East", "Vacant"}),
        ("potential.min=3,000", {"Vacant", "Nowhere"}),
        ("name=est", {"West"}),
        ("owner=Ana", {"West"}),
        ("owner.empty=yes", {"Vacant", "Nowhere"}),
        ("territory.empty=yes", set()),
        ("industry=Food&employees.max=30", {"East"}),
        ("q=brewing+no", {"Nowhere"}),
        ("since.from=2000-01-01&since.to=2001-01-01", set()),
        (
            "employees.min=nonsense&since.from=never&unknown=1&sort=secret",
            {"West", "East", "Vacant", "Nowhere"},
        ),
    ],
)
def test_filter_keeps_what_matches(planner: Client, query: str, expected: set[str]) -> None:
    assert {name.removesuffix(" Brewing") for name in names(planner, query)} == expected


def test_header_sorts_both_ways(planner: Client) -> None:
    up = names(planner, "sort=employees")
    assert up == ["West Brewing", "East Brewing", "Vacant Brewing", "Nowhere Brewing"]
    assert names(planner, "sort=-employees") == up[::-1]


def test_columns_are_chosen_in_the_url(planner: Client) -> None:
    heads = planner.get("/accounts/?cols=employees,name,secret").context["heads"]
    assert [head["column"].name for head in heads] == ["employees", "name"]


def test_page_past_the_end_is_the_last_one(planner: Client) -> None:
    page = planner.get("/accounts/?page=99&size=25").context["page"]
    assert (page.page, page.n_pages, page.total, page.last) == (1, 1, 4, 4)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_list_sends_as_many_statements_for_many_rows_as_for_few(
    as_role: Callable[[str], Client], company: Any, name: str
) -> None:
    client = as_role("admin")

    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"/{name}/?size=200").status_code == 200
        return len(captured)

    few = statements()
    builders.add_accounts(company.services, [{"external_id": f"M{i}", "state": "CA"} for i in range(60)])
    builders.add_leads(company.services, [{"state": "CA"} for _ in range(30)])
    assert statements() == few <= 14


@pytest.mark.parametrize("name", sorted(KINDS))
def test_filter_and_column_choosers_open_for_every_list(as_role: Callable[[str], Client], name: str) -> None:
    client = as_role("admin")
    assert client.get(f"/{name}/filters/").status_code == 200
    assert client.get(f"/{name}/columns/").status_code == 200


def test_view_is_saved_shared_and_deleted(planner: Client, rep: Client) -> None:
    view = {"name": "Pharma", "query": "industry=Pharma&sort=-potential", "is_shared": "on"}
    assert (
        planner.post("/views/save/accounts/", view)["Location"]
        == "/accounts/?industry=Pharma&sort=-potential"
    )
    shown = planner.get("/accounts/?industry=Pharma&sort=-potential").context
    assert shown["view"].name == "Pharma"
    shared = rep.get("/accounts/").context["views"]
    assert [one.name for one in shared] == ["Pharma"]
    assert rep.post(f"/views/{shared[0].pk}/delete/").status_code == 404
    assert planner.post(f"/views/{shared[0].pk}/delete/").status_code == 302
    assert not planner.get("/accounts/").context["views"]


def test_bulk_edit_of_ticked_rows_asks_first_then_changes_only_them(planner: Client, company: Any) -> None:
    ids = [company.accounts["west"], company.accounts["east"]]
    asked = planner.post("/accounts/bulk/edit/", {"ids": ids})
    assert asked.context["n"] == 2
    planner.post("/accounts/bulk/edit/", {"ids": ids, "confirmed": "1", "lifecycle": "customer"})
    assert set(names(planner, "lifecycle=customer")) == {"West Brewing", "East Brewing"}


def test_bulk_move_of_all_matching_follows_the_filters(planner: Client) -> None:
    form = {
        "all": "1",
        "query": "owner.empty=yes",
        "confirmed": "1",
        "territory": "west",
        "reason": "Clearing the queue",
    }
    assert planner.post("/accounts/bulk/move/", form).status_code == 302
    assert len(names(planner, "owner=Ana")) == 3
    assert names(planner, "", path="/unassigned/") == []


def test_bulk_move_of_what_was_moved_meanwhile_is_refused_whole(planner: Client, company: Any) -> None:
    ids = [company.accounts["west"], company.accounts["east"]]
    page = planner.post("/accounts/bulk/move/", {"ids": ids}).content.decode()
    found = re.search(r'name="seen" value="([0-9a-f]{64})"', page)
    assert found
    planner.post(f"/accounts/{ids[0]}/move/", {"territory": "vacant", "reason": "Ana asked"})
    form = {"ids": ids, "confirmed": "1", "territory": "east", "reason": "New plan", "seen": found[1]}
    assert planner.post("/accounts/bulk/move/", form).status_code == 409
    assert planner.get(f"/accounts/{ids[0]}/").context["account"].territory_key == "vacant"
    fresh = re.search(
        r'name="seen" value="([0-9a-f]{64})"', planner.post("/accounts/bulk/move/", {"ids": ids}).text
    )
    assert fresh
    assert planner.post("/accounts/bulk/move/", {**form, "seen": fresh[1]}).status_code == 302
    assert planner.get(f"/accounts/{ids[0]}/").context["account"].territory_key == "east"


def test_bulk_action_never_reaches_hidden_rows(rep: Client, planner: Client, company: Any) -> None:
    form = {"ids": list(company.accounts.values()), "confirmed": "1", "lifecycle": "churned"}
    rep.post("/accounts/bulk/edit/", form)
    assert names(planner, "lifecycle=churned") == ["West Brewing"]
    assert rep.post("/accounts/bulk/move/", form).status_code == 403


def test_export_gives_the_rows_and_columns_on_screen(planner: Client) -> None:
    response = planner.get(
        "/accounts/export/parquet/?cols=name,owner,potential&sort=-potential&state=CA&state=NY"
    )
    table = pq.read_table(io.BytesIO(b"".join(response.streaming_content)))
    assert table.column_names == ["Name", "Owner", "Potential"]
    assert table["Name"].to_pylist() == ["East Brewing", "West Brewing"]


def test_export_holds_only_visible_rows(rep: Client) -> None:
    text = b"".join(rep.get("/accounts/export/csv/?all=1").streaming_content).decode()
    assert "West Brewing" in text
    assert "East Brewing" not in text


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["q", "name", "state", "employees.min", "owner.empty", "sort", "cols", "page", "size", "x"]
            ),
            st.text(max_size=12),
        )
    )
)
def test_url_read_and_written_again_means_the_same(pairs: list[tuple[str, str]]) -> None:
    query = QueryDict(mutable=True)
    for key, value in pairs:
        query.appendlist(key, value)
    once = read_query(ACCOUNTS, query)
    again = read_query(ACCOUNTS, QueryDict(once.url(page=once.page).lstrip("?")))
    assert again.pairs == once.pairs
