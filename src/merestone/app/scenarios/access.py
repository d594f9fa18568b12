"""Who may look at and change a scenario: whoever plans the part of the model it is about.

A scenario whose sums count every account is for those who plan and see the whole company; one made by somebody who plans
a part counts only accounts that everybody who plans that part sees. To others a scenario is not there.
"""

from __future__ import annotations

from merestone.app.access.places import plans_whole, reached
from merestone.app.plans import EDITABLE, load_model
from merestone.app.policy import Actor, Right
from merestone.app.ports_scenarios import ScenarioRow
from merestone.app.scenarios.alive import active_subtree
from merestone.app.services import Services
from merestone.base.errors import ConflictError, ForbiddenError, NotFoundError
from merestone.core.model.territory import TerritoryModelDocument

ALL, PART = "all", "part"


def found(services: Services, actor: Actor, key: str, *, is_locked: bool = False) -> ScenarioRow:
    """Return a scenario the actor may work on; NotFoundError when there is none, or none for them."""
    actor.require(Right.PLAN)
    row = services.scenarios.load(key, is_locked=is_locked)
    if row is None or not may_see(services, actor, row):
        raise NotFoundError(f"There is no scenario '{key[:100]}'.", fix="The list shows all there are.")
    return row


def may_see(services: Services, actor: Actor, row: ScenarioRow) -> bool:
    """Return whether a scenario is there for the actor."""
    if plans_whole(actor):
        return True
    if row.sight == ALL or not row.parent:
        return False
    loaded = services.models.load(row.model)
    return loaded is not None and _plans_part(services, actor, loaded[1], row.parent)


def seen(services: Services, actor: Actor, rows: list[ScenarioRow]) -> list[ScenarioRow]:
    """Return the scenarios that are there for the actor; each model is read once."""
    if plans_whole(actor):
        return rows
    documents = {row.model: services.models.load(row.model) for row in rows if row.sight == PART}
    return [
        row
        for row in rows
        if row.sight == PART
        and row.parent
        and (loaded := documents[row.model]) is not None
        and _plans_part(services, actor, loaded[1], row.parent)
    ]


def _plans_part(services: Services, actor: Actor, document: TerritoryModelDocument, parent: str) -> bool:
    if parent not in reached(services, actor, Right.PLAN, document):
        return False
    # Sums of what is under it now must be for them too: the part may mean another in the active model.
    return set(active_subtree(services, parent)) <= services.visibility.visible_territories(
        actor, right=Right.PLAN
    )


def model_for(
    services: Services, actor: Actor, model: str, parent: str
) -> tuple[int, TerritoryModelDocument, str]:
    """Return (id, document, sight) of a model in which the actor may start a scenario below ``parent``.

    Raises
    ------
    NotFoundError
        No such model or territory, or none the actor plans.
    ForbiddenError
        The actor plans a part, and asks for all.
    ConflictError
        ``model-not-in-planning``.
    """
    actor.require(Right.PLAN)
    model_id, document = load_model(services, actor, model)
    mine = reached(services, actor, Right.PLAN, document)
    if not plans_whole(actor):
        if not mine:
            raise NotFoundError(
                f"There is no territory model '{model[:100]}'.", fix="`merestone model list` shows all."
            )
        if not parent:
            raise ForbiddenError(
                "You plan a part of this model.", fix="Choose the territory at the top of your part."
            )
    if parent and parent not in (
        mine if not plans_whole(actor) else {node.key for node in document.territories}
    ):
        raise NotFoundError(f"There is no territory '{parent[:100]}' in this model.")
    if not plans_whole(actor) and not _plans_part(services, actor, document, parent):
        raise ForbiddenError("You do not plan all that this territory holds now.", fix="Ask a planner.")
    refuse_settled(services, document.key)
    return model_id, document, ALL if plans_whole(actor) else PART


def refuse_settled(services: Services, model: str) -> None:
    """Raise ConflictError unless a model is in planning or in review."""
    state = next((one["state"] for one in services.models.all() if one["key"] == model), None)
    if state not in EDITABLE:
        raise ConflictError(
            f"The model '{model}' is {str(state).replace('_', ' ')}, neither in planning nor in review.",
            code="model-not-in-planning",
            fix="Copy it into a planning model, and plan in that.",
        )
