"""A scenario as rules: the criteria of the planning model's territories, so that the plan is the router.

Nothing is written that does not put every account in play, one that lies in a unit, exactly where the scenario has it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from merestone.app.difference import preview as difference_of
from merestone.app.difference.comparing import plain
from merestone.app.matched import placed
from merestone.app.places import NOWHERE, Vocabulary
from merestone.app.plan_edits import apply_changes, plan_for_change, tried_changes
from merestone.app.plans import load_model
from merestone.app.policy import Actor
from merestone.app.ports_scenarios import ScenarioRow
from merestone.app.rulebook import RuleBook, company_fields, rule_book
from merestone.app.scenarios.access import found, refuse_settled
from merestone.app.scenarios.drawn import Drawn
from merestone.app.scenarios.measures import UNIT_FIELDS
from merestone.app.scenarios.reading import stamp_of
from merestone.app.scenarios.steps import refuse_changed
from merestone.app.scenarios.taking import Asked, in_play, locked_rows
from merestone.app.services import Services
from merestone.base.errors import ConflictError, InvalidInputError, Problem
from merestone.core.criteria import expression as ex
from merestone.core.criteria import parse
from merestone.core.design.compact import compact
from merestone.core.model.territory import TerritoryModelDocument, TerritoryNode
from merestone.core.rules.cases import run_cases
from merestone.core.rules.document import write_document

SHOWN = 5
"""How many accounts that cannot be placed are named."""
Changes = dict[str, dict[str, Any]]


@dataclass(frozen=True, eq=False)
class Written:
    """Rules that say what a scenario says.

    Parameters
    ----------
    changes : mapping of str to mapping
        Territory key -> its new criterion and priority.
    strays : list of dict
        Accounts these rules cannot place as the scenario has it.
    n_strays, n_others, n_without : int
        Those; accounts not in play that would move; accounts in play without a unit that would move.
    """

    document: TerritoryModelDocument
    before: TerritoryModelDocument
    changes: Changes
    strays: list[dict[str, Any]]
    n_strays: int
    n_others: int
    n_without: int

    @property
    def fingerprint(self) -> str:
        """A digest of the model as it is and as it would be."""
        digests = (RuleBook(one).digest for one in (self.before, self.document))
        return hashlib.sha256("".join(digests).encode()).hexdigest()


def write_rules(
    services: Services,
    actor: Actor,
    key: str,
    *,
    preview: bool = True,
    seen: int | None = None,
    fingerprint: str | None = None,
    limit: int = 100,
) -> dict[str, Any]:
    """Return a scenario as rules, and what they would move in the planning model; write them unless ``preview``.

    Parameters
    ----------
    seen : int, optional
        The revision looked at; needed to write.
    fingerprint : str, optional
        Of the preview looked at: nothing else is written.
    limit : int
        At most so many rows of each list of ``difference``.

    Returns
    -------
    dict
        ``scenario``, ``revision``, ``model``, ``rules`` (``territory``, ``name``, ``before``, ``after``,
        ``priority_before``, ``priority_after``, ``units``, ``is_changed``), ``is_exact``, ``strays`` and ``n_strays``
        (accounts the rules cannot place so), ``n_others`` (accounts not in play that would move), ``n_without_unit``
        (those in play that lie in no unit and would move), ``failing_cases``, ``fingerprint``, ``written``, and for a
        preview ``difference`` (as ``app.difference`` tells it, against the planning model as it is).

    Raises
    ------
    ConflictError
        ``scenario-changed``, ``rules-changed``, ``model-not-in-planning``.
    InvalidInputError
        ``rules-inexact`` when written, and some account would not be where the scenario has it.
    """
    if preview:
        row = found(services, actor, key)
        refuse_settled(services, row.model)
        document = load_model(services, actor, row.model)[1]
        made = _made(services, actor, row, document)
        moves = difference_of(services, actor, write_document(made.document), base=row.model)
        return _told(services, row, made) | {"written": False, "difference": moves.as_dict(limit=limit)}
    with services.records.transaction(actor, cause=f"write the rules of scenario {key}"):
        row = found(services, actor, key)
        document = plan_for_change(services, actor, row.model)
        row = found(services, actor, key, is_locked=True)
        if seen is not None:
            refuse_changed(row, seen)
        made = _made(services, actor, row, document)
        _refuse(made, fingerprint)
        was_fresh = services.scenarios.units(row.id)[2] == stamp_of(services, row.model_id)
        because = f"The plan “{row.name}” was written into its rules."
        apply_changes(services, actor, document, made.changes, because=because)
        if was_fresh:  # the rules say now what the scenario says: nothing of it is older than the model
            content, taken_at, _ = services.scenarios.units(row.id)
            services.scenarios.keep_units(
                row.id, content, taken_at=taken_at, stamp=stamp_of(services, row.model_id)
            )
    return _told(services, row, made) | {"written": bool(made.changes)}


def _refuse(made: Written, fingerprint: str | None) -> None:
    if fingerprint is not None and fingerprint != made.fingerprint:
        raise ConflictError(
            "The model or the plan is another by now than the one looked at.",
            code="rules-changed",
            fix="Look at the rules again.",
        )
    if made.n_strays:
        problems = [
            Problem(
                "rules-inexact",
                f"'{one['name']}' would be in {one['gets'] or 'no territory'}, and the plan has it in"
                f" {one['wanted'] or 'none'}.",
                "Look at the rules above these territories and at those that rank before them.",
                where=one["wanted"] or "",
            )
            for one in made.strays
        ]
        raise InvalidInputError(
            f"The rules cannot say this plan: {made.n_strays:,} accounts would be elsewhere.",
            problems,
            code="rules-inexact",
        )


def _told(services: Services, row: ScenarioRow, made: Written) -> dict[str, Any]:
    before, after = made.before.tree.nodes, made.document.tree.nodes
    units = {one["territory"]: one["units"] for one in _sizes(services, row)}
    failing = run_cases(made.document, fields=company_fields(services.records))
    return {
        "scenario": row.key,
        "revision": row.revision,
        "model": {"key": row.model, "name": row.model_name},
        "rules": [
            {
                "territory": key,
                "name": after[key].name,
                "before": before[key].where,
                "after": after[key].where,
                "priority_before": before[key].priority,
                "priority_after": after[key].priority,
                "units": units[key],
                "is_changed": key in made.changes,
            }
            for key in units
        ],
        "is_exact": not made.n_strays,
        "strays": made.strays,
        "n_strays": made.n_strays,
        "n_others": made.n_others,
        "n_without_unit": made.n_without,
        "failing_cases": [problem.as_dict() for problem in failing],
        "fingerprint": made.fingerprint,
    }


def _sizes(services: Services, row: ScenarioRow) -> list[dict[str, Any]]:
    content = services.scenarios.units(row.id)[0]
    counts = np.bincount(
        [number for number in row.plan if number >= 0], minlength=len(content["territories"])
    )
    return [
        {"territory": one["key"], "units": int(counts[at])} for at, one in enumerate(content["territories"])
    ]


def _made(services: Services, actor: Actor, row: ScenarioRow, document: TerritoryModelDocument) -> Written:
    """Return the rules of a scenario: with the priorities there are, or else with one that wins."""
    content = services.scenarios.units(row.id)[0]
    drawn = Drawn.of(row, content)
    keys = [one["key"] for one in content["territories"]]
    gone = [key for key in keys if key not in document.tree.nodes]
    if gone:
        raise ConflictError(
            f"The model has no territory '{gone[0]}' any more.",
            code="rules-changed",
            fix="Read the book and the model anew first.",
        )
    asked = Asked(row.parent, row.unit_kind, row.settings.get("left_out"), row.sight)
    planned = [document.tree[key] for key in keys]
    check = _Check.of(services, document, asked, planned, drawn)
    wheres = _wheres(document, planned, drawn, row.unit_kind, check.by_name)
    own = {node.key: node.priority for node in planned}
    first = min(own.values())
    ahead = min(node.priority for node in document.territories) - 1
    best: tuple[Changes, TerritoryModelDocument, tuple[int, int, int]] | None = None
    for priorities in (own, dict.fromkeys(keys, first), dict.fromkeys(keys, ahead)):
        changes = _changes(planned, wheres, priorities)
        new = tried_changes(services, actor, document, changes)
        counts = check.counts(services, new)
        if best is None or counts < best[2]:
            best = changes, new, counts
        if counts[:2] == (0, 0):
            break
    assert best is not None
    changes, new, counts = best
    strays = check.strays(services, new) if counts[0] else []
    return Written(new, document, changes, strays, *counts)


def _changes(
    planned: Collection[TerritoryNode], wheres: Mapping[str, str], priorities: Mapping[str, int]
) -> Changes:
    found: Changes = {}
    for node in planned:
        new = {"where": wheres[node.key], "priority": priorities[node.key]}
        change = {name: value for name, value in new.items() if value != getattr(node, name)}
        if change:
            found[node.key] = change
    return found


def _wheres(
    document: TerritoryModelDocument,
    planned: Collection[TerritoryNode],
    drawn: Drawn,
    unit_kind: str,
    by_name: Collection[str],
) -> dict[str, str]:
    ids, states = drawn.content["ids"], drawn.content["states"]
    units: dict[str, list[str]] = {}
    for unit, state in zip(ids, states, strict=True):
        units.setdefault(state, []).append(unit)
    prefixes = _prefixes(units)
    held: list[list[str]] = [[] for _ in planned]
    for unit, number in zip(ids, drawn.plan.tolist(), strict=True):
        if number >= 0:
            held[number].append(unit)
    return {
        node.key: compact(
            units,
            held[at],
            field=UNIT_FIELDS[unit_kind],
            by_name=by_name,
            prefixes=prefixes,
            within=_within(document, node),
        )
        for at, node in enumerate(planned)
    }


def _prefixes(units: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Return state -> how the ids of its counties begin, where that is so of all."""
    starts = {state: {unit[:2] for unit in here} for state, here in units.items()}
    return {state: found.pop() for state, found in starts.items() if len(found) == 1}


def _within(document: TerritoryModelDocument, node: TerritoryNode) -> str | None:
    """Return the one state that what is asked above a territory restricts it to."""
    for one in document.tree.path(node.key)[:-1]:
        where = None if one.where is None else parse(one.where)
        parts = where.parts if isinstance(where, ex.And) else () if where is None else (where,)
        for part in parts:
            if isinstance(part, ex.Comparison) and part.op == "=" and part.field.name == "state":
                return str(part.value.value).strip().upper()
    return None


@dataclass(frozen=True, eq=False)
class _Check:
    """Where the accounts have to be, and where they are.

    Parameters
    ----------
    wanted : (m,) int array
        Per row in play that lies in a unit: the number of its territory.
    rows, without : int arrays
        Those rows of the book; and those in play that lie in no unit.
    locked : bool array
        Of the whole book: what stays where it is, whatever the rules say.
    by_name : frozenset of str
        States that ``state = …`` tells exactly.
    """

    accounts: pa.Table
    vocabulary: Vocabulary
    rows: np.ndarray
    wanted: np.ndarray
    without: np.ndarray
    base: RuleBook
    now: pa.Table
    locked: np.ndarray
    by_name: frozenset[str]

    @classmethod
    def of(
        cls,
        services: Services,
        document: TerritoryModelDocument,
        asked: Asked,
        planned: list[TerritoryNode],
        drawn: Drawn,
    ) -> _Check:
        """Return what is to be checked, as the book is now."""
        book = rule_book(services, document)
        accounts = services.book.accounts()
        playing = in_play(services, document, asked, accounts, planned)
        at = {unit: place for place, unit in enumerate(drawn.content["ids"])}
        names = plain(accounts[UNIT_FIELDS[asked.unit_kind]]).to_pylist()
        unit = np.array([at.get(names[row], NOWHERE) for row in playing.rows.tolist()], np.int64)
        rows = playing.rows[unit >= 0]
        return cls(
            accounts,
            Vocabulary(tuple(node.key for node in planned)),
            rows,
            drawn.plan[unit[unit >= 0]],
            playing.rows[unit < 0],
            book,
            playing.matched,
            locked_rows(services, accounts),
            _by_name(accounts, drawn, names),
        )

    def _got(self, services: Services, document: TerritoryModelDocument) -> pa.Array:
        found = placed(services, rule_book(services, document), self.accounts, near=self.base)
        return plain(found["territory"]).cast(pa.string())

    def counts(self, services: Services, document: TerritoryModelDocument) -> tuple[int, int, int]:
        """Return how many accounts in play are elsewhere, how many others move, and how many without unit do."""
        got = self._got(services, document)
        wrong = self.vocabulary.codes(got)[self.rows] != self.wanted
        whole = Vocabulary.of(got.to_pylist(), plain(self.now["territory"]).to_pylist())
        differs = (whole.codes(got) != whole.codes(self.now["territory"])) & ~self.locked
        n_without = int(differs[self.without].sum())
        n_all = int(differs.sum())
        return int(wrong.sum()), n_all - int(differs[self.rows].sum()) - n_without, n_without

    def strays(self, services: Services, document: TerritoryModelDocument) -> list[dict[str, Any]]:
        """Return the first accounts that are elsewhere than the scenario has them."""
        got = self._got(services, document)
        wrong = np.flatnonzero(self.vocabulary.codes(got)[self.rows] != self.wanted)[:SHOWN]
        at = pa.array(self.rows[wrong], pa.int64())
        wanted = self.vocabulary.texts(self.wanted[wrong])
        columns = (self.accounts["id"].take(at), plain(self.accounts["name"].take(at)), got.take(at), wanted)
        return [
            dict(zip(("id", "name", "gets", "wanted"), values, strict=True))
            for values in zip(*(column.to_pylist() for column in columns), strict=True)
        ]


def _by_name(accounts: pa.Table, drawn: Drawn, units: list[str | None]) -> frozenset[str]:
    """Return the states that a record's own state tells exactly: it lies in a unit of the same state, or in none."""
    state_of = dict(zip(drawn.content["ids"], drawn.content["states"], strict=True))
    said = plain(accounts["state"]).to_pylist()
    countries = plain(accounts["country"]).to_pylist()
    wrong: set[str] = set()
    for unit, state, country in zip(units, said, countries, strict=True):
        named = (state or "").strip().upper()
        lies = state_of.get(unit) if unit else None
        if lies is not None and named != lies:
            wrong |= {named, lies}
        elif lies is None and named and (unit or (country or "US").strip().upper() != "US"):
            wrong.add(named)
    return frozenset(drawn.content["states"]) - wrong
