"""merestone staff and merestone size on files: what they write, say, and refuse."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from merestone.boot.main import LocalProgram
from merestone.cli.app import run as run_program

Run = Callable[..., tuple[int, str, str]]

UNITS = """id,lon,lat,hours,potential,revenue,language,owner
u1,-74,41,10,900,50,en,Ana
u2,-74.2,41,10,900,50,en,
u3,-84,33,10,100,50,es,Ben
u4,-84.1,33,10,100,50,es,
"""
PLAN = "id,territory\nu1,North\nu2,North\nu3,South\nu4,South\n"
REPS = """name,lon,lat,languages,seniority
Ana,-74,41,en,senior
Ben,-84,33,en,junior
Cal,-83,33,en;es,junior
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a plan of two territories and three people."""
    for name, text in (("units", UNITS), ("plan", PLAN), ("reps", REPS)):
        (tmp_path / f"{name}.csv").write_text(text)
    return tmp_path


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the program in the folder; returns exit code, output, complaints."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "200")

    def once(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run_program(LocalProgram(), [*words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return once


STAFF = ["staff", "--plan", "plan.csv", "--units", "units.csv", "--reps", "reps.csv", "--out", "out.csv"]
SIZE = ["size", "--units", "units.csv", "--workload", "hours", "--hours", "16", "--cost", "100", "--margin", "0.5"]  # fmt: skip


def written(folder: Path) -> dict[str, dict[str, str]]:
    """Return the staffing that was written, by territory."""
    with (folder / "out.csv").open(newline="") as file:
        return {row["territory"]: row for row in csv.DictReader(file)}


def test_people_are_assigned_with_reasons_and_runner_up(folder: Path, run: Run) -> None:
    code, out, err = run(*STAFF)
    assert code == 0, err
    rows = written(folder)
    assert {key: row["rep"] for key, row in rows.items()} == {"North": "Ana", "South": "Ben"}
    assert "has 50% of its accounts and 50% of its revenue already" in rows["North"]["reasons"]
    assert rows["South"]["runner_up"] == "Cal"
    assert float(rows["South"]["runner_up_lost"]) > 0
    assert "Without a territory: Cal" in out


def test_requirements_rule_people_out_and_say_so(folder: Path, run: Run) -> None:
    code, out, err = run(*STAFF, "--require", "language:0.5", "--why-not", "South=Ben", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert [line["rep"] for line in found["lines"]] == ["Ana", "Cal"]
    assert found["why_not"] == "Ben does not speak es, asked for by 50% of it or more."


def test_fixed_choices_stand_and_are_priced(folder: Path, run: Run) -> None:
    code, out, _ = run(*STAFF, "--fix", "North=Cal", "--json")
    found = json.loads(out)
    assert (code, found["lines"][0]["rep"], found["lines"][0]["is_fixed"]) == (0, "Cal", True)
    assert found["total"] < found["best"]


def test_a_vacancy_nobody_wanted_ends_with_1(folder: Path, run: Run) -> None:
    (folder / "reps.csv").write_text("name,lon,lat\nAna,-74,41\n")
    code, out, _ = run(*STAFF, "--json")
    assert (code, json.loads(out)["vacant"]) == (1, 1)
    code, _, _ = run(*STAFF, "--fix", "South=-")
    assert code == 0
    code, out, _ = run(*STAFF, "--per-person", "2", "--json")
    assert (code, json.loads(out)["vacant"]) == (0, 0)


def test_everything_wrong_with_the_files_is_told_at_once(folder: Path, run: Run) -> None:
    (folder / "plan.csv").write_text("id,territory\nu1,North\nu9,South\n")
    (folder / "reps.csv").write_text("name,territories\nAna,1.5\nAna,1\n")
    code, out, _ = run(*STAFF, "--json")
    codes = {problem["code"] for problem in json.loads(out)["error"]["problems"]}
    assert code == 1
    assert {"unknown-unit", "duplicate-id", "bad-number"} <= codes
    assert not (folder / "out.csv").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--fix", "North"), 2),
        (("--fix", "North=Zoe"), 1),
        (("--fix", "Nowhere=Ana"), 1),
        (("--weights", "charm:5"), 1),
        (("--weights", "distance"), 2),
        (("--require", "language:7"), 1),
        (("--fix", "North=Ana", "--forbid", "North=Ana"), 1),
    ],
)
def test_words_that_make_no_sense_are_refused(
    folder: Path, run: Run, words: tuple[str, ...], code: int
) -> None:
    found, _, err = run(*STAFF, *words)
    assert found == code, err
    assert not (folder / "out.csv").exists()


def test_sizing_tells_number_table_and_reason(folder: Path, run: Run) -> None:
    code, out, err = run(*SIZE, "--potential", "potential", "--people", "9", "--json", "--out", "t.csv")
    assert code == 0, err
    found = json.loads(out)
    best = max(found["rows"], key=lambda row: row["profit"])
    assert found["people"] == best["people"] == 2
    assert found["by_workload"] == 3
    assert 9 in {row["people"] for row in found["rows"]}
    assert found["cost_range"][0] <= 100 <= found["cost_range"][1]
    with (folder / "t.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == len(found["rows"])
    code, out, _ = run(*SIZE, "--potential", "potential")
    assert (code, f"{best['people']} *" in out) == (0, True)


def test_sizing_by_workload_alone(folder: Path, run: Run) -> None:
    code, out, _ = run(*SIZE)
    assert code == 0
    assert (
        "40 hours of work at 16 per person take 3 people. Without potential nothing more can be said." in out
    )


def test_sizing_refuses_what_makes_no_sense(folder: Path, run: Run) -> None:
    assert run(*SIZE, "--response", "0,1")[0] == 2
    assert run(*SIZE, "--response", "0,0.9,0.8,1")[0] == 1
    assert run(*SIZE, "--potential", "nothing")[0] == 1
