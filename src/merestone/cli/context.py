"""What boot hands to the commands: ways to open a database and to run the server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

if TYPE_CHECKING:
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
