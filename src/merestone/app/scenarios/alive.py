"""What the active model has of a part of the tree."""

from __future__ import annotations

from merestone.app.services import Services


def active_subtree(services: Services, parent: str) -> list[str]:
    """Return the keys of a territory of the active model and of all below it; none when it has no such territory."""
    active = services.models.active()
    if active is None or parent not in active[1].tree.nodes:
        return []
    return [node.key for node in active[1].tree.subtree(parent)]
