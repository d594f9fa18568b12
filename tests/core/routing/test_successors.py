"""Who takes over: similar people first, nobody overloaded beyond the stated bound."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from merestone.core.routing.kinship import nearness
from merestone.core.routing.successors import Leaver, People, Pieces, Sharing, Telling, level_of, share_out

PATHS = {
    "us": ("us",),
    "west": ("us", "west"),
    "ca": ("us", "west", "ca"),
    "wa": ("us", "west", "wa"),
    "east": ("us", "east"),
    "eu": ("eu",),
}
NOBODY_LIKE = Leaver(frozenset())
WORDS = st.frozensets(st.sampled_from(["en", "es", "food", "pharma"]))


def people(n: int, **columns: Any) -> People:
    usual: dict[str, Any] = {
        "ids": tuple(range(n)), "load": np.zeros(n), "capacity": np.full(n, 100.0), "latitude": np.full(n, np.nan),
        "longitude": np.full(n, np.nan), "languages": (frozenset(),) * n, "industries": (frozenset(),) * n,
        "skills": (frozenset(),) * n, "seniority": ("",) * n, "territories": (frozenset(),) * n,
    }  # fmt: skip
    return People(**(usual | columns))


def pieces(n: int, **columns: Any) -> Pieces:
    none = np.zeros(0, np.int64)
    usual: dict[str, Any] = {
        "load": np.full(n, 10.0), "latitude": np.full(n, np.nan), "longitude": np.full(n, np.nan), "language": [""] * n,
        "industry": [""] * n, "products": [frozenset()] * n, "territory": [None] * n, "ties": (none, none, np.zeros(0)),
    }  # fmt: skip
    return Pieces(**(usual | columns))


def shared(given: Pieces, among: People, leaver: Leaver = NOBODY_LIKE) -> Sharing:
    return share_out(given, among, leaver=leaver, paths=PATHS)


@pytest.mark.parametrize(
    ("of_pieces", "of_people", "words"),
    [
        (
            {"territory": ["ca"]},
            {"territories": (frozenset(["east"]), frozenset(["wa"]))},
            "territory next to it",
        ),
        ({"territory": ["ca"]}, {"territories": (frozenset(["wa"]), frozenset(["ca"]))}, "same territory"),
        ({"language": ["es"]}, {"languages": (frozenset(["en"]), frozenset(["es"]))}, "speaks es"),
        ({"industry": ["food"]}, {"industries": (frozenset(), frozenset(["food"]))}, "knows food"),
        ({"products": [frozenset(["ai"])]}, {"skills": (frozenset(), frozenset(["ai"]))}, "skills"),
        (
            {"latitude": np.array([40.0]), "longitude": np.array([-74.0])},
            {"latitude": np.array([34.0, 40.1]), "longitude": np.array([-118.0, -74.0])},
            "11 km away",
        ),
        ({"ties": (np.array([0]), np.array([1]), np.array([3.0]))}, {}, "3 contacts so far"),
        ({}, {"load": np.array([90.0, 20.0])}, "30% of capacity afterwards"),
    ],
)
def test_each_likeness_decides_when_all_else_is_equal(
    of_pieces: dict[str, Any], of_people: dict[str, Any], words: str
) -> None:
    given, among = pieces(1, **of_pieces), people(2, **of_people)
    found = shared(given, among)
    assert found.chosen.tolist() == [1]
    assert found.runner_up.tolist() == [0]
    assert words in Telling(given, among, found).words(0, 1)


def test_those_like_the_leaver_come_first() -> None:
    among = people(2, skills=(frozenset(), frozenset(["ai"])), seniority=("senior", "senior"))
    assert shared(pieces(1), among, Leaver(frozenset(["ai"]), "senior")).chosen.tolist() == [1]


def test_best_person_is_not_filled_beyond_capacity_while_others_have_room() -> None:
    among = people(2, territories=(frozenset(["ca"]), frozenset()), capacity=np.array([30.0, 100.0]))
    found = shared(pieces(8, territory=["ca"] * 8), among)
    assert found.after.tolist() == [30.0, 50.0]


def test_with_too_little_room_all_are_filled_to_the_same_level() -> None:
    found = shared(pieces(30), people(3, load=np.array([100.0, 50.0, 0.0])))
    assert found.level == pytest.approx(1.5)
    assert found.after.tolist() == pytest.approx([150.0, 150.0, 150.0])


def test_unknown_loads_and_capacities_count_as_middling() -> None:
    found = shared(
        pieces(3, load=np.array([10.0, np.nan, 30.0])), people(2, capacity=np.array([np.nan, 80.0]))
    )
    assert found.piece_load.tolist() == [10.0, 20.0, 30.0]
    assert found.capacity.tolist() == [80.0, 80.0]


def test_nobody_there_leaves_everything_open() -> None:
    found = shared(pieces(2), people(0))
    assert found.chosen.tolist() == found.runner_up.tolist() == [-1, -1]


def test_alone_somebody_has_no_runner_up() -> None:
    found = shared(pieces(2), people(1))
    assert (found.chosen.tolist(), found.runner_up.tolist()) == ([0, 0], [-1, -1])


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Pieces, People]:
    n, m = draw(st.integers(0, 25)), draw(st.integers(1, 6))
    hours = st.one_of(st.just(np.nan), st.floats(0, 500))
    homes = st.one_of(st.just(np.nan), st.floats(-60, 60))

    def column(values: Any, size: int) -> np.ndarray:
        return np.array(draw(st.lists(values, min_size=size, max_size=size)), dtype=np.float64)

    places = st.sampled_from([None, *PATHS])
    n_ties = draw(st.integers(0, 5)) if n else 0
    ties = (
        np.array(
            draw(st.lists(st.integers(0, max(n - 1, 0)), min_size=n_ties, max_size=n_ties)), dtype=np.int64
        ),
        np.array(draw(st.lists(st.integers(0, m - 1), min_size=n_ties, max_size=n_ties)), dtype=np.int64),
        np.ones(n_ties),
    )
    given = pieces(
        n, load=column(hours, n), latitude=column(homes, n), longitude=column(homes, n),
        language=draw(st.lists(st.sampled_from(["", "en", "es"]), min_size=n, max_size=n)),
        industry=draw(st.lists(st.sampled_from(["", "food"]), min_size=n, max_size=n)),
        products=draw(st.lists(WORDS, min_size=n, max_size=n)),
        territory=draw(st.lists(places, min_size=n, max_size=n)), ties=ties,
    )  # fmt: skip

    def of_words() -> tuple[frozenset[str], ...]:
        return tuple(draw(st.lists(WORDS, min_size=m, max_size=m)))

    in_ = st.frozensets(st.sampled_from(list(PATHS)), max_size=2)
    among = people(
        m, load=column(st.floats(0, 500), m), capacity=column(st.one_of(st.just(np.nan), st.floats(1, 500)), m),
        latitude=column(homes, m), longitude=column(homes, m), languages=of_words(), industries=of_words(),
        skills=of_words(), territories=tuple(draw(st.lists(in_, min_size=m, max_size=m))),
    )  # fmt: skip
    return given, among


@given(worlds())
def test_nobody_passes_the_limit_by_more_than_one_piece(world: tuple[Pieces, People]) -> None:
    given, among = world
    found = shared(given, among)
    n, m = found.points.shape
    assert ((found.chosen >= 0) & (found.chosen < m)).all()
    largest = found.piece_load.max() if n else 0.0
    tolerance = 1e-6 * (1 + found.limit)
    assert (found.after <= found.limit + largest + tolerance).all()
    total = np.bincount(found.chosen, weights=found.piece_load, minlength=m) if n else np.zeros(m)
    assert found.after == pytest.approx(among.load + total)


@given(worlds())
def test_level_is_the_least_at_which_everything_fits(world: tuple[Pieces, People]) -> None:
    given, among = world
    found = shared(given, among)
    total = found.piece_load.sum()
    level = level_of(among.load, found.capacity, total=total)

    def room(at: float) -> float:
        return float(np.maximum(0, at * found.capacity - among.load).sum())

    assert room(level) >= total - 1e-6 * (1 + total)
    if total > 1e-6:
        assert room(level * (1 - 1e-6) - 1e-9) < total + 1e-6
    assert found.level == max(1.0, level)


@given(worlds())
def test_no_piece_alone_could_go_to_somebody_better_who_has_room(world: tuple[Pieces, People]) -> None:
    given, among = world
    found = shared(given, among)
    for piece, person in enumerate(found.chosen):
        fits = found.after + found.piece_load[piece] <= found.limit
        fits[person] = False
        assert not (fits & (found.points[piece] > found.points[piece, person] + 1e-6)).any()


@given(worlds())
def test_points_lie_between_nothing_and_a_hundred_and_the_runner_up_is_the_best_other(
    world: tuple[Pieces, People],
) -> None:
    given, among = world
    found = shared(given, among)
    assert ((found.points >= -1e-9) & (found.points <= 100 + 1e-9)).all()
    for piece, (person, second) in enumerate(zip(found.chosen, found.runner_up, strict=True)):
        if second >= 0:
            others = np.delete(found.points[piece], person)
            assert found.points[piece, second] == others.max()
            assert second != person


@given(worlds())
def test_same_input_gives_the_same_sharing(world: tuple[Pieces, People]) -> None:
    first, second = shared(*world), shared(*world)
    assert first.chosen.tolist() == second.chosen.tolist()


@pytest.mark.parametrize(
    ("mine", "value"),
    [("ca", 1.0), ("wa", 0.6), ("west", 0.6), ("east", 0.3), ("us", 0.3), ("eu", 0.0), ("gone", 0.0)],
)
def test_nearness_in_the_tree(mine: str, value: float) -> None:
    assert nearness("ca", [mine], PATHS) == value
