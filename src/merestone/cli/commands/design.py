"""merestone design."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from merestone.base.errors import UsageError
from merestone.cli.context import Json, program
from merestone.cli.design_gallery import say_gallery
from merestone.cli.matching import complain
from merestone.cli.screen import say, show
from merestone.cli.searching import beside, cancelled_by_signals, check_run, shown, write_json

# Use cases are imported where they run: `merestone --help` must not wait for them.
app = typer.Typer()

_SHOWN = 10


def _file(option: str, text: str) -> Any:
    return typer.Option(option, help=text, exists=True, dir_okay=False)


@app.command(
    epilog="Example: merestone design --units units.csv --adjacency adjacency.csv --territories 12"
    " --objective inertia --balance population:0.05 --out plan.csv --report report.json"
)
def design(
    ctx: typer.Context,
    units: Annotated[Path, _file("--units", "Units: id, x and y (metres) or lon and lat, and amounts.")],
    objective: Annotated[str, typer.Option(help="What to make small: inertia, distance or travel.")],
    out_file: Annotated[
        Path | None, typer.Option("--out", help="Target: .csv, .parquet, .xlsx, .json or .jsonl.")
    ] = None,
    gallery: Annotated[
        Path | None,
        typer.Option("--gallery", help="Folder for several plans to choose from, instead of --out."),
    ] = None,
    plans: Annotated[int, typer.Option(min=2, max=12, help="How many, with --gallery.")] = 6,
    territories: Annotated[
        int | None,
        typer.Option("--territories", help="How many; by default as many as reps or current ones."),
    ] = None,
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
        Path | None, _file("--reps", "Who has the territories: name, home, capacity, languages.")
    ] = None,
    current: Annotated[
        Path | None, _file("--current", "Who has which unit today: id, territory, locked.")
    ] = None,
    apart: Annotated[
        Path | None, _file("--apart", "Units that may not share a territory, as pairs a and b.")
    ] = None,
    most_moves: Annotated[
        list[str] | None,
        typer.Option(
            "--most-moves",
            help="10% of the units, or COLUMN:5%, may change hands; may be given several times.",
        ),
    ] = None,
    move_price: Annotated[
        str | None,
        typer.Option("--move-price", help="Column of revenue: moves cost what is expected to be lost."),
    ] = None,
    cost_rate: Annotated[
        float,
        typer.Option("--cost-rate", help="Worth of a unit of cost (km, hour, km²) in that column's money."),
    ] = 0.0,
    loss: Annotated[float, typer.Option(help="Share of revenue lost on a move.")] = 0.176,
    similar_saves: Annotated[
        float, typer.Option("--similar-saves", help="Share of it that a successor alike in everything saves.")
    ] = 0.4,
    half_life: Annotated[
        float, typer.Option("--half-life", help="Years after which a relationship has half its strength.")
    ] = 2.0,
    as_of: Annotated[
        datetime | None,
        typer.Option("--as-of", formats=["%Y-%m-%d"], help="Day that 'since' counts to; today by default."),
    ] = None,
    load: Annotated[
        str | None, typer.Option("--load", help="Column of loads, with --capacity: capacitated p-median.")
    ] = None,
    capacity: Annotated[
        str | None,
        typer.Option("--capacity", help="Column of what a territory with its centre there may load."),
    ] = None,
    weight: Annotated[
        str | None, typer.Option("--weight", help="Column that a unit's distance counts for.")
    ] = None,
    whole_metres: Annotated[
        bool, typer.Option("--whole-metres", help="Round distances down to whole metres.")
    ] = False,
    detour: Annotated[float, typer.Option(help="Road over straight distance, for travel.")] = 1.2,
    speed: Annotated[float, typer.Option(help="Kilometres an hour, for travel.")] = 50.0,
    time_limit: Annotated[float, typer.Option("--time-limit", help="Seconds for all of it.")] = 60.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same plan.")] = 0,
    report_file: Annotated[
        Path | None, typer.Option("--report", help="Write the report there, as JSON.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Design balanced, compact territories, with a bound on how good they can be. Needs no database.

    Exit code 1 when no plan was found that keeps all wishes; the best one is written all the same. Exit code 2 when the
    wishes contradict one another: nothing is searched, and the smallest set of them is told. Ctrl-C ends the search with
    the best plan so far.
    """
    from merestone.core.design.control import Control

    control = Control(seed, time_limit)  # its clock runs from here: loading and reading are part of the time
    from merestone.app import design as designing
    from merestone.core.design.asked import Asked, read_balance, read_most_moves, read_objective
    from merestone.core.design.conflict_words import Contradiction
    from merestone.core.design.prices import Pricing

    check_run(time_limit, seed, report_file)
    if (out_file is None) == (gallery is None):
        raise UsageError("Give --out for one plan, or --gallery for several.")
    asked = Asked(
        read_objective(objective),
        territories,
        tuple(read_balance(text) for text in balance or ()),
        load,
        capacity,
        weight,
        whole_metres,
        detour,
        speed,
        tuple(read_most_moves(text) for text in most_moves or ()),
        None if move_price is None else Pricing(move_price, cost_rate, loss, similar_saves, half_life),
        (as_of or datetime.now().astimezone()).date(),
    )
    local = program(ctx).local()
    sink = None if out_file is None else local.files.open_sink(out_file)
    try:
        files = designing.DesignFiles(units, adjacency, reps, current, apart)
        prepared = designing.prepare(local, files, asked)
        with shown(control, is_silent=as_json), cancelled_by_signals(control):
            if gallery is not None:
                from merestone.app import design_gallery

                folder = gallery
                found = beside(lambda: design_gallery.gallery(local, prepared, control, folder, plans=plans))
            else:
                assert sink is not None
                target = sink
                found = beside(lambda: designing.design(prepared, control, target))
    except Contradiction as error:
        if report_file is not None:
            write_json(report_file, {"is_feasible": False, "conflict": error.conflict})
        show(error, as_json=as_json)
        raise typer.Exit(2) from None
    finally:
        if sink is not None:
            sink.discard()
    if report_file is not None:
        write_json(report_file, found)
    if gallery is not None:
        say_gallery(found, gallery, as_json=as_json)
    elif out_file is not None:
        _say(found, out_file, as_json=as_json)
    if not found["is_feasible"]:
        raise typer.Exit(1)


def _say(found: dict[str, Any], out_file: Path, *, as_json: bool) -> None:
    if as_json:
        say({**found, "out": str(out_file)}, as_json=True)
        return
    for text in found["violations"]:
        complain(f"Warning: {text}")
    for broken in (found["conflict"] or {"wishes": []})["wishes"][:_SHOWN]:
        complain(f"Warning: {broken['wish']} {broken['relaxation']}".rstrip())
    for note in found["notes"]:
        complain(f"Note: {note}")
    shown: dict[str, Any] = {
        "cost": f"{found['cost']:,.3f} {found['cost_unit']}",
        "bound": "none" if found["bound"] is None else f"{found['bound']:,.3f}",
        "gap": _gap(found["gap"], is_proved=found["is_proved"]),
    }
    for column, one in found["balance"].items():
        shown[column] = (
            f"{one['min']:,.6g} to {one['max']:,.6g}, at most {one['max_deviation_from_mean']:.2%} off the mean"
        )
    if found["moves"] is not None:
        shown["moves"] = f"{found['moves']['units']:,} units ({found['moves']['share_of_units']:.1%})"
        if found["moves"]["expected_loss"] is not None:
            shown["expected loss"] = f"{found['moves']['expected_loss']:,.0f}"
    shown["stopped by"] = found["stop_reason"]
    shown["seconds"] = f"{found['seconds']:.1f}"
    shown["out"] = str(out_file)
    say(shown, as_json=False, title="Designed" if found["is_feasible"] else "No plan keeps all wishes so far")


def _gap(gap: float | None, *, is_proved: bool) -> str:
    if is_proved:
        return "none: proved optimal"
    return "unknown" if gap is None else f"at most {gap:.2%} above the best possible"
