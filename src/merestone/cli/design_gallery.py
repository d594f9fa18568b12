"""A gallery of plans as a table to choose from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from merestone.cli.matching import complain
from merestone.cli.screen import out, say
from merestone.cli.searching import write_json

SHOWN_TERRITORIES = 3


def say_gallery(found: dict[str, Any], folder: Path, *, as_json: bool) -> None:
    """Write ``gallery.json`` and print what there is to choose from."""
    write_json(folder / "gallery.json", found)
    if as_json:
        say({**found, "gallery": str(folder)}, as_json=True)
        return
    if found["nearest"] is not None:
        for text in found["nearest"]["violations"]:
            complain(f"Warning: {text}")
    for note in found["notes"]:
        complain(f"Note: {note}")
    out.print(_table(found))
    for one in found["plans"]:
        out.print(
            f"{one['plan']}: {one['trade']}{_gap(one, has_moves=found['today'] is not None)}", markup=False
        )
        if one["territories"]:
            out.print(f"   {_winners(one)}", markup=False)
    out.print(f"Written to {folder}: gallery.json, and a file for each plan.", markup=False)


def _table(found: dict[str, Any]) -> Any:
    from rich.table import Table

    has_today = found["today"] is not None
    count = len(found["plans"])
    title = f"{count} plans to choose from" if count else "No plan keeps all wishes so far"
    table = Table(title=title, title_justify="left")
    table.add_column("plan")
    table.add_column("best at")
    table.add_column(f"cost ({found['cost_unit']})", justify="right")
    table.add_column("off balance", justify="right")
    if has_today:
        table.add_column("moves", justify="right")
        table.add_column("expected loss", justify="right")
    if found["today"] is not None:
        today = found["today"]
        said = "as it is" if today["is_feasible"] else "breaks wishes"
        table.add_row("today", said, f"{today['cost']:,.1f}", f"{today['imbalance']:.1%}", "0", "")
    for one in found["plans"]:
        cells = [
            str(one["plan"]),
            "; ".join(one["best_at"]) or "in between",
            f"{one['cost']:,.1f}",
            f"{one['imbalance']:.1%}",
        ]
        if has_today:
            loss = one["moves"]["expected_loss"]
            loss = one["moves"]["price"] if loss is None else loss
            cells += [f"{one['moves']['units']:,} ({one['disruption']:.1%})", f"{loss:,.0f}" if loss else "—"]
        table.add_row(*cells)
    return table


def _gap(one: dict[str, Any], *, has_moves: bool) -> str:
    if one["asked_gap"] is None:
        return ""
    said = f" Any plan within the bounds costs at most {one['asked_gap']:.1%} less"
    if has_moves and one["gap"] is not None and one["solved_for"] != "as asked, moves free":
        said += f"; with {one['solved_for']}, {one['gap']:.1%}"
    return said + "."


def _winners(one: dict[str, Any]) -> str:
    """Return which territories gain and lose most, by the first balance or by units."""

    def change(line: dict[str, Any]) -> float:
        first = next(iter(line["balance"].values()), None)
        return float(line["units"] - line["units_today"] if first is None else first["change"])

    ranked = sorted(one["territories"], key=lambda line: (-change(line), line["territory"]))
    gain = [line for line in ranked if change(line) > 0][:SHOWN_TERRITORIES]
    lose = [line for line in reversed(ranked) if change(line) < 0][:SHOWN_TERRITORIES]
    if not gain and not lose:
        return "Nobody gains or loses."
    said = [
        f"{verb} most: " + ", ".join(f"{line['territory']} ({change(line):+,.6g})" for line in lines)
        for verb, lines in (("gain", gain), ("lose", lose))
        if lines
    ]
    text = "; ".join(said)
    return text[:1].upper() + text[1:] + "."
