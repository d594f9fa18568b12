"""Who is asked to look at a model: suggested from what it moves, invited with a message and a deadline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from merestone.app.notices import tell
from merestone.app.policy import Actor
from merestone.app.ports_review import ReviewedModel
from merestone.app.review.approvals import day_of, demands, managers_of, overlay_holders
from merestone.app.review.moves import moves_of
from merestone.app.review.summary import require_planner
from merestone.app.review.viewing import viewing
from merestone.app.services import Services
from merestone.base.errors import ConflictError, InvalidInputError, Problem
from merestone.core.model.territory import TerritoryModelDocument

ROLES = ("reviewer", "approver")
MAX_MESSAGE = 4_000


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody to ask.

    Parameters
    ----------
    role : str
        ``reviewer`` or ``approver``.
    territory : str or None
        The subtree concerned; None: the whole model.
    """

    user_id: int
    role: str = "reviewer"
    territory: str | None = None


def suggested(services: Services, actor: Actor, key: str) -> list[dict[str, Any]]:
    """Return whom to ask, by name: everybody whose accounts move, their managers, and who must approve.

    Returns
    -------
    list of dict
        ``user_id``, ``name``, ``email``, ``role``, ``territory``, ``gained``, ``lost`` (accounts), ``why``.
    """
    eyes = viewing(services, actor, key)
    require_planner(eyes)
    found, _ = moves_of(services, eyes.document)
    by_rep = {row["rep"]: row for row in found.reps.to_pylist() if row["gained"] or row["lost"]}
    managers = _managers(services, eyes.document, found.pairs.to_pylist())
    wanted = demands(services, eyes.model, eyes.document)
    suggestions: list[dict[str, Any]] = []
    for person in services.reviews.people():
        counts = by_rep.get(person.rep_id, {"gained": 0, "lost": 0})
        told = {
            "user_id": person.user_id,
            "name": person.name,
            "email": person.email,
            "gained": counts["gained"],
            "lost": counts["lost"],
        }
        asked = [one for one in wanted if one.asks(person.user_id)]
        suggestions += [
            told | {"role": "approver", "territory": one.territory, "why": f"approves {one.name}"}
            for one in asked
        ]
        if asked:
            continue
        if person.rep_id is not None and person.rep_id in by_rep:
            suggestions.append(told | {"role": "reviewer", "territory": None, "why": "accounts move"})
        elif person.rep is not None and person.rep in managers:
            suggestions.append(
                told | {"role": "reviewer", "territory": None, "why": "manages territories that change"}
            )
    return suggestions


def _managers(
    services: Services, document: TerritoryModelDocument, pairs: Sequence[Mapping[str, Any]]
) -> frozenset[str]:
    """Return who manages a territory that wins or loses, in this model or the active one."""
    active = services.models.active()
    found: set[str] = set()
    for model, side in ((document, "to"), (document, "from"), (active and active[1], "from")):
        if model is None:
            continue
        day, nodes = day_of(services, model), model.tree.nodes
        for key in {pair[f"{side}_territory"] for pair in pairs}:
            if key in nodes:
                found |= managers_of(model, key, day)
    return frozenset(found)


def with_overlay_approvers(
    services: Services, model: ReviewedModel, document: TerritoryModelDocument, guests: Sequence[Guest]
) -> list[Guest]:
    """Return the guests, and those a grant lets approve an overlay whose approval is asked for."""
    holders = overlay_holders(services, document)
    more = (
        Guest(person.user_id, "approver", demand.territory)
        for demand in demands(services, model, document)
        for person in demand.who
        if person.user_id in holders.get(demand.territory or "", frozenset())
    )
    return list(dict.fromkeys([*guests, *more]))


def refuse_guests(
    services: Services, document: TerritoryModelDocument, guests: Sequence[Guest], *, ends_on: date | None
) -> None:
    """Raise InvalidInputError ``bad-invitation`` with everything that does not fit."""
    known = {person.user_id for person in services.reviews.people()}
    problems = []

    def bad(where: str, message: str, fix: str) -> None:
        problems.append(Problem("bad-invitation", message, fix, where=where))

    for guest in guests:
        if guest.user_id not in known:
            bad("people", f"There is no active user {guest.user_id}.", "Choose one of the list.")
        if guest.role not in ROLES:
            bad("people", f"'{guest.role[:40]}' is no role here.", f"Use {' or '.join(ROLES)}.")
        if guest.territory is not None and guest.territory not in document.tree.nodes:
            bad(
                "people",
                f"There is no territory '{guest.territory[:100]}'.",
                "Leave it out for the whole model.",
            )
    if ends_on is not None and ends_on < services.clock.today():
        bad("ends_on", f"{ends_on:%-d %B %Y} is past.", "Choose today or a later day.")
    if problems:
        raise InvalidInputError("Nobody was invited.", problems, code="bad-invitation")


def invite(
    services: Services,
    actor: Actor,
    key: str,
    guests: Sequence[Guest],
    *,
    message: str = "",
    ends_on: date | None = None,
) -> dict[str, Any]:
    """Ask more people to a review that is on, and set its last day where one is given; returns ``invited``."""
    eyes = viewing(services, actor, key)
    require_planner(eyes)
    if not eyes.is_open:
        raise ConflictError(
            f"“{eyes.model.name}” is not in review.", code="review-closed", fix="Start its review first."
        )
    refuse_guests(services, eyes.document, guests, ends_on=ends_on)
    with services.records.transaction(actor, cause=f"invite to review of {key}"):
        if ends_on is not None:
            services.reviews.prepare(eyes.model.id, ends_on=ends_on)
        people = with_overlay_approvers(services, eyes.model, eyes.document, guests)
        return {"invited": invited(services, actor, eyes.model, people, message=message, ends_on=ends_on)}


def invited(
    services: Services,
    actor: Actor,
    model: ReviewedModel,
    guests: Sequence[Guest],
    *,
    message: str,
    ends_on: date | None,
) -> int:
    """Keep invitations and tell who was not asked before, within the caller's transaction; returns how many."""
    people = [{"user_id": one.user_id, "role": one.role, "territory": one.territory} for one in guests]
    new = services.reviews.invite(model.id, people, by=actor.user_id, message=message.strip()[:MAX_MESSAGE])
    until = ends_on or model.review_ends_on
    tell(
        services,
        new,
        kind="review",
        text=f"Please look at “{model.name}”{f' until {until:%-d %B %Y}' if until else ''}. {message.strip()}".strip(),
        url=f"/review/{model.key}/",
        key=f"review:{model.id}:invited:{services.clock.now().isoformat()}",
    )
    return len(new)


def uninvite(services: Services, actor: Actor, key: str, ids: Sequence[int]) -> int:
    """Take invitations back: those people see the model no longer."""
    eyes = viewing(services, actor, key)
    require_planner(eyes)
    with services.records.transaction(actor, cause=f"uninvite from review of {key}"):
        return services.reviews.uninvite(eyes.model.id, ids)
