"""The fields criteria may use: the criterion columns of accounts and leads, and custom fields."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from merestone.base.errors import UsageError
from merestone.core.model.columns import ACCOUNTS, LEADS, Kind, Table

# Short names people write for a column; a custom field of the same name hides one.
ALIASES: Mapping[str, str] = {
    "zip": "postal_code",
    "zip_code": "postal_code",
    "zipcode": "postal_code",
    "postcode": "postal_code",
    "lat": "latitude",
    "lon": "longitude",
    "lng": "longitude",
    "fips": "county",
    "products": "products_of_interest",
    "id": "external_id",
}
RESERVED = frozenset(("and", "or", "not", "in", "between", "is", "null", "true", "false", "date", "list"))
CUSTOM_KINDS = (Kind.TEXT, Kind.NUMBER, Kind.MONEY, Kind.DATE, Kind.BOOLEAN, Kind.LIST)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the criteria language.

    Parameters
    ----------
    name : str
        Lower-case name as written in criteria.
    kind : Kind
        Type of its values.
    label : str
        Words on the screen.
    choices : tuple of str
        Allowed values; empty = free.
    unit : str
        Unit of a number, shown after it.
    is_custom : bool
        True when declared by the company or the document.
    """

    name: str
    kind: Kind
    label: str
    choices: tuple[str, ...] = ()
    unit: str = ""
    is_custom: bool = False


def custom_field(name: str, kind: Kind | str, label: str = "") -> Field:
    """Return a custom field, its label made from its name when none is given."""
    return Field(name, Kind(kind), label or name.replace("_", " ").capitalize(), is_custom=True)


def is_field_name(name: str) -> bool:
    """Return whether ``name`` can be a custom field: lower-case letters, digits and ``_``, and no word of the language."""
    return bool(_NAME.fullmatch(name)) and name not in RESERVED


class FieldSet:
    """The fields known to one rule document, by name; immutable.

    Parameters
    ----------
    fields : iterable of Field
        A later field of the same name replaces an earlier one.
    """

    def __init__(self, fields: Iterable[Field]) -> None:
        self._fields = {field.name: field for field in fields}

    def __iter__(self) -> Iterator[Field]:
        return iter(self._fields.values())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __getitem__(self, name: str) -> Field:
        field = self.get(name)
        if field is None:
            raise UsageError(f"There is no field '{name}'.", code="unknown-field")
        return field

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FieldSet) and self._fields == other._fields

    def __hash__(self) -> int:
        return hash(tuple(self._fields))

    def get(self, name: str) -> Field | None:
        """Return the field of this name or alias, or None."""
        return self._fields.get(name) or self._fields.get(ALIASES.get(name, ""))

    @property
    def names(self) -> tuple[str, ...]:
        """Every name and alias that means a field."""
        return (*self._fields, *(alias for alias, target in ALIASES.items() if target in self._fields))

    def nearest(self, name: str) -> str | None:
        """Return the known name most like ``name``, or None when nothing is alike."""
        near = difflib.get_close_matches(name.lower(), self.names, n=1, cutoff=0.6)
        return near[0] if near else None

    def with_custom(self, fields: Iterable[Field]) -> FieldSet:
        """Return these fields and the given ones."""
        return FieldSet([*self, *fields])

    def raw(self, record: Mapping[str, Any], field: Field) -> Any:
        """Return what ``record`` holds for ``field`` under its name or an alias; None when absent."""
        if field.name in record:
            return record[field.name]
        for alias, target in ALIASES.items():
            if target == field.name and alias in record and alias not in self._fields:
                return record[alias]
        return None


def _of(table: Table) -> list[Field]:
    return [
        Field(column.name, column.kind, column.label, column.choices, column.unit)
        for column in table
        if column.is_criterion
    ]


@cache
def standard_fields(table: str | None = None) -> FieldSet:
    """Return the built-in fields of ``"accounts"``, of ``"leads"``, or (None) of both, accounts first."""
    if table == "accounts":
        return FieldSet(_of(ACCOUNTS))
    if table == "leads":
        return FieldSet(_of(LEADS))
    accounts = _of(ACCOUNTS)
    names = {field.name for field in accounts}
    return FieldSet([*accounts, *(field for field in _of(LEADS) if field.name not in names)])
