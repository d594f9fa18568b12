"""Why a record is where it is: the trace of the active rules for an account, of a document's rules for a file's record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from merestone.app.assign import RANK_WORDS, require_visible
from merestone.app.matching_files import Local, read_records
from merestone.app.policy import Actor, Right
from merestone.app.rulebook import RuleBook, rule_book
from merestone.app.services import Services
from merestone.base.errors import NotFoundError
from merestone.core.rules.document import read_document
from merestone.core.rules.ruleset import match_record


def explain_account(
    services: Services, actor: Actor, account_id: int, *, why_not: str | None = None
) -> dict[str, Any]:
    """Return why the account is where it is: the kept reason, and a fresh trace of the active rules.

    Parameters
    ----------
    why_not : str, optional
        A territory key: the answer then says what kept the account out of it.
    """
    actor.require(Right.SEE)
    require_visible(services, actor, [account_id])
    record = services.records.snapshot("accounts", ids=[account_id]).to_pylist()[0]
    active = services.models.active()
    if active is None:
        return {
            "account": account_id,
            "winner": None,
            "considered": [],
            "sentence": "No territory model is active.",
        }
    book = rule_book(services, active[1])
    match = match_record(book.ruleset, record)
    shown = None if actor.sees_all else services.visibility.visible_territories(actor)
    trace = match.trace
    trace["considered"] = [
        {**entry, "name": book.name(entry["territory"]), "rule": book.english(entry["territory"])}
        for entry in trace["considered"]
        if shown is None or entry["territory"] in shown
    ]
    if shown is not None and trace["winner"] not in shown:
        trace["winner"] = None
    answer = {"account": account_id, "name": record["name"], "model": book.document.key, **trace}
    if why_not is not None:
        if why_not not in book.rules or (shown is not None and why_not not in shown):
            raise NotFoundError(f"There is no territory '{why_not}'.")
        answer["why_not"] = why_not_entry(book, answer["considered"], why_not)
    return answer


def why_not_entry(book: RuleBook, considered: Sequence[Mapping[str, Any]], key: str) -> dict[str, Any]:
    """Return what kept the record out of a territory: its own entry, or that of the ancestor that stopped it."""
    by_key = {entry["territory"]: entry for entry in considered}
    for node in reversed(book.document.tree.path(key)):
        if node.key in by_key:
            return dict(by_key[node.key])
    return {"territory": key, "outcome": "missed", "name": book.name(key), "rule": book.english(key)}


def explain_files(
    local: Local, *, rules: Path, records: Path, record_id: str, why_not: str | None = None
) -> dict[str, Any]:
    """Return the whole trace of one record."""
    book = RuleBook(read_document(local.files.read_document(rules)))
    table = read_records(local, book, records)
    found = table.filter(pc.equal(table["id"], record_id))
    if not found.num_rows:
        raise NotFoundError(f"There is no record '{record_id}' in '{records.name}'.")
    match = match_record(book.ruleset, found.to_pylist()[0])
    trace: dict[str, Any] = {"id": record_id, **match.trace}
    trace["considered"] = [
        {**entry, "name": book.name(entry["territory"]), "rule": book.english(entry["territory"])}
        for entry in trace["considered"]
    ]
    if why_not is not None:
        if why_not not in book.rules:
            raise NotFoundError(f"There is no territory '{why_not}' in '{rules.name}'.")
        trace["why_not"] = why_not_entry(book, trace["considered"], why_not)
    return trace


def say_trace(trace: Mapping[str, Any]) -> Iterator[str]:
    """Yield the trace as lines for people."""
    winner = trace["winner"]
    yield f"{trace['id']}: {winner}" if winner else f"{trace['id']}: unassigned queue (no territory matches)"
    for entry in trace["considered"]:
        yield f"  {entry['outcome']:<9} {entry['name']}{': ' + entry['rule'] if entry['rule'] else ''}{_why(entry)}"
    if "why_not" in trace:
        entry = trace["why_not"]
        yield f"Why not: stopped at {entry['name']} ({entry['outcome']}){_why(entry)}"


def _why(entry: Mapping[str, Any]) -> str:
    if entry.get("lost_by"):
        return f"; lost to the winner: {RANK_WORDS.get(entry['lost_by'], 'it is named there')}"
    because = entry.get("because")
    if not because:
        return ""
    missing = ", ".join(because.get("missing", ()))
    return f"; because {because['criterion']} is " + (f"unknown: no {missing}" if missing else "false")
