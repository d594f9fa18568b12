"""Columns of lists: made from the table contracts, or declared where a list shows more than its table holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from merestone.core.model.columns import TABLES, Column, Kind


@dataclass(frozen=True, slots=True)
class ListColumn:
    """One column of a list.

    Parameters
    ----------
    name : str
        Its name in URLs and exports.
    source : str
        Path in the queryset: a field, ``account__name``, or an annotation.
    choices : tuple of str
        Fixed values; with ``is_facet`` the values found in the rows are offered instead.
    spoken : tuple of (str, str)
        Stored value and the words for it, where these are not the value itself.
    is_facet : bool
        Few distinct values: filtered by ticking them.
    is_badge : bool
        Shown as a coloured state.
    link : str
        Route of the record the value names; its id comes from ``link_id``.
    is_default : bool
        Shown unless the person chose columns.
    is_wide : bool
        Long text that may wrap.
    is_sortable, is_filterable : bool
        False for values the database cannot order or compare.
    """

    name: str
    label: str
    kind: Kind = Kind.TEXT
    source: str = ""
    choices: tuple[str, ...] = ()
    spoken: tuple[tuple[str, str], ...] = ()
    unit: str = ""
    help: str = ""
    is_facet: bool = False
    is_badge: bool = False
    link: str = ""
    link_id: str = "id"
    is_default: bool = False
    is_wide: bool = False
    is_sortable: bool = True
    is_filterable: bool = True

    @property
    def path(self) -> str:
        """Path in the queryset."""
        return self.source or self.name

    def say(self, value: object) -> str:
        """Return a stored value as people say it."""
        said = dict(self.spoken).get(str(value))
        return said or str(value).replace("_", " ").capitalize() if self.choices or said else str(value)

    @property
    def is_number(self) -> bool:
        """True when values line up at the right."""
        return self.kind in (Kind.NUMBER, Kind.MONEY)

    @property
    def has_options(self) -> bool:
        """True when the filter is a list of values to tick."""
        return bool(self.choices) or self.is_facet or self.kind is Kind.BOOLEAN


def from_contract(
    table: str, *, skip: Iterable[str] = (), default: Iterable[str] = (), **changes: dict[str, object]
) -> tuple[ListColumn, ...]:
    """Return the columns of a table contract for a list.

    Parameters
    ----------
    skip : iterable of str
        Columns the list leaves out.
    default : iterable of str
        Columns shown at first.
    **changes : dict
        Per column name: attributes of ``ListColumn`` that differ.
    """
    skipped, shown = set(skip), set(default)
    columns = [_column(column) for column in TABLES[table] if column.name not in skipped]
    return tuple(
        replace(column, is_default=column.name in shown, **changes.get(column.name, {}))  # type: ignore[arg-type]
        for column in columns
    )


def _column(column: Column) -> ListColumn:
    made = ListColumn(
        column.name, column.label, column.kind, choices=column.choices, unit=column.unit, help=column.help,
        is_badge=bool(column.choices), is_sortable=column.kind is not Kind.LIST,
    )  # fmt: skip
    if column.refers_to:
        link = {"accounts": "account", "reps": "rep", "leads": "lead"}.get(column.refers_to, "")
        made = replace(
            made,
            source=f"{column.name}__name",
            link=link,
            link_id=f"{column.name}_id",
            choices=(),
            is_badge=False,
        )
    return made
