"""What every command prints: results, errors. Loads nothing that a short command need not wait for."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from merestone.base.errors import InvalidInputError, MerestoneError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress


class Screen:
    """A console whose library is loaded for the first line it shows."""

    def __init__(self, *, stderr: bool = False) -> None:
        self.is_stderr = stderr

    @cached_property
    def console(self) -> Console:
        """The console."""
        from rich.console import Console

        return Console(stderr=self.is_stderr, highlight=False)

    def print(self, *what: Any, **how: Any) -> None:
        """Print as ``rich.console.Console.print`` does."""
        self.console.print(*what, **how)


out = Screen()
err = Screen(stderr=True)


def bar() -> Progress:
    """Return the progress bar all long commands show on the error stream."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=err.console,
        transient=True,
    )


def say(data: Mapping[str, Any], *, as_json: bool, title: str = "") -> None:
    """Print a result: JSON for machines, a two-column table for people."""
    if as_json:
        sys.stdout.write(json.dumps(data, default=str, indent=2) + "\n")
        return
    from rich.table import Table

    table = Table(title=title or None, show_header=False, title_justify="left")
    for key, value in data.items():
        if isinstance(value, list | dict):
            continue
        table.add_row(key.replace("_", " "), spoken(value))
    out.print(table)


def spoken(value: Any) -> str:
    """Return a value as people read it."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)


def show(error: MerestoneError, *, as_json: bool) -> None:
    """Print an error with all its problems."""
    problems = error.problems if isinstance(error, InvalidInputError) else []
    if as_json:
        body = {
            "error": {
                "code": error.code,
                "message": error.message,
                "fix": error.fix,
                "problems": [problem.as_dict() for problem in problems],
            }
        }
        sys.stdout.write(json.dumps(body, indent=2) + "\n")
        return
    err.print(f"Error: {error.message} {error.fix}".strip(), style="red", markup=False)
    for problem in problems[:50]:
        err.print(f"  {problem}", markup=False)
    if len(problems) > 50:
        err.print(f"  … and {len(problems) - 50} more.", markup=False)
