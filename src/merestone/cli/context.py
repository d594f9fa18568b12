"""What boot hands to the commands: ways to open a database and to run the server."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from merestone.app.policy import Actor
    from merestone.app.services import Services

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", help="Folder of the embedded database and its files.", envvar="MERESTONE_DATA_DIR"
    ),
]
Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        help="Database URL instead, e.g. postgresql://user@host/name.",
        envvar="MERESTONE_DATABASE",
    ),
]
AsUser = Annotated[
    str | None, typer.Option("--as", help="Act as this user (e-mail), with what they may see and do.")
]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


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


class Program(Protocol):
    """What only the composition root can do."""

    def open(self, data_dir: Path | None, database: str | None, *, migrate: bool = True) -> Services:
        """Point the process at a database, bring its schema up to date and return the services."""
        ...

    def actor(self, email: str | None) -> Actor:
        """Return the actor for ``--as``; the operator when empty."""
        ...

    def demo(
        self, services: Services, *, seed: int, progress: Callable[[int, int, str], None]
    ) -> dict[str, Any]:
        """Load and build the demo company; returns the summary. Does nothing to a demo already there."""
        ...

    def serve(self, *, host: str, port: int, workers: int, sign_ins: bool) -> None:
        """Serve until interrupted."""
        ...

    def work(self, *, once: bool) -> int:
        """Run queued jobs; returns how many."""
        ...

    def local(self) -> Any:
        """Return matcher and files without a database."""
        ...

    def doctor(self) -> list[tuple[str, bool, str]]:
        """Return (check, is fine, detail) of the installation."""
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """The typer context's object."""

    program: Program


def program(ctx: typer.Context) -> Program:
    """Return what boot handed over."""
    held = ctx.find_object(Held)
    assert held is not None
    return held.program


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
