"""The live data as evidence: every promise as questions in sets."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from django.db.models import Count, Q, QuerySet, Sum

from merestone.app.ports_audit import Check
from merestone.db.models import (
    Account,
    AccountAssociation,
    AuditEntry,
    AuditSeal,
    Lead,
    Member,
    NamedAccount,
    Publication,
    TerritoryModel,
    TerritoryNode,
    TerritoryType,
)
from merestone.db.stores.book import BookStore
from merestone.db.stores.failures import translated
from merestone.db.stores.kept.changes import reading_at_once
from merestone.db.stores.verify import chain, history, places, references, replay

MEASURES = ("potential", "workload_hours", "revenue")


def _sums(rows: QuerySet[Any], path: str) -> dict[str, Decimal]:
    sums = rows.aggregate(n=Count("pk"), **{f"{name}_sum": Sum(f"{path}{name}") for name in MEASURES})
    found = {name: Decimal(str(sums[f"{name}_sum"] or 0)) for name in MEASURES}
    return {"accounts": Decimal(sums["n"]), **found}


class EvidenceStore:
    """Implements ``app.ports_audit.Evidence``."""

    def at_one_instant(self) -> AbstractContextManager[object]:
        """Let everything asked within see the same instant, without keeping writers waiting."""
        return self._reading()

    @contextmanager
    def _reading(self) -> Iterator[object]:
        with translated(), reading_at_once() as is_committed:
            yield is_committed

    def checks(self, *, now: datetime, head: str | None) -> Sequence[Check]:
        """Return the questions the database itself answers."""
        return (
            *places.checks(),
            *history.checks(now),
            *references.checks(now),
            *chain.checks(now=now, head=head),
            *replay.checks(),
        )

    def head(self) -> str:
        """Return the digest of the last seal; empty when there is none."""
        return chain.head()

    def counts(self) -> Mapping[str, int]:
        """Return how many ``accounts``, ``leads``, ``entries`` and ``seals`` there are."""
        tables = {"accounts": Account, "leads": Lead, "entries": AuditEntry, "seals": AuditSeal}
        return {name: model._default_manager.count() for name, model in tables.items()}

    def totals(self) -> Mapping[str, Decimal]:
        """Return the company's sums over all accounts."""
        return _sums(Account.objects.all(), "")

    def placed_totals(self) -> Mapping[str, Decimal]:
        """Return the same sums over the accounts' open places in the active model and in the queue."""
        nodes = TerritoryNode.objects.filter(model__state="active").order_by().values("territory_id")
        here = Q(territory=None) | Q(territory_id__in=nodes)
        return _sums(AccountAssociation.objects.filter(here, valid_to=None, is_primary=True), "account__")

    def published(self) -> Sequence[tuple[int, str, str, str]]:
        """Return (model id, key, state, content hash) of the last publication of each model published with a hash."""
        names = ("model_id", "model__key", "model__state", "content_hash")
        published = Publication.objects.filter(model__state__in=("active", "archived")).exclude(
            content_hash=""
        )
        last = {row[0]: row for row in published.order_by("id").values_list(*names)}
        return [last[pk] for pk in sorted(last)]

    def is_accounted_for(self, model_id: int) -> bool:
        """Return whether the audit log names somebody who changed the model since it was published."""
        last = (
            Publication.objects.filter(model_id=model_id)
            .order_by("-id")
            .values_list("transaction", flat=True)
            .first()
        )
        sealed = AuditSeal.objects.filter(transaction=last or "").values_list("last_entry", flat=True).first()
        nodes = TerritoryNode.objects.filter(model_id=model_id).values("id")
        ours = Q(table_name=TerritoryModel._meta.db_table, row_id=model_id)
        for model, which in (
            (TerritoryNode, {"model_id": model_id}),
            (TerritoryType, {"model_id": model_id}),
            (Member, {"node_id__in": nodes}),
            (NamedAccount, {"node_id__in": nodes}),
        ):
            rows = model._default_manager.filter(**which).order_by().values("id")
            name = model._meta.db_table
            ours |= Q(table_name=name, row_id__in=rows) | Q(table_name=name, operation="D")
        ours |= Q(
            table_name="merestone_rep", operation="U", changes__has_key="email"
        )  # how documents name members
        later = AuditEntry.objects.filter(ours, id__gt=sealed or 0).exclude(actor="unknown")
        return later.exclude(table_name=TerritoryModel._meta.db_table).exists()

    def fresh_book(self) -> pa.Table:
        """Return all accounts as ``Book.accounts`` does, read and encoded anew."""
        with tempfile.TemporaryDirectory(prefix="verify-") as folder:
            return BookStore(Path(folder)).accounts()
