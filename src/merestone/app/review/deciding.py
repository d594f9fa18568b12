"""Decisions on challenges: by people who may, by policy, or by the calendar.

Accepting edits the model in the same transaction: the account is named in the territory it shall be in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.notices import tell
from merestone.app.policy import SYSTEM, Actor, Right
from merestone.app.ports_review import ChallengeRow
from merestone.app.review import challenges
from merestone.app.review.approvals import day_of, managers_of, void_touched
from merestone.app.review.drafts import Draft
from merestone.app.review.policies import AcceptRule, challenge_policy
from merestone.app.review.seeing import Picture, pictured
from merestone.app.review.viewing import Viewing, viewing
from merestone.app.rulebook import company_fields, rule_book
from merestone.app.services import Services
from merestone.base.errors import ConflictError, ForbiddenError, NotFoundError
from merestone.core.criteria.values import fold
from merestone.core.model.territory import TerritoryModelDocument, TerritoryNode
from merestone.core.rules.document import read_document, write_document

POLICY = Actor(role="admin", label="policy")
MONTH_DAYS = 365.25 / 12


def decide(
    services: Services, actor: Actor, key: str, number: int, *, accept: bool, note: str = ""
) -> dict[str, object]:
    """Accept or reject a challenge; accepting edits the model. Returns ``state`` and ``voided`` (approvals).

    Raises
    ------
    ForbiddenError
        Unless the actor plans, or manages both sides; nobody decides what they asked for themselves.
    ConflictError
        ``already-decided``, ``challenge-expired``, ``review-closed``; ``challenge-moot`` when naming the account has
        no effect.
    """
    eyes = viewing(services, actor, key)
    with services.records.transaction(actor, cause=f"decide challenge {number} of {key}"):
        row = challenges.held(services, eyes, number)
        require_decider(services, eyes, row)
        return _decided(services, actor, key, row, accept=accept, note=note.strip())


def may_decide(services: Services, eyes: Viewing, row: ChallengeRow) -> bool:
    """Return whether the viewer may decide a challenge: who plans, or manages both sides, and did not ask for it."""
    if row.opened_by is not None and row.opened_by == eyes.actor.user_id:
        return False
    if eyes.sees_all:
        return eyes.actor.can(Right.PLAN)
    if not eyes.actor.can(Right.APPROVE):
        return False
    person = next((one for one in services.reviews.people() if one.user_id == eyes.actor.user_id), None)
    if person is None or person.rep is None:
        return False
    document, day = eyes.document, day_of(services, eyes.document)
    sides = (row.from_territory, row.to_territory)
    return all(key in document.tree.nodes and manages(document, key, day, person.rep) for key in sides)


def manages(document: TerritoryModelDocument, key: str, day: object, rep: str) -> bool:
    """Return whether a rep manages a territory or one above it."""
    return any(
        member.role == "manager" and member.rep.lower() == rep and member.is_active(day)  # type: ignore[arg-type]
        for node in document.tree.path(key)
        for member in node.members
    )


def require_decider(services: Services, eyes: Viewing, row: ChallengeRow) -> None:
    """Raise ForbiddenError unless the viewer may decide a challenge."""
    if may_decide(services, eyes, row):
        return
    if row.opened_by is not None and row.opened_by == eyes.actor.user_id:
        raise ForbiddenError(
            "Nobody decides what they asked for themselves.", fix="Ask somebody else who may."
        )
    raise ForbiddenError("You do not decide this challenge.", fix="Those who plan, or manage both sides, do.")


def _decided(
    services: Services,
    actor: Actor,
    key: str,
    row: ChallengeRow,
    *,
    accept: bool,
    note: str,
    is_automatic: bool = False,
) -> dict[str, object]:
    challenges.refuse_decided(services, row)
    model, loaded = services.reviews.model(key), services.models.load(key)
    if model is None or loaded is None:
        raise NotFoundError(f"There is no territory model '{key}'.")
    if model.state != "in_review":
        raise ConflictError(
            f"The model '{key}' is {model.state.replace('_', ' ')}, not in review.", code="review-closed"
        )
    voided = 0
    if accept:
        document = accepted(services, loaded[1], row)
        if document != loaded[1]:
            services.models.save(document, actor=actor)
            voided = void_touched(
                services, key, because=f"Challenge {row.id} was accepted: {challenges.what(row)}."
            )
    state = "accepted" if accept else "rejected"
    services.reviews.decide(
        row.id, state, at=services.clock.now(), by=actor.user_id, note=note[: challenges.MAX_WORDS],
        is_automatic=is_automatic,
    )  # fmt: skip
    eyes = viewing(services, SYSTEM, key)
    tell(
        services,
        challenges.concerned_users(services, eyes, row) - {actor.user_id},
        kind="challenge",
        text=f"{state.capitalize()}{' by policy' if is_automatic else ''}: {challenges.what(row)}.",
        url=f"/review/{key}/challenges/{row.id}/",
        key=f"challenge:{row.id}:{state}",
    )
    return {"id": row.id, "state": state, "voided": voided}


def accepted(
    services: Services, document: TerritoryModelDocument, row: ChallengeRow
) -> TerritoryModelDocument:
    """Return the document with the challenge's accounts named where it wants them.

    Raises
    ------
    ConflictError
        ``challenge-moot`` when a territory is gone, or the accounts would not end up there even so.
    """
    wanted = {row.account_external_id: row.to_territory}
    if row.other_account_id is not None:
        wanted[row.other_external_id] = row.from_territory
    named = {fold(external_id): key for external_id, key in wanted.items() if external_id and key}
    gone = [key for key in wanted.values() if key not in document.tree.nodes]
    if gone or len(named) < len(wanted):
        raise _moot("A territory of it is no longer in the model.")
    primary = {kind.key for kind in document.types if kind.is_primary}
    spelt = {fold(text): text for text in wanted if text}
    nodes = tuple(
        _named(node, named, spelt) if node.type in primary else node for node in document.territories
    )
    fields = company_fields(services.records)
    new = read_document(write_document(replace(document, territories=nodes)), fields=fields)
    _require_effect(services, new, row, named)
    return new


def _named(node: TerritoryNode, named: Mapping[str, str], spelt: Mapping[str, str]) -> TerritoryNode:
    own = {key for key, place in named.items() if place == node.key}
    kept = tuple(text for text in node.named if fold(text) not in named or fold(text) in own)
    new = tuple(spelt[key] for key in sorted(own - {fold(text) for text in kept}))
    exclude = tuple(text for text in node.exclude if fold(text) not in own)
    if (kept, new, exclude) == (node.named, (), node.exclude):
        return node
    return replace(node, named=(*kept, *new), exclude=exclude)


def _require_effect(
    services: Services, document: TerritoryModelDocument, row: ChallengeRow, named: Mapping[str, str]
) -> None:
    book = rule_book(services, document)
    accounts = services.book.accounts()
    chosen = accounts.filter(pc.is_in(accounts["id"], value_set=pa.array(row.accounts, pa.int64())))
    found = services.matcher.compile(book.ruleset).match(chosen)
    ended = dict(zip(found["id"].to_pylist(), found["territory"].to_pylist(), strict=True))
    wanted = {row.account_id: row.to_territory}
    if row.other_account_id is not None:
        wanted[row.other_account_id] = row.from_territory
    if any(ended.get(account) != key for account, key in wanted.items()):
        raise _moot(f"Naming {' and '.join(sorted(named))} has no effect.")


def _moot(why: str) -> ConflictError:
    return ConflictError(
        f"The challenge cannot be accepted any more. {why}",
        code="challenge-moot",
        fix="Reject it, and edit the model.",
    )


def send(services: Services, actor: Actor, key: str, draft: Draft) -> dict[str, object]:
    """Send a challenge, and accept it at once where the model's policy says so; returns ``id`` and ``state``.

    Raises what ``challenges.challenge`` does.
    """
    number = challenges.challenge(services, actor, key, draft)
    return {"id": number, "state": "accepted" if settle(services, key, number) else "open"}


def speak(
    services: Services, actor: Actor, key: str, number: int, *, text: str, stance: str = ""
) -> dict[str, object]:
    """Add a word to a discussion; where the managers of both sides now agree, policy may accept the challenge."""
    challenges.comment(services, actor, key, number, text=text, stance=stance)
    is_settled = stance == "for" and settle(services, key, number)
    return {"id": number, "is_settled": bool(is_settled)}


def settle(services: Services, key: str, number: int) -> bool:
    """Accept a challenge if a rule of the model's policy says so; returns whether it did.

    The policy decides, not who asked: it is nobody's edit, and keeps nobody from approving.
    """
    eyes = viewing(services, SYSTEM, key)
    rules = challenge_policy(eyes.model.policies).accept
    if not rules:
        return False
    row = services.reviews.challenge(number)
    if row is None or row.state != "open" or not eyes.is_open:
        return False
    found = pictured(services, eyes)
    rule = next((rule for rule in rules if _holds(services, found, row, rule)), None)
    if rule is None:
        return False
    with services.records.transaction(POLICY, cause=f"challenge {number} of {key} accepted by policy"):
        services.records.take_turn("accounts")
        again = services.reviews.challenge(number, lock=True)
        if again is None or again.state != "open":
            return False
        try:
            _decided(services, POLICY, key, again, accept=True, note=_why(rule), is_automatic=True)
        except ConflictError:  # a person decides
            return False
    return True


def _holds(services: Services, found: Picture, row: ChallengeRow, rule: AcceptRule) -> bool:
    if row.kind not in rule.kinds:
        return False
    if rule.effect_within is not None and challenges.effect_of(found, row).share > rule.effect_within:
        return False
    if rule.late_stage and not services.reviews.open_work([row.account_id]).get(row.account_id, (0, 0))[1]:
        return False
    if rule.owned_months is not None and not _owned_for(services, row, rule.owned_months):
        return False
    return not rule.managers_agree or _agree(services, found.viewing, row)


def _owned_for(services: Services, row: ChallengeRow, months: int) -> bool:
    held = services.reviews.owned_since([row.account_id]).get(row.account_id)
    if held is None or held[0] != row.rep_id:
        return False
    return (services.clock.now() - held[1]).days >= months * MONTH_DAYS


def _agree(services: Services, eyes: Viewing, row: ChallengeRow) -> bool:
    """Return whether a manager of either side has spoken for it last, and none against it."""
    last = {one.user_id: one.stance for one in services.reviews.comments([row.id]) if one.stance}
    if "against" in last.values():
        return False
    labels = {person.user_id: person.rep for person in services.reviews.people()}
    speakers = {labels.get(user_id) for user_id, stance in last.items() if stance == "for" and user_id}
    document, day = eyes.document, day_of(services, eyes.document)
    return all(
        key in document.tree.nodes and bool(managers_of(document, key, day) & speakers)
        for key in (row.from_territory, row.to_territory)
    )


def _why(rule: AcceptRule) -> str:
    parts = []
    if rule.late_stage:
        parts.append("an opportunity is in a late stage")
    if rule.owned_months is not None:
        parts.append(f"the rep has owned it for {rule.owned_months} months")
    if rule.managers_agree:
        parts.append("the managers of both sides agree")
    if rule.effect_within is not None:
        parts.append(f"the balance changes by at most {rule.effect_within:.1%}")
    return f"Accepted by policy: {', '.join(parts)}."


def expire(services: Services) -> int:
    """End the open challenges nobody decided in time; returns how many. For the worker."""
    today = services.clock.today()
    if not services.reviews.overdue(today):
        return 0
    n_ended = 0
    with services.records.transaction(SYSTEM, cause="challenges expired"):
        services.records.take_turn("accounts")
        for row in services.reviews.overdue(today):
            again = services.reviews.challenge(row.id, lock=True)
            if again is None or again.state != "open":
                continue
            services.reviews.decide(
                row.id, "expired", at=services.clock.now(), by=None, note="Nobody decided it in time.",
                is_automatic=True,
            )  # fmt: skip
            n_ended += 1
            tell(
                services,
                [row.opened_by],
                kind="challenge",
                text=f"Nobody decided your challenge in time: {challenges.what(row)}.",
                url="/notices/",
                key=f"challenge:{row.id}:expired",
            )
    return n_ended


__all__ = ["accepted", "decide", "expire", "may_decide", "send", "settle", "speak"]
