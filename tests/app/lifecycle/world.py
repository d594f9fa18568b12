"""A company with a model in force, another one planned, and open work on its accounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
from tests.builders import WEST_EAST, add_accounts, add_leads, add_reps, document, publish

from merestone.app import lifecycle, plans
from merestone.app.policy import OPERATOR
from merestone.app.services import Services
from merestone.db.models import (
    AccountAssociation,
    Activity,
    LeadAssociation,
    Opportunity,
    OpportunityOwnership,
    TerritoryModel,
)

Places = dict[int, set[tuple[Any, ...]]]


@dataclass
class Dial:
    """A clock that shows what it is set to; the company is in Chicago."""

    shows: datetime
    place: str = "America/Chicago"

    def now(self) -> datetime:
        return self.shows

    def today(self) -> date:
        return self.shows.astimezone(ZoneInfo(self.place)).date()

    def zone(self) -> str:
        return self.place

    def currency(self) -> str:
        return "USD"


def on(services: Services, *when: int) -> tuple[Services, Dial]:
    """Return the services with a clock of their own."""
    dial = Dial(datetime(*when, tzinfo=UTC))  # type: ignore[misc]
    return replace(services, clock=dial), dial


def swapped(key: str = "m2", **more: Any) -> dict[str, Any]:
    """Return a model in which Ana and Ben change places, and Cal gets Texas."""
    owners = {"west": "ben@example.com", "east": "ana@example.com", "vacant": "cal@example.com"}
    territories = [
        {**node, **({"members": [{"rep": owners[node["key"]]}]} if node["key"] in owners else {})}
        for node in WEST_EAST
    ]
    return document(territories, key=key, name="Model two", **more)


@dataclass(frozen=True)
class World:
    """What there is."""

    services: Services
    reps: Mapping[str, int]
    accounts: list[int]
    leads: list[int]


STATES = ("CA", "WA", "NY", "MA", "TX", "FL")


def build(services: Services) -> World:
    """Return a company whose model m1 is active, and m2 is planned; Ana has the west, Ben the east."""
    reps = add_reps(services)
    publish(services)
    accounts = add_accounts(services, [{"state": state} for state in STATES])
    leads = add_leads(services, [{"state": "CA"}, {"state": "FL"}, {"state": "TX"}])
    plans.apply_document(services, OPERATOR, swapped())
    return World(services, reps, accounts, leads)


def add_opportunities(world: World, rows: list[dict[str, Any]]) -> list[int]:
    """Add opportunities: ``account`` (place in the world's list), ``owner`` (name), ``stage``."""
    table = pa.table(
        {
            "name": [f"Deal {n}" for n in range(len(rows))],
            "account_id": [world.accounts[row["account"]] for row in rows],
            "owner_id": pa.array(
                [world.reps[row["owner"]] if row.get("owner") else None for row in rows], pa.int64()
            ),
            "stage": [row.get("stage", "prospecting") for row in rows],
        }
    )
    with world.services.records.transaction(OPERATOR, cause="test"):
        return world.services.records.write("opportunities", table)["id"].to_pylist()


def add_activities(world: World, rows: list[dict[str, Any]]) -> list[int]:
    """Add activities: ``account``, ``rep`` (name), ``is_done``, ``opportunity`` (id)."""
    n_rows = len(rows)
    table = pa.table(
        {
            "kind": ["call"] * n_rows,
            "subject": [f"Call {n}" for n in range(n_rows)],
            "account_id": [world.accounts[row["account"]] for row in rows],
            "rep_id": [world.reps[row["rep"]] for row in rows],
            "opportunity_id": pa.array([row.get("opportunity") for row in rows], pa.int64()),
            "is_done": [row.get("is_done", False) for row in rows],
            "occurs_at": pa.array([world.services.clock.now()] * n_rows, pa.timestamp("us", "UTC")),
        }
    )
    with world.services.records.transaction(OPERATOR, cause="test"):
        return world.services.records.write("activities", table)["id"].to_pylist()


def open_places(model: Any = AccountAssociation, link: str = "account_id") -> Places:
    """Return record -> its open associations, with cause and reason."""
    found: Places = {}
    names = (link, "territory__key", "owner_id", "is_primary", "cause", "reason")
    for record, *rest, reason in model.objects.filter(valid_to=None).values_list(*names):
        found.setdefault(record, set()).add((*rest, str(sorted(reason.items()))))
    return found


def standing() -> tuple[Any, ...]:
    """Return everything an undo restores."""
    return (
        open_places(),
        open_places(LeadAssociation, "lead_id"),
        dict(Opportunity.objects.values_list("pk", "owner_id")),
        dict(Activity.objects.values_list("pk", "rep_id")),
        list(TerritoryModel.objects.filter(state="active").values_list("key", flat=True)),
        sorted(OpportunityOwnership.objects.filter(valid_to=None).values_list("opportunity_id", "owner_id", "stays_until")),
    )  # fmt: skip


def state_of(key: str) -> str:
    """Return a model's state."""
    return str(TerritoryModel.objects.get(key=key).state)


def put(services: Services, key: str = "m2", **more: Any) -> dict[str, Any]:
    """Publish."""
    return lifecycle.publish(services, OPERATOR, key, **more)
