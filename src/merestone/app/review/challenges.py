"""Challenges of a model in review: asked, talked about, taken back; who may see them, and which clash.

Deciding is ``deciding``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from merestone.app.difference.owners import Reps, owners_of
from merestone.app.notices import tell
from merestone.app.policy import Actor
from merestone.app.ports_review import ChallengeRow, CommentRow
from merestone.app.review.approvals import day_of, managers_of
from merestone.app.review.drafts import Draft, Sketch, sketch, told_effect
from merestone.app.review.loads import Effect, effect
from merestone.app.review.policies import challenge_policy
from merestone.app.review.seeing import Picture, picture
from merestone.app.review.viewing import Viewing, viewing
from merestone.app.services import Services
from merestone.base.errors import ConflictError, ForbiddenError, NotFoundError, UsageError

STANCES = ("for", "against", "")
MAX_WORDS = 4_000
MISSING = "There is no such challenge."


def drafted(services: Services, actor: Actor, key: str, draft: Draft) -> dict[str, Any]:
    """Return what a challenge would do to the balance of both sides; nothing is sent."""
    found = picture(services, actor, key)
    made = sketch(services, found, draft)
    return told_sketch(found, made)


def told_sketch(found: Picture, made: Sketch) -> dict[str, Any]:
    """Return a sketch as the viewer may read it."""
    eyes = found.viewing
    return {
        "from_name": eyes.territory_name(made.from_territory),
        "from_owner_name": eyes.rep_name(made.from_owner),
        "to_name": eyes.territory_name(made.to_territory),
        "to_owner_name": eyes.rep_name(made.rep_id),
        "effect": told_effect(found, made.effect, mine=made.rep_id),
    }


def challenge(services: Services, actor: Actor, key: str, draft: Draft) -> int:
    """Send a challenge; returns its id. Those on both sides, their managers and who asked for the review are told.

    Raises
    ------
    ConflictError
        ``review-closed`` when the model is not in review, or the last day is past; ``already-challenged`` when one
        of this account for this rep is open.
    InvalidInputError
        ``bad-challenge`` with everything that does not fit.
    """
    found = picture(services, actor, key)
    eyes = found.viewing
    refuse_closed(services, eyes)
    made = sketch(services, found, draft)
    model = eyes.model
    with services.records.transaction(actor, cause=f"challenge {model.key}"):
        services.records.take_turn("accounts")
        for one in services.reviews.challenges(model.id):
            if one.state == "open" and (one.account_id, one.rep_id) == (draft.account_id, made.rep_id):
                raise ConflictError(
                    "There is an open challenge of this account already.",
                    code="already-challenged",
                    fix="Add a word to that one, or take it back first.",
                )
        number = services.reviews.open_challenge(
            model.id,
            {
                "kind": draft.kind,
                "account_id": draft.account_id,
                "other_account_id": draft.other_account_id,
                "from_territory": made.from_territory,
                "to_territory": made.to_territory,
                "rep_id": made.rep_id,
                "reason": draft.reason.strip(),
                "opened_by": actor.user_id,
                "due_on": due_on(services, eyes),
            },
            at=services.clock.now(),
        )
        row = services.reviews.challenge(number)
        assert row is not None
        told = concerned_users(services, eyes, row) - {actor.user_id}
        tell(
            services,
            told,
            kind="challenge",
            text=f"A challenge of “{model.name}”: {what(row)}.",
            url=f"/review/{model.key}/challenges/{number}/",
            key=f"challenge:{number}:opened",
        )
    return number


def refuse_closed(services: Services, eyes: Viewing) -> None:
    """Raise ConflictError unless challenges can be sent: in review, up to the end of the last day where the company is."""
    last = eyes.model.review_ends_on
    if eyes.is_open and (last is None or services.clock.today() <= last):
        return
    raise ConflictError(
        "Challenges of this model are closed.",
        code="review-closed",
        fix="Talk to those who plan." if last is None else f"The last day was {last:%-d %B %Y}.",
    )


def due_on(services: Services, eyes: Viewing) -> date | None:
    """Return the last day on which a challenge sent today can be decided."""
    days = challenge_policy(eyes.model.policies).decide_days
    if days is not None:
        return services.clock.today() + timedelta(days=days)
    return eyes.model.review_ends_on


def withdraw(services: Services, actor: Actor, key: str, number: int, *, note: str = "") -> None:
    """Take back a challenge of one's own that nobody has decided yet."""
    eyes = viewing(services, actor, key)
    with services.records.transaction(actor, cause=f"withdraw challenge {number}"):
        row = held(services, eyes, number)
        if row.opened_by is None or row.opened_by != actor.user_id:
            raise ForbiddenError("Only who sent a challenge can take it back.")
        refuse_decided(services, row)
        services.reviews.decide(
            number, "withdrawn", at=services.clock.now(), by=actor.user_id, note=note.strip()[:MAX_WORDS],
            is_automatic=False,
        )  # fmt: skip


def comment(services: Services, actor: Actor, key: str, number: int, *, text: str, stance: str = "") -> None:
    """Add a word to a challenge's discussion; managers of either side may speak ``for`` or ``against`` it."""
    if not text.strip() and not stance:
        raise UsageError("There is nothing to say.", code="nothing-said", fix="Write something.")
    if stance not in STANCES:
        raise UsageError(f"'{stance[:40]}' is no stance.", code="bad-stance", fix="Use for or against.")
    eyes = viewing(services, actor, key)
    with services.records.transaction(actor, cause=f"comment on challenge {number}"):
        row = held(services, eyes, number)
        if stance:
            refuse_decided(services, row)
        at = services.clock.now()
        services.reviews.comment(
            number, user_id=actor.user_id, at=at, text=text.strip()[:MAX_WORDS], stance=stance
        )
        tell(
            services,
            concerned_users(services, eyes, row) - {actor.user_id},
            kind="challenge",
            text=f"A word about a challenge of “{eyes.model.name}”: {what(row)}.",
            url=f"/review/{eyes.model.key}/challenges/{number}/",
            key=f"challenge:{number}:word:{at.isoformat()}",
        )


def held(services: Services, eyes: Viewing, number: int) -> ChallengeRow:
    """Return a visible challenge that nobody else decides before the transaction ends."""
    services.records.take_turn("accounts")
    row = services.reviews.challenge(number, lock=True)
    if row is None or row.model_id != eyes.model.id or not is_visible(services, eyes, row):
        raise NotFoundError(MISSING)
    return row


def refuse_decided(services: Services, row: ChallengeRow) -> None:
    """Raise ConflictError unless a challenge is open and its last day not past."""
    if row.state != "open":
        raise ConflictError(
            f"This challenge was {row.state} already{f' by {row.decided_by_name}' if row.decided_by_name else ''}.",
            code="already-decided",
            fix="Look at it again.",
            difference={"state": ["open", row.state]},
        )
    if row.due_on is not None and services.clock.today() > row.due_on:
        raise ConflictError(
            f"This challenge had to be decided by {row.due_on:%-d %B %Y}.",
            code="challenge-expired",
            fix="Edit the model instead.",
        )


def is_visible(services: Services, eyes: Viewing, row: ChallengeRow) -> bool:
    """Return whether a challenge is the viewer's to see: those on both sides, who manages them, and who plans."""
    if eyes.sees_all or row.opened_by == eyes.actor.user_id:
        return True
    rep_id = eyes.actor.rep_id
    if rep_id is not None and rep_id in both_reps(services, eyes, row):
        return True
    return eyes.is_wide and any(
        place in eyes.territories for place in (row.from_territory, row.to_territory) if place
    )


def both_reps(services: Services, eyes: Viewing, row: ChallengeRow) -> set[int]:
    """Return the reps on both sides."""
    owners = _owners(services, eyes)
    found = {owners.get(key) for key in (row.from_territory, row.to_territory) if key}
    return {rep for rep in (*found, row.rep_id) if rep is not None}


def _owners(services: Services, eyes: Viewing) -> Mapping[str, int]:
    day = day_of(services, eyes.document)
    return owners_of(services, eyes.document, Reps(services.models.reps()), day=day)


def concerned_users(services: Services, eyes: Viewing, row: ChallengeRow) -> set[int | None]:
    """Return the users to tell of a challenge: on both sides, their managers, who sent it, who asked for the review."""
    day, document = day_of(services, eyes.document), eyes.document
    managers = {
        rep
        for key in (row.from_territory, row.to_territory)
        if key in document.tree.nodes
        for rep in managers_of(document, key, day)
    }
    reps = both_reps(services, eyes, row)
    asked = {one["user_id"] for one in services.reviews.invitations(eyes.model.id)}
    people = {
        person.user_id
        for person in services.reviews.people()
        if person.user_id in asked and (person.rep_id in reps or person.rep in managers)
    }
    inviters = {one["invited_by_id"] for one in services.reviews.invitations(eyes.model.id)}
    return people | inviters | {row.opened_by}


def what(row: ChallengeRow) -> str:
    """Return what a challenge asks for, in words; without names of people, for either side may be hidden from the other."""
    if row.kind == "keep":
        return f"{row.account_name} would be kept where it is"
    if row.kind == "swap":
        return f"{row.account_name} would be swapped for {row.other_name}"
    return f"{row.account_name} is asked for"


@dataclass(frozen=True)
class Told:
    """A challenge as somebody may read it."""

    row: ChallengeRow
    facts: Mapping[str, Any]
    effect: Mapping[str, Any]
    comments: tuple[CommentRow, ...]
    clashes: tuple[int, ...]
    n_hidden_clashes: int


def told(services: Services, actor: Actor, key: str, number: int) -> Told:
    """Return a challenge with its discussion and what it would do to the balance as things are now."""
    found = picture(services, actor, key)
    eyes = found.viewing
    every = services.reviews.challenges(eyes.model.id)
    row = next((one for one in every if one.id == number), None)
    if row is None or not is_visible(services, eyes, row):
        raise NotFoundError(MISSING)
    comments = tuple(_redacted(eyes, one) for one in services.reviews.comments([number]))
    others = clashing(every)[number]
    seen = tuple(one.id for one in every if one.id in others and is_visible(services, eyes, one))
    return Told(
        row,
        facts(services, eyes, row),
        told_effect(found, effect_of(found, row), mine=row.rep_id),
        comments,
        seen,
        len(others) - len(seen),
    )


def effect_of(found: Picture, row: ChallengeRow) -> Effect:
    """Return what accepting a challenge would do as things are now."""
    moves: dict[int, int | None] = {row.account_id: row.rep_id}
    if row.other_account_id is not None:
        moves[row.other_account_id] = found.loads.owner_then(row.account_id)
    return effect(found.loads, moves)


def _redacted(eyes: Viewing, one: CommentRow) -> CommentRow:
    known = eyes.sees_all or one.rep_id is None or one.rep_id in eyes.reps or one.rep_id == eyes.actor.rep_id
    return one if known else CommentRow(**{**asdict(one), "user_name": "A colleague", "user_id": None})


def facts(services: Services, eyes: Viewing, row: ChallengeRow) -> dict[str, Any]:
    """Return a challenge as plain values, names as far as they are visible."""
    today = services.clock.today()
    is_late = row.state == "open" and row.due_on is not None and row.due_on < today
    return {
        "id": row.id,
        "kind": row.kind,
        "state": "expired" if is_late else row.state,
        "account": row.account_id,
        "account_name": row.account_name,
        "account_external_id": row.account_external_id,
        "other_account": row.other_account_id,
        "other_name": row.other_name,
        "from_name": eyes.territory_name(row.from_territory),
        "to_name": eyes.territory_name(row.to_territory),
        "rep_name": eyes.rep_name(row.rep_id),
        "reason": row.reason,
        "opened_at": row.opened_at,
        "opened_by_name": _person(eyes, row),
        "is_mine": row.opened_by is not None and row.opened_by == eyes.actor.user_id,
        "due_on": row.due_on,
        "decided_at": row.decided_at,
        "decided_by_name": "Policy" if row.is_automatic else row.decided_by_name,
        "decision": row.decision,
        "is_automatic": row.is_automatic,
    }


def _person(eyes: Viewing, row: ChallengeRow) -> str | None:
    if eyes.sees_all or row.opened_by == eyes.actor.user_id or eyes.rep_name(row.rep_id) == row.rep_name:
        return row.opened_by_name
    return "A colleague"


def listed(services: Services, actor: Actor, key: str) -> list[dict[str, Any]]:
    """Return the challenges the actor may see, the newest first, as ``facts`` has them, with ``n_comments`` and
    ``clashes`` (how many open ones want the same account)."""
    eyes = viewing(services, actor, key)
    every = services.reviews.challenges(eyes.model.id)
    clashes = clashing(every)
    shown = [row for row in every if is_visible(services, eyes, row)]
    counts: dict[int, int] = {}
    for one in services.reviews.comments([row.id for row in shown]):
        counts[one.challenge_id] = counts.get(one.challenge_id, 0) + 1
    return [
        facts(services, eyes, row) | {"n_comments": counts.get(row.id, 0), "clashes": len(clashes[row.id])}
        for row in shown
    ]


def clashing(rows: Iterable[ChallengeRow]) -> dict[int, set[int]]:
    """Return challenge id -> other open challenges about one of its accounts."""
    every = list(rows)
    by_account: dict[int, set[int]] = {}
    for row in every:
        if row.state == "open":
            for account in row.accounts:
                by_account.setdefault(account, set()).add(row.id)
    return {
        row.id: {other for account in row.accounts for other in by_account.get(account, ())} - {row.id}
        if row.state == "open"
        else set()
        for row in every
    }
