"""``merestone match``: what it does, and its plain calls read without the library that reads all others.

That library and what it loads take longer than matching a hundred thousand records. A call is plain when each option
stands once, by its full name, before its value, and the rules are a file; whatever else is written, typer reads it and
says what is wrong. ``commands.rules`` declares the same options for it, for the help and for the reference.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from merestone.cli.screen import bar, say

if TYPE_CHECKING:
    from merestone.cli.context import Program

_VALUES = {
    "--rules": "rules",
    "--records": "records",
    "--out": "out",
    "--engine": "engine",
    "--master": "master",
}
_FLAGS = {"--all": "all_matches", "--strict": "strict", "--json": "as_json"}


@dataclass(frozen=True, slots=True)
class MatchCall:
    """One call of ``merestone match``; ``app.match.match_files`` says what each word means."""

    rules: Path
    records: str
    out: str
    all_matches: bool = False
    engine: str = "kernel"
    master: str | None = None
    strict: bool = False
    as_json: bool = False


def plain_call(words: Sequence[str]) -> MatchCall | None:
    """Return what a command line asks ``match`` for; None when it is another command, or not plain."""
    if not words or words[0] != "match":
        return None
    found: dict[str, Any] = {}
    rest = iter(words[1:])
    for word in rest:
        name = _VALUES.get(word) or _FLAGS.get(word)
        if name is None or name in found:
            return None
        found[name] = True if word in _FLAGS else next(rest, "")
        if found[name] is not True and (not found[name] or found[name].startswith("-")):
            return None
    if not {"rules", "records", "out"} <= found.keys():
        return None
    rules = Path(found["rules"])
    if not rules.is_file() or not os.access(rules, os.R_OK):
        return None
    return MatchCall(**{**found, "rules": rules})


def match(program: Program, call: MatchCall) -> None:
    """Match, and say what was done and what was odd."""
    from merestone.app.match import match_files

    with told(as_json=call.as_json) as progress:
        result = match_files(
            program.local(),
            rules=call.rules,
            records=call.records,
            out=call.out,
            all_matches=call.all_matches,
            engine=call.engine,
            master=call.master,
            strict=call.strict,
            progress=progress,
        )
    for warning in result.get("warnings", ()):
        complain(f"Warning: {warning['message']}")
    if not call.as_json:
        for note in result.get("notes", ()):
            complain(f"Note: {note}")
    say(result, as_json=call.as_json, title="Matched")


@contextmanager
def told(*, as_json: bool) -> Iterator[Callable[[int, int, str], None] | None]:
    """Yield what shows progress on a terminal; None for machines."""
    if as_json or not sys.stderr.isatty():
        yield None
        return
    with bar() as progress:
        task = progress.add_task("Matching", total=None)
        yield lambda done, total, text: progress.update(
            task, completed=done, total=total or None, description=f"{text} ({done:,} done)"
        )


def complain(text: str) -> None:
    """Write a line to the error stream."""
    sys.stderr.write(f"{text}\n")
