"""What an actor sees, for use cases: the same querysets the faces read."""

from __future__ import annotations

from collections.abc import Iterable

from merestone.app.policy import Actor
from merestone.base.errors import UsageError
from merestone.db.queries import scope

QUERIES = {
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


class VisibilityStore:
    """Implements ``app.ports.Visibility``."""

    def visible_ids(self, actor: Actor, table: str, ids: Iterable[int] | None = None) -> set[int]:
        """Return the visible ids (among ``ids``) of a CRM table."""
        if table not in QUERIES:
            raise UsageError(f"'{table}' is not a table with row visibility.", code="unknown-table")
        rows = QUERIES[table](actor).order_by().values_list("pk", flat=True)
        if ids is None:
            return set(rows)
        wanted = list(ids)
        return {
            pk
            for start in range(0, len(wanted), CHUNK)
            for pk in rows.filter(pk__in=wanted[start : start + CHUNK])
        }

    def visible_territories(self, actor: Actor) -> set[str]:
        """Return keys of the active model's visible territories."""
        return set(scope.visible_nodes(actor).order_by().values_list("territory__key", flat=True))
