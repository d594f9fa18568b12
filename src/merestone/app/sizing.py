"""``size`` on files: how many people a book of units needs, and what one more would bring."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from merestone.app.design_sheets import Columns, read_sheet
from merestone.base.errors import InvalidInputError, Problem
from merestone.core.design import checks
from merestone.core.design.sizing import Sizing, SizingTerms, size_force

if TYPE_CHECKING:
    from merestone.app.matching_files import Local, Sink


@dataclass(frozen=True, slots=True)
class SizingFile:
    """Where workload and potential stand.

    Parameters
    ----------
    units : Path
    workload : str
        Column of hours a year.
    potential : str, optional
        Column of money a year.
    """

    units: Path
    workload: str
    potential: str | None = None


def size_file(
    local: Local, file: SizingFile, terms: SizingTerms, *, today: int | None = None, sink: Sink | None = None
) -> dict[str, Any]:
    """Return the sizing of a file's units as plain values, and write its table.

    Raises
    ------
    InvalidInputError
        All that is wrong with the file, or with the terms.
    """
    wrong: list[Problem] = []
    numbers = tuple(name for name in (file.workload, file.potential) if name)
    with closing(local.files.open_records(file.units)) as source:
        opened = read_sheet(source, Columns(("id",), numbers, numbers), name=file.units.name, wrong=wrong)
    sheet = opened.sheet
    if sheet is not None:
        labels = sheet.texts.get("id", [None] * sheet.length)
        for name in numbers:
            if name in sheet.numbers:
                wrong += checks.amounts(sheet, name, labels, needs_total=True)
    if wrong or sheet is None:
        raise InvalidInputError("The sales force cannot be sized from this.", wrong)
    potential = None if file.potential is None else sheet.numbers[file.potential]
    found = size_force(np.asarray(sheet.numbers[file.workload]), potential, terms, today=today)
    if sink is not None:
        sink.write(pa.Table.from_pylist([asdict(row) for row in found.rows]))
        sink.commit()
    return sizing_told(found) | {"units": sheet.length}


def sizing_told(found: Sizing) -> dict[str, Any]:
    """Return a sizing as plain values: numbers, the table, the reason and the sensitivity."""
    response = found.terms.response
    return {
        "people": found.people,
        "by_workload": found.by_workload,
        "today": found.today,
        "workload": found.workload,
        "potential": found.potential,
        "reason": reason(found),
        "rows": [asdict(row) for row in found.rows],
        "cost_range": [_finite(value) for value in found.cost_range],
        "margin_range": [_finite(value) for value in found.margin_range],
        "sensitivity": [{"if": words, "people": people} for words, people in found.sensitivity],
        "assumptions": {
            "hours": found.terms.hours,
            "cost": found.terms.cost,
            "margin": found.terms.margin,
            "reached_with_no_half_all_any_hours": [
                response.none,
                response.half,
                response.full,
                response.most,
            ],
            "elasticity": round(response.elasticity, 4),
        },
    }


def reason(found: Sizing) -> str:
    """Return why this number, in plain words."""
    hours = found.terms.hours
    by_workload = (
        f"{found.workload:,.0f} hours of work at {hours:,.0f} per person take {_people(found.by_workload)}"
    )
    if not found.has_potential:
        return f"{by_workload}. Without potential nothing more can be said."
    rows = {row.people: row for row in found.rows}
    last, following = rows[found.people], rows[found.people + 1]
    cost = found.terms.cost
    if last.gain < cost:
        return f"Even one person brings {last.gain:,.0f} and costs {cost:,.0f}: the profit is below nothing. {by_workload}."
    return (
        f"The last of {_people(found.people)} brings {last.gain:,.0f} and costs {cost:,.0f}; one more would bring "
        f"{following.gain:,.0f}. {by_workload}."
    )


def _people(n: int) -> str:
    return f"{n:,} {'person' if n == 1 else 'people'}"


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
