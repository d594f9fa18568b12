"""Assignment of accounts: match → winner → owner or queue, each with its reason; manual moves, locks, explanations.

Every account always has its open association: ``place_accounts`` runs inside the transaction of whatever made or
changed accounts (import, edit, publish).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.policy import Actor, Right
from merestone.app.services import Services
from merestone.core.criteria import to_english
from merestone.core.model.team import owner_on
from merestone.core.model.territory import TerritoryModelDocument
from merestone.core.rules.ruleset import compile_ruleset

DESIRED = pa.schema(
    [
        ("record", pa.int64()),
        ("territory", pa.string()),
        ("owner", pa.int64()),
        ("is_primary", pa.bool_()),
        ("cause", pa.string()),
        ("reason", pa.string()),
    ]
)
"""What ``Associations.replace`` takes."""

RANK_WORDS = {
    "priority": "its priority is lower in number",
    "depth": "it lies deeper in the tree",
    "criteria": "its rules are more specific",
    "key": "its key comes first (a tie: set a priority)",
}


def run_rules(services: Services, actor: Actor, *, ids: Iterable[int] | None = None) -> dict[str, int]:
    """Match accounts to the active model and write what differs.

    Parameters
    ----------
    ids : iterable of int, optional
        Only these accounts; default all.

    Returns
    -------
    dict
        ``accounts`` looked at, ``changed`` associations, ``queued`` accounts without owner afterwards.
    """
    actor.require(Right.ASSIGN)
    if not actor.sees_all:
        ids = services.visibility.visible_ids(actor, "accounts", ids)
    with services.records.transaction(actor, cause="rule run"):
        return place_accounts(services, ids=ids)


def place_accounts(
    services: Services,
    *,
    ids: Iterable[int] | None = None,
    at: datetime | None = None,
    keep_manual: bool = True,
) -> dict[str, int]:
    """Give the accounts their place by rule; the caller holds the transaction.

    Locked accounts stay. Manual moves stay too unless ``keep_manual`` is false (a newly published model decides anew).
    """
    at = at or services.clock.now()
    wanted = None if ids is None else list(ids)
    table = services.records.snapshot("accounts", ids=wanted)
    if wanted is None or table.num_rows:
        table = without_kept(services, table, keep_manual=keep_manual)
    active = services.models.active()
    if active is None:
        desired, model_id = unplaced(table["id"], "No territory model is active."), None
    else:
        model_id, document = active
        desired = desired_places(services, document, table)
    changed = services.associations.replace("accounts", desired, at=at, model_id=model_id)
    queued = pc.sum(pc.and_(desired["is_primary"], pc.is_null(desired["owner"]))).as_py() or 0
    return {"accounts": table.num_rows, "changed": changed, "queued": queued}


def without_kept(services: Services, table: pa.Table, *, keep_manual: bool) -> pa.Table:
    """Return the rows that rules may place: not locked, not moved by hand."""
    current = services.associations.open_now("accounts", ids=table["id"].to_pylist())
    stays = current["is_locked"]
    if keep_manual:
        is_manual = pc.and_(pc.equal(current["cause"], "manual"), current["is_primary"])
        stays = pc.or_(stays, is_manual)
    kept = current.filter(stays)["record"]
    return table.filter(pc.invert(pc.is_in(table["id"], value_set=kept.combine_chunks())))


def unplaced(record_ids: Any, sentence: str) -> pa.Table:
    """Return desired rows that put the records into the unassigned queue."""
    n = len(record_ids)
    reason = json.dumps({"sentence": sentence})
    return pa.table(
        [
            pa.chunked_array(record_ids) if isinstance(record_ids, list) else record_ids,
            pa.nulls(n, pa.string()),
            pa.nulls(n, pa.int64()),
            pa.repeat(True, n),
            pa.repeat("default", n),
            pa.repeat(reason, n),
        ],
        schema=DESIRED,
    )


def desired_places(services: Services, document: TerritoryModelDocument, table: pa.Table) -> pa.Table:
    """Return where the active rules put each account, with owner and reason, primary and overlay."""
    ruleset = compile_ruleset(document)
    matched = services.matcher.match(ruleset, table)
    owners = owners_today(services)
    primary = pa.table(
        {
            "record": table["id"],
            "territory": matched["territory"],
            "cause": pc.coalesce(matched["cause"], "default"),
            "runner_up": matched["runner_up"],
            "rank": matched["rank"],
        }
    )
    overlays = overlay_rows(table["id"], matched["overlays"])
    return pa.concat_tables(
        [
            with_owner_and_reason(primary, document, owners, is_primary=True),
            with_owner_and_reason(overlays, document, owners, is_primary=False),
        ]
    )


def overlay_rows(record_ids: pa.ChunkedArray, overlays: pa.ChunkedArray) -> pa.Table:
    """Return one row per (record, overlay territory)."""
    lists = overlays.combine_chunks()
    parents = pc.list_parent_indices(lists)
    n = len(parents)
    return pa.table(
        {
            "record": pc.take(record_ids, parents),
            "territory": pc.list_flatten(lists).cast(pa.string()),
            "cause": pa.repeat("rule", n),
            "runner_up": pa.nulls(n, pa.string()),
            "rank": pa.nulls(n, pa.string()),
        }
    )


def owners_today(services: Services) -> dict[str, tuple[int, str]]:
    """Return territory key -> (rep id, rep name) of today's owner member."""
    members = services.models.members()
    people = {
        row["rep"]: (row["rep_id"], row["rep_name"])
        for row in members.select(["rep", "rep_id", "rep_name"]).to_pylist()
    }
    owners = owner_on(members, services.clock.today())
    return {row["territory"]: people[row["owner"]] for row in owners.to_pylist()}


def with_owner_and_reason(
    places: pa.Table,
    document: TerritoryModelDocument,
    owners: Mapping[str, tuple[int, str]],
    *,
    is_primary: bool,
) -> pa.Table:
    """Add owner and reason; reasons are written once per distinct outcome, not per record."""
    keys = ["territory", "cause", "runner_up", "rank"]
    outcomes = places.select(keys).group_by(keys).aggregate([]).to_pylist()
    rows = [
        {
            **outcome,
            "owner": owners.get(outcome["territory"] or "", (None, ""))[0],
            "reason": json.dumps(reason_of(outcome, document, owners)),
        }
        for outcome in outcomes
    ]
    known = pa.Table.from_pylist(
        rows,
        schema=pa.schema(
            [(key, pa.string()) for key in keys] + [("owner", pa.int64()), ("reason", pa.string())]
        ),
    )
    # Arrow joins treat null keys as unequal; a coded key keeps the queue's rows.
    left = places.append_column("outcome", outcome_key(places, keys))
    right = known.append_column("outcome", outcome_key(known, keys)).select(["outcome", "owner", "reason"])
    joined = left.join(right, "outcome").sort_by("record") if places.num_rows else left.join(right, "outcome")
    return pa.table(
        [
            joined["record"],
            joined["territory"],
            joined["owner"],
            pa.chunked_array([pa.repeat(is_primary, joined.num_rows)]),
            joined["cause"],
            joined["reason"],
        ],
        schema=DESIRED,
    )


def outcome_key(table: pa.Table, keys: Sequence[str]) -> pa.ChunkedArray:
    """Return one text per row naming its outcome."""
    return pc.binary_join_element_wise(
        *[pc.coalesce(table[key].cast(pa.string()), "") for key in keys], "\x1f"
    )


def reason_of(
    outcome: Mapping[str, Any], document: TerritoryModelDocument, owners: Mapping[str, tuple[int, str]]
) -> dict[str, Any]:
    """Return the reason kept with an association: a sentence, and the facts it is made of."""
    key, runner_up = outcome["territory"], outcome["runner_up"]
    if key is None:
        return {"sentence": f"No territory of “{document.name}” matches.", "model": document.key}
    node = document.node(key)
    if outcome["cause"] == "named":
        sentence = f"Named in {node.name}."
    else:
        rule = document.effective_where(key)
        sentence = f"{node.name} matches: {to_english(rule)}." if rule else f"{node.name} matches."
    if runner_up:
        words = RANK_WORDS.get(outcome["rank"] or "", "it ranks first")
        sentence += f" {document.node(runner_up).name} matches too, but {node.name} wins because {words}."
    rep_id, rep_name = owners.get(key, (None, ""))
    sentence += (
        f" {rep_name} owns the territory."
        if rep_id is not None
        else " It has no owner today, so it waits in the queue."
    )
    return {
        "sentence": sentence,
        "model": document.key,
        "territory": key,
        "runner_up": runner_up,
        "decided_by": outcome["rank"],
        "owner": rep_name or None,
    }
