"""From tables to a problem: all that is wrong at once, what is relaxed is said."""

from __future__ import annotations

import numpy as np
import pytest

from merestone.base.errors import InvalidInputError, UsageError
from merestone.core.design.asked import Asked, Balance, Sheet, read_balance, read_objective
from merestone.core.design.problem import FREE, Objective
from merestone.core.design.reading import Read, Tables, read_problem

INERTIA, DISTANCE, TRAVEL = Objective.INERTIA, Objective.DISTANCE, Objective.TRAVEL
EVEN = Asked(INERTIA, 2, (Balance("work", 0.1),))


def units(ids: str = "abcd", **numbers) -> Sheet:
    """Units 1 km apart on a line, each with 10 of work."""
    n = len(ids)
    given = {"x": np.arange(n) * 1000.0, "y": np.zeros(n), "work": np.full(n, 10.0)}
    columns = {
        name: np.array(values, float) for name, values in (given | numbers).items() if values is not None
    }
    return Sheet("units.csv", {"id": list(ids)}, columns)


def touching(*pairs: str) -> Sheet:
    return Sheet("adjacency.csv", {"a": [pair[0] for pair in pairs], "b": [pair[1] for pair in pairs]})


def today(ids: str, territories: list[str | None], locked: list[str] | None = None) -> Sheet:
    texts = {"id": list(ids), "territory": territories}
    return Sheet("current.csv", texts if locked is None else {**texts, "locked": locked})


def people(names: list[str], *, words: dict[str, list[str]] | None = None, **numbers: list[float]) -> Sheet:
    columns = {name: np.array(values, float) for name, values in numbers.items()}
    return Sheet("reps.csv", {"name": names, **(words or {})}, columns)


def read(sheet: Sheet | None = None, asked: Asked = EVEN, **more: Sheet) -> Read:
    return read_problem(Tables(sheet or units(), **more), asked)


def codes_of(sheet: Sheet | None = None, asked: Asked = EVEN, **more: Sheet) -> list[str]:
    with pytest.raises(InvalidInputError) as caught:
        read(sheet, asked, **more)
    return [problem.code for problem in caught.value.problems]


class TestWords:
    @pytest.mark.parametrize(
        ("text", "balance"),
        [
            ("work:0.05", Balance("work", 0.05)),
            ("work:5%", Balance("work", 0.05)),
            ("work:0", Balance("work", 0.0)),
            ("a:b:.5", Balance("a:b", 0.5)),
            ("work:90..110", Balance("work", None, 90.0, 110.0)),
            ("work:679406..686233", Balance("work", None, 679406.0, 686233.0)),
            ("work:..1e3", Balance("work", None, 0.0, 1000.0)),
            ("work:1.5..", Balance("work", None, 1.5, np.inf)),
        ],
    )
    def test_a_balance_is_a_tolerance_or_a_range(self, text: str, balance: Balance):
        assert read_balance(text) == balance

    @pytest.mark.parametrize(
        "text",
        [
            "work",
            "work:",
            ":0.05",
            "work:-0.05",
            "work:x",
            "work:9..1",
            "work:..",
            "work:a..b",
            "work:-1..5",
            "work:nan",
        ],
    )
    def test_a_balance_of_another_form_is_refused(self, text: str):
        with pytest.raises(UsageError) as caught:
            read_balance(text)
        assert caught.value.code == "bad-balance"

    def test_an_unknown_objective_is_refused(self):
        with pytest.raises(UsageError, match="'speed'"):
            read_objective("speed")

    @pytest.mark.parametrize(
        "asked",
        [
            Asked(DISTANCE, 2, load="work"),
            Asked(INERTIA, 2, load="work", capacity="work"),
            Asked(INERTIA, 2, floors_distance=True),
            Asked(INERTIA, 2, (Balance("work", 0.1), Balance("work", 0.2))),
            Asked(TRAVEL, 2, speed_km_h=0.0),
        ],
    )
    def test_words_that_contradict_one_another_are_wrong_use(self, asked: Asked):
        with pytest.raises(UsageError):
            read(asked=asked)


class TestProblem:
    def test_a_tolerance_is_around_the_mean(self):
        one = read().problem.activities[0]
        np.testing.assert_allclose(one.lower, [18.0, 18.0])
        np.testing.assert_allclose(one.upper, [22.0, 22.0])

    @pytest.mark.parametrize(
        ("asked", "weights"),
        [
            (EVEN, [10.0] * 4),
            (Asked(INERTIA, 2, (Balance("work", 0.1),), weight="more"), [1.0, 2.0, 3.0, 4.0]),
            (Asked(DISTANCE, 2, (Balance("work", 0.1),)), [1.0] * 4),
            (Asked(DISTANCE, 2, weight="more"), [1.0, 2.0, 3.0, 4.0]),
            (Asked(TRAVEL, 2, detour=1.5, speed_km_h=60.0), [0.05] * 4),
        ],
    )
    def test_the_weight_follows_from_objective_and_words(self, asked: Asked, weights: list[float]):
        found = read(units(more=[1, 2, 3, 4]), asked).problem
        np.testing.assert_allclose(found.weights, weights)

    def test_metres_come_before_degrees(self):
        found = read(units(lon=[9, 9, 9, 9], lat=[48, 48, 48, 49])).problem
        assert found.x.tolist() == [0, 1000, 2000, 3000]

    def test_degrees_are_projected(self):
        found = read(units(x=None, y=None, lon=[179.9, -179.9, 180, 179], lat=[0, 0, 0, 0])).problem
        assert abs(found.x[0] - found.x[1]) == pytest.approx(22_264, rel=1e-3)

    def test_units_without_amounts_are_units(self):
        assert read(units(work=[0, 10, 10, 0])).problem.n == 4


class TestWrongTables:
    def test_all_that_is_wrong_is_told_at_once(self):
        sheet = units("aacd", x=[0, np.nan, 2000, 3000], work=[10, -1, 10, np.nan])
        sheet.texts["id"][3] = None
        found = codes_of(
            sheet, Asked(INERTIA, 9, (Balance("work", 0.1),)),
            adjacency=touching("az"), current=today("q", ["1"]),
        )  # fmt: skip
        assert found == [
            "missing-id", "duplicate-id", "missing-coordinates", "missing-value", "negative-amount",
            "unknown-unit", "unknown-unit", "too-many-territories",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("changed", "asked", "code"),
        [
            ({"work": [0, 0, 0, 0]}, EVEN, "all-zero"),
            ({"y": None}, EVEN, "missing-coordinates"),
            ({"x": None, "lon": [0] * 4, "lat": [0, 0, 91, 0]}, EVEN, "bad-coordinates"),
            ({}, Asked(INERTIA, 5), "too-many-territories"),
            ({}, Asked(INERTIA, 0), "bad-territories"),
            ({}, Asked(INERTIA, -3), "bad-territories"),
            ({}, Asked(INERTIA), "bad-territories"),
            ({"work": [70, 10, 10, 10]}, EVEN, "unit-too-heavy"),
            ({}, Asked(INERTIA, 2, (Balance("work", None, 30.0, 40.0),)), "total-outside-bounds"),
            ({}, Asked(INERTIA, 2, (Balance("work", None, 0.0, 15.0),)), "total-outside-bounds"),
            ({"room": [5] * 4}, Asked(DISTANCE, 2, load="work", capacity="room"), "load-too-heavy"),
            ({"room": [15] * 4}, Asked(DISTANCE, 2, load="work", capacity="room"), "capacity-too-small"),
        ],
    )
    def test_what_no_plan_can_mend_is_told_before_any_search(self, changed, asked: Asked, code: str):
        assert code in codes_of(units(**changed), asked)

    def test_a_message_names_the_row_and_the_value(self):
        with pytest.raises(InvalidInputError) as caught:
            read(units(work=[10, 10, -1, 10]))
        assert str(caught.value.problems[0]).startswith("units.csv, row 4: 1 row has a negative work: 'c'.")

    def test_a_table_without_rows_is_refused(self):
        assert codes_of(units("")) == ["no-units"]


class TestMap:
    def test_islands_are_bridged_where_they_are_nearest_and_that_is_said(self):
        sheet = units("abcdef", x=[0, 1000, 4000, 5000, 9000, 9100])
        found = read(sheet, adjacency=touching("ab", "cd"))
        assert found.bridges.tolist() == [[4, 5], [1, 2], [3, 4]]
        assert found.problem.adjacency.pairs().tolist() == [[0, 1], [1, 2], [2, 3], [3, 4], [4, 5]]
        assert "4 parts that do not touch, of 2, 2, 1, 1 units" in found.problem.notes[0]
        assert "'b' and 'c' (3.0 km)" in found.problem.notes[0]

    def test_a_map_of_one_piece_stays_as_it_is(self):
        found = read(adjacency=touching("ab", "bc", "cd", "dc", "aa"))
        assert not len(found.bridges)
        assert found.problem.notes == ()
        assert found.problem.adjacency.neighbours.tolist() == [1, 0, 2, 1, 3, 2]

    def test_many_units_in_one_place_or_on_one_line_are_connected(self):
        n = 2_000
        for x in (np.zeros(n), np.arange(n) * 10.0, np.repeat(np.arange(n // 2), 2) * 10.0):
            sheet = Sheet(
                "units.csv",
                {"id": [str(at) for at in range(n)]},
                {"x": x, "y": np.zeros(n), "work": np.ones(n)},
            )
            pairs = {"a": ["0"], "b": ["1"]}
            found = read(sheet, adjacency=Sheet("adjacency.csv", pairs))
            assert len(found.bridges) == n - 2

    def test_bridges_of_many_units_are_as_short_as_those_of_all_pairs(self, monkeypatch: pytest.MonkeyPatch):
        rng = np.random.default_rng(4)
        n = 300
        x, y = rng.uniform(0, 1e5, (2, n))
        part = rng.integers(0, 20, n)
        from merestone.core.design import bridges

        def length(pairs: np.ndarray) -> float:
            return float(np.hypot(x[pairs[:, 0]] - x[pairs[:, 1]], y[pairs[:, 0]] - y[pairs[:, 1]]).sum())

        exact = bridges.bridges(x, y, part)
        monkeypatch.setattr(bridges, "_EVERY_PAIR", 10)
        assert length(bridges.bridges(x, y, part)) == pytest.approx(length(exact))


class TestPeople:
    def test_people_name_the_territories_and_their_homes_are_centres(self):
        found = read(asked=Asked(INERTIA, None), reps=people(["Ana", "Bo"], x=[0, 3000], y=[0, 0])).problem
        assert found.labels == ("Ana", "Bo")
        assert found.homes.tolist() == [[0, 0], [3000, 0]]

    def test_homes_in_degrees_need_units_in_degrees(self):
        homes = people(["Ana", "Bo"], lon=[9, 9], lat=[48, 48.03])
        assert codes_of(reps=homes) == ["coordinates-differ"]
        degrees = {"lon": [9, 9, 9, 9], "lat": [48, 48.01, 48.02, 48.03]}
        found = read(units(**degrees), reps=homes).problem
        np.testing.assert_allclose(found.homes, np.stack([found.x, found.y], axis=1)[[0, 3]])

    def test_the_first_balance_falls_on_people_by_their_capacity(self):
        found = read(reps=people(["Ana", "Bo"], capacity=[10, 30])).problem
        np.testing.assert_allclose(found.activities[0].upper, [11.0, 33.0])
        assert found.notes == ("'work' falls on people by their 'capacity'.",)
        assert found.homes is None

    def test_a_person_needs_every_word_of_a_unit(self):
        sheet = units()
        sheet = Sheet(sheet.name, {**sheet.texts, "language": ["de", "de; FR", None, ""]}, sheet.numbers)
        reps = people(["Ana", "Bo"], words={"languages": ["DE,fr", "de"]})
        found = read(sheet, reps=reps).problem
        assert found.allowed.tolist() == [[True, True], [True, False], [True, True], [True, True]]
        assert "nobody" not in " ".join(found.notes)

    @pytest.mark.parametrize(
        ("reps", "code"),
        [
            (people(["Ana"]), "reps-differ"),
            (people(["Ana", "Ana"]), "duplicate-id"),
            (people(["Ana", "Bo"], words={"language": ["fr", "fr"]}), "no-taker"),
            (people(["Ana", "Bo"], x=[0, np.nan], y=[0, 0]), "missing-coordinates"),
            (people(["Ana", "Bo"], capacity=[10, -1]), "negative-amount"),
        ],
    )
    def test_people_who_do_not_fit_are_told(self, reps: Sheet, code: str):
        sheet = units()
        sheet = Sheet(sheet.name, {**sheet.texts, "language": ["de"] * 4}, sheet.numbers)
        assert code in codes_of(sheet, reps=reps)


class TestToday:
    def test_territories_keep_their_names(self):
        found = read(asked=Asked(INERTIA, 3), current=today("abc", ["West", "East", "East"])).problem
        assert found.labels == ("East", "West", "1")
        assert found.current.tolist() == [1, 0, 0, FREE]
        assert found.locked is None

    def test_how_many_follows_from_today(self):
        assert read(asked=Asked(INERTIA), current=today("abcd", ["W", "E", "E", "N"])).problem.k == 3

    def test_the_least_close_when_there_are_too_many(self):
        found = read(current=today("abcd", ["W", "E", "N", "E"], ["", "", "yes", "no"])).problem
        assert found.labels == ("E", "N")
        assert found.current.tolist() == [FREE, 0, 1, 0]
        assert found.locked.tolist() == [FREE, FREE, 1, FREE]
        assert found.notes == ("1 of the current territories with the fewest units get none: 'W'.",)

    @pytest.mark.parametrize(
        ("current", "code"),
        [
            (today("a", [None], ["yes"]), "unknown-territory"),
            (today("aa", ["W", "E"]), "duplicate-id"),
            (today("az", ["W", "E"]), "unknown-unit"),
            (today("a", ["W"], ["perhaps"]), "bad-boolean"),
            (today("abc", ["W", "W", "W"], ["x", "x", "x"]), "locks-too-heavy"),
            (today("abc", ["W", "W", "W"], ["x", "x", "x"]), "locks-too-light"),
            (today("abc", ["W", "E", "N"], ["x", "x", "x"]), "lock-conflict"),
        ],
    )
    def test_locks_that_cannot_hold_are_told(self, current: Sheet, code: str):
        assert code in codes_of(current=current)

    def test_a_lock_to_somebody_who_may_not_is_told(self):
        sheet = units()
        sheet = Sheet(sheet.name, {**sheet.texts, "skills": ["x", None, None, None]}, sheet.numbers)
        reps = people(["Ana", "Bo"], words={"skill": ["x", ""]})
        codes = codes_of(sheet, reps=reps, current=today("a", ["Bo"], ["x"]))
        assert codes == ["lock-conflict"] + ["wishes-conflict"] * 3

    def test_who_is_not_among_the_people_has_nothing_to_keep(self):
        found = read(reps=people(["Ana", "Bo"]), current=today("ab", ["Ana", "Zed"])).problem
        assert found.current.tolist() == [0, FREE, FREE, FREE]
        assert "'Zed'" in found.notes[-1]
