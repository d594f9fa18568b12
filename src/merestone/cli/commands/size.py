"""merestone size."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from merestone.base.errors import UsageError
from merestone.cli.context import Json, program
from merestone.cli.screen import out, say

# Use cases are imported where they run: `merestone --help` must not wait for them.
app = typer.Typer()


@app.command(
    epilog="Example: merestone size --units accounts.csv --workload hours --potential potential --hours 1600"
    " --cost 150000 --margin 0.3 --people 24"
)
def size(
    ctx: typer.Context,
    units: Annotated[
        Path, typer.Option("--units", help="Accounts or other units.", exists=True, dir_okay=False)
    ],
    workload: Annotated[str, typer.Option(help="Column of hours a year that serve a unit as planned.")],
    hours: Annotated[float, typer.Option(help="Hours a year one person has for units.")],
    potential: Annotated[
        str | None, typer.Option(help="Column of money a year; without it the workload alone decides.")
    ] = None,
    cost: Annotated[float, typer.Option(help="Cost of one person a year.")] = 0.0,
    margin: Annotated[float, typer.Option(help="Share of sales that is left before people are paid.")] = 1.0,
    response: Annotated[
        str | None,
        typer.Option(
            help="Shares of potential reached with no, half of the, all planned, and any number of hours;"
            " by default 0,0.5,0.667,1."
        ),
    ] = None,
    people: Annotated[int | None, typer.Option(help="People there are today, to compare.")] = None,
    out_file: Annotated[
        Path | None, typer.Option("--out", help="Write the table there: .csv, .parquet, .xlsx, .json.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say how many people the units need, what one more would bring, and how sure that is. Needs no database."""
    from merestone.app.sizing import SizingFile, size_file
    from merestone.core.design.sizing import Response, SizingTerms

    terms = SizingTerms(hours, cost, margin, Response() if response is None else Response(*_shares(response)))
    local = program(ctx).local()
    sink = None if out_file is None else local.files.open_sink(out_file)
    try:
        found = size_file(local, SizingFile(units, workload, potential), terms, today=people, sink=sink)
    finally:
        if sink is not None:
            sink.discard()
    if as_json:
        say(found, as_json=True)
    else:
        _show(found)


def _shares(text: str) -> list[float]:
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if len(found) != 4:
        raise UsageError(f"--response '{text}' is not four shares.", fix="Write 0,0.5,0.667,1.")
    return found


def _show(found: dict[str, Any]) -> None:
    from rich.table import Table

    has_potential = found["potential"] > 0
    table = Table(title=f"{found['people']:,} people", title_justify="left")
    columns = ["people", "hours per head", "use of hours"]
    columns += ["potential reached", "profit", "the last one brings"] if has_potential else []
    for name in columns:
        table.add_column(name, justify="right")
    for row in found["rows"]:
        cells = [
            f"{row['people']:,}{' *' if row['people'] == found['people'] else ''}"
            f"{' (today)' if row['people'] == found['today'] else ''}",
            f"{row['workload_per_head']:,.0f}",
            f"{row['utilisation']:.0%}",
        ]
        if has_potential:
            cells += [f"{row['share']:.1%}", f"{row['profit']:,.0f}", f"{row['gain']:,.0f}"]
        table.add_row(*cells)
    out.print(table)
    out.print(found["reason"], markup=False)
    if has_potential:
        low, high = found["cost_range"]
        top = "any cost" if high is None else f"{high:,.0f}"
        out.print(
            f"It stays the best number while a person costs {low:,.0f} to {top}.",
            markup=False,
        )
        for one in found["sensitivity"]:
            out.print(f"  If {one['if']}: {one['people']:,}", markup=False)
