"""``merestone handout``, as a script runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cli.test_program import ACCOUNTS, DOCUMENT, REPS, Program

START = """
from pathlib import Path
from merestone.boot.main import LocalProgram
program = LocalProgram()
services = program.open(Path("data"), None)
from merestone.app import scenarios
scenarios.start(services, program.actor(None), model="plan", parent="us", name="First")
"""


def test_hand_outs_are_written_as_the_target_is_called(tmp_path: Path) -> None:
    program = Program(tmp_path)
    program("import", "reps", program.write("reps.csv", REPS))
    program("import", "accounts", program.write("accounts.csv", ACCOUNTS))
    program("model", "apply", program.write("m.yaml", DOCUMENT), "--publish")
    program("model", "apply", program.write("plan.yaml", DOCUMENT.replace("key: m,", "key: plan,")))
    subprocess.run([sys.executable, "-c", START], cwd=tmp_path, check=True)
    done = program("handout", "first", "--territory", "west", "--out", "west.pdf", "--paper", "a4")
    assert (done["scenario"], done["territories"]) == ("first", 1)
    assert (tmp_path / "west.pdf").read_bytes().startswith(b"%PDF")
    assert done["bytes"] == (tmp_path / "west.pdf").stat().st_size
    program("handout", "first", "--out", "all.xlsx")
    program("handout", "first", "--out", "each.zip")
    assert (tmp_path / "all.xlsx").read_bytes().startswith(b"PK")
    refused = program.run("handout", "first", "--out", "all.csv")
    assert (refused.returncode, (tmp_path / "all.csv").exists()) == (2, False)
    unknown = program.run("handout", "none", "--out", "none.pdf")
    assert unknown.returncode == 1
    assert "There is no scenario 'none'" in unknown.stderr
