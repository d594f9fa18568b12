"""merestone design: what it writes, how it ends, and that it ends when told to."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SIDE = 6
WORDS = ["design", "--units", "units.csv", "--objective", "inertia"]
WISHES = ["--territories", "4", "--balance", "work:0.2", "--time-limit", "8"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a grid of units."""
    rows = [f"u{at},{at % SIDE * 1000},{at // SIDE * 1000},10" for at in range(SIDE * SIDE)]
    (tmp_path / "units.csv").write_text("\n".join(["id,x,y,work", *rows]))
    return tmp_path


def started(folder: Path, *words: str) -> subprocess.Popen[str]:
    """Start the program in a folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "merestone.boot", *words],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip


def run(folder: Path, *words: str) -> tuple[int, str, str]:
    """Run the program to its end; returns exit code, output, complaints."""
    process = started(folder, *words)
    out, err = process.communicate()
    return process.returncode, out, err


def territories(folder: Path) -> dict[str, str]:
    """Return the plan that was written."""
    with (folder / "plan.csv").open(newline="") as file:
        return {row["id"]: row["territory"] for row in csv.DictReader(file)}


def test_plan_and_report_are_written_and_the_answer_told(folder: Path):
    code, out, err = run(
        folder, *WORDS, *WISHES, "--out", "plan.csv", "--report", "report.json", "--seed", "3"
    )
    assert code == 0, err
    assert set(territories(folder).values()) == {"1", "2", "3", "4"}
    report = json.loads((folder / "report.json").read_text())
    assert (report["seed"], report["time_limit"]) == (3, 8.0)
    assert {"cost", "bound", "gap", "balance", "contiguity", "seconds", "stop_reason"} <= report.keys()
    assert report["versions"]["merestone"]
    assert "480.000 work × km²" in out
    assert all(line.startswith("Note: ") for line in err.splitlines())


def test_machines_get_the_report_alone(folder: Path):
    code, out, err = run(folder, *WORDS, *WISHES, "--out", "plan.parquet", "--json")
    assert code == 0, err
    assert json.loads(out)["is_feasible"]
    assert (folder / "plan.parquet").exists()


def test_a_wish_nobody_can_fulfil_ends_with_1_and_the_best_plan(folder: Path):
    # 35 units of 10 and one of 15 never fall evenly on four territories.
    text = (folder / "units.csv").read_text().replace("u0,0,0,10", "u0,0,0,15")
    (folder / "units.csv").write_text(text)
    words = ["--territories", "4", "--balance", "work:0.001", "--time-limit", "2"]
    code, out, err = run(folder, *WORDS, *words, "--out", "plan.csv")
    assert code == 1, out
    assert "outside their bounds" in err or "outside its bounds" in err
    assert len(territories(folder)) == SIDE * SIDE


def test_bad_input_ends_with_1_tells_all_and_writes_nothing(folder: Path):
    words = ["--territories", "99", "--balance", "gold:0.1", "--out", "plan.csv", "--json"]
    code, out, _ = run(folder, *WORDS, *words)
    assert code == 1
    told = json.loads(out)["error"]["problems"]
    assert [problem["code"] for problem in told] == ["missing-column", "too-many-territories"]
    assert [path.name for path in folder.iterdir()] == ["units.csv"]


@pytest.mark.parametrize(
    "words",
    [
        ["--balance", "work:-1", "--out", "plan.csv"],
        ["--load", "work", "--out", "plan.csv"],
        ["--time-limit", "0", "--out", "plan.csv"],
        ["--seed", "-1", "--out", "plan.csv"],
        ["--out", "plan.docx"],
        ["--out", "nowhere/plan.csv"],
        ["--report", "nowhere/report.json", "--out", "plan.csv"],
        ["--adjacency", "nowhere.csv", "--out", "plan.csv"],
        [],
    ],
)
def test_wrong_use_ends_with_2(folder: Path, words: list[str]):
    code, _, err = run(folder, *WORDS, "--territories", "4", *words)
    assert code == 2, err
    assert [path.name for path in folder.iterdir()] == ["units.csv"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_best_plan_so_far_is_written_when_it_is_stopped(folder: Path, number: signal.Signals):
    rows = [f"u{at},{at % 60 * 1000},{at // 60 * 1000},{10 + at % 7}" for at in range(3600)]
    (folder / "units.csv").write_text("\n".join(["id,x,y,work", *rows]))
    words = [
        "--territories",
        "12",
        "--balance",
        "work:0.05",
        "--time-limit",
        "3000",
        "--out",
        "plan.csv",
        "--json",
    ]
    process = started(folder, *WORDS, *words)
    # The sink is opened before files are read; the search has begun when numba is there to read its loops from.
    maps = Path(f"/proc/{process.pid}/maps")
    while "llvmlite" not in maps.read_text():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    out, err = process.communicate(timeout=120)
    assert process.returncode in (0, 1), err
    report = json.loads(out)
    assert report["stop_reason"] == "cancelled"
    assert len(territories(folder)) == 3600


def test_the_help_loads_no_solver():
    code = (
        "import sys\n"
        "from merestone.cli.app import run\n"
        "run(None, ['design', '--help'])\n"
        "print(sorted({'numba', 'scipy', 'ortools', 'numpy', 'pyarrow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--balance" in done.stdout
    assert done.stdout.endswith("[]\n")
