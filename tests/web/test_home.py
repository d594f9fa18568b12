"""Start pages: attainment of the running quarter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from tests import builders

from merestone.app.policy import OPERATOR
from merestone.db.models import Quota, Territory
from merestone.web.views.periods import months_before, quarter_start


@pytest.fixture
def goals(company: Any) -> Any:
    """The company with 300 won today in the west and 100 in the east, against quotas of 400 and 1,000."""
    today = company.services.clock.today()
    start = quarter_start(today)
    with company.services.records.transaction(OPERATOR, cause="test"):
        company.services.records.write(
            "opportunities",
            pa.table(
                {
                    "account_id": pa.array([company.accounts[key] for key in ("west", "east")], pa.int64()),
                    "name": ["W", "E"],
                    "stage": ["won", "won"],
                    "amount": pa.array([Decimal("300.00"), Decimal("100.00")], builders.MONEY),
                    "currency": ["USD", "USD"],
                    "opened_on": [start - timedelta(days=30)] * 2,
                    "closed_on": [today] * 2,
                }
            ),
        )
        for key, amount in {"west": 400, "east": 1000}.items():
            territory = Territory.objects.get(key=key)
            add_quota(territory, start, amount)
            add_quota(territory, months_before(start, 3), 7)
    return company


def add_quota(territory: Territory, start: date, amount: int) -> Quota:
    return Quota.objects.create(
        territory=territory, starts_on=start, ends_on=months_before(start, -3), amount=Decimal(amount)
    )


def test_manager_sees_the_attainment_of_each_territory_and_of_all(
    as_role: Callable[[str], Client], goals: Any
) -> None:
    response = as_role("manager").get("/")
    found = response.context["goals"]
    assert {goal.key: (goal.won, goal.quota, goal.share) for goal in found.goals} == {
        "east": (Decimal(100), Decimal(1000), 0.1),
        "west": (Decimal(300), Decimal(400), 0.75),
    }
    assert found.total.share == 400 / 1400
    assert found.all_won == Decimal(400)
    assert "75.0 %" in response.text
    assert "28.6 %" in response.text


def test_par_is_the_elapsed_share_of_the_quarter(as_role: Callable[[str], Client], goals: Any) -> None:
    found = as_role("manager").get("/").context["goals"]
    today = goals.services.clock.today()
    n_days = (found.last_day - found.start).days + 1
    assert found.start <= today <= found.last_day
    assert found.par == ((today - found.start).days + 1) / n_days
    assert [goal.key for goal in found.goals if goal.is_behind] == [
        key for key, share in (("east", 0.1), ("west", 0.75)) if share < found.par
    ]


def test_planner_sees_the_attainment_of_the_company(planner: Client, goals: Any) -> None:
    response = planner.get("/")
    assert response.context["goals"].total.quota == Decimal(1400)
    assert "Attainment so far" in response.text


def test_without_quotas_the_page_says_so(as_role: Callable[[str], Client], company: Any) -> None:
    response = as_role("manager").get("/")
    assert response.context["goals"].total.share is None
    assert "No quotas for this quarter yet" in response.text


@pytest.mark.parametrize(
    ("start", "end", "amount"),
    [("2026-01-01", "2026-04-01", 5), ("2026-04-01", "2026-04-01", 5), ("2026-04-01", "2026-07-01", 0)],
    ids=["twice", "empty", "nothing"],
)
def test_database_refuses_a_senseless_quota(company: Any, start: str, end: str, amount: int) -> None:
    west = Territory.objects.get(key="west")
    add_quota(west, date(2026, 1, 1), 5)
    with pytest.raises(IntegrityError), transaction.atomic():
        Quota.objects.create(
            territory=west,
            starts_on=date.fromisoformat(start),
            ends_on=date.fromisoformat(end),
            amount=Decimal(amount),
        )
