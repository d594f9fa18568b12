"""What an actor sees and may do where, for use cases: the same querysets the faces read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from merestone.app.policy import Actor, Held, Right
from merestone.base.errors import UsageError
from merestone.db.queries import scope

QUERIES: dict[str, Callable[[Actor, Right], Any]] = {
    "accounts": scope.accounts,
    "leads": scope.leads,
    "opportunities": scope.opportunities,
    "activities": scope.activities,
    "contacts": scope.contacts,
    "contracts": scope.contracts,
    "reps": scope.reps,
    "claims": scope.claims,
}
CHUNK = 10_000
LARGEST_KEY = 2**63 - 1
"""Larger numbers are no keys; SQLite's driver refuses them."""


class VisibilityStore:
    """Implements ``app.ports.Visibility``."""

    def visible_ids(
        self, actor: Actor, table: str, ids: Iterable[int] | None = None, *, right: Right = Right.SEE
    ) -> set[int]:
        """Return the ids (among ``ids``) of a CRM table that the actor sees, or has a right on."""
        if table not in QUERIES:
            raise UsageError(f"'{table}' is not a table with row visibility.", code="unknown-table")
        rows = QUERIES[table](actor, right).order_by().values_list("pk", flat=True)
        if ids is None:
            return set(rows)
        wanted = [pk for pk in ids if abs(pk) <= LARGEST_KEY]
        return {
            pk
            for start in range(0, len(wanted), CHUNK)
            for pk in rows.filter(pk__in=wanted[start : start + CHUNK])
        }

    def visible_territories(self, actor: Actor, *, right: Right = Right.SEE) -> set[str]:
        """Return keys of the active model's territories that the actor sees, or has a right on."""
        return set(scope.visible_nodes(actor, right).order_by().values_list("territory__key", flat=True))

    def holdings(self, actor: Actor) -> tuple[Held, ...]:
        """Return what the actor holds where today, by role and by grants."""
        return scope.holdings(actor)
