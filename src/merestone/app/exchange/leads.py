"""Owners of leads in files: a lead has no owner of its own but its open association's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.exchange.problems import problem_table
from merestone.app.route import homes, own_leads, rep_names
from merestone.app.services import Services
from merestone.core.model.columns import Table

OWNER = "owner_id"


def possible_owners(services: Services, contract: Table, rows: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return the rows without owners who are in no territory, and a warning (``ROW_PROBLEMS``) for each."""
    if contract.name != "leads" or OWNER not in rows.column_names:
        return rows, problem_table()
    is_possible = pc.is_in(rows[OWNER], value_set=pa.array(list(homes(services)), pa.int64()))
    lost = rows.filter(pc.and_(pc.is_valid(rows[OWNER]), pc.invert(is_possible)))
    names = rep_names(services)
    told = problem_table(
        {
            "row": row["row"],
            "column": contract["owner"].label,
            "code": "owner-without-territory",
            "value": names[row[OWNER]],
            "message": f"{names[row[OWNER]]} is in no territory, so the lead is routed like all others.",
            "fix": "Make them a member of a territory, publish, and import again.",
        }
        for row in lost.select(["row", OWNER]).to_pylist()
    )
    owners = pc.if_else(is_possible, rows[OWNER], pa.scalar(None, pa.int64()))
    return rows.set_column(rows.schema.get_field_index(OWNER), OWNER, owners), told


def without_owners(contract: Table, rows: pa.Table) -> pa.Table:
    """Return the rows as the table of leads takes them."""
    if contract.name != "leads" or OWNER not in rows.column_names:
        return rows
    return rows.drop_columns(OWNER)


def give_owners(
    services: Services, contract: Table, rows: pa.Table, *, ids: Sequence[int], at: datetime
) -> None:
    """Give the leads just written (``ids``, in the order of ``rows``) the owners their rows name."""
    if contract.name != "leads" or OWNER not in rows.column_names:
        return
    named = zip(ids, rows[OWNER].to_pylist(), strict=True)
    own_leads(services, {lead: rep for lead, rep in named if rep is not None}, at=at)
