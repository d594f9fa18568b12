"""The units of a scenario and their amounts, read from the book in columns and kept with the scenario.

To match the book takes as long as it takes; looking at a scenario and changing it does not match anything again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.borders import matched_rows
from merestone.app.comparison.counties import dominant
from merestone.app.difference.comparing import plain
from merestone.app.difference.owners import Reps, owners_of
from merestone.app.matched import placed
from merestone.app.places import NOWHERE, Vocabulary
from merestone.app.rulebook import rule_book
from merestone.app.scenarios.alive import active_subtree
from merestone.app.scenarios.measures import MEASURES, UNIT_FIELDS
from merestone.app.scenarios.ties import held_years, tied
from merestone.app.services import Services
from merestone.base.errors import UsageError
from merestone.core.criteria import expression as ex
from merestone.core.design.bridges import bridges, islands
from merestone.core.design.plane import Plane
from merestone.core.design.problem import Adjacency
from merestone.core.model.territory import TerritoryModelDocument, TerritoryNode
from merestone.core.rules.ruleset import Rule

PLACES = frozenset({"state", "county", "fips", "postal_code", "zip", "city"})
"""Fields (and their other names) that say where an account is."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a scenario is about.

    Parameters
    ----------
    parent : str
        Key of the territory whose leaves are planned; empty: of all.
    left_out : collection of str, optional
        Leaves not planned, which keep their rules; None: those whose rule names no place.
    sight : str
        ``all`` or ``part``.
    """

    parent: str
    unit_kind: str
    left_out: Collection[str] | None
    sight: str


def leaves_of(
    document: TerritoryModelDocument, rules: Mapping[str, Rule], asked: Asked
) -> tuple[list[TerritoryNode], list[TerritoryNode]]:
    """Return the primary leaves that are planned, and those left out."""
    tree = document.tree
    below = tree.subtree(asked.parent)[1:] if asked.parent else tuple(tree)
    primary = [node for node in below if document.type_of(node).is_primary]
    inner = {node.parent for node in primary}
    leaves = [node for node in primary if node.key not in inner]
    out = (
        set(asked.left_out)
        if asked.left_out is not None
        else {node.key for node in leaves if not names_place(rules[node.key])}
    )
    planned = [node for node in leaves if node.key not in out]
    if not planned:
        raise UsageError(
            "There is no territory below it to plan with.",
            code="nothing-to-plan",
            fix="Choose a territory that has others below it.",
        )
    return planned, [node for node in leaves if node.key in out]


def names_place(rule: Rule) -> bool:
    """Return whether a territory's own rule says where; one without a rule may be anywhere."""
    if rule.where is None:
        return True
    return any(leaf.field is None or leaf.field.name.lower() in PLACES for leaf in ex.leaves(rule.where))


def take(services: Services, document: TerritoryModelDocument, asked: Asked) -> dict[str, Any]:
    """Return the content of ``ScenarioUnits``: units, map, amounts, start plan, and what lies outside."""
    book = rule_book(services, document)
    planned, left_out = leaves_of(document, book.rules, asked)
    accounts = services.book.accounts()
    vocabulary = Vocabulary(tuple(node.key for node in planned))
    found = in_play(services, document, asked, accounts, planned)
    numbers = vocabulary.codes(found.matched["territory"])
    world = services.unit_map.units(asked.unit_kind)
    unit_of = _codes(accounts[UNIT_FIELDS[asked.unit_kind]], world["id"])
    shown = _shown(np.asarray(unit_of)[found.rows], world["state"])
    unit = np.full(len(unit_of), NOWHERE)
    place = np.full(world.num_rows, NOWHERE)
    place[shown] = np.arange(len(shown))
    unit[unit_of >= 0] = place[unit_of[unit_of >= 0]]
    rows = found.rows[unit[found.rows] >= 0]
    n = len(shown)
    graph, added = _graph(services, asked, world.take(pa.array(shown)))
    live = _live(services, accounts, rows, unit[rows], planned=vocabulary, n=n)
    amounts = _amounts(accounts, rows, unit[rows], n)
    start, most = dominant(unit[rows], numbers[rows], n=n)
    has_accounts = most > 0
    table = world.take(pa.array(shown))
    start = np.where(has_accounts, start, vocabulary.codes(_by_rule(services, document, asked, table)))
    return {
        "ids": table["id"].to_pylist(),
        "names": table["name"].to_pylist(),
        "states": table["state"].to_pylist(),
        "lon": np.round(table["lon"].to_numpy(), 4).tolist(),
        "lat": np.round(table["lat"].to_numpy(), 4).tolist(),
        "territories": _territories(services, document, planned),
        "start": flooded(start, has_accounts, graph).tolist(),
        "amounts": amounts,
        "starts": graph.starts.tolist(),
        "neighbours": graph.neighbours.tolist(),
        "bridges": added.tolist(),
        **live,
        "outside": {"without_unit": len(found.rows) - len(rows), "fixed": int(found.n_fixed)},
        "left_out": [{"key": node.key, "name": node.name} for node in left_out],
    }


@dataclass(frozen=True)
class InPlay:
    """Accounts that are planned, by their rows in the book."""

    rows: np.ndarray
    matched: pa.Table
    n_fixed: int


def in_play(
    services: Services,
    document: TerritoryModelDocument,
    asked: Asked,
    accounts: pa.Table,
    planned: Sequence[TerritoryNode],
) -> InPlay:
    """Return the accounts the planned leaves win, and those the parent matches and no leaf takes.

    What is in a leaf by name, is excluded from one, or is locked, does not go by rule: it is fixed.
    """
    book = rule_book(services, document)
    matched = placed(services, book, accounts)
    keys = plain(matched["territory"])
    wins = _isin(keys, [node.key for node in planned])
    tree = document.tree
    inner = [node.key for node in (tree.subtree(asked.parent) if asked.parent else tree)]
    groups = [key for key in inner if not tree.is_leaf(key) and document.type_of(tree[key]).is_primary]
    loose = np.asarray(pc.is_null(keys)) | _isin(keys, groups)
    path = tree.path(asked.parent) if asked.parent else ()
    if any(node.where is not None for node in path):
        loose &= matched_rows(services, document, [asked.parent], accounts)
    else:
        # A parent without a rule matches everything: what lies where its leaves are counts.
        states = plain(accounts["state"])
        loose &= np.asarray(pc.is_in(states, value_set=pc.unique(states.filter(pa.array(wins))).drop_null()))
    plays = wins | loose
    if asked.sight == "part":
        plays &= _isin_ids(accounts, _live_within(services, asked.parent))
    fixed = np.asarray(pc.fill_null(pc.equal(plain(matched["cause"]), "named"), False))
    fixed |= _excluded(accounts, planned) | locked_rows(services, accounts)
    return InPlay(np.flatnonzero(plays & ~fixed), matched, int((plays & fixed).sum()))


def locked_rows(services: Services, accounts: pa.Table) -> np.ndarray:
    """Return, per account of the book, whether it is locked today."""
    return _isin_ids(accounts, services.associations.locked())


def _isin(values: pa.Array, keys: Sequence[str]) -> np.ndarray:
    return np.asarray(pc.is_in(values.cast(pa.string()), value_set=pa.array(keys, pa.string())))


def _isin_ids(accounts: pa.Table, ids: Sequence[int]) -> np.ndarray:
    return np.asarray(pc.is_in(plain(accounts["id"]), value_set=pa.array(ids, pa.int64())))


def _live_within(services: Services, parent: str) -> list[int]:
    """Return the accounts that are somewhere in the active model's part of this name now."""
    keys = active_subtree(services, parent)
    opened = services.associations.open_now("accounts")
    inside = pc.and_(
        opened["is_primary"],
        pc.is_in(opened["territory"].cast(pa.string()), value_set=pa.array(keys, pa.string())),
    )
    ids: list[int] = opened.filter(inside)["record"].to_pylist()
    return ids


def _excluded(accounts: pa.Table, planned: Sequence[TerritoryNode]) -> np.ndarray:
    names = {name.strip().casefold() for node in planned for name in node.exclude}
    if not names:
        return np.zeros(accounts.num_rows, bool)
    external = plain(accounts["external_id"]).to_pylist()
    numbers = accounts["id"].to_pylist()
    return np.array(
        [str(text or number).strip().casefold() in names for text, number in zip(external, numbers, strict=True)],
        bool,
    )  # fmt: skip


def _codes(values: pa.ChunkedArray, known: pa.ChunkedArray) -> np.ndarray:
    found = pc.index_in(plain(values).cast(pa.string()), value_set=plain(known))
    return np.asarray(found.cast(pa.int64()).fill_null(NOWHERE))


def _shown(units: np.ndarray, states: pa.ChunkedArray) -> np.ndarray:
    """Return every unit of the states in which accounts lie, in the order of the map."""
    codes = np.asarray(pc.dictionary_encode(plain(states)).indices)
    return np.flatnonzero(np.isin(codes, np.unique(codes[units[units >= 0]])))


def _graph(services: Services, asked: Asked, table: pa.Table) -> tuple[Adjacency, np.ndarray]:
    """Return which units touch, islands joined by the shortest bridges, and those bridges."""
    n = table.num_rows
    at = {key: place for place, key in enumerate(table["id"].to_pylist())}
    pairs = np.array(
        [(at[a], at[b]) for a, b in services.unit_map.touching(asked.unit_kind) if a in at and b in at],
        np.int64,
    ).reshape(-1, 2)
    graph = Adjacency.of(n, pairs)
    part = islands(graph, n) if n else np.zeros(0, np.int64)
    if not n or part.max() == 0:
        return graph, np.empty((0, 2), np.int64)
    lon, lat = table["lon"].to_numpy(), table["lat"].to_numpy()
    added = bridges(*Plane.about(lat, lon).project(lat, lon), part)
    return Adjacency.of(n, np.concatenate([pairs, added])), added


def _by_rule(services: Services, document: TerritoryModelDocument, asked: Asked, table: pa.Table) -> pa.Array:
    """Return which territory the rules give a record that lies in a unit, and of which nothing else is known."""
    n = table.num_rows
    records = pa.table(
        {
            "id": pa.array(range(n), pa.int64()),
            UNIT_FIELDS[asked.unit_kind]: table["id"],
            "state": table["state"],
            "country": pa.array(["US"] * n, pa.string()),
        }
    )
    return services.matcher.compile(rule_book(services, document).ruleset).winners(records)


def _amounts(accounts: pa.Table, rows: np.ndarray, unit: np.ndarray, n: int) -> dict[str, list[float]]:
    taken = pa.array(rows, pa.int64())
    found: dict[str, list[float]] = {}
    for one in MEASURES:
        if not one.column:
            found[one.key] = np.bincount(unit, minlength=n).tolist()
            continue
        values = pc.fill_null(plain(accounts[one.column].take(taken)).cast(pa.float64()), 0.0)
        found[one.key] = np.round(np.bincount(unit, np.asarray(values), minlength=n), 2).tolist()
    return found


def _live(
    services: Services,
    accounts: pa.Table,
    rows: np.ndarray,
    unit: np.ndarray,
    *,
    planned: Vocabulary,
    n: int,
) -> dict[str, Any]:
    """Return where the accounts of each unit are now: the territory with most, and sums by territory and owner."""
    ids = plain(accounts["id"]).take(pa.array(rows, pa.int64()))
    opened = services.associations.open_now("accounts")
    opened = opened.filter(opened["is_primary"])
    at = pc.index_in(ids, value_set=plain(opened["record"]))
    keys = plain(opened["territory"]).cast(pa.string()).take(at)
    owners = plain(opened["owner"]).cast(pa.int64()).take(at)
    live, most = dominant(unit, planned.codes(keys), n=n)
    live[most == 0] = NOWHERE
    table = pa.table({"unit": unit, "territory": keys, "owner": owners})
    for one in MEASURES:
        if one.column:
            values = plain(accounts[one.column].take(pa.array(rows, pa.int64()))).cast(pa.float64())
            table = table.append_column(one.key, pc.fill_null(values, 0.0))
    years = held_years(services, ids, services.clock.now())
    table = table.append_column("tied", pa.array(tied(np.asarray(table["revenue"]), years)))
    measured = [*(one.key for one in MEASURES if one.column), "tied"]
    sums = table.group_by(["unit", "territory", "owner"], use_threads=False).aggregate(
        [([], "count_all"), *((key, "sum") for key in measured)]
    )
    by_place: dict[str, Any] = {name: sums[name].to_pylist() for name in ("unit", "territory", "owner")}
    by_place["accounts"] = sums["count_all"].to_pylist()
    by_place |= {key: np.round(sums[f"{key}_sum"].to_numpy(), 2).tolist() for key in measured}
    return {"live": live.tolist(), "by_place": by_place}


def _territories(
    services: Services, document: TerritoryModelDocument, planned: Sequence[TerritoryNode]
) -> list[dict[str, Any]]:
    reps = Reps(services.models.reps())
    day = max(services.clock.today(), document.effective or services.clock.today())
    owners = owners_of(services, document, reps, day=day)
    people = services.people_changes.people(set(owners.values())) if owners else {}
    found = []
    for node in planned:
        owner = people.get(owners.get(node.key, NOWHERE))
        home = None
        if owner is not None and owner.latitude is not None and owner.longitude is not None:
            home = [float(owner.longitude), float(owner.latitude)]
        found.append(
            {
                "key": node.key,
                "name": node.name,
                "owner": owner.name if owner else "",
                "owner_id": owners.get(node.key),
                "home": home,
            }
        )
    return found


def flooded(start: np.ndarray, has_accounts: np.ndarray, graph: Adjacency) -> np.ndarray:
    """Return the plan in which units without accounts and without a territory go where most of their neighbours go.

    Ties go to the territory with the least number; a unit no flood reaches is nobody's.
    """
    plan = start.copy()
    n = len(plan)
    source = np.repeat(np.arange(n), np.diff(graph.starts))
    empty = ~has_accounts & (plan < 0)
    while True:
        votes = empty[source] & (plan[graph.neighbours] >= 0)
        if not votes.any():
            return plan
        reached, most = dominant(source[votes], plan[graph.neighbours[votes]], n=n)
        new = most > 0
        plan[new] = reached[new]
        empty &= ~new
