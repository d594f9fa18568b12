"""A record's values as facts on its page: labels and formats as in lists."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from merestone.core.model.columns import TABLES
from merestone.db.queries import lists
from merestone.web.tables.columns import from_contract
from merestone.web.tables.kind import Cell


def facts_of(row: Any, table: str, names: Iterable[str]) -> list[Cell]:
    """Return the named columns of a record as cells, empty ones left out."""
    columns = {column.name: column for column in from_contract(table)}
    cells = []
    for name in names:
        column = columns[name]
        value = getattr(row, name)
        if column.link and value is not None:
            cells.append(Cell(column, str(value), link_id=value.pk))
        else:
            cells.append(
                Cell(
                    column,
                    str(value) if TABLES[table][name].refers_to and value else value,
                    currency=currency_of(row),
                )
            )
    return [cell for cell in cells if not cell.is_blank]


def custom_facts(row: Any, table: str) -> list[tuple[str, Any]]:
    """Return (label, value) of the customer's own fields that hold something."""
    fields = lists.custom_fields(table)
    return [
        (field.label, row.custom[field.key])
        for field in fields
        if row.custom.get(field.key) not in (None, "")
    ]


def currency_of(row: Any) -> str:
    """Return the row's currency, or none."""
    return getattr(row, "currency", "") or ""
