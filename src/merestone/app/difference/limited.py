"""A difference for somebody who plans a part of the company: the accounts they see, the territories they know.

Everything is worked out for the whole first, so that it is right; then the accounts the actor does not see are left
out, and what those they see have to do with other places is told as "elsewhere", with no name and no reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.access.places import planned, reached
from merestone.app.difference.answer import HELD, Difference
from merestone.app.difference.comparing import Sides, plain
from merestone.app.places import NOWHERE, Places, Vocabulary
from merestone.app.policy import Actor, Right
from merestone.app.services import Services
from merestone.base.errors import ForbiddenError
from merestone.core.model.territory import TerritoryModelDocument

ELSEWHERE = ""
"""The key of all territories the actor does not know; no territory has it."""
ELSEWHERE_NAME = "Elsewhere"
SOMEBODY = 0
"""The id of all reps the actor does not know; no rep has it."""
SOMEBODY_NAME = "Somebody else"


@dataclass(frozen=True)
class Sight:
    """What somebody who plans a part may be shown.

    Parameters
    ----------
    accounts, reps : frozenset of int
    territories : frozenset of str
        Keys they may be told: what they see, and what they plan.
    planned : frozenset of str
        Those whose rules they may be told.
    """

    accounts: frozenset[int]
    reps: frozenset[int]
    territories: frozenset[str]
    planned: frozenset[str]


def sight_of(services: Services, actor: Actor, documents: Iterable[TerritoryModelDocument]) -> Sight:
    """Return what an actor may be shown of these models.

    Raises
    ------
    ForbiddenError
        When they plan no part of any of them.
    """
    known = list(documents)
    if not any(reached(services, actor, Right.MANAGE_RULES, document) for document in known):
        raise ForbiddenError("You plan no part of these models.", fix="Ask a planner of the whole company.")
    mine = frozenset[str]().union(*(planned(services, actor, document) for document in known))
    members = {
        member.rep.lower()
        for document in known
        for node in document.territories
        if node.key in mine
        for member in node.members
    }
    reps = services.models.reps()
    labels = zip(reps["label"].to_pylist(), reps["rep_id"].to_pylist(), strict=True)
    here = {rep_id for label, rep_id in labels if label in members}
    return Sight(
        accounts=frozenset(services.visibility.visible_ids(actor, "accounts")),
        reps=frozenset(services.visibility.visible_ids(actor, "reps") | here),
        territories=frozenset(services.visibility.visible_territories(actor) | mine),
        planned=mine,
    )


def limited(found: Difference, sides: Sides, sight: Sight) -> tuple[Difference, Sides]:
    """Return as much of a difference, and of both its sides, as somebody may be shown."""
    shown = _limited_sides(sides, sight)
    gained, lost = shown.overlays()
    has_overlay = np.zeros(shown.accounts.num_rows, dtype=bool)
    has_overlay[np.concatenate([gained, lost])[:, 0]] = True
    rows = shown.biggest_first(np.flatnonzero(shown.moved() | has_overlay))
    held = _held(found.held, sight)
    answer = replace(
        found,
        rows=_with_reasons(
            shown.rows(rows, gained, lost, why=pa.nulls(len(rows), pa.string())), found, sight
        ),
        held=held,
        pairs=shown.pairs(),
        territories=shown.territories(),
        reps=shown.by_rep(),
        summary=shown.summary(n_held=held.num_rows, n_overlays=int(has_overlay.sum())),
        fingerprint="",  # whoever sees a part publishes nothing
    )
    return answer, shown


def _limited_sides(sides: Sides, sight: Sight) -> Sides:
    ids = plain(sides.accounts["id"])
    is_seen = np.asarray(pc.is_in(ids, value_set=pa.array(sorted(sight.accounts), pa.int64())))
    keys = tuple(key for key in sides.vocabulary.keys if key in sight.territories)
    place = {key: code for code, key in enumerate(keys)}
    recoded = np.array([*(place.get(key, len(keys)) for key in sides.vocabulary.keys), NOWHERE])
    reps = np.array(sorted({*sight.reps, NOWHERE}))

    def part(places: Places) -> Places:
        return Places(
            recoded[places.territory[is_seen]],
            np.where(np.isin(places.owner[is_seen], reps), places.owner[is_seen], SOMEBODY),
            places.cause.filter(pa.array(is_seen)),
            _overlays(places.overlays, is_seen=is_seen, recoded=recoded, hidden=len(keys), reps=reps),
        )

    return Sides(
        # What is left is no generation of the book any more.
        sides.accounts.filter(pa.array(is_seen)).replace_schema_metadata(None),
        part(sides.before),
        part(sides.after),
        Vocabulary((*keys, ELSEWHERE)),
        {**_known(sides.old_names, sight), ELSEWHERE: ELSEWHERE_NAME},
        {**_known(sides.new_names, sight), ELSEWHERE: ELSEWHERE_NAME},
        {**{rep: name for rep, name in sides.reps.items() if rep in sight.reps}, SOMEBODY: SOMEBODY_NAME},
    )


def _known(names: object, sight: Sight) -> dict[str, str]:
    assert isinstance(names, dict)
    return {key: name for key, name in names.items() if key in sight.territories}


def _overlays(
    overlays: np.ndarray, *, is_seen: np.ndarray, recoded: np.ndarray, hidden: int, reps: np.ndarray
) -> np.ndarray:
    """Return the overlays of seen accounts in known territories, by the rows that are left."""
    row, territory, owner = overlays[:, 0], recoded[overlays[:, 1]], overlays[:, 2]
    kept = is_seen[row] & (territory != hidden)
    new_row = np.cumsum(is_seen) - 1
    known = np.where(np.isin(owner, reps), owner, SOMEBODY)
    found: np.ndarray = np.stack([new_row[row], territory, known], axis=1)[kept]
    return found


def _with_reasons(rows: pa.Table, found: Difference, sight: Sight) -> pa.Table:
    """Return the rows with the reasons that name nothing but what the actor plans and sees."""
    whole = found.rows
    may_tell = [
        _may_tell(row, sight)
        for row in whole.select(
            ["from_territory", "to_territory", "from_owner", "to_owner", "overlays_gained", "overlays_lost"]
        ).to_pylist()
    ]
    told = whole.select(["id", "why"]).filter(pa.array(may_tell, pa.bool_()))
    place = pc.index_in(rows["id"], value_set=plain(told["id"]))
    why = pc.fill_null(plain(told["why"]).take(plain(place)), "")
    return rows.set_column(rows.schema.get_field_index("why"), "why", why)


def _may_tell(row: dict[str, object], sight: Sight) -> bool:
    territories = {row["from_territory"], row["to_territory"], None}
    for name in ("overlays_gained", "overlays_lost"):
        territories |= set(row[name] or ())  # type: ignore[call-overload]
    owners = {row["from_owner"], row["to_owner"], None}
    return territories <= {*sight.planned, None} and owners <= {*sight.reps, None}


def _held(held: pa.Table, sight: Sight) -> pa.Table:
    """Return the locked accounts the actor sees; other places are elsewhere."""
    table = held.filter(pc.is_in(held["id"], value_set=pa.array(sorted(sight.accounts), pa.int64())))
    known = pa.array(sorted(sight.territories), pa.string())
    for name in ("territory", "to_territory"):
        texts = plain(table[name])
        is_told = pc.or_(pc.is_null(texts), pc.is_in(texts, value_set=known))
        masked = pc.if_else(is_told, texts, pa.scalar(ELSEWHERE))
        table = table.set_column(table.schema.get_field_index(name), name, masked)
    return table.cast(HELD)
