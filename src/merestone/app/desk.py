"""What people keep for themselves: saved views of lists, and preferences."""

from __future__ import annotations

from typing import Any

from merestone.app.policy import Actor, Right
from merestone.app.services import Services
from merestone.base.errors import InvalidInputError, Problem, UsageError

MAX_QUERY = 4000
PREFERENCES = {"theme": ("system", "light", "dark")}


def save_view(
    services: Services, actor: Actor, *, table: str, name: str, query: str, is_shared: bool = False
) -> int:
    """Keep a list's filters, order and columns under a name; returns the view's id.

    A shared view shares what is asked, not the rows: everybody sees only their own.
    """
    actor.require(Right.SEE)
    problems = []
    if not name.strip():
        problems.append(Problem("missing-name", "The view has no name.", "Say what it shows.", where="name"))
    if len(query) > MAX_QUERY:
        problems.append(
            Problem("too-long", "The view has too many filters to keep.", "Use fewer.", where="query")
        )
    if problems:
        raise InvalidInputError("The view was not saved.", problems)
    with services.records.transaction(actor, cause="save view"):
        return services.desk.save_view(
            user_id=_user(actor), table=table, name=name.strip()[:100], query=query, is_shared=is_shared
        )


def delete_view(services: Services, actor: Actor, *, view_id: int) -> None:
    """Delete one of the actor's own views."""
    with services.records.transaction(actor, cause="delete view"):
        services.desk.delete_view(view_id, user_id=_user(actor))


def keep_preferences(services: Services, actor: Actor, **changes: Any) -> None:
    """Keep preferences of the actor's user."""
    for name, value in changes.items():
        if value not in PREFERENCES.get(name, ()):
            raise UsageError(f"'{value}' is no value for the preference '{name}'.", code="bad-preference")
    with services.records.transaction(actor, cause="preferences"):
        services.desk.keep_preferences(_user(actor), changes)


def _user(actor: Actor) -> int:
    if actor.user_id is None:
        raise UsageError("Only a signed-in user can keep things.", code="no-user")
    return actor.user_id
