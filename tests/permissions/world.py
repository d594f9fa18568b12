"""One company for the whole matrix: a record of every kind in every relation to the rep, and somebody of every role."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
from django.conf import settings as django_settings
from django.db import transaction
from django.test import Client
from tests import builders
from tests.permissions.routes import Route
from tests.permissions.rules import ACTORS, INVITED, PLACES

from merestone.app import admin, plan_edits
from merestone.app.access import grants
from merestone.app.policy import OPERATOR
from merestone.app.services import Services

WORDS = {
    "own": "Ownbrook",
    "child": "Childwick",
    "sibling": "Sibthorpe",
    "parent": "Parentham",
    "elsewhere": "Elsemere",
    "unassigned": "Unasston",
    "planning": "Dreamford",
}
"""Relation -> the word in the names of its records and of its territory."""
SELLERS = {
    "own": "ana",
    "child": "cal",
    "sibling": "ben",
    "parent": "dan",
    "elsewhere": "eve",
    "unassigned": "zed",
}
WHERE = {
    "own": {"state": "CA"},
    "child": {"state": "CA", "city": "North"},
    "sibling": {"state": "WA"},
    "parent": {"state": "OR"},
    "elsewhere": {"state": "NY"},
    "unassigned": {"state": "TX"},
}
TREE: tuple[dict[str, Any], ...] = (
    {"key": "us", "name": "United States"},
    {
        "key": "west",
        "name": "Parentham Land",
        "parent": "us",
        "where": "state in ('CA', 'WA', 'OR')",
        "members": [{"rep": "dan@example.com"}, {"rep": "mia@example.com", "role": "manager"}],
    },
    {
        "key": "ca",
        "name": "Ownbrook Land",
        "parent": "west",
        "where": "state = 'CA'",
        "members": [{"rep": "ana@example.com"}],
    },
    {
        "key": "ca-n",
        "name": "Childwick Land",
        "parent": "ca",
        "where": "city = 'North'",
        "members": [{"rep": "cal@example.com"}],
    },
    {
        "key": "wa",
        "name": "Sibthorpe Land",
        "parent": "west",
        "where": "state = 'WA'",
        "members": [{"rep": "ben@example.com"}],
    },
    {"key": "east", "name": "East", "parent": "us", "where": "state = 'NY'"},
    {
        "key": "ny",
        "name": "Elsemere Land",
        "parent": "east",
        "where": "state = 'NY'",
        "members": [{"rep": "eve@example.com"}, {"rep": "gil@example.com", "role": "backup"}],
    },
)
DREAM = {"key": "dream", "name": "Dreamford Land", "parent": "us", "where": "state = 'AK'"}
USERS = {
    "admin": ("admin", None),
    "planner": ("planner", None),
    "manager": ("manager", "mia"),
    "rep": ("rep", "ana"),
    "grantee": ("rep", "gil"),
    "token": ("integration", None),
    "deactivated": ("planner", None),
}
JSON_BODIES: dict[str, dict[str, Any]] = {
    "move": {"territory": "ca", "reason": "because"},
    "clone": {"key": "copied"},
}
"""Last part of an API address -> a body that fits."""
FORMS: dict[str, dict[str, str]] = {
    "activity": {"kind": "note", "subject": "x", "occurs_at": "2026-01-01T09:00"},
    "contact": {"last_name": "Newcomer"},
    "move": {"territory": "ca", "reason": "because"},
    "lock": {"reason": "because"},
}
"""Last part of a page's address -> a form that fits."""


@dataclass
class World:
    """The company.

    Parameters
    ----------
    records : mapping
        Table -> relation -> id.
    parts : mapping
        Kind (of ``routes.PARTS``) -> relation -> id.
    """

    services: Services
    records: dict[str, dict[str, int]] = field(default_factory=dict)
    users: dict[str, int] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    company: dict[str, int] = field(default_factory=dict)
    parts: dict[str, dict[str, int]] = field(default_factory=dict)
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def ask(self, actor: str, route: Route, url: str, *, body: dict[str, Any] | None = None) -> Whole:
        """Return the answer to somebody; whatever it changed is taken back."""
        with transaction.atomic():
            transaction.get_connection().atomic_blocks[-1]._from_testcase = True
            response = self._sent(actor, route, url, body)
            transaction.set_rollback(True)
        return response

    def _sent(self, actor: str, route: Route, url: str, body: dict[str, Any] | None) -> Whole:
        if route.face == "web":
            client = self.client
            client.cookies.clear()  # an answer may take one away
            if actor in self.sessions:
                client.cookies[django_settings.SESSION_COOKIE_NAME] = self.sessions[actor]
            headers = {} if actor != "token" else {"Authorization": f"Bearer {self.tokens['token']}"}
            if route.is_safe:
                return Whole(client.get(url, headers=headers))
            last = route.template.rstrip("/").rsplit("/", 1)[-1]
            return Whole(client.post(url, body or FORMS.get(last, {"sent": "1"}), headers=headers))
        headers = {"If-Match": '"1"'}
        if actor in self.tokens:
            headers["Authorization"] = f"Bearer {self.tokens[actor]}"
        if body is None:
            body = JSON_BODIES.get(route.template.rsplit("/", 1)[-1], {})
        data = b"" if route.method in ("GET", "DELETE") else json.dumps(body).encode()
        self.client.cookies.clear()
        return Whole(
            self.client.generic(route.method, url, data, content_type="application/json", headers=headers)
        )


class Whole:
    """An answer with its content read while its rows are there."""

    def __init__(self, response: Any) -> None:
        self.status: int = response.status_code
        self.headers = {name: value for name, value in response.headers.items() if name != "Set-Cookie"}
        self.content: bytes = b"".join(response.streaming_content) if response.streaming else response.content

    def json(self) -> Any:
        """Return the content; of a page of records also their ``ids``."""
        data = json.loads(self.content)
        if isinstance(data, dict) and "items" in data:
            data["ids"] = [item.get("id") for item in data["items"]]
        return data

    @property
    def text(self) -> str:
        """The content as text."""
        return self.content.decode("utf-8", "replace")


def build(services: Services) -> World:
    """Make the company."""
    world = World(services)
    names = [*SELLERS.values(), "mia", "gil"]
    reps = builders.add_reps(services, names)
    with services.records.transaction(OPERATOR, cause="test"):
        rows = [
            {"id": reps[seller], "name": f"{WORDS[relation]} Seller"} for relation, seller in SELLERS.items()
        ]
        services.records.write("reps", pa.Table.from_pylist(rows))
    world.records["reps"] = {relation: reps[seller] for relation, seller in SELLERS.items()}
    builders.publish(services, TREE)
    usual = {
        "external_id": None,
        "industry": "Food",
        "latitude": 40.0,
        "longitude": -100.0,
        "county": "06037",
    }
    accounts = [
        {**usual, "external_id": f"A-{relation}", "name": f"{WORDS[relation]} Brewing", "city": "", **WHERE[relation]}
        for relation in PLACES
    ]  # fmt: skip
    world.records["accounts"] = dict(zip(PLACES, builders.add_accounts(services, accounts), strict=True))
    leads = [{"name": f"{WORDS[relation]} Prospect", "city": "", **WHERE[relation]} for relation in PLACES]
    world.records["leads"] = dict(zip(PLACES, builders.add_leads(services, leads), strict=True))
    for table, columns in _at_accounts(world).items():
        with services.records.transaction(OPERATOR, cause="test"):
            ids = services.records.write(table, pa.table(columns))["id"].to_pylist()
        world.records[table] = dict(zip(PLACES, ids, strict=True))
    _add_claims(world)
    _add_departures(world)
    _plan(world)
    _add_users(world, reps)
    _add_company_things(world)
    _add_papers(world)
    _add_absences(world)
    _add_review(world)
    return world


def _at_accounts(world: World) -> dict[str, dict[str, Any]]:
    ids = pa.array(world.records["accounts"].values(), pa.int64())
    words, n = [WORDS[relation] for relation in PLACES], len(PLACES)
    when = pa.array([datetime(2026, 1, 6, 9, tzinfo=UTC)] * n, pa.timestamp("us", "UTC"))
    owners = pa.array(world.records["reps"].values(), pa.int64())
    return {
        "contacts": {"account_id": ids, "last_name": [f"{word}Buyer" for word in words]},
        "opportunities": {
            "account_id": ids,
            "owner_id": owners,
            "name": [f"{word} Deal" for word in words],
            "stage": ["proposal"] * n,
            "amount": pa.array([Decimal("500.00")] * n, builders.MONEY),
            "currency": ["USD"] * n,
            "opened_on": [date(2026, 1, 5)] * n,
        },
        "activities": {
            "account_id": ids,
            "rep_id": owners,
            "kind": ["call"] * n,
            "subject": [f"{word} Call" for word in words],
            "occurs_at": when,
        },
        "contracts": {
            "account_id": ids,
            "external_id": [f"{word}-C" for word in words],
            "starts_on": [date(2026, 1, 1)] * n,
            "ends_on": [date(2036, 1, 1)] * n,
        },
    }


def _add_claims(world: World) -> None:
    from merestone.db.models import Claim

    world.records["claims"] = {
        relation: Claim.objects.create(
            account_id=world.records["accounts"][relation],
            claimant_id=world.records["reps"][relation],
            reason=f"{WORDS[relation]} Dispute",
            opened_at=datetime(2026, 1, 6, tzinfo=UTC),
        ).pk
        for relation in PLACES
    }


def _add_departures(world: World) -> None:
    from merestone.db.models import Departure

    world.records["departures"] = {
        relation: Departure.objects.create(rep_id=rep, last_day=date(2040, 1, 1)).pk
        for relation, rep in world.records["reps"].items()
    }


def _plan(world: World) -> None:
    """Copy the active model into a planning one and add a territory that only it has."""
    plan_edits.clone_model(world.services, OPERATOR, "m1", new_key="next")
    plan_edits.add_territory(world.services, OPERATOR, "next", DREAM)


def _add_users(world: World, reps: dict[str, int]) -> None:
    from django.contrib.auth import get_user_model

    for actor, (role, rep) in USERS.items():
        user = admin.create_user(
            world.services,
            OPERATOR,
            email=f"{actor}@example.com",
            role=role,
            name=f"The {actor}",
            rep_id=reps[rep] if rep else None,
        )
        world.users[actor] = user["id"]
        made = admin.create_token(
            world.services,
            OPERATOR,
            user_id=user["id"],
            name=f"token of {actor}",
            scopes=sorted(ACTORS[actor].scopes or _all_rights()),
        )
        world.tokens[actor] = made["token"]
        if actor != "token":
            client = Client()
            client.force_login(get_user_model().objects.get(pk=user["id"]))
            world.sessions[actor] = client.cookies[django_settings.SESSION_COOKIE_NAME].value
    for territory, rights in ACTORS["grantee"].grants.items():
        grants.give_grant(
            world.services,
            OPERATOR,
            user_id=world.users["grantee"],
            territory=territory,
            rights=sorted(rights),
        )
    admin.change_user(world.services, OPERATOR, world.users["deactivated"], is_active=False)


def _all_rights() -> list[str]:
    from merestone.app.policy import Right

    return [right.value for right in Right]


def _add_company_things(world: World) -> None:
    from merestone.db.models import Grant, ImportRun, Job, Product

    world.company = {
        "imports": ImportRun.objects.create(
            table="accounts", file_name="x.csv", file_sha256="0" * 64, state="previewed"
        ).pk,
        "jobs": Job.objects.create(kind="rule run", created_by_id=world.users["planner"]).pk,
        "products": Product.objects.create(name="Stone").pk,
        "users": world.users["admin"],
        "access/people": world.users["rep"],
        "access/grants": Grant.objects.get().pk,
        "grants": Grant.objects.get().pk,
    }


def _add_papers(world: World) -> None:
    """Write rules of engagement and a lesson for every territory; what no territory has is the company's."""
    from merestone.db.models import Guideline, Territory, TerritoryModel, TrainingItem

    at = datetime(2026, 1, 6, tzinfo=UTC)
    known = {one.key: one for one in Territory.objects.all()}
    places = {
        relation: known[path[-1]] if path else None
        for relation, path in {**PLACES, "planning": ("dream",)}.items()
    }
    plan = TerritoryModel.objects.get(key="next")
    world.parts["guidelines"] = {
        relation: Guideline.objects.create(
            territory=territory,
            model=plan if relation == "planning" else None,
            number=1,
            body=f"{WORDS[relation]} Paper",
            created_at=at,
        ).pk
        for relation, territory in places.items()
    }
    world.parts["training"] = {
        relation: TrainingItem.objects.create(
            territory=territory, title=f"{WORDS[relation]} Lesson", due_on=date(2040, 1, 1)
        ).pk
        for relation, territory in places.items()
    }


def _add_absences(world: World) -> None:
    from merestone.db.models import Cover, Leave, Rep

    days = {"starts_on": date(2039, 1, 1), "ends_on": date(2039, 2, 1)}
    mia = Rep.objects.get(email="mia@example.com").pk
    reps = world.records["reps"]
    world.parts["leave"] = {
        relation: Leave.objects.create(rep_id=rep, reason=f"{WORDS[relation]} Away", **days).pk
        for relation, rep in reps.items()
    }
    world.parts["covers"] = {
        relation: Cover.objects.create(rep_id=rep, cover_id=mia, reason=f"{WORDS[relation]} Cover", **days).pk
        for relation, rep in reps.items()
    }


def _add_review(world: World) -> None:
    """Bring a third model into review, with something asked about an account of every territory."""
    from merestone.app.review.inviting import Guest
    from merestone.app.review_start import start_review
    from merestone.db.models import Challenge, Territory, TerritoryModel

    plan_edits.clone_model(world.services, OPERATOR, "m1", new_key="look")
    start_review(world.services, OPERATOR, "look", [Guest(world.users[actor]) for actor in INVITED])
    model = TerritoryModel.objects.get(key="look")
    known = {one.key: one for one in Territory.objects.all()}
    world.parts["challenges"] = {
        relation: Challenge.objects.create(
            model=model,
            kind="keep",
            account_id=world.records["accounts"][relation],
            from_territory=known[path[-1]],
            rep_id=world.records["reps"][relation],
            reason=f"{WORDS[relation]} Wish",
            opened_at=datetime(2026, 1, 6, tzinfo=UTC),
        ).pk
        for relation, path in PLACES.items()
        if path
    }
