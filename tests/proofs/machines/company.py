"""A tiny company, and what it should look like after every use case: plain dictionaries, no SQL, no engine.

``Book`` repeats the promises in the simplest words there are: an account is where the rules of the active plan put it,
unless somebody locked or moved it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from tests import builders

from merestone.app import lifecycle, plans
from merestone.app.admin import create_user
from merestone.app.exchange.problems import ROW_PROBLEMS
from merestone.app.policy import OPERATOR, Actor
from merestone.app.services import Services
from merestone.connectors.files.reader import RawTable

BEGUN = datetime(2031, 3, 3, 12, tzinfo=UTC)
STATES = ("CA", "WA", "NY", "MA", "TX", "FL")
REPS = ("ana", "ben", "cal", "dee", "mia", "eve")
SELLERS = ("ana", "ben", "cal", "dee")
PEOPLE = {
    "ana": "rep", "ben": "rep", "cal": "rep", "mia": "manager", "eve": "manager", "vera": "planner", "paul": "planner",
}  # fmt: skip
MANUAL = "manual"


class Dial:
    """The company's clock: it stands where it is put."""

    def __init__(self) -> None:
        self.at = BEGUN

    def now(self) -> datetime:
        """Return the instant."""
        return self.at

    def turn(self, seconds: int) -> None:
        """Let time pass."""
        self.at += timedelta(seconds=seconds)

    @property
    def today(self) -> date:
        """The day; the company is in UTC."""
        return self.at.date()


# --- Plans ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Node:
    """A territory: one simple rule, at most one owner."""

    key: str
    parent: str | None
    rule: tuple[str, tuple[Any, ...]]
    owner: str | None = None
    since: date | None = None
    former: tuple[tuple[str, date | None, date], ...] = ()
    """Owners who left, with their days."""
    managers: tuple[str, ...] = ()
    priority: int = 100
    named: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()
    is_primary: bool = True

    @property
    def where(self) -> str:
        """The rule in the criteria language."""
        name, values = self.rule
        if name == "employees":
            return f"employees >= {values[0]}"
        return f"{name} in ({', '.join(repr(value) for value in values)})"

    def holds(self, account: Mapping[str, Any]) -> bool:
        """Return whether the rule holds."""
        name, values = self.rule
        if name == "employees":
            return bool(account["employees"] >= values[0])
        return account[name] in values


Plan = Mapping[str, Node]
"""Territories by key, parents first."""


def plan_of(*nodes: Node) -> dict[str, Node]:
    """Return the plan."""
    return {node.key: node for node in nodes}


FIRST = plan_of(
    Node("us", None, ("country", ("US",)), managers=("mia",)),
    Node("west", "us", ("state", ("CA", "WA")), owner="ana"),
    Node("east", "us", ("state", ("NY", "MA")), owner="ben"),
    Node("vacant", "us", ("state", ("TX",))),
    Node("eu", None, ("country", ("FR", "DE")), managers=("eve",)),
    Node("france", "eu", ("country", ("FR",)), owner="cal"),
    Node("large", None, ("employees", (100,)), owner="dee", is_primary=False),
)
LEAVES = ("west", "east", "vacant", "france")
PRIMARY = tuple(key for key, node in FIRST.items() if node.is_primary)


def document_of(key: str, plan: Plan) -> dict[str, Any]:
    """Return the model document of a plan."""
    territories = []
    for node in plan.values():
        owners = [(name, start, end) for name, start, end in node.former]
        owners += [(node.owner, node.since, None)] if node.owner else []
        members = [_member(*one) for one in owners]
        members += [{"rep": f"{name}@example.com", "role": "manager"} for name in node.managers]
        entry: dict[str, Any] = {
            "key": node.key, "name": node.key.title(), "parent": node.parent, "where": node.where,
            "type": "geo" if node.is_primary else "extra", "priority": node.priority,
            "named": sorted(node.named), "exclude": sorted(node.excluded), "members": members,
        }  # fmt: skip
        territories.append({name: value for name, value in entry.items() if value not in (None, [])})
    types = [
        {"key": "geo", "name": "Geography", "primary": True},
        {"key": "extra", "name": "Extra", "primary": False},
    ]
    return builders.document(territories, key=key, name=f"Model {key}", types=types)


def _member(name: str, start: date | None, end: date | None) -> dict[str, Any]:
    days = {"from": start and start.isoformat(), "to": end and end.isoformat()}
    return {"rep": f"{name}@example.com", **{word: day for word, day in days.items() if day}}


def path_of(plan: Plan, key: str) -> tuple[str, ...]:
    """Return the keys from the root down to a territory."""
    parent = plan[key].parent
    return (*(path_of(plan, parent) if parent else ()), key)


def below(plan: Plan, key: str) -> frozenset[str]:
    """Return a territory with everything below."""
    return frozenset(one for one in plan if key in path_of(plan, one))


def matches(plan: Plan, account: Mapping[str, Any]) -> tuple[tuple[str, str] | None, frozenset[str]]:
    """Return where an account belongs by rule: (territory, cause) or None, and the overlays on top."""
    reached: dict[str, bool] = {}
    claims: dict[str, str] = {}
    for node in plan.values():
        is_out = account["external_id"] in node.excluded
        above = node.parent is None or reached[node.parent]
        reached[node.key] = above and not is_out and node.holds(account)
        if account["external_id"] in node.named and not is_out:
            claims[node.key] = "named"
        elif reached[node.key]:
            claims[node.key] = "rule"

    def order(key: str) -> tuple[Any, ...]:
        depth = len(path_of(plan, key))
        return (claims[key] != "named", plan[key].priority, -depth, -depth, key)

    primary = sorted((key for key in claims if plan[key].is_primary), key=order)
    winner = (primary[0], claims[primary[0]]) if primary else None
    return winner, frozenset(key for key in claims if not plan[key].is_primary)


# --- What should be -------------------------------------------------------------------------------------------------

Place = tuple[str | None, str | None, str]
"""Territory, owner, cause."""


@dataclass
class Book:
    """What the company should look like."""

    accounts: dict[int, dict[str, Any]]
    plans: dict[str, Plan]
    states: dict[str, str]
    active: str
    places: dict[int, Place] = field(default_factory=dict)
    overlays: dict[int, frozenset[tuple[str, str | None]]] = field(default_factory=dict)
    leads: dict[int, tuple[str | None, str | None]] = field(default_factory=dict)
    lead_states: dict[int, str] = field(default_factory=dict)
    deals: dict[int, str | None] = field(default_factory=dict)
    deal_accounts: dict[int, int] = field(default_factory=dict)
    won: set[int] = field(default_factory=set)
    locks: dict[int, date | None] = field(default_factory=dict)
    today: date = date(2031, 3, 3)
    gone: set[str] = field(default_factory=set)
    touched: set[int] = field(default_factory=set)
    """Accounts whose place changed since the last publication."""
    retold: set[int] = field(default_factory=set)
    """Accounts that waited and were moved by hand to where they were, again."""
    created: set[int] = field(default_factory=set)
    """Accounts that came since the last publication."""

    def copy(self) -> Book:
        """Return an equal book that can be written in."""
        own = {
            name: type(value)(value) for name, value in vars(self).items() if isinstance(value, dict | set)
        }
        own["accounts"] = {pk: dict(row) for pk, row in self.accounts.items()}
        return replace(self, **own)

    @property
    def plan(self) -> Plan:
        """The active plan."""
        return self.plans[self.active]

    @property
    def locked(self) -> set[int]:
        """The accounts that are locked today."""
        return {pk for pk, until in self.locks.items() if until is None or until > self.today}

    def pass_to(self, today: date) -> None:
        """Let it be another day."""
        self.today = today

    def leave(self, who: str, owners: Mapping[str, str]) -> None:
        """Let somebody be gone from today on, and these own the active plan's territories."""
        self.gone.add(who)
        plan = dict(self.plan)
        for key, node in plan.items():
            if node.owner == who:
                days = () if node.since == self.today else ((who, node.since, self.today),)
                new = owners.get(key)
                since = self.today if new else None
                plan[key] = replace(node, former=(*node.former, *days), owner=new, since=since)
        self.plans[self.active] = plan

    def owner_of(self, territory: str | None) -> str | None:
        """Return who owns a territory today."""
        owner = None if territory is None else self.plan[territory].owner
        return None if owner in self.gone else owner

    def ruled(self, pk: int) -> tuple[Place, frozenset[tuple[str, str | None]]]:
        """Return where the rules have an account, and its overlays."""
        winner, over = matches(self.plan, self.accounts[pk])
        territory, cause = winner or (None, "default")
        return (territory, self.owner_of(territory), cause), frozenset(
            (key, self.owner_of(key)) for key in over
        )

    def put(self, pk: int, place: Place, over: frozenset[tuple[str, str | None]]) -> None:
        """Write a place: what is the same stays as it was explained; what waits is explained anew."""
        now = self.places.get(pk)
        if now is None or now[:2] != place[:2]:
            self.places[pk] = place
            self.touched.add(pk)
        elif place[1] is None:
            if MANUAL in (now[2], place[2]):  # told anew by hand, if in other words
                (self.touched if now[2] != place[2] else self.retold).add(pk)
            self.places[pk] = place
        if self.overlays.get(pk, frozenset()) != over:
            self.overlays[pk] = over
            self.touched.add(pk)

    def run(self, ids: Iterable[int] | None = None, *, keeps_manual: bool = True) -> None:
        """Run the rules."""
        for pk in list(self.accounts if ids is None else ids):
            is_manual = keeps_manual and pk in self.places and self.places[pk][2] == MANUAL
            if pk not in self.locked and not is_manual:
                self.put(pk, *self.ruled(pk))

    def move(self, pk: int, territory: str) -> None:
        """Move by hand."""
        self.put(pk, (territory, self.owner_of(territory), MANUAL), self.ruled(pk)[1])

    def publish(self, key: str) -> None:
        """Make another plan the active one."""
        before = dict(self.places)
        self.states[self.active], self.states[key], self.active = "archived", "active", key
        self.run(keeps_manual=False)
        for deal, holder in self.deals.items():
            account = self.deal_accounts[deal]
            old, new = before[account][1], self.places[account][1]
            if deal not in self.won and old != new and new is not None and holder in (None, old):
                self.deals[deal] = new
        self.touched, self.retold, self.created = set(), set(), set()

    def members(self, territory: str) -> frozenset[str]:
        """Return who is in a territory of the active plan today."""
        node = self.plan[territory]
        return frozenset(name for name in (node.owner, *node.managers) if name and name not in self.gone)


# --- The world ------------------------------------------------------------------------------------------------------


class Tables:
    """Files that are tables at hand: the port without the child process that reads hostile ones."""

    def __init__(self) -> None:
        self.rows: list[dict[str, str]] = []

    def read_table(self, path: Any, *, sheet: str | None = None) -> RawTable:
        """Return the rows as a file's table."""
        names = list(self.rows[0])
        table = pa.table({name: pa.array([row[name] for row in self.rows], pa.string()) for name in names})
        numbers = pa.chunked_array([pa.array(range(2, len(self.rows) + 2), pa.int64())])
        return RawTable(table, numbers, ROW_PROBLEMS.empty_table())


class Places:
    """A gazetteer of one place: the port without the files of the real one."""

    def locate(self, table: pa.Table) -> pa.Table:
        """Return the same place for every row."""
        n_rows = table.num_rows
        return pa.table(
            {
                "latitude": pa.repeat(40.0, n_rows), "longitude": pa.repeat(-100.0, n_rows),
                "geo_precision": pa.repeat("state", n_rows), "county": pa.nulls(n_rows, pa.string()),
                "warning": pa.nulls(n_rows, pa.string()),
            }
        )  # fmt: skip

    def country_lookup(self) -> dict[str, str]:
        """Return the countries there are."""
        return {"us": "US"}

    def subdivision_lookup(self, country: str) -> dict[str, str]:
        """Return the states there are."""
        return {state.casefold(): state for state in STATES}


@dataclass(frozen=True)
class World:
    """The company as it is when an example begins."""

    services: Services
    files: Tables
    dial: Dial
    reps: dict[str, int]
    users: dict[str, int]
    book: Book

    @property
    def names(self) -> dict[int | None, str | None]:
        """Rep id -> name; None: nobody."""
        return {None: None, **{pk: name for name, pk in self.reps.items()}}

    def actor(self, name: str) -> Actor:
        """Return who acts, as their next request has it."""
        if name == "operator":
            return OPERATOR
        from merestone.db.models import User
        from merestone.db.queries.actors import actor_of_user

        return actor_of_user(User.objects.get(pk=self.users[name]))


def account(number: int, country: str, state: str | None, employees: int, cents: int) -> dict[str, Any]:
    """Return a row of an account."""
    return {
        "external_id": f"A{number}", "name": f"Firm {number}", "country": country, "state": state,
        "employees": employees, "potential": Decimal(cents) / 100, "revenue": Decimal(cents * 3 + 1) / 100,
        "workload_hours": float(number), "latitude": 40.0, "longitude": -100.0, "geo_precision": "state",
    }  # fmt: skip


ACCOUNTS = (
    *(account(n, "US", STATES[n % 6], 40 * n, 10_001 + 777 * n) for n in range(8)),
    account(8, "FR", None, 10, 999),
    account(9, "FR", None, 300, 1_234_567),
    account(10, "DE", None, 50, 5),
    account(11, "BR", None, 500, 70_000),
)
LEADS = ("CA", "NY", "TX", "FL")


def build(services: Services, dial: Dial) -> World:
    """Make the company through the use cases."""
    files = Tables()
    services = replace(services, files=files, gazetteer=Places())
    reps = builders.add_reps(services, REPS)
    plans.apply_document(services, OPERATOR, document_of("m0", FIRST))
    lifecycle.publish(services, OPERATOR, "m0")
    ids = builders.add_accounts(services, ACCOUNTS)
    leads = builders.add_leads(services, [{"state": state} for state in LEADS])
    users = {
        name: create_user(
            services, OPERATOR, email=f"{name}@example.com", role=role, name=name.title(), password=None,
            rep_id=reps.get(name),
        )["id"]
        for name, role in PEOPLE.items()
    }  # fmt: skip
    book = Book(
        {pk: dict(row) for pk, row in zip(ids, ACCOUNTS, strict=True)}, {"m0": FIRST}, {"m0": "active"}, "m0"
    )
    book.run()
    holders = {0: "ana", 2: "ben", 4: None, 8: "cal", 3: "dee"}
    with services.records.transaction(OPERATOR, cause="test"):
        deals = services.records.write(
            "opportunities",
            pa.table(
                {
                    "name": [f"Deal {n}" for n in holders],
                    "account_id": [ids[n] for n in holders],
                    "owner_id": pa.array(
                        [reps[name] if name else None for name in holders.values()], pa.int64()
                    ),
                    "stage": ["prospecting"] * len(holders),
                }
            ),
        )["id"].to_pylist()
    book.deals = dict(zip(deals, holders.values(), strict=True))
    book.deal_accounts = {deal: ids[n] for deal, n in zip(deals, holders, strict=True)}
    book.lead_states = dict(zip(leads, LEADS, strict=True))
    names = {pk: name for name, pk in reps.items()}
    book.leads = {
        pk: (territory, names.get(owner or 0))
        for pk, (territory, owner, _) in builders.places(services, "leads").items()
    }
    book.touched, book.retold, book.created = set(), set(), set()
    dial.turn(3600)
    return World(services, files, dial, reps, users, book)
