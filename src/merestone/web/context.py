"""What every template sees: the navigation, the company, the theme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from merestone.app.policy import Actor, Right
from merestone.db.queries.company import company
from merestone.db.queries.review import n_unread

THEMES = ("system", "light", "dark")


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the navigation; shown to those with the right, when its page exists.

    Parameters
    ----------
    unless : Right or None
        Not shown to those with this right, for whom another entry is there.
    also : tuple of str
        Beginnings of other addresses that belong to it.
    """

    name: str
    label: str
    icon: str
    right: Right = Right.SEE
    everywhere: bool = False
    unless: Right | None = None
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Entries that belong together; quiet ones are for those who look for them."""

    title: str
    places: tuple[Place, ...]
    is_quiet: bool = False


PLANS = ("/models/", "/publications/", "/compare/")
"""Where models are planned, beside the scenarios."""
NAVIGATION = (
    Group(
        "",
        (
            Place("home", "Today", "home"),
            Place("map", "Map", "map"),
            Place("accounts", "Accounts", "account"),
            Place("leads", "Leads", "lead"),
            Place("opportunities", "Opportunities", "opportunity"),
            Place("territories", "Territories", "territory"),
            Place("planning", "Planning", "share", Right.PLAN, also=PLANS),
            Place("models", "Planning", "share", Right.MANAGE_RULES, unless=Right.PLAN, also=PLANS),
            Place("reviews", "Reviews", "review"),
            Place("unassigned", "Queue", "queue", Right.ASSIGN),
        ),
    ),
    Group("Insights", (Place("scorecard", "Scorecard", "scorecard"), Place("balance", "Balance", "balance"))),
    Group("", (Place("settings", "Settings", "settings", Right.MANAGE_USERS, everywhere=True),)),
    Group(
        "More",
        (
            Place("owned-accounts", "History", "clock"),
            Place("quotas", "Quotas", "target"),
            Place("guidelines", "Rules of engagement", "rules"),
            Place("training", "Training", "training"),
            Place("activities", "Activities", "activity"),
            Place("contacts", "Contacts", "contact"),
            Place("contracts", "Contracts", "contract"),
            Place("reps", "Reps", "people"),
            Place("people-calendar", "People calendar", "calendar", Right.ASSIGN),
            Place("claims", "Claims", "claim"),
            Place("imports", "Imports", "import", Right.IMPORT, everywhere=True),
            Place("jobs", "Jobs", "jobs", Right.PLAN, everywhere=True),
            Place("products", "Products", "product"),
            Place("audit", "Audit log", "audit", Right.READ_AUDIT, everywhere=True),
            Place("users", "Users", "key", Right.MANAGE_USERS),
            Place("access", "Access", "lock", Right.MANAGE_USERS),
        ),
        is_quiet=True,
    ),
)


def navigation(actor: Actor, path: str) -> list[dict[str, Any]]:
    """Return the groups of the rail with the entries this actor may open."""
    groups = []
    for group in NAVIGATION:
        places = [place for place in group.places if _is_shown(actor, place)]
        entries = [entry for place in places if (entry := _entry(place, path))]
        if entries:
            groups.append({"title": group.title, "is_quiet": group.is_quiet, "entries": entries})
    return groups


def _is_shown(actor: Actor, place: Place) -> bool:
    if place.unless is not None and actor.can(place.unless):
        return False
    return actor.can(place.right, everywhere=place.everywhere)


def _entry(place: Place, path: str) -> dict[str, Any] | None:
    try:
        url = reverse(place.name)
    except NoReverseMatch:
        return None
    is_here = path == url if url == "/" else path.startswith((url, *place.also))
    return {"name": place.name, "label": place.label, "icon": place.icon, "url": url, "is_here": is_here}


def page(request: HttpRequest) -> dict[str, Any]:
    """Return the variables of the page frame."""
    actor: Actor | None = getattr(request, "actor", None)
    theme = request.COOKIES.get("theme", "system")
    frame: dict[str, Any] = {
        "now_utc": timezone.now(),
        "actor": actor,
        "theme": theme if theme in THEMES else "system",
        "company": company(),
    }
    if actor is not None:
        frame["navigation"] = navigation(actor, request.path)
        frame["n_unread"] = n_unread(actor)
        frame["can"] = {right.name.lower(): actor.can(right) for right in Right}
    return frame
