"""The benchmarks run: every piece at toy size, so that they are there when they are needed."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("bench")


@pytest.fixture
def generator(shared: Path) -> Path:
    place = shared / "bench" / "rules"
    if not (place / "rules_workload.py").is_file():
        pytest.skip("no workload generator in the shared folder")
    return place


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCHMARKS / "rules.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def piece(name: str, generator: Path, folder: Path, **arguments: Any) -> dict[str, Any]:
    where = {"generator": str(generator), "folder": str(folder), "seed": 1}
    given = {"workload": where, "quick": True, "arguments": arguments}
    done = run("--piece", name, "--arguments", json.dumps(given))
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1].removeprefix("@result ")))


def test_kernel_and_scan_are_measured_next_to_each_other(generator, folder):
    found = piece("kernel", generator, folder, accounts=2_000, rules=40)
    assert all(found[name] > 0 for name in ("scan", "kernel", "both", "file", "hashing"))
    assert len(found["all_kernel"]) == len(found["all_scan"]) == 5


def test_sqlite_gives_the_same_winners(generator, folder):
    assert piece("sqlite", generator, folder)["differences"] == 0


def test_engines_and_oracle_agree_on_a_seed(generator, folder):
    found = piece("differences", generator, folder, seed=3)
    assert found["engines"] == found["oracle"] == found["online"] == 0
    assert found["rows"] == 500


def test_a_zen_table_gives_the_same_winners(generator, folder):
    if importlib.util.find_spec("zen") is None:
        pytest.skip("zen-engine is not installed (requirements-bench.txt)")
    found = piece("online", generator, folder, rules=200)
    assert found["differences_cells"] == found["differences_expression"] == 0


def test_a_missing_generator_is_told(tmp_path):
    done = run("--quick", "--workload", tmp_path)
    assert done.returncode == 1
    assert "--workload" in done.stderr
