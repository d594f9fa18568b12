"""Balance of a company small enough to add up by hand."""

from decimal import Decimal
from itertools import product

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from merestone.base.errors import UsageError
from merestone.core.metrics.balance import balance, roll_up, spread
from merestone.core.metrics.levels import groups_at_depth

MONEY = pa.decimal128(18, 2)

#  territory  potential  hours  revenue
ROWS = """
   east       100.10     10     50.00
   east        99.90     20     -
   west       400.00     10     50.00
   north      300.00     20     50.00
   -            0.05      5      7.00
"""
#  east:  2 accounts, 200.00, 30 h,  50.00
#  west:  1 account,  400.00, 10 h,  50.00
#  north: 1 account,  300.00, 20 h,  50.00    means: 4/3, 300.00, 20 h, 50.00
#  queue: 1 account,    0.05,  5 h,   7.00
PARENTS = {"company": None, "coasts": "company", "east": "coasts", "west": "coasts", "north": "company"}


def accounts(text: str = ROWS) -> pa.Table:
    rows = [[None if cell == "-" else cell for cell in line.split()] for line in text.strip().splitlines()]
    money = [[None if r[i] is None else Decimal(r[i]) for r in rows] for i in (1, 3)]
    return pa.table(
        {
            "territory": pa.array([r[0] for r in rows], pa.string()),
            "potential": pa.array(money[0], MONEY),
            "workload_hours": pa.array([float(r[2] or 0) for r in rows]),
            "revenue": pa.array(money[1], MONEY),
        }
    )


def rows_of(table: pa.Table, *names: str) -> list[tuple]:
    return [tuple(row[name] for name in names) for row in table.select(names).to_pylist()]


def test_sums_per_territory_with_the_queue_apart() -> None:
    result = balance(accounts())
    assert rows_of(result.table, "territory", "accounts", "potential", "workload_hours", "revenue") == [
        ("east", 2, Decimal("200.00"), 30, Decimal("50.00")),
        ("north", 1, Decimal("300.00"), 20, Decimal("50.00")),
        ("west", 1, Decimal("400.00"), 10, Decimal("50.00")),
        (None, 1, Decimal("0.05"), 5, Decimal("7.00")),
    ]


def test_index_is_100_at_the_mean_and_the_queue_has_none() -> None:
    table = balance(accounts()).table
    assert table["accounts_index"].to_pylist() == [
        pytest.approx(150),
        pytest.approx(75),
        pytest.approx(75),
        None,
    ]
    assert table["potential_index"].to_pylist() == [pytest.approx(v) for v in (200 / 3, 100, 400 / 3)] + [
        None
    ]


def test_spread_of_potential_by_hand() -> None:
    # mean 300; deviations -100, 0, 100: greatest 1/3; variance 20000/3, CV = sqrt(20000/3)/300 = 0.27217
    # Gini = (2*(200+100+100)) / (2 * 9 * 300) = 800 / 5400 = 0.148148
    found = balance(accounts()).spreads["potential"]
    assert (found.n_territories, found.mean, found.minimum, found.maximum) == (3, 300.0, 200, 400)
    assert found.max_deviation == pytest.approx(1 / 3)
    assert found.variation == pytest.approx(0.2721655)
    assert found.gini == pytest.approx(4 / 27)


def test_equal_territories_have_no_spread() -> None:
    found = balance(accounts()).spreads["revenue"]
    assert (found.max_deviation, found.variation, found.gini) == (0, 0, 0)


def test_a_territory_without_accounts_counts_in_the_mean() -> None:
    result = balance(accounts(), territories=["east", "west", "north", "south"])
    assert rows_of(result.table, "territory", "accounts", "potential", "potential_index")[2] == (
        "south",
        0,
        0,
        0,
    )
    assert result.spreads["potential"].mean == 225.0


def test_other_level_is_compared_with_its_own_mean() -> None:
    result = balance(accounts(), group_of=groups_at_depth(PARENTS, 1), territories=PARENTS)
    # The company node itself holds nothing, but is a place of its own on this level.
    assert rows_of(result.table, "territory", "potential", "accounts") == [
        ("coasts", Decimal("600.00"), 3),
        ("company", Decimal("0.00"), 0),
        ("north", Decimal("300.00"), 1),
        (None, Decimal("0.05"), 1),
    ]


def test_roll_up_gives_every_node_its_subtree() -> None:
    table = roll_up(balance(accounts()).table, PARENTS)
    assert rows_of(table, "territory", "accounts", "potential", "workload_hours") == [
        ("coasts", 3, Decimal("600.00"), 40),
        ("company", 4, Decimal("900.00"), 60),
        ("east", 2, Decimal("200.00"), 30),
        ("north", 1, Decimal("300.00"), 20),
        ("west", 1, Decimal("400.00"), 10),
        (None, 1, Decimal("0.05"), 5),
    ]


def test_roll_up_adds_territories_outside_the_tree_to_the_queue() -> None:
    table = roll_up(balance(accounts()).table, {"east": None})
    assert rows_of(table, "territory", "accounts") == [("east", 2), (None, 3)]


cents = st.integers(0, 10**12).map(lambda n: Decimal(n).scaleb(-2))
account_rows = st.lists(
    st.tuples(
        st.sampled_from(["east", "west", "north", "coasts", "elsewhere", None]), st.none() | cents, cents
    )
)


@given(account_rows)
def test_territories_and_queue_are_the_company_to_the_cent_at_every_level(rows: list) -> None:
    table = pa.table(
        {
            "territory": pa.array([r[0] for r in rows], pa.string()),
            "potential": pa.array([r[1] for r in rows], MONEY),
            "workload_hours": pa.array([float(r[2]) for r in rows], pa.float64()),
            "revenue": pa.array([r[2] for r in rows], MONEY),
        }
    )
    company = (len(rows), sum(r[1] or 0 for r in rows), sum(r[2] for r in rows))
    # Hours come as floats: each is the millionth nearest to it, and sums are exact from there.
    hours = sum(Decimal(float(r[2])).quantize(Decimal("0.000001")) for r in rows)
    leaves = balance(table).table
    levels = [leaves, *(balance(table, group_of=groups_at_depth(PARENTS, d)).table for d in range(3))]
    for level in levels:
        assert tuple(sum(level[n].to_pylist()) for n in ("accounts", "potential", "revenue")) == company
        assert sum(level["workload_hours"].to_pylist()) == hours
    top = [row for row in roll_up(leaves, PARENTS).to_pylist() if row["territory"] in ("company", None)]
    assert sum(row["potential"] for row in top) == company[1]


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30))
def test_gini_is_the_mean_difference_of_all_pairs(values: list[int]) -> None:
    found = spread("x", values)
    if sum(values) == 0:
        assert (found.gini, found.variation, found.max_deviation) == (None, None, None)
        return
    pairs = sum(abs(a - b) for a, b in product(values, values))
    assert found.gini == pytest.approx(pairs / (2 * len(values) * sum(values)))
    assert 0 <= found.gini <= 1 - 1 / len(values) + 1e-12


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=20).filter(any), st.integers(2, 1000))
def test_spreads_do_not_depend_on_the_currency(values: list[int], factor: int) -> None:
    one, other = spread("x", values), spread("x", [v * factor for v in values])
    assert (one.max_deviation, one.variation, one.gini) == (other.max_deviation, other.variation, other.gini)


def test_no_accounts_at_all() -> None:
    result = balance(accounts().slice(0, 0))
    assert result.table.num_rows == 0
    assert result.spreads["potential"].mean is None


def test_money_of_two_currencies_is_refused() -> None:
    table = accounts().append_column("currency", pa.array(["USD", "EUR", None, "USD", "USD"]))
    with pytest.raises(UsageError, match="EUR, USD cannot be added"):
        balance(table)
