"""The accounts: who they are, where, how large, and what is missing or doubled among them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from merestone.boot.demo.columnar import NO_DAY, NO_MONEY, contract_table, days, money, number, text, whole
from merestone.boot.demo.conditions import Columns
from merestone.boot.demo.firms import (
    bare_name,
    draw_employees,
    draw_industries,
    draw_interests,
    draw_potential,
    slug,
)
from merestone.boot.demo.geography import ABROAD
from merestone.boot.demo.industries import INDUSTRIES
from merestone.boot.demo.places import Places, draw_places, scatter
from merestone.boot.demo.words import (
    LEGAL_FORMS,
    PUBLIC_SECTORS,
    STEM_HEADS,
    STEM_TAILS,
    STREET_KINDS,
    STREETS,
)

N_ACCOUNTS = 12_000
N_ABROAD = 60
N_DOUBLES = 40
N_PLACELESS = 25
N_FAMILIES = 130
_LIFECYCLES = ("customer", "prospect", "churned", "inactive")
_LIFECYCLE_SHARE = (0.25, 0.60, 0.09, 0.06)
_HOURS = {"A": 22.0, "B": 8.0, "C": 2.4}
_ATTENTION = np.array([1.35, 0.85, 0.45, 0.15])  # hours by lifecycle, as a share of the segment's


@dataclass(frozen=True)
class Accounts:
    """The accounts as a table, and the columns the rest of the demo computes with.

    ``place`` is -1 where an account is not at a US place; ``cents`` is the potential with ``NO_MONEY`` for none.
    """

    table: pa.Table
    columns: Columns
    ids: NDArray[Any]
    names: NDArray[Any]
    domains: NDArray[Any]
    industry: NDArray[np.int64]
    lifecycle: NDArray[np.int64]
    cents: NDArray[np.int64]
    family: NDArray[np.int64]
    doubles: NDArray[np.int64]

    @property
    def is_customer(self) -> NDArray[np.bool_]:
        """Where the account buys from us."""
        return self.lifecycle == 0


def make_accounts(places: Places, *, today: date, rng: np.random.Generator) -> Accounts:
    """Return 12,000 accounts."""
    place = draw_places(places, N_ACCOUNTS, rng=rng)
    industry = draw_industries(places.hub[place], rng)
    employees = draw_employees(industry, rng)
    family = _families(rng)
    is_head = family == np.arange(N_ACCOUNTS)
    industry = np.where(family >= 0, industry[family], industry)
    employees = np.where(is_head, employees * 4 + 400, employees)
    lifecycle = rng.choice(4, size=N_ACCOUNTS, p=_LIFECYCLE_SHARE)
    cents = draw_potential(industry, employees, rng)
    address = _Address(places, place, rng)
    names = _names(industry, family, address.city, rng)
    domains = _domains(names, family)
    doubles = _double(address, names, domains, industry, employees, rng)
    hours, segment = _workload(cents, lifecycle, rng)
    has_industry, has_size = rng.random(N_ACCOUNTS) > 0.025, rng.random(N_ACCOUNTS) > 0.035
    has_potential = rng.random(N_ACCOUNTS) > 0.004
    known_cents = np.where(has_potential, cents, NO_MONEY)
    ids = np.array([f"A-{i:05d}" for i in range(1, N_ACCOUNTS + 1)])
    naics = np.array([entry.naics for entry in INDUSTRIES])[industry]
    label = np.array([entry.label for entry in INDUSTRIES])[industry]
    per_head = np.array([entry.revenue_per_head for entry in INDUSTRIES])[industry]
    revenue = np.round(employees * per_head * rng.lognormal(0, 0.35, N_ACCOUNTS) * 100).astype(np.int64)
    is_child = (family >= 0) & ~is_head
    known_employees = np.where(has_size, employees, np.nan)
    columns: dict[str, NDArray[Any]] = {
        "external_id": ids,
        "country": address.country.astype("U2"),
        "state": address.state.astype("U3"),
        "postal_code": address.postal_code.astype("U10"),
        "county": address.county.astype("U5"),
        "naics": np.where(has_industry, naics, ""),
        "employees": known_employees,
    }
    since = today.toordinal() - rng.integers(60, 3600, N_ACCOUNTS)
    was_customer = np.isin(lifecycle, (0, 2))
    table = contract_table(
        "accounts",
        {
            "external_id": text(ids),
            "name": text(names),
            "parent": text(np.where(is_child, ids[family], "")),
            "domain": text(domains),
            "phone": text(
                [f"555-01{n:02d} ext. {e}" for n, e in rng.integers((0, 100), (100, 1000), (N_ACCOUNTS, 2))]
            ),
            "address": text(address.street),
            "city": text(address.city),
            "state": text(columns["state"]),
            "postal_code": text(columns["postal_code"]),
            "country": text(columns["country"]),
            "latitude": number(address.latitude),
            "longitude": number(address.longitude),
            "geo_precision": text(address.precision),
            "county": text(columns["county"]),
            "industry": text(np.where(has_industry, label, "")),
            "naics": text(columns["naics"]),
            "employees": whole(known_employees),
            "revenue": money(np.where(has_size, revenue, NO_MONEY)),
            "potential": money(known_cents),
            "currency": text(["USD"] * N_ACCOUNTS),
            "workload_hours": number(hours),
            "products_of_interest": pa.array(draw_interests(industry, rng)),
            "language": text(address.language(rng)),
            "lifecycle": text(np.array(_LIFECYCLES)[lifecycle]),
            "founded_year": whole(np.where(rng.random(N_ACCOUNTS) < 0.9, _founded(today, rng), np.nan)),
            "customer_since": days(np.where(was_customer, since, NO_DAY)),
            "custom.segment": text(segment),
            "custom.installed_units": whole(np.where(was_customer, rng.poisson(4, N_ACCOUNTS) + 1, 0)),
        },
    )
    return Accounts(table, columns, ids, names, domains, industry, lifecycle, known_cents, family, doubles)


def customers_since_first_win(accounts: Accounts, first_win: NDArray[np.int64]) -> pa.Table:
    """Return the table with nobody a customer only after the first deal won with them.

    Parameters
    ----------
    first_win : NDArray of int
        Ordinal per account; anything late for none.
    """
    known = accounts.table["customer_since"].combine_chunks()
    since = np.asarray(known.cast(pa.int32()).fill_null(0)) + date(1970, 1, 1).toordinal()
    earlier = days(np.where(np.asarray(known.is_null()), NO_DAY, np.minimum(since, first_win)))
    position = accounts.table.schema.get_field_index("customer_since")
    return accounts.table.set_column(position, "customer_since", earlier)


def _families(rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the index of the parent (for a parent, its own), -1 without family; about 6 % have a parent."""
    family = np.full(N_ACCOUNTS, -1)
    domestic = N_ACCOUNTS - N_ABROAD - N_DOUBLES - N_PLACELESS
    sizes = 1 + np.minimum(rng.geometric(0.2, N_FAMILIES), 20)
    members = rng.choice(domestic, size=int(sizes.sum()), replace=False)
    for group in np.split(members, np.cumsum(sizes)[:-1]):
        family[group] = group.min()
    return family


class _Address:
    """Street, place and coordinates of every account; the last rows are abroad or nowhere."""

    def __init__(self, places: Places, place: NDArray[np.int64], rng: np.random.Generator) -> None:
        n = len(place)
        self.city = places.city[place].astype(object)
        self.state = places.state[place].astype(object)
        self.postal_code = places.postal_code[place].astype(object)
        self.county = places.county[place].astype(object)
        self.country = np.full(n, "US", dtype=object)
        latitude, longitude = scatter(places, place, rng=rng)
        is_rough = rng.random(n) < 0.12
        self.latitude = np.where(is_rough, places.latitude[place], latitude)
        self.longitude = np.where(is_rough, places.longitude[place], longitude)
        self.precision = np.where(is_rough, "postal_code", "coordinates").astype(object)
        numbers, streets, kinds = rng.integers((1, 0, 0), (9900, len(STREETS), len(STREET_KINDS)), (n, 3)).T
        self.street = np.array(
            [f"{a} {STREETS[b]} {STREET_KINDS[c]}" for a, b, c in zip(numbers, streets, kinds, strict=True)],
            dtype=object,
        )
        self._move_abroad(slice(n - N_ABROAD - N_DOUBLES, n - N_DOUBLES), rng)
        self._lose(slice(n - N_ABROAD - N_DOUBLES - N_PLACELESS, n - N_ABROAD - N_DOUBLES))

    def _move_abroad(self, rows: slice, rng: np.random.Generator) -> None:
        chosen = [ABROAD[i] for i in rng.integers(0, len(ABROAD), N_ABROAD)]
        for name, position in (("city", 0), ("state", 1), ("country", 2), ("postal_code", 3)):
            getattr(self, name)[rows] = [entry[position] for entry in chosen]
        east, north = rng.normal(0, 0.02, (2, N_ABROAD))
        self.latitude[rows] = np.round([entry[4] for entry in chosen] + north, 5)
        self.longitude[rows] = np.round([entry[5] for entry in chosen] + east, 5)
        self.county[rows] = ""
        self.precision[rows] = "coordinates"

    def _lose(self, rows: slice) -> None:
        for values in (self.city, self.state, self.postal_code, self.county, self.street):
            values[rows] = ""
        self.latitude[rows] = self.longitude[rows] = np.nan
        self.precision[rows] = "none"

    def copy(self, source: NDArray[np.int64], target: NDArray[np.int64]) -> None:
        """Give rows the address of others."""
        for values in vars(self).values():
            values[target] = values[source]

    def language(self, rng: np.random.Generator) -> list[str]:
        """Return the language to speak: mostly English, Spanish and French where they live."""
        chance = rng.random(len(self.state))
        spanish = np.isin(self.state.astype("U3"), ("TX", "FL", "CA", "AZ", "NM", "NLE", "JAL", "QUE"))
        french = self.state == "QC"
        mexican = self.country == "MX"
        return [
            "es" if m or (s and c < 0.06) else "fr" if f else "en"
            for m, s, f, c in zip(mexican, spanish, french, chance, strict=True)
        ]


def _names(
    industry: NDArray[np.int64], family: NDArray[np.int64], city: NDArray[Any], rng: np.random.Generator
) -> NDArray[Any]:
    """Return distinct names; members of a family carry its name and their town."""
    n = len(industry)
    heads, tails, nouns, forms = rng.integers(
        0, (len(STEM_HEADS), len(STEM_TAILS), 60, len(LEGAL_FORMS)), (n, 4)
    ).T
    names: list[str] = []
    taken: set[str] = set()
    for i in range(n):
        entry = INDUSTRIES[industry[i]]
        if family[i] >= 0 and family[i] != i:
            name = f"{bare_name(names[family[i]])} – {city[i]}"
        else:
            form = "" if entry.naics.startswith(PUBLIC_SECTORS) else LEGAL_FORMS[forms[i]]
            noun = entry.nouns[nouns[i] % len(entry.nouns)]
            name = f"{STEM_HEADS[heads[i]]}{STEM_TAILS[tails[i]]} {noun} {form}".strip()
        if name in taken:
            name = f"{name} of {city[i]}" if city[i] and family[i] < 0 else name
        if name in taken:
            name = f"{name} {STREETS[(heads[i] + tails[i]) % len(STREETS)]}"
        while name in taken:
            name = f"{name} II"
        taken.add(name)
        names.append(name)
    return np.array(names, dtype=object)


def _domains(names: NDArray[Any], family: NDArray[np.int64]) -> NDArray[Any]:
    """Return one domain per firm below the reserved names; a family shares its parent's."""
    ends = np.where(np.arange(len(names)) % 5, "example.com", "example.org")
    own = [f"{slug(name)}.{end}" for name, end in zip(names, ends, strict=True)]
    domains = np.array(own, dtype=object)
    return np.where(family >= 0, domains[family], domains)


def _double(
    address: _Address,
    names: NDArray[Any],
    domains: NDArray[Any],
    industry: NDArray[np.int64],
    employees: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Make the last rows look like others written a little differently; returns whom each doubles."""
    domestic = N_ACCOUNTS - N_ABROAD - N_DOUBLES - N_PLACELESS
    source = rng.choice(domestic, size=N_DOUBLES, replace=False)
    target = np.arange(N_ACCOUNTS - N_DOUBLES, N_ACCOUNTS)
    address.copy(source, target)
    industry[target], employees[target] = industry[source], employees[source]
    domains[target] = np.where(np.arange(N_DOUBLES) % 2, domains[source], "")
    spell = (
        str.upper,
        lambda n: bare_name(n),
        lambda n: f"{bare_name(n)}, Inc",
        lambda n: f"The {n}",
        lambda n: n.replace("e", "ee", 1),
    )
    for number_, (twin, original) in enumerate(zip(target, source, strict=True)):
        changed = spell[number_ % len(spell)](names[original])
        names[twin] = changed if changed != names[original] else f"{changed} (new)"
    return source


def _workload(
    cents: NDArray[np.int64], lifecycle: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Return hours a year and the segment: A the tenth with most potential, B the next quarter, C the rest."""
    top, upper = np.quantile(cents, (0.90, 0.65))
    segment = np.where(cents >= top, "A", np.where(cents >= upper, "B", "C"))
    base = np.array([_HOURS[letter] for letter in "ABC"])[np.searchsorted(["A", "B", "C"], segment)]
    hours = base * _ATTENTION[lifecycle] * rng.lognormal(0, 0.25, len(cents))
    return np.maximum(0.25, np.round(hours * 4) / 4), segment


def _founded(today: date, rng: np.random.Generator) -> NDArray[np.float64]:
    return np.asarray(
        today.year - 2 - np.minimum(rng.exponential(32, N_ACCOUNTS), 150).astype(int), dtype=float
    )
