"""What somebody has that others may take over: accounts, leads and open work, in columns."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pyarrow as pa
from django.db import connection, models
from django.db.models import Count, OuterRef, Subquery, Sum

from merestone.db import models as rows
from merestone.db.stores import bulk
from merestone.db.stores.cells import Shape, to_arrow

OPEN_LEADS = ("new", "working", "nurturing", "qualified")
CLOSED_STAGES = ("won", "lost")
PLACES = {
    "id": Shape.INTEGER,
    "record": Shape.INTEGER,
    "territory__key": Shape.TEXT,
    "owner_id": Shape.INTEGER,
    "is_primary": Shape.BOOLEAN,
    "cause": Shape.TEXT,
    "reason": Shape.JSON,
    "valid_from": Shape.INSTANT,
}
FACTS = {
    "id": Shape.INTEGER,
    "name": Shape.TEXT,
    "language": Shape.TEXT,
    "industry": Shape.TEXT,
    "products_of_interest": Shape.LIST,
    "latitude": Shape.FLOAT,
    "longitude": Shape.FLOAT,
    "potential": Shape.MONEY,
    "workload_hours": Shape.FLOAT,
}


class HandedOver:
    """The reads of ``app.ports_people_changes.PeopleChanges`` about what people have."""

    def loads(self) -> dict[int, tuple[int, float]]:
        """Return rep id -> (accounts, hours a year) of the accounts they own."""
        query = rows.AccountAssociation.objects.filter(valid_to=None, is_primary=True, owner__isnull=False)
        sums = (
            query.order_by()
            .values_list("owner_id")
            .annotate(n=Count("pk"), hours=Sum("account__workload_hours"))
        )
        return {owner: (n, float(hours or 0)) for owner, n, hours in sums}

    def places(self, table: str, *, owner: int | None = None, ids: Iterable[int] | None = None) -> pa.Table:
        """Return all open associations of the records an owner has any of, or of ``ids``."""
        model, link = _side(table)
        query = model._default_manager.filter(valid_to=None).order_by(link, "-is_primary", "id")
        if owner is not None:
            theirs = model._default_manager.filter(valid_to=None, owner_id=owner)
            query = query.filter(**{f"{link}__in": theirs.order_by().values(link)})
        if ids is not None:
            query = query.filter(**{f"{link}__in": bulk.among(ids)})
        if table == "leads":
            query = query.filter(lead__status__in=OPEN_LEADS)
        _lock(query)
        names = [link if name == "record" else name for name in PLACES]
        cells = bulk.fetch(query, names)
        arrays = [to_arrow(column, shape) for column, shape in zip(cells, PLACES.values(), strict=True)]
        labels = [name.removesuffix("_id").removesuffix("__key") if name != "id" else name for name in PLACES]
        return pa.table(arrays, names=labels)

    def facts(self, table: str, ids: Collection[int]) -> pa.Table:
        """Return what a successor is chosen by, of accounts or leads, by id."""
        model = rows.Account if table == "accounts" else rows.Lead
        shapes = {
            name: shape for name, shape in FACTS.items() if table == "accounts" or name != "workload_hours"
        }
        query: Any = model._default_manager.filter(pk__in=bulk.among(ids)).order_by("pk")
        cells = bulk.fetch(query, list(shapes))
        return pa.table(
            {name: to_arrow(column, shapes[name]) for name, column in zip(shapes, cells, strict=True)}
        )

    def ties(self, accounts: Collection[int], people: Collection[int]) -> pa.Table:
        """Return ``account``, ``rep``, ``n``: activities done and opportunities these people had with the accounts."""
        chosen = {"account_id__in": bulk.among(accounts)}
        done = rows.Activity.objects.filter(**chosen, rep_id__in=bulk.among(people), is_done=True)
        held = rows.Opportunity.objects.filter(**chosen, owner_id__in=bulk.among(people))
        columns: list[list[Any]] = [[], [], []]
        for query, who in ((done, "rep_id"), (held, "owner_id")):
            for row in query.order_by().values_list("account_id", who).annotate(n=Count("pk")):
                for column, value in zip(columns, row, strict=True):
                    column.append(value)
        return pa.table([pa.array(column, pa.int64()) for column in columns], names=["account", "rep", "n"])

    def open_work(self, table: str, holder: int) -> pa.Table:
        """Return open opportunities or activities somebody holds."""
        query, names = _work(table, holder)
        place = rows.AccountAssociation.objects.filter(
            account_id=OuterRef("account_id"), valid_to=None, is_primary=True
        )
        query = query.order_by("pk")
        _lock(query)
        query = query.annotate(place_owner=Subquery(place.values("owner_id")[:1]))
        cells = bulk.fetch(query, [name for name, _ in names.values()])
        return pa.table(
            {label: to_arrow(column, names[label][1]) for label, column in zip(names, cells, strict=True)}
        )

    def owned_left(self, rep_id: int) -> dict[str, int]:
        """Return how many records somebody has still."""
        mine = {"valid_to": None, "owner_id": rep_id}
        return {
            "accounts": rows.AccountAssociation.objects.filter(**mine).count(),
            "leads": rows.LeadAssociation.objects.filter(**mine, lead__status__in=OPEN_LEADS).count(),
            "opportunities": _work("opportunities", rep_id)[0].count(),
            "activities": _work("activities", rep_id)[0].count(),
        }


def _lock(query: models.QuerySet[Any, Any]) -> None:
    """Let nobody else change these rows before the transaction ends, if one is open."""
    if connection.in_atomic_block and connection.features.has_select_for_update:
        ids = query.order_by().values("pk")
        bulk.fetch(
            query.model._default_manager.filter(pk__in=ids).order_by("pk").select_for_update(no_key=True),
            ["id"],
        )


def _side(table: str) -> tuple[type[models.Model], str]:
    if table == "accounts":
        return rows.AccountAssociation, "account_id"
    return rows.LeadAssociation, "lead_id"


def _work(table: str, holder: int) -> tuple[Any, dict[str, tuple[str, Shape]]]:
    names = {
        "id": ("id", Shape.INTEGER),
        "name": ("name", Shape.TEXT),
        "account": ("account_id", Shape.INTEGER),
        "lead": ("lead_id", Shape.INTEGER),
        "opportunity": ("opportunity_id", Shape.INTEGER),
        "potential": ("amount", Shape.MONEY),
        "place_owner": ("place_owner", Shape.INTEGER),
    }
    if table == "opportunities":
        del names["opportunity"]
        return rows.Opportunity.objects.filter(owner_id=holder).exclude(stage__in=CLOSED_STAGES), names
    del names["potential"]
    names["name"] = ("subject", Shape.TEXT)
    return rows.Activity.objects.filter(rep_id=holder, is_done=False), names
