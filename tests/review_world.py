"""A company with a model in review: Ana loses Washington to Ben, Dan and Eve are on another continent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from tests import builders

from merestone.app import plans
from merestone.app.admin import create_user
from merestone.app.policy import OPERATOR, Actor
from merestone.app.review.inviting import Guest
from merestone.app.review_start import start_review
from merestone.app.services import Services

TREE: tuple[dict[str, Any], ...] = (
    {"key": "us", "name": "United States", "where": "country = 'US'", "members": [{"rep": "mia@example.com", "role": "manager"}]},
    {"key": "west", "name": "West", "parent": "us", "where": "state in ('CA', 'WA')", "members": [{"rep": "ana@example.com"}]},
    {"key": "east", "name": "East", "parent": "us", "where": "state in ('NY', 'MA')", "members": [{"rep": "ben@example.com"}]},
    {"key": "eu", "name": "Europe", "where": "country = 'FR' or country = 'DE'", "members": [{"rep": "eve@example.com", "role": "manager"}]},
    {"key": "france", "name": "France", "parent": "eu", "where": "country = 'FR'", "members": [{"rep": "dan@example.com"}]},
    {"key": "germany", "name": "Germany", "parent": "eu", "where": "country = 'DE'", "members": [{"rep": "fay@example.com"}]},
)  # fmt: skip
NEW = tuple(
    one
    | {
        "west": {"where": "state = 'CA'"},
        "east": {"where": "state in ('NY', 'MA', 'WA')"},
        "france": {"where": "country = 'FR' and city <> 'Nice'"},
        "germany": {"where": "country = 'DE' or city = 'Nice'"},
    }.get(one["key"], {})
    for one in TREE
)
ACCOUNTS = (
    ("cal-one", "US", "CA", None, 100),
    ("cal-two", "US", "CA", None, 200),
    ("was-one", "US", "WA", None, 300),
    ("was-two", "US", "WA", None, 50),
    ("ny-one", "US", "NY", None, 400),
    ("ny-two", "US", "NY", None, 100),
    ("paris", "FR", None, "Paris", 500),
    ("nice", "FR", None, "Nice", 250),
    ("berlin", "DE", None, "Berlin", 150),
)
PEOPLE = {
    "ana": "rep", "ben": "rep", "dan": "rep", "fay": "rep", "mia": "manager", "eve": "manager",
    "vera": "planner", "paul": "planner",
}  # fmt: skip


@dataclass(frozen=True)
class World:
    """The company: who acts, which account is which."""

    services: Services
    actors: Mapping[str, Actor]
    accounts: Mapping[str, int]
    reps: Mapping[str, int]

    def __getattr__(self, name: str) -> Actor:
        if name not in self.actors:
            raise AttributeError(name)
        return self.actors[name]


def build(services: Services) -> World:
    """Make the company, with the old model active and the new one in planning by Vera."""
    reps = builders.add_reps(services, ["ana", "ben", "dan", "fay", "mia", "eve"])
    builders.publish(services, TREE, key="old")
    ids = builders.add_accounts(
        services,
        [
            {
                "external_id": key, "name": f"Firm {key}", "country": country, "state": state, "city": city,
                "potential": Decimal(potential), "workload_hours": float(potential) / 10,
            }
            for key, country, state, city, potential in ACCOUNTS
        ],
    )  # fmt: skip
    actors = {}
    for name, role in PEOPLE.items():
        user = create_user(
            services, OPERATOR, email=f"{name}@example.com", role=role, name=name.title(),
            password=None, rep_id=reps.get(name),
        )  # fmt: skip
        actors[name] = Actor(
            role=role, user_id=user["id"], rep_id=reps.get(name), label=f"user:{name}@example.com"
        )
    plans.apply_document(services, actors["vera"], builders.document(NEW, key="new", name="New model"))
    return World(services, actors, dict(zip((row[0] for row in ACCOUNTS), ids, strict=True)), reps)


def begin(world: World, *, ends_on: date | None = None, names: tuple[str, ...] = ()) -> None:
    """Start the review of the new model: everybody but the planners is asked, managers to approve their part."""
    roles = {"mia": ("approver", "us"), "eve": ("approver", "eu")}
    start_review(
        world.services,
        world.vera,
        "new",
        [
            Guest(world.actors[name].user_id or 0, *roles.get(name, ("reviewer", None)))
            for name in names or ("ana", "ben", "dan", "fay", "mia", "eve")
        ],
        ends_on=ends_on,
        message="Please look.",
    )
