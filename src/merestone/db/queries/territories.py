"""The active model's tree as one actor sees it, with sums per territory and rolled up; models for planners.

Every sum is over the actor's visible territories only, so a manager's totals are the totals of their subtree.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from merestone.app.history.sight import Sight
from merestone.app.policy import PLANNING, Actor
from merestone.db.models import (
    Account,
    AccountAssociation,
    Member,
    NamedAccount,
    TerritoryModel,
    TerritoryNode,
)
from merestone.db.queries import scope

ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Sums:
    """Totals over accounts: counts, money in the company's currency, hours a year."""

    accounts: int = 0
    customers: int = 0
    potential: Decimal = ZERO
    workload_hours: float = 0.0
    revenue: Decimal = ZERO
    unowned: int = 0

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.accounts + other.accounts,
            self.customers + other.customers,
            self.potential + other.potential,
            self.workload_hours + other.workload_hours,
            self.revenue + other.revenue,
            self.unowned + other.unowned,
        )

    @property
    def penetration(self) -> float | None:
        """Customers ÷ accounts; None without accounts."""
        return self.customers / self.accounts if self.accounts else None


@dataclass(frozen=True, slots=True)
class TreeRow:
    """One territory in tree order, as a page shows it.

    ``list_name`` is how lists of records name the territory. ``parent`` is the nearest visible ancestor's key, ``own`` the sums of accounts placed exactly here, ``total`` with
    everything below it; overlay territories count the accounts they lie over.
    """

    id: int
    territory_id: int
    key: str
    name: str
    list_name: str
    type_name: str
    is_primary: bool
    parent: str | None
    depth: int
    path: str
    is_leaf: bool
    has_criteria: bool
    priority: int
    owners: tuple[str, ...] = ()
    managers: tuple[str, ...] = ()
    own: Sums = field(default_factory=Sums)
    total: Sums = field(default_factory=Sums)

    @property
    def is_vacant(self) -> bool:
        """True when accounts could land here and nobody owns the territory today."""
        return self.is_leaf and not self.owners

    @property
    def is_empty(self) -> bool:
        """True when neither this territory nor one below it has an account."""
        return self.total.accounts == 0


ACCOUNT_SUMS: dict[str, Any] = {
    "n_accounts": Count("account_id"),
    "n_customers": Count("account_id", filter=Q(account__lifecycle="customer")),
    "n_unowned": Count("account_id", filter=Q(owner=None)),
    "potential_sum": Sum("account__potential"),
    "workload_sum": Sum("account__workload_hours"),
    "revenue_sum": Sum("account__revenue"),
}


def sums_of(row: Mapping[str, Any]) -> Sums:
    """Return the sums of one aggregated row of :data:`ACCOUNT_SUMS`."""
    return Sums(
        row["n_accounts"],
        row["n_customers"],
        row["potential_sum"] or ZERO,
        row["workload_sum"] or 0.0,
        row["revenue_sum"] or ZERO,
        row["n_unowned"],
    )


NOW = Q(valid_to=None)


def held_at(when: datetime) -> Q:
    """Return the condition: associations that hold an instant."""
    return Q(NOW | Q(valid_to__gt=when), valid_from__lte=when)


def sums_by_territory(nodes: QuerySet[TerritoryNode], *, held: Q = NOW) -> dict[int, Sums]:
    """Return territory id -> sums of the accounts placed exactly there now, or at another time (one query)."""
    rows = (
        AccountAssociation.objects.filter(held, territory_id__in=nodes.order_by().values("territory_id"))
        .values("territory_id")
        .annotate(**ACCOUNT_SUMS)
        .order_by()
    )
    return {row["territory_id"]: sums_of(row) for row in rows}


def queue_sums(actor: Actor) -> Sums:
    """Return the sums of visible accounts no territory took; what territories took but nobody owns is in theirs."""
    row = AccountAssociation.objects.filter(
        valid_to=None,
        is_primary=True,
        territory=None,
        account_id__in=scope.accounts(actor).order_by().values("pk"),
    ).aggregate(**ACCOUNT_SUMS)
    return sums_of(row)


def people_by_node(
    nodes: QuerySet[TerritoryNode],
    *,
    role: str,
    day: date | None = None,
    reps: Collection[int] | None = None,
) -> dict[int, tuple[str, ...]]:
    """Return node id -> names of those (among ``reps``) who have the role there on a day; default: today (one query)."""
    today = day or timezone.localdate()
    members = (
        Member.objects.filter(
            Q(starts_on=None) | Q(starts_on__lte=today),
            Q(ends_on=None) | Q(ends_on__gt=today),
            Q(rep__left_on=None) | Q(rep__left_on__gt=today),
            role=role,
            node_id__in=nodes.order_by().values("pk"),
        )
        .order_by("starts_on", "rep__email")
        .values_list("node_id", "rep__name")
    )
    if reps is not None:
        members = members.filter(rep_id__in=reps)
    names: dict[int, list[str]] = {}
    for node, name in members:
        names.setdefault(node, []).append(name)
    return {node: tuple(found) for node, found in names.items()}


def tree(actor: Actor) -> list[TreeRow]:
    """Return the visible territories of the active model in tree order (depth first), with sums (5 queries)."""
    return _rows(scope.visible_nodes(actor), has_sums=True)


def past_tree(actor: Actor, model: str, when: datetime, *, day: date, sight: Sight) -> list[TreeRow]:
    """Return the territories of a model whose names the actor may read, with people and sums of an instant (5 queries).

    Sums are over accounts the actor sees now.
    """
    nodes = TerritoryNode.objects.filter(model__key=model).select_related("territory", "type")
    if sight.territories is not None:
        nodes = nodes.filter(territory__key__in=sight.territories)
    held = held_at(when)
    if not actor.sees_all:
        held &= Q(account_id__in=scope.accounts(actor).order_by().values("pk"))
    return _rows(nodes, has_sums=True, held=held, day=day, reps=sight.reps)


def model_tree(actor: Actor, key: str) -> tuple[TerritoryModel, list[TreeRow]] | None:
    """Return any model with its tree, for planners; None when there is none or the actor does not plan."""
    model = models(actor).filter(key=key).first()
    if model is None:
        return None
    nodes = scope.planned_nodes(actor).filter(model=model).select_related("territory", "type")
    return model, _rows(nodes, has_sums=model.state == "active")


def models(actor: Actor) -> QuerySet[TerritoryModel]:
    """Return all models for those who plan, none for everybody else; ``n_territories`` counts what they may plan."""
    if not any(map(actor.can, PLANNING)):
        return TerritoryModel.objects.none()
    counted = Count("nodes")
    if not any(actor.can(right, everywhere=True) for right in PLANNING):
        counted = Count("nodes", filter=Q(nodes__in=scope.planned_nodes(actor).order_by().values("pk")))
    return TerritoryModel.objects.annotate(n_territories=counted).order_by("-effective_on", "-id")


def planned_names(actor: Actor, keys: Iterable[str]) -> dict[tuple[str, str], str]:
    """Return (model, territory) -> the territory's name, for territories of these keys the actor plans (one query)."""
    rows = scope.planned_nodes(actor).filter(territory__key__in=set(keys)).order_by()
    return {
        (model, key): name for model, key, name in rows.values_list("model__key", "territory__key", "name")
    }


def differences(actor: Actor, keys: Iterable[str]) -> dict[str, tuple[int, int, int]]:
    """Return model key -> territories (added, removed, changed) against the active model (one query)."""
    wanted = list(keys)
    rows = (
        scope.planned_nodes(actor)
        .filter(Q(model__in=models(actor).filter(key__in=wanted)) | Q(model__state="active"))
        .order_by()
        .values_list("model__key", "model__state", "territory__key", "name", "criteria", "priority", "path")
    )
    content: dict[str, dict[str, tuple[Any, ...]]] = {}
    active: dict[str, tuple[Any, ...]] = {}
    for model, state, territory, *rest in rows:
        content.setdefault(model, {})[territory] = tuple(rest)
        if state == "active":
            active[territory] = tuple(rest)
    result = {}
    for model in wanted:
        nodes = content.get(model, {})
        changed = sum(1 for key in nodes.keys() & active.keys() if nodes[key] != active[key])
        result[model] = (len(nodes.keys() - active.keys()), len(active.keys() - nodes.keys()), changed)
    return result


def members_of(node: TerritoryNode) -> QuerySet[Member]:
    """Return everybody who was, is or will be in the territory, in this model and earlier active ones."""
    return (
        Member.objects.filter(
            Q(node=node) | Q(node__territory_id=node.territory_id, node__model__state="archived")
        )
        .select_related("rep", "node__model")
        .order_by("-starts_on", "rep__name", "id")
    )


def named_of(actor: Actor, node: TerritoryNode) -> list[tuple[NamedAccount, Account | None]]:
    """Return named and excluded accounts of a territory, each with its account when the actor sees it (2 queries)."""
    named = list(node.named_accounts.order_by("is_excluded", "position", "id"))
    ids = [row.account_external_id for row in named]
    found = {row.external_id: row for row in scope.accounts(actor).filter(external_id__in=ids)} if ids else {}
    return [(row, found.get(row.account_external_id)) for row in named]


def _rows(
    nodes: QuerySet[TerritoryNode],
    *,
    has_sums: bool,
    held: Q = NOW,
    day: date | None = None,
    reps: Collection[int] | None = None,
) -> list[TreeRow]:
    found = list(nodes.select_related("territory", "type"))
    sums = sums_by_territory(nodes, held=held) if has_sums else {}
    owners = people_by_node(nodes, role="owner", day=day, reps=reps)
    managers = people_by_node(nodes, role="manager", day=day, reps=reps)
    with_children = set(
        TerritoryNode.objects.filter(parent_id__in=nodes.order_by().values("pk")).values_list(
            "parent_id", flat=True
        )
    )
    by_path = {node.path: node for node in found}
    rows = [
        TreeRow(
            id=node.pk,
            territory_id=node.territory_id,
            key=node.territory.key,
            name=node.name,
            list_name=node.territory.name,
            type_name=node.type.name,
            is_primary=node.type.is_primary,
            parent=_visible_parent(node, by_path),
            depth=0,
            path=node.path,
            is_leaf=node.pk not in with_children,
            has_criteria=bool(node.criteria),
            priority=node.priority,
            owners=owners.get(node.pk, ()),
            managers=managers.get(node.pk, ()),
            own=sums.get(node.territory_id, Sums()),
        )
        for node in found
    ]
    return rolled_up(rows)


def _visible_parent(node: TerritoryNode, by_path: Mapping[str, TerritoryNode]) -> str | None:
    path = node.path.rstrip("/")
    while "/" in path:
        path = path.rsplit("/", 1)[0]
        if path + "/" in by_path:
            return by_path[path + "/"].territory.key
    return None


def rolled_up(rows: list[TreeRow]) -> list[TreeRow]:
    """Return the rows depth first, with visible depth, and totals that hold everything below of the same kind.

    An overlay lies over accounts that have their primary place elsewhere, so it never adds to a primary parent.
    """
    children: dict[str | None, list[TreeRow]] = {}
    for row in rows:
        children.setdefault(row.parent, []).append(row)

    def walk(row: TreeRow, depth: int) -> tuple[Sums, list[TreeRow]]:
        total, below = row.own, []
        for child in children.get(row.key, ()):
            sums, found = walk(child, depth + 1)
            below += found
            if child.is_primary == row.is_primary:
                total = total + sums
        return total, [replace(row, depth=depth, total=total), *below]

    return [row for root in children.get(None, ()) for row in walk(root, 0)[1]]
