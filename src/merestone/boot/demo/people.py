"""Reps, their managers, leave and the users who sign in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from merestone.boot.demo.columnar import NO_DAY, contract_table, days, number, text
from merestone.boot.demo.fields import CURRENT, KEY_ACCOUNTS, OVERLAYS, Field
from merestone.boot.demo.geography import EASTERN, REGION_NAMES, TIME_ZONE
from merestone.boot.demo.places import Places, find_city
from merestone.boot.demo.products import FAMILIES

# One name per seller, in the order of the territories; all made up.
_SELLERS = (
    "Imani Colebrook", "Anders Hallberg", "Mei Nakata", "Nikhil Ganesan", "Lucia Escobar", "Mateo Villanueva",
    "Karina Lozano", "Tomas Jaramillo", "Ximena Sandoval", "Finn Weatherby", "Astrid Solberg", "Petra Sikora",
    "Ebony Hargrove", "Viktor Gorski", "Clara Obrecht", "Jamal Redfern", "Emma Greenlaw", "Elias Maddox",
    "Noor Haddad", "Hector Ibarra", "Gabriela Quintero", "Daniel Mabry", "Camille Fontaine", "Keisha Dupree",
    "Sean Calloway", "Naomi Holloway", "Isabel Arroyo", "Rafael Cardoso", "Priya Menon", "Malik Boateng",
    "Teresa Whitlock", "Maeve Garrity", "Luis Almeida", "Dana Marchetti", "Kofi Adeyemi", "Marta Zielinski",
    "Arjun Iyer", "Ruth Fairbairn", "Omar Diallo", "Ingrid Eklund", "Linh Tran", "Bram Schreiber",
)  # fmt: skip
_MANAGERS = (
    ("west", "Josefina Navarro", ("San Jose", "CA")),
    ("central", "Soren Lindqvist", ("Chicago", "IL")),
    ("south", "Adaeze Okafor", ("Atlanta", "GA")),
    ("northeast", "Giulia Deluca", ("New York", "NY")),
)
_HEAD = ("Miriam Castell", ("Boston", "MA"))
_SPANISH = frozenset({"CA", "AZ", "NV", "NM", "TX", "FL", "NJ"})
_SECOND_LANGUAGE = {
    "WA": "zh",
    "IL": "pl",
    "MI": "ar",
    "CT": "fr",
    "NY": "es",
    "MA": "pt",
    "LA": "fr",
    "PA": "it",
}
_SENIORITY = ("junior", "mid", "senior", "principal")
_SENIORITY_SHARE = (0.2, 0.4, 0.3, 0.1)
_SECTORS = (
    "Pharmaceutical preparations", "Biotechnology research", "Testing laboratories", "Semiconductors",
    "General hospitals", "Universities", "Water supply", "Petrochemicals", "Breweries", "Motor vehicle parts",
    "Fluid milk", "Organic chemicals",
)  # fmt: skip
_SKILLS = (
    "consultative selling",
    "tenders",
    "key accounts",
    "validation (GxP)",
    "hazardous areas",
    "remote demos",
)
_LEAVER = "ohio"
_AWAY_NOW, _AWAY_SOON = "georgia", "mountain"


@dataclass(frozen=True, slots=True)
class Person:
    """A rep as the rest of the demo needs one.

    Parameters
    ----------
    territory : str
        Key of the territory they own, manage or specialise in.
    role : str
        ``owner``, ``manager`` or ``specialist``.
    region : str
        Region key; empty = national.
    win_rate : float
        Share of their decided deals that they win.
    """

    external_id: str
    name: str
    email: str
    territory: str
    role: str
    region: str
    home: tuple[str, str]
    hired_on: date
    left_on: date | None
    win_rate: float


@dataclass(frozen=True, slots=True)
class Team:
    """Everybody: sellers first, then the regional managers, then the head of sales."""

    people: tuple[Person, ...]
    reps: pa.Table
    leave: pa.Table
    users: pa.Table

    def owner_of(self, territory: str) -> Person:
        """Return whose own territory this is."""
        return next(p for p in self.people if p.territory == territory and p.role == "owner")

    def manager_of(self, region: str) -> Person:
        """Return the regional manager."""
        return next(p for p in self.people if p.role == "manager" and p.territory == region)

    @property
    def head(self) -> Person:
        """The head of sales."""
        return self.people[-1]


def address_of(name: str) -> str:
    """Return the e-mail address a person gets."""
    return f"{name.lower().replace(' ', '.')}@example.com"


def make_team(places: Places, *, today: date, rng: np.random.Generator) -> Team:
    """Return the sellers of all territories, their managers, leave and users."""
    own = [field for field in (*CURRENT, KEY_ACCOUNTS, *OVERLAYS) if field.home]
    if len(own) != len(_SELLERS):
        raise AssertionError(f"{len(own)} territories need an owner; {len(_SELLERS)} sellers are named.")
    people = [
        _seller(number_, name, field, today=today, rng=rng)
        for number_, (name, field) in enumerate(zip(_SELLERS, own, strict=True), start=1)
    ]
    first = len(people) + 1
    for number_, (region, name, home) in enumerate((*_MANAGERS, ("us", *_HEAD)), start=first):
        hired = date(today.year - 9, 1 + number_ % 12, 1)
        key = "" if region == "us" else region
        people.append(
            Person(f"R-{number_:02d}", name, address_of(name), region, "manager", key, home, hired, None, 0.3)
        )
    team = tuple(people)
    return Team(team, _reps(team, places, rng=rng), _leave(team, today=today), _users(team))


def _seller(number_: int, name: str, field: Field, *, today: date, rng: np.random.Generator) -> Person:
    assert field.home is not None
    hired = date(today.year - 1, 1, 1) - timedelta(days=int(rng.integers(200, 4000)))
    return Person(
        f"R-{number_:02d}",
        name,
        address_of(name),
        field.key,
        "specialist" if field in OVERLAYS else "owner",
        field.parent if field.parent in REGION_NAMES else "",
        field.home,
        hired,
        leaving_day(today) if field.key == _LEAVER else None,
        round(float(rng.uniform(0.15, 0.35)), 3),
    )


def leaving_day(today: date) -> date:
    """Return the first day the leaver is gone: in the middle of last month."""
    return (today.replace(day=1) - timedelta(days=1)).replace(day=15)


def _reps(people: tuple[Person, ...], places: Places, *, rng: np.random.Generator) -> pa.Table:
    homes = np.array([find_city(places, *person.home) for person in people])
    managers = {p.territory: p.email for p in people if p.role == "manager"}
    seniority = [
        "principal" if p.role == "manager" else str(rng.choice(_SENIORITY, p=_SENIORITY_SHARE))
        for p in people
    ]
    return contract_table(
        "reps",
        {
            "external_id": text([p.external_id for p in people]),
            "name": text([p.name for p in people]),
            "email": text([p.email for p in people]),
            "manager": text([_boss(p, managers) for p in people]),
            "office": text([REGION_NAMES.get(p.region, "Headquarters") for p in people]),
            "home_city": text(places.city[homes]),
            "home_state": text(places.state[homes]),
            "home_postal_code": text(places.postal_code[homes]),
            "home_country": text(["US"] * len(people)),
            "home_latitude": number(places.latitude[homes]),
            "home_longitude": number(places.longitude[homes]),
            "languages": pa.array([_languages(p, rng) for p in people]),
            "industries": pa.array([_some(_SECTORS, rng, most=4) for _ in people]),
            "skills": pa.array([_skills(p, rng) for p in people]),
            "seniority": text(seniority),
            "capacity_hours": number(np.array([_capacity(p, rng) for p in people])),
            "weekly_hours": number(np.full(len(people), 40.0)),
            "time_zone": text([TIME_ZONE.get(p.home[1], EASTERN) for p in people]),
            "hired_on": days(np.array([p.hired_on.toordinal() for p in people])),
            "left_on": days(np.array([p.left_on.toordinal() if p.left_on else NO_DAY for p in people])),
        },
    )


def _boss(person: Person, managers: dict[str, str]) -> str | None:
    if person.territory == "us":
        return None
    return managers[person.region] if person.role != "manager" and person.region else managers["us"]


def _languages(person: Person, rng: np.random.Generator) -> list[str]:
    state = person.home[1]
    spoken = ["en"]
    if state in _SPANISH and rng.random() < 0.6:
        spoken.append("es")
    if state in _SECOND_LANGUAGE:
        spoken.append(_SECOND_LANGUAGE[state])
    return spoken


def _some(values: tuple[str, ...], rng: np.random.Generator, *, most: int) -> list[str]:
    chosen = rng.choice(len(values), size=int(rng.integers(2, most + 1)), replace=False)
    return [values[index] for index in sorted(chosen)]


def _skills(person: Person, rng: np.random.Generator) -> list[str]:
    families = tuple(family.name.lower() for family in FAMILIES)
    if person.role == "specialist":
        pair = families[:2] if person.territory == "life-science" else families[2:4]
        return [*pair, "validation (GxP)" if person.territory == "life-science" else "hazardous areas"]
    return _some(families, rng, most=3) + _some(_SKILLS, rng, most=2)


def _capacity(person: Person, rng: np.random.Generator) -> float:
    if person.role == "manager":
        return 0.0
    return float(rng.choice((1520.0, 1600.0, 1600.0, 1600.0, 1680.0)))


def _leave(people: tuple[Person, ...], *, today: date) -> pa.Table:
    by_territory = {p.territory: p for p in people}
    rows = (
        (_AWAY_NOW, today - timedelta(days=12), today + timedelta(days=44), "Parental leave"),
        (_AWAY_SOON, today + timedelta(days=9), today + timedelta(days=23), "Holiday"),
    )
    return pa.table(
        {
            "rep": text([by_territory[key].email for key, *_ in rows]),
            "starts_on": pa.array([start for _, start, _, _ in rows], pa.date32()),
            "ends_on": pa.array([end for _, _, end, _ in rows], pa.date32()),
            "reason": text([reason for *_, reason in rows]),
        }
    )


def _users(people: tuple[Person, ...]) -> pa.Table:
    """Return who may sign in: the office, then every rep; the leaver's user is switched off."""
    office: tuple[tuple[Any, ...], ...] = (
        ("admin@example.com", "Alex Administrator", "admin"),
        ("planner@example.com", "Pat Planner", "planner"),
        ("integration@example.com", "CRM integration", "integration"),
    )
    return pa.table(
        {
            "email": text([row[0] for row in office] + [p.email for p in people]),
            "name": text([row[1] for row in office] + [p.name for p in people]),
            "role": text(
                [row[2] for row in office] + ["manager" if p.role == "manager" else "rep" for p in people]
            ),
            "rep": text([None] * len(office) + [p.email for p in people]),
            "time_zone": text(
                ["America/Chicago"] * len(office) + [TIME_ZONE.get(p.home[1], EASTERN) for p in people]
            ),
            "is_active": pa.array([True] * len(office) + [p.left_on is None for p in people]),
        }
    )
