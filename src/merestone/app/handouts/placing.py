"""Where each account in play would be, and where it is now, in columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.difference.comparing import plain
from merestone.app.difference.owners import Reps
from merestone.app.handout import NOBODY
from merestone.app.policy import Actor
from merestone.app.ports_scenarios import ScenarioRow
from merestone.app.scenarios.drawn import Drawn
from merestone.app.scenarios.measures import MEASURES, UNIT_FIELDS
from merestone.app.scenarios.taking import Asked, in_play
from merestone.app.services import Services
from merestone.core.model.territory import TerritoryModelDocument

NOWHERE = -1
ELSEWHERE = -2
COLUMNS = ("id", "external_id", "name", "city", "state", "county", "longitude", "latitude")


@dataclass(frozen=True, eq=False)
class Placed:
    """Accounts in play that lie in a unit and that the actor sees.

    Parameters
    ----------
    ids : (n,) int array
    planned, today : (n,) int array
        Number of the scenario's territory; ``NOWHERE``: nobody's; ``ELSEWHERE`` (today): another one.
    now_code : (n,) int array
        Into ``now_names``: where and with whom it is now.
    owner_now, owner_planned : (n,) int array
        Rep ids; ``NOWHERE``: nobody.
    amounts : mapping of str to (n,) float array
    plan_names : list of (territory, owner)
        By number of the scenario's territory; the last is nobody's.
    """

    ids: np.ndarray
    rows: pa.Table
    planned: np.ndarray
    today: np.ndarray
    now_code: np.ndarray
    now_names: list[tuple[str, str]]
    plan_names: list[tuple[str, str]]
    owner_now: np.ndarray
    owner_planned: np.ndarray
    amounts: Mapping[str, np.ndarray]
    n_fixed: int
    n_without: int

    @property
    def n(self) -> int:
        """Number of accounts."""
        return len(self.ids)

    def table(self, order: np.ndarray) -> pa.Table:
        """Return ``HandOut.accounts`` of some accounts, in that order."""
        taken = self.rows.take(pa.array(order, pa.int64()))
        columns: dict[str, Any] = {
            name: plain(taken[name]) if name != "id" else taken[name] for name in COLUMNS
        }
        planned = self.planned[order]
        columns["planned"] = pa.array(planned)
        columns["territory"] = _names(self.plan_names, planned, 0)
        columns["owner"] = _names(self.plan_names, planned, 1)
        columns["territory_today"] = _names(self.now_names, self.now_code[order], 0)
        columns["owner_today"] = _names(self.now_names, self.now_code[order], 1)
        columns["moves"] = pa.array(planned != self.today[order])
        columns["new_owner"] = pa.array(self.owner_planned[order] != self.owner_now[order])
        for key in ("potential", "revenue", "workload"):
            columns[key] = pa.array(self.amounts[key][order])
        return pa.table(columns)


def _names(names: list[tuple[str, str]], codes: np.ndarray, side: int) -> pa.Array:
    values = pa.array([one[side] for one in names], pa.string())
    return values.take(pa.array(np.where(codes < 0, len(names) - 1, codes), pa.int64()))


def place(
    services: Services, actor: Actor, row: ScenarioRow, document: TerritoryModelDocument, drawn: Drawn
) -> Placed:
    """Return where every account in play is and would be; matches the book with the planning model's rules."""
    content = drawn.content
    territories = content["territories"]
    accounts = services.book.accounts()
    asked = Asked(row.parent, row.unit_kind, row.settings.get("left_out"), row.sight)
    playing = in_play(services, document, asked, accounts, [document.tree[one["key"]] for one in territories])
    county = plain(accounts[UNIT_FIELDS[row.unit_kind]]).cast(pa.string())
    unit = _codes(county.take(pa.array(playing.rows, pa.int64())), content["ids"])
    rows = playing.rows[unit >= 0]
    n_without = len(playing.rows) - len(rows)
    unit = unit[unit >= 0]
    if not actor.sees_all:
        seen = services.visibility.visible_ids(actor, "accounts")
        keep = np.isin(np.asarray(accounts["id"])[rows], list(seen))
        rows, unit = rows[keep], unit[keep]
    taken = accounts.take(pa.array(rows, pa.int64()))
    planned = drawn.plan[unit]
    names = Reps(services.models.reps()).names
    now = _today(services, taken, territories, names)
    owners = np.array(
        [*(NOWHERE if one["owner_id"] is None else one["owner_id"] for one in territories), NOWHERE]
    )
    return Placed(
        ids=np.asarray(taken["id"]),
        rows=taken,
        planned=planned,
        plan_names=[*((one["name"], one["owner"]) for one in territories), (NOBODY, "")],
        owner_planned=owners[planned],
        amounts=_amounts(taken),
        n_fixed=playing.n_fixed,
        n_without=n_without,
        **now,
    )  # fmt: skip


def _codes(values: pa.Array, known: list[str]) -> np.ndarray:
    found = pc.index_in(values, value_set=pa.array(known, pa.string()))
    return np.asarray(found.cast(pa.int64()).fill_null(NOWHERE))


def _amounts(taken: pa.Table) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for one in MEASURES:
        if one.column:
            values = plain(taken[one.column]).cast(pa.float64())
            found[one.key] = np.asarray(pc.fill_null(values, 0.0))
        else:
            found[one.key] = np.ones(taken.num_rows)
    return found


def _today(
    services: Services, taken: pa.Table, territories: list[dict[str, Any]], names: Mapping[int, str]
) -> dict[str, Any]:
    opened = services.associations.open_now("accounts")
    opened = opened.filter(opened["is_primary"])
    at = pc.index_in(plain(taken["id"]), value_set=plain(opened["record"]))
    keys = plain(opened["territory"]).cast(pa.string()).take(at)
    owners = plain(opened["owner"]).cast(pa.int64()).take(at)
    active = services.models.active()
    known = {node.key: node.name for node in active[1].territories} if active else {}
    today = _codes(keys, [one["key"] for one in territories])
    today = np.where((today < 0) & np.asarray(pc.is_valid(keys)), ELSEWHERE, today)
    pairs: dict[tuple[str | None, int | None], int] = {}
    codes = [
        pairs.setdefault(pair, len(pairs)) for pair in zip(keys.to_pylist(), owners.to_pylist(), strict=True)
    ]
    now_names = [
        (NOBODY if key is None else known.get(key, key), "" if rep is None else names.get(rep, ""))
        for key, rep in pairs
    ]
    return {
        "today": today,
        "now_code": np.array(codes, np.int64),
        "now_names": now_names or [(NOBODY, "")],
        "owner_now": np.asarray(pc.fill_null(owners, NOWHERE)),
    }
