"""merestone model apply · diff · export · publish."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from merestone.cli.context import AsUser, Database, DataDir, Json, err, out, program, say

# Use cases are imported where they run: `merestone --help` must not wait for them.
app = typer.Typer(help="Territory models as documents.", no_args_is_help=True)

Document = Annotated[Path, typer.Argument(help="Model document, YAML or JSON.", exists=True, dir_okay=False)]


@app.command(epilog="Example: merestone model apply us.yaml --publish")
def apply(
    ctx: typer.Context,
    document: Document,
    publish_it: Annotated[bool, typer.Option("--publish", help="Publish it at once.")] = False,
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Create or replace a planning model from a document."""
    from merestone.app import plans

    services = program(ctx).open(data_dir, database)
    actor = program(ctx).actor(as_user)
    result = plans.apply_document(services, actor, services.files.read_document(document))
    if publish_it:
        result |= plans.publish(services, actor, result["key"])
    say(result, as_json=as_json, title="Model applied")
    if result["failing_cases"]:
        for case in result["failing_cases"] if not as_json else ():
            err.print(f"  {case['where']}: {case['message']}", markup=False)
        raise typer.Exit(1)


@app.command(epilog="Example: merestone model diff us.yaml")
def diff(
    ctx: typer.Context,
    document: Document,
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Show what applying a document would change; exit code 1 when something would."""
    from merestone.app import plans

    services = program(ctx).open(data_dir, database)
    difference = plans.diff_document(
        services, program(ctx).actor(as_user), services.files.read_document(document)
    )
    if as_json:
        say(difference, as_json=True)
    else:
        for mark, keys in (("+", difference["added"]), ("-", difference["removed"])):
            for key in keys:
                out.print(f"{mark} {key}", markup=False)
        for key, fields in difference["changed"].items():
            for field, (old, new) in fields.items():
                out.print(f"~ {key}.{field}: {old!r} -> {new!r}", markup=False)
        if difference["is_same"]:
            out.print("Nothing would change.")
    if not difference["is_same"]:
        raise typer.Exit(1)


@app.command(epilog="Example: merestone model export fy27 > fy27.yaml")
def export(
    ctx: typer.Context,
    key: Annotated[str | None, typer.Argument(help="Model key; default: the active one.")] = None,
    fmt: Annotated[str, typer.Option("--format", help="yaml or json.")] = "yaml",
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
) -> None:
    """Write a model as a document."""
    from merestone.app import plans

    services = program(ctx).open(data_dir, database)
    data = plans.export_document(services, program(ctx).actor(as_user), key)
    sys.stdout.write(services.files.write_document(data, fmt=fmt))


@app.command(epilog="Example: merestone model publish fy27")
def publish(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(help="Model key.")],
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Make a planning model the active one and re-assign every account."""
    from merestone.app import plans

    services = program(ctx).open(data_dir, database)
    say(plans.publish(services, program(ctx).actor(as_user), key), as_json=as_json, title="Model published")


@app.command("list", epilog="Example: merestone model list --json")
def list_models(
    ctx: typer.Context,
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """List all models with their state."""
    from merestone.app import plans

    services = program(ctx).open(data_dir, database)
    models = plans.list_models(services, program(ctx).actor(as_user))
    if as_json:
        say({"models": models}, as_json=True)
        return
    for model in models:
        out.print(
            f"{model['key']:<20} {model['state']:<10} {model['territories']:>4} territories  {model['name']}",
            markup=False,
        )
