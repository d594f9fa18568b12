"""merestone design --gallery: what it writes, and how it ends."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SIDE = 8
WORDS = ["design", "--units", "units.csv", "--objective", "inertia", "--time-limit", "6"]
ROOM = ["--time-limit", "25"]  # also for compiling the loops, where nobody has run them before


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a grid of units, in four stripes today."""
    rows = [f"u{at},{at % SIDE * 1000},{at // SIDE * 1000},{8 + at % 5}" for at in range(SIDE * SIDE)]
    (tmp_path / "units.csv").write_text("\n".join(["id,x,y,work", *rows]))
    today = [f"u{at},{'ABCD'[at % SIDE // 2]}" for at in range(SIDE * SIDE)]
    (tmp_path / "current.csv").write_text("\n".join(["id,territory", *today]))
    return tmp_path


def run(folder: Path, *words: str) -> tuple[int, str, str]:
    """Run the program to its end; returns exit code, output, complaints."""
    done = subprocess.run(
        [sys.executable, "-m", "merestone.boot", *words],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def plan(path: Path) -> dict[str, str]:
    """Return a plan that was written."""
    with path.open(newline="") as file:
        return {row["id"]: row["territory"] for row in csv.DictReader(file)}


def test_plans_to_choose_from_are_written_and_told(folder: Path):
    (folder / "plans").mkdir()
    (folder / "plans" / "gallery.json").write_text("{}")
    (folder / "plans" / "plan-9.csv").write_text("of an earlier gallery")
    words = ["--current", "current.csv", "--balance", "work:0.2", "--gallery", "plans", "--plans", "5"]
    code, out, err = run(folder, *WORDS, *words, *ROOM)
    assert code == 0, err
    report = json.loads((folder / "plans" / "gallery.json").read_text())
    assert 3 <= len(report["plans"]) <= 5
    files = {path.name for path in (folder / "plans").iterdir()}
    assert files == {"gallery.json", *(one["file"] for one in report["plans"])}
    today = plan(folder / "current.csv")
    for one in report["plans"]:
        after = plan(folder / "plans" / one["file"])
        assert sum(after[unit] != today[unit] for unit in today) == one["moves"]["units"]
        assert sum(line["units"] for line in one["territories"]) == SIDE * SIDE
        assert one["balance"]["work"]["max_deviation"] <= 0.2 + 1e-9
    assert report["today"]["is_feasible"]
    assert "Fewest moves" in out
    assert "today" in out


def test_wishes_nobody_can_fulfil_end_with_1_and_the_nearest_plan(folder: Path):
    text = (folder / "units.csv").read_text().replace("u0,0,0,8", "u0,0,0,15.5")
    (folder / "units.csv").write_text(text)
    words = ["--territories", "4", "--balance", "work:0.0001", "--gallery", "plans", "--json"]
    code, out, _ = run(folder, *WORDS, *words)
    assert code == 1
    assert json.loads(out)["nearest"]["violations"]
    assert len(plan(folder / "plans" / "nearest.csv")) == SIDE * SIDE


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--gallery", "plans", "--out", "plan.csv"],
        ["--gallery", "nowhere/plans"],
        ["--gallery", "units.csv"],
        ["--gallery", "plans", "--plans", "1"],
    ],
)
def test_wrong_use_ends_with_2(folder: Path, words: list[str]):
    code, _, err = run(folder, *WORDS, "--territories", "4", *words)
    assert code == 2, err
    assert sorted(path.name for path in folder.iterdir()) == ["current.csv", "units.csv"]
