"""merestone rep, as a person runs it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.test_program import ACCOUNTS, DOCUMENT, Program


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The program on a small company."""
    made = Program(tmp_path)
    made("init")
    made("import", "reps", made.write("reps.csv", "name,email\nAna,ana@example.com\nBen,ben@example.com\n"))
    made("model", "apply", made.write("model.yaml", DOCUMENT))
    made("model", "publish", "m")
    made("import", "accounts", made.write("accounts.csv", ACCOUNTS))
    return made


def test_leave_with_cover_and_departure(program: Program) -> None:
    left = program(
        "rep", "leave", "ana@example.com", "--from", "2026-01-05", "--to", "2026-01-09", "--cover", "Ben"
    )
    assert (left["days"], left["merged"]) == (5.0, 0)
    again = program("rep", "leave", "ana@example.com", "--from", "2026-01-09", "--to", "2026-01-09", code=1)
    assert again["error"]["code"] == "overlapping-leave"
    plan = program("rep", "depart", "ana@example.com", "--last-day", "2026-01-31", "--out", "plan.csv")
    assert (plan["state"], plan["accounts"]) == ("draft", 1)
    assert "Ben" in (program.folder / "plan.csv").read_text()
    assert program("rep", "depart", "Ana", "--last-day", "2026-01-31", "--apply")["state"] == "done"
