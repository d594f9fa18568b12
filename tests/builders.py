"""Builders of small worlds for tests: a company with reps, a model and accounts, made through the use cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from merestone.app import lifecycle, plans
from merestone.app.assign import place_accounts
from merestone.app.policy import OPERATOR
from merestone.app.route import place_leads
from merestone.app.services import Services

MONEY = pa.decimal128(18, 2)


def document(
    territories: Sequence[Mapping[str, Any]], *, key: str = "m1", name: str = "Model one", **more: Any
) -> dict[str, Any]:
    """Return a model document."""
    return {"merestone": 1, "model": {"key": key, "name": name}, "territories": list(territories), **more}


WEST_EAST = (
    {
        "key": "us",
        "name": "United States",
        "where": "country = 'US'",
        "members": [{"rep": "mia@example.com", "role": "manager"}],
    },
    {
        "key": "west",
        "name": "West",
        "parent": "us",
        "where": "state in ('CA', 'WA')",
        "members": [{"rep": "ana@example.com"}],
    },
    {
        "key": "east",
        "name": "East",
        "parent": "us",
        "where": "state in ('NY', 'MA')",
        "members": [{"rep": "ben@example.com"}],
    },
    {"key": "vacant", "name": "Vacant", "parent": "us", "where": "state = 'TX'"},
)
REPS = ("ana", "ben", "mia", "cal")


def add_reps(services: Services, names: Sequence[str] = REPS) -> dict[str, int]:
    """Add reps called like this at example.com; returns name -> id."""
    table = pa.table(
        {"name": [name.title() for name in names], "email": [f"{name}@example.com" for name in names]}
    )
    with services.records.transaction(OPERATOR, cause="test"):
        ids = services.records.write("reps", table)["id"].to_pylist()
    return dict(zip(names, ids, strict=True))


def accounts_table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Return accounts with usual values where a row is silent."""
    usual = {"country": "US", "state": None, "currency": "USD", "lifecycle": "prospect"}
    full = [{"external_id": f"A{i}", "name": f"Account {i}", **usual, **row} for i, row in enumerate(rows)]
    columns: dict[str, Any] = {}
    for name in {key for row in full for key in row}:
        values = [row.get(name) for row in full]
        is_money = any(isinstance(value, Decimal) for value in values)
        columns[name] = pa.array(values, MONEY if is_money else None)
    return pa.table(columns)


def add_accounts(services: Services, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Add and place accounts; returns their ids."""
    with services.records.transaction(OPERATOR, cause="test"):
        ids = services.records.write("accounts", accounts_table(rows))["id"].to_pylist()
        place_accounts(services, ids=ids)
    return ids


def add_leads(services: Services, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Add and route leads; returns their ids."""
    now = services.clock.now()
    full = [
        {"name": f"Lead {i}", "country": "US", "status": "new", "received_at": now, **row}
        for i, row in enumerate(rows)
    ]
    with services.records.transaction(OPERATOR, cause="test"):
        ids = services.records.write("leads", pa.Table.from_pylist(full))["id"].to_pylist()
        place_leads(services, ids=ids)
    return ids


def publish(
    services: Services, territories: Sequence[Mapping[str, Any]] = WEST_EAST, **more: Any
) -> dict[str, Any]:
    """Apply and publish a model."""
    data = document(territories, **more)
    plans.apply_document(services, OPERATOR, data)
    return lifecycle.publish(services, OPERATOR, data["model"]["key"])


def places(services: Services, table: str = "accounts") -> dict[int, tuple[str | None, int | None, str]]:
    """Return record -> (territory, owner, cause) of the open primary associations."""
    rows = services.associations.open_now(table)
    return {
        row["record"]: (row["territory"], row["owner"], row["cause"])
        for row in rows.filter(rows["is_primary"]).to_pylist()
    }
