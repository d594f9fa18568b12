"""``repair`` on files: the smallest moves that bring today's alignment back inside its bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from merestone.app.design import Prepared, of_the_run, plan_table
from merestone.core.design.control import Control
from merestone.core.design.repair import Repair, Repairs, Wanted
from merestone.core.design.repair import repair as find_repairs

if TYPE_CHECKING:
    from merestone.app.matching_files import Sink
    from merestone.core.design.scoring import Score


@dataclass(frozen=True, eq=False, slots=True)
class _Plan:
    """A plan and its score, as they are written."""

    plan: np.ndarray
    score: Score


def repair(
    prepared: Prepared, control: Control, wanted: Wanted, sink: Sink, *, plan: Sink | None = None
) -> dict[str, Any]:
    """Search, write the moves and return the report.

    Parameters
    ----------
    sink : Sink
        Gets a row per move of each repair, the best repair first: ``repair``, ``id``, ``from``, ``to``, ``why``,
        ``cost_change`` and what of each balanced column is moved. Where there is no repair, repair 0 is what comes nearest.
    plan : Sink, optional
        Gets the alignment after the best repair; today's where there is none.
    """
    from merestone.core.design.repair.report import report
    from merestone.core.design.scoring import score

    problem = prepared.read.problem
    found = find_repairs(problem, control, wanted)
    sink.write(_moves(prepared, found))
    sink.commit()
    if plan is not None:
        after = problem.current if not found.repairs else found.repairs[0].plan
        assert after is not None
        plan.write(plan_table(prepared, _Plan(after, score(problem, after))))
        plan.commit()
    return {**report(problem, prepared.asked, wanted, found), **of_the_run(control)}


def _moves(prepared: Prepared, found: Repairs) -> pa.Table:
    problem = prepared.read.problem
    numbered: list[tuple[int, Repair]] = list(enumerate(found.repairs, start=1))
    if found.least is not None:
        numbered = [(0, found.least)]
    rows = [(number, move) for number, one in numbered for move in one.moves]
    ids = pa.array([problem.ids[move.unit] for _, move in rows], pa.string())
    if pa.types.is_integer(prepared.id_kind):
        ids = ids.cast(prepared.id_kind)
    columns: dict[str, Any] = {
        "repair": pa.array([number for number, _ in rows], pa.int64()),
        "id": ids,
        "from": pa.array(
            [problem.labels[move.source] if move.source >= 0 else None for _, move in rows], pa.string()
        ),
        "to": pa.array([problem.labels[move.target] for _, move in rows], pa.string()),
        "why": pa.array([move.why for _, move in rows], pa.string()),
        "cost_change": pa.array([move.cost for _, move in rows], pa.float64()),
    }
    for row, one in enumerate(problem.activities):
        if one.name not in columns:
            columns[one.name] = pa.array([move.amounts[row] for _, move in rows], pa.float64())
    return pa.table(columns)
