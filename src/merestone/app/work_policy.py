"""What happens to the open work of accounts that change hands when a model is published: read and checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from merestone.base.errors import Problem
from merestone.core.model.columns import OPPORTUNITY_STAGES

OPPORTUNITIES = ("follow", "until_closed", "late_stage")
ACTIVITIES = ("follow", "stay")
CLOSED_STAGES = ("won", "lost")
OPEN_STAGES = tuple(stage for stage in OPPORTUNITY_STAGES if stage not in CLOSED_STAGES)
LATE_STAGES = ("negotiation",)
LATE_DAYS = 30
MAX_DAYS = 3_650
WORK = ("opportunities", "late_stages", "late_days", "activities")
KEYS = (*WORK, "challenges", "approvals")


@dataclass(frozen=True, slots=True)
class WorkPolicy:
    """What happens to the open work of an account that changes hands.

    Parameters
    ----------
    opportunities : str
        ``follow``: they go with the account; ``until_closed``: they stay with who has them; ``late_stage``: those in
        ``late_stages`` stay for ``late_days``, the others follow.
    activities : str
        ``follow`` or ``stay``; one that belongs to an opportunity stays where that stays.
    """

    opportunities: str = "follow"
    late_stages: tuple[str, ...] = LATE_STAGES
    late_days: int = LATE_DAYS
    activities: str = "follow"


def work_policy(policies: Mapping[str, Any]) -> WorkPolicy:
    """Return what was checked before as a policy."""
    return WorkPolicy(
        opportunities=policies.get("opportunities", "follow"),
        late_stages=tuple(policies.get("late_stages", LATE_STAGES)),
        late_days=policies.get("late_days", LATE_DAYS),
        activities=policies.get("activities", "follow"),
    )


def work_problems(policies: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with policies, but for the parts about challenges and approvals."""
    for name in policies.keys() - set(KEYS):
        yield Problem("unknown-key", f"'{name}' is not a policy.", f"Known: {', '.join(KEYS)}.", where=name)
    for name, choices in (("opportunities", OPPORTUNITIES), ("activities", ACTIVITIES)):
        if (value := policies.get(name, "follow")) not in choices:
            yield _bad(name, f"'{value}' is not known here.", f"Choose one of: {', '.join(choices)}.")
    stages, days = policies.get("late_stages", LATE_STAGES), policies.get("late_days", LATE_DAYS)
    if not isinstance(stages, list | tuple) or not stages or any(one not in OPEN_STAGES for one in stages):
        yield _bad("late_stages", f"'{stages}' are not open stages.", f"Choose of: {', '.join(OPEN_STAGES)}.")
    if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= MAX_DAYS:
        yield _bad(
            "late_days", f"'{days}' is no number of days.", f"Write a whole number from 1 to {MAX_DAYS}."
        )


def _bad(where: str, message: str, fix: str) -> Problem:
    return Problem("bad-policy", message, fix, where=where)
