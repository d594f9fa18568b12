"""Assignment of accounts: match → winner → owner or queue, each with its reason; manual moves, locks.

Every account always has its open association: ``place_accounts`` runs inside the transaction of whatever made or
changed accounts (import, edit, publish).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.access.places import require_records, require_territory
from merestone.app.matched import placed
from merestone.app.places import NOWHERE, Vocabulary, open_places, overlays_only_in, ruled_places
from merestone.app.policy import Actor, Right
from merestone.app.rulebook import RuleBook, rule_book
from merestone.app.services import Services
from merestone.base.errors import ConflictError, InvalidInputError, NotFoundError, Problem
from merestone.core.model.team import owner_on
from merestone.core.model.territory import TerritoryModelDocument

DESIRED = pa.schema(
    [
        ("record", pa.int64()),
        ("territory", pa.string()),
        ("owner", pa.int64()),
        ("is_primary", pa.bool_()),
        ("cause", pa.string()),
        ("reason", pa.string()),
    ]
)
"""What ``Associations.replace`` takes."""

Seen = tuple[str | None, int | None]
"""Where somebody saw an account: key of its territory, id of its owner."""
MAX_TOLD = 100

RANK_WORDS = {
    "priority": "its priority is lower in number",
    "depth": "it lies deeper in the tree",
    "criteria": "its rules are more specific",
    "key": "its key comes first (a tie: set a priority)",
}


def run_rules(services: Services, actor: Actor, *, ids: Iterable[int] | None = None) -> dict[str, int]:
    """Match accounts to the active model and write what differs.

    Parameters
    ----------
    ids : iterable of int, optional
        Only these accounts; default all.

    Returns
    -------
    dict
        ``accounts`` looked at, ``changed`` associations, ``queued`` accounts without owner afterwards.
    """
    actor.require(Right.ASSIGN)
    if not actor.has(Right.ASSIGN, everywhere=True):
        ids = services.visibility.visible_ids(actor, "accounts", ids, right=Right.ASSIGN)
    with services.records.transaction(actor, cause="rule run"):
        return place_accounts(services, ids=ids)


def place_accounts(
    services: Services,
    *,
    ids: Iterable[int] | None = None,
    at: datetime | None = None,
    keep_manual: bool = True,
    near: TerritoryModelDocument | None = None,
    opened: pa.Table | None = None,
) -> dict[str, int]:
    """Give the accounts their place by rule; the caller holds the transaction.

    Locked accounts stay. Manual moves stay too unless ``keep_manual`` is false (a newly published model decides anew).
    Only associations that differ are written. An account whose place stays the same keeps its association, and with
    it the reason, cause and model of the day it came there: that is why it is there since then. What waits in the
    queue is told anew why.

    Parameters
    ----------
    near : TerritoryModelDocument, optional
        The model that was active before: only what the changed rules place differently is decided.
    opened : Table, optional
        What ``Associations.open_now`` gave of all accounts in this transaction and turn.
    """
    services.records.take_turn("accounts")
    at = at or services.clock.now()
    wanted = None if ids is None else list(ids)
    if opened is None:
        opened = services.associations.open_now("accounts", ids=wanted)
    table = services.book.accounts() if wanted is None else services.records.snapshot("accounts", ids=wanted)
    stays = kept_rows(opened, table["id"], keep_manual=keep_manual)
    active = services.models.active()
    if active is None:
        table = table.filter(pa.array(~stays))
        desired, model_id = unplaced(table["id"], "No territory model is active."), None
        changed = services.associations.replace("accounts", desired, at=at, model_id=model_id)
        return {"accounts": table.num_rows, "changed": changed, "queued": table.num_rows}
    model_id, document = active
    book = rule_book(services, document)
    if wanted is None:
        matched = placed(services, book, table, near=None if near is None else rule_book(services, near))
    else:
        matched = services.matcher.match(book.ruleset, table)
    owners = owners_today(services)
    after = Moves.of(opened, table["id"], matched, {key: rep_id for key, (rep_id, _) in owners.items()})
    rows = np.flatnonzero(~stays & after.to_write)
    desired = desired_places(services, book, table.take(pa.array(rows)), owners=owners)
    changed = services.associations.replace("accounts", desired, at=at, model_id=model_id, standing=opened)
    return {
        "accounts": int((~stays).sum()),
        "changed": changed,
        "queued": int((after.is_queued & ~stays).sum()),
    }


@dataclass(frozen=True)
class Moves:
    """What rules would have differently from what stands.

    Parameters
    ----------
    to_write : array of bool, shape (n,)
        Accounts whose associations differ, and those waiting in the queue, who are told anew why.
    is_queued : array of bool, shape (n,)
        Accounts without owner afterwards.
    """

    to_write: np.ndarray
    is_queued: np.ndarray

    @classmethod
    def of(
        cls, opened: pa.Table, ids: pa.ChunkedArray, matched: pa.Table, owners: Mapping[str, int]
    ) -> Moves:
        """Compare the open associations with where the rules put these accounts."""
        keys = pc.unique(opened["territory"]).to_pylist(), pc.unique(matched["territory"]).to_pylist()
        overlays = pc.unique(pc.list_flatten(matched["overlays"])).to_pylist()
        vocabulary = Vocabulary.of(*keys, overlays)
        before = open_places(opened, ids.combine_chunks(), vocabulary)
        after = ruled_places(matched, owners, vocabulary)
        is_queued: np.ndarray = after.owner == NOWHERE
        differs = (before.territory != after.territory) | (before.owner != after.owner) | is_queued
        for overlays in (overlays_only_in(after, before), overlays_only_in(before, after)):
            differs[overlays[:, 0]] = True
        return cls(differs | pc.is_null(before.cause).to_numpy(zero_copy_only=False), is_queued)


def kept_rows(opened: pa.Table, ids: pa.ChunkedArray, *, keep_manual: bool) -> np.ndarray:
    """Return which accounts rules may not place: locked ones and those moved by hand."""
    stays = opened["is_locked"]
    if keep_manual:
        is_manual = pc.and_(pc.equal(opened["cause"], "manual"), opened["is_primary"])
        stays = pc.or_(stays, is_manual)
    kept = opened.filter(stays)["record"].combine_chunks()
    found: np.ndarray = pc.is_in(ids, value_set=kept).to_numpy(zero_copy_only=False)
    return found


def unplaced(record_ids: Any, sentence: str) -> pa.Table:
    """Return desired rows that put the records into the unassigned queue."""
    n = len(record_ids)
    reason = json.dumps({"sentence": sentence})
    return pa.table(
        [
            pa.chunked_array(record_ids) if isinstance(record_ids, list) else record_ids,
            pa.nulls(n, pa.string()),
            pa.nulls(n, pa.int64()),
            pa.repeat(True, n),
            pa.repeat("default", n),
            pa.repeat(reason, n),
        ],
        schema=DESIRED,
    )


def desired_places(
    services: Services,
    book: RuleBook,
    table: pa.Table,
    *,
    owners: Mapping[str, tuple[int, str]] | None = None,
) -> pa.Table:
    """Return where the active rules put each account, with owner and reason, primary and overlay."""
    matched = services.matcher.match(book.ruleset, table)
    owners = owners_today(services) if owners is None else owners
    primary = pa.table(
        {
            "record": table["id"],
            "territory": matched["territory"],
            "cause": pc.coalesce(matched["cause"], "default"),
            "runner_up": matched["runner_up"],
            "rank": matched["rank"],
        }
    )
    overlays = overlay_rows(table["id"], matched["overlays"])
    return pa.concat_tables(
        [
            with_owner_and_reason(primary, book, owners, is_primary=True),
            with_owner_and_reason(overlays, book, owners, is_primary=False),
        ]
    )


def overlay_rows(record_ids: pa.ChunkedArray, overlays: pa.ChunkedArray) -> pa.Table:
    """Return one row per (record, overlay territory)."""
    lists = overlays.combine_chunks()
    parents = pc.list_parent_indices(lists)
    n = len(parents)
    return pa.table(
        {
            "record": pc.take(record_ids, parents),
            "territory": pc.list_flatten(lists).cast(pa.string()),
            "cause": pa.repeat("rule", n),
            "runner_up": pa.nulls(n, pa.string()),
            "rank": pa.nulls(n, pa.string()),
        }
    )


def owners_today(services: Services) -> dict[str, tuple[int, str]]:
    """Return territory key -> (rep id, rep name) of today's owner member."""
    members = services.models.members()
    people = {
        row["rep"]: (row["rep_id"], row["rep_name"])
        for row in members.select(["rep", "rep_id", "rep_name"]).to_pylist()
    }
    owners = owner_on(members, services.clock.today())
    return {row["territory"]: people[row["owner"]] for row in owners.to_pylist()}


def with_owner_and_reason(
    places: pa.Table,
    book: RuleBook,
    owners: Mapping[str, tuple[int, str]],
    *,
    is_primary: bool,
) -> pa.Table:
    """Add owner and reason; reasons are written once per distinct outcome, not per record."""
    keys = ["territory", "cause", "runner_up", "rank"]
    outcomes = places.select(keys).group_by(keys).aggregate([]).to_pylist()
    rows = [
        {
            **outcome,
            "owner": owners.get(outcome["territory"] or "", (None, ""))[0],
            "reason": json.dumps(reason_of(outcome, book, owners)),
        }
        for outcome in outcomes
    ]
    known = pa.Table.from_pylist(
        rows,
        schema=pa.schema(
            [(key, pa.string()) for key in keys] + [("owner", pa.int64()), ("reason", pa.string())]
        ),
    )
    # Arrow joins treat null keys as unequal; a coded key keeps the queue's rows.
    left = places.append_column("outcome", outcome_key(places, keys))
    right = known.append_column("outcome", outcome_key(known, keys)).select(["outcome", "owner", "reason"])
    joined = left.join(right, "outcome").sort_by("record") if places.num_rows else left.join(right, "outcome")
    return pa.table(
        [
            joined["record"],
            joined["territory"],
            joined["owner"],
            pa.chunked_array([pa.repeat(is_primary, joined.num_rows)]),
            joined["cause"],
            joined["reason"],
        ],
        schema=DESIRED,
    )


def outcome_key(table: pa.Table, keys: Sequence[str]) -> pa.ChunkedArray:
    """Return one text per row naming its outcome."""
    return pc.binary_join_element_wise(
        *[pc.coalesce(table[key].cast(pa.string()), "") for key in keys], "\x1f"
    )


def reason_of(
    outcome: Mapping[str, Any], book: RuleBook, owners: Mapping[str, tuple[int, str]]
) -> dict[str, Any]:
    """Return the reason kept with an association: a sentence, and the facts it is made of."""
    key, runner_up = outcome["territory"], outcome["runner_up"]
    if key is None:
        return {"sentence": f"No territory of “{book.document.name}” matches.", "model": book.document.key}
    name, rule = book.name(key), book.clause(key)
    if outcome["cause"] == "named":
        sentence = f"Named in {name}."
    else:
        sentence = f"{name} matches: {rule}." if rule else f"{name} matches."
    if runner_up and runner_up not in book.ancestors(key):
        words = RANK_WORDS.get(outcome["rank"] or "", "it ranks first")
        sentence += f" {book.name(runner_up)} matches too, but {name} wins because {words}."
    rep_id, rep_name = owners.get(key, (None, ""))
    if rep_id is not None:
        sentence += f" {rep_name} owns the territory."
    else:
        sentence += " The territory has no owner today"
        sentence += ", so the account waits in the queue." if book.rules[key].is_primary else "."
    return {
        "sentence": sentence,
        "model": book.document.key,
        "territory": key,
        "runner_up": runner_up,
        "decided_by": outcome["rank"],
        "owner": rep_name or None,
    }


def move_accounts(
    services: Services,
    actor: Actor,
    ids: Sequence[int],
    *,
    territory: str | None,
    reason: str,
    seen: Mapping[int, Seen] | None = None,
    seen_digest: str | None = None,
) -> dict[str, int]:
    """Move accounts by hand into a territory, or (``None``) give them back to the rules.

    Manual moves stay through rule runs and imports of the same model.

    Parameters
    ----------
    seen : mapping, optional
        Account -> (territory, owner's id) as they were looked at: accounts that are elsewhere by now are not moved.
    seen_digest : str, optional
        ``places_digest`` of the accounts as they were looked at; for more of them than one would send one by one.

    Raises
    ------
    ConflictError
        ``places-changed`` with where they were seen and where they are: nothing is moved.
    NotFoundError
        When an account or the territory does not exist, or is hidden from the actor.
    InvalidInputError
        When accounts are locked, or the reason is missing: all at once, nothing is moved.
    """
    wanted = sorted(set(ids))
    require_records(services, actor, Right.ASSIGN, table="accounts", ids=wanted)
    if territory is not None:
        require_territory(services, actor, Right.ASSIGN, territory)
    if territory is not None and not reason.strip():
        problem = Problem(
            "missing-reason", "A move by hand needs a reason.", "Say why in a few words.", where="reason"
        )
        raise InvalidInputError("Nothing was moved.", [problem])
    with services.records.transaction(actor, cause="manual move"):
        services.records.take_turn("accounts")
        # Somebody may have taken them out of the actor's hands while we waited.
        require_records(services, actor, Right.ASSIGN, table="accounts", ids=wanted)
        refuse_other_places(services, {pk: place for pk, place in (seen or {}).items() if pk in set(wanted)})
        if seen_digest is not None and seen_digest != places_digest(services, wanted):
            raise ConflictError(
                "Some of these accounts were moved, or others were found, since the form was shown.",
                code="places-changed",
                fix="Choose them again, and look at where they are now.",
            )
        require_unlocked(services, wanted)
        if territory is None:
            return place_accounts(services, ids=wanted, keep_manual=False)
        active = services.models.active()
        rule = None if active is None else rule_book(services, active[1]).rules.get(territory)
        if active is None or rule is None:  # another model was published meanwhile
            raise NotFoundError(f"There is no territory '{territory}'.")
        if not rule.is_primary:
            problem = Problem(
                "overlay-territory",
                f"{rule.name} is an overlay: its rules alone say who is in it.",
                "Choose a primary territory.",
                where="territory",
            )
            raise InvalidInputError("Nothing was moved.", [problem])
        name = rule.name
        rep_id, rep_name = owners_today(services).get(territory, (None, ""))
        facts = {
            "sentence": f"Moved to {name} by hand: {reason.strip()}"
            + ("" if rep_id else " The territory has no owner today, so the account waits in the queue."),
            "model": active[1].key,
            "territory": territory,
            "by": actor.label,
            "owner": rep_name or None,
        }
        n_rows = len(wanted)
        primary = pa.table(
            {
                "record": pa.array(wanted, pa.int64()),
                "territory": pa.array([territory] * n_rows, pa.string()),
                "owner": pa.array([rep_id] * n_rows, pa.int64()),
                "is_primary": pa.array([True] * n_rows),
                "cause": pa.array(["manual"] * n_rows),
                "reason": pa.array([json.dumps(facts)] * n_rows),
            },
            schema=DESIRED,
        )
        table = services.records.snapshot("accounts", ids=wanted)
        ruled = desired_places(services, rule_book(services, active[1]), table)
        overlays = ruled.filter(pc.invert(ruled["is_primary"]))
        changed = services.associations.replace(
            "accounts", pa.concat_tables([primary, overlays]), at=services.clock.now(), model_id=active[0]
        )
    return {"accounts": n_rows, "changed": changed, "queued": 0 if rep_id else n_rows}


def lock_accounts(
    services: Services, actor: Actor, ids: Sequence[int], *, reason: str, until: date | None = None
) -> None:
    """Keep accounts where they are through rule runs, imports, moves and publishes.

    Parameters
    ----------
    reason : str
        Shown wherever the lock holds something back; needed.
    until : date, optional
        First day the lock no longer holds; default: until it is removed.
    """
    wanted = sorted(set(ids))
    require_records(services, actor, Right.ASSIGN, table="accounts", ids=wanted)
    problems = []
    if not reason.strip():
        problems.append(
            Problem("missing-reason", "A lock needs a reason.", "Say why in a few words.", where="reason")
        )
    if until is not None and until <= services.clock.today():
        problems.append(
            Problem("past-date", f"{until} is not in the future.", "Choose a later day.", where="until")
        )
    if problems:
        raise InvalidInputError("Nothing was locked.", problems)
    with services.records.transaction(actor, cause="lock"):
        services.associations.lock(wanted, reason=reason.strip(), until=until)


def unlock_accounts(services: Services, actor: Actor, ids: Sequence[int]) -> int:
    """Let accounts move again; returns how many were locked. The next rule run may move them."""
    wanted = sorted(set(ids))
    require_records(services, actor, Right.ASSIGN, table="accounts", ids=wanted)
    with services.records.transaction(actor, cause="unlock"):
        return services.associations.unlock(wanted)


def lock_account(
    services: Services, actor: Actor, account_id: int, *, reason: str, until: date | None = None
) -> None:
    """Lock one account where it is."""
    lock_accounts(services, actor, [account_id], reason=reason, until=until)


def unlock_account(services: Services, actor: Actor, account_id: int) -> None:
    """Let one account move again."""
    unlock_accounts(services, actor, [account_id])


def places_digest(services: Services, ids: Collection[int]) -> str:
    """Return a digest of which accounts these are and where each is now."""
    opened = services.associations.open_now("accounts", ids=sorted(set(ids)))
    rows = opened.filter(opened["is_primary"]).select(["record", "territory", "owner"]).sort_by("record")
    said = json.dumps([sorted(set(ids)), *(column.to_pylist() for column in rows.columns)])
    return hashlib.sha256(said.encode()).hexdigest()


def refuse_other_places(services: Services, seen: Mapping[int, Seen]) -> None:
    """Raise ConflictError when accounts are not where they were seen; the caller has taken the turn."""
    if not seen:
        return
    opened = services.associations.open_now("accounts", ids=sorted(seen))
    rows = opened.filter(opened["is_primary"]).to_pylist()
    now = {row["record"]: (row["territory"], row["owner"]) for row in rows}
    moved = {record: place for record, place in seen.items() if now.get(record) != tuple(place)}
    if moved:
        names = _rep_names(services)
        raise ConflictError(
            "Somebody moved this account meanwhile."
            if len(moved) == 1
            else f"{len(moved):,} of these accounts were moved meanwhile.",
            code="places-changed",
            difference={
                f"account {record}": [
                    _place(moved[record], names),
                    _place(now.get(record, (None, None)), names),
                ]
                for record in sorted(moved)[:MAX_TOLD]
            },
            fix="Look at where they are now, and move them from there.",
        )


def _rep_names(services: Services) -> dict[int, str]:
    reps = services.models.reps()
    return dict(zip(reps["rep_id"].to_pylist(), reps["rep_name"].to_pylist(), strict=True))


def _place(place: Seen, names: Mapping[int, str]) -> dict[str, Any]:
    territory, owner = place
    return {"territory": territory, "owner": owner, "owner_name": None if owner is None else names.get(owner)}


def require_unlocked(services: Services, ids: Sequence[int]) -> None:
    """Raise InvalidInputError when some of the accounts are locked."""
    current = services.associations.open_now("accounts", ids=ids)
    locked = pc.unique(current.filter(current["is_locked"])["record"]).to_pylist()
    if locked:
        problems = [
            Problem("locked", f"Account {record} is locked.", "Unlock it first.", where=f"account {record}")
            for record in sorted(locked)
        ]
        raise InvalidInputError("Nothing was moved.", problems, code="locked")
