"""merestone match · explain · assign."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from merestone.cli.context import AsUser, Database, DataDir, Json, out, program, say

# Use cases are imported where they run: `merestone --help` must not wait for them.
app = typer.Typer()

Rules = Annotated[
    Path, typer.Option("--rules", help="Model document, YAML or JSON.", exists=True, dir_okay=False)
]
Records = Annotated[
    Path, typer.Option("--records", help="Accounts: CSV, Excel or Parquet.", exists=True, dir_okay=False)
]


@app.command(epilog="Example: merestone match --rules us.yaml --records accounts.csv --out matched.csv")
def match(
    ctx: typer.Context,
    rules: Rules,
    records: Records,
    out_file: Annotated[Path, typer.Option("--out", help="Target: .csv, .xlsx or .parquet.")],
    all_matches: Annotated[
        bool, typer.Option("--all", help="All matching territories, not only the winner.")
    ] = False,
    engine: Annotated[str, typer.Option(help="kernel.")] = "kernel",
    as_json: Json = False,
) -> None:
    """Write each record's winning territory (empty = unassigned queue). Needs no database."""
    from merestone.app import matching_files

    result = matching_files.match_files(
        program(ctx).local(),
        rules=rules,
        records=records,
        out=out_file,
        all_matches=all_matches,
        engine=engine,
    )
    say(result, as_json=as_json, title="Matched")


@app.command(
    epilog="Example: merestone explain --rules us.yaml --records accounts.csv --id A-1001 --why-not us-west"
)
def explain(
    ctx: typer.Context,
    rules: Rules,
    records: Records,
    record_id: Annotated[str, typer.Option("--id", help="Id of the record.")],
    why_not: Annotated[
        str | None, typer.Option("--why-not", help="Territory key: why it did not win.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show why a record goes where it goes. Needs no database."""
    from merestone.app import explain as explaining

    trace = explaining.explain_files(
        program(ctx).local(), rules=rules, records=records, record_id=record_id, why_not=why_not
    )
    if as_json:
        say(trace, as_json=True)
        return
    for line in explaining.say_trace(trace):
        out.print(line, markup=False)


@app.command("assign", epilog="Example: merestone assign --json")
def assign_accounts(
    ctx: typer.Context,
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Match all accounts to the active model and write what differs."""
    from merestone.app import assign

    services = program(ctx).open(data_dir, database)
    say(assign.run_rules(services, program(ctx).actor(as_user)), as_json=as_json, title="Assigned")
