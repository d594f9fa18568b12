"""What the use cases of history need from outside: dated intervals, tables as known earlier, quotas."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Protocol

import pyarrow as pa

from merestone.core.model.territory import TerritoryModelDocument


class History(Protocol):
    """Reads who had what when, and what was known of it when; writes quotas."""

    def as_of(
        self,
        table: str,
        when: datetime,
        *,
        ids: Iterable[int] | None = None,
        known: datetime | None = None,
    ) -> pa.Table:
        """Return who had what at an instant; one query unless ``known`` is given.

        Parameters
        ----------
        table : str
            ``accounts``, ``leads``: ``id`` (of the interval), ``record``, ``territory`` (key or null), ``owner`` (rep
            id or null), ``model`` (key or null), ``is_primary``, ``cause``, ``valid_from``, ``valid_to``.
            ``opportunities``: the same without ``territory`` and ``is_primary``.
            ``members``: ``territory``, ``rep``, ``role``, ``starts_on``, ``ends_on`` in the model active then.
            ``quotas``: ``territory``, ``amount``, ``currency``, ``starts_on``, ``ends_on``.
        ids : iterable of int, optional
            Only these records (members, quotas: territories, by id).
        known : datetime, optional
            As the database said just before this instant.
        """
        ...

    def intervals(self, table: str, ids: Iterable[int], *, known: datetime | None = None) -> pa.Table:
        """Return all intervals of some records in ``as_of``'s columns and ``reason`` (JSON text), oldest first."""
        ...

    def rows_as_known(self, table: str, at: datetime, *, ids: Iterable[int] | None = None) -> pa.Table:
        """Return any audited table as it was just before ``at``, deleted and renumbered rows included.

        ``table`` is one of ``core.model.columns.TABLES`` or the name of a table of the database. The cost grows with
        what changed since.
        """
        ...

    def names(self, *, known: datetime | None = None) -> Names:
        """Return the names of territories, reps and models."""
        ...

    def publications(self, *, known: datetime | None = None) -> list[tuple[datetime, str | None]]:
        """Return (instant, key of the model active from then on, or None), oldest first."""
        ...

    def staffing(self, territories: Collection[str], *, known: datetime | None = None) -> pa.Table:
        """Return members in models that are or were active: ``territory``, ``model`` (keys), ``rep`` (id), ``role``,
        ``starts_on``, ``ends_on``."""
        ...

    def quotas(
        self, *, territories: Collection[str] | None = None, known: datetime | None = None
    ) -> pa.Table:
        """Return quotas by territory and start: ``id``, ``version``, ``territory``, ``starts_on``, ``ends_on``,
        ``amount``, ``currency``."""
        ...

    def document(self, key: str, known: datetime) -> TerritoryModelDocument | None:
        """Return a model's document as it was just before ``known``; None when there was no such model."""
        ...

    def write_quotas(self, rows: Sequence[Mapping[str, Any]]) -> int:
        """Insert or change quotas (``id`` or None, ``territory`` key, ``starts_on``, ``ends_on``, ``amount``,
        ``currency``); returns how many were written. The caller holds a transaction and has checked them."""
        ...

    def delete_quotas(self, ids: Collection[int]) -> int:
        """Delete quotas; returns how many. The caller holds a transaction."""
        ...

    def set_instant(self, at: datetime) -> None:
        """Let the transaction's changes of opportunities' owners happen at ``at``, not when the transaction began."""
        ...

    def explain(
        self,
        reasons: Mapping[int, Mapping[str, Any]],
        *,
        cause: str,
        model_id: int | None = None,
        stays_until: date | None = None,
    ) -> int:
        """Say why opportunities (id -> reason) are held as they are now; returns how many intervals were told anew."""
        ...


class Names(Protocol):
    """Names by key or id, all of one moment."""

    @property
    def territories(self) -> Mapping[str, str]:
        """Territory key -> name."""
        ...

    @property
    def reps(self) -> Mapping[int, str]:
        """Rep id -> name."""
        ...

    @property
    def models(self) -> Mapping[str, str]:
        """Model key -> name."""
        ...
