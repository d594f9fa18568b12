"""Few rows and many rows, which SQLite writes by another way, come out the same, with the same log."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from merestone.app.policy import OPERATOR
from merestone.base.errors import ConflictError
from merestone.db.models import Account, AuditEntry, Rep
from merestone.db.stores import bulk
from merestone.db.stores.records import RecordStore

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
SIZES = (3, bulk.STAGED_FROM, bulk.CHUNK + 1)


def write(n: int) -> list[int]:
    columns: dict[str, Any] = {
        "external_id": [f"A{one}" for one in range(n)],
        "name": [f'Zürich ‘{one}’ "quoted"' for one in range(n)],
        "potential": [None if one % 2 else one * 100 + 1 for one in range(n)],
        "latitude": [one / 7 - 80 if one < 1000 else None for one in range(n)],
        "custom": ['{"tier": "a", "score": 1.5}'] * n,
    }
    with RecordStore().transaction(OPERATOR, cause="test"):
        return bulk.insert(Account, columns, n=n)


@pytest.mark.parametrize("n", SIZES)
def test_cells_come_out_as_they_went_in_and_in_order(n: int) -> None:
    ids = write(n)
    assert ids == sorted(ids)
    rows = list(Account.objects.order_by("id"))
    assert [row.pk for row in rows] == ids
    for place in (0, 1, 2, n - 1):
        row = rows[place]
        assert (row.external_id, row.name) == (f"A{place}", f'Zürich ‘{place}’ "quoted"')
        assert row.potential == (None if place % 2 else Decimal(place * 100 + 1) / 100)
        assert row.latitude == (place / 7 - 80 if place < 1000 else None)
        assert row.custom == {"tier": "a", "score": 1.5}


@pytest.mark.parametrize("n", SIZES[:2])
def test_update_merges_raises_the_version_and_is_logged_row_by_row(n: int) -> None:
    ids = write(n)
    with RecordStore().transaction(OPERATOR, cause="test"):
        columns = {"name": [f"New {one}" for one in ids], "custom": ['{"score": null, "plan": "b"}'] * n}
        assert bulk.update(Account, ids, columns, merged=["custom"]) == n
    found = Account.objects.values_list("id", "name", "custom", "version").order_by("id")
    assert list(found) == [(one, f"New {one}", {"tier": "a", "plan": "b"}, 2) for one in ids]
    entries = AuditEntry.objects.filter(table_name="merestone_account").order_by("id")
    told = list(entries.values_list("operation", "row_id"))
    assert sorted(told) == sorted([("I", one) for one in ids] + [("U", one) for one in ids])
    changed = entries.filter(operation="U", row_id=ids[-1]).get().changes
    assert changed["name"][1] == f"New {ids[-1]}"
    assert "version" not in changed


@pytest.mark.parametrize("n", SIZES[:2])
def test_refused_write_leaves_nothing_for_the_next(n: int) -> None:
    columns: dict[str, Any] = {"name": ["Rep"] * n, "email": ["same@example.com"] * n}
    with pytest.raises(ConflictError), RecordStore().transaction(OPERATOR, cause="test"):
        RecordStore().write("reps", _table(columns))
    assert not Rep.objects.exists()
    columns["email"] = [f"rep{one}@example.com" for one in range(n)]
    columns["hired_on"] = [date(2026, 1, 1)] * n
    with RecordStore().transaction(OPERATOR, cause="test"):
        RecordStore().write("reps", _table(columns))
    assert Rep.objects.count() == n


def _table(columns: dict[str, Any]) -> Any:
    import pyarrow as pa

    return pa.table(columns)
