"""The same question on every surface: how many accounts, and how much money, are where?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from tests.proofs.machines import checks
from tests.proofs.machines.company import Book

from merestone.app.exchange.exporting import exported_rows
from merestone.app.history import owned_on
from merestone.app.policy import OPERATOR
from merestone.app.report import tree_sums
from merestone.app.services import Services
from merestone.db.queries import mapdata, scope, territories


def _added(rows: Iterable[tuple[str | None, Decimal | None]]) -> dict[str | None, tuple[int, Decimal]]:
    found: dict[str | None, tuple[int, Decimal]] = defaultdict(lambda: (0, Decimal(0)))
    for key, amount in rows:
        n, total = found[key]
        found[key] = (n + 1, total + (amount or 0))
    return dict(found)


def disagreements(services: Services, book: Book) -> list[str]:
    """Return where list, export, history, tree, map or balance tell other sums than the book, by territory."""
    amounts = {pk: row["potential"] or Decimal(0) for pk, row in book.accounts.items()}
    expected = _added((book.places[pk][0], amount) for pk, amount in amounts.items())
    listed = scope.accounts(OPERATOR).values_list("pk", "territory_key", "potential")
    owned = owned_on(services, OPERATOR, "accounts", on=services.clock.now()).to_pylist()
    exported = exported_rows(services, OPERATOR, "accounts", columns=["external_id", "potential"]).to_pylist()
    keys = {row["external_id"]: book.places[pk][0] for pk, row in book.accounts.items()}
    tree = territories.tree(OPERATOR)
    queue = territories.queue_sums(OPERATOR)
    surfaces: dict[str, checks.Totals] = {
        "list": _added((key, amount) for _, key, amount in listed),
        "history": _added((row["territory"], amounts[row["record"]]) for row in owned),
        "export": _added((keys[row["external_id"]], row["potential"]) for row in exported),
        "tree": {row.key: (row.own.accounts, row.own.potential) for row in tree if row.is_primary}
        | {None: (queue.accounts, queue.potential)},
    }
    found = checks.differing(surfaces, expected)
    return found + _wholes(services, book, amounts, tree)


def _wholes(services: Services, book: Book, amounts: dict[int, Decimal], tree: list[Any]) -> list[str]:
    """Return where roots and queue do not add up to the company (promise 7)."""
    whole = (len(amounts), sum(amounts.values(), Decimal(0)))
    queue = territories.queue_sums(OPERATOR)
    roots = [row for row in tree if row.is_primary and row.parent is None]
    sums = tree_sums(services, OPERATOR).to_pylist()
    tops = {row.key for row in roots} | {None}
    shown = mapdata.map_data(OPERATOR)
    parts = [*shown["territories"], shown["unplaced"], shown["elsewhere"]]
    wholes = {
        "tree": (
            sum(row.total.accounts for row in roots) + queue.accounts,
            sum((row.total.potential for row in roots), queue.potential),
        ),
        "balance": (
            sum(row["accounts"] for row in sums if row["territory"] in tops),
            sum((Decimal(row["potential"] or 0) for row in sums if row["territory"] in tops), Decimal(0)),
        ),
        "map": (
            sum(one["accounts"] for one in parts),
            Decimal(str(round(sum(one["potential"] for one in parts), 2))),
        ),
    }
    return checks.differing({name: {None: pair} for name, pair in wholes.items()}, {None: whole})
