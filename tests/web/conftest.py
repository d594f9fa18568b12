"""A small company behind the web face, and a signed-in browser-less client per role."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from django.test import Client
from tests import builders

from merestone.app import admin
from merestone.app.policy import OPERATOR
from merestone.app.services import Services

PASSWORD = "quarry-and-fern-29"
SELLS_AS = {"rep": "ana", "manager": "mia"}


@dataclass
class Company:
    """What is in the test company: accounts and leads in the west (Ana's), the east (Ben's) and nobody's places."""

    services: Services
    reps: dict[str, int]
    accounts: dict[str, int]
    leads: dict[str, int]
    records: dict[str, dict[str, int]] = field(default_factory=dict)
    users: dict[str, int] = field(default_factory=dict)


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Any) -> None:
    """Static files come from their folders here; nobody collected them."""
    settings.STATIC_ROOT = None
    # Hashing a password slowly is for real ones.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    """The services, keeping uploads in a folder of the test."""
    from merestone.boot import middleware, services

    made = replace(services.services(), data_dir=tmp_path)
    monkeypatch.setattr(middleware, "services", lambda: made)
    return made


def found(services: Services) -> Company:
    """Make the test company."""
    reps = builders.add_reps(services)
    builders.publish(services)
    states = {"west": "CA", "east": "NY", "vacant": "TX", "nowhere": "FL"}
    rows = [
        {
            "external_id": f"A-{name}",
            "name": f"{name.title()} Brewing",
            "state": state,
            "city": "Testville",
            "employees": 10 * (place + 1),
            "potential": Decimal(1000 * (place + 1)),
            "industry": ["Pharma", "Food"][place % 2],
        }
        for place, (name, state) in enumerate(states.items())
    ]
    accounts = dict(zip(states, builders.add_accounts(services, rows), strict=True))
    leads = builders.add_leads(services, [{"state": state} for state in states.values()])
    company = Company(services, reps, accounts, dict(zip(states, leads, strict=True)))
    for table, columns in _at_accounts(company).items():
        with services.records.transaction(OPERATOR, cause="test"):
            ids = services.records.write(table, pa.table(columns))["id"].to_pylist()
        company.records[table] = dict(zip(accounts, ids, strict=True))
    for role in ("admin", "planner", "manager", "rep", "integration"):
        rep_id = reps.get(SELLS_AS.get(role, ""))
        user = admin.create_user(
            services,
            OPERATOR,
            email=f"{role}@example.com",
            role=role,
            name=f"The {role}",
            password=PASSWORD,
            rep_id=rep_id,
        )
        company.users[role] = user["id"]
    return company


def _at_accounts(company: Company) -> dict[str, dict[str, Any]]:
    ids, names = pa.array(company.accounts.values(), pa.int64()), list(company.accounts)
    n = len(names)
    when = pa.array([datetime(2026, 1, 6, 9, tzinfo=UTC)] * n, pa.timestamp("us", "UTC"))
    return {
        "contacts": {"account_id": ids, "last_name": [f"Of {name}" for name in names]},
        "opportunities": {
            "account_id": ids, "name": [f"Deal {name}" for name in names], "stage": ["proposal"] * n,
            "amount": pa.array([Decimal("500.00")] * n, builders.MONEY), "currency": ["USD"] * n,
            "opened_on": [date(2026, 1, 5)] * n,
        },
        "activities": {
            "account_id": ids, "kind": ["call"] * n, "subject": [f"Call {name}" for name in names], "occurs_at": when,
        },
        "contracts": {"account_id": ids, "starts_on": [date(2026, 1, 1)] * n, "ends_on": [date(2036, 1, 1)] * n},
    }  # fmt: skip


@pytest.fixture
def company(db: Any, services: Services) -> Company:
    """The test company."""
    return found(services)


@pytest.fixture
def as_role(company: Company) -> Callable[[str], Client]:
    """Return a client signed in as the user of a role."""
    from django.contrib.auth import get_user_model

    def sign_in(role: str) -> Client:
        client = Client()
        client.force_login(get_user_model().objects.get(pk=company.users[role]))
        return client

    return sign_in


@pytest.fixture
def planner(as_role: Callable[[str], Client]) -> Client:
    """A client signed in as the planner."""
    return as_role("planner")


@pytest.fixture
def rep(as_role: Callable[[str], Client]) -> Client:
    """A client signed in as Ana, who sells in the west."""
    return as_role("rep")
