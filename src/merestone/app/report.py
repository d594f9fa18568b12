"""Balance and scorecards per territory, for what the actor sees, at any level of the tree."""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.policy import Actor, Right
from merestone.app.services import Services
from merestone.base.interval import Interval
from merestone.core.metrics import balance as balances
from merestone.core.metrics import scorecard as scorecards
from merestone.core.metrics.levels import groups_at_depth, groups_under
from merestone.core.model.territory import TerritoryModelDocument

MEASURES = ("potential", "workload_hours", "revenue")


@dataclass(frozen=True)
class View:
    """What of the active model an actor sees.

    Parameters
    ----------
    document : TerritoryModelDocument or None
        The active model.
    parents : dict
        Every visible primary territory -> its visible parent (``None`` = a root of what is seen).
    names : dict
        Key -> name.
    leaves : tuple of str
        Visible primary territories that accounts can fall into by rule.
    sees_all : bool
        Whether the row without territory (the queue) belongs to the view.
    """

    document: TerritoryModelDocument | None
    parents: dict[str, str | None]
    names: dict[str, str]
    leaves: tuple[str, ...]
    sees_all: bool


def view_of(services: Services, actor: Actor) -> View:
    """Return what the actor sees of the active model."""
    actor.require(Right.SEE)
    active = services.models.active()
    if active is None:
        return View(None, {}, {}, (), actor.sees_all)
    document = active[1]
    seen = services.visibility.visible_territories(actor)
    primary = {kind.key for kind in document.types if kind.is_primary}
    nodes = [node for node in document.tree if node.key in seen and node.type in primary]
    keys = {node.key for node in nodes}
    parents = {node.key: node.parent if node.parent in keys else None for node in nodes}
    tree = document.tree
    leaves = tuple(
        node.key for node in nodes if tree.is_leaf(node.key) or has_no_primary_child(document, node.key)
    )
    return View(document, parents, {node.key: node.name for node in nodes}, leaves, actor.sees_all)


def has_no_primary_child(document: TerritoryModelDocument, key: str) -> bool:
    """Return whether only overlays lie below."""
    primary = {kind.key for kind in document.types if kind.is_primary}
    return not any(child.type in primary for child in document.tree.children(key))


def balance_report(
    services: Services, actor: Actor, *, depth: int | None = None, under: str | None = None
) -> balances.Balance:
    """Return sums per territory, indexes and spreads.

    Parameters
    ----------
    depth : int, optional
        Compare at this depth of the tree (roots of what is seen are 0); default: the leaves.
    under : str, optional
        Compare the direct children of this territory.
    """
    view = view_of(services, actor)
    places = placed_accounts(services, view)
    group_of = groups(view, depth=depth, under=under)
    territories = view.leaves
    if under is not None:
        territories = tuple(key for key in view.leaves if key in (group_of or {}))
        places = places.filter(
            pc.is_in(places["territory"], value_set=pa.array(list(group_of or {}), pa.string()))
        )
    return balances.balance(places, measures=MEASURES, territories=territories, group_of=group_of)


def tree_sums(services: Services, actor: Actor) -> pa.Table:
    """Return sums of every visible territory over its whole subtree, and of the queue (null key)."""
    view = view_of(services, actor)
    sums = balances.balance(placed_accounts(services, view), measures=MEASURES, territories=view.leaves)
    return balances.roll_up(sums.table, view.parents)


def groups(view: View, *, depth: int | None, under: str | None) -> dict[str, str] | None:
    """Return territory -> group for a level."""
    if under is not None:
        return groups_under(view.parents, under)
    return None if depth is None else groups_at_depth(view.parents, depth)


def placed_accounts(services: Services, view: View) -> pa.Table:
    """Return one row per visible account: ``territory`` (null: none), the measures and the currency."""
    accounts = services.records.snapshot("accounts", columns=[*MEASURES, "currency"])
    places = services.associations.open_now("accounts")
    primary = places.filter(places["is_primary"])
    index = pc.index_in(accounts["id"].combine_chunks(), value_set=primary["record"].combine_chunks())
    territory = primary["territory"].combine_chunks().take(index)
    table = accounts.append_column("territory", territory)
    return table if view.sees_all else table.filter(is_seen(table["territory"], view))


def is_seen(territories: Any, view: View) -> Any:
    """Return which keys are in the view; null is not."""
    return pc.is_in(territories, value_set=pa.array(list(view.parents), pa.string()))


def scorecard_report(
    services: Services,
    actor: Actor,
    *,
    period: Interval[date],
    depth: int | None = None,
    under: str | None = None,
) -> pa.Table:
    """Return a scorecard row per territory of a level (``core.metrics.scorecard``), by who owned what at the time.

    Those who see all get the row without territory too; others only what their territories had.
    """
    view = view_of(services, actor)
    zone = zoneinfo.ZoneInfo(services.clock.zone())
    group_of = groups(view, depth=depth, under=under)
    territories = view.leaves if group_of is None else tuple(key for key in view.leaves if key in group_of)
    card = scorecards.scorecard(
        scorecard_tables(services),
        period=period,
        zone=zone,
        territories=territories,
        group_of=group_of,
        adopt_history=True,
    )
    if view.sees_all and under is None:
        return card
    shown = set(group_of.values()) if group_of is not None else set(view.parents)
    return card.filter(pc.is_in(card["territory"], value_set=pa.array(sorted(shown), pa.string())))


def company_scorecard(services: Services, actor: Actor, *, period: Interval[date]) -> pa.Table:
    """Return the one scorecard row of everything the actor sees."""
    return scorecards.company(scorecard_report(services, actor, period=period))


def scorecard_tables(services: Services) -> scorecards.ScorecardTables:
    """Return the records a scorecard is made of."""
    records = services.records
    leads = records.snapshot("leads", columns=["received_at", "converted_at"])
    opportunities = records.snapshot(
        "opportunities",
        columns=[
            "account_id",
            "stage",
            "amount",
            "currency",
            "probability",
            "forecast_category",
            "opened_on",
            "closed_on",
        ],
    )
    contracts = records.snapshot("contracts", columns=["account_id", "starts_on", "ends_on"])
    return scorecards.ScorecardTables(
        associations=services.associations.history("accounts"),
        lead_associations=services.associations.history("leads"),
        leads=pa.table(
            {"id": leads["id"], "created_at": leads["received_at"], "converted_at": leads["converted_at"]}
        ),
        opportunities=by_account(opportunities),
        contracts=by_account(contracts),
    )


def by_account(table: pa.Table) -> pa.Table:
    """Return the table with the account's id under ``account``."""
    without = table.drop_columns(["account"]) if "account" in table.column_names else table
    return without.rename_columns(
        ["account" if name == "account_id" else name for name in without.column_names]
    )
