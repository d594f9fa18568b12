"""Forms for records: made from the contract, limited to what people edit."""

from __future__ import annotations

from typing import Any

from django import forms

from merestone.app import crm
from merestone.core.model.columns import TABLES
from merestone.web.forms.fields import field_of

WIDE = frozenset({"notes", "address", "products_of_interest"})


class RecordForm(forms.Form):
    """Base of the record forms: the version read travels along, so that a stale write is noticed."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    @property
    def values(self) -> dict[str, Any]:
        """The entered values by column name."""
        return {name: value for name, value in self.cleaned_data.items() if name != "version"}


def record_form(table: str, *, only: tuple[str, ...] | None = None) -> type[RecordForm]:
    """Return the form class for a table's editable columns."""
    names = only or crm.EDITABLE[table]
    fields = {column.name: field_of(column) for column in TABLES[table] if column.name in names}
    ordered = {name: fields[name] for name in names if name in fields}
    for name, field in ordered.items():
        field.is_wide = name in WIDE  # type: ignore[attr-defined]
    return type(f"{table.capitalize()}Form", (RecordForm,), ordered)


def initial_of(row: Any, table: str) -> dict[str, Any]:
    """Return a row's values for its form."""
    return {name: getattr(row, name) for name in crm.EDITABLE[table]} | {"version": row.version}
