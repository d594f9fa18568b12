"""merestone verify · audit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from merestone.cli.context import Database, DataDir, Json, program
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
