"""merestone analyse as a script runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.test_program import Program

WHOLE = """
merestone: 1
model: {key: m}
fields: {is_vip: boolean}
territories:
  - {key: vip, where: is_vip = true}
  - {key: others, where: is_vip = false}
"""
OPEN = """
merestone: 1
model: {key: m}
territories:
  - {key: us, where: "country = 'US'"}
"""


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


def test_exit_code_says_whether_the_model_passes(program: Program) -> None:
    program.write("whole.yaml", WHOLE)
    program.write("open.yaml", OPEN)
    assert program("analyse", "--rules", "whole.yaml")["certificate"]["model"] == "m"
    assert program("analyse", "--rules", "open.yaml", code=1)["certificate"] is None
    assert program("analyse", "--rules", "open.yaml", "--fail-on", "error")["passes"]
    assert program.run("analyse", "--rules", "open.yaml", "--fail-on", "fatal").returncode == 2


def test_a_certificate_is_written_and_checked_later(program: Program) -> None:
    program.write("whole.yaml", WHOLE)
    program("analyse", "--rules", "whole.yaml", "--certificate", "whole.json")
    kept = json.loads((program.folder / "whole.json").read_text())
    assert len(kept["sha256"]) == 64
    assert program("analyse", "--rules", "whole.yaml", "--verify", "whole.json")["verified"]
    program.write("whole.yaml", WHOLE.replace("vip, where", "vips, where"))
    assert not program("analyse", "--rules", "whole.yaml", "--verify", "whole.json", code=1)["verified"]


def test_records_show_where_accounts_fall(program: Program) -> None:
    program.write("open.yaml", OPEN)
    program.write("accounts.csv", "id,country\nA1,US\nA2,FR\nA3,\n")
    found = program("analyse", "--rules", "open.yaml", "--records", "accounts.csv", code=1)
    assert found["book"]["queued"] == 2
    text = program.run("analyse", "--rules", "open.yaml", "--records", "accounts.csv").stdout
    assert "1 account is there" in text
