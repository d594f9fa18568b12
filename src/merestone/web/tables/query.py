"""What a list's URL asks for: search, filters, order, columns, page. Read once, applied once, written back as links."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import Any, Protocol
from urllib.parse import urlencode

from django.db.models import F, Q, QuerySet
from django.http import QueryDict

from merestone.web.tables.columns import ListColumn
from merestone.web.tables.filters import Filter, read_filters, with_text_of_lists

SIZES = (25, 50, 100, 200)
NOT_FILTERS = frozenset({"q", "sort", "cols", "page", "size", "view"})
MAX_PAGE = 1_000_000


class Listed(Protocol):
    """What of a list's declaration a query needs."""

    @property
    def columns(self) -> tuple[ListColumn, ...]: ...
    @property
    def default_columns(self) -> tuple[ListColumn, ...]: ...
    @property
    def search(self) -> tuple[str, ...]: ...
    @property
    def order(self) -> tuple[str, ...]: ...
    @property
    def keeps(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class ListQuery:
    """A list's URL, understood.

    Parameters
    ----------
    pairs : tuple of (str, str)
        The parameters that mean something, in canonical order.
    """

    text: str
    filters: tuple[Filter, ...]
    sort: str
    columns: tuple[ListColumn, ...]
    page: int
    size: int
    pairs: tuple[tuple[str, str], ...]

    def url(self, *, drop: Iterable[str] = (), **changes: object) -> str:
        """Return ``?…`` with some parameters replaced or dropped; changing anything but the page goes to page 1."""
        gone = {*drop, *changes} | (set() if "page" in changes else {"page"})
        kept = [pair for pair in self.pairs if pair[0] not in gone]
        return "?" + urlencode(
            kept + [(key, str(value)) for key, value in changes.items() if value not in (None, "")]
        )

    @property
    def clear_text(self) -> str:
        """The same list without the search text."""
        return self.url(drop=["q"])

    @property
    def saved(self) -> str:
        """The query string a saved view keeps: everything but the page."""
        return urlencode([pair for pair in self.pairs if pair[0] != "page"])

    @property
    def sort_name(self) -> str:
        """Column sorted by, empty for the list's own order."""
        return self.sort.lstrip("-")

    def apply(self, rows: QuerySet[Any], kind: Listed) -> QuerySet[Any]:
        """Return the rows that match, in order."""
        rows = with_text_of_lists(rows, [one.column for one in self.filters])
        conditions = [one.condition for one in self.filters] + _search(kind, self.text)
        if conditions:
            rows = rows.filter(reduce(and_, conditions))
        return rows.order_by(*self._order(kind))

    def _order(self, kind: Listed) -> list[Any]:
        column = next((column for column in kind.columns if column.name == self.sort_name), None)
        if column is None:
            return [*kind.order, "pk"]
        expression = F(column.path)
        first = (
            expression.desc(nulls_last=True) if self.sort.startswith("-") else expression.asc(nulls_last=True)
        )
        return [first, "pk"]


def _search(kind: Listed, text: str) -> list[Q]:
    """Return one condition per word: each must occur in one of the list's search fields."""
    return [
        reduce(or_, (Q(**{f"{path}__icontains": word}) for path in kind.search)) for word in text.split()[:8]
    ]


def read_query(kind: Listed, query: QueryDict) -> ListQuery:
    """Return what the URL asks of a list; unknown parameters are ignored."""
    text = query.get("q", "").strip()[:200]
    filters = tuple(one for column in kind.columns for one in read_filters(column, query))
    by_name = {column.name: column for column in kind.columns}
    sort = query.get("sort", "")
    if sort.lstrip("-") not in by_name or not by_name[sort.lstrip("-")].is_sortable:
        sort = ""
    chosen = [name for value in query.getlist("cols") for name in value.split(",") if name in by_name]
    columns = tuple(by_name[name] for name in dict.fromkeys(chosen)) or kind.default_columns
    size = _whole(query.get("size"), SIZES[1])
    page = max(1, min(MAX_PAGE, _whole(query.get("page"), 1)))
    pairs = [(name, str(query[name])[:40]) for name in kind.keeps if query.get(name)]
    pairs += [("q", text)] if text else []
    pairs += [pair for one in filters for pair in one.keys]
    pairs += [("sort", sort)] if sort else []
    pairs += [("cols", ",".join(column.name for column in columns))] if chosen else []
    pairs += [("size", str(size))] if size in SIZES and size != SIZES[1] else []
    pairs += [("page", str(page))] if page > 1 else []
    return ListQuery(text, filters, sort, columns, page, size if size in SIZES else SIZES[1], tuple(pairs))


def _whole(text: str | None, default: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else default
