"""Leads of the last twelve months: where they come from, what became of them, and those nobody touched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from merestone.boot.demo.accounts import Accounts
from merestone.boot.demo.columnar import (
    NO_DAY,
    NO_MONEY,
    contract_table,
    instants,
    money,
    number,
    text,
    whole,
)
from merestone.boot.demo.firms import draw_employees, draw_industries, draw_interests, draw_potential, slug
from merestone.boot.demo.industries import INDUSTRIES
from merestone.boot.demo.models import Model
from merestone.boot.demo.places import Places, draw_places
from merestone.boot.demo.words import FIRST_NAMES, LAST_NAMES, STEM_HEADS, STEM_TAILS

N_LEADS = 3_500
N_NEGLECTED = 250
N_FRESH_DAYS = 3
_SOURCES = ("web form", "trade show", "webinar", "referral", "partner", "advertisement", "cold call")
_SOURCE_SHARE = (0.34, 0.16, 0.14, 0.12, 0.10, 0.08, 0.06)
_CONVERSION = np.array([0.16, 0.18, 0.14, 0.38, 0.27, 0.09, 0.07])  # by source
_DISQUALIFIED = np.array([0.34, 0.30, 0.32, 0.14, 0.20, 0.45, 0.40])


@dataclass(frozen=True)
class Leads:
    """Leads, and the columns that later parts need; ``account`` is -1 without one."""

    table: pa.Table
    ids: NDArray[Any]
    owner: NDArray[Any]
    account: NDArray[np.int64]
    received: NDArray[np.int64]
    converted: NDArray[np.int64]
    is_touched: NDArray[np.bool_]
    is_fresh: NDArray[np.bool_]


def make_leads(
    places: Places, accounts: Accounts, models: tuple[Model, Model], *, today: date, rng: np.random.Generator
) -> Leads:
    """Return 3,500 leads, oldest first; those of the last days have no owner yet."""
    n, now = N_LEADS, today.toordinal()
    received = np.sort(now - 1 - np.floor(365 * rng.random(n) ** 1.1).astype(int))
    age = now - received
    source = rng.choice(len(_SOURCES), size=n, p=_SOURCE_SHARE)
    status, converted = _fates(source, age, received, rng)
    place = draw_places(places, n, rng=rng)
    industry = draw_industries(places.hub[place], rng)
    employees = draw_employees(industry, rng)
    account = _accounts_of(accounts, status, rng)
    known, has_size = account >= 0, rng.random(n) < 0.85
    companies = _companies(industry, rng)
    company = np.where(known, accounts.names[account], companies)
    first, last = (np.array(pool)[rng.integers(0, len(pool), n)] for pool in (FIRST_NAMES, LAST_NAMES))
    ids = np.array([f"L-{i:05d}" for i in range(1, n + 1)])
    columns: dict[str, NDArray[Any]] = {
        "external_id": ids,
        "country": np.full(n, "US"),
        "state": np.where(known, accounts.columns["state"][account], places.state[place]),
        "postal_code": np.where(known, accounts.columns["postal_code"][account], places.postal_code[place]),
        "county": np.where(known, accounts.columns["county"][account], places.county[place]),
        "naics": np.where(
            known, accounts.columns["naics"][account], np.array([e.naics for e in INDUSTRIES])[industry]
        ),
        "employees": np.where(
            has_size, np.where(known, accounts.columns["employees"][account], employees), np.nan
        ),
    }
    is_fresh = age <= N_FRESH_DAYS
    owner = np.where(is_fresh, "", _owners(models, columns, received))
    neglected = _neglected(status, age, owner, rng)
    status = np.where(neglected, np.where(rng.random(n) < 0.7, "new", "working"), status)
    table = contract_table(
        "leads",
        {
            "external_id": text(ids),
            "name": text([f"{a} {b}" for a, b in zip(first, last, strict=True)]),
            "company": text(company),
            "account": text(np.where(known, accounts.ids[account], "")),
            "email": text(_emails(first, last, np.where(known, accounts.domains[account], ""), company)),
            "phone": text([f"555-01{i:02d}" for i in rng.integers(0, 100, n)]),
            "country": text(columns["country"]),
            "currency": text(["USD"] * n),
            "products_of_interest": pa.array(draw_interests(industry, rng)),
            "language": text(np.where(rng.random(n) < 0.95, "en", "es")),
            "source": text(np.array(_SOURCES)[source]),
            "status": text(status),
            "received_at": instants(received, rng.integers(0, 43_000, n)),
            "converted_at": instants(converted, rng.integers(50_000, 80_000, n)),
            "owner": text(owner),
            **_facts(accounts, places, place, account, industry, employees, columns, rng),
        },
    )
    is_touched = ~neglected & ~is_fresh & (status != "new")
    return Leads(table, ids, owner, account, received, converted, is_touched, is_fresh)


def _fates(
    source: NDArray[np.int64],
    age: NDArray[np.int64],
    received: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the status and the day of conversion: decided ones are older than their time to decide."""
    n = len(source)
    fate, takes = rng.random(n), np.minimum(5 + rng.gamma(2.0, 14.0, n).astype(int), 150)
    decided = takes < age
    is_converted = decided & (fate < _CONVERSION[source])
    is_out = decided & ~is_converted & (fate < _CONVERSION[source] + _DISQUALIFIED[source])
    openly = np.where(
        age < 6,
        "new",
        np.where(age < 30, "working", rng.choice(("working", "nurturing", "qualified"), size=n)),
    )
    stuck = rng.choice(("nurturing", "qualified", "disqualified"), size=n, p=(0.55, 0.15, 0.30))
    status = np.where(
        is_converted, "converted", np.where(is_out, "disqualified", np.where(decided, stuck, openly))
    )
    return status, np.where(is_converted, received + takes, NO_DAY)


def _neglected(
    status: NDArray[Any], age: NDArray[np.int64], owner: NDArray[Any], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return the owned leads left lying for three weeks to three months."""
    is_open = (status != "converted") & (status != "disqualified")
    eligible = np.flatnonzero((age >= 21) & (age <= 90) & is_open & (owner != ""))
    marked = np.zeros(len(status), dtype=bool)
    marked[rng.choice(eligible, size=min(N_NEGLECTED, len(eligible)), replace=False)] = True
    return marked


def _accounts_of(accounts: Accounts, status: NDArray[Any], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return an account for every converted lead and for a tenth of the others, else -1."""
    domestic = np.flatnonzero(accounts.columns["county"] != "")
    linked = (status == "converted") | (rng.random(len(status)) < 0.1)
    return np.where(linked, rng.choice(domestic, size=len(status)), -1)


def _companies(industry: NDArray[np.int64], rng: np.random.Generator) -> NDArray[Any]:
    heads, tails = rng.integers(0, (len(STEM_HEADS), len(STEM_TAILS)), (len(industry), 2)).T
    return np.array(
        [
            f"{STEM_HEADS[h]}{STEM_TAILS[t]} {INDUSTRIES[kind].nouns[0]}"
            for h, t, kind in zip(heads, tails, industry, strict=True)
        ],
        dtype=object,
    )


def _emails(
    first: NDArray[Any], last: NDArray[Any], domain: NDArray[Any], company: NDArray[Any]
) -> list[str]:
    """Return addresses at the account's domain, else at one made from the company's name."""
    return [
        f"{a}.{b}@{known or f'{slug(name)}.example.com'}".lower()
        for a, b, known, name in zip(first, last, domain, company, strict=True)
    ]


def _owners(
    models: tuple[Model, Model], columns: dict[str, NDArray[Any]], received: NDArray[np.int64]
) -> NDArray[Any]:
    """Return who owned the lead's territory on the day it came in."""
    previous, current = models
    owners = np.full(len(received), "", dtype="U80")
    winners = {model.key: model.match(columns)[0] for model in models}
    for ordinal in np.unique(received):
        day = date.fromordinal(int(ordinal))
        model = current if day >= current.effective else previous
        here = np.flatnonzero(received == ordinal)
        by_territory = [model.owner_on(key, day) for key in model.keys]
        owners[here] = np.array([*by_territory, ""])[winners[model.key][here]]
    return owners


def _facts(
    accounts: Accounts,
    places: Places,
    place: NDArray[np.int64],
    account: NDArray[np.int64],
    industry: NDArray[np.int64],
    employees: NDArray[np.float64],
    columns: dict[str, NDArray[Any]],
    rng: np.random.Generator,
) -> dict[str, pa.Array]:
    """Return place and size: the account's where it is known, else what the form said."""
    n, known = len(place), account >= 0
    city = np.asarray(accounts.table["city"].to_pylist(), dtype=object)
    label = np.array([entry.label for entry in INDUSTRIES], dtype=object)
    latitude, longitude = (accounts.table[c].to_numpy() for c in ("latitude", "longitude"))
    cents = draw_potential(industry, employees, rng)
    return {
        "city": text(np.where(known, city[account], places.city[place])),
        "state": text(columns["state"]),
        "postal_code": text(columns["postal_code"]),
        "county": text(columns["county"]),
        "latitude": number(np.where(known, latitude[account], places.latitude[place])),
        "longitude": number(np.where(known, longitude[account], places.longitude[place])),
        "geo_precision": text(["postal_code"] * n),
        "industry": text(np.where(known, label[accounts.industry[account]], label[industry])),
        "naics": text(columns["naics"]),
        "employees": whole(columns["employees"]),
        "potential": money(np.where(np.isnan(columns["employees"]), NO_MONEY, cents // 4)),
    }
