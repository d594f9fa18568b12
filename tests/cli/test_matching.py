"""``match`` read from its words without typer: only what typer would read the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from merestone.cli.app import build
from merestone.cli.commands import rules as commands
from merestone.cli.context import Held
from merestone.cli.matching import _FLAGS, _VALUES, MatchCall, plain_call

PLAIN = ["match", "--rules", "m.json", "--records", "a.csv", "--out", "o.csv"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a rules file, to work in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.json").write_text("{}")
    return tmp_path


def as_typer_reads(words: list[str], monkeypatch: pytest.MonkeyPatch) -> MatchCall:
    """Return the call that typer makes of a command line."""
    calls: list[MatchCall] = []
    monkeypatch.setattr(commands, "run_match", lambda _, call: calls.append(call))
    done = CliRunner().invoke(build(), words, obj=Held(None))  # type: ignore[arg-type]
    assert done.exit_code == 0, done.output
    return calls[0]


@pytest.mark.parametrize(
    "more",
    [
        [],
        ["--json"],
        ["--all", "--strict", "--json"],
        ["--engine", "duckdb"],
        ["--engine", "spark", "--master", "local[2]"],
        ["--engine", "no such engine"],
    ],
)
def test_a_plain_call_is_read_as_typer_reads_it(more: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert plain_call(PLAIN + more) == as_typer_reads(PLAIN + more, monkeypatch)


def test_options_may_stand_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["match", "--json", "--out", "o.csv", "--all", "--records", "a b.csv", "--rules", "m.json"]
    assert plain_call(words) == as_typer_reads(words, monkeypatch)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["match"],
        ["match", "--help"],
        ["explain", *PLAIN[1:]],
        ["--json", *PLAIN],
        PLAIN[:-1],
        PLAIN[:-2],
        [*PLAIN, "more"],
        [*PLAIN, "--help"],
        [*PLAIN, "--unknown"],
        [*PLAIN, "--engine"],
        [*PLAIN, "--out", "twice.csv"],
        [*PLAIN, "--json", "--json"],
        [*PLAIN, "--engine=kernel"],
        [*PLAIN, "--"],
        [*PLAIN[:-1], "--json"],
        [*PLAIN[:-1], ""],
        [word.replace("m.json", "missing.json") for word in PLAIN],
        [word.replace("m.json", ".") for word in PLAIN],
    ],
)
def test_what_is_not_plain_is_left_to_typer(words: list[str]) -> None:
    assert plain_call(words) is None


def test_both_readers_know_the_same_options() -> None:
    command: Any = get_command(build())
    declared = {name for option in command.commands["match"].params for name in option.opts}
    assert declared == {*_VALUES, *_FLAGS}
