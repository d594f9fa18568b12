"""``design`` on files: no database, no server. All files are read and checked before the search begins."""

from __future__ import annotations

import importlib.metadata
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa

from merestone.app.design_sheets import Columns, Opened, read_sheet
from merestone.base.errors import InvalidInputError, Problem
from merestone.core.design.asked import Asked
from merestone.core.design.control import Control
from merestone.core.design.groups import TOGETHER
from merestone.core.design.people import CAPACITY, ELIGIBILITY
from merestone.core.design.reading import Read, Tables, read_problem
from merestone.core.design.report import centre_id, report
from merestone.core.design.today import LOCKED, OWNER, SINCE, YEARS

if TYPE_CHECKING:
    from merestone.app.matching_files import Local, Sink
    from merestone.core.design.scoring import Score

PLACES = ("x", "y", "lon", "lat")
LIBRARIES = ("merestone", "numpy", "scipy", "ortools", "numba")


@dataclass(frozen=True, slots=True)
class DesignFiles:
    """The files of a design; ``core.design.reading`` says what is in them."""

    units: Path
    adjacency: Path | None = None
    reps: Path | None = None
    current: Path | None = None
    apart: Path | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Prepared:
    """A design that can begin.

    Parameters
    ----------
    asked : Asked
    read : Read
        The problem.
    id_kind : pyarrow.DataType
        How ids are written.
    """

    asked: Asked
    read: Read
    id_kind: pa.DataType


def prepare(local: Local, files: DesignFiles, asked: Asked) -> Prepared:
    """Return the design that files and words make.

    Raises
    ------
    UsageError
        The words contradict one another, or a file cannot be opened.
    InvalidInputError
        All that is wrong in the files.
    Contradiction
        No plan can keep the wishes; it has the smallest set in conflict.
    """
    asked.check()
    wrong: list[Problem] = []
    wanted = _wanted(asked)
    paths = {name: path for name in wanted if (path := getattr(files, name)) is not None}
    with ExitStack() as stack:  # all files are read at once, each by a process of its own
        sources = {
            name: stack.enter_context(closing(local.files.open_records(path))) for name, path in paths.items()
        }
        opened = {
            name: read_sheet(source, wanted[name], name=paths[name].name, wrong=wrong)
            for name, source in sources.items()
        }
    units = opened["units"].sheet
    if units is None:
        raise InvalidInputError("Nothing can be designed from this.", wrong)
    others = {name: _sheet(opened, name) for name in wanted if name != "units"}
    tables = Tables(units, **others)
    return Prepared(asked, read_problem(tables, asked, found=tuple(wrong)), opened["units"].id_kind)


class Placed(Protocol):
    """A plan with its score."""

    @property
    def plan(self) -> np.ndarray:
        """(n,) territory numbers."""
        ...

    @property
    def score(self) -> Score:
        """What it is worth."""
        ...


def design(prepared: Prepared, control: Control, sink: Sink) -> dict[str, Any]:
    """Search, write the plan and return the report.

    The plan has ``id``, ``territory``, ``centre`` (the unit in the middle of the territory; empty for a home) and the
    columns that are balanced. It is written also when it breaks a wish, which ``is_feasible`` and ``violations`` tell.
    """
    from merestone.core.design.labels import are_alike, named_as_today
    from merestone.core.design.scoring import score
    from merestone.core.design.solve import solve

    problem = prepared.read.problem
    # Where territories are alike, today's names are found afterwards: the search is the quicker for it.
    searched = replace(problem, current=None) if are_alike(problem) else problem
    result = solve(searched, control)
    if problem.current is not None:
        plan = named_as_today(problem, result.plan)
        result = replace(result, plan=plan, score=score(problem, plan))
    sink.write(plan_table(prepared, result))
    sink.commit()
    return {**report(prepared.read, prepared.asked, result), **of_the_run(control)}


def of_the_run(control: Control) -> dict[str, Any]:
    """Return what every report has of how it was made."""
    return {
        "time_limit": control.time_limit,
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
    }


def _wanted(asked: Asked) -> dict[str, Columns]:
    balanced = tuple(one.column for one in asked.balances)
    return {
        "units": Columns(("id", TOGETHER, *ELIGIBILITY), (*PLACES, *asked.columns), ("id", *asked.columns)),
        "adjacency": Columns(("a", "b"), (), ("a", "b")),
        "reps": Columns(("id", "name", *ELIGIBILITY), (*PLACES, CAPACITY, *balanced)),
        "current": Columns(("id", "territory", LOCKED, SINCE, OWNER), (YEARS,), ("id", "territory")),
        "apart": Columns(("a", "b"), (), ("a", "b")),
    }


def _sheet(opened: dict[str, Opened], name: str) -> Any:
    return opened[name].sheet if name in opened else None


def plan_table(prepared: Prepared, result: Placed) -> pa.Table:
    """Return a plan as ``design`` writes it."""
    problem = prepared.read.problem
    ids = pa.array(problem.ids, pa.string())
    if pa.types.is_integer(prepared.id_kind):
        ids = ids.cast(prepared.id_kind)
    labels = pa.array([*problem.labels, None], pa.string())
    centres = [centre_id(prepared.read, result.score, at) for at in range(problem.k)]
    # No territory is −1, which is the last of the names.
    at = np.asarray(result.plan, np.int64)
    number = pa.array(np.where(at < 0, problem.k, at))
    columns = {
        "id": ids,
        "territory": labels.take(number),
        "centre": pa.array([*centres, None], pa.string()).take(number),
    }
    amounts = {one.name: one.amounts for one in problem.activities}
    if problem.load is not None and prepared.asked.load is not None:
        amounts[prepared.asked.load] = problem.load
    for name, values in amounts.items():
        if name not in columns:
            is_whole = bool((values == np.round(values)).all() and (values < 1e15).all())
            columns[name] = pa.array(values.astype(np.int64) if is_whole else values)
    return pa.table(columns)
