"""The border of the part of a plan that somebody may change: what its top matches, and nothing else, can move within it.

A territory sees only what its parent matches, so a rule inside a part reaches no account beyond the part's top. Two
things could reach further, and are kept back: the top's own rule, place and rank are for whoever may change the
territory above it; and a name, which no rule comes before, may be given inside only to an account the top matches.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.access.places import reached
from merestone.app.policy import Actor, Right
from merestone.app.rule_paths import alone, conjunction, path_rules, position_of
from merestone.app.rulebook import rule_book
from merestone.app.services import Services
from merestone.base.errors import InvalidInputError, Problem
from merestone.core.criteria.values import fold
from merestone.core.model.territory import TerritoryModelDocument

OUTER = ("parent", "type", "where", "priority", "exclude")
"""What decides which accounts reach a territory, and before whom it wins them."""


def tops(services: Services, actor: Actor, document: TerritoryModelDocument) -> list[str]:
    """Return the keys of the territories whose rules the actor may change while they may not change the parent's."""
    mine = reached(services, actor, Right.MANAGE_RULES, document)
    return [node.key for node in document.territories if node.key in mine and node.parent not in mine]


def matched_by_part(services: Services, actor: Actor, document: TerritoryModelDocument) -> pa.Table:
    """Return the accounts the actor sees that the top of one of their parts of a model matches, with all columns."""
    seen = services.visibility.visible_ids(actor, "accounts")
    table = services.records.snapshot("accounts").replace_schema_metadata(None)
    table = table.filter(pc.is_in(table["id"], value_set=pa.array(sorted(seen), pa.int64())))
    return table.filter(_is_matched(services, document, tops(services, actor, document), table))


def _is_matched(
    services: Services, document: TerritoryModelDocument, keys: Iterable[str], table: pa.Table
) -> pa.Array:
    """Return, per account, whether one of these territories matches it together with all above it."""
    found = pa.array([False] * table.num_rows, pa.bool_())
    ruleset = rule_book(services, document).ruleset
    for key in keys:
        path = path_rules(ruleset, position_of(ruleset, key))
        exclude = frozenset[str]().union(*(rule.exclude for rule in path))
        winners = services.matcher.compile(alone(ruleset, conjunction(path), exclude=exclude)).winners(table)
        is_one = pc.is_valid(winners)
        found = pc.or_(found, is_one.combine_chunks() if isinstance(is_one, pa.ChunkedArray) else is_one)
    return found


def matched_rows(
    services: Services, document: TerritoryModelDocument, keys: Iterable[str], accounts: pa.Table
) -> np.ndarray:
    """Return, per account of the book, whether one of these territories matches it together with all above it."""
    found = _is_matched(services, document, keys, accounts)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)


def refuse_strange_names(
    services: Services,
    actor: Actor,
    document: TerritoryModelDocument,
    *,
    named: Iterable[str],
    before: Iterable[str] = (),
) -> None:
    """Raise InvalidInputError for accounts newly named in a part of the tree that its top does not match.

    One the actor does not see reads as one that does not exist.
    """
    known = {fold(one) for one in before}
    new = {fold(one): one for one in named if fold(one) not in known}
    if not new or actor.has(Right.MANAGE_RULES, everywhere=True):
        return
    table = services.book.accounts().replace_schema_metadata(None)
    table = table.filter(pa.array([name in new for name in _names(table)], pa.bool_()))
    seen = services.visibility.visible_ids(actor, "accounts", table["id"].to_pylist())
    table = table.filter(pc.is_in(table["id"], value_set=pa.array(sorted(seen), pa.int64())))
    inside = _is_matched(services, document, tops(services, actor, document), table)
    there, fits = set(_names(table)), set(_names(table.filter(inside)))
    problems = [
        Problem("outside-part", f"'{name}' is not matched by the part of the tree you plan.", "Ask a planner of the whole company.", where="named")
        if key in there
        else Problem("unknown-account", f"There is no account '{name[:100]}'.", "Name one that you see.", where="named")
        for key, name in new.items()
        if key not in fits
    ]  # fmt: skip
    if problems:
        raise InvalidInputError("The accounts were not named.", problems)


def _names(table: pa.Table) -> list[str]:
    """Return what each account is named by: its external id, folded, or its number where it has none."""
    columns = (table[name].to_pylist() for name in ("external_id", "id"))
    return [fold(str(external or number)) for external, number in zip(*columns, strict=True)]
