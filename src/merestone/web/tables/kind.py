"""The declaration of a list, and the page it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import QuerySet

from merestone.app.policy import Actor, Right
from merestone.core.model.columns import Kind
from merestone.web.tables.columns import ListColumn
from merestone.web.tables.query import ListQuery


@dataclass(frozen=True, slots=True)
class BulkAction:
    """Something to do with many rows at once.

    Parameters
    ----------
    name : str
        Its name in the form.
    form : type
        Django form asked before it is done.
    run : callable
        ``run(request, ids, cleaned_data) -> str``: does it in one use case and says what was done.
    stamp : callable, optional
        ``stamp(request, ids) -> str``: of what is looked at when the form is shown; ``run`` finds it under ``seen``.
    """

    name: str
    label: str
    icon: str
    right: Right
    form: Any
    run: Callable[[Any, list[int], dict[str, Any]], str]
    help: str = ""
    stamp: Callable[[Any, list[int]], str] | None = None


@dataclass(frozen=True, slots=True)
class Empty:
    """What an empty list says to do next."""

    title: str
    text: str
    action: str = ""
    route: str = ""
    right: Right = Right.SEE


@dataclass(frozen=True, slots=True)
class ListKind:
    """One list.

    Parameters
    ----------
    name : str
        Route name, and the name saved views are kept under.
    rows : callable
        The scoped queryset of ``db.queries`` for an actor.
    search : tuple of str
        Paths the search box looks in.
    order : tuple of str
        Order when none is chosen.
    table : str
        Table contract the export follows; empty when the rows are no contract's.
    custom : callable or None
        Returns the custom columns, added behind the others.
    create : str
        Route that makes a new row.
    keeps : tuple of str
        Parameters of its URL that are no filters but stay in its links: the day asked about.
    ask : callable or None
        ``ask(kind, request) -> kind``: reads those parameters and says which rows they mean.
    bar : str
        Template between head and list; it reads ``kind.asked``.
    """

    name: str
    title: str
    singular: str
    scope: str
    rows: Callable[[Actor], QuerySet[Any]]
    columns: tuple[ListColumn, ...]
    search: tuple[str, ...]
    order: tuple[str, ...]
    empty: Empty
    lede: str = ""
    right: Right = Right.SEE
    table: str = ""
    actions: tuple[BulkAction, ...] = ()
    custom: Callable[[], tuple[ListColumn, ...]] | None = None
    create: str = ""
    create_right: Right = Right.EDIT_ACCOUNTS
    keeps: tuple[str, ...] = ()
    ask: Callable[[ListKind, Any], ListKind] | None = None
    bar: str = ""
    asked: dict[str, Any] = field(default_factory=dict)
    crumbs: tuple[tuple[str, str], ...] = field(default=())

    @property
    def default_columns(self) -> tuple[ListColumn, ...]:
        """Columns shown unless the person chose others."""
        return tuple(column for column in self.columns if column.is_default)

    @property
    def bulk_route(self) -> str:
        """Route of its bulk actions."""
        return f"{self.name}-bulk"

    @property
    def export_route(self) -> str:
        """Route of its export."""
        return f"{self.name}-export"

    def complete(self, request: Any = None) -> ListKind:
        """Return the kind with its custom columns, and with the rows a request asks for."""
        kind = replace(self, columns=(*self.columns, *self.custom()), custom=None) if self.custom else self
        return kind.ask(kind, request) if kind.ask is not None else kind


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of one row, ready for the template."""

    column: ListColumn
    value: Any
    link_id: Any = None
    currency: str = ""

    @property
    def is_blank(self) -> bool:
        """True when there is nothing to show."""
        return self.value in (None, "", [], {})


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the page."""

    id: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page of a list.

    Parameters
    ----------
    total : int
        Exact number of rows that match.
    """

    lines: list[Line]
    total: int
    page: int
    size: int

    @property
    def first(self) -> int:
        """Number of the first row shown, counted from 1."""
        return (self.page - 1) * self.size + 1 if self.total else 0

    @property
    def last(self) -> int:
        """Number of the last row shown."""
        return min(self.page * self.size, self.total)

    @property
    def n_pages(self) -> int:
        """Number of pages, at least 1."""
        return max(1, -(-self.total // self.size))


def read_page(kind: ListKind, query: ListQuery, actor: Actor) -> ListPage:
    """Return the page a URL asks for, in two statements whatever the number of rows."""
    rows = query.apply(kind.rows(actor), kind)
    total = rows.count()
    page = min(query.page, max(1, -(-total // query.size)))
    wanted = _paths(kind, query)
    start = (page - 1) * query.size
    lines = [_line(row, query) for row in rows.values(*wanted)[start : start + query.size]] if total else []
    return ListPage(lines, total, page, query.size)


def _paths(kind: ListKind, query: ListQuery) -> list[str]:
    paths = {"id": None}
    for column in query.columns:
        paths[column.path] = None
        if column.link:
            paths[column.link_id] = None
        if column.kind is Kind.MONEY and any(other.name == "currency" for other in kind.columns):
            paths["currency"] = None
    return list(paths)


def _line(row: dict[str, Any], query: ListQuery) -> Line:
    cells = (
        Cell(
            column,
            row[column.path],
            row.get(column.link_id) if column.link else None,
            row.get("currency") or "",
        )
        for column in query.columns
    )
    return Line(row["id"], tuple(cells))
