"""What a model does with open work when it is published, and what else its policies say: read, checked, kept.

``TerritoryModel.policies`` holds, besides what ``app.review.policies`` reads::

    opportunities: follow        # follow | until_closed | late_stage
    late_stages: [negotiation]   # late_stage: these stay …
    late_days: 30                # … for so many days, the others follow
    activities: follow           # follow | stay
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from merestone.app.lifecycle.states import held, life_of, require_planner
from merestone.app.policy import Actor
from merestone.app.review.policies import check_policies
from merestone.app.services import Services
from merestone.app.work_policy import WorkPolicy as WorkPolicy
from merestone.app.work_policy import work_policy, work_problems
from merestone.base.errors import ConflictError, InvalidInputError

EDITABLE = ("planning", "in_review")


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
        problems = list(work_problems(kept))
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
