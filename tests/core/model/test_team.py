"""Ownership on a day, as a table checked by hand."""

from datetime import date

import pyarrow as pa
import pytest

from merestone.core.model.team import MEMBERS_SCHEMA, members_on, owner_on

#  territory  rep   role    from         to          left
ROWS = """
   east       ana   owner   2026-01-01   2026-07-01  -
   east       ben   owner   2026-06-01   -           -
   east       carl  manager 2025-01-01   -           -
   west       dora  owner   2026-01-01   -           2026-03-01
   west       emil  backup  2026-01-01   -           -
   south      gus   owner   2026-01-01   -           -
   south      fay   owner   2026-01-01   -           -
   north      hal   owner   -            -           -
"""


def day(text: str) -> date | None:
    return None if text == "-" else date.fromisoformat(text)


def members() -> pa.Table:
    rows = [line.split() for line in ROWS.strip().splitlines()]
    names = MEMBERS_SCHEMA.names
    return pa.Table.from_pylist(
        [dict(zip(names, [*row[:3], *map(day, row[3:])], strict=True)) for row in rows], MEMBERS_SCHEMA
    )


def owners(on: str) -> dict[str, str]:
    table = owner_on(members(), date.fromisoformat(on))
    return dict(zip(table["territory"].to_pylist(), table["owner"].to_pylist(), strict=True))


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ("2025-12-31", {"north": "hal"}),
        ("2026-01-01", {"east": "ana", "north": "hal", "south": "fay", "west": "dora"}),
        ("2026-02-28", {"east": "ana", "north": "hal", "south": "fay", "west": "dora"}),
        # Dora has left: nobody steps in, the accounts of West go to the queue.
        ("2026-03-01", {"east": "ana", "north": "hal", "south": "fay"}),
        # Hand-over: the predecessor stays owner until the last day.
        ("2026-06-30", {"east": "ana", "north": "hal", "south": "fay"}),
        ("2026-07-01", {"east": "ben", "north": "hal", "south": "fay"}),
    ],
)
def test_owner_on_a_day(on: str, expected: dict[str, str]) -> None:
    assert owners(on) == expected


def test_members_of_all_roles_on_a_day() -> None:
    present = members_on(members(), date(2026, 6, 15))
    assert sorted(present["rep"].to_pylist()) == ["ana", "ben", "carl", "emil", "fay", "gus", "hal"]


def test_no_members_no_owners() -> None:
    assert owner_on(MEMBERS_SCHEMA.empty_table(), date(2026, 1, 1)).num_rows == 0
