"""merestone model apply · diff · export · list."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from merestone.cli.context import AsUser, Database, DataDir, Json, program
from merestone.cli.screen import err, out, say

if TYPE_CHECKING:
    from merestone.core.rules.differing import DocumentDifference

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
    """Create or replace a model in planning or review from a document."""
    from merestone.app import lifecycle, plans

    services = program(ctx).open(data_dir, database)
    actor = program(ctx).actor(as_user)
    result = plans.apply_document(services, actor, services.files.read_document(document))
    if publish_it:
        result |= lifecycle.publish(services, actor, result["key"])
    say(result, as_json=as_json, title="Model applied")
    if result["failing_cases"]:
        for case in result["failing_cases"] if not as_json else ():
            err.print(f"  {case['where']}: {case['message']}", markup=False)
        raise typer.Exit(1)


@app.command(epilog="Example: merestone model diff us.yaml, or: merestone model diff fy26 fy27")
def diff(
    ctx: typer.Context,
    old: Annotated[str, typer.Argument(help="A document, or the key of a model.", metavar="DOCUMENT|KEY")],
    new: Annotated[
        str | None,
        typer.Argument(
            help="Another one. Default: a document against the model of its key, a model against the active one.",
            metavar="DOCUMENT|KEY",
        ),
    ] = None,
    accounts: Annotated[
        bool, typer.Option("--accounts", help="Show which accounts would move if it were published, and why.")
    ] = False,
    base: Annotated[
        str | None,
        typer.Option(
            "--base",
            help="With --accounts: compare with this model's rules, not with where the accounts are.",
        ),
    ] = None,
    target: Annotated[
        Path | None, typer.Option("--out", help="With --accounts: write all rows, .csv, .xlsx or .parquet.")
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=0, help="With --accounts: show at most so many rows.")
    ] = 20,
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Show how models differ, territory by territory; exit code 1 when they do.

    Of one document: what applying it would change. Two documents are compared without a database.
    """
    if accounts:
        if new is not None or not is_document(old):
            raise typer.BadParameter("--accounts goes with one document.")
        _diff_accounts(ctx, Path(old), base, target, limit, data_dir, database, as_user, as_json)
        return
    if base is not None or target is not None:
        raise typer.BadParameter("--base and --out go with --accounts.")
    found = _compared(ctx, old, new, data_dir=data_dir, database=database, as_user=as_user)
    if as_json:
        say(found.as_dict(), as_json=True)
    elif found.is_same:
        out.print("Nothing would change." if new is None and is_document(old) else "They say the same.")
    else:
        sys.stdout.writelines(f"{line}\n" for line in found.lines())
    if not found.is_same:
        raise typer.Exit(1)


def is_document(word: str) -> bool:
    """Return whether a word of the command line names a document, rather than a model by its key."""
    return Path(word).suffix.lower() in (".yaml", ".yml", ".json") or "/" in word or Path(word).is_file()


def _compared(
    ctx: typer.Context,
    old: str,
    new: str | None,
    *,
    data_dir: Path | None,
    database: str | None,
    as_user: str | None,
) -> DocumentDifference:
    from merestone.app import plans

    if new is not None and is_document(old) and is_document(new):
        files = program(ctx).local().files
        return plans.compare_documents(files.read_document(Path(old)), files.read_document(Path(new)))
    services = program(ctx).open(data_dir, database)
    actor = program(ctx).actor(as_user)
    if new is None:
        if is_document(old):
            return plans.compare_document(services, actor, services.files.read_document(Path(old)))
        return plans.compare_models(services, actor, None, old)
    one, two = (
        services.files.read_document(Path(word))
        if is_document(word)
        else plans.export_document(services, actor, word)
        for word in (old, new)
    )
    return plans.compare_documents(one, two, services=services)


def _diff_accounts(
    ctx: typer.Context,
    document: Path,
    base: str | None,
    target: Path | None,
    limit: int,
    data_dir: Path | None,
    database: str | None,
    as_user: str | None,
    as_json: bool,
) -> None:
    from merestone.app.difference import preview

    services = program(ctx).open(data_dir, database)
    actor, data = program(ctx).actor(as_user), services.files.read_document(document)
    moves = preview(services, actor, data, base=base)
    if target is not None:
        fmt = target.suffix.lstrip(".").lower() or "csv"
        services.files.write_table(moves.rows, target, fmt=fmt)
    say_moves(moves.as_dict(limit=limit), as_json=as_json)
    if len(moves):
        raise typer.Exit(1)


def say_moves(moves: Mapping[str, Any], *, as_json: bool) -> None:
    """Print which accounts would move: the sums, from where to where, and the largest ones with their reason."""
    if as_json:
        say(moves, as_json=True)
        return
    sums = moves["summary"]
    out.print(
        f"{sums['moved']:,} of {sums['accounts']:,} accounts would move ({sums['share']:.1%}), {sums['reassigned']:,}"
        f" to another owner; revenue {sums['revenue_moved']} of {sums['revenue']}.",
        markup=False,
    )
    if sums["held"]:
        out.print(f"{sums['held']:,} locked accounts stay although the rules would move them.")
    for pair in moves["pairs"]:
        origin, target = (pair[name] or "the queue" for name in ("from_name", "to_name"))
        out.print(f"{pair['accounts']:>8,}  {origin} → {target}", markup=False)
    for row in moves["rows"]:
        out.print(f"{row['external_id'] or row['id']}  {row['name']}: {row['why']}", markup=False)
    if moves["n_rows"] > len(moves["rows"]):
        out.print(f"… and {moves['n_rows'] - len(moves['rows']):,} more accounts (--limit, --out).")
    out.print(f"Fingerprint: {moves['fingerprint']}", markup=False)


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
        when = f"  takes effect {model['takes_effect_at']}" if model["takes_effect_at"] else ""
        out.print(
            f"{model['key']:<20} {model['state']:<10} {model['territories']:>4} territories  {model['name']}{when}",
            markup=False,
        )
