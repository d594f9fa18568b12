"""The program: all commands, and how errors end it (0 done, 1 the answer is no, 2 wrong use)."""

from __future__ import annotations

import json
import sys

import typer
from typer.core import TyperGroup

from merestone.base.errors import InvalidInputError, MerestoneError, UsageError
from merestone.cli.commands import analyse, exchange, fields, models, people, rules, server
from merestone.cli.context import Held, Program, err


def build() -> typer.Typer:
    """Return the typer application."""
    app = typer.Typer(
        name="merestone",
        help="Sales territory management: define, staff, assign, balance and measure territories.",
        no_args_is_help=True,
        cls=TyperGroup,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    for commands in (server, exchange, rules, analyse, people):
        app.registered_commands.extend(commands.app.registered_commands)
    app.add_typer(models.app, name="model")
    app.add_typer(fields.app, name="field")
    app.add_typer(people.user_app, name="user")
    app.add_typer(people.token_app, name="token")
    return app


def run(program: Program, arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        code = build()(args=words, obj=Held(program), standalone_mode=False)
    except MerestoneError as error:
        show(error, as_json="--json" in words)
        return 2 if isinstance(error, UsageError) else 1
    except typer.Exit as stop:
        return stop.exit_code
    except typer.Abort:
        err.print("Stopped.")
        return 1
    except OSError as error:  # a file or folder named on the command line, as a rule
        if error.filename is None:
            raise
        show(
            UsageError(f"'{error.filename}': {error.strerror}.", code="unusable-path"),
            as_json="--json" in words,
        )
        return 2
    except Exception as error:
        if hasattr(error, "format_message") and hasattr(error, "exit_code"):  # click's usage errors
            err.print(f"[red]{error.format_message()}[/red]")
            return int(error.exit_code)
        raise
    return code if isinstance(code, int) else 0


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
