"""Who is in a territory of a planning model: read and written by those who manage members there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from merestone.app.access.places import require_planned
from merestone.app.plan_edits import checked_document, entry_of, plan_for_change
from merestone.app.plans import load_model
from merestone.app.policy import Actor, Right
from merestone.app.review.approvals import keep_model
from merestone.app.services import Services
from merestone.base.errors import ConflictError, InvalidInputError, Problem
from merestone.core.model.territory import TerritoryModelDocument

Members = list[dict[str, Any]]


def read_members(services: Services, actor: Actor, model: str, territory: str) -> dict[str, Any]:
    """Return ``members`` (``rep``, ``role``, ``from``, ``to``) of a plan's territory, and their ``fingerprint``."""
    actor.require(Right.MANAGE_MEMBERS)
    document = load_model(services, actor, model)[1]
    require_planned(services, actor, Right.MANAGE_MEMBERS, document=document, territories=[territory])
    return _told(document, territory)


def set_members(
    services: Services,
    actor: Actor,
    model: str,
    territory: str,
    members: Sequence[Mapping[str, Any]],
    *,
    fingerprint: str,
) -> dict[str, Any]:
    """Replace the members of a territory of a planning model; returns them as ``read_members`` does, with ``changed``.

    Parameters
    ----------
    members : sequence of mapping
        ``rep`` (e-mail), ``role``, ``from`` and ``to`` (ISO dates; the end is the first day without).
    fingerprint : str
        Of the members as they were read.

    Raises
    ------
    ConflictError
        ``stale-version`` when somebody else changed them meanwhile; ``model-not-in-planning``.
    InvalidInputError
        With every problem; a rep the actor does not see reads as one that does not exist.
    """
    new, changed = _set(services, actor, model, {territory: (members, fingerprint)})
    return _told(new, territory) | {"changed": bool(changed)}


def set_members_of(
    services: Services,
    actor: Actor,
    model: str,
    wanted: Mapping[str, tuple[Sequence[Mapping[str, Any]], str]],
) -> list[str]:
    """Replace the members of several territories of a planning model, all or none; returns the keys that changed.

    Parameters
    ----------
    wanted : mapping of str to (members, fingerprint)
        Per territory, as ``set_members`` takes them; it raises what that raises.
    """
    return _set(services, actor, model, wanted)[1] if wanted else []


def members_of(document: TerritoryModelDocument, territory: str) -> Members:
    """Return the members of a territory of a document at hand; ask for rights first."""
    found: Members = entry_of(document, territory)["members"]
    return found


def fingerprint_of(document: TerritoryModelDocument, territory: str) -> str:
    """Return the fingerprint of the members of a territory of a document at hand."""
    return _digest(members_of(document, territory))


def _set(
    services: Services,
    actor: Actor,
    model: str,
    wanted: Mapping[str, tuple[Sequence[Mapping[str, Any]], str]],
) -> tuple[TerritoryModelDocument, list[str]]:
    actor.require(Right.MANAGE_MEMBERS)
    who = f"{len(wanted)} territories" if len(wanted) > 1 else next(iter(wanted))
    with services.records.transaction(actor, cause=f"members of {who} in {model}"):
        document = plan_for_change(services, actor, model)
        require_planned(services, actor, Right.MANAGE_MEMBERS, document=document, territories=list(wanted))
        changes: dict[str, dict[str, Any]] = {}
        everybody: Members = []
        for territory, (members, fingerprint) in wanted.items():
            before = members_of(document, territory)
            if _digest(before) != fingerprint:
                raise ConflictError(
                    f"Somebody else changed the members of '{territory}' meanwhile.",
                    code="stale-version",
                    fix="Look at them again.",
                    difference={"members": [[dict(one) for one in members], before]},
                )
            everybody += before
            changes[territory] = {
                "members": [
                    {name: value for name, value in one.items() if value is not None} for one in members
                ]
            }
        new_ones = [one for change in changes.values() for one in change["members"]]
        _refuse_strangers(services, actor, new_ones, everybody)
        new = checked_document(services, document, changes)
        changed = [key for key in changes if members_of(new, key) != members_of(document, key)]
        if changed:
            names = ", ".join(document.tree[key].name for key in changed[:3])
            more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
            keep_model(services, new, actor=actor, because=f"The members of {names}{more} were changed.")
    return new, changed


def _told(document: TerritoryModelDocument, territory: str) -> dict[str, Any]:
    members = members_of(document, territory)
    return {"territory": territory, "members": members, "fingerprint": _digest(members)}


def _digest(members: Members) -> str:
    text = json.dumps(members, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _refuse_strangers(
    services: Services, actor: Actor, members: Sequence[Mapping[str, Any]], before: Members
) -> None:
    """Raise InvalidInputError for people who come in and are no reps the actor sees."""
    table = services.models.reps()
    labels = zip(table["label"].to_pylist(), table["rep_id"].to_pylist(), strict=True)
    seen = services.visibility.visible_ids(actor, "reps")
    known = {label for label, rep_id in labels if rep_id in seen} | {one["rep"].lower() for one in before}
    problems = [
        Problem("unknown-rep", f"There is no rep '{str(one.get('rep', ''))[:100]}'.", "Name somebody you see by e-mail.", where=f"members/{number}")
        for number, one in enumerate(members, start=1)
        if str(one.get("rep", "")).lower() not in known
    ]  # fmt: skip
    if problems:
        raise InvalidInputError("The members were not changed.", problems)
