"""merestone repair: what it writes, and how it ends."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SIDE = 6
WORDS = ["repair", "--units", "units.csv", "--current", "current.csv", "--adjacency", "adjacency.csv"]
WISH = ["--balance", "work:0.25", "--out", "moves.csv"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a grid of units, in three stripes, the first of which has a unit too many."""
    cells = range(SIDE * SIDE)
    rows = [f"u{at},{at % SIDE * 1000},{at // SIDE * 1000},10" for at in cells]
    (tmp_path / "units.csv").write_text("\n".join(["id,x,y,work", *rows]))
    names = {at: "ABC"[at % SIDE // 2] for at in cells}
    names.update({2: "A", 8: "A", 14: "A", 20: "A"})
    (tmp_path / "current.csv").write_text(
        "\n".join(["id,territory", *(f"u{at},{name}" for at, name in names.items())])
    )
    pairs = [f"u{at},u{at + 1}" for at in cells if at % SIDE < SIDE - 1]
    pairs += [f"u{at},u{at + SIDE}" for at in cells if at + SIDE < SIDE * SIDE]
    (tmp_path / "adjacency.csv").write_text("\n".join(["a,b", *pairs]))
    return tmp_path


def run(folder: Path, *words: str) -> tuple[int, str, str]:
    """Run the program to its end; returns exit code, output, complaints."""
    done = subprocess.run(
        [sys.executable, "-m", "merestone.boot", *words],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def rows(path: Path) -> list[dict[str, str]]:
    """Return a file's rows."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_smallest_repairs_are_told_and_written(folder: Path):
    words = ["--plan", "plan.csv", "--report", "report.json"]
    code, out, err = run(folder, *WORDS, *WISH, *words)
    assert code == 0, err
    assert "A has 10 work too much." in out
    assert "proved" in out
    report = json.loads((folder / "report.json").read_text())
    assert [one["repair"] for one in report["repairs"]] == [1, 2, 3, 4, 5]
    best = report["repairs"][0]
    assert (best["moves"], best["is_proved"], best["violations"]) == (1, True, [])
    assert best["units"][0]["from"] == "A"
    assert best["units"][0]["amounts"] == {"work": 10.0}
    moves = rows(folder / "moves.csv")
    assert [row["id"] for row in moves if row["repair"] == "1"] == [best["units"][0]["id"]]
    assert moves[0]["why"] == "A has 10 work too much."
    before = {row["id"]: row["territory"] for row in rows(folder / "current.csv")}
    after = {row["id"]: row["territory"] for row in rows(folder / "plan.csv")}
    assert {unit for unit in before if before[unit] != after[unit]} == {best["units"][0]["id"]}


def test_a_person_who_left_is_shared_out_among_those_who_stay(folder: Path):
    (folder / "reps.csv").write_text("name\nA\nC\n")
    words = ["--reps", "reps.csv", "--balance", "work:0.2", "--out", "moves.csv", "--json"]
    code, out, err = run(folder, *WORDS, *words)
    assert code == 0, err
    best = json.loads(out)["repairs"][0]
    assert (best["moves"], best["placed"]) == (0, 8)
    assert {unit["why"] for unit in best["units"]} == {"Nobody has it today."}
    assert rows(folder / "moves.csv")[0]["from"] == ""


def test_what_cannot_be_repaired_in_so_few_moves_ends_with_1_and_the_nearest(folder: Path):
    words = ["--balance", "work:0", "--most-moves", "1", "--out", "moves.csv"]
    code, out, err = run(folder, *WORDS, *words)
    assert code == 1, err
    assert "There is no repair within 1 moves. It is proved that none comes nearer" in out
    assert "outside their bounds" in out
    assert [row["repair"] for row in rows(folder / "moves.csv")] == ["0"]


def test_nothing_wrong_ends_with_0(folder: Path):
    code, out, err = run(folder, *WORDS, "--balance", "work:0.5", "--out", "moves.csv")
    assert code == 0, err
    assert "Nothing is wrong" in out
    assert rows(folder / "moves.csv") == []


@pytest.mark.parametrize(
    "words",
    [
        ["--balance", "work:0.1", "--by", "gold", "--out", "moves.csv"],
        ["--balance", "work:0.1", "--most-moves", "-1", "--out", "moves.csv"],
        ["--balance", "work:0.1", "--repairs", "0", "--out", "moves.csv"],
        ["--balance", "work:0.1", "--time-limit", "0", "--out", "moves.csv"],
        ["--balance", "work:0.1"],
    ],
)
def test_wrong_use_ends_with_2(folder: Path, words: list[str]):
    code, _, err = run(folder, *WORDS, *words)
    assert code == 2, err
    assert not (folder / "moves.csv").exists()
