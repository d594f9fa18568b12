"""A small company behind the API, and callers of each role."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from django.test import Client
from tests import builders

from merestone.app import admin
from merestone.app.policy import OPERATOR
from merestone.app.services import Services

BASE = "/api/v1"
ROLES = ("admin", "planner", "manager", "rep", "integration")


@dataclass
class World:
    """What is in the test company."""

    services: Services
    reps: dict[str, int]
    accounts: dict[str, int]
    leads: dict[str, int]
    records: dict[str, dict[str, int]]
    tokens: dict[str, str] = field(default_factory=dict)
    users: dict[str, int] = field(default_factory=dict)


class Caller:
    """Calls the API with a token."""

    def __init__(self, token: str | None) -> None:
        self.client = Client()
        self.headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        data = b"" if body is None else json.dumps(body).encode()
        sent = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.generic(method, BASE + path, data, content_type="application/json", headers=sent)

    def get(self, path: str, **headers: str) -> Any:
        return self("GET", path, **headers)

    def items(self, path: str) -> list[dict[str, Any]]:
        response = self.get(path)
        assert response.status_code == 200, response.content
        return response.json()["items"]


def make_world(services: Services) -> World:
    """Two sellers with a territory each, a manager over both, records of every kind at an account of each."""
    reps = builders.add_reps(services)
    builders.publish(services)
    states = {"west": "CA", "east": "NY", "vacant": "TX", "nowhere": "FL"}
    rows = [
        {
            "external_id": f"A-{name}",
            "name": f"{name.title()} Brewing",
            "state": state,
            "employees": 10 * (place + 1),
            "potential": Decimal(1000 * (place + 1)),
            "revenue": Decimal("99.50"),
            "workload_hours": 12.5,
        }
        for place, (name, state) in enumerate(states.items())
    ]
    accounts = dict(zip(states, builders.add_accounts(services, rows), strict=True))
    leads = dict(
        zip(
            states, builders.add_leads(services, [{"state": state} for state in states.values()]), strict=True
        )
    )
    world = World(services, reps, accounts, leads, {})
    for table, columns in _of_accounts(world).items():
        with services.records.transaction(OPERATOR, cause="test"):
            ids = services.records.write(table, pa.table(columns))["id"].to_pylist()
        world.records[table] = dict(zip(accounts, ids, strict=True))
    _add_users(world)
    return world


def _of_accounts(world: World) -> dict[str, dict[str, Any]]:
    ids, names = pa.array(world.accounts.values(), pa.int64()), list(world.accounts)
    n = len(names)
    return {
        "contacts": {"account_id": ids, "last_name": [f"Of {name}" for name in names]},
        "opportunities": {
            "account_id": ids,
            "name": [f"Deal {name}" for name in names],
            "stage": ["proposal"] * n,
            "amount": pa.array([Decimal("500.00")] * n, pa.decimal128(18, 2)),
            "currency": ["USD"] * n,
            "opened_on": [date(2026, 1, 5)] * n,
        },
        "activities": {
            "account_id": ids,
            "kind": ["call"] * n,
            "subject": [f"Call {name}" for name in names],
            "occurs_at": pa.array([datetime(2026, 1, 6, 9, tzinfo=UTC)] * n, pa.timestamp("us", "UTC")),
        },
        "contracts": {
            "account_id": ids,
            "starts_on": [date(2026, 1, 1)] * n,
            "ends_on": [date(2027, 1, 1)] * n,
        },
    }


def _add_users(world: World) -> None:
    reps = {"rep": world.reps["ana"], "manager": world.reps["mia"]}
    for role in ROLES:
        user = admin.create_user(
            world.services,
            OPERATOR,
            email=f"{role}@example.com",
            role=role,
            rep_id=reps.get(role),
        )
        world.users[role] = user["id"]
        world.tokens[role] = new_token(world, role)


def new_token(world: World, role: str, *, scopes: tuple[str, ...] | None = None, days: int = 30) -> str:
    """Return a token of a role's user; by default with every right the role has."""
    from merestone.app.policy import RIGHTS

    made = admin.create_token(
        world.services,
        OPERATOR,
        user_id=world.users[role],
        name=f"test of {role}",
        scopes=sorted(RIGHTS[role]) if scopes is None else scopes,
        days=days,
    )
    return made["token"]


@pytest.fixture
def services(db: Any) -> Services:
    """The services on the test database."""
    from merestone.boot.services import services

    return services()


@pytest.fixture
def world(services: Services) -> World:
    """The test company."""
    return make_world(services)


@pytest.fixture
def admin_calls(world: World) -> Caller:
    """Calls of an administrator."""
    return Caller(world.tokens["admin"])


@pytest.fixture
def planner(world: World) -> Caller:
    """Calls of a planner."""
    return Caller(world.tokens["planner"])


@pytest.fixture
def manager(world: World) -> Caller:
    """Calls of the manager over both sellers."""
    return Caller(world.tokens["manager"])


@pytest.fixture
def rep(world: World) -> Caller:
    """Calls of the seller in the west."""
    return Caller(world.tokens["rep"])


@pytest.fixture(autouse=True)
def _no_collected_files(settings: Any) -> None:
    """Static files come from their folders here; nobody collected them."""
    settings.STATIC_ROOT = None
