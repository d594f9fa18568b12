"""Everyday changes to records: edit, create, log an activity, edit many.

Each is one transaction. A stale version is a conflict with the difference, never a silent overwrite. What an actor may
see decides what they may change: ids outside their sight are refused as missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from merestone.app import assign, route
from merestone.app.access.places import require_records
from merestone.app.exchange.locating import PREFIXES
from merestone.app.policy import Actor, Right
from merestone.app.services import Services
from merestone.base.errors import ConflictError, InvalidInputError, NotFoundError, Problem
from merestone.core.model.columns import TABLES, Kind

EDITABLE: dict[str, tuple[str, ...]] = {
    "accounts": (
        "name", "external_id", "lifecycle", "industry", "naics", "domain", "phone", "address", "city", "state",
        "postal_code", "country", "employees", "revenue", "potential", "workload_hours", "currency", "language",
        "products_of_interest", "customer_since", "founded_year",
    ),
    "leads": (
        "name", "company", "email", "phone", "status", "source", "city", "state", "postal_code", "country", "industry",
        "naics", "employees", "revenue", "potential", "currency", "language", "products_of_interest", "external_id",
    ),
    "contacts": ("first_name", "last_name", "title", "email", "phone", "language", "is_decision_maker", "external_id"),
    "opportunities": (
        "name", "stage", "forecast_category", "amount", "currency", "probability", "opened_on", "expected_close_on",
        "closed_on", "external_id",
    ),
    "activities": ("kind", "subject", "notes", "occurs_at", "minutes", "is_done", "external_id"),
    "contracts": ("external_id", "annual_value", "currency", "starts_on", "ends_on", "state"),
    "reps": (
        "name", "email", "office", "home_city", "home_state", "home_postal_code", "home_country", "languages",
        "industries", "skills", "seniority", "capacity_hours", "weekly_hours", "time_zone", "hired_on",
    ),
}  # fmt: skip
"""Columns people may edit, in the order a form shows them."""

ELSEWHERE: dict[tuple[str, str], Problem] = {
    ("reps", "left_on"): Problem(
        "departure-needed",
        "The last day is not edited: what the rep has would be left behind.",
        "Plan a departure (/reps/{id}/departure in the API): it names who takes over, then sets the day.",
        where="left_on",
    )
}
"""Columns that change only with what belongs to them, and where."""

RIGHTS: dict[str, Right] = {
    "accounts": Right.EDIT_ACCOUNTS,
    "contacts": Right.EDIT_ACCOUNTS,
    "opportunities": Right.EDIT_ACCOUNTS,
    "contracts": Right.EDIT_ACCOUNTS,
    "leads": Right.WORK_LEADS,
    "activities": Right.LOG_ACTIVITY,
    "reps": Right.MANAGE_MEMBERS,
}
REFERENCES: dict[str, str] = {
    "account_id": "accounts",
    "lead_id": "leads",
    "rep_id": "reps",
    "owner_id": "reps",
    "product_id": "products",
    "opportunity_id": "opportunities",
}
"""References of new records -> the table they point into."""
PARENTS = ("account_id", "lead_id")
"""References whose right counts for what is made at them."""
DELETABLE = frozenset({"contacts", "activities"})
ADDRESS_PARTS = ("postal_code", "city", "state", "country")
ADDRESS = frozenset(prefix + name for prefix in set(PREFIXES.values()) for name in ADDRESS_PARTS)
PLACED = {"accounts": assign.place_accounts, "leads": route.place_leads}
NULLABLE_TEXT = frozenset({"external_id"})


def update_record(
    services: Services, actor: Actor, *, table: str, record_id: int, values: Mapping[str, Any], version: int
) -> bool:
    """Change one record; returns whether anything differed.

    Raises
    ------
    ConflictError
        If the record's version is not ``version`` any more; ``difference`` is field -> [yours, theirs].
    NotFoundError
        If there is no such record, or the actor does not see it.
    """
    actor.require(RIGHTS[table])
    wanted = _clean(table, values)
    with services.records.transaction(actor, cause=f"edit {table}"):
        current = _held(services, actor, table, [record_id])
        row = current.to_pylist()[0]
        changes = {name: value for name, value in wanted.items() if not _is_same(row.get(name), value)}
        if row["version"] != version:
            raise ConflictError(
                "Somebody else changed this record while you edited it.",
                difference={name: [value, row.get(name)] for name, value in changes.items()},
                code="stale-version",
                fix="Compare the two, then save again.",
            )
        if changes:
            written = [{"id": record_id, "version": version, **changes}]
            _write(services, table, current.schema, located(services, table, written, before=[row]))
            _place(services, table, [record_id])
    return bool(changes)


def update_records(
    services: Services, actor: Actor, *, table: str, ids: Iterable[int], values: Mapping[str, Any]
) -> int:
    """Set the same values on many records; returns how many changed."""
    actor.require(RIGHTS[table])
    wanted = _clean(table, values)
    with services.records.transaction(actor, cause=f"edit many {table}"):
        current = _held(services, actor, table, _visible(services, actor, table, ids)["id"].to_pylist())
        changed = [
            row["id"]
            for row in current.select(["id", *wanted]).to_pylist()
            if any(not _is_same(row[name], value) for name, value in wanted.items())
        ]
        if changed:
            written = [{"id": one, **wanted} for one in changed]
            before = {row["id"]: row for row in current.to_pylist()} if ADDRESS & set(wanted) else {}
            written = located(services, table, written, before=[before.get(one, {}) for one in changed])
            _write(services, table, current.schema, written)
            _place(services, table, changed)
    return len(changed)


def create_record(
    services: Services,
    actor: Actor,
    *,
    table: str,
    values: Mapping[str, Any],
    references: Mapping[str, int] | None = None,
) -> int:
    """Create one record and return its id; accounts and leads get their place in the same transaction.

    Parameters
    ----------
    references : mapping, optional
        ``account_id``, ``lead_id``, ``rep_id``, ``owner_id``, ``product_id``: records it belongs to, which the actor
        must see.
    """
    actor.require(RIGHTS[table])
    wanted = _clean(table, values, is_new=True) | _checked(services, actor, references or {})
    if table == "reps":  # somebody in no territory yet is under nobody's part of the tree
        actor.require(RIGHTS[table], everywhere=True)
    for name in PARENTS:
        if wanted.get(name) is not None:
            require_records(services, actor, RIGHTS[table], table=REFERENCES[name], ids=[wanted[name]])
    with services.records.transaction(actor, cause=f"create {table}"):
        schema = services.records.snapshot(table, ids=[]).schema
        (record_id,) = _write(services, table, schema, located(services, table, [wanted], before=[{}]))
        _place(services, table, [record_id])
    return record_id


def log_activity(
    services: Services,
    actor: Actor,
    *,
    values: Mapping[str, Any],
    account_id: int | None = None,
    lead_id: int | None = None,
    opportunity_id: int | None = None,
    rep_id: int | None = None,
) -> int:
    """Log a touch at an account or lead; returns the activity's id.

    It is the actor's own when they sell, else that of ``rep_id``. A finished activity counts as a touch of the lead.
    """
    named = {"account_id": account_id, "lead_id": lead_id, "opportunity_id": opportunity_id, "rep_id": rep_id}
    references = _checked(
        services, actor, {name: value for name, value in named.items() if value is not None}
    )
    actor.require(Right.LOG_ACTIVITY)
    for name in PARENTS:
        if name in references:
            require_records(
                services, actor, Right.LOG_ACTIVITY, table=REFERENCES[name], ids=[references[name]]
            )
    wanted = _clean("activities", values, is_new=True) | references
    if actor.rep_id is not None:
        wanted["rep_id"] = actor.rep_id
    with services.records.transaction(actor, cause="log activity"):
        schema = services.records.snapshot("activities", ids=[]).schema
        (activity_id,) = _write(services, "activities", schema, [wanted])
        if lead_id is not None and wanted.get("is_done"):
            lead = services.records.snapshot("leads", ids=[lead_id])
            _write(services, "leads", lead.schema, [{"id": lead_id, "touched_at": wanted["occurs_at"]}])
    return activity_id


def delete_record(services: Services, actor: Actor, *, table: str, record_id: int, version: int) -> None:
    """Delete a contact or an activity.

    Raises
    ------
    ConflictError
        If the record's version is not ``version`` any more.
    NotFoundError
        If there is no such record, or the actor does not see it.
    """
    actor.require(RIGHTS[table])
    assert table in DELETABLE, table
    with services.records.transaction(actor, cause=f"delete {table}"):
        current = _held(services, actor, table, [record_id])
        theirs = current["version"][0].as_py()
        if theirs != version:
            raise ConflictError(
                "Somebody else changed this record meanwhile.",
                difference={"version": [version, theirs]},
                code="stale-version",
                fix="Look at the record as it is now, then delete it.",
            )
        services.records.delete(table, [record_id])


def located(
    services: Services,
    table: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    before: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Return the rows to write with the place of their new address, when the address is among what is written.

    Parameters
    ----------
    before : sequence of mapping
        The records as they are, row for row; empty for new ones.
    """
    kept = [dict(row) for row in rows]
    prefix = PREFIXES.get(table)
    if prefix is None or not any(prefix + name in row for row in rows for name in ADDRESS_PARTS):
        return kept
    whole = [{**old, **new} for old, new in zip(before, rows, strict=True)]
    address = {
        name: pa.array([row.get(prefix + name) or None for row in whole], pa.string())
        for name in ADDRESS_PARTS
    }
    found = services.gazetteer.locate(pa.table(address))
    names = ("latitude", "longitude") if prefix else ("latitude", "longitude", "geo_precision", "county")
    for row, place in zip(kept, found.select(list(names)).to_pylist(), strict=True):
        row.update({prefix + name: value for name, value in place.items()})
    return kept


def _visible(services: Services, actor: Actor, table: str, ids: Iterable[int]) -> pa.Table:
    """Return the records among ``ids`` that the actor sees."""
    wanted = list(dict.fromkeys(ids))
    if not actor.sees_all and table != "products":  # what the company sells is no secret
        seen = services.visibility.visible_ids(actor, table, wanted)
        wanted = [one for one in wanted if one in seen]
    return services.records.snapshot(table, ids=wanted)


def _held(services: Services, actor: Actor, table: str, ids: list[int]) -> pa.Table:
    """Return the records, all of which the actor may change."""
    if table != "products":
        require_records(services, actor, RIGHTS[table], table=table, ids=ids)
    current = services.records.snapshot(table, ids=ids)
    if ids and current.num_rows == 0:
        raise NotFoundError("There is no such record.")
    return current


def _checked(services: Services, actor: Actor, references: Mapping[str, int]) -> dict[str, Any]:
    for name, value in references.items():
        if _visible(services, actor, REFERENCES[name], [value]).num_rows == 0:
            raise NotFoundError("There is no such record.")
    return dict(references)


def _clean(table: str, values: Mapping[str, Any], *, is_new: bool = False) -> dict[str, Any]:
    """Return the values to write: known columns only, required ones present, choices kept."""
    contract, problems, wanted = TABLES[table], [], {}
    for name, value in values.items():
        if (table, name) in ELSEWHERE:
            problems.append(ELSEWHERE[table, name])
            continue
        if name not in EDITABLE[table]:
            problems.append(Problem("unknown-column", f"'{name}' cannot be edited.", where=name))
            continue
        column = contract[name]
        if column.choices and value not in (None, "") and value not in column.choices:
            fix = f"Use one of {', '.join(column.choices)}."
            problems.append(
                Problem("unknown-choice", f"'{value}' is not a {column.label.lower()}.", fix, where=name)
            )
        if column.required and value in (None, ""):
            problems.append(Problem("missing", f"{column.label} is empty.", "Fill it in.", where=name))
        is_text = column.kind is Kind.TEXT
        if is_new and value in (None, "", []):
            continue  # the table's own default
        wanted[name] = (None if name in NULLABLE_TEXT else "") if is_text and value in (None, "") else value
    if is_new:
        missing = [column for column in contract if column.required and column.name in EDITABLE[table]]
        problems += [
            Problem("missing", f"{column.label} is empty.", "Fill it in.", where=column.name)
            for column in missing
            if column.name not in values
        ]
    if problems:
        raise InvalidInputError("The record was not saved.", problems)
    return wanted


def _is_same(old: Any, new: Any) -> bool:
    return (old or None) == (new or None) if isinstance(new, str | list) or new is None else old == new


def _write(services: Services, table: str, schema: pa.Schema, rows: list[dict[str, Any]]) -> list[int]:
    """Write rows of equal keys with the table's own types; returns their ids."""
    if table in PLACED:
        services.records.take_turn(table)  # before the rows are locked: who has the turn may wait for them
    fields = [schema.field(name) for name in rows[0]]
    return services.records.write(table, pa.Table.from_pylist(rows, schema=pa.schema(fields)))[
        "id"
    ].to_pylist()


def _place(services: Services, table: str, ids: list[int]) -> None:
    if table in PLACED:
        PLACED[table](services, ids=ids)
