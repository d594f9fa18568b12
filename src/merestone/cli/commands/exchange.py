"""merestone import · export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from merestone.base.errors import UsageError
from merestone.cli.context import AsUser, Database, DataDir, Json, program
from merestone.cli.screen import bar, err, out, say
from merestone.core.model.columns import TABLES

# Use cases are imported where they run: `merestone --help` must not wait for them.
app = typer.Typer()

TableName = Annotated[str, typer.Argument(help=f"One of {', '.join(TABLES)}.")]


@app.command("import", epilog="Example: merestone import accounts accounts.csv --dry-run")
def import_file(
    ctx: typer.Context,
    table: TableName,
    file: Annotated[Path, typer.Argument(help="CSV, Excel or Parquet.", exists=True, dir_okay=False)],
    mapping: Annotated[
        Path | None,
        typer.Option(help="Mapping file (JSON or YAML): columns, value maps, constants.", exists=True),
    ] = None,
    save_mapping: Annotated[Path | None, typer.Option(help="Write the mapping used to this file.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, write nothing.")] = False,
    rejected: Annotated[
        Path | None, typer.Option(help="Write rejected rows here, to correct and import again.")
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="Sheet of a workbook; default: the first.")] = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Import a file: every row accepted, rejected, a duplicate, or unchanged."""
    from merestone.app.exchange import importing

    for target in (save_mapping, rejected):
        require_folder(target)
    services = program(ctx).open(data_dir, database)
    actor = program(ctx).actor(as_user)
    chosen = None if mapping is None else services.files.read_document(mapping)
    with bar() as progress:
        task = progress.add_task("Reading", total=None)
        report = importing.import_file(
            services,
            actor,
            table,
            file,
            mapping=chosen,
            dry_run=dry_run,
            sheet=sheet,
            rejected=rejected,
            progress=lambda done, total, text: progress.update(
                task, completed=done, total=total, description=text
            ),
        )
    if save_mapping is not None:
        save_mapping.write_text(services.files.write_document(report.mapping, fmt="json"))
    if not as_json:
        out.print("Columns: " + ", ".join(f"{a} → {b}" for a, b in report.shown_mapping()), markup=False)
        for note in report.notes:
            out.print(f"Note: {note['message']} {note.get('fix', '')}".rstrip(), markup=False)
        for warning in report.warnings[:5]:
            place = f"row {warning['row']}" + (f", {warning['column']}" if warning["column"] else "")
            out.print(f"  {place}: {warning['message']}", markup=False)
        if len(report.warnings) > 5:
            out.print(f"  … and {len(report.warnings) - 5} more warnings; --json lists them.", markup=False)
        for error in report.errors[:20]:
            err.print(
                f"  row {error['row']}, {error['column']}: {error['message']} {error['fix']}".rstrip(),
                markup=False,
            )
        if len(report.errors) > 20:
            err.print(
                f"  … and {len(report.errors) - 20} more; --rejected FILE keeps the rows.", markup=False
            )
    say(report.as_dict(), as_json=as_json, title=f"Import of {table}" + (" (dry run)" if dry_run else ""))
    if report.rejected:
        raise typer.Exit(1)


def require_folder(target: Path | None) -> None:
    """Raise UsageError, before any work is done, when a file to be written has no folder to go to."""
    if target is not None and not target.absolute().parent.is_dir():
        raise UsageError(f"There is no folder '{target.parent}'.", code="unusable-path")


@app.command("export", epilog="Example: merestone export accounts accounts.xlsx")
def export_file(
    ctx: typer.Context,
    table: TableName,
    file: Annotated[Path, typer.Argument(help="Target; .csv, .xlsx or .parquet.")],
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Export a table; importing the file again changes nothing."""
    from merestone.app.exchange import exporting

    require_folder(file)
    services = program(ctx).open(data_dir, database)
    n_rows = exporting.export_table(services, program(ctx).actor(as_user), table, file)
    say({"table": table, "rows": n_rows, "file": str(file)}, as_json=as_json, title="Exported")


@app.command("undo-import", epilog="Example: merestone undo-import 12")
def undo_import(
    ctx: typer.Context,
    run_id: Annotated[int, typer.Argument(help="The import's run id, as it was printed.")],
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Take an import back: delete what it made, restore what it changed."""
    from merestone.app.exchange import importing

    services = program(ctx).open(data_dir, database)
    result = importing.undo_import(services, program(ctx).actor(as_user), run_id)
    say(result, as_json=as_json, title="Import taken back")
