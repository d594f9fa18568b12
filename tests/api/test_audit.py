"""The audit log in words, for programs."""

from __future__ import annotations

import pytest

from merestone.app import crm
from merestone.app.policy import Actor

pytestmark = pytest.mark.django_db

ANA = Actor(role="planner", label="user:ana@example.com")


@pytest.fixture
def changed(world):
    """The company after somebody moved an account's city twice."""
    for version, city in enumerate(("Oslo", "Rome"), start=1):
        crm.update_record(
            world.services,
            ANA,
            table="accounts",
            record_id=_account(world),
            values={"city": city},
            version=version,
        )
    return world


def _account(world) -> int:
    return next(iter(world.accounts.values()))


def test_lines_tell_who_what_from_to_and_why(changed, planner):
    new, old = planner.items(f"/audit/lines?table=account&record={_account(changed)}&field=city&did=U")
    (change,) = [one for one in new["changes"] if one["field"] == "city"]
    assert (new["actor"], new["did"], change["old"], change["new"]) == (
        "user:ana@example.com", "changed", "Oslo", "Rome",
    )  # fmt: skip
    assert new["id"] > old["id"]
    assert new["transaction"] != old["transaction"]


def test_pages_go_by_key_and_miss_nothing(changed, planner):
    whole = [line["id"] for line in planner.items("/audit/lines?limit=500")]
    seen, before = [], ""
    while before is not None:
        page = planner.get(f"/audit/lines?limit=7{before and f'&before={before}'}").json()
        seen += [line["id"] for line in page["items"]]
        before = page["older"]
    assert len(seen) > 20
    assert seen[:500] == whole
    assert seen == sorted(set(seen), reverse=True)


def test_wrong_filters_are_a_problem(changed, planner):
    response = planner.get("/audit/lines?did=x&from=yesterday")
    assert response.status_code == 422
    assert {problem["where"] for problem in response.json()["problems"]} == {"did", "from"}


def test_only_who_may_read_the_log_sees_it(changed, rep):
    assert rep.get("/audit/lines").status_code == 403
