"""The rail: few words, in the order of the day, and only what a role may use."""

from __future__ import annotations

import pytest
from django.urls import reverse

from merestone.app.policy import Actor
from merestone.web.context import NAVIGATION, navigation


def labels(role: str) -> list[str]:
    return [
        entry["label"] for group in navigation(Actor(role=role), "/accounts/") for entry in group["entries"]
    ]


def test_rail_is_in_the_order_of_the_day() -> None:
    assert labels("admin")[:12] == [
        "Today", "Map", "Accounts", "Leads", "Opportunities", "Territories", "Planning", "Reviews", "Queue", "Scorecard",
        "Balance", "Settings",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("role", "hidden"),
    [
        (
            "rep",
            {
                "Queue",
                "People calendar",
                "Settings",
                "Planning",
                "Imports",
                "Jobs",
                "Audit log",
                "Users",
                "Access",
            },
        ),
        ("manager", {"Settings", "Planning", "Imports", "Jobs", "Audit log", "Users", "Access"}),
        ("planner", {"Settings", "Users", "Access"}),
        ("admin", set()),
    ],
)
def test_role_sees_all_but_what_it_may_not_use(role: str, hidden: set[str]) -> None:
    assert set(labels("admin")) - set(labels(role)) == hidden


def test_every_entry_has_a_page() -> None:
    for group in NAVIGATION:
        for place in group.places:
            assert reverse(place.name).startswith("/")


def test_page_one_is_on_is_marked() -> None:
    here = [
        entry["label"]
        for group in navigation(Actor(role="admin"), "/accounts/17/")
        for entry in group["entries"]
        if entry["is_here"]
    ]
    assert here == ["Accounts"]
