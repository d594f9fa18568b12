"""A company in which people leave: three sellers in the west, one in the east, each with accounts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from tests import builders

from merestone.app.policy import OPERATOR
from merestone.app.services import Services

TERRITORIES = (
    builders.WEST_EAST[0],
    {
        **builders.WEST_EAST[1],
        "members": [{"rep": "ana@example.com"}, {"rep": "cal@example.com", "role": "backup"}],
    },
    *builders.WEST_EAST[2:],
)
PEOPLE = ("ana", "ben", "mia", "cal", "dee")


@dataclass
class Clock:
    """A clock that stands where it is put."""

    at: datetime
    in_zone: str = "UTC"

    def now(self) -> datetime:
        """Return the instant."""
        return self.at

    def today(self) -> date:
        """Return the day in the company's zone."""
        from zoneinfo import ZoneInfo

        return self.at.astimezone(ZoneInfo(self.in_zone)).date()

    def zone(self) -> str:
        """Return the zone."""
        return self.in_zone

    def currency(self) -> str:
        """Return the currency."""
        return "USD"


@dataclass
class World:
    """The company, with a clock of its own."""

    services: Services
    clock: Clock
    reps: dict[str, int]
    accounts: list[int] = field(default_factory=list)
    leads: list[int] = field(default_factory=list)
    opportunities: list[int] = field(default_factory=list)
    activities: list[int] = field(default_factory=list)

    def owners(self, table: str = "accounts") -> dict[int, int | None]:
        """Return record -> owner."""
        return {record: owner for record, (_, owner, _) in builders.places(self.services, table).items()}


def clocked(services: Services, clock: Clock) -> Services:
    """Return the services with another clock."""
    return replace(services, clock=clock)


@pytest.fixture
def world(services: Services) -> World:
    """The company; today is 16 June 2026, noon."""
    clock = Clock(datetime(2026, 6, 16, 12, tzinfo=UTC))
    services = clocked(services, clock)
    reps = builders.add_reps(services, PEOPLE)
    set_reps(services, reps, capacity_hours=[100.0] * 5, home_latitude=[37.0, 40.0, 38.0, 37.5, 37.2])
    builders.publish(services, TERRITORIES)
    made = World(services, clock, reps)
    rows = [
        {
            "state": "CA",
            "workload_hours": 10.0,
            "potential": Decimal(100 * (i + 1)),
            "latitude": 37.0,
            "longitude": -122.0,
        }
        for i in range(6)
    ]
    made.accounts = builders.add_accounts(
        services, [*rows, {"external_id": "E1", "state": "NY", "workload_hours": 10.0}]
    )
    made.leads = builders.add_leads(services, [{"state": "CA"}, {"state": "CA", "status": "disqualified"}])
    made.opportunities = write(
        services, "opportunities",
        account_id=[made.accounts[0], made.accounts[6], made.accounts[1]], name=["In", "Elsewhere", "Won"],
        stage=["proposal", "proposal", "won"], owner_id=[reps["ana"]] * 3, amount=pa.array([Decimal(5)] * 3, builders.MONEY),
    )  # fmt: skip
    made.activities = write(
        services, "activities",
        account_id=[made.accounts[0], made.accounts[6], None, made.accounts[0]], kind=["call"] * 4, subject=["a", "b", "c", "d"],
        rep_id=[reps["ana"]] * 4, occurs_at=pa.array([clock.at] * 4, pa.timestamp("us", "UTC")),
        is_done=[False, False, False, True],
    )  # fmt: skip
    return made


def write(services: Services, table: str, **columns: Any) -> list[int]:
    """Write rows; returns their ids."""
    with services.records.transaction(OPERATOR, cause="test"):
        return services.records.write(table, pa.table(columns))["id"].to_pylist()


def set_reps(services: Services, reps: dict[str, int], **columns: Any) -> None:
    """Set columns of all reps, in order."""
    write(services, "reps", id=list(reps.values()), **columns)
