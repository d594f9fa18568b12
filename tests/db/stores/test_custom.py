"""Custom fields: their database index is one the planner uses."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.models import QuerySet

from merestone.base.errors import ConflictError, UsageError
from merestone.db.expressions import CustomValue
from merestone.db.models import Account, CustomField
from merestone.db.stores.custom import ensure_declared, ensure_index, index_name

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def declare(kind: str = "text", *, key: str = "tier", is_indexed: bool = True) -> CustomField:
    return CustomField.objects.create(table="accounts", key=key, label=key, kind=kind, is_indexed=is_indexed)


def rows_with(kind: str, value: object) -> QuerySet:
    return (
        Account.objects.annotate(tier=CustomValue("tier", kind))
        .filter(tier=value)
        .order_by()
        .values_list("name")
    )


def plan(rows: QuerySet) -> str:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
    return rows.explain()


@pytest.mark.parametrize(("kind", "value"), [("text", "gold"), ("number", 7.5), ("date", "2026-01-31")])
def test_indexed_field_is_found_by_its_index(kind, value):
    field, rows = declare(kind), rows_with(kind, value)
    assert index_name(field) not in plan(rows)
    ensure_index(field)
    ensure_index(field)
    assert index_name(field) in plan(rows)
    Account.objects.create(name="has it", custom={"tier": value})
    Account.objects.create(name="has none")
    assert list(rows) == [("has it",)]


def test_boolean_values_compare_as_booleans():
    Account.objects.create(name="yes", custom={"tier": True})
    Account.objects.create(name="no", custom={"tier": False})
    assert list(rows_with("boolean", True)) == [("yes",)]
    assert list(rows_with("boolean", False)) == [("no",)]


def test_key_that_is_no_slug_never_reaches_the_sql():
    with pytest.raises(UsageError):
        CustomValue("x') OR 1=1 --")


def test_index_goes_when_the_field_is_indexed_no_more():
    field = declare(key="some-key")
    ensure_index(field)
    field.is_indexed = False
    ensure_index(field)
    with connection.cursor() as cursor:
        names = connection.introspection.get_constraints(cursor, "merestone_account")
    assert index_name(field) not in names


def test_declaring_again_keeps_the_field_and_another_kind_is_refused():
    ensure_declared("accounts", {"tier": "text"})
    ensure_declared("accounts", {"tier": "text", "score": "number"})
    assert CustomField.objects.count() == 2
    with pytest.raises(ConflictError) as caught:
        ensure_declared("accounts", {"tier": "number"})
    assert caught.value.difference == {"tier": ["number", "text"]}
