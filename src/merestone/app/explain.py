"""Why a record is where it is, and what would have to change for it to be elsewhere.

For accounts and leads by the active model, for a file's records by a document. Who does not see every territory gets
the answer of those they see: the others are neither named nor let shine through in what would flip the winner.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from merestone.app.access.places import require_records
from merestone.app.explain_words import say_change, say_edit, say_obstacle, say_touch, say_why_change
from merestone.app.matching_files import Local, read_records
from merestone.app.policy import Actor, Right
from merestone.app.rulebook import RuleBook, rule_book
from merestone.app.services import Services
from merestone.base.errors import NotFoundError
from merestone.core.criteria import count_criteria
from merestone.core.rules.document import read_document
from merestone.core.rules.flip import flip_record
from merestone.core.rules.relax import flip_rules
from merestone.core.rules.ruleset import RecordMatch, Rule, Ruleset, match_record
from merestone.core.rules.trace import trace_path, trace_record

SHOWN_WAYS = 6  # changes of rules that are told
_STAYS = {
    "lock": "It is locked in {}: it stays there whatever the rules say.",
    "manual": "It was moved to {} by hand: it stays there whatever the rules say, until it is given back to them.",
    "import": "An imported file gave it to {}: a lead keeps the owner it has.",
}


def explain_account(
    services: Services, actor: Actor, account_id: int, *, why_not: str | None = None
) -> dict[str, Any]:
    """Return why the account is where it is: a fresh trace of the active rules, and what holds it whatever they say.

    Parameters
    ----------
    why_not : str, optional
        A territory key: the answer then says what kept the account out of it, the smallest change of the account that
        would bring it there, and the small changes of rules that would.

    Returns
    -------
    dict
        ``account``, ``name``, ``model``, the keys of ``core.rules.trace.trace_record``, each territory with ``name`` and
        ``rule`` in words; ``placed`` (where it is now, by what cause); ``held`` (the sentence of a lock or a move by
        hand, or None); ``why_not`` (see ``why_not_answer``).
    """
    require_records(services, actor, Right.SEE, table="accounts", ids=[account_id])
    return _explained(services, actor, "accounts", account_id, why_not=why_not)


def explain_lead(
    services: Services, actor: Actor, lead_id: int, *, why_not: str | None = None
) -> dict[str, Any]:
    """Return why the rules put a lead into its territory (keys as of an account, with ``lead`` for its id).

    Who of the territory's people got it is the turn kept with the lead, not told here.
    """
    require_records(services, actor, Right.SEE, table="leads", ids=[lead_id])
    return _explained(services, actor, "leads", lead_id, why_not=why_not)


def _explained(
    services: Services, actor: Actor, table: str, record_id: int, *, why_not: str | None
) -> dict[str, Any]:
    record = services.records.snapshot(table, ids=[record_id]).to_pylist()[0]
    head = {"account" if table == "accounts" else "lead": record_id, "name": record["name"]}
    active = services.models.active()
    if active is None:
        if why_not is not None:
            raise NotFoundError(f"There is no territory '{why_not}'.")
        return {**head, "winner": None, "considered": [], "sentence": "No territory model is active."}
    book = rule_book(services, active[1])
    shown = None if actor.sees_all else services.visibility.visible_territories(actor)
    answer = {
        **head,
        "model": book.document.key,
        **explain_record(book, record, why_not=why_not, shown=shown),
    }
    return {**answer, **_place(services, book, table, record_id, shown=shown)}


def _place(
    services: Services, book: RuleBook, table: str, record_id: int, *, shown: Collection[str] | None
) -> dict[str, Any]:
    """Return where the record is now, and what keeps it there whatever the rules say."""
    rows = services.associations.open_now(table, ids=[record_id]).to_pylist()
    row = next((row for row in rows if row["is_primary"]), None)
    if row is None:
        return {"placed": None, "held": None}
    key = row["territory"] if shown is None or row["territory"] in shown else None
    cause = "lock" if row["is_locked"] else row["cause"]
    name = book.name(key) if key in book.rules else (key or "its place")
    sentence = _STAYS[cause].format(name) if cause in _STAYS else None
    return {
        "placed": {"territory": key, "cause": row["cause"], "is_locked": row["is_locked"]},
        "held": sentence,
    }


def explain_files(
    local: Local, *, rules: Path, records: Path, record_id: str, why_not: str | None = None
) -> dict[str, Any]:
    """Return the whole trace of one record of a file by the rules of a document (keys as of an account, with ``id``)."""
    book = RuleBook(read_document(local.files.read_document(rules)))
    table = read_records(local, book, records)
    found = table.filter(pc.equal(table["id"], record_id))
    if not found.num_rows:
        raise NotFoundError(f"There is no record '{record_id}' in '{records.name}'.")
    if why_not is not None and why_not not in book.rules:
        raise NotFoundError(f"There is no territory '{why_not}' in '{rules.name}'.")
    return {"id": record_id, **explain_record(book, found.to_pylist()[0], why_not=why_not)}


def explain_record(
    book: RuleBook,
    record: Mapping[str, Any],
    *,
    why_not: str | None = None,
    shown: Collection[str] | None = None,
) -> dict[str, Any]:
    """Return the trace of one record, and the answer to *why not* a territory.

    Parameters
    ----------
    shown : collection of str, optional
        Keys of the territories the asker sees; None = all.

    Raises
    ------
    NotFoundError
        When the territory asked for does not exist or is not shown: both read the same.
    """
    if why_not is not None and (why_not not in book.rules or (shown is not None and why_not not in shown)):
        raise NotFoundError(f"There is no territory '{why_not}'.")
    match = match_record(book.ruleset, record)
    answer = trace_record(book.ruleset, record, match=match)
    if shown is not None:
        answer = _only_shown(answer, seen_rules(book.ruleset, shown), shown)
    answer["considered"] = [_in_words(entry, book) for entry in answer["considered"]]
    if why_not is not None:
        rules = book.ruleset if shown is None else seen_rules(book.ruleset, shown)
        as_seen = match if shown is None else match_record(rules, record)
        answer["why_not"] = why_not_answer(
            book, rules, record, why_not, match=as_seen, told=answer["considered"]
        )
    return answer


def _in_words(entry: Mapping[str, Any], book: RuleBook) -> dict[str, Any]:
    return {**entry, "name": book.name(entry["territory"]), "rule": book.english(entry["territory"])}


# --- what an actor may see --------------------------------------------------------------------------------------------


def seen_rules(ruleset: Ruleset, shown: Collection[str]) -> Ruleset:
    """Return only the rules that are shown, each below its nearest shown ancestor, in the same winning order."""
    new: dict[int, int] = {}
    rules: list[Rule] = []
    for number, rule in enumerate(ruleset.rules):
        if rule.key in shown:
            new[number] = len(rules)
            rules.append(replace(rule, parent=_shown_parent(ruleset, rule, new)))
    return replace(ruleset, rules=tuple(rules))


def _shown_parent(ruleset: Ruleset, rule: Rule, new: Mapping[int, int]) -> int | None:
    parent = rule.parent
    while parent is not None and parent not in new:
        parent = ruleset.rules[parent].parent
    return None if parent is None else new[parent]


def _only_shown(trace: Mapping[str, Any], seen: Ruleset, shown: Collection[str]) -> dict[str, Any]:
    """Return the trace without territories that are hidden and without what only they explain."""
    matches = [key for key in trace["matches"] if key in shown]
    winner = trace["winner"] if trace["winner"] in shown else None
    entries = [
        _as_seen(entry, seen, knows_winner=winner is not None)
        for entry in trace["considered"]
        if entry["territory"] in shown
    ]
    lost_by = {entry["territory"]: entry.get("lost_by") for entry in entries}
    runner_up = next((key for key in matches if key != winner), None) if winner else None
    return {
        "winner": winner,
        "cause": trace["cause"] if winner else None,
        "decided_by": (lost_by[runner_up] if runner_up else "only") if winner else None,
        "runner_up": runner_up,
        "matches": matches,
        "overlays": [key for key in trace["overlays"] if key in shown],
        "path": [key for key in trace["path"] if key in shown] if winner else [],
        "considered": entries,
    }


def _as_seen(entry: Mapping[str, Any], seen: Ruleset, *, knows_winner: bool) -> dict[str, Any]:
    position = seen.position(entry["territory"])
    path = [seen.rules[position]]
    while path[-1].parent is not None:
        path.append(seen.rules[path[-1].parent])
    data = {
        **entry,
        "parent": path[1].key if len(path) > 1 else None,
        "depth": len(path) - 1,
        "n_criteria": sum(count_criteria(rule.where) for rule in path),
    }
    return data if knows_winner else {name: value for name, value in data.items() if name != "lost_by"}


# --- why not ----------------------------------------------------------------------------------------------------------


def why_not_answer(
    book: RuleBook,
    ruleset: Ruleset,
    record: Mapping[str, Any],
    key: str,
    *,
    match: RecordMatch,
    told: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return why a territory does not win a record, and what would have to change.

    Returns
    -------
    dict
        What was told of the territory, or of the one above it that stopped the record, with ``asked`` (the key),
        ``asked_name``, ``steps`` (``trace_path``), ``record`` (``RecordFlip`` with a ``sentence``, and ``say`` and ``why`` per
        change) and ``rules`` (each ``RuleFlip`` with ``say`` and ``touch`` per edit, the smallest first).
    """
    by_key = {entry["territory"]: entry for entry in told}
    steps = trace_path(ruleset, record, key)
    if len(ruleset.rules) != len(book.ruleset.rules):
        steps = [_as_seen(step, ruleset, knows_winner=True) for step in steps]
    stopped = next(
        (by_key[step["territory"]] for step in reversed(steps) if step["territory"] in by_key), None
    )
    return {
        **(stopped or {**_in_words(steps[-1], book), "outcome": "missed"}),
        "asked": key,
        "asked_name": book.name(key),
        "steps": [_in_words(step, book) for step in steps],
        "record": _record_answer(book, ruleset, record, key, match=match),
        "rules": _rules_answer(book, ruleset, record, key, match=match),
    }


def _record_answer(
    book: RuleBook, ruleset: Ruleset, record: Mapping[str, Any], key: str, *, match: RecordMatch
) -> dict[str, Any]:
    flip = flip_record(ruleset, record, key, match=match).as_dict()
    changes = [
        {**change, "say": say_change(change, ruleset.fields), "why": say_why_change(change, book)}
        for change in flip["changes"]
    ]
    return {**flip, "changes": changes, "sentence": say_obstacle(flip, key, book)}


def _rules_answer(
    book: RuleBook, ruleset: Ruleset, record: Mapping[str, Any], key: str, *, match: RecordMatch
) -> list[dict[str, Any]]:
    ways = flip_rules(ruleset, record, key, match=match)[:SHOWN_WAYS]
    return [
        {
            **way,
            "edits": [
                {**edit, "say": say_edit(edit, book), "touch": say_touch(edit)} for edit in way["edits"]
            ],
        }
        for way in (way.as_dict() for way in ways)
    ]
