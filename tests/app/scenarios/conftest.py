"""A company with accounts in counties of four states, an active model and a plan."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from tests import builders

from merestone.app import admin, plan_edits, scenarios
from merestone.app.access import grants
from merestone.app.policy import OPERATOR, Actor
from merestone.app.services import Services

TREE = (
    {"key": "us", "name": "United States", "where": "country = 'US'"},
    {"key": "far", "name": "Far West", "parent": "us", "where": "state in ('OR', 'WA', 'NV')"},
    {
        "key": "oregon",
        "name": "Oregon",
        "parent": "far",
        "where": "state = 'OR'",
        "members": [{"rep": "ana@example.com"}],
    },
    {
        "key": "washington",
        "name": "Washington",
        "parent": "far",
        "where": "state = 'WA'",
        "members": [{"rep": "ben@example.com"}],
    },
    {"key": "nevada", "name": "Nevada", "parent": "far", "where": "state = 'NV'"},
    {"key": "large", "name": "Large", "parent": "far", "where": "employees >= 1000", "priority": 10},
    {"key": "east", "name": "East", "parent": "us", "where": "state = 'NY'", "members": [{"rep": "cal@example.com"}]},
)  # fmt: skip
ROWS = (
    {"state": "OR", "county": "41051", "workload_hours": 30.0},  # Multnomah
    {"state": "OR", "county": "41051", "workload_hours": 20.0},
    {"state": "OR", "county": "41005", "workload_hours": 20.0},  # Clackamas
    {"state": "OR", "county": "41039", "workload_hours": 25.0},  # Lane
    {"state": "WA", "county": "53033", "workload_hours": 40.0},  # King
    {"state": "WA", "county": "53053", "workload_hours": 30.0},  # Pierce
    {"state": "WA", "county": "53063", "workload_hours": 15.0},  # Spokane
    {"state": "NV", "county": "32003", "workload_hours": 35.0},  # Clark
    {"state": "NV", "county": "32031", "workload_hours": 25.0},  # Washoe
    {"state": "WA", "county": None, "workload_hours": 10.0},
    {"state": "OR", "county": "41051", "workload_hours": 90.0, "employees": 5000},
    {"state": "NY", "county": "36061", "workload_hours": 50.0},
    {"state": "ID", "county": "16001", "workload_hours": 10.0},
)
MULTNOMAH, CLACKAMAS, KING, CLARK = "41051", "41005", "53033", "32003"


class World:
    """The company; ``plan`` is a copy of its active model."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.reps = builders.add_reps(services)
        builders.publish(services, TREE)
        rows = [
            {"employees": 10, "potential": Decimal("100.50"), "revenue": Decimal("10.25"), **row}
            for row in ROWS
        ]
        self.accounts = builders.add_accounts(services, rows)
        self.plan = plan_edits.clone_model(services, OPERATOR, "m1", new_key="plan")["key"]

    def start(self, parent: str = "far", actor: Actor = OPERATOR, **more: Any) -> str:
        """Start a scenario; returns its key."""
        made = scenarios.start(self.services, actor, model=self.plan, name="First", parent=parent, **more)
        return str(made["key"])

    def read(self, key: str, actor: Actor = OPERATOR) -> dict[str, Any]:
        """Return a scenario."""
        return scenarios.read(self.services, actor, key)

    def where(self, key: str) -> dict[str, str | None]:
        """Return unit -> key of its territory."""
        data = self.read(key)
        keys = [*(one["key"] for one in data["territories"]), None]
        units = data["units"]
        return {unit: keys[number] for unit, number in zip(units["id"], units["territory"], strict=True)}

    def assign(self, key: str, units: list[str], territory: str | None, **more: Any) -> dict[str, Any]:
        """Give units to a territory, as somebody who has just read the scenario."""
        data = self.read(key)
        at = [data["units"]["id"].index(unit) for unit in units]
        keys = [one["key"] for one in data["territories"]]
        return scenarios.assign(
            self.services,
            OPERATOR,
            key,
            **{
                "seen": data["revision"],
                "units": at,
                "territory": None if territory is None else keys.index(territory),
                **more,
            },
        )

    def actor(self, name: str, role: str = "rep", rep: str | None = None) -> Actor:
        """Return a new user as they ask."""
        from merestone.db.models import User
        from merestone.db.queries.actors import actor_of_user

        made = admin.create_user(
            self.services,
            OPERATOR,
            email=f"{name}@example.com",
            role=role,
            rep_id=self.reps[rep] if rep else None,
        )
        return replace(actor_of_user(User.objects.get(pk=made["id"])))

    def give(self, actor: Actor, territory: str, *rights: str) -> Actor:
        """Give somebody rights; returns them as they ask next."""
        from merestone.db.models import User
        from merestone.db.queries.actors import actor_of_user

        assert actor.user_id is not None
        grants.give_grant(self.services, OPERATOR, user_id=actor.user_id, territory=territory, rights=rights)
        return actor_of_user(User.objects.get(pk=actor.user_id))


@pytest.fixture
def world(services: Services, settings: Any) -> World:
    """The company."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return World(services)
