"""A hand-out of three territories in Ohio and Indiana, one of them empty, with names no font likes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from merestone.app.handout import (
    Exchange,
    HandOut,
    ManagerSheet,
    Measured,
    Place,
    Sum,
    TerritorySheet,
    Whole,
)
from merestone.connectors.files.guard import guard
from merestone.connectors.geodata import Gazetteer, OutlineMap
from merestone.connectors.handouts import HandOutWriter

MEASURES = (
    Measured("accounts", "Accounts", "accounts"),
    Measured("potential", "Potential", "USD"),
    Measured("revenue", "Annual revenue", "USD"),
    Measured("workload", "Workload", "hours"),
)
NAMES = ("Łódź Tools & Ägypten GmbH", "=cmd|'/C calc'!A0", "漢字 Trading", "Very long name " * 12)
LONG = "The territory with the longest name that anybody ever gave to a territory, and then some more of it, and more"


@pytest.fixture(scope="session")
def writer() -> HandOutWriter:
    """The writer of files."""
    return HandOutWriter(OutlineMap(Gazetteer()), guard)


def sums(n: float) -> tuple[Sum, ...]:
    return tuple(Sum(one.key, 10.0, n, 120.0 if n else None) for one in MEASURES)


def a_sheet(number: int, name: str, rows: range, leaving: range, **more: Any) -> TerritorySheet:
    values: dict[str, Any] = {
        "owner": "Ana Őrsi",
        "managers": ("Mia Müller",),
        "home": (-82.99, 39.96),
        "n_units": 5,
        "is_connected": True,
        "places": (Place("OH", "Ohio", (), 88), Place("IN", "Indiana", ("Allen", "Adams"), 2)),
        "comes": (Exchange("West", "Ben", 7, 1e6, 2e6),) * 12,
        "goes": (Exchange("Nobody", "", 2, 1e3, 2e3),),
        "n_stay": 3,
        **more,
    }
    return TerritorySheet(
        number=number,
        key=f"t{number}",
        name=name,
        sums=sums(len(rows)),
        rows=np.array(rows, np.int64),
        leaving=np.array(leaving, np.int64),
        **values,
    )


@pytest.fixture(scope="session")
def hand_out() -> HandOut:
    """The whole scenario: 100 accounts in the first territory, 30 in the second, none in the third."""
    gazetteer = Gazetteer()
    units = gazetteer.counties().sort_by("fips").to_pylist()
    units = [one for one in units if one["state"] in ("OH", "IN")]
    n = 130
    counties = [one["fips"] for one in units]
    accounts = pa.table(
        {
            "id": range(n),
            "external_id": [None] + [f"A-{at}" for at in range(1, n)],
            "name": [*NAMES, *(f"Account {at}" for at in range(len(NAMES), n))],
            "city": ["Columbus"] * n,
            "state": ["OH"] * n,
            "county": [counties[at % len(counties)] for at in range(n)],
            "longitude": [-83.0 + at / 500 for at in range(n - 1)] + [None],
            "latitude": [40.0] * (n - 1) + [None],
            "planned": [0] * 100 + [1] * 30,
            "territory": ["Ohio"] * 100 + [LONG] * 30,
            "owner": ["Ana Őrsi"] * n,
            "territory_today": ["Ohio"] * 60 + ["West"] * 70,
            "owner_today": ["Ana Őrsi"] * 60 + ["Ben"] * 70,
            "moves": [False] * 60 + [True] * 70,
            "new_owner": [False] * 60 + [True] * 70,
            "potential": [float(1000 - at) for at in range(n)],
            "revenue": [0.0] * n,
            "workload": [1.5] * n,
        }
    )
    sheets = (
        a_sheet(0, "Ohio", range(100), range(100, 130)),
        a_sheet(1, LONG, range(100, 130), range(0), owner="", home=None, managers=()),
        a_sheet(2, "Empty", range(0), range(0), places=(), comes=(), goes=(), n_units=0, n_stay=0),
    )
    plan = tuple(0 if one["state"] == "OH" else 1 for one in units)
    return HandOut(
        key="spring",
        name="Spring “tour”",
        revision=3,
        model="plan",
        model_name="FY27",
        scope="all",
        part="Spring “tour”",
        made_on=datetime(2026, 11, 24, 9, 30, tzinfo=UTC),
        effective=date(2027, 1, 1),
        is_stale=False,
        measures=MEASURES,
        currency="USD",
        sheets=sheets,
        managers=(ManagerSheet(9, "Mia Müller", (0, 2), sums(3), sheets[0].comes, (), 0),),
        accounts=accounts,
        moved={"accounts": 70.0, "potential": 1.0, "revenue": 0.0, "workload": 2.0},
        total={"accounts": 130.0, "potential": 2.0, "revenue": 0.0, "workload": 4.0},
        n_fixed=4,
        n_without=1,
        whole=Whole(
            names=("Ohio", LONG, "Empty"),
            owners=("Ana Őrsi", "", "Ana Őrsi"),
            homes=((-82.99, 39.96), None, None),
            unit_kind="county",
            unit_ids=tuple(counties),
            unit_names=tuple(one["name"] for one in units),
            unit_states=tuple(one["state"] for one in units),
            plan=plan,
            live=plan,
            touches=((0, 1),),
        ),
    )
