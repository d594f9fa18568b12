"""Who manages the territories of a scenario: the nearest managers above in the tree, else the owner's own manager."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from merestone.app.difference.owners import Reps
from merestone.app.ports_scenarios import ScenarioRow
from merestone.app.scenarios.access import PART
from merestone.app.services import Services
from merestone.core.model.territory import TerritoryModelDocument

Managers = tuple[tuple[int, str], ...]


def managers_of(
    services: Services,
    document: TerritoryModelDocument,
    row: ScenarioRow,
    territories: list[Mapping[str, Any]],
) -> list[Managers]:
    """Return (id, name) of the managers of each territory on the model's first day, by name.

    A scenario of a part of the tree names nobody above that part: whoever plans it need not see them.
    """
    reps = Reps(services.models.reps())
    today = services.clock.today()
    day = max(today, document.effective or today)
    found = [_in_tree(document, reps, one["key"], top=row.parent, day=day) for one in territories]
    lacking = {one["owner_id"] for one, has in zip(territories, found, strict=True) if not has}
    if row.sight == PART or lacking <= {None}:
        return found
    people = services.people_changes.people({rep for rep in lacking if rep is not None})
    above = {key: person.manager_id for key, person in people.items() if person.manager_id is not None}
    return [
        has or (((above[one["owner_id"]], reps.names.get(above[one["owner_id"]], "")),)
        if one["owner_id"] in above else ())
        for one, has in zip(territories, found, strict=True)
    ]  # fmt: skip


def _in_tree(document: TerritoryModelDocument, reps: Reps, key: str, *, top: str, day: Any) -> Managers:
    if key not in document.tree.nodes:
        return ()
    for node in reversed(document.tree.path(key)):
        held = {
            reps.by_label[one.rep.lower()][1]
            for one in node.members
            if one.role == "manager" and one.is_active(day) and one.rep.lower() in reps.by_label
        }
        if held:
            return tuple(sorted(((rep, reps.names[rep]) for rep in held), key=lambda one: (one[1], one[0])))
        if node.key == top:
            break
    return ()
