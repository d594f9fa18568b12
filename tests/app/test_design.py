"""``design`` on files: whatever their form, read together, planned, written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from merestone.app.design import DesignFiles, Prepared, design, prepare
from merestone.base.errors import InvalidInputError, UsageError
from merestone.boot.local import LocalServices
from merestone.core.design.asked import Asked, Balance
from merestone.core.design.control import Control
from merestone.core.design.problem import Objective

SIDE, K = 6, 4
EVEN = Asked(Objective.INERTIA, K, (Balance("work", 0.2),))


@pytest.fixture
def local() -> LocalServices:
    """The files."""
    return LocalServices()


def units(path: Path, **more: list[Any]) -> Path:
    """Write a grid of units 1 km apart, each with 10 of work."""
    number = np.arange(SIDE * SIDE)
    columns = {
        "id": [f"{at:03}" for at in number],
        "x": (number % SIDE * 1000.0).tolist(),
        "y": (number // SIDE * 1000.0).tolist(),
        "work": [10] * len(number),
    }
    return _write(path, {**columns, **more})


def adjacency(path: Path) -> Path:
    """Write which units of the grid touch."""
    number = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    a = [*number[:, :-1].ravel(), *number[:-1].ravel()]
    b = [*number[:, 1:].ravel(), *number[1:].ravel()]
    return _write(path, {"a": [f"{at:03}" for at in a], "b": [f"{at:03}" for at in b]})


def _write(path: Path, columns: dict[str, list[Any]]) -> Path:
    frame = pl.DataFrame(columns)
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    elif path.suffix == ".xlsx":
        frame.write_excel(path)
    elif path.suffix == ".json":
        frame.write_json(path)
    else:
        frame.write_csv(path)
    return path


def planned(
    local: LocalServices, prepared: Prepared, out: Path, *, seed: int = 0, seconds: float = 3.0
) -> dict[str, Any]:
    """Design and return the report; the plan is in ``out``."""
    sink = local.files.open_sink(out)
    try:
        return design(prepared, Control(seed, seconds), sink)
    finally:
        sink.discard()


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".json", ".xlsx"])
def test_units_are_read_from_files_of_every_form(local: LocalServices, tmp_path: Path, suffix: str):
    files = DesignFiles(units(tmp_path / f"units{suffix}"), adjacency(tmp_path / f"adjacency{suffix}"))
    found = prepare(local, files, EVEN).read.problem
    assert found.ids[:3] == ("000", "001", "002")
    assert found.x[:3].tolist() == [0.0, 1000.0, 2000.0]
    assert found.weights.tolist() == [10.0] * SIDE * SIDE
    assert len(found.adjacency.pairs()) == 2 * SIDE * (SIDE - 1)


def test_headers_and_numbers_may_be_written_as_people_do(local: LocalServices, tmp_path: Path):
    path = tmp_path / "units.csv"
    path.write_text('ID;Longitude;Latitude; Work \n a ; 9.5 ;48;"1,250.5"\n"b";+9.6;4.81e1;.5\n;;;\n')
    found = prepare(local, DesignFiles(path), Asked(Objective.DISTANCE, 2, weight="work")).read.problem
    assert found.ids == ("a", "b")
    assert found.weights.tolist() == [1250.5, 0.5]
    assert np.hypot(np.diff(found.x), np.diff(found.y))[0] == pytest.approx(13_390, rel=0.01)


def test_all_files_tell_what_is_wrong_with_them_at_once(local: LocalServices, tmp_path: Path):
    files = DesignFiles(
        units(tmp_path / "units.csv", work=["ten", *["10"] * (SIDE * SIDE - 2), "inf"]),
        _write(tmp_path / "adjacency.csv", {"a": ["000"], "c": ["001"]}),
        None,
        _write(tmp_path / "current.csv", {"id": ["999"], "territory": ["W"]}),
    )
    with pytest.raises(InvalidInputError) as caught:
        prepare(local, files, Asked(Objective.INERTIA, K, (Balance("work", 0.2), Balance("gold", 0.1))))
    assert [(problem.code, problem.where) for problem in caught.value.problems] == [
        ("missing-column", "units.csv"),
        ("bad-number", "units.csv, row 2"),
        ("missing-column", "adjacency.csv"),
        ("unknown-unit", "current.csv, row 2"),
    ]


def test_a_file_without_ids_is_refused(local: LocalServices, tmp_path: Path):
    path = _write(tmp_path / "units.csv", {"x": [1.0], "y": [2.0], "work": [1]})
    with pytest.raises(InvalidInputError) as caught:
        prepare(local, DesignFiles(path), EVEN)
    assert [problem.code for problem in caught.value.problems] == ["missing-column"]


def test_contradicting_words_are_told_before_any_file_is_read(local: LocalServices, tmp_path: Path):
    with pytest.raises(UsageError):
        prepare(local, DesignFiles(tmp_path / "nowhere.csv"), Asked(Objective.DISTANCE, 2, load="work"))


def test_a_plan_has_each_unit_once_and_the_report_agrees(local: LocalServices, tmp_path: Path):
    files = DesignFiles(units(tmp_path / "units.csv"), adjacency(tmp_path / "adjacency.csv"))
    found = planned(local, prepare(local, files, EVEN), tmp_path / "plan.csv")
    plan = pl.read_csv(tmp_path / "plan.csv", schema_overrides={"id": pl.String, "centre": pl.String})
    assert plan.columns == ["id", "territory", "centre", "work"]
    assert plan["id"].to_list() == [f"{at:03}" for at in range(SIDE * SIDE)]
    sums = plan.group_by("territory").agg(pl.sum("work")).sort("territory")
    assert sums["territory"].to_list() == [1, 2, 3, 4]
    assert found["is_feasible"]
    assert [row["sums"]["work"] for row in found["territories"]] == sums["work"].to_list()
    centres = dict(plan.select("territory", "centre").unique().iter_rows())
    assert [row["centre"] for row in found["territories"]] == [centres[at] for at in (1, 2, 3, 4)]
    # Four squares of three by three: nothing is more compact.
    assert found["cost"] == pytest.approx(10 * 4 * 12.0)


def test_ids_that_are_numbers_stay_numbers(local: LocalServices, tmp_path: Path):
    path = tmp_path / "units.parquet"
    at = np.arange(8)
    pq.write_table(pa.table({"id": at, "x": at * 1000.0, "y": at * 0.0, "work": at + 0.5}), path)
    prepared = prepare(local, DesignFiles(path), Asked(Objective.INERTIA, 2, (Balance("work", 0.5),)))
    planned(local, prepared, tmp_path / "plan.parquet")
    plan = pq.read_table(tmp_path / "plan.parquet")
    assert plan["id"].to_pylist() == at.tolist()
    assert plan["work"].to_pylist() == (at + 0.5).tolist()


def test_homes_are_centres_and_people_name_the_territories(local: LocalServices, tmp_path: Path):
    reps = _write(tmp_path / "reps.csv", {"name": ["Ana", "Bo"], "x": [0, 5000], "y": [2500, 2500]})
    files = DesignFiles(units(tmp_path / "units.csv"), None, reps)
    asked = Asked(Objective.TRAVEL, None, (Balance("work", 0.01),))
    found = planned(local, prepare(local, files, asked), tmp_path / "plan.csv")
    plan = pl.read_csv(tmp_path / "plan.csv")
    assert plan["territory"].to_list() == (["Ana"] * 3 + ["Bo"] * 3) * SIDE
    assert plan["centre"].null_count() == SIDE * SIDE
    assert found["cost_unit"] == "hours"
    assert found["is_feasible"]


def test_territories_keep_the_names_they_have(local: LocalServices, tmp_path: Path):
    ids = [f"{at:03}" for at in range(SIDE * SIDE)]
    names = [f"{'N' if at >= 18 else 'S'}{'E' if at % SIDE >= 3 else 'W'}" for at in range(SIDE * SIDE)]
    names[0] = "NE"
    current = _write(tmp_path / "current.csv", {"id": ids, "territory": names})
    files = DesignFiles(units(tmp_path / "units.csv"), adjacency(tmp_path / "adjacency.csv"), None, current)
    asked = Asked(Objective.INERTIA, None, (Balance("work", 0.0),))
    found = planned(local, prepare(local, files, asked), tmp_path / "plan.csv")
    assert found["moves"]["units"] == 1
    assert pl.read_csv(tmp_path / "plan.csv")["territory"].to_list() == ["SW", *names[1:]]


def test_locked_units_stay(local: LocalServices, tmp_path: Path):
    current = _write(
        tmp_path / "current.csv",
        {
            "id": ["000", "005", "030", "035"],
            "territory": ["a", "b", "c", "a"],
            "locked": ["x", "x", "", "x"],
        },
    )
    files = DesignFiles(units(tmp_path / "units.csv"), adjacency(tmp_path / "adjacency.csv"), None, current)
    asked = Asked(Objective.INERTIA, 3, (Balance("work", 0.25),))
    found = planned(local, prepare(local, files, asked), tmp_path / "plan.csv")
    plan = dict(
        pl.read_csv(tmp_path / "plan.csv", schema_overrides={"id": pl.String})["id", "territory"].iter_rows()
    )
    assert found["is_feasible"]
    assert (plan["000"], plan["005"], plan["035"]) == ("a", "b", "a")


def test_the_capacitated_median_stays_within_capacity(local: LocalServices, tmp_path: Path):
    path = units(tmp_path / "units.csv", room=[95] * SIDE * SIDE)
    asked = Asked(Objective.DISTANCE, K, load="work", capacity="room")
    found = planned(local, prepare(local, DesignFiles(path), asked), tmp_path / "plan.csv")
    assert found["is_feasible"]
    assert found["load"]["max"] <= 95
    assert pl.read_csv(tmp_path / "plan.csv").columns == ["id", "territory", "centre", "work"]


def test_the_same_seed_gives_the_same_plan(local: LocalServices, tmp_path: Path):
    rng = np.random.default_rng(3)
    work = rng.integers(5, 20, SIDE * SIDE).tolist()
    files = DesignFiles(units(tmp_path / "units.csv", work=work), adjacency(tmp_path / "adjacency.csv"))
    prepared = prepare(local, files, EVEN)
    planned(local, prepared, tmp_path / "plan.csv")  # what is loaded on first use takes time off the search
    for name in ("one.csv", "two.csv"):
        planned(local, prepared, tmp_path / name, seed=5, seconds=5.0)
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()
