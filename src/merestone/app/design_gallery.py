"""``design --gallery`` on files: several plans to choose from, each in a file of its own, and what there is to say of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from merestone.app.design import Prepared, of_the_run, plan_table
from merestone.base.errors import UsageError
from merestone.core.design.control import Control

if TYPE_CHECKING:
    from merestone.app.matching_files import Local
    from merestone.core.design.scoring import Score

REPORT = "gallery.json"
NEAREST = "nearest.csv"
MOST_PLANS = 12


@dataclass(frozen=True, eq=False, slots=True)
class _Plan:
    """A plan and its score, as they are written."""

    plan: np.ndarray
    score: Score


def open_folder(folder: Path) -> None:
    """Make the folder of a gallery, if it is not there.

    Raises
    ------
    UsageError
        ``unusable-path``: it is a file, or its own folder is not there.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"'{folder}' is a file.", fix="Name a folder.", code="unusable-path")
    if not folder.absolute().parent.is_dir():
        raise UsageError(
            f"'{folder}' cannot be made.", fix="Name a folder in one there is.", code="unusable-path"
        )
    folder.mkdir(exist_ok=True)


def gallery(
    local: Local, prepared: Prepared, control: Control, folder: Path, *, plans: int
) -> dict[str, Any]:
    """Search, write ``plan-1.csv`` and so on, and return the report.

    Where no plan keeps all wishes, ``nearest.csv`` is the one that breaks them least. What an earlier gallery left in
    the folder is taken away.
    """
    from merestone.core.design import gallery as galleries
    from merestone.core.design.gallery.report import report
    from merestone.core.design.report import violations
    from merestone.core.design.scoring import score

    open_folder(folder)
    problem = prepared.read.problem
    found = galleries.gallery(problem, control, plans=plans)
    if (folder / REPORT).exists():
        for old in (NEAREST, *(f"plan-{number}.csv" for number in range(1, MOST_PLANS + 1))):
            (folder / old).unlink(missing_ok=True)
    told = {**report(problem, prepared.asked, found), **of_the_run(control), "nearest": None}
    for number, card in enumerate(found.cards):
        name = f"plan-{number + 1}.csv"
        _write(local, prepared, folder / name, _Plan(card.plan, card.score))
        told["plans"][number]["file"] = name
    if found.nearest is not None:
        worth = score(problem, found.nearest)
        _write(local, prepared, folder / NEAREST, _Plan(found.nearest, worth))
        told["nearest"] = {"file": NEAREST, "violations": violations(worth)}
    return told


def _write(local: Local, prepared: Prepared, path: Path, plan: _Plan) -> None:
    sink = local.files.open_sink(path)
    try:
        sink.write(plan_table(prepared, plan))
        sink.commit()
    finally:
        sink.discard()
