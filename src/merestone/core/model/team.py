"""Who is in a territory, dated, and who of them owns it on a day.

The one rule: leave never changes ownership, leaving does. An owner who has left owns nothing from that day on, and
a territory without an owner sends its accounts to the unassigned queue. Not here: whose turn it is (``core.routing``).
"""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

MEMBERS_SCHEMA = pa.schema(
    [
        pa.field("territory", pa.string(), nullable=False),
        pa.field("rep", pa.string(), nullable=False),  # e-mail
        pa.field("role", pa.string(), nullable=False),  # one of columns.MEMBER_ROLES
        pa.field("valid_from", pa.date32()),  # first day in the role; null = always
        pa.field("valid_to", pa.date32()),  # first day out of it; null = until further notice
        pa.field(
            "left_on", pa.date32()
        ),  # first day the rep is no longer with the company; null = still here
    ]
)

OWNERS_SCHEMA = pa.schema([pa.field("territory", pa.string()), pa.field("owner", pa.string())])


def members_on(members: pa.Table, on: date, *, role: str | None = None) -> pa.Table:
    """Return the members whose dates cover a day and who have not left by then.

    Parameters
    ----------
    members : pa.Table
        Columns of ``MEMBERS_SCHEMA``; further columns are kept.
    on : date
        The day asked about.
    role : str, optional
        Keep this role only.
    """
    day = pa.scalar(on, pa.date32())
    present = pc.and_(
        pc.fill_null(pc.less_equal(members["valid_from"], day), True),
        pc.and_(
            pc.fill_null(pc.greater(members["valid_to"], day), True),
            pc.fill_null(pc.greater(members["left_on"], day), True),
        ),
    )
    if role is not None:
        present = pc.and_(present, pc.equal(members["role"], role))
    return members.filter(present)


def owner_on(members: pa.Table, on: date) -> pa.Table:
    """Return each territory's owner on a day, one row per territory that has one, sorted by territory.

    Of several owners the one with the earliest start counts (a successor takes over when the predecessor's dates
    end), then the least e-mail. Territories without an owner that day are absent: their accounts go to the queue.

    Parameters
    ----------
    members : pa.Table
        Columns of ``MEMBERS_SCHEMA``.
    on : date
        The day asked about.

    Returns
    -------
    pa.Table
        ``OWNERS_SCHEMA``.
    """
    owners = members_on(members, on, role="owner")
    always = pa.scalar(date.min, pa.date32())
    ordered = pa.table(
        {
            "territory": owners["territory"],
            "rep": owners["rep"],
            "since": pc.fill_null(owners["valid_from"], always),
        }
    ).sort_by([("territory", "ascending"), ("since", "ascending"), ("rep", "ascending")])
    first = ordered.group_by("territory", use_threads=False).aggregate([("rep", "first")])
    return first.select(["territory", "rep_first"]).rename_columns(["territory", "owner"]).cast(OWNERS_SCHEMA)
