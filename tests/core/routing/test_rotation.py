"""Promise 4: fair turns, at every prefix."""

import itertools
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from merestone.base.errors import UsageError
from merestone.core.routing.rotation import RepTurn, Rotation, next_turn

N_LEADS = 120
weight = st.one_of(
    st.integers(1, 60),
    st.fractions(Fraction(1, 20), 20, max_denominator=40),
    st.decimals(Decimal("0.1"), Decimal("9.9"), places=1),
)


def turns_of(weights: dict[str, object], n: int = N_LEADS) -> list[str]:
    rotation, taken = Rotation(), []
    for _ in range(n):
        rep, rotation = rotation.take(weights)
        taken.append(rep)
    return taken


@given(st.integers(1, 12))
def test_equal_weights_stay_within_one_turn_of_each_other_at_every_prefix(n_reps: int) -> None:
    counts = {f"rep{i:02}": 0 for i in range(n_reps)}
    for rep in turns_of(dict.fromkeys(counts, 1)):
        counts[rep] += 1
        assert max(counts.values()) - min(counts.values()) <= 1


@settings(max_examples=150)
@given(st.lists(weight, min_size=1, max_size=9))
def test_weighted_reps_stay_within_one_of_their_fair_share_at_every_prefix(weights: list) -> None:
    pool = {f"rep{i}": w for i, w in enumerate(weights)}
    total = sum(map(Fraction, weights))
    counts = dict.fromkeys(pool, 0)
    for n, rep in enumerate(turns_of(pool), start=1):
        counts[rep] += 1
        assert all(abs(counts[r] - n * Fraction(w) / total) < 1 for r, w in pool.items())


@given(st.lists(st.integers(1, 30), min_size=1, max_size=7))
def test_counts_alone_give_the_same_turns_as_the_kept_fair_shares(weights: list[int]) -> None:
    pool = {f"rep{i}": w for i, w in enumerate(weights)}
    state = {rep: RepTurn(rep, weight=w) for rep, w in pool.items()}
    for n, expected in enumerate(turns_of(pool, 60), start=1):
        rep = next_turn(list(state.values()))
        assert rep == expected
        state[rep] = RepTurn(rep, weight=pool[rep], taken=state[rep].taken + 1, last_turn=n)


def test_three_to_one_by_hand() -> None:
    # Shares 3/4 and 1/4. Deadlines of ana's turns: 4/3, 8/3, 4; ben may start at once but must only by 4.
    # Lead 1: ana 4/3 < ben 4. Lead 2: ana 8/3 < 4. Lead 3: both 4, ana took a turn already, ben none. Lead 4: ana.
    assert turns_of({"ana": 3, "ben": 1}, 8) == ["ana", "ana", "ben", "ana"] * 2


@given(st.permutations(["ana", "ben", "carl", "dora"]))
def test_order_of_the_reps_does_not_matter(order: list[str]) -> None:
    assert next_turn([RepTurn(rep, taken=2) for rep in order]) == "ana"


def test_of_equal_standing_the_one_who_waited_longest_is_next() -> None:
    assert next_turn([RepTurn("ana", taken=1, last_turn=2), RepTurn("ben", taken=1, last_turn=1)]) == "ben"


@given(st.integers(1, 6), st.integers(0, 40))
def test_a_joiner_gets_no_flood(n_reps: int, n_before: int) -> None:
    pool = {f"rep{i}": 1 for i in range(n_reps)}
    rotation = Rotation()
    for _ in range(n_before):
        _, rotation = rotation.take(pool)
    pool["joiner"] = 1
    after = []
    for _ in range(3 * (n_reps + 1)):
        rep, rotation = rotation.take(pool)
        after.append(rep)
    assert 2 <= after.count("joiner") <= 4
    assert all(pair != ("joiner", "joiner") for pair in itertools.pairwise(after))


def test_back_from_leave_the_missed_leads_are_not_caught_up() -> None:
    rotation = Rotation()
    for pool in [{"ana": 1, "ben": 1}] * 4 + [{"ana": 1}] * 50:
        _, rotation = rotation.take(pool)
    back = []
    for _ in range(10):
        rep, rotation = rotation.take({"ana": 1, "ben": 1})
        back.append(rep)
    assert sorted((back.count("ana"), back.count("ben"))) == [5, 5]


pools = st.lists(st.sets(st.sampled_from("abcde"), min_size=1), max_size=60)


@given(pools)
def test_whatever_the_pools_each_lead_has_one_eligible_taker_and_is_due_once(history: list[set[str]]) -> None:
    rotation = Rotation()
    for n, pool in enumerate(history, start=1):
        rep, rotation = rotation.take(dict.fromkeys(pool, 1))
        assert rep in pool
        assert sum(turn.taken for turn in rotation.turns.values()) == n
        assert sum(turn.due or 0 for turn in rotation.turns.values()) == n


@given(pools)
def test_the_state_survives_its_json_exactly(history: list[set[str]]) -> None:
    rotation = Rotation()
    for pool in history:
        _, rotation = rotation.take({rep: Fraction(ord(rep), 3) for rep in pool})
    assert Rotation.from_dict(rotation.as_dict()) == rotation


@pytest.mark.parametrize(
    ("eligible", "code"),
    [
        ([], "nobody-eligible"),
        ([RepTurn("ana"), RepTurn("ana")], "duplicate-rep"),
        ([RepTurn("ana", weight=0)], "bad-weight"),
        ([RepTurn("ana"), RepTurn("ben", due=Fraction(0))], "mixed-due"),
    ],
)
def test_wrong_use_is_named(eligible: list[RepTurn], code: str) -> None:
    with pytest.raises(UsageError) as error:
        next_turn(eligible)
    assert error.value.code == code
