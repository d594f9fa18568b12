"""merestone history and merestone model compare, as a person runs them."""

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


def test_owners_record_quotas_and_comparison(program: Program) -> None:
    found = program("history", "owners", "accounts")
    assert found["rows"] == len(found["items"]) > 0
    assert program("history", "owners", "--known", "2020-01-01", "--out", "owners.csv")["rows"] == 0
    assert (program.folder / "owners.csv").read_text().startswith("record,territory")
    owned = next(row for row in found["items"] if row["owner_name"])
    rows = program("history", "record", "accounts", str(owned["record"]))["items"]
    assert rows[0]["owner_name"] == owned["owner_name"]
    lines = [f"{key},2027 Q1,,1000" for key in (owned["territory"], "nowhere")]
    right, wrong = (
        program.write(f"{n}.csv", "\n".join(["territory,from,to,amount", *lines[:n], ""])) for n in (1, 2)
    )
    assert program("history", "enter-quotas", right)["created"] == 1
    assert (
        program("history", "enter-quotas", wrong, code=1)["error"]["problems"][0]["code"]
        == "unknown-territory"
    )
    over_time = program("history", "territory", owned["territory"], "--on", "2027-02-01")
    assert [row["rep_name"] for row in over_time["members"]] == [owned["owner_name"]]
    assert over_time["quotas"][0]["amount"] == "1000.00"
    assert program("model", "compare", "m", "m")["is_same"]
