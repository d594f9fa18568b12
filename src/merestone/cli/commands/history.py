"""merestone history owners · record · territory · quotas · enter-quotas, and merestone model compare."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from merestone.cli.commands.models import app as model_app
from merestone.cli.context import AsUser, Database, DataDir, Json, program
from merestone.cli.screen import out, say

app = typer.Typer(help="Who had what when, and what was known of it.", no_args_is_help=True)

On = Annotated[str | None, typer.Option("--on", help="A day (its last instant) or an instant; default: now.")]
Known = Annotated[
    str | None, typer.Option("--known", help="As the database said at the end of this day; default: now.")
]
Out = Annotated[Path | None, typer.Option("--out", help="Write all rows, .csv, .xlsx or .parquet.")]
SHOWN = 20


def _moments(services: Any, on: str | None, known: str | None) -> tuple[datetime, datetime | None]:
    from merestone.app.history import read_moment

    at = services.clock.now() if on is None else read_moment(services, on)
    return at, None if known is None else read_moment(services, known, name="known")


@app.command(
    epilog="Example: merestone history owners accounts --on 2026-06-30 --known 2026-07-15 --out owners.csv"
)
def owners(
    ctx: typer.Context,
    table: Annotated[str, typer.Argument(help="accounts, leads or opportunities.")] = "accounts",
    on: On = None,
    known: Known = None,
    target: Out = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Show who owned what on a day, as known on another."""
    from merestone.app.history import owned_on

    services = program(ctx).open(data_dir, database)
    at, said = _moments(services, on, known)
    found = owned_on(services, program(ctx).actor(as_user), table, on=at, known=said)
    if target is not None:
        services.files.write_table(found, target, fmt=target.suffix.lstrip(".").lower() or "csv")
    sums = {"table": table, "on": at.isoformat(), "known": said and said.isoformat(), "rows": found.num_rows,
            "owned": found.num_rows - found["owner"].null_count}  # fmt: skip
    if as_json:
        rows = [] if target is not None else [_plain(row) for row in found.to_pylist()]
        say({**sums, "items": rows}, as_json=True)
        return
    say(sums, as_json=False, title="Who owned what")
    for row in [] if target is not None else found.slice(0, SHOWN).to_pylist():
        where = f" in {row['territory_name']}" if row.get("territory_name") else ""
        out.print(f"{row['record']:>8}  {row['owner_name'] or 'nobody'}{where}", markup=False)
    if target is None and found.num_rows > SHOWN:
        out.print(f"… and {found.num_rows - SHOWN:,} more (--out, --json).")


@app.command(epilog="Example: merestone history record accounts 4711 --known 2026-07-15")
def record(
    ctx: typer.Context,
    table: Annotated[str, typer.Argument(help="accounts, leads or opportunities.")],
    record_id: Annotated[int, typer.Argument(help="Id of the record.")],
    known: Known = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Show the whole history of one record, newest first."""
    from merestone.app.history import timeline

    services = program(ctx).open(data_dir, database)
    _, said = _moments(services, None, known)
    found = timeline(services, program(ctx).actor(as_user), table, record_id, known=said)
    if as_json:
        say({"items": [_plain(one.as_dict()) for one in found]}, as_json=True)
        return
    for one in found:
        end = one.valid_to.date() if one.valid_to else "now"
        place = f" in {one.territory_name}" if one.territory_name else ""
        out.print(
            f"{one.valid_from.date()} – {end}  {one.owner_name or 'nobody'}{place}  ({one.cause_words}) {one.because}",
            markup=False,
        )


@app.command(epilog="Example: merestone history territory us-west --on 2026-06-30")
def territory(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(help="Key of the territory.")],
    on: On = None,
    known: Known = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Show who was in a territory and its quotas, over all models that were active."""
    from merestone.app.history import posts_of, quotas_of
    from merestone.app.history.moments import day_of

    services = program(ctx).open(data_dir, database)
    actor = program(ctx).actor(as_user)
    at, said = _moments(services, on, known)
    day = None if on is None else day_of(services, at)
    posts = [post for post in posts_of(services, actor, key, known=said) if day is None or post.holds(day)]
    quotas = quotas_of(services, actor, territory=key, known=said, day=day)
    if as_json:
        rows = {
            "members": [_plain(post.as_dict()) for post in posts],
            "quotas": [_plain(row) for row in quotas],
        }
        say(rows, as_json=True)
        return
    for post in posts:
        span = f"{post.start or 'the beginning'} – {post.end or 'further notice'}"
        out.print(f"{span}  {post.rep_name}, {post.role} ({post.model_name})", markup=False)
    for row in quotas:
        span = f"{row['starts_on']} – {row['ends_on']}"
        out.print(f"{span}  quota {row['amount']:,} {row['currency']}", markup=False)


@app.command("enter-quotas", epilog="Example: merestone history enter-quotas quotas.csv --dry-run")
def enter_quotas(
    ctx: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            help="Columns territory, from, to, amount, currency; CSV, Excel or Parquet.",
            exists=True,
            dir_okay=False,
        ),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would change.")] = False,
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Write quotas from a file, all or none; the same file again changes nothing."""
    from merestone.app import history
    from merestone.base.errors import InvalidInputError

    services = program(ctx).open(data_dir, database)
    raw = services.files.read_table(file)
    table = raw.table.rename_columns([name.strip().lower() for name in raw.table.column_names])
    numbers = raw.row_numbers.to_pylist()
    rows = [{**row, "where": f"row {n}"} for row, n in zip(table.to_pylist(), numbers, strict=True)]
    read, problems = history.read_quotas(services, rows)
    if problems:
        raise InvalidInputError("The quotas were not saved.", problems)
    result = history.enter_quotas(services, program(ctx).actor(as_user), read, dry_run=dry_run)
    say(result, as_json=as_json, title="Quotas")


@model_app.command(epilog="Example: merestone model compare fy26 fy27 --accounts")
def compare(
    ctx: typer.Context,
    before: Annotated[str, typer.Argument(help="Model key, or KEY@2026-01-31 as it was on a day.")],
    after: Annotated[str, typer.Argument(help="The same.")],
    accounts: Annotated[
        bool, typer.Option("--accounts", help="Show the accounts that move, and why.")
    ] = False,
    target: Annotated[
        Path | None, typer.Option("--out", help="Write all accounts that move, .csv, .xlsx or .parquet.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="At most so many accounts.")] = SHOWN,
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Put two models side by side; exit code 1 when anything differs."""
    from merestone.app import comparison

    services = program(ctx).open(data_dir, database)
    sides = comparison.read_side(before), comparison.read_side(after)
    found = comparison.compare(services, program(ctx).actor(as_user), *sides)
    if target is not None:
        rows = found.difference.rows
        services.files.write_table(rows, target, fmt=target.suffix.lstrip(".").lower() or "csv")
    if as_json:
        say(found.as_dict(limit=limit, with_accounts=accounts), as_json=True)
    else:
        _say_comparison(found, limit=limit if accounts else 0)
    if not found.is_same:
        raise typer.Exit(1)


def _say_comparison(found: Any, *, limit: int) -> None:
    sums = found.difference.summary
    out.print(
        f"{sums.moved:,} of {sums.accounts:,} accounts move ({sums.share:.1%}), {sums.reassigned:,} to another owner;"
        f" revenue {sums.revenue_moved} of {sums.revenue}.",
        markup=False,
    )
    for change in found.territories:
        out.print(f"~ {change.key}: {', '.join(change.kinds)}", markup=False)
    for member in found.members:
        if member["change"] != "dates":
            mark = "+" if member["change"] == "in" else "-"
            out.print(f"{mark} {member['rep_name']}, {member['role']} of {member['name']}", markup=False)
    for row in found.by_rep.to_pylist():
        if row["gained"] or row["lost"]:
            name = row["name"] or "the queue"
            out.print(
                f"{name}: {row['accounts_before']:,} → {row['accounts_after']:,} accounts"
                f" (+{row['gained']:,} −{row['lost']:,}), revenue {row['revenue_change']:+,}",
                markup=False,
            )
    for row in found.difference.rows.slice(0, limit).to_pylist():
        out.print(f"{row['external_id'] or row['id']}  {row['name']}: {row['why']}", markup=False)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, date) else str(value) if name == "amount" else value
        for name, value in row.items()
    }
