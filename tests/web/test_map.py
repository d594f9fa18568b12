"""The map's columns, cards and table: what they say, to whom, in how many queries."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests import builders

from merestone.app.policy import OPERATOR

LOS_ANGELES, KINGS_NY, HARRIS_TX = "06037", "36047", "48201"


@pytest.fixture
def company(company: Any) -> Any:
    """The company with its accounts placed in counties; the one nobody has stays without a location."""
    names = ["west", "east", "vacant"]
    with company.services.records.transaction(OPERATOR, cause="test"):
        company.services.records.write(
            "accounts",
            pa.table(
                {
                    "id": [company.accounts[name] for name in names],
                    "county": [LOS_ANGELES, KINGS_NY, HARRIS_TX],
                    "latitude": [34.05, 40.65, 29.76],
                    "longitude": [-118.24, -73.95, -95.37],
                    "lifecycle": ["customer", "prospect", "prospect"],
                    "workload_hours": [10.5, 4.0, 2.0],
                }
            ),
        )
    return company


def add_mixed_county(company: Any) -> None:
    """Put two more accounts into the county of Los Angeles: one of the west, one no territory takes."""
    builders.add_accounts(
        company.services,
        [
            {"external_id": "B-1", "state": "CA", "county": LOS_ANGELES, "potential": Decimal("500.25")},
            {"external_id": "B-2", "country": "CA", "county": LOS_ANGELES},
        ],
    )


def test_columns_name_the_dominant_territory_with_its_share(planner: Client, company: Any) -> None:
    add_mixed_county(company)
    data = planner.get("/map/data.json").json()
    counties = data["counties"]
    place = counties["fips"].index(LOS_ANGELES)
    assert data["territories"][counties["territory"][place]]["key"] == "west"
    assert counties["share"][place] == pytest.approx(2 / 3, abs=0.001)
    assert (counties["accounts"][place], counties["customers"][place]) == (3, 1)
    assert counties["potential"][place] == 1500.25
    assert counties["workload"][place] == 10.5


def test_county_without_matching_territory_is_marked_so(planner: Client, company: Any) -> None:
    builders.add_accounts(company.services, [{"external_id": "B-1", "country": "CA", "county": "12086"}])
    counties = planner.get("/map/data.json").json()["counties"]
    assert counties["territory"][counties["fips"].index("12086")] == -1


def test_sums_of_territories_and_the_rest_are_the_total(planner: Client, company: Any) -> None:
    add_mixed_county(company)
    data = planner.get("/map/data.json").json()
    for measure in ("accounts", "customers", "potential", "workload"):
        parts = [*data["territories"], data["unplaced"], data["elsewhere"]]
        assert sum(part[measure] for part in parts) == data["total"][measure]
    assert data["total"]["accounts"] == 6


def test_columns_have_one_length(planner: Client) -> None:
    counties = planner.get("/map/data.json").json()["counties"]
    accounts = planner.get("/map/accounts.json").json()
    assert {len(column) for column in counties.values()} == {3}
    assert {len(accounts[name]) for name in ("id", "lon", "lat", "territory", "lifecycle")} == {3}


def test_accounts_without_location_are_counted_not_drawn(planner: Client, company: Any) -> None:
    assert planner.get("/map/data.json").json()["unlocated"] == 1
    assert company.accounts["nowhere"] not in planner.get("/map/accounts.json").json()["id"]


def test_rep_gets_only_the_own_territory(rep: Client, company: Any) -> None:
    data = rep.get("/map/data.json").json()
    assert [territory["key"] for territory in data["territories"]] == ["west"]
    assert data["counties"]["fips"] == [LOS_ANGELES]
    assert data["total"]["accounts"] == 1
    assert rep.get("/map/accounts.json").json()["id"] == [company.accounts["west"]]


def test_managers_sums_leave_out_what_is_not_below_them(
    as_role: Callable[[str], Client], company: Any
) -> None:
    nodes = [dict(node) for node in builders.WEST_EAST]
    nodes[0]["members"], nodes[1]["members"] = [], [{"rep": "mia@example.com", "role": "manager"}]
    nodes.append({"key": "bay", "name": "Bay", "parent": "west", "where": "city = 'Testville'"})
    builders.publish(company.services, nodes, key="m2")
    data = as_role("manager").get("/map/data.json").json()
    assert [territory["key"] for territory in data["territories"]] == ["bay"]
    assert data["total"]["accounts"] == 1
    assert data["unplaced"]["accounts"] == 0
    assert as_role("planner").get("/map/data.json").json()["total"]["accounts"] == 4


def test_own_account_in_a_hidden_territory_names_it_not(rep: Client, company: Any) -> None:
    with company.services.records.transaction(OPERATOR, cause="test"):
        company.services.associations.replace(
            "accounts",
            pa.table(
                {
                    "record": [company.accounts["east"]],
                    "territory": ["east"],
                    "owner": [company.reps["ana"]],
                    "is_primary": [True],
                    "cause": ["manual"],
                    "reason": ["{}"],
                }
            ),
            at=company.services.clock.now(),
            model_id=None,
        )
    response = rep.get("/map/data.json")
    data = response.json()
    assert data["elsewhere"]["accounts"] == 1
    assert data["counties"]["territory"][data["counties"]["fips"].index(KINGS_NY)] == -2
    assert "East" not in response.text
    for query in (f"account={company.accounts['east']}", f"county={KINGS_NY}"):
        assert "East<" not in rep.get(f"/map/card/?{query}").text


def test_unchanged_columns_are_not_sent_again(planner: Client, company: Any) -> None:
    first = planner.get("/map/accounts.json")
    again = planner.get("/map/accounts.json", headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    builders.add_accounts(
        company.services, [{"external_id": "B-9", "state": "CA", "latitude": 34.0, "longitude": -118.0}]
    )
    assert planner.get("/map/accounts.json", headers={"If-None-Match": first["ETag"]}).status_code == 200


def test_actors_never_share_a_cached_answer(planner: Client, rep: Client) -> None:
    response = planner.get("/map/data.json")
    assert "private" in response["Cache-Control"]
    assert "Cookie" in response["Vary"]
    assert rep.get("/map/data.json", headers={"If-None-Match": response["ETag"]}).status_code == 200


def test_columns_travel_compressed(planner: Client, company: Any) -> None:
    builders.add_accounts(
        company.services,
        [
            {"external_id": f"C-{i}", "state": "CA", "latitude": 34 + i / 100, "longitude": -118.0}
            for i in range(50)
        ],
    )
    response = planner.get("/map/accounts.json", headers={"Accept-Encoding": "gzip"})
    assert response["Content-Encoding"] == "gzip"
    assert len(json.loads(gzip.decompress(response.content))["id"]) == 53


@pytest.mark.parametrize("path", ["/map/data.json", "/map/accounts.json", "/map/?view=table"])
def test_queries_do_not_grow_with_accounts(planner: Client, company: Any, path: str) -> None:
    planner.get(path)
    with CaptureQueriesContext(connection) as few:
        planner.get(path)
    rows = [{"external_id": f"C-{i}", "state": "CA", "county": f"06{i:03}"} for i in range(40)]
    builders.add_accounts(company.services, rows)
    with CaptureQueriesContext(connection) as many:
        planner.get(path)
    assert len(many) == len(few)


def test_county_card_lists_shares_and_the_largest_accounts(planner: Client, company: Any) -> None:
    add_mixed_county(company)
    text = planner.get(f"/map/card/?county={LOS_ANGELES}&name=Los Angeles, California").text
    assert "Los Angeles, California" in text
    assert text.index("West Brewing") < text.index("Account 0")
    assert "No territory" in text


def test_county_name_of_the_address_is_escaped(planner: Client) -> None:
    assert (
        "<script>" not in planner.get(f"/map/card/?county={LOS_ANGELES}&name=<script>alert(1)</script>").text
    )


def test_cluster_card_tells_how_many_more(planner: Client, company: Any) -> None:
    ids = f"{company.accounts['west']},{company.accounts['east']}"
    text = planner.get(f"/map/card/?ids={ids}&n=30").text
    assert "West Brewing" in text
    assert "and 28 more" in text


def test_cluster_card_leaves_hidden_accounts_out(rep: Client, company: Any) -> None:
    text = rep.get(f"/map/card/?ids={company.accounts['west']},{company.accounts['east']}").text
    assert "West Brewing" in text
    assert "East Brewing" not in text


@pytest.mark.parametrize(
    "query", ["", "county=ABCDE", "county=1", "account=x", "account=999999", "territory=none", "account=²"]
)
def test_card_of_nothing_is_missing(planner: Client, query: str) -> None:
    assert planner.get(f"/map/card/?{query}").status_code == 404


def test_hidden_territory_has_no_card(rep: Client) -> None:
    hidden, missing = rep.get("/map/card/?territory=east"), rep.get("/map/card/?territory=none")
    assert hidden.status_code == missing.status_code == 404
    assert "East" not in hidden.text


def test_table_says_what_the_map_says(planner: Client, company: Any) -> None:
    builders.add_accounts(company.services, [{"external_id": "B-1", "country": "CA"}])
    data = planner.get("/map/data.json").json()
    text = planner.get("/map/?view=table").text
    for territory in data["territories"]:
        assert territory["name"] in text
    assert "No territory (unassigned queue)" in text
    assert "$10,000" in text  # 1,000 + 2,000 + 3,000 + 4,000


def test_table_of_a_hidden_territory_is_missing(rep: Client) -> None:
    assert rep.get("/map/?view=table&territory=west").status_code == 200
    assert rep.get("/map/?view=table&territory=east").status_code == 404
    assert rep.get("/map/?view=table&territory=none").status_code == 404


def test_map_page_has_no_inline_script_or_style(planner: Client) -> None:
    response = planner.get("/map/")
    assert "GeoNames" in response.text
    assert " style=" not in response.text
    assert "<style" not in response.text
    assert "unsafe" not in response["Content-Security-Policy"]
