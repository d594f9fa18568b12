"""The reference page says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from tests.core.criteria.test_evaluate import KLEENE

from merestone.core import criteria
from merestone.core.criteria import FUNCTIONS, MAX_DEPTH, MAX_LENGTH
from merestone.core.criteria.fields import ALIASES
from merestone.core.criteria.functions import MAX_PATTERN

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/reference/criteria.md").read_text(encoding="utf-8")


def rows(section: str) -> list[list[str]]:
    """Return the cells of the table in a marked section, without its header."""
    body = PAGE.split(f"<!-- {section}: ")[1].split(f"<!-- /{section} -->")[0]
    lines = [line for line in body.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_functions_are_those_of_the_function_table():
    expected = [[f"`{f.signature}`", f.description, f"`{f.example}`"] for f in FUNCTIONS.values()]
    assert rows("functions") == expected


def test_limits_are_those_of_the_code():
    values = [cells[1] for cells in rows("limits")]
    assert values == [f"{MAX_LENGTH:,}", str(MAX_DEPTH), f"{MAX_PATTERN:,}"]


def test_problem_codes_are_those_of_the_code():
    sources = Path(criteria.__file__).parent.glob("*.py")
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    raised = set(
        re.findall(
            r'(?:Problem\(|_problem\(\s*\S+, |_problem_at\(\s*\S+, [^,]+, |_wrong\(\s*\S+, )"([a-z-]+)"', code
        )
    )
    assert {cells[0].strip("`") for cells in rows("codes")} == raised
    assert len(raised) > 20


def test_every_short_name_is_told():
    told = PAGE.split("Short names:")[1].split("A custom field")[0]
    assert set(re.findall(r"`(\w+)`", told)) == {*ALIASES, *ALIASES.values()}


def test_the_table_of_logic_is_the_tested_one():
    words = {"T": "true", "F": "false", "U": "unknown"}
    expected = [
        "| " + " | ".join(words[value] for value in line.replace("|", "").split()) + " |"
        for line in KLEENE.strip().splitlines()[1:]
    ]
    assert all(line in PAGE for line in expected)
