"""What would move if a model were published: looked at before it is applied, applied only as it was looked at.

``preview`` writes nothing and blocks nobody. The fingerprint of what it answers goes into ``lifecycle.publish``, which
refuses when anything would move otherwise by now.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.access.places import planned, plans_whole
from merestone.app.difference.answer import Difference, Summary
from merestone.app.difference.comparing import Sides, plain
from merestone.app.difference.limited import limited, sight_of
from merestone.app.difference.owners import Reps, owners_of, with_lasting_names
from merestone.app.difference.reasons import Move, Reasons
from merestone.app.matched import placed
from merestone.app.places import Places, Vocabulary, open_places, ruled_places
from merestone.app.policy import Actor, Right
from merestone.app.rulebook import RuleBook, company_fields, rule_book
from merestone.app.services import Services
from merestone.base.errors import ForbiddenError, NotFoundError
from merestone.core.model.territory import TerritoryModelDocument
from merestone.core.rules.document import read_document

__all__ = ["Difference", "Side", "Sides", "Summary", "compared", "preview"]

Model = Mapping[str, Any] | str
"""A model document's plain data, or the key of a model."""


def preview(services: Services, actor: Actor, new: Model, *, base: Model | None = None) -> Difference:
    """Return what would move if ``new`` were published.

    Every account counts; whoever plans a part is told of the accounts they see only (``limited``). Locked ones stay, and are told; those moved by hand are placed by rule, as publishing does.

    Parameters
    ----------
    new : mapping or str
        A document or the key of a model.
    base : mapping or str, optional
        Compare with what this document or model would do on the same accounts; default: with where the accounts are
        now.

    Raises
    ------
    ForbiddenError
        For those who plan no part of the model.
    InvalidInputError
        With every problem of a document at once.
    NotFoundError
        When there is no model of a key.
    """
    actor.require(Right.MANAGE_RULES)
    sight = (
        None if plans_whole(actor) else sight_of(services, actor, _kept_models(services, actor, new, base))
    )
    reps = Reps(services.models.reps())
    after = _side(services, new, reps)
    before = _active_side(services, new, reps) if base is None else _side(services, base, reps)
    found, sides = compared(services, before, after, reps=reps, is_live=base is None)
    return found if sight is None else limited(found, sides, sight)[0]


def _kept_models(
    services: Services, actor: Actor, new: Model, base: Model | None
) -> list[TerritoryModelDocument]:
    """Return the kept models that are compared: what somebody may plan is what is kept, not what they send."""
    found = []
    for model in (new, base):
        key = model if isinstance(model, str) or model is None else _key_of(model)
        loaded = services.models.active() if key is None else services.models.load(key)
        if loaded is not None:
            found.append(loaded[1])
            if isinstance(model, Mapping):
                _refuse_outside(services, actor, model, loaded[1])
        elif isinstance(model, Mapping):
            raise ForbiddenError("A new model is tried by those who plan the whole company.")
    return found


def _key_of(data: Mapping[str, Any]) -> str:
    said = data.get("model")
    return str(said.get("key", "")) if isinstance(said, Mapping) else ""


def _refuse_outside(
    services: Services, actor: Actor, data: Mapping[str, Any], kept: TerritoryModelDocument
) -> None:
    """Raise ForbiddenError when a document says something else than the kept model of what the actor does not plan."""
    mine = planned(services, actor, kept)
    sent = read_document(data, fields=company_fields(services.records))
    was, now = kept.tree.nodes, sent.tree.nodes
    others = (was.keys() | now.keys()) - mine
    added = {key for key in others - was.keys() if mine & {node.key for node in sent.tree.path(key)}}
    if any(was.get(key) != now.get(key) for key in others - added):
        raise ForbiddenError("The document changes what lies outside the part of the tree you plan.")
    if any(was[key].members != now[key].members for key in mine & now.keys()) or any(
        now[key].members for key in added
    ):
        raise ForbiddenError("Who is a member is not tried here.", fix="Change the members of the model.")


@dataclass(frozen=True)
class Side:
    """One of the two models compared.

    Parameters
    ----------
    book : RuleBook
    owners : mapping of str to int
        Territory key -> rep id of today's owner.
    stays : bool
        Everything stays as it is, whatever the rules say.
    """

    book: RuleBook
    owners: Mapping[str, int]
    stays: bool = False


def _active_side(services: Services, new: Model, reps: Reps) -> Side | None:
    active = services.models.active()
    if active is None:
        return None
    # Publishing the active model changes nothing.
    return Side(
        rule_book(services, active[1]), owners_of(services, active[1], reps), stays=new == active[1].key
    )


def _side(services: Services, model: Model, reps: Reps) -> Side:
    if isinstance(model, str):
        found = services.models.load(model)
        if found is None:
            raise NotFoundError(
                f"There is no territory model '{model}'.", fix="`merestone model list` shows all."
            )
        document = found[1]
    else:
        read = read_document(model, fields=company_fields(services.records))
        document = with_lasting_names(read, reps)
    book = rule_book(services, document)
    return Side(book, owners_of(services, document, reps))


def compared(
    services: Services, old: Side | None, new: Side, *, reps: Reps, is_live: bool
) -> tuple[Difference, Sides]:
    """Return what differs, and where every account is on either side; who may ask is the caller's business."""
    accounts = services.book.accounts()
    ids = plain(accounts["id"])
    # Between two documents, where the accounts are now counts for locked ones only.
    opened = services.associations.open_now(
        "accounts", ids=None if is_live else services.associations.locked()
    )
    vocabulary = Vocabulary.of(
        (rule.key for rule in new.book.ruleset.rules),
        (rule.key for rule in old.book.ruleset.rules) if old else (),
        pc.unique(opened["territory"]).to_pylist(),
    )
    now = open_places(opened, ids, vocabulary)
    locked = np.asarray(pc.is_in(ids, value_set=plain(opened.filter(opened["is_locked"])["record"])))
    was = None
    if old is not None:
        was = ruled_places(placed(services, old.book, accounts), old.owners, vocabulary)
    near = old.book if old is not None else None
    ruled = ruled_places(placed(services, new.book, accounts, near=near), new.owners, vocabulary)
    before = now if is_live or was is None else was.but(now, locked)
    after = now if old is not None and old.stays else ruled.but(now, locked)
    sides = Sides(
        accounts, before, after, vocabulary, _names(old.book) if old else {}, _names(new.book), reps.names
    )
    answer = _answer(services, sides, old, new, ruled=ruled, was=was, locked=locked, is_live=is_live)
    return answer, sides


def _answer(
    services: Services,
    sides: Sides,
    old: Side | None,
    new: Side,
    *,
    ruled: Places,
    was: Places | None,
    locked: np.ndarray,
    is_live: bool,
) -> Difference:
    gained, lost = sides.overlays()
    has_overlay = np.zeros(len(locked), dtype=bool)
    has_overlay[np.concatenate([gained, lost])[:, 0]] = True
    rows = sides.biggest_first(np.flatnonzero(sides.moved() | has_overlay))
    told = np.flatnonzero(locked & (ruled.territory != sides.before.territory))
    why = _sentences(services, sides, old, new, rows=rows, overlays=(gained, lost), was=was)
    table = sides.rows(rows, gained, lost, why=why)
    return Difference(
        model=new.book.document.key,
        base=old.book.document.key if old else None,
        is_live=is_live,
        rows=table,
        held=sides.held(told, ruled),
        pairs=sides.pairs(),
        territories=sides.territories(),
        reps=sides.by_rep(),
        summary=sides.summary(n_held=len(told), n_overlays=int(has_overlay.sum())),
        fingerprint=_fingerprint(sides, new.book, rows=rows, overlays=(gained, lost)),
    )


def _sentences(
    services: Services,
    sides: Sides,
    old: Side | None,
    new: Side,
    *,
    rows: np.ndarray,
    overlays: tuple[np.ndarray, np.ndarray],
    was: Places | None,
) -> pa.Array:
    """Return why each of ``rows`` moves; one sentence per distinct case."""
    if not len(rows):
        return pa.array([], pa.string())
    table = sides.accounts.take(pa.array(rows, pa.int64()))
    still = _claims(services, new.book, table, sides.before.territory[rows], sides.vocabulary)
    matched = _claims(
        services, old.book if old else None, table, sides.after.territory[rows], sides.vocabulary
    )
    won = np.zeros(len(rows), bool) if was is None else was.territory[rows] == sides.after.territory[rows]
    lists = [
        sides.overlay_lists(rows, these, others).to_pylist()
        for these, others in (overlays, reversed(overlays))
    ]
    columns = [
        sides.vocabulary.texts(sides.before.territory[rows]).to_pylist(),
        sides.vocabulary.texts(sides.after.territory[rows]).to_pylist(),
        _ids(sides.before.owner[rows]),
        _ids(sides.after.owner[rows]),
        sides.before.cause.take(pa.array(rows, pa.int64())).to_pylist(),
        sides.after.cause.take(pa.array(rows, pa.int64())).to_pylist(),
        still.tolist(),
        matched.tolist(),
        won.tolist(),
        *(map(tuple, found) for found in lists),
    ]
    reasons = Reasons(old.book if old else None, new.book, dict(sides.reps))
    known: dict[Move, str] = {}
    for move in (moves := [Move(*values) for values in zip(*columns, strict=True)]):
        if move not in known:
            known[move] = reasons.say(move)
    return pa.array([known[move] for move in moves], pa.string())


def _claims(
    services: Services,
    book: RuleBook | None,
    table: pa.Table,
    territory: np.ndarray,
    vocabulary: Vocabulary,
) -> np.ndarray:
    """Return, per row, whether the rules match it to this territory, winning or not."""
    if book is None:
        return np.zeros(len(territory), dtype=bool)
    matches = services.matcher.compile(book.ruleset).every_match(table)
    n = len(vocabulary.keys) + 1
    pairs = np.asarray(matches["row"]) * n + vocabulary.codes(matches["territory"])
    return np.isin(np.arange(len(territory)) * n + territory, pairs) & (territory >= 0)


def _fingerprint(
    sides: Sides, book: RuleBook, *, rows: np.ndarray, overlays: tuple[np.ndarray, np.ndarray]
) -> str:
    """Return the digest of the new document and of everything that would move from where to where."""
    digest = hashlib.sha256(book.digest.encode())
    order = np.sort(rows)
    digest.update(np.asarray(plain(sides.accounts["id"]).take(pa.array(order, pa.int64()))).tobytes())
    for places in (sides.before, sides.after):
        keys = sides.vocabulary.texts(places.territory[order]).fill_null("")
        digest.update("\x1f".join(keys.to_pylist()).encode())
        digest.update(places.owner[order].tobytes())
    ids = plain(sides.accounts["id"])
    for found in overlays:
        lines = sorted(
            (ids[row].as_py(), sides.vocabulary.keys[territory], owner)
            for row, territory, owner in found.tolist()
        )
        digest.update(repr(lines).encode())
    return digest.hexdigest()


def _names(book: RuleBook) -> dict[str, str]:
    return {rule.key: rule.name for rule in book.ruleset.rules}


def _ids(owners: np.ndarray) -> list[int | None]:
    return [None if owner < 0 else owner for owner in owners.tolist()]
