"""What somebody may choose from when they start a scenario."""

from __future__ import annotations

from typing import Any

from merestone.app.access.places import plans_whole, reached
from merestone.app.plans import load_model
from merestone.app.policy import Actor, Right
from merestone.app.rulebook import rule_book
from merestone.app.scenarios.access import model_for
from merestone.app.scenarios.taking import names_place
from merestone.app.services import Services


def choices(services: Services, actor: Actor, model: str, parent: str = "") -> dict[str, Any]:
    """Return what a scenario of a model may be about.

    Returns
    -------
    dict
        ``model`` (``key``, ``name``), ``parents`` (territories that have leaves below: ``key``, ``name``, ``depth``,
        ``leaves``; the key is empty for the whole tree, which only those who plan all of it get), and ``leaves`` below
        ``parent`` (``key``, ``name``, ``is_left_out``: its rule names no place).

    Raises
    ------
    NotFoundError, ForbiddenError, ConflictError
        As ``access.model_for``; without a parent, the first they may choose counts.
    """
    document = load_model(services, actor, model)[1]
    tree, is_whole = document.tree, plans_whole(actor)
    mine = (
        {node.key for node in document.territories}
        if is_whole
        else reached(services, actor, Right.PLAN, document)
    )
    primary = [node for node in tree if document.type_of(node).is_primary]
    inner = {node.parent for node in primary}
    leaves = [node for node in primary if node.key not in inner]
    below: dict[str, int] = {}
    for leaf in leaves:
        for node in tree.path(leaf.key)[:-1]:
            below[node.key] = below.get(node.key, 0) + 1
    roots = [node for node in tree if node.parent is None]
    parents: list[dict[str, Any]] = (
        [{"key": "", "name": "All of the model", "depth": 0, "leaves": len(leaves)}] if is_whole else []
    )
    parents += [
        {"key": node.key, "name": node.name, "depth": len(tree.path(node.key)) - 1, "leaves": below[node.key]}
        for node in tree
        if node.key in below and node.key in mine and not (is_whole and len(roots) == 1 and node in roots)
    ]
    if not is_whole and not parent and parents:
        parent = parents[0]["key"]
    model_for(services, actor, model, parent)  # refuses what they may not start
    rules = rule_book(services, document).rules
    under = {node.key for node in tree.subtree(parent)[1:]} if parent else set(tree.nodes)
    return {
        "model": {"key": document.key, "name": document.name},
        "parent": parent,
        "parents": parents,
        "leaves": [
            {"key": node.key, "name": node.name, "is_left_out": not names_place(rules[node.key])}
            for node in leaves
            if node.key in under
        ],
    }
