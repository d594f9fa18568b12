"""The program: all commands, and how errors end it (0 done, 1 the answer is no, 2 wrong use)."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from merestone.base.errors import MerestoneError, UsageError
from merestone.cli.matching import match, plain_call
from merestone.cli.screen import err, show

if TYPE_CHECKING:
    import typer

    from merestone.cli.context import Program


def build() -> typer.Typer:
    """Return the typer application."""
    import typer
    from typer.core import TyperGroup

    from merestone.cli.commands import (
        analyse,
        audit,
        design,
        exchange,
        fields,
        grants,
        guidelines,
        handout,
        history,
        model_life,
        people,
        people_changes,
        repair,
        review,
        rules,
        server,
        size,
        staff,
    )

    app = typer.Typer(
        name="merestone",
        help="Sales territory management: define, staff, assign, balance and measure territories.",
        no_args_is_help=True,
        cls=TyperGroup,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    for commands in (server, exchange, rules, analyse, design, repair, staff, size, handout, audit, people):
        app.registered_commands.extend(commands.app.registered_commands)
    app.add_typer(model_life.app, name="model")
    app.add_typer(history.app, name="history")
    app.add_typer(fields.app, name="field")
    app.add_typer(people.user_app, name="user")
    app.add_typer(people.token_app, name="token")
    app.add_typer(grants.app, name="grant")
    app.add_typer(guidelines.app, name="guideline")
    app.add_typer(guidelines.training_app, name="training")
    app.add_typer(people_changes.app, name="rep")
    app.add_typer(review.app, name="review")
    app.add_typer(review.challenge_app, name="challenge")
    return app


def run(program: Program, arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    call = plain_call(words)
    if call is not None:
        return _ended(lambda: _plainly(lambda: match(program, call)), as_json=call.as_json)
    return _ended(lambda: _by_typer(program, words), as_json="--json" in words)


def _ended(command: Callable[[], int], *, as_json: bool) -> int:
    """Run a command; returns the exit code, also of one that ends in an error."""
    try:
        return command()
    except MerestoneError as error:
        show(error, as_json=as_json)
        return 2 if isinstance(error, UsageError) else 1
    except OSError as error:  # a file or folder named on the command line, as a rule
        if error.filename is None:
            raise
        show(UsageError(f"'{error.filename}': {error.strerror}.", code="unusable-path"), as_json=as_json)
        return 2


def _plainly(command: Callable[[], None]) -> int:
    """Run a command as typer would, which has read no word of it."""
    try:
        command()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        if error.errno != errno.EPIPE:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on
        return 1
    return 0


def _by_typer(program: Program, words: list[str]) -> int:
    import typer

    from merestone.cli.context import Held

    try:
        code = build()(args=words, obj=Held(program), standalone_mode=False)
    except typer.Exit as stop:
        return stop.exit_code
    except typer.Abort:
        err.print("Stopped.")
        return 1
    except (MerestoneError, OSError):
        raise
    except Exception as error:
        if hasattr(error, "format_message") and hasattr(error, "exit_code"):  # click's usage errors
            err.print(f"[red]{error.format_message()}[/red]")
            return int(error.exit_code)
        raise
    return code if isinstance(code, int) else 0
