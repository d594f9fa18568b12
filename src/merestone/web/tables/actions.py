"""What lists can do with many rows at once. Each is one use case: one transaction, one audit entry per row."""

from __future__ import annotations

from typing import Any

from merestone.app import assign, crm
from merestone.app.policy import Right
from merestone.web.forms.bulk import EditAccounts, EditLeads, MoveAccounts
from merestone.web.request import WebRequest
from merestone.web.tables.kind import BulkAction


def _move(request: WebRequest, ids: list[int], data: dict[str, Any]) -> str:
    done = assign.move_accounts(
        request.services,
        request.actor,
        ids,
        territory=data["territory"],
        reason=data["reason"],
        seen_digest=data["seen"] or None,
    )
    return f"{done['changed']:,} of {len(ids):,} accounts moved."


def _edit(table: str, noun: str) -> Any:
    def run(request: WebRequest, ids: list[int], data: dict[str, Any]) -> str:
        values = {name: value for name, value in data.items() if value not in (None, "")}
        changed = crm.update_records(request.services, request.actor, table=table, ids=ids, values=values)
        return f"{changed:,} of {len(ids):,} {noun} changed."

    return run


MOVE_ACCOUNTS = BulkAction(
    "move",
    "Reassign",
    "move",
    Right.ASSIGN,
    MoveAccounts,
    _move,
    "Rules leave accounts moved by hand where they are.",
    lambda request, ids: assign.places_digest(request.services, ids),
)
EDIT_ACCOUNTS = BulkAction(
    "edit",
    "Edit",
    "edit",
    Right.EDIT_ACCOUNTS,
    EditAccounts,
    _edit("accounts", "accounts"),
    "Empty fields stay as they are.",
)
EDIT_LEADS = BulkAction(
    "edit",
    "Edit",
    "edit",
    Right.WORK_LEADS,
    EditLeads,
    _edit("leads", "leads"),
    "Empty fields stay as they are.",
)
