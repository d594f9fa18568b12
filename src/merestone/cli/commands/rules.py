"""merestone match · explain · assign."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from merestone.cli.context import AsUser, Database, DataDir, Json, program
from merestone.cli.matching import MatchCall
from merestone.cli.matching import match as run_match
from merestone.cli.screen import out, say

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
    records: Annotated[
        str,
        typer.Option("--records", help="Accounts or leads: CSV, Parquet, JSON or Excel; a table with spark."),
    ],
    out_file: Annotated[str, typer.Option("--out", help="Target: .csv, .parquet, .xlsx, .json or .jsonl.")],
    all_matches: Annotated[
        bool, typer.Option("--all", help="All matching territories, not only the winner.")
    ] = False,
    engine: Annotated[str, typer.Option(help="kernel, duckdb or spark; all give the same.")] = "kernel",
    master: Annotated[
        str | None, typer.Option(help="Spark's master, e.g. local[2] or spark://host:7077.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse a file with cells that cannot be read.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write each record's winning territory (empty = unassigned queue). Needs no database."""
    call = MatchCall(rules, records, out_file, all_matches, engine, master, strict, as_json)
    run_match(program(ctx), call)


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
    from merestone.app import explain_words

    trace = explaining.explain_files(
        program(ctx).local(), rules=rules, records=records, record_id=record_id, why_not=why_not
    )
    if as_json:
        say(trace, as_json=True)
        return
    for line in explain_words.say_trace(trace):
        out.print(line, markup=False, highlight=False, soft_wrap=True)


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
