"""The account columns rules are tried on, kept between two keystrokes of an edit.

Columns are read when they are first asked for and stay until a row of the accounts is written; the stamp is read every
time, so that a stale column is never served.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from merestone.app.services import Services
from merestone.core.model.columns import ACCOUNTS

SHOWN = ("external_id", "name", "city", "state", "latitude", "longitude", "county", "revenue")


class KeptColumns:
    """Columns of the accounts, all of one moment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stamp: Any = None
        self._columns: dict[str, pa.ChunkedArray] = {}

    def table(self, services: Services, names: Iterable[str]) -> pa.Table:
        """Return ``id`` and the named columns, ordered by id; what is not kept is read."""
        wanted = list(dict.fromkeys(names))
        with self._lock:
            stamp = (id(services.records), services.records.stamp(("accounts",)))
            if stamp != self._stamp:
                self._stamp, self._columns = stamp, {}
            missing = [name for name in wanted if name not in self._columns]
            if missing or not self._columns:
                self._read(services, missing)
            return pa.table({name: self._columns[name] for name in ("id", *wanted)})

    def _read(self, services: Services, missing: list[str]) -> None:
        table = services.records.snapshot("accounts", columns=missing)
        if self._columns and not table["version"].equals(self._columns["version"]):
            # Somebody wrote since the stamp was read: everything is read anew, and next time once more.
            missing = [name for name in (*self._columns, *missing) if name not in ("id", "version")]
            table = services.records.snapshot("accounts", columns=missing)
            self._stamp, self._columns = None, {}
        self._columns |= {name: table[name] for name in ("id", "version", *missing)}

    def forget(self) -> None:
        """Keep nothing."""
        with self._lock:
            self._stamp, self._columns = None, {}


KEPT = KeptColumns()
"""Those of this process's database."""


def account_columns(services: Services, names: Iterable[str]) -> pa.Table:
    """Return accounts, ordered by id, with the named columns and those every result shows.

    Parameters
    ----------
    names : iterable of str
        Columns of accounts, custom fields included; unknown ones are left out, as a field without column is missing
        everywhere.
    """
    known = {*ACCOUNTS.names, *services.records.custom_fields("accounts")}
    return KEPT.table(services, [*SHOWN, *(name for name in names if name in known)])
