"""Who has left since a publication gets nothing back when it is undone: it goes to who is there instead."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.assign import owners_today
from merestone.app.ports_lifecycle import Held
from merestone.app.services import Services

Leavers = Mapping[int, str]
"""Rep id -> name, of those who are no longer there today."""


def leavers_of(services: Services) -> Leavers:
    """Return who has left by today."""
    reps = services.models.reps()
    left = pc.fill_null(pc.less_equal(reps["left_on"], pa.scalar(services.clock.today(), pa.date32())), False)
    gone = reps.filter(left)
    return dict(zip(gone["rep_id"].to_pylist(), gone["rep_name"].to_pylist(), strict=True))


def held_without(held: Held, leavers: Leavers) -> Held:
    """Return who held what, without those who have left: what was theirs stays with who has it now."""
    return replace(held, owners={pk: owner for pk, owner in held.owners.items() if owner not in leavers})


def placed_without(services: Services, table: str, desired: pa.Table, leavers: Leavers) -> pa.Table:
    """Return the places (as ``Associations.replace`` takes them) with somebody else where the owner has left.

    In the same territory: an account goes to who owns it today by the active model, or to the queue; a lead waits until
    it is routed.
    """
    theirs = _theirs(desired, leavers)
    if not pc.any(theirs).as_py():
        return desired
    owners = owners_today(services) if table == "accounts" else {}
    rows = [
        _taken_over(row, leavers[row["owner"]], owners.get(row["territory"], (None, "")))
        for row in desired.filter(theirs).to_pylist()
    ]
    return pa.concat_tables(
        [desired.filter(pc.invert(theirs)), pa.Table.from_pylist(rows, schema=desired.schema)]
    )


def left_by(desired: pa.Table, leavers: Leavers) -> list[int]:
    """Return the records whose owner has left."""
    return pc.unique(desired.filter(_theirs(desired, leavers))["record"]).to_pylist()


def _theirs(desired: pa.Table, leavers: Leavers) -> pa.ChunkedArray:
    return pc.is_in(desired["owner"], value_set=pa.array(leavers, pa.int64()))


def _taken_over(row: Mapping[str, Any], leaver: str, owner: tuple[int | None, str]) -> dict[str, Any]:
    rep, name = owner
    sentence = f"{leaver} had it before the publication that was undone, and has left since; " + (
        f"{name} owns the territory."
        if rep
        else "the territory has no owner today, so it waits in the queue."
    )
    reason = {**json.loads(row["reason"]), "sentence": sentence, "owner": name or None}
    return {**row, "owner": rep, "reason": json.dumps(reason)}
