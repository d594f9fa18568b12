"""merestone repair."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from merestone.cli.context import Json, program
from merestone.cli.matching import complain
from merestone.cli.screen import out, say, show
from merestone.cli.searching import beside, cancelled_by_signals, check_run, shown, write_json

# Use cases are imported where they run: `merestone --help` must not wait for them.
app = typer.Typer()

_SHOWN = 12
"""Moves of one repair, and places of damage, on the screen."""


def _file(option: str, text: str) -> Any:
    return typer.Option(option, help=text, exists=True, dir_okay=False)


@app.command(
    epilog="Example: merestone repair --units units.csv --current territories.csv --adjacency adjacency.csv"
    " --balance workload:0.10 --out moves.csv"
)
def repair(
    ctx: typer.Context,
    units: Annotated[Path, _file("--units", "Units: id, x and y (metres) or lon and lat, and amounts.")],
    current: Annotated[Path, _file("--current", "Who has which unit today: id, territory, locked.")],
    out_file: Annotated[Path, typer.Option("--out", help="Moves: .csv, .parquet, .xlsx, .json or .jsonl.")],
    balance: Annotated[
        list[str] | None,
        typer.Option(
            "--balance", help="COLUMN:0.05 around the mean, or COLUMN:LOW..HIGH; may be given several times."
        ),
    ] = None,
    adjacency: Annotated[
        Path | None, _file("--adjacency", "Units that touch, a and b: territories must be connected.")
    ] = None,
    reps: Annotated[
        Path | None, _file("--reps", "Who has the territories from now on: name, home, capacity, languages.")
    ] = None,
    apart: Annotated[
        Path | None, _file("--apart", "Units that may not share a territory, as pairs a and b.")
    ] = None,
    most_moves: Annotated[
        int | None, typer.Option("--most-moves", min=0, help="No repair takes more units from a territory.")
    ] = None,
    repairs: Annotated[int, typer.Option(min=1, max=20, help="How many to find, the smallest first.")] = 5,
    by: Annotated[
        str, typer.Option(help="Balanced column whose amount moved is to be small, instead of units.")
    ] = "",
    plan_file: Annotated[
        Path | None, typer.Option("--plan", help="Write the alignment after the first repair there.")
    ] = None,
    objective: Annotated[str, typer.Option(help="What costs are: inertia, distance or travel.")] = "inertia",
    weight: Annotated[
        str | None, typer.Option("--weight", help="Column that a unit's distance counts for.")
    ] = None,
    load: Annotated[
        str | None, typer.Option("--load", help="Column of loads, with --capacity: capacitated p-median.")
    ] = None,
    capacity: Annotated[
        str | None,
        typer.Option("--capacity", help="Column of what a territory with its centre there may load."),
    ] = None,
    detour: Annotated[float, typer.Option(help="Road over straight distance, for travel.")] = 1.2,
    speed: Annotated[float, typer.Option(help="Kilometres an hour, for travel.")] = 50.0,
    time_limit: Annotated[float, typer.Option("--time-limit", help="Seconds for all of it.")] = 30.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same repairs.")] = 0,
    report_file: Annotated[
        Path | None, typer.Option("--report", help="Write everything there, as JSON.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Find the smallest moves that bring today's territories back inside their bounds. Needs no database.

    For territories that have drifted, have been cut in parts, or lack somebody: units of a territory that --reps does not
    name, or that are not in --current, are placed. Exit code 1 when there is no repair: what comes nearest is written.
    """
    from merestone.core.design.control import Control

    control = Control(seed, time_limit)
    from merestone.app import design as designing
    from merestone.app import design_repair
    from merestone.core.design.asked import Asked, read_balance, read_objective
    from merestone.core.design.conflict_words import Contradiction
    from merestone.core.design.repair import Wanted

    check_run(time_limit, seed, report_file)
    asked = Asked(
        objective=read_objective(objective),
        balances=tuple(read_balance(text) for text in balance or ()),
        load=load,
        capacity=capacity,
        weight=weight,
        detour=detour,
        speed_km_h=speed,
    )
    wanted = Wanted(repairs, most_moves, by)
    local = program(ctx).local()
    sinks = [local.files.open_sink(path) for path in (out_file, plan_file) if path is not None]
    try:
        files = designing.DesignFiles(units, adjacency, reps, current, apart)
        prepared = designing.prepare(local, files, asked)
        with shown(control, is_silent=as_json), cancelled_by_signals(control):
            found = beside(
                lambda: design_repair.repair(
                    prepared, control, wanted, sinks[0], plan=sinks[1] if len(sinks) > 1 else None
                )
            )
    except Contradiction as error:
        show(error, as_json=as_json)
        raise typer.Exit(2) from None
    finally:
        for sink in sinks:
            sink.discard()
    if report_file is not None:
        write_json(report_file, found)
    if as_json:
        say({**found, "out": str(out_file)}, as_json=True)
    else:
        _say(found, out_file)
    if not found["is_repaired"]:
        raise typer.Exit(1)


def _say(found: dict[str, Any], out_file: Path) -> None:
    for note in found["notes"]:
        complain(f"Note: {note}")
    if not found["is_damaged"]:
        out.print("Nothing is wrong: all units have a territory, and all wishes are kept.")
        return
    for one in found["damage"][:_SHOWN]:
        out.print(one["text"], markup=False)
    if len(found["damage"]) > _SHOWN:
        out.print(f"… and {len(found['damage']) - _SHOWN} more.", markup=False)
    if found["repairs"]:
        out.print(_repairs(found))
        first = found["repairs"][0]
        _say_moves(first, "The first repair")
    elif found["least"] is not None:
        _say_least(found)
    else:
        out.print("No repair was found in time.")
    out.print(f"Written to {out_file}.", markup=False)


def _repairs(found: dict[str, Any]) -> Any:
    from rich.table import Table

    table = Table(title="The smallest repairs", title_justify="left")
    for name in ("repair", "moves", "placed", "cost", "balance", "smallest"):
        table.add_column(name, justify="left" if name in ("balance", "smallest") else "right")
    for one in found["repairs"]:
        size = "" if found["measure"] == "units" else f" ({one['size']:,.6g} {found['measure']})"
        spans = (f"{name} {ends['min']:,.6g} to {ends['max']:,.6g}" for name, ends in one["balance"].items())
        table.add_row(
            str(one["repair"]),
            f"{one['moves']:,}{size}",
            f"{one['placed']:,}",
            f"{one['cost_change']:+,.1f}",
            "; ".join(spans),
            "proved" if one["is_proved"] else "found",
        )
    return table


def _say_moves(one: dict[str, Any], name: str) -> None:
    from rich.table import Table

    table = Table(title=name, title_justify="left")
    for column in ("unit", "from", "to", "why", "cost"):
        table.add_column(column, justify="right" if column == "cost" else "left")
    for move in one["units"][:_SHOWN]:
        table.add_row(
            move["id"], move["from"] or "—", move["to"], move["why"], f"{move['cost_change']:+,.1f}"
        )
    out.print(table)
    if len(one["units"]) > _SHOWN:
        out.print(f"… and {len(one['units']) - _SHOWN} more.", markup=False)


def _say_least(found: dict[str, Any]) -> None:
    limit = "" if found["most_moves"] is None else f" within {found['most_moves']:,} moves"
    said = "There is no repair" if found["is_impossible"] else "No repair was found"
    proved = "It is proved that none comes nearer" if found["least"]["is_proved"] else "The nearest found"
    out.print(f"{said}{limit}. {proved}; what remains:", markup=False)
    for text in found["least"]["violations"]:
        out.print(f"  {text}", markup=False)
    _say_moves(found["least"], "What comes nearest")
