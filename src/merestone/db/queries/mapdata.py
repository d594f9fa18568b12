"""What the map draws, in columns and in a constant number of queries, scoped to the actor.

Index values of territories in columns: ``0…`` into ``territories``; ``UNPLACED`` no territory matched; ``ELSEWHERE`` a
territory the actor does not see (their own account there is visible, the territory is not).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum

from merestone.app.history.sight import Sight
from merestone.app.policy import Actor
from merestone.core.model.columns import LIFECYCLES
from merestone.db.models import Account, AccountAssociation
from merestone.db.queries import scope
from merestone.db.queries.territories import (
    ACCOUNT_SUMS,
    ZERO,
    Sums,
    TreeRow,
    held_at,
    past_tree,
    sums_of,
    tree,
)

UNPLACED = -1
ELSEWHERE = -2
COORDINATE_DIGITS = 4  # 11 m: finer than a county, short in JSON


@dataclass(frozen=True, slots=True)
class MapTerritory:
    """A territory that has accounts of its own, with the group the legend shows it under."""

    row: TreeRow
    number: int
    region: int | None


@dataclass(frozen=True, slots=True)
class MapRegion:
    """A group of territories in the legend: the visible parent they share."""

    key: str
    name: str


def map_territories(rows: list[TreeRow]) -> tuple[list[MapTerritory], list[MapRegion]]:
    """Return primary territories that hold accounts or are leaves, numbered in tree order, and their regions.

    A region is the ancestor on the first level below which the tree branches; a flat tree has none.
    """
    primary = [row for row in rows if row.is_primary]
    by_key = {row.key: row for row in primary}
    level = _region_depth(primary)
    shown = [row for row in primary if row.is_leaf or row.own.accounts]
    regions: dict[str, int] = {}
    territories: list[MapTerritory] = []
    for row in shown:
        ancestor = _ancestor_at(row, by_key, depth=level)
        region = None
        if ancestor is not None and ancestor.key != row.key:
            region = regions.setdefault(ancestor.key, len(regions))
        territories.append(MapTerritory(row, len(territories) + 1, region))
    return territories, [MapRegion(key, by_key[key].name) for key in regions]


def _region_depth(rows: list[TreeRow]) -> int:
    for depth in range(8):
        if sum(1 for row in rows if row.depth == depth) > 1:
            return depth
    return 0


def _ancestor_at(row: TreeRow, by_key: dict[str, TreeRow], *, depth: int) -> TreeRow | None:
    current: TreeRow | None = row
    while current is not None and current.depth > depth:
        current = by_key.get(current.parent) if current.parent else None
    return current


def map_data(actor: Actor) -> dict[str, Any]:
    """Return counties with their dominant territory and sums, territories and regions with sums (6 queries)."""
    n_located = scope.accounts(actor).order_by().exclude(latitude=None).count()
    return _map(tree(actor), _cells(scope.accounts(actor)), n_located=n_located)


def past_map(actor: Actor, model: str | None, when: datetime, *, day: date, sight: Sight) -> dict[str, Any]:
    """Return the same as it was at an instant, and where each located account was then (7 queries).

    Accounts are those the actor sees now, with today's county, location and figures; those without a place then are
    left out. ``accounts`` holds ``id`` and ``territory`` in columns, by id.

    Parameters
    ----------
    model : str or None
        Key of the model active then.
    """
    rows = past_tree(actor, model or "", when, day=day, sight=sight)
    held = AccountAssociation.objects.filter(held_at(when), is_primary=True)
    if not actor.sees_all:
        held = held.filter(account_id__in=scope.accounts(actor).order_by().values("pk"))
    located = held.exclude(account__latitude=None).exclude(account__longitude=None)
    places = list(located.order_by("account_id").values_list("account_id", "territory_id"))
    index = {item.row.territory_id: place for place, item in enumerate(map_territories(rows)[0])}
    return _map(rows, _past_cells(held), n_located=len(places)) | {
        "accounts": {
            "id": [account for account, _ in places],
            "territory": [
                UNPLACED if territory is None else index.get(territory, ELSEWHERE) for _, territory in places
            ],
        }
    }


def _past_cells(held: QuerySet[AccountAssociation]) -> list[tuple[str, int | None, Sums]]:
    rows: Any = held.order_by().values("account__county", "territory_id").annotate(**ACCOUNT_SUMS)
    return [(row["account__county"], row["territory_id"], sums_of(row)) for row in rows]


def _map(rows: list[TreeRow], cells: list[tuple[str, int | None, Sums]], *, n_located: int) -> dict[str, Any]:
    territories, regions = map_territories(rows)
    index = {item.row.territory_id: place for place, item in enumerate(territories)}
    totals = {row.key: row.total for row in rows}
    unplaced, elsewhere, everything = Sums(), Sums(), Sums()
    for _, territory, sums in cells:
        everything = everything + sums
        if territory is None:
            unplaced = unplaced + sums
        elif territory not in index:
            elsewhere = elsewhere + sums
    return {
        "territories": [
            {
                "key": item.row.key,
                "name": item.row.name,
                "number": item.number,
                "region": item.region,
                "owner": ", ".join(item.row.owners),
                **_numbers(item.row.own),
            }
            for item in territories
        ],
        "regions": [
            {"key": region.key, "name": region.name, **_numbers(totals[region.key])} for region in regions
        ],
        "unplaced": _numbers(unplaced),
        "elsewhere": _numbers(elsewhere),
        "total": _numbers(everything),
        "unlocated": everything.accounts - n_located,
        "counties": _counties(cells, index),
    }


def _cells(accounts: QuerySet[Account]) -> list[tuple[str, int | None, Sums]]:
    """Return (county, territory id, sums) of accounts by their primary place; '' = outside any county."""
    rows = (
        accounts.order_by()
        .values("county", place_territory=F("place__territory_id"))
        .annotate(
            n=Count("pk"),
            n_customers=Count("pk", filter=Q(lifecycle="customer")),
            potential_sum=Sum("potential"),
            hours=Sum("workload_hours"),
        )
        .values_list("county", "place_territory", "n", "n_customers", "potential_sum", "hours")
    )
    return [
        (county, territory, Sums(n, customers, potential or ZERO, hours or 0.0))
        for county, territory, n, customers, potential, hours in rows
    ]


def _counties(cells: Iterable[tuple[str, int | None, Sums]], index: dict[int, int]) -> dict[str, list[Any]]:
    """Return columns by county: the territory with most accounts (ties: the first in the tree) and its share."""
    counties: dict[str, dict[int, Sums]] = {}
    for county, territory, sums in cells:
        if county:
            place = UNPLACED if territory is None else index.get(territory, ELSEWHERE)
            shares = counties.setdefault(county, {})
            shares[place] = shares.get(place, Sums()) + sums
    columns: dict[str, list[Any]] = {
        name: [] for name in ("fips", "territory", "share", "accounts", "customers", "potential", "workload")
    }
    for county in sorted(counties):
        shares = counties[county]
        total = sum(shares.values(), Sums())
        dominant = min(shares, key=lambda place: (-shares[place].accounts, place < 0, place))
        columns["fips"].append(county)
        columns["territory"].append(dominant)
        columns["share"].append(round(shares[dominant].accounts / total.accounts, 3))
        for name, value in _numbers(total).items():
            columns[name].append(value)
    return columns


def _numbers(sums: Sums) -> dict[str, float]:
    return {
        "accounts": sums.accounts,
        "customers": sums.customers,
        "potential": float(sums.potential),
        "workload": round(sums.workload_hours, 1),
    }


def account_points(actor: Actor) -> dict[str, Any]:
    """Return located visible accounts as columns, in the order of ids (5 queries).

    ``territory`` is the index of :func:`map_data`'s territories, ``lifecycle`` an index into ``lifecycles``.
    """
    territories, _ = map_territories(tree(actor))
    index = {item.row.territory_id: place for place, item in enumerate(territories)}
    lifecycle_index = {name: place for place, name in enumerate(LIFECYCLES)}
    rows = list(
        scope.accounts(actor)
        .exclude(latitude=None)
        .exclude(longitude=None)
        .order_by("pk")
        .values_list("pk", "longitude", "latitude", "place__territory_id", "lifecycle")  # type: ignore[misc]  # an alias
    )
    ids, longitudes, latitudes, places, lifecycles = zip(*rows, strict=True) if rows else ((), (), (), (), ())
    return {
        "lifecycles": list(LIFECYCLES),
        "id": list(ids),
        "lon": [round(value, COORDINATE_DIGITS) for value in longitudes],
        "lat": [round(value, COORDINATE_DIGITS) for value in latitudes],
        "territory": [UNPLACED if place is None else index.get(place, ELSEWHERE) for place in places],
        "lifecycle": [lifecycle_index[value] for value in lifecycles],
    }


def county_accounts(actor: Actor, fips: str) -> QuerySet[Account]:
    """Return visible accounts of a county, the ones with most potential first."""
    return (
        scope.accounts(actor).filter(county=fips).order_by(F("potential").desc(nulls_last=True), "name", "pk")
    )


def county_shares(actor: Actor, fips: str) -> list[tuple[str, str, Sums]]:
    """Return (territory key, name, sums) in a county, most accounts first; ('', label) where there is none (2 queries)."""
    names = {
        territory: (key, name)
        for territory, key, name in scope.visible_nodes(actor).values_list(
            "territory_id", "territory__key", "name"
        )
    }
    shares: dict[tuple[str, str], Sums] = {}
    for _, territory, sums in _cells(scope.accounts(actor).filter(county=fips)):
        label = (
            names.get(territory, ("", "Other territories")) if territory is not None else ("", "No territory")
        )
        shares[label] = shares.get(label, Sums()) + sums
    ordered = sorted(shares.items(), key=lambda item: (-item[1].accounts, item[0][1]))
    return [(key, name, sums) for (key, name), sums in ordered]


def accounts_by_id(actor: Actor, ids: Iterable[int]) -> QuerySet[Account]:
    """Return visible accounts among the ids, the ones with most potential first."""
    return (
        scope.accounts(actor)
        .filter(pk__in=list(ids))
        .order_by(F("potential").desc(nulls_last=True), "name", "pk")
    )
