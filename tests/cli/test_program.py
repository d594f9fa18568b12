"""The program as a person or a script runs it: a process of its own on a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


class Program:
    """Runs commands on one data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data_dir = folder / "data"

    def __call__(self, *words: str, code: int = 0) -> Any:
        """Return what ``--json`` printed; the exit code must be ``code``."""
        done = self.run(*words, "--json")
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        environment = {key: value for key, value in os.environ.items() if key != "MERESTONE_DATABASE"}
        environment["MERESTONE_DATA_DIR"] = str(self.data_dir)
        command = [sys.executable, "-m", "merestone.boot", *words]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )

    def write(self, name: str, text: str) -> str:
        """Write a file beside; returns its name."""
        (self.folder / name).write_text(text)
        return name


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The program on an empty folder."""
    return Program(tmp_path)


DOCUMENT = """
merestone: 1
model: {key: m, name: Model}
territories:
  - key: us
    where: "country = 'US'"
  - key: west
    parent: us
    where: "state in ('CA', 'WA')"
    members: [{rep: ana@example.com}]
"""
ACCOUNTS = "id,name,country,state,employees\nA1,Alder,US,CA,10\nA2,Birch,US,NY,20\nA3,Cedar,FR,,30\n"
REPS = "name,email\nAna,ana@example.com\n"


def test_file_becomes_owned_accounts_and_comes_out_again(program: Program) -> None:
    program("import", "reps", program.write("reps.csv", REPS))
    first = program("import", "accounts", program.write("accounts.csv", ACCOUNTS))
    assert (first["rows"], first["accepted"], first["rejected"]) == (3, 3, 0)
    published = program("model", "apply", program.write("m.yaml", DOCUMENT), "--publish")
    assert (published["territories"], published["accounts"], published["queued"]) == (2, 3, 2)
    program("export", "accounts", "out.csv")
    again = program("import", "accounts", "out.csv")
    assert (again["unchanged"], again["accepted"]) == (3, 0)
    assert program("assign")["changed"] == 0


def test_bad_rows_are_told_all_at_once_and_the_good_ones_kept_back_for_no_reason(program: Program) -> None:
    rows = "id,name,employees,state,country\nA1,Alder,-5,CA,US\nA2,,3,CA,US\nA3,Cedar,x,Atlantis,US\nA4,Dogwood,4,CA,US\n"
    report = program(
        "import", "accounts", program.write("bad.csv", rows), "--rejected", "rejected.csv", code=1
    )
    assert (
        report["rows"]
        == 4
        == report["accepted"] + report["rejected"] + report["duplicates"] + report["unchanged"]
    )
    assert (report["accepted"], report["rejected"]) == (1, 3)
    assert {(error["row"], error["column"]) for error in report["errors"]} == {
        (2, "employees"), (3, "name"), (4, "employees"), (4, "state"),
    }  # fmt: skip
    corrected = (program.folder / "rejected.csv").read_text()
    assert corrected.count("\n") == 4
    assert "errors" in corrected.splitlines()[0]


def test_dry_run_writes_nothing(program: Program) -> None:
    name = program.write("accounts.csv", ACCOUNTS)
    assert program("import", "accounts", name, "--dry-run")["accepted"] == 3
    assert program("import", "accounts", name)["inserted"] == 3


def test_model_export_applies_to_no_change(program: Program) -> None:
    program("import", "reps", program.write("reps.csv", REPS))
    program("model", "apply", program.write("m.yaml", DOCUMENT))
    program.write("again.yaml", program.run("model", "export", "m").stdout)
    assert program("model", "diff", "again.yaml")["is_same"] is True
    changed = DOCUMENT.replace("'WA'", "'OR'")
    assert list(program("model", "diff", program.write("other.yaml", changed), code=1)["changed"]) == ["west"]


def test_difference_is_looked_at_and_published_only_as_it_was(program: Program) -> None:
    program("import", "reps", program.write("reps.csv", REPS))
    program("import", "accounts", program.write("accounts.csv", ACCOUNTS))
    program("model", "apply", program.write("m.yaml", DOCUMENT), "--publish")
    name = program.write("n.yaml", DOCUMENT.replace("key: m,", "key: n,").replace("'WA'", "'NY'"))
    moves = program("model", "diff", name, "--accounts", "--out", "moves.csv", code=1)
    assert [(row["external_id"], row["to_territory"]) for row in moves["rows"]] == [("A2", "west")]
    assert "west now matches" in (program.folder / "moves.csv").read_text()
    shown = program.run("model", "diff", name, "--accounts")
    assert "1 of 3 accounts would move (33.3%)" in shown.stdout
    program("model", "apply", name)
    assert "Something else would move" in program.run("model", "publish", "n", "--fingerprint", "x").stderr
    assert program("model", "publish", "n", "--fingerprint", moves["fingerprint"])["changed"] == 1
    assert program("model", "diff", name, "--accounts")["n_rows"] == 0


def test_match_and_explain_need_no_database(program: Program) -> None:
    program.write("m.yaml", DOCUMENT)
    program.write("accounts.csv", ACCOUNTS)
    counts = program("match", "--rules", "m.yaml", "--records", "accounts.csv", "--out", "matched.csv")
    assert (counts["records"], counts["assigned"], counts["queued"]) == (3, 2, 1)
    lines = (program.folder / "matched.csv").read_text().lstrip("\ufeff").splitlines()
    assert lines[0].split(",")[:2] == ["id", "territory"]
    assert [line.split(",")[:2] for line in lines[1:]] == [["A1", "west"], ["A2", "us"], ["A3", ""]]
    trace = program(
        "explain", "--rules", "m.yaml", "--records", "accounts.csv", "--id", "A2", "--why-not", "west"
    )
    assert trace["winner"] == "us"
    assert trace["why_not"]["territory"] == "west"
    assert not program.data_dir.exists()


def test_wrong_use_exits_two_and_a_bad_document_names_every_problem(program: Program) -> None:
    assert program.run("import", "planets", program.write("x.csv", "a\n1\n")).returncode == 2
    assert program.run("no-such-command").returncode == 2
    bad = DOCUMENT.replace("country", "contry").replace("state in", "stat in")
    answer = program("model", "apply", program.write("bad.yaml", bad), code=1)
    assert len(answer["error"]["problems"]) == 2
    assert {problem["code"] for problem in answer["error"]["problems"]} == {"unknown-field"}


def test_every_command_has_help_with_an_example(program: Program) -> None:
    for words in (["demo"], ["init"], ["migrate"], ["serve"], ["worker"], ["doctor"], ["import"], ["export"], ["match"],
                  ["explain"], ["assign"], ["model", "apply"], ["model", "diff"], ["model", "export"], ["model", "publish"], ["field", "add"], ["model", "list"], ["undo-import"],
                  ["user", "create"], ["token", "create"]):  # fmt: skip
        done = program.run(*words, "--help")
        assert done.returncode == 0, done.stderr
        assert f"Example: merestone {' '.join(words)}" in " ".join(done.stdout.split())


def test_users_and_tokens_are_made_and_taken_away(program: Program) -> None:
    made = program(
        "user", "create", "pat@example.com", "--role", "planner", "--password", "correct horse battery"
    )
    assert made["role"] == "planner"
    token = program("token", "create", "pat@example.com", "--name", "ci", "--scope", "see")
    assert token["token"].startswith(token["prefix"])
    assert program("token", "revoke", token["prefix"])["revoked_at"]
    assert program("user", "deactivate", "pat@example.com")["is_active"] is False
    weak = program("user", "create", "bob@example.com", "--role", "king", "--password", "short", code=1)
    assert "unknown-role" in {problem["code"] for problem in weak["error"]["problems"]}


def test_custom_field_is_declared_imported_used_in_a_rule_and_exported(program: Program) -> None:
    program("field", "add", "accounts", "tier", "text", "--index")
    program("import", "reps", program.write("reps.csv", REPS))
    rows = "id,name,country,tier\nA1,Alder,US,gold\nA2,Birch,US,silver\n"
    assert program("import", "accounts", program.write("accounts.csv", rows))["accepted"] == 2
    document = DOCUMENT.replace("state in ('CA', 'WA')", "tier = 'gold'")
    program("model", "apply", program.write("m.yaml", document), "--publish")
    assert program("assign")["queued"] == 1
    program("export", "accounts", "out.csv")
    assert "gold" in (program.folder / "out.csv").read_text()
    assert program("import", "accounts", "out.csv")["unchanged"] == 2
    problems = program("field", "add", "planets", "Bad key", "colour", code=1)["error"]["problems"]
    assert {problem["code"] for problem in problems} == {"unknown-table", "bad-key", "unknown-kind"}
    program("field", "add", "accounts", "tier", "number", code=1)


def test_import_is_taken_back(program: Program) -> None:
    run = program("import", "accounts", program.write("accounts.csv", ACCOUNTS))["run_id"]
    assert program("undo-import", str(run)) == {"deleted": 3, "restored": 0}
    assert program("import", "accounts", "accounts.csv")["inserted"] == 3
    again = program("undo-import", str(run), code=1)
    assert "undone" in again["error"]["message"]


def test_model_whose_cases_fail_is_kept_but_not_published(program: Program) -> None:
    program("import", "reps", program.write("reps.csv", REPS))
    case = "    cases: [{record: {country: US, state: NY}, expect: match}]\n"
    name = program.write("m.yaml", DOCUMENT.replace('    where: "state', case + '    where: "state'))
    applied = program("model", "apply", name, code=1)
    assert [problem["where"] for problem in applied["failing_cases"]] == ["territories/west/cases/1"]
    assert program("model", "publish", "m", code=1)["error"]["code"] == "failing-cases"
    assert [model["state"] for model in program("model", "list")["models"]] == ["planning"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["import", "accounts", "a.csv", "--database", "nonsense"], "'nonsense' is not a database URL"),
        (["import", "accounts", "a.csv", "--database", "postgresql://h:port/x"], "port in the database URL"),
        (["import", "accounts", "a.csv", "--rejected", "nowhere/r.csv"], "There is no folder 'nowhere'"),
        (["import", "accounts", "a.csv", "--save-mapping", "nowhere/m.json"], "There is no folder 'nowhere'"),
        (["export", "accounts", "nowhere/out.csv"], "There is no folder 'nowhere'"),
    ],
)
def test_wrong_use_is_told_before_any_work(program: Program, words: list[str], said: str) -> None:
    program.write("a.csv", ACCOUNTS)
    done = program.run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [["doctor"], ["import", "accounts", "a.csv"]])
def test_database_that_is_none_is_told(program: Program, words: list[str]) -> None:
    program.write("a.csv", ACCOUNTS)
    program.write("other.sqlite3", "this is no database, however long it may be " * 40)
    done = program.run(*words, "--database", f"sqlite:///{program.folder / 'other.sqlite3'}")
    assert done.returncode == 1
    assert "file is not a database" in " ".join((done.stdout + done.stderr).split())
    assert "Traceback" not in done.stderr


def test_programs_that_start_together_make_one_database(program: Program) -> None:
    commands = [sys.executable, "-m", "merestone.boot", "init", "--data-dir", str(program.data_dir)]
    started = [
        subprocess.Popen(commands, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [process.communicate()[1] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], said
