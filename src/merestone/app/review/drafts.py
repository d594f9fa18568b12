"""A challenge before it is sent: checked, with where it would put its accounts and what that does to the balance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from merestone.app.difference.owners import Reps, owners_of
from merestone.app.review.approvals import day_of
from merestone.app.review.loads import Effect, effect
from merestone.app.review.seeing import Picture
from merestone.app.review.viewing import SOMEBODY
from merestone.app.services import Services
from merestone.base.errors import InvalidInputError, NotFoundError, Problem

KINDS = ("keep", "give", "swap")
MAX_REASON = 4_000
OTHER_SIDE = "The other side"


@dataclass(frozen=True, slots=True)
class Draft:
    """What a challenge asks for.

    Parameters
    ----------
    kind : str
        ``keep`` an account one would lose, ``give`` me one the model gives to somebody else, ``swap`` it for another.
    account_id, other_account_id : int
        The account wanted, and with ``swap`` the one given in return.
    to_territory : str or None
        Where the account shall be; None: the rep's own, where there is only one that fits.
    rep_id : int or None
        For whom; None: the one who asks.
    """

    kind: str
    account_id: int
    other_account_id: int | None = None
    to_territory: str | None = None
    rep_id: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Sketch:
    """A draft that holds, with what it would do.

    Parameters
    ----------
    from_territory, to_territory : str or None
        Where the model places the account, and where the challenge would.
    from_owner, rep_id : int or None
        Who would have it in the model, and with the challenge.
    """

    draft: Draft
    from_territory: str | None
    to_territory: str
    from_owner: int | None
    rep_id: int
    effect: Effect


@dataclass(frozen=True, slots=True)
class Where:
    """An account's place today, and in the model."""

    external_id: str | None
    now: str | None
    then: str | None
    is_locked: bool


def places_of(services: Services, picture: Picture, ids: Iterable[int]) -> dict[int, Where]:
    """Return where these accounts are and would be."""
    wanted = sorted(set(ids))
    opened = services.associations.open_now("accounts", ids=wanted)
    now = {row["record"]: row for row in opened.filter(opened["is_primary"]).to_pylist()}
    rows = picture.difference.rows.select(["id", "to_territory"]).to_pylist()
    then = {row["id"]: row["to_territory"] for row in rows if row["id"] in set(wanted)}
    names = services.records.snapshot("accounts", columns=["external_id"], ids=wanted)
    return {
        pk: Where(
            external_id,
            (here := now.get(pk, {})).get("territory"),
            then.get(pk, here.get("territory")),
            bool(here.get("is_locked")),
        )
        for pk, external_id in zip(names["id"].to_pylist(), names["external_id"].to_pylist(), strict=True)
    }


def sketch(services: Services, picture: Picture, draft: Draft) -> Sketch:
    """Return what a draft would do.

    Raises
    ------
    NotFoundError
        When an account does not exist or does not concern the actor: the two read the same.
    InvalidInputError
        ``bad-challenge`` with everything that does not fit.
    """
    eyes, loads = picture.viewing, picture.loads
    ids = [one for one in (draft.account_id, draft.other_account_id) if one is not None]
    require_visible(services, picture, ids)
    rep_id = draft.rep_id if draft.rep_id is not None else eyes.actor.rep_id
    if rep_id is None or not _may_ask_for(picture, rep_id):
        raise InvalidInputError(
            "The challenge was not sent.",
            [Problem("bad-challenge", "It is not said for whom.", "Name a rep of yours.", where="rep")],
            code="bad-challenge",
        )
    where = places_of(services, picture, ids)
    problems = _problems(draft, picture, rep_id=rep_id, where=where)
    owners = owners_of(
        services, eyes.document, Reps(services.models.reps()), day=day_of(services, eyes.document)
    )
    target = _target(picture, draft, rep_id=rep_id, owners=owners, where=where)
    if target is None:
        problems.append(
            Problem(
                "bad-challenge",
                "It is not clear into which territory the account shall go.",
                "Name one the rep owns in this model.",
                where="to_territory",
            )
        )
    if problems or target is None:
        raise InvalidInputError("The challenge was not sent.", problems, code="bad-challenge")
    moves: dict[int, int | None] = {draft.account_id: rep_id}
    owner = loads.owner_then(draft.account_id)
    if draft.other_account_id is not None:
        moves[draft.other_account_id] = owner
    return Sketch(draft, where[draft.account_id].then, target, owner, rep_id, effect(loads, moves))


def require_visible(services: Services, picture: Picture, ids: Iterable[int]) -> None:
    """Raise NotFoundError unless each account concerns the viewer, or is theirs to see anyway."""
    concerned = set(picture.moves["id"].to_pylist())
    others = [pk for pk in ids if pk not in concerned]
    if others and set(others) - services.visibility.visible_ids(picture.viewing.actor, "accounts", others):
        raise NotFoundError("There is no such account.")


def _may_ask_for(picture: Picture, rep_id: int) -> bool:
    eyes = picture.viewing
    if eyes.sees_all:
        return rep_id in eyes.names
    return rep_id == eyes.actor.rep_id or (eyes.is_wide and rep_id in eyes.reps)


def _problems(draft: Draft, picture: Picture, *, rep_id: int, where: Mapping[int, Where]) -> list[Problem]:
    loads = picture.loads
    found: list[Problem] = []

    def bad(at: str, message: str, fix: str) -> None:
        found.append(Problem("bad-challenge", message, fix, where=at))

    if draft.kind not in KINDS:
        bad("kind", f"'{draft.kind[:40]}' is no kind of challenge.", f"Use {', '.join(KINDS)}.")
    if not draft.reason.strip():
        bad("reason", "There is no reason.", "Say why: whoever decides reads it.")
    if len(draft.reason) > MAX_REASON:
        bad("reason", "The reason is too long.", f"Use at most {MAX_REASON:,} letters.")
    if loads.owner_then(draft.account_id) == rep_id:
        bad("account", "The model gives this account to the rep already.", "Choose another account.")
    if draft.kind == "keep" and loads.owner_now(draft.account_id) != rep_id:
        bad("account", "Only the present owner can keep an account.", "Ask to be given it instead.")
    if draft.kind != "swap" and draft.other_account_id is not None:
        bad("other_account", "Only a swap gives something in return.", "Leave it out, or make it a swap.")
    if draft.kind == "swap":
        if draft.other_account_id is None:
            bad("other_account", "Nothing is given in return.", "Name an account the model gives to the rep.")
        elif loads.owner_then(draft.other_account_id) != rep_id:
            bad("other_account", "The model does not give this account to the rep.", "Give another one.")
        elif where[draft.account_id].then is None or loads.owner_then(draft.account_id) is None:
            bad("account", "Nobody has it in the model, so nobody can swap.", "Ask to be given it.")
    for place in where.values():
        if place.is_locked:
            bad(
                "account", "The account is locked: it stays, whatever a model says.", "Have the lock removed."
            )
        if not place.external_id:
            bad("account", "The account has no external id, so no model can name it.", "Give it one first.")
    return found


def _target(
    picture: Picture,
    draft: Draft,
    *,
    rep_id: int,
    owners: Mapping[str, int],
    where: Mapping[int, Where],
) -> str | None:
    """Return where the account shall go: where it was, or the one territory that fits."""
    document = picture.viewing.document
    primary = {kind.key for kind in document.types if kind.is_primary}
    own = [
        node.key for node in document.territories if owners.get(node.key) == rep_id and node.type in primary
    ]
    if draft.to_territory is not None:
        return draft.to_territory if draft.to_territory in own else None
    if draft.kind == "keep" and (was := where[draft.account_id].now) in own:
        return was
    if draft.other_account_id is not None and (given := where[draft.other_account_id].then) in own:
        return given
    return own[0] if len(own) == 1 else None


def told_effect(picture: Picture, found: Effect, *, mine: int | None) -> dict[str, Any]:
    """Return an effect as far as the viewer may weigh people: of others only the index to the mean."""
    eyes = picture.viewing
    weighed = {one["rep"] for one in picture.balance}
    sides = []
    for side in found.sides:
        is_known = side.rep_id in weighed or side.rep_id == eyes.actor.rep_id
        names = None if is_known else [name for name in side.without if name.endswith("_index")]
        name = eyes.rep_name(side.rep_id)
        sides.append(
            {
                "name": OTHER_SIDE if name == SOMEBODY else name,
                "is_mine": side.rep_id == mine,
                "without": {key: side.without[key] for key in names or side.without if key != "rep"},
                "with": {key: side.with_it[key] for key in names or side.with_it if key != "rep"},
            }
        )
    sides.sort(key=lambda one: not one["is_mine"])
    return {"share": round(found.share, 4), "sides": sides}
