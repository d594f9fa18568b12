"""Pages of the past: what they show, to whom, and in how many queries."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests import builders

from merestone.app import plans
from merestone.app.assign import move_accounts
from merestone.app.history.sight import OTHER_TERRITORY
from merestone.app.policy import OPERATOR
from merestone.db.models import AccountAssociation, Quota, TerritoryModel


@pytest.fixture
def company(company: Any) -> Any:
    """The company, its history moved back: placed a year ago; the western account was the east's until yesterday."""
    services, west = company.services, company.accounts["west"]
    with services.records.transaction(OPERATOR, cause="test"):
        table = {"id": [west], "county": ["06037"], "latitude": [34.05], "longitude": [-118.24]}
        services.records.write("accounts", pa.table(table))
    year_ago = services.clock.now() - timedelta(days=365)
    TerritoryModel.objects.update(activated_at=year_ago)
    AccountAssociation.objects.update(valid_from=year_ago)
    move_accounts(services, OPERATOR, [west], territory="east", reason="for a while")
    yesterday = services.clock.now() - timedelta(days=1)
    AccountAssociation.objects.filter(account_id=west, valid_to=None).update(
        valid_from=yesterday - timedelta(days=30)
    )
    AccountAssociation.objects.filter(account_id=west, valid_to__isnull=False).update(
        valid_to=yesterday - timedelta(days=30)
    )
    move_accounts(services, OPERATOR, [west], territory="west", reason="back again")
    return company


def days_ago(company: Any, n: int) -> str:
    return (company.services.clock.today() - timedelta(days=n)).isoformat()


def untokened(response: Any) -> str:
    """Return a page without its token, which is another one each time."""
    return re.sub(r'(X-CSRFToken": "|value=")[A-Za-z0-9]{64}', "", response.content.decode())


def n_queries(client: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def test_list_shows_the_owners_of_a_day(planner: Client, company: Any) -> None:
    url = f"/owned-accounts/?q=West+Brewing&cols=name,territory,owner&on={days_ago(company, 100)}"
    then = planner.get(url).content.decode()
    assert 'data-label="Territory">West<' in then
    between = planner.get(url.replace(days_ago(company, 100), days_ago(company, 10))).content.decode()
    assert 'data-label="Territory">East<' in between
    assert "Ben" in between
    before = planner.get(f"/owned-accounts/?on={days_ago(company, 800)}").content.decode()
    assert "Nothing was there then" in before


def test_list_of_what_was_known_before_the_database_began_is_empty(planner: Client, company: Any) -> None:
    url = f"/owned-accounts/?on={days_ago(company, 10)}&known={days_ago(company, 5)}"
    page = planner.get(url).content.decode()
    assert "Nothing was there then" in page
    assert "as this database knew it" in page
    known = planner.get(f"/owned-accounts/?on={days_ago(company, 10)}&known={days_ago(company, 0)}")
    assert "West Brewing" in known.content.decode()


def test_list_filters_and_exports_like_any_other_and_keeps_its_day(planner: Client, company: Any) -> None:
    day = days_ago(company, 10)
    page = planner.get(f"/owned-accounts/?on={day}&territory=East&sort=name").content.decode()
    assert "West Brewing" in page
    assert "Vacant Brewing" not in page
    assert page.count(f"on={day}") > 3
    file = planner.get(f"/owned-accounts/export/csv/?on={day}&territory=East")
    text = b"".join(file.streaming_content).decode("utf-8-sig")
    assert sorted(line.split(",")[0] for line in text.splitlines()[1:]) == ["East Brewing", "West Brewing"]
    drawer = planner.get(f"/owned-accounts/filters/?on={day}").content.decode()
    assert f'name="on" value="{day}"' in drawer


def test_names_a_rep_may_not_see_cannot_be_read_or_filtered_for(rep: Client, company: Any) -> None:
    day = days_ago(company, 10)
    page = rep.get(f"/owned-accounts/?on={day}").content.decode()
    assert OTHER_TERRITORY in page
    assert "Ben" not in page
    assert ">East<" not in page
    assert "West Brewing" not in rep.get(f"/owned-accounts/?on={day}&territory=East").content.decode()
    assert "East Brewing" not in page
    options = rep.get(f"/owned-accounts/filters/?on={day}").content.decode()
    assert "East" not in options


@pytest.mark.parametrize("table", ["owned-leads", "owned-opportunities"])
def test_leads_and_opportunities_have_their_lists(planner: Client, company: Any, table: str) -> None:
    page = planner.get(f"/{table}/").content.decode()
    assert "est" in page
    assert planner.get(f"/{table}/?on=soon").status_code == 400


def test_list_costs_as_many_queries_for_many_rows_as_for_few(planner: Client, company: Any) -> None:
    url = f"/owned-accounts/?known={days_ago(company, 0)}"
    few = n_queries(planner, url)
    builders.add_accounts(company.services, [{"state": "CA", "external_id": f"N{n}"} for n in range(30)])
    assert n_queries(planner, url) <= few


def test_account_tells_who_had_it_on_a_day(planner: Client, rep: Client, company: Any) -> None:
    west, east = company.accounts["west"], company.accounts["east"]
    page = planner.get(f"/accounts/{west}/history/?on={days_ago(company, 10)}").content.decode()
    assert '<strong class="big">Ben</strong> in <strong>East</strong>' in page
    assert "moved by hand" in page
    assert "back again" in page
    assert f"/accounts/{west}/history/" in planner.get(f"/accounts/{west}/").content.decode()
    hidden, absent = (rep.get(f"/accounts/{pk}/history/") for pk in (east, 999_999))
    assert hidden.status_code == absent.status_code == 404
    assert untokened(hidden) == untokened(absent)


def test_territory_shows_people_and_quotas_over_time(planner: Client, rep: Client, company: Any) -> None:
    page = planner.get("/territories/west/history/").content.decode()
    assert "Ana" in page
    assert rep.get("/territories/west/history/").status_code == 200
    hidden, absent = (rep.get(f"/territories/{key}/history/") for key in ("east", "nowhere"))
    assert hidden.status_code == absent.status_code == 404


def test_archived_model_stays_readable_whole(planner: Client, rep: Client, company: Any) -> None:
    only_west = [builders.WEST_EAST[0], builders.WEST_EAST[1]]
    builders.publish(company.services, only_west, key="m2", name="Model two")
    page = planner.get("/models/m1/whole/").content.decode()
    assert "As it was at its last instant" in page
    assert "state (or province) is one of NY or MA" in page or "NY" in page
    assert "Ben" in page
    assert "As it is" in planner.get("/models/m2/whole/").content.decode()
    assert rep.get("/models/m1/whole/").status_code == 403


def test_planning_model_was_never_active(planner: Client, company: Any) -> None:
    plans.apply_document(company.services, OPERATOR, builders.document(builders.WEST_EAST, key="m3"))
    assert planner.get("/models/m3/whole/").status_code == 404


def test_map_of_a_day_has_that_days_places(planner: Client, company: Any) -> None:
    then = planner.get(f"/map/past.json?on={days_ago(company, 10)}").json()
    now = planner.get(f"/map/past.json?on={days_ago(company, 0)}").json()
    for data, key in ((then, "east"), (now, "west")):
        place = data["counties"]["fips"].index("06037")
        assert data["territories"][data["counties"]["territory"][place]]["key"] == key
        at = data["accounts"]["id"].index(company.accounts["west"])
        assert data["territories"][data["accounts"]["territory"][at]]["key"] == key
    long_ago = planner.get(f"/map/past.json?on={days_ago(company, 800)}").json()
    assert (long_ago["territories"], long_ago["accounts"]["id"]) == ([], [])
    assert planner.get("/map/past.json?on=soon").status_code == 400


def test_map_of_a_day_shows_a_rep_only_theirs(rep: Client, company: Any) -> None:
    data = rep.get(f"/map/past.json?on={days_ago(company, 10)}").json()
    assert [territory["key"] for territory in data["territories"]] == ["west"]
    assert data["elsewhere"]["accounts"] == 1
    assert data["total"]["accounts"] == 1


def test_map_offers_the_days_on_which_models_changed(planner: Client, company: Any) -> None:
    page = planner.get("/map/").content.decode()
    assert f'"on": "{days_ago(company, 365)}"' in page
    assert 'type="range"' in page


def test_map_of_a_day_costs_a_constant_number_of_queries(planner: Client, company: Any) -> None:
    url = f"/map/past.json?on={days_ago(company, 0)}"
    few = n_queries(planner, url)
    builders.add_accounts(company.services, [{"state": "CA", "external_id": f"N{n}"} for n in range(30)])
    assert n_queries(planner, url) == few


def test_quotas_are_pasted_tried_and_saved(planner: Client, company: Any) -> None:
    rows = "territory\tfrom\tto\tamount\nWest\t2027 Q1\t\t1000\neast\t2027-01-01\t2027-07-01\t$2,000.50\n"
    tried = planner.post("/quotas/enter/", {"rows": rows, "try": "1"}).content.decode()
    assert "would add 2" in tried
    assert not Quota.objects.exists()
    assert planner.post("/quotas/enter/", {"rows": rows}).status_code == 302
    page = planner.get("/quotas/").content.decode()
    assert "$1,000" in page
    assert Quota.objects.count() == 2


def test_wrong_quotas_are_told_row_by_row(planner: Client, company: Any) -> None:
    response = planner.post("/quotas/enter/", {"rows": "west,2027 Q1,,1000\nnowhere,2027 Q5,,much"})
    assert response.status_code == 422
    page = response.content.decode()
    assert "row 2, column territory" in page
    assert "row 2, column amount" in page
    assert not Quota.objects.exists()


def test_one_quota_by_form_and_away_again(planner: Client, company: Any) -> None:
    one = {"territory": "west", "from": "2027-01-01", "to": "2027-04-01", "amount": "1000", "currency": "USD"}
    assert planner.post("/quotas/enter/", one).status_code == 302
    (quota,) = Quota.objects.all()
    planner.post("/quotas/bulk/delete/", {"ids": [quota.pk], "confirmed": "1"})
    assert not Quota.objects.exists()


def test_quotas_are_for_those_who_plan(rep: Client, company: Any) -> None:
    Quota.objects.bulk_create(
        Quota(territory_id=node.territory_id, starts_on="2027-01-01", ends_on="2028-01-01", amount=5)
        for node in TerritoryModel.objects.get().nodes.all()
    )
    page = rep.get("/quotas/").content.decode()
    assert ">West<" in page
    assert ">East<" not in page
    assert rep.get("/quotas/enter/").status_code == 403


def test_two_models_are_compared_on_one_page(planner: Client, rep: Client, company: Any) -> None:
    changed = [*builders.WEST_EAST[:2], {**builders.WEST_EAST[2], "where": "state in ('NY', 'MA', 'TX')"}]
    plans.apply_document(company.services, OPERATOR, builders.document(changed, key="m2", name="Model two"))
    assert "Choose two models" in planner.get("/compare/").content.decode()
    page = planner.get("/compare/?before=m1&after=m2&measure=potential").content.decode()
    assert "Vacant Brewing" in page
    assert "<ins>, &#x27;TX&#x27;</ins>" in page
    columns = planner.get("/compare/map.json?before=m1&after=m2").json()
    assert columns["fips"] == ["06037"]
    file = planner.get("/compare/export/accounts/csv/?before=m1&after=m2")
    assert "Vacant Brewing" in b"".join(file.streaming_content).decode()
    assert planner.get("/compare/?before=m1&after=none").status_code == 422
    assert planner.get("/compare/export/people/csv/?before=m1&after=m2").status_code == 404
    assert rep.get("/compare/?before=m1&after=m2").status_code == 403
