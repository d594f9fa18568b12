"""What a model in review does to somebody: the accounts they win and lose, why, and their balance before and after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.difference import Difference
from merestone.app.difference.comparing import plain
from merestone.app.model_hash import content_hash
from merestone.app.policy import Actor
from merestone.app.review import reasons
from merestone.app.review.loads import Loads
from merestone.app.review.moves import moves_of
from merestone.app.review.viewing import SOMEBODY, SOMEWHERE, Viewing, viewing
from merestone.app.rulebook import rule_book
from merestone.app.services import Services

LOOKS_AGAIN = timedelta(minutes=30)
UNASSIGNED = "Unassigned"
MONEY = pa.decimal128(18, 2)

MOVES = pa.schema(
    [
        ("id", pa.int64()),
        ("external_id", pa.string()),
        ("name", pa.string()),
        ("change", pa.string()),
        ("from_name", pa.string()),
        ("from_owner_name", pa.string()),
        ("to_name", pa.string()),
        ("to_owner_name", pa.string()),
        ("revenue", MONEY),
        ("potential", MONEY),
        ("workload_hours", pa.float64()),
        ("open_amount", MONEY),
        ("why", pa.string()),
    ]
)
"""One row per account that concerns the viewer. ``change``: ``gained``, ``lost``, ``within`` (moves inside what is
theirs), ``overlay`` (only who works on it beside the owner changes)."""


@dataclass(frozen=True)
class Picture:
    """A model in review as one person sees it.

    Parameters
    ----------
    moves : pa.Table
        ``MOVES``, the largest revenue first.
    balance : list of dict
        ``rep``, ``name``, ``before`` and ``after`` (as ``Loads.told``) of the people the viewer may weigh, by name.
    loads : Loads
        Of everybody; not for showing.
    """

    viewing: Viewing
    moves: pa.Table
    balance: list[dict[str, Any]]
    loads: Loads
    difference: Difference

    def count(self, change: str) -> int:
        """Return how many moves there are of a kind."""
        return int(pc.sum(pc.equal(self.moves["change"], change), min_count=0).as_py())


def picture(services: Services, actor: Actor, key: str) -> Picture:
    """Return what a model in review does to those whom the actor may see.

    Raises
    ------
    NotFoundError
        When there is no such model, or it is none of the actor's business.
    """
    eyes = viewing(services, actor, key)
    return pictured(services, eyes)


def pictured(services: Services, eyes: Viewing) -> Picture:
    """Return the same for eyes at hand."""
    found, loads = moves_of(services, eyes.document)
    rows, changes = _concerning(eyes, found.rows)
    return Picture(eyes, _moves(services, eyes, rows, changes, loads), _balance(eyes, loads), loads, found)


def note_look(services: Services, eyes: Viewing) -> None:
    """Keep that the viewer has looked at the model as it is now; again only after a while, or when it has changed."""
    content = content_hash(eyes.document)
    now = services.clock.now()
    stale = [
        one
        for one in eyes.invitations
        if one["looked_hash"] != content or now - one["looked_at"] > LOOKS_AGAIN
    ]
    if not stale or eyes.actor.user_id is None:
        return
    with services.records.transaction(eyes.actor, cause=f"look at model {eyes.model.key}"):
        services.reviews.looked(eyes.model.id, eyes.actor.user_id, at=now, content_hash=content)


def _concerning(eyes: Viewing, rows: pa.Table) -> tuple[pa.Table, np.ndarray]:
    """Return the rows of a difference that concern the viewer, and what each is to them."""
    n = rows.num_rows
    if eyes.sees_all:
        moved = _moved(rows)
        return rows, np.where(moved, "within", "overlay")
    mine = pa.array([eyes.actor.rep_id], pa.int64())
    before = _is_in(rows["from_owner"], mine) if eyes.actor.rep_id is not None else np.zeros(n, bool)
    after = _is_in(rows["to_owner"], mine) if eyes.actor.rep_id is not None else np.zeros(n, bool)
    keys = pa.array(sorted(eyes.territories), pa.string())
    if eyes.is_wide:
        before = before | _is_in(rows["from_territory"], keys)
        after = after | _is_in(rows["to_territory"], keys)
    beside = _any_in(rows["overlays_gained"], keys, n) | _any_in(rows["overlays_lost"], keys, n)
    concerns = before | after | beside
    if eyes.focus is not None:
        part = pa.array(sorted(eyes.focus), pa.string())
        concerns &= _is_in(rows["from_territory"], part) | _is_in(rows["to_territory"], part) | beside
    changes = np.select(
        [before & after & _moved(rows), after & ~before, before & ~after],
        ["within", "gained", "lost"],
        "overlay",
    )
    return rows.filter(pa.array(concerns)), changes[concerns]


def _moved(rows: pa.Table) -> np.ndarray:
    """Return which rows have another territory or owner, and not only other overlays."""
    same = [
        pc.fill_null(
            pc.equal(pc.fill_null(rows[f"from_{name}"], none), pc.fill_null(rows[f"to_{name}"], none)), True
        )
        for name, none in (("territory", ""), ("owner", -1))
    ]
    return ~np.asarray(plain(pc.and_(*same)), dtype=bool)


def _is_in(values: Any, wanted: pa.Array) -> np.ndarray:
    return np.asarray(plain(pc.is_in(values, value_set=wanted, skip_nulls=True)), dtype=bool)


def _any_in(lists: Any, wanted: pa.Array, n: int) -> np.ndarray:
    column = plain(lists)
    at = np.asarray(pc.list_parent_indices(column))
    found = np.zeros(n, dtype=bool)
    found[at[_is_in(pc.list_flatten(column), wanted)]] = True
    return found


def _moves(services: Services, eyes: Viewing, rows: pa.Table, changes: np.ndarray, loads: Loads) -> pa.Table:
    ids = rows["id"].to_pylist()
    work = services.reviews.open_work(None if eyes.sees_all else ids) if ids else {}
    columns: dict[str, Any] = {
        name: plain(rows[name]) for name in ("id", "external_id", "name", "revenue", "potential")
    }
    lines = rows.select(
        ["from_territory", "from_name", "from_owner", "to_territory", "to_name", "to_owner"]
    ).to_pylist()
    for side in ("from", "to"):
        columns[f"{side}_name"] = [
            _seen_territory(eyes, line[f"{side}_territory"], line[f"{side}_name"]) for line in lines
        ]
        columns[f"{side}_owner_name"] = [eyes.rep_name(line[f"{side}_owner"]) or UNASSIGNED for line in lines]
    at = np.searchsorted(loads.ids, np.asarray(ids, dtype=np.int64))
    columns["workload_hours"] = loads.values[at, 2]
    columns["open_amount"] = [work.get(pk, (Decimal("0.00"), 0))[0] for pk in ids]
    columns["change"] = changes.tolist()
    columns["why"] = _reasons(services, eyes, rows)
    return pa.table([pa.array(columns[field.name], field.type) for field in MOVES], schema=MOVES)


def _seen_territory(eyes: Viewing, key: str | None, name: str | None) -> str | None:
    if key is None:
        return None
    return name if eyes.is_visible(key) else SOMEWHERE


def _reasons(services: Services, eyes: Viewing, rows: pa.Table) -> list[str]:
    if eyes.sees_all:
        found: list[str] = rows["why"].to_pylist()
        return found
    if not rows.num_rows:
        return []
    book = rule_book(services, eyes.document)
    wanted = pc.is_in(services.book.accounts()["id"], value_set=plain(rows["id"]))
    accounts = services.book.accounts().filter(wanted)
    matches = services.matcher.compile(book.ruleset).every_match(accounts)
    pairs = set(zip(matches["id"].to_pylist(), matches["territory"].to_pylist(), strict=True))
    return [
        reasons.told(eyes, book, row, still_matches=(row["id"], row["from_territory"]) in pairs)
        for row in rows.to_pylist()
    ]


def _balance(eyes: Viewing, loads: Loads) -> list[dict[str, Any]]:
    """Return the people the viewer may weigh, by name, before and after."""
    if eyes.sees_all:
        reps = loads.reps.tolist()
    elif eyes.is_wide:
        reps = [rep for rep in loads.reps.tolist() if rep in eyes.reps or rep == eyes.actor.rep_id]
    else:
        reps = [eyes.actor.rep_id] if eyes.actor.rep_id is not None else []
    found = [
        {
            "rep": rep,
            "name": eyes.names.get(rep, SOMEBODY),
            "before": loads.told(rep, loads.of(rep, then=False), then=False),
            "after": loads.told(rep, loads.of(rep, then=True), then=True),
        }
        for rep in reps
    ]
    return sorted(found, key=lambda one: (one["name"], one["rep"]))
