"""The fields customers add: what is declared, how their columns are called, and their database index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.db import connection, models

from merestone.base.errors import ConflictError
from merestone.core.model.columns import TABLES, Kind
from merestone.db.expressions import CustomValue
from merestone.db.models import Account, CustomField, Lead

MODELS: dict[str, type[models.Model]] = {"accounts": Account, "leads": Lead}


def declared(table: str) -> dict[str, str]:
    """Return custom field key -> kind of a table, by key; empty for tables without."""
    if table not in MODELS:
        return {}
    return dict(CustomField.objects.filter(table=table).order_by("key").values_list("key", "kind"))


def column_names(table: str, keys: Iterable[str]) -> dict[str, str]:
    """Return column name -> key: the plain key, as criteria use it, unless a column of the table has that name."""
    taken = {"id", "version", *TABLES[table].names}
    return {f"custom.{key}" if key in taken else key: key for key in keys}


def ensure_declared(table: str, fields: Mapping[str, str]) -> None:
    """Create the fields that are missing.

    Raises
    ------
    ConflictError
        If a field is there with another kind.
    """
    present = declared(table)
    for key, kind in fields.items():
        if key not in present:
            label = key.replace("_", " ").replace("-", " ").capitalize()
            CustomField.objects.create(table=table, key=key, label=label, kind=Kind(kind).value)
        elif present[key] != kind:
            raise ConflictError(
                f"The custom field '{key}' is {present[key]} here, not {kind}.",
                code="custom-field-kind",
                difference={key: [str(kind), present[key]]},
                fix="Use the kind that is declared, or another key.",
            )


def declare(table: str, key: str, *, kind: str, label: str, choices: Sequence[str], is_indexed: bool) -> None:
    """Create a field, or change its label, choices and index.

    Raises
    ------
    ConflictError
        If the field is there with another kind.
    """
    ensure_declared(table, {key: kind})
    field = CustomField.objects.select_for_update().get(table=table, key=key)
    wanted = {"label": label or field.label, "choices": list(choices), "is_indexed": is_indexed}
    if any(getattr(field, name) != value for name, value in wanted.items()):
        for name, value in wanted.items():
            setattr(field, name, value)
        field.version += 1
        field.save()
    ensure_index(field)


def index_name(field: CustomField) -> str:
    """Return the name of a field's index."""
    return f"custom_{field.pk}_{field.table}"


def ensure_index(field: CustomField) -> None:
    """Create or drop the index of a field, as its ``is_indexed`` says; it serves filters on ``CustomValue``."""
    name = connection.ops.quote_name(index_name(field))
    with connection.cursor() as cursor:
        if not field.is_indexed:
            cursor.execute(f"DROP INDEX IF EXISTS {name}")
            return
        table = connection.ops.quote_name(MODELS[field.table]._meta.db_table)
        value = CustomValue(field.key, field.kind).sql(connection.vendor, "custom")
        cursor.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {table} (({value}))")
