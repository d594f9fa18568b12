from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from merestone.base.errors import UsageError
from merestone.core.model.assignment import (
    ASSOCIATIONS_SCHEMA,
    AssignmentDiff,
    assignment_diff,
    disruption,
    rows_in_force,
)

TEXT = pa.string()
INSTANT = pa.timestamp("us", tz="UTC")
T0 = datetime(2026, 1, 1, tzinfo=UTC)


def placed(rows: dict[str, tuple[str | None, str | None]], cause: str | None = None) -> pa.Table:
    table = pa.table(
        {
            "account": pa.array(rows, TEXT),
            "territory": pa.array([t for t, _ in rows.values()], TEXT),
            "owner": pa.array([o for _, o in rows.values()], TEXT),
        }
    )
    return table if cause is None else table.append_column("cause", pa.array([cause] * len(rows), TEXT))


def test_diff_holds_only_what_differs() -> None:
    current = placed(
        {"A": ("e", "ana"), "B": ("e", "ana"), "C": ("e", "ana"), "D": (None, None), "F": ("e", "ana")}
    )
    desired = placed({"A": ("e", "ana"), "B": ("w", "ana"), "C": ("e", "ben"), "E": ("w", "ben")}, "named")
    diff = assignment_diff(current, desired, cause="manual")
    assert [tuple(row.values()) for row in diff.rows.to_pylist()] == [
        ("B", "e", "ana", "w", "ana", "named"),
        ("C", "e", "ana", "e", "ben", "named"),
        ("E", None, None, "w", "ben", "named"),
        ("F", "e", "ana", None, None, "manual"),
    ]
    assert diff.owner_changes["account"].to_pylist() == ["C", "E", "F"]


place = st.tuples(st.sampled_from(["e", "w", None]), st.sampled_from(["ana", "ben", None]))
assignment = st.dictionaries(st.sampled_from("ABCDEFG"), place)


@given(assignment, assignment)
def test_diff_leads_from_one_assignment_to_the_other(before: dict, after: dict) -> None:
    state = dict(before)
    for row in assignment_diff(placed(before), placed(after)).rows.to_pylist():
        assert state.get(row["account"], (None, None)) == (row["from_territory"], row["from_owner"])
        state[row["account"]] = (row["to_territory"], row["to_owner"])
    nowhere = (None, None)
    assert {a: p for a, p in state.items() if p != nowhere} == {
        a: p for a, p in after.items() if p != nowhere
    }
    assert len(assignment_diff(placed(after), placed(after))) == 0


def test_an_account_twice_is_refused() -> None:
    twice = pa.concat_tables([placed({"A": ("e", "ana")}), placed({"A": ("w", "ben")})])
    with pytest.raises(UsageError, match="'A' occurs 2 times in the desired"):
        assignment_diff(placed({}), twice)


def test_disruption_counts_who_loses_an_owner() -> None:
    # A changes owner, B loses it, C changes territory only, D gets its first owner, E stays, F has no revenue.
    current = {"A": ("e", "ana"), "B": ("e", "ana"), "C": ("e", "ana"), "E": ("e", "ana"), "F": ("e", "ana")}
    desired = {"A": ("w", "ben"), "C": ("w", "ana"), "D": ("w", "ben"), "E": ("e", "ana"), "F": ("w", "ben")}
    accounts = pa.table(
        {
            "external_id": list("ABCDEF"),
            "revenue": pa.array(
                [Decimal(r) for r in ("100.10", "50.00", "7.00", "9.00", "233.90")] + [None],
                pa.decimal128(18, 2),
            ),
        }
    )
    result = disruption(assignment_diff(placed(current), placed(desired)), accounts)
    assert (result.accounts_changed, result.accounts) == (3, 6)
    assert (result.revenue_changed, result.revenue) == (Decimal("150.10"), Decimal("400.00"))
    assert result.share_of_accounts == 0.5
    assert result.share_of_revenue == pytest.approx(0.37525)


def test_disruption_of_nothing_is_nothing() -> None:
    accounts = pa.table({"external_id": pa.array([], TEXT), "revenue": pa.array([], pa.decimal128(18, 2))})
    result = disruption(AssignmentDiff(assignment_diff(placed({}), placed({})).rows), accounts)
    assert (result.share_of_accounts, result.share_of_revenue) == (0.0, 0.0)


hours = st.integers(0, 20)
stretch = st.tuples(st.sampled_from("ABC"), hours, st.one_of(st.none(), hours))


def hour(h: int | None) -> datetime | None:
    return None if h is None else T0 + timedelta(hours=h)


@given(
    st.lists(stretch, max_size=12, unique_by=lambda s: (s[0], s[1])),
    st.lists(st.tuples(st.sampled_from(["A", "B", "Z", None]), st.one_of(st.none(), st.integers(-2, 22)))),
    st.one_of(st.none(), hours),
)
def test_rows_in_force_equal_the_definition(stretches: list, probes: list, adopt: int | None) -> None:
    rows = [{"record": a, "valid_from": hour(f), "valid_to": hour(t)} for a, f, t in stretches]
    found = rows_in_force(
        pa.Table.from_pylist(rows, ASSOCIATIONS_SCHEMA),
        pa.array([k for k, _ in probes], TEXT),
        pa.array([hour(h) for _, h in probes], INSTANT),
        adopt_before=hour(adopt),
    )
    assert found.to_pylist() == [expected(stretches, k, h, adopt) for k, h in probes]


def expected(stretches: list, key: str | None, at: int | None, adopt: int | None) -> int | None:
    if key is None or at is None:
        return None
    own = [(start, end, row) for row, (k, start, end) in enumerate(stretches) if k == key]
    started = [entry for entry in own if entry[0] <= at]
    if started:
        _, end, row = max(started, key=lambda entry: entry[0])
        return row if end is None or at < end else None
    later = [entry for entry in own if adopt is not None and entry[0] < adopt]
    return min(later, key=lambda entry: entry[0])[2] if later else None
