"""Undoing the last publication: everything stands as before it, and nothing of what happened is forgotten.

New rows are dated from now. What was changed by hand since is a conflict, unless the caller lets it stay. Undoing an
undo does the publication again, as it was. Only who has left since gets nothing back (``leavers``).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from merestone.app.assign import place_accounts
from merestone.app.lifecycle.leavers import held_without, leavers_of, left_by, placed_without
from merestone.app.lifecycle.publishing import take_turns
from merestone.app.lifecycle.states import MAX_NOTE, require_planner
from merestone.app.policy import Actor
from merestone.app.ports_lifecycle import Held, Placed, Published
from merestone.app.route import place_leads
from merestone.app.services import Services
from merestone.base.errors import ConflictError

MAX_LISTED = 100
PLACED = ("accounts", "leads")
HELD = ("opportunities", "activities")


@dataclass(frozen=True)
class Before:
    """Everything as it stood before a publication."""

    publication: Published
    placed: dict[str, Placed]
    held: dict[str, Held]

    @property
    def changed(self) -> dict[str, frozenset[int]]:
        """What was changed since, by table."""
        found = {table: one.changed for table, one in self.placed.items()}
        found |= {table: one.changed for table, one in self.held.items()}
        return {table: ids for table, ids in found.items() if ids}

    def counts(self) -> dict[str, int]:
        """Return how many records of each table come back, stay as changed since, and came since."""
        found: dict[str, int] = {}
        for table, placed in self.placed.items():
            found[f"{table}_restored"] = placed.n_moved
            found[f"{table}_created_since"] = len(placed.created)
            found[f"{table}_kept"] = len(placed.changed)
        for table, held in self.held.items():
            found[f"{table}_restored"] = len(held.owners)
            found[f"{table}_kept"] = len(held.changed)
        return found


def last_publication(services: Services) -> Published | None:
    """Return the last change of the active model, if it is the reason why the active model is active."""
    last = next(iter(services.lifecycle.publications(limit=1)), None)
    active = services.models.active()
    if last is None or (None if active is None else active[0]) != last.model_id:
        return None
    return last


def preview_undo(services: Services, actor: Actor) -> dict[str, Any]:
    """Return what undoing the last publication would do: ``publication``, ``counts``, ``changed`` (as a conflict has it).

    Raises
    ------
    ConflictError
        ``nothing-to-undo``.
    """
    require_planner(actor)
    before = _before(services, _last(services, None))
    return {
        "publication": before.publication.as_dict(),
        "counts": before.counts(),
        "changed": _listed(services, before.changed),
        "n_changed": sum(map(len, before.changed.values())),
    }


def undo(
    services: Services,
    actor: Actor,
    *,
    publication: int | None = None,
    keep_later: bool = False,
    note: str = "",
) -> dict[str, Any]:
    """Take the last publication back, in one transaction.

    Territory, owner, cause and reason of every account and lead, the owners of opportunities, the reps of activities
    and the active model are as before. Records that came since are placed by the model that is active again.

    Parameters
    ----------
    publication : int, optional
        The one that was looked at; default the last.
    keep_later : bool
        Let stay what was changed since.

    Returns
    -------
    dict
        ``publication`` (id of the undo), ``undoes``, ``model`` (active now, or None), ``previous``, and per table
        ``…_restored``, ``…_kept``, ``…_created_since``.

    Raises
    ------
    ConflictError
        ``changed-since`` with what was changed; ``nothing-to-undo``; ``not-the-last`` when another publication came.
    """
    require_planner(actor)
    looked_at = _last(services, publication)
    with services.records.transaction(actor, cause=f"undo publish {looked_at.id}") as transaction:
        take_turns(services)
        last = _last(services, looked_at.id)
        before = _before(services, last)
        if before.changed and not keep_later:
            n_changed = sum(map(len, before.changed.values()))
            raise ConflictError(
                f"{n_changed:,} record{'s were' if n_changed != 1 else ' was'} changed since the publication.",
                code="changed-since",
                difference=_listed(services, before.changed),
                fix="Undo and let them stay as they are: keep_later (--keep-later).",
            )
        counts = before.counts()
        at = services.clock.now()
        _switch_back(services, last, at=at)
        _restore(services, before, at=at)
        _place_new(services, before, at=at)
        words = note.strip()[:MAX_NOTE]
        _record(services, actor, last, at=at, note=words)
        number = services.lifecycle.keep_publication(
            kind="undo",
            model_id=last.previous_id,
            previous_id=last.model_id,
            undoes=last.id,
            at=at,
            actor=actor,
            note=words,
            content_hash="",
            transaction=transaction,
            marks=services.lifecycle.marks(),
            counts=counts,
        )
    return {
        "publication": number,
        "undoes": last.id,
        "model": last.previous,
        "previous": last.model,
        **counts,
    }


def _last(services: Services, wanted: int | None) -> Published:
    last = last_publication(services)
    if last is None:
        raise ConflictError(
            "There is no publication to undo.", code="nothing-to-undo", fix="Publish a model first."
        )
    if wanted is not None and wanted != last.id:
        raise ConflictError(
            "Another publication came since: only the last one can be undone.",
            code="not-the-last",
            difference={"publication": [wanted, last.id]},
            fix="Look at the last one.",
        )
    return last


def _before(services: Services, last: Published) -> Before:
    leavers = leavers_of(services)
    return Before(
        last,
        {table: services.lifecycle.placed_before(table, last) for table in PLACED},
        {table: held_without(services.lifecycle.held_before(table, last), leavers) for table in HELD},
    )


def _listed(services: Services, changed: dict[str, frozenset[int]]) -> dict[str, Any]:
    """Return per table how many were changed since, and the first of them by name."""
    found: dict[str, Any] = {}
    for table, ids in changed.items():
        first = sorted(ids)[:MAX_LISTED]
        names = services.lifecycle.names(table, first)
        found[table] = [{"id": pk, "name": names.get(pk, "")} for pk in first]
        found[f"n_{table}"] = len(ids)
    return found


def _switch_back(services: Services, last: Published, *, at: datetime) -> None:
    if last.previous_id is not None:
        services.models.activate(last.previous_id, at=at)
    elif last.model_id is not None:
        services.lifecycle.deactivate(last.model_id, at=at)


def _restore(services: Services, before: Before, *, at: datetime) -> None:
    last, leavers = before.publication, leavers_of(services)
    for table, placed in before.placed.items():
        if placed.desired.num_rows:
            desired = placed_without(services, table, placed.desired, leavers)
            services.associations.replace(table, desired, at=at, model_id=last.previous_id)
            if table == "leads" and (waiting := left_by(placed.desired, leavers)):
                place_leads(services, ids=waiting, at=at)
    for table, held in before.held.items():
        services.lifecycle.give(table, held.owners)
    services.lifecycle.restore_ownerships(last, before.held["opportunities"].owners)


def _place_new(services: Services, before: Before, *, at: datetime) -> None:
    """Place what came since by the model that is active again."""
    for table, place in (("accounts", place_accounts), ("leads", place_leads)):
        created: Collection[int] = before.placed[table].created
        if created:
            place(services, ids=sorted(created), at=at)


def _record(services: Services, actor: Actor, last: Published, *, at: datetime, note: str) -> None:
    if last.model_id is not None:
        words = note or "Its publication was undone."
        services.lifecycle.record(last.model_id, old="active", new="archived", actor=actor, at=at, note=words)
    if last.previous_id is not None:
        words = note or "Active again: the publication after it was undone."
        services.lifecycle.record(
            last.previous_id, old="archived", new="active", actor=actor, at=at, note=words
        )
