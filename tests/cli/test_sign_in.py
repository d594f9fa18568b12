"""User commands for those who cannot sign in."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.test_program import Program

PASSWORD = "quarry-and-fern-29"


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The program with an administrator and a planner."""
    made = Program(tmp_path)
    made("init")
    for name, role in (("ada", "admin"), ("pat", "planner")):
        made("user", "create", f"{name}@example.com", "--role", role, "--password", PASSWORD)
    return made


def test_operator_helps_who_cannot_get_in(program: Program) -> None:
    link = program("user", "password-link", "pat@example.com", "--url", "https://sales.example.com/")["link"]
    assert link.startswith("https://sales.example.com/sign-in/new-password/")
    door = program("user", "sign-in-link", "ada@example.com")["link"]
    assert "/sign-in/link/" in door
    assert "no administrator" in str(program("user", "sign-in-link", "pat@example.com", code=1))
    assert program("user", "reset-factors", "pat@example.com") == {"email": "pat@example.com", "removed": 0}
    assert program("user", "end-sessions", "pat@example.com")["ended"] == "all"
    assert program("user", "require-factor", "planner", "admin")["roles"] == ["admin", "planner"]
    assert program("user", "require-factor", "boss", code=1)["error"]["problems"][0]["code"] == "unknown-role"
    assert program("user", "require-factor")["roles"] == []
