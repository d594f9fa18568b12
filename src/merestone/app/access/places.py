"""Asking for a right at its place: on records, on territories of the active model, on territories of a plan.

What the actor does not see is missing, in the same words as what is not there; what they see without the right is
forbidden.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from merestone.app.policy import PLANNING, Actor, Right
from merestone.app.services import Services
from merestone.base.errors import ForbiddenError, NotFoundError
from merestone.core.model.territory import TerritoryModelDocument

ELSEWHERE = "Ask whoever manages that territory, or a planner."


def require_records(
    services: Services, actor: Actor, right: Right, *, table: str, ids: Collection[int]
) -> None:
    """Raise unless the actor has the right on every record of a CRM table.

    Raises
    ------
    ForbiddenError
        Without the right anywhere, or when some of the records are seen but lie where the actor has not got it.
    NotFoundError
        When some of the records do not exist, or are hidden.
    """
    actor.require(right)
    allowed = services.visibility.visible_ids(actor, table, ids, right=right)
    rest = set(ids) - allowed
    if not rest:
        return
    if rest - services.visibility.visible_ids(actor, table, rest):
        raise NotFoundError("There is no such record.")
    what = right.value.replace("-", " ")
    raise ForbiddenError(
        f"You see {'this record' if len(ids) == 1 else f'{len(rest)} of these records'}, but your rights there do not "
        f"allow this: {what}.",
        fix=ELSEWHERE,
    )


def require_territory(services: Services, actor: Actor, right: Right, territory: str) -> None:
    """Raise unless the actor has the right on a territory of the active model; raises as ``require_records`` does."""
    actor.require(right)
    if territory in services.visibility.visible_territories(actor, right=right):
        return
    if territory not in services.visibility.visible_territories(actor):
        raise NotFoundError(f"There is no territory '{territory[:100]}'.")
    raise ForbiddenError(
        f"You see this territory, but your rights there do not allow this: {right.value.replace('-', ' ')}.",
        fix=ELSEWHERE,
    )


def reached(
    services: Services, actor: Actor, right: Right, document: TerritoryModelDocument
) -> frozenset[str]:
    """Return the keys of a model's territories, in whatever state it is, on which the actor has the right."""
    keys = frozenset(node.key for node in document.territories)
    if not actor.can(right) or actor.has(right, everywhere=True):
        return keys if actor.can(right) else frozenset()
    held = [one for one in services.visibility.holdings(actor) if right in one.rights]
    paths: dict[str, tuple[str, ...]] = {}
    for node in document.tree:  # parents come before children
        paths[node.key] = (*paths.get(node.parent or "", ()), node.key)
    return frozenset(key for key, path in paths.items() if any(one.covers(path) for one in held))


def planned(services: Services, actor: Actor, document: TerritoryModelDocument) -> frozenset[str]:
    """Return the keys of a plan's territories that the actor may look into: whose rules or members they manage."""
    return frozenset[str]().union(*(reached(services, actor, right, document) for right in PLANNING))


def plans_whole(actor: Actor) -> bool:
    """Return whether the actor plans the whole company and sees every record of it."""
    return actor.can(Right.PLAN, everywhere=True) and actor.sees_all


def trimmed(services: Services, actor: Actor, document: TerritoryModelDocument) -> TerritoryModelDocument:
    """Return as much of a plan as the actor may look into: their parts of the tree, each with its top as a root."""
    if any(actor.can(right, everywhere=True) for right in PLANNING):
        return document
    seen = planned(services, actor, document)
    nodes = tuple(
        node if node.parent in seen else replace(node, parent=None)
        for node in document.territories
        if node.key in seen
    )
    return replace(document, territories=nodes)


def require_planned(
    services: Services,
    actor: Actor,
    right: Right,
    *,
    document: TerritoryModelDocument,
    territories: Iterable[str | None],
    around: Iterable[str | None] = (),
) -> None:
    """Raise unless the actor has the right on these territories of a plan; None stands for the top of the tree.

    A territory the actor does not plan at all is missing to them, in the words of one that does not exist. What is
    ``around`` was not named by the actor: where they do not plan it, it is not missing but out of reach, and unnamed.
    """
    actor.require(right)
    if actor.has(right, everywhere=True):
        return
    allowed = reached(services, actor, right, document)
    named, outer = list(territories), list(around)
    seen = planned(services, actor, document)
    for key in named:
        if key is not None and key not in seen:
            raise NotFoundError(f"There is no territory '{key[:100]}' in this model.")
    lacking = [key for key in (*named, *outer) if key not in allowed]
    if lacking:
        raise ForbiddenError(
            f"This needs the right “{right.value.replace('-', ' ')}” {_where(lacking[0], seen, document)}.",
            fix=ELSEWHERE,
        )


def _where(key: str | None, seen: frozenset[str], document: TerritoryModelDocument) -> str:
    """Return words for a place that names nothing the actor does not plan."""
    if key is None:
        return "on the whole company"
    if key not in seen:
        return "on the territory above the part you plan"
    return f"on “{document.tree[key].name}” ({key})"
