"""Scenarios: candidate alignments of a planning model's territories over units such as counties.

A scenario keeps its units with their amounts as the book stood at an instant, so that looking at it and changing it
matches nothing. What a plan is worth is told by units; what it does to accounts, by ``comparing`` and ``writing``.
"""

from merestone.app.scenarios.choosing import choices
from merestone.app.scenarios.comparing import compare
from merestone.app.scenarios.optimising import optimise, stop
from merestone.app.scenarios.reading import list_scenarios, measures_told, progress, read, summary
from merestone.app.scenarios.starting import copy, delete, refresh, rename, start
from merestone.app.scenarios.steps import assign, change_settings, lock, redo, steps, undo
from merestone.app.scenarios.ties import Assumed
from merestone.app.scenarios.writing import write_rules

__all__ = [
    "Assumed",
    "assign",
    "change_settings",
    "choices",
    "compare",
    "copy",
    "delete",
    "list_scenarios",
    "lock",
    "measures_told",
    "optimise",
    "progress",
    "read",
    "redo",
    "refresh",
    "rename",
    "start",
    "steps",
    "stop",
    "summary",
    "undo",
    "write_rules",
]
