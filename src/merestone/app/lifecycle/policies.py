"""What a model does with open work when it is published, and what else its policies say: read, checked, kept.

``TerritoryModel.policies`` holds, besides what ``app.review.policies`` reads::

    opportunities: follow        # follow | until_closed | late_stage
    late_stages: [negotiation]   # late_stage: these stay …
    late_days: 30                # … for so many days, the others follow
    activities: follow           # follow | stay
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from merestone.app.lifecycle.states import held, life_of, require_planner
from merestone.app.policy import Actor
from merestone.app.review.policies import check_policies
from merestone.app.services import Services
from merestone.base.errors import ConflictError, InvalidInputError, Problem
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
EDITABLE = ("planning", "in_review")


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


def read_policies(services: Services, actor: Actor, key: str) -> dict[str, Any]:
    """Return a model's policies, those about open work written out."""
    policies = life_of(services, actor, key).policies
    work = work_policy(policies)
    return {
        **policies,
        "opportunities": work.opportunities,
        "late_stages": list(work.late_stages),
        "late_days": work.late_days,
        "activities": work.activities,
    }


def set_policies(
    services: Services,
    actor: Actor,
    key: str,
    changes: Mapping[str, Any],
    *,
    version: int | None = None,
) -> dict[str, Any]:
    """Change some of a model's policies (None: back to what is usual); returns all, as ``read_policies`` does.

    Raises
    ------
    ConflictError
        ``model-not-in-planning`` when the model is neither in planning nor in review; ``stale-version``.
    InvalidInputError
        With every problem; nothing is kept then.
    """
    require_planner(actor)
    with services.records.transaction(actor, cause=f"policies of model {key}"):
        life, document = held(services, key, version=version)
        if life.state not in EDITABLE:
            raise ConflictError(
                f"The model '{key}' is {life.state.replace('_', ' ')}: its policies stand.",
                code="model-not-in-planning",
                fix="Cancel its schedule first, or copy it.",
            )
        kept = {name: value for name, value in {**life.policies, **changes}.items() if value is not None}
        problems = list(_problems(kept))
        if problems:
            raise InvalidInputError("The policies were not kept.", problems, code="bad-policy")
        check_policies(
            kept,
            territories=frozenset(node.key for node in document.territories),
            users=frozenset(person.email.lower() for person in services.reviews.people()),
        )
        if kept != life.policies:
            services.lifecycle.keep_policies(life.id, kept)
    return read_policies(services, actor, key)


def _problems(policies: Mapping[str, Any]) -> Iterator[Problem]:
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
