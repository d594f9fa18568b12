"""Checks that need the rules, the documents and the sums as the product shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.model_hash import content_hash
from merestone.app.policy import SYSTEM
from merestone.app.ports_audit import Check, Finding
from merestone.app.report import tree_sums
from merestone.app.rulebook import rule_book
from merestone.app.services import Services
from merestone.core.rules import match_record

SAMPLE = 100
"""As many accounts, evenly spread, are matched by the row oracle."""
TRIES = 3
CENT = Decimal("0.01")


def content_checks(services: Services) -> Sequence[Check]:
    """Return the checks to make in the same snapshot as those of the database."""
    return (
        Check(
            "content-as-published", 2, "Every published model says what was published.",
            lambda: _content(services),
        ),
        Check("sums-add-up", 7, "Territories and queue add up to the company.", lambda: _sums(services)),
    )  # fmt: skip


def kept_checks(services: Services) -> Sequence[Check]:
    """Return the checks of what is kept beside the database."""
    return (
        Check("kept-book", 8, "The kept, encoded accounts are the accounts.", lambda: _book(services)),
        Check("kept-rules", 8, "The compiled rules decide as the rules say.", lambda: _rules(services)),
    )


def _content(services: Services) -> Iterator[Finding]:
    for model_id, key, state, told in services.evidence.published():
        found = services.models.load(key)
        now = "" if found is None else content_hash(found[1])
        if now == told or (state == "active" and services.evidence.is_accounted_for(model_id)):
            continue
        yield Finding(
            f"The {state} model '{key}' does not say what was published: its content hash is {now[:12]}…,"
            f" published was {told[:12]}….",
            "Look at the audit log of its territories and members; publish the right content again.",
            table="models",
            record=model_id,
            value=now,
        )


def _sums(services: Services) -> Iterator[Finding]:
    if services.models.active() is None:
        return
    totals = services.evidence.totals()
    sums = tree_sums(services, SYSTEM)
    tops = _tops(services)
    rows = sums.filter(pc.or_(pc.is_null(sums["territory"]), pc.is_in(sums["territory"], value_set=tops)))
    shown = {name: Decimal(pc.sum(rows[name]).as_py() or 0) for name in totals}
    for words, parts in (
        ("The places in the active model and the queue", services.evidence.placed_totals()),
        ("The territories and the queue, as they are shown,", shown),
    ):
        for name, total in totals.items():
            if abs(parts[name] - total) >= CENT / 2:
                yield Finding(
                    f"{words} add up to {parts[name]:,.2f} {name.replace('_', ' ')}, the company has {total:,.2f}.",
                    "An account has no place, two, or one outside the active model: the other checks name it.",
                    value=str(parts[name]),
                )


def _tops(services: Services) -> pa.Array:
    active = services.models.active()
    assert active is not None
    return pa.array([node.key for node in active[1].tree if node.parent is None], pa.string())


def _book(services: Services) -> Iterator[Finding]:
    for _ in range(TRIES):
        kept = services.book.accounts()
        fresh = services.evidence.fresh_book()
        again = services.book.accounts()
        if kept.schema.metadata == again.schema.metadata:
            break
    else:
        return  # somebody writes all the time: no two readings of one instant
    if kept["id"].to_pylist() != fresh["id"].to_pylist():
        yield Finding(
            f"The kept accounts are {kept.num_rows:,}, the table has {fresh.num_rows:,}.",
            "Delete the folder 'kept' in the data folder; it is made anew.",
            table="accounts",
        )
        return
    for name in kept.column_names:
        if name != "version":
            yield from _differing(name, _plain(kept[name]), _plain(fresh[name]), kept["id"])


def _differing(name: str, kept: pa.Array, fresh: pa.Array, ids: pa.ChunkedArray) -> Iterator[Finding]:
    if kept.equals(fresh):
        return
    for place in np.flatnonzero(
        [one != two for one, two in zip(kept.to_pylist(), fresh.to_pylist(), strict=True)]
    ):
        yield Finding(
            f"The kept account {ids[int(place)]} has {name} {kept[int(place)]}; the table has {fresh[int(place)]}.",
            "Delete the folder 'kept' in the data folder; it is made anew.",
            table="accounts",
            record=ids[int(place)].as_py(),
            value=str(kept[int(place)]),
        )


def _plain(column: pa.ChunkedArray) -> pa.Array:
    one = column.combine_chunks()
    return one.dictionary_decode() if pa.types.is_dictionary(one.type) else one


def _rules(services: Services) -> Iterator[Finding]:
    active = services.models.active()
    if active is None:
        return
    book = rule_book(services, active[1])
    accounts = services.book.accounts()
    step = max(1, accounts.num_rows // SAMPLE)
    sample = accounts.take(pa.array(np.arange(0, accounts.num_rows, step), pa.int64()))
    kept = services.matcher.kept(book.digest)
    rules = services.matcher.compile(book.ruleset) if kept is None else kept
    winners = pc.cast(rules.winners(sample), pa.string()).to_pylist()
    for record, winner in zip(sample.to_pylist(), winners, strict=True):
        said = match_record(book.ruleset, record).winner
        if said != winner:
            yield Finding(
                f"The compiled rules put account {record['id']} into {winner or 'the queue'}, the rules say"
                f" {said or 'the queue'}.",
                "Delete the folder 'rules' in the data folder; it is made anew.",
                table="accounts",
                record=record["id"],
                value=str(winner),
            )
