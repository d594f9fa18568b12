"""merestone verify · audit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from merestone.app.policy import Right
from merestone.cli.context import AsUser, Database, DataDir, Json, program
from merestone.cli.screen import bar, out, say

if TYPE_CHECKING:
    from merestone.app.verify import Report

app = typer.Typer()


@app.command(epilog="Example: merestone verify --data-dir my-company")
def verify(
    ctx: typer.Context,
    data_dir: DataDir = None,
    database: Database = None,
    head: Annotated[
        str | None,
        typer.Option(help="Last seal of an earlier report: it must still be in the audit log's chain."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check every promise again on the live data; writes nothing, ends with 1 when one is broken."""
    from merestone.app import verify as verifying

    services = program(ctx).open(data_dir, database, migrate=False)
    with bar() as progress:
        task = progress.add_task("Looking", total=None)
        report = verifying.verify(
            services,
            program(ctx).actor(None),
            head=head,
            progress=lambda done, total, text: progress.update(
                task, completed=done, total=total, description=text
            ),
        )
    if as_json:
        say(report.as_dict(), as_json=True)
    else:
        _tell(report)
    if not report.is_kept:
        raise typer.Exit(1)


def _tell(report: Report) -> None:
    for answer in report.answers:
        if not answer.findings:
            continue
        words = "BROKEN" if not answer.is_kept else "note"
        out.print(f"{words}  promise {answer.promise}, {answer.rule}: {answer.title}", markup=False)
        for finding in answer.findings:
            out.print(f"    {finding.message}\n      {finding.fix}", markup=False)
        more = answer.n_breaches + answer.n_notes - len(answer.findings)
        if more:
            out.print(f"    … and {more:,} more.")
    said = ", ".join(f"{n:,} {name}" for name, n in report.counts.items())
    out.print(
        f"{len(report.answers)} checks over {said}: {report.n_breaches or 'no'} breaches.", markup=False
    )
    if report.head:
        out.print(f"Last seal of the audit log: {report.head}", markup=False)


@app.command("audit", epilog="Example: merestone audit --table account --record 17 --out audit.csv")
def show_audit(
    ctx: typer.Context,
    actor: Annotated[str, typer.Option(help="Only by who is called like this.")] = "",
    table: Annotated[str, typer.Option(help="Only of this table: account, rep, territorynode …")] = "",
    record: Annotated[str, typer.Option(help="Only of the record with this id.")] = "",
    field: Annotated[str, typer.Option(help="Only changes of this field.")] = "",
    cause: Annotated[str, typer.Option(help="Only for a cause like this.")] = "",
    did: Annotated[str, typer.Option(help="Only created (I), changed (U) or deleted (D).")] = "",
    since: Annotated[str, typer.Option("--from", help="Only from this day on.")] = "",
    until: Annotated[str, typer.Option("--to", help="Only up to this day.")] = "",
    transaction: Annotated[str, typer.Option(help="Only what was done together.")] = "",
    limit: Annotated[int, typer.Option(help="At most as many entries, the newest.", min=1)] = 1000,
    out_file: Annotated[
        Path | None, typer.Option("--out", help="Write CSV, Excel or Parquet, a row per changed field.")
    ] = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Show or export the audit log: who changed what, from what to what, and why."""
    from merestone.app.audit import read_wanted

    services = program(ctx).open(data_dir, database)
    from merestone.db.queries import audit  # needs the opened database's settings

    who = program(ctx).actor(as_user)
    who.require(Right.READ_AUDIT, everywhere=True)
    asked = {
        "actor": actor, "table": table, "record": record, "field": field, "cause": cause, "did": did,
        "from": since, "to": until, "transaction": transaction,
    }  # fmt: skip
    wanted = read_wanted(asked, zone=who.time_zone)
    entries = audit.wanted_entries(who, wanted)[:limit]
    found = audit.as_table(entries.iterator(chunk_size=2000))
    if out_file is not None:
        services.files.write_table(found, out_file, fmt=out_file.suffix.lstrip(".").lower() or "csv")
        say({"rows": found.num_rows, "out": str(out_file)}, as_json=as_json, title="Audit log")
    elif as_json:
        say({"entries": found.to_pylist()}, as_json=True)
    else:
        for row in found.to_pylist():
            change = f"{row['field']}: {row['from'] or '–'} → {row['to'] or '–'}"
            what = f"{row['table']} {row['record_id']} ({row['record']}) {row['did']}"
            out.print(
                f"{row['at']:%Y-%m-%d %H:%M:%S}  {row['actor']}  {row['cause']}  {what}  {change}",
                markup=False,
            )
