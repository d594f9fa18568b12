"""merestone field add."""

from __future__ import annotations

from typing import Annotated

import typer

from merestone.cli.context import AsUser, Database, DataDir, Json, program
from merestone.cli.screen import say

app = typer.Typer(help="Custom fields.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Custom fields."""


@app.command(
    "add", epilog="Example: merestone field add accounts tier text --choice gold --choice silver --index"
)
def add(
    ctx: typer.Context,
    table: Annotated[str, typer.Argument(help="accounts or leads.")],
    key: Annotated[str, typer.Argument(help="Name in files, lists and criteria.")],
    kind: Annotated[str, typer.Argument(help="text, number, money, date, instant, boolean or list.")],
    label: Annotated[str, typer.Option(help="Words on the screen.")] = "",
    choice: Annotated[list[str] | None, typer.Option(help="Allowed value; repeat.")] = None,
    index: Annotated[bool, typer.Option("--index", help="Give it a database index.")] = False,
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Declare a custom field, or change its label, choices and index."""
    from merestone.app import fields

    services = program(ctx).open(data_dir, database)
    declared = fields.declare_field(
        services,
        program(ctx).actor(as_user),
        table=table,
        key=key,
        kind=kind,
        label=label,
        choices=choice or (),
        is_indexed=index,
    )
    say(declared, as_json=as_json, title="Field declared")
