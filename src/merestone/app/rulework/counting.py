"""How many accounts a rule matches while it is being written, and how many it would win.

The rule of a territory holds together with those above it, so what matches is one conjunction and asks nothing of the
other territories. Who wins is asked only for what matches (``rivals``). Every answer is the matcher's.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.access.places import planned, plans_whole, require_planned
from merestone.app.difference.limited import ELSEWHERE, ELSEWHERE_NAME
from merestone.app.plans import load_model
from merestone.app.policy import Actor, Right
from merestone.app.rule_paths import alone, conjunction, path_rules, position_of
from merestone.app.rulebook import RuleBook
from merestone.app.rulework.rivals import Standing, is_leaf, standing, texts_of, winners_beside
from merestone.app.rulework.trial import compiled_book, single, with_rule
from merestone.app.services import Services
from merestone.base.errors import InvalidInputError
from merestone.core.criteria import Expr, fields_used, leaves, read, render
from merestone.core.criteria import expression as ex
from merestone.core.model.columns import ACCOUNTS
from merestone.core.model.territory import TerritoryModelDocument
from merestone.core.rules import Rule, Ruleset

SHOWN = ("external_id", "name", "city", "state", "latitude", "longitude", "county", "revenue")
EXAMPLE_COLUMNS = ("id", "external_id", "name", "city", "state", "revenue")
MAX_EXAMPLES = 20
MAX_POINTS = 2_000
MAX_CRITERIA = 60  # comparisons whose own counts are told
MAX_RIVALS = 10
GRID = 0.25  # degrees: accounts closer than this are one point when there are too many


def count_matches(
    services: Services,
    actor: Actor,
    *,
    model: str | None,
    territory: str,
    where: str,
    priority: int | None = None,
    parts: frozenset[str] = frozenset(("wins", "criteria", "examples", "points")),
) -> dict[str, Any]:
    """Return what a territory would match with another criterion; nothing is saved.

    Whoever plans a part of the tree tries its territories on the accounts they see; winners they do not know are
    elsewhere (an empty key).

    Parameters
    ----------
    model : str or None
        Key of the model; None = the active one.
    territory : str
        Key of the territory whose criterion is tried, together with all above it.
    where : str
        The criterion; blank = none, so that all its parent matches is handed on.
    priority : int, optional
        Tried instead of the territory's own.
    parts : frozenset of str
        What to answer beside the counts.

    Returns
    -------
    dict
        ``total`` accounts, ``parent`` (matched by all above it), ``matches``, ``revenue`` of those; ``wins`` and
        ``won_revenue`` with ``rivals`` (who wins the rest); ``criteria``: per comparison ``text``, ``keeps`` (alone,
        of what the parent matches) and ``missing`` (unknown because a value is missing); ``examples``; ``points``
        (``lon``, ``lat``, ``n``, ``won``) and ``counties`` for the map; ``located``.

    Raises
    ------
    InvalidInputError
        With every problem of the criterion.
    """
    actor.require(Right.MANAGE_RULES)
    document = load_model(services, actor, model)[1]
    require_planned(services, actor, Right.MANAGE_RULES, document=document, territories=[territory])
    book = compiled_book(services, document)
    place = position_of(book.ruleset, territory)
    expr = _read(book, where)
    changes = {} if priority is None else {"priority": priority}
    ruleset = with_rule(book.ruleset, place, where=expr, **changes)
    accounts = seen_columns(services, actor, columns_used(ruleset))
    trial = _Trial(services, book, ruleset, place, accounts, _known(services, actor, document))
    return trial.answer(parts)


def count_territories(services: Services, actor: Actor, *, model: str | None) -> dict[str, Any]:
    """Return ``total`` accounts, and ``territories``: key -> [matches, wins] of a model as it is saved.

    Of the territories the actor plans, and of the accounts they see.
    """
    actor.require(Right.MANAGE_RULES)
    document = load_model(services, actor, model)[1]
    mine = planned(services, actor, document)
    book = compiled_book(services, document)
    accounts = seen_columns(services, actor, columns_used(book.ruleset))
    counts = services.matcher.compile(book.ruleset).counts(accounts)
    names = ("territory", "n_matches", "n_winners")
    rows = zip(*(counts[name].to_pylist() for name in names), strict=True)
    return {
        "total": accounts.num_rows,
        "territories": {key: [matches, wins] for key, matches, wins in rows if key in mine},
    }


def account_columns(services: Services, names: Iterable[str]) -> pa.Table:
    """Return the kept accounts with the named columns and those every result shows.

    A field that accounts do not have is left out: without column it is missing everywhere.
    """
    known = {column.name for column in ACCOUNTS if column.is_criterion}
    known |= services.records.custom_fields("accounts").keys()
    wanted = {*SHOWN, *(name for name in names if name in known)}
    return services.book.accounts(columns=sorted(wanted))


def seen_columns(services: Services, actor: Actor, names: Iterable[str]) -> pa.Table:
    """Return the columns of the kept accounts that the actor sees, with a generation of their own."""
    table = account_columns(services, names)
    if actor.sees_all:
        return table
    seen = pa.array(sorted(services.visibility.visible_ids(actor, "accounts")), pa.int64())
    kept = table.filter(pc.is_in(table["id"], value_set=seen))
    told = hashlib.sha256((table.schema.metadata or {}).get(b"generation", b""))
    told.update(np.asarray(seen).tobytes())
    return kept.replace_schema_metadata({b"generation": told.hexdigest().encode()})


def _known(services: Services, actor: Actor, document: TerritoryModelDocument) -> frozenset[str] | None:
    """Return the territories the actor may be told of; None: all."""
    if plans_whole(actor):
        return None
    return planned(services, actor, document) | services.visibility.visible_territories(actor)


def columns_used(ruleset: Ruleset) -> list[str]:
    """Return the fields that rules name, by their own names."""
    used = {name for rule in ruleset.rules if rule.where for name in fields_used(rule.where)}
    return sorted({field.name for name in used if (field := ruleset.fields.get(name)) is not None})


def _read(book: RuleBook, where: str) -> Expr | None:
    if not where.strip():
        return None
    document = book.document
    expr, problems = read(where, book.ruleset.fields, lists=document.lists, areas=document.areas)
    if problems or expr is None:
        raise InvalidInputError("The rule cannot be tried.", problems, code="bad-criteria")
    return expr


class _Trial:
    """One criterion on the book."""

    def __init__(
        self,
        services: Services,
        book: RuleBook,
        ruleset: Ruleset,
        place: int,
        accounts: pa.Table,
        known: frozenset[str] | None,
    ) -> None:
        self.services, self.book, self.ruleset, self.place = services, book, ruleset, place
        self.accounts, self.known = accounts, known
        self.rule: Rule = ruleset.rules[place]
        self.path = path_rules(ruleset, place)
        self.used = columns_used(replace(ruleset, rules=tuple(self.path)))

    def answer(self, parts: frozenset[str]) -> dict[str, Any]:
        above = self.narrowed(self.accounts, self.path[:-1])
        matched = self.narrowed(above, self.path[-1:])
        content: dict[str, Any] = {
            "total": self.accounts.num_rows,
            "parent": above.num_rows,
            "matches": matched.num_rows,
            "revenue": _sum(matched["revenue"]),
            "is_grouping": self.rule.where is None,
        }
        winners = self.winners(matched) if parts & {"wins", "examples", "points"} else None
        if winners is not None:
            content |= self.wins(matched, winners)
        if "criteria" in parts and self.rule.where is not None:
            content["criteria"] = self.criteria(above, self.rule.where)
        if "examples" in parts and winners is not None:
            content["examples"] = self.examples(matched, winners)
        if "points" in parts and winners is not None:
            content |= points(matched, np.asarray(pc.fill_null(pc.equal(winners, self.rule.key), False)))
        return content

    def narrowed(self, table: pa.Table, path: list[Rule]) -> pa.Table:
        """Return the rows that every rule of the path matches."""
        if not path or all(rule.where is None and not rule.exclude for rule in path):
            return table
        exclude = frozenset().union(*(rule.exclude for rule in path))
        tiny = alone(self.ruleset, conjunction(path), exclude=exclude)
        winners = self.services.matcher.compile(tiny).winners(table)
        # What is left is no generation of the book any more.
        return table.filter(pc.is_valid(winners)).replace_schema_metadata(None)

    @cached_property
    def saved(self) -> Standing:
        """Where the saved model puts every account."""
        return standing(self.services, self.book, self.accounts)

    def rows(self, matched: pa.Table) -> np.ndarray:
        """Return the places in the book of what was left of it."""
        return np.asarray(pc.index_in(matched["id"], value_set=self.accounts["id"].combine_chunks()))

    def winners(self, matched: pa.Table) -> pa.Array:
        """Return who wins each matching row, as text; an empty one where the actor does not know them."""
        found = self._winners(matched)
        if self.known is None:
            return found
        is_told = pc.or_(
            pc.is_null(found), pc.is_in(found, value_set=pa.array(sorted(self.known), pa.string()))
        )
        return pc.if_else(is_told, found, pa.scalar(ELSEWHERE))

    def _winners(self, matched: pa.Table) -> pa.Array:
        if not is_leaf(self.ruleset, self.place):
            return _texts(self.services.matcher.compile(self.ruleset).winners(matched))
        claims = self.rule.is_primary and self.rule.where is not None
        rows = self.rows(matched)
        found = winners_beside(self.ruleset, self.place, saved=self.saved, rows=rows, claims=claims)
        return texts_of(found, self.ruleset)

    def wins(self, matched: pa.Table, winners: pa.Array) -> dict[str, Any]:
        own = pc.fill_null(pc.equal(winners, self.rule.key), False)
        others = Counter(key for key in winners.to_pylist() if key != self.rule.key)
        named = self._named_elsewhere(matched)
        names = {ELSEWHERE: ELSEWHERE_NAME, **{rule.key: rule.name for rule in self.ruleset.rules}}
        return {
            "is_primary": self.rule.is_primary,
            "wins": (pc.sum(own).as_py() or 0) + named.num_rows if self.rule.is_primary else matched.num_rows,
            "won_by_name": named.num_rows,
            "won_revenue": _sum(matched["revenue"].filter(own)) + _sum(named["revenue"]),
            "rivals": [
                {"territory": key, "name": names[key] if key is not None else "", "accounts": n}
                for key, n in others.most_common(MAX_RIVALS)
            ],
        }

    def _named_elsewhere(self, matched: pa.Table) -> pa.Table:
        """Return the accounts it wins by name alone, whatever the rule says: no rule comes before a name."""
        if not self.rule.named or not self.rule.is_primary:
            return self.accounts.slice(0, 0)
        is_won = (self.saved.winner == self.place) & self.saved.is_named
        is_won[self.rows(matched)] = False
        return self.accounts.filter(pa.array(is_won))

    def criteria(self, above: pa.Table, where: Expr) -> list[dict[str, Any]]:
        """Return what each comparison keeps by itself, of what the parent matches."""
        found = list(leaves(where))[:MAX_CRITERIA]
        wheres: dict[str, Expr] = {}
        for number, leaf in enumerate(found):
            wheres[f"k{number}"] = leaf
            if not isinstance(leaf, ex.IsNull):
                wheres[f"m{number}"] = _is_missing(leaf)
        counts = self.services.matcher.compile(single(self.ruleset, wheres)).counts(above)
        n = dict(zip(counts["territory"].to_pylist(), counts["n_matches"].to_pylist(), strict=True))
        return [
            {"text": _short(render(leaf)), "keeps": n[f"k{number}"], "missing": n.get(f"m{number}", 0)}
            for number, leaf in enumerate(found)
        ]

    def examples(self, matched: pa.Table, winners: pa.Array) -> list[dict[str, Any]]:
        """Return the largest accounts by revenue with who would win them."""
        # No revenue sorts behind every revenue.
        revenue = pc.fill_null(pc.cast(matched["revenue"], pa.float64()), -np.inf)
        order = pc.sort_indices(
            pa.table({"revenue": revenue, "id": matched["id"]}),
            sort_keys=[("revenue", "descending"), ("id", "ascending")],
        )[:MAX_EXAMPLES]
        names = {ELSEWHERE: ELSEWHERE_NAME, **{rule.key: rule.name for rule in self.ruleset.rules}}
        used = [name for name in self.used if name in matched.column_names]
        rows = matched.select(list(dict.fromkeys([*EXAMPLE_COLUMNS, *used]))).take(order)
        return [
            {name: row[name] for name in EXAMPLE_COLUMNS}
            | {
                "record": {name: _plain(row[name]) for name in used if row[name] not in (None, [])},
                "revenue": None if row["revenue"] is None else str(row["revenue"]),
                "winner": key,
                "winner_name": "" if key is None else names.get(key, ""),
            }
            for row, key in zip(rows.to_pylist(), winners.take(order).to_pylist(), strict=True)
        ]


def _is_missing(leaf: ex.Leaf) -> Expr:
    if leaf.field is not None:
        return ex.IsNull(leaf.field)
    return ex.Or((ex.IsNull(ex.FieldRef("latitude")), ex.IsNull(ex.FieldRef("longitude"))))


def _plain(value: Any) -> Any:
    """Return a value as a case of a document writes it."""
    if isinstance(value, Decimal):
        return float(value) if value != value.to_integral_value() else int(value)
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _short(text: str) -> str:
    return text if len(text) <= 200 else text[:199] + "…"


def _texts(array: Any) -> pa.Array:
    whole = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    return whole.cast(pa.string()) if pa.types.is_dictionary(whole.type) else whole


def _sum(column: Any) -> Any:
    """Return a sum of money; nothing adds up to no money, which is money too."""
    found = pc.sum(column).as_py()
    return Decimal(0) if found is None else found


def points(table: pa.Table, won: np.ndarray) -> dict[str, Any]:
    """Return located accounts as points, thinned to a grid when there are many, and accounts per county."""
    located = np.asarray(pc.and_(pc.is_valid(table["latitude"]), pc.is_valid(table["longitude"])))
    lat = np.asarray(table["latitude"].filter(pa.array(located)), dtype=float)
    lon = np.asarray(table["longitude"].filter(pa.array(located)), dtype=float)
    wins = won[located]
    counties = pc.value_counts(table["county"].combine_chunks()).to_pylist() if table.num_rows else []
    return {
        "located": len(lat),
        "points": _thinned(lat, lon, wins),
        "counties": {row["values"]: row["counts"] for row in counties if row["values"]},
    }


def _thinned(lat: np.ndarray, lon: np.ndarray, won: np.ndarray) -> dict[str, list[Any]]:
    size = GRID if len(lat) > MAX_POINTS else 1e-4
    while True:
        cells = np.stack([np.round(lat / size), np.round(lon / size), won.astype(float)], axis=1)
        found, first, n = np.unique(cells, axis=0, return_index=True, return_counts=True)
        if len(found) <= MAX_POINTS:
            break
        size *= 1.5
    return {
        "lat": np.round(lat[first], 4).tolist(),
        "lon": np.round(lon[first], 4).tolist(),
        "n": n.tolist(),
        "won": won[first].tolist(),
    }
