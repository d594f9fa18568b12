"""What a list can show, filter and sort by: made from the table contracts, plus what the queries add."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from merestone.core.model.columns import CAUSES, TABLES, Column, Kind

WHOLE = frozenset({"employees", "founded_year", "minutes"})


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a resource.

    Parameters
    ----------
    name : str
        Name in answers, filters, ``sort`` and ``fields``.
    source : str
        Path in the queryset; empty = the name.
    is_whole : bool
        A number without decimals.
    is_open : bool
        The value is any JSON.
    is_nullable : bool
        May be missing.
    is_sortable, is_filterable : bool
        False for values the database cannot order or compare.
    """

    name: str
    kind: Kind = Kind.TEXT
    help: str = ""
    source: str = ""
    choices: tuple[str, ...] = ()
    unit: str = ""
    is_whole: bool = False
    is_open: bool = False
    is_nullable: bool = True
    is_sortable: bool = True
    is_filterable: bool = True

    @property
    def path(self) -> str:
        """Path in the queryset."""
        return self.source or self.name


def number(name: str, text: str, *, source: str = "") -> Field:
    """Return a whole number."""
    return Field(name, Kind.NUMBER, text, source=source, is_whole=True)


def open_json(name: str, text: str) -> Field:
    """Return a field of any JSON, neither sorted nor filtered by."""
    return Field(name, Kind.LIST, text, is_open=True, is_sortable=False, is_filterable=False)


ID = Field(
    "id", Kind.NUMBER, "Key of the record in this database.", source="pk", is_whole=True, is_nullable=False
)
VERSION = Field(
    "version", Kind.NUMBER, "Rises by one with every change; the ETag.", is_whole=True, is_nullable=False
)
TIMES = (
    Field("created_at", Kind.INSTANT, "When the record was made here.", is_nullable=False),
    Field("updated_at", Kind.INSTANT, "When it was last changed.", is_nullable=False),
)
PLACE = (
    Field("territory", help="Key of the primary territory; null: none matched.", source="territory_key"),
    Field("territory_name", help="Its name."),
    number("owner_id", "Rep who owns the record; null: in the unassigned queue."),
    Field("owner", help="Their name.", source="owner_name"),
    Field("cause", help="Why it is there.", choices=CAUSES),
    Field("since", Kind.INSTANT, "Since when it has this place."),
)


def from_contract(table: str, *, skip: Iterable[str] = ()) -> tuple[Field, ...]:
    """Return the fields of a table contract; a reference becomes ``<name>_id`` and ``<name>`` (its name)."""
    left_out = set(skip)
    return tuple(
        field for column in TABLES[table] if column.name not in left_out for field in _fields_of(column)
    )


def _fields_of(column: Column) -> tuple[Field, ...]:
    made = Field(
        column.name,
        column.kind,
        column.help or f"{column.label}.",
        choices=column.choices,
        unit=column.unit,
        is_whole=column.name in WHOLE,
        is_sortable=column.kind not in (Kind.LIST, Kind.BOOLEAN),
    )
    if not column.refers_to:
        return (made,)
    key = number(f"{column.name}_id", f"{column.label}: its id.")
    return (key, replace(made, help=f"{column.label}: its name.", source=f"{column.name}__name", choices=()))
