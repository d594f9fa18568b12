"""merestone staff."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from merestone.cli.context import Json, program
from merestone.cli.screen import out, say

# Use cases are imported where they run: `merestone --help` must not wait for them.
app = typer.Typer()


def _file(option: str, text: str) -> Any:
    return typer.Option(option, help=text, exists=True, dir_okay=False)


@app.command(
    epilog="Example: merestone staff --plan plan.csv --units units.csv --reps reps.csv --weight workload"
    " --require language:0.3 --out staffing.csv"
)
def staff(
    ctx: typer.Context,
    plan: Annotated[Path, _file("--plan", "Plan: id and territory, as merestone design writes it.")],
    reps: Annotated[
        Path, _file("--reps", "People: name, home, languages, industries, skills, seniority, attainment.")
    ],
    out_file: Annotated[Path, typer.Option("--out", help="Target: .csv, .parquet, .xlsx, .json or .jsonl.")],
    units: Annotated[
        Path | None,
        _file("--units", "The plan's units: places, language, industry, skills, potential, revenue, owner."),
    ] = None,
    weight: Annotated[
        str | None, typer.Option(help="Column of the units that distance and words count for.")
    ] = None,
    weights: Annotated[
        list[str] | None, typer.Option(help="What counts how much: distance:30,language:0; others stay.")
    ] = None,
    require: Annotated[
        list[str] | None,
        typer.Option(help="language:0.3: who has a territory knows what 30 % of it or more ask for."),
    ] = None,
    most_km: Annotated[
        float | None, typer.Option("--most-km", help="Mean distance from home, at most.")
    ] = None,
    fix: Annotated[
        list[str] | None, typer.Option(help="TERRITORY=PERSON stays so; TERRITORY=- stays vacant.")
    ] = None,
    forbid: Annotated[list[str] | None, typer.Option(help="TERRITORY=PERSON may not be.")] = None,
    per_person: Annotated[
        int,
        typer.Option("--per-person", min=0, help="Territories one person takes, without such a column."),
    ] = 1,
    further: Annotated[
        float, typer.Option(help="Points that a second territory of one person costs.")
    ] = 10.0,
    why_not: Annotated[
        str | None, typer.Option("--why-not", help="TERRITORY=PERSON: why they are not the choice.")
    ] = None,
    report_file: Annotated[
        Path | None, typer.Option("--report", help="Write everything there, as JSON.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Assign people to territories: the best for all together, with reasons and runner-up. Needs no database.

    Exit code 1 when a territory stays vacant that nobody wanted vacant.
    """
    from merestone.app.staffing import files
    from merestone.core.design.staffing import WEIGHTS, Terms

    counted = dict(WEIGHTS) | (files.read_numbers(weights, "--weights") if weights else {})
    required = files.read_numbers(require, "--require") if require else {}
    wishes = files.Wishes(
        terms=Terms(counted, required, most_km, further),
        fixed=[files.read_pair(text, "--fix") for text in fix or ()],
        forbidden=[files.read_pair(text, "--forbid") for text in forbid or ()],
        most=per_person,
        why_not=files.read_pair(why_not, "--why-not") if why_not else None,
    )
    local = program(ctx).local()
    sink = local.files.open_sink(out_file)
    try:
        found = files.staff_files(local, files.StaffingFiles(plan, reps, units, weight), wishes, sink)
    finally:
        sink.discard()
    if report_file is not None:
        report_file.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if as_json:
        say({**found, "out": str(out_file)}, as_json=True)
    else:
        _show(found, out_file)
    wanted = sum(line["is_fixed"] and line["rep"] is None for line in found["lines"])
    if found["vacant"] > wanted:
        raise typer.Exit(1)


def _show(found: dict[str, Any], out_file: Path) -> None:
    from rich.table import Table

    table = Table(title=f"{found['territories']} territories, {found['people']} people", title_justify="left")
    for name in ("territory", "who", "points", "why", "runner-up", "with them"):
        table.add_column(name, justify="right" if name == "points" else "left")
    for line in found["lines"]:
        second = line["runner_up"]
        table.add_row(
            line["territory"],
            line["rep_name"] or "—",
            "" if line["score"] is None else f"{line['score']:.0f}",
            "; ".join(line["reasons"][:3]),
            "—" if second is None else f"{second['rep_name']} ({second['score']:.0f})",
            "" if second is None else second["cost"],
        )
    out.print(table)
    spare = ", ".join(one["rep_name"] for one in found["spare"])
    if spare:
        out.print(f"Without a territory: {spare}", markup=False)
    if "why_not" in found:
        out.print(found["why_not"], markup=False)
    out.print(f"Written to {out_file}.", markup=False)
