"""Who owns the territories of a model that need not be active."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import pyarrow as pa

from merestone.app.services import Services
from merestone.base.errors import InvalidInputError
from merestone.core.model.team import MEMBERS_SCHEMA, owner_on
from merestone.core.model.territory import TerritoryModelDocument
from merestone.core.rules.audit import unknown_reps


@dataclass(frozen=True)
class Reps:
    """The company's reps.

    Parameters
    ----------
    table : pa.Table
        As ``Models.reps`` gives it.
    """

    table: pa.Table

    @cached_property
    def names(self) -> dict[int, str]:
        """Rep id -> name."""
        return dict(zip(self.table["rep_id"].to_pylist(), self.table["rep_name"].to_pylist(), strict=True))

    @cached_property
    def by_label(self) -> Mapping[str, tuple[str, int, object]]:
        """Return what documents may call a rep -> (lasting label, id, day of leaving)."""
        columns = [self.table[name].to_pylist() for name in ("label", "rep", "rep_id", "left_on")]
        return {label: (rep, rep_id, left_on) for label, rep, rep_id, left_on in zip(*columns, strict=True)}


def owners_of(
    services: Services, document: TerritoryModelDocument, reps: Reps, *, day: date | None = None
) -> dict[str, int]:
    """Return territory key -> rep id of the owner the territory would have on a day; default: today.

    Raises
    ------
    InvalidInputError
        With every member who is no known rep: such a document cannot be applied.
    """
    known = reps.by_label
    refuse_unknown(document, known)
    rows = [
        (node.key, rep, member.role, member.start, member.end, left_on)
        for node in document.territories
        for member in node.members
        for rep, _, left_on in (known[member.rep.lower()],)
    ]
    columns = list(zip(*rows, strict=True)) or [()] * len(MEMBERS_SCHEMA)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, MEMBERS_SCHEMA.types, strict=True)]
    owners = owner_on(pa.table(arrays, schema=MEMBERS_SCHEMA), day or services.clock.today())
    ids = {rep: rep_id for rep, rep_id, _ in known.values()}
    return {row["territory"]: ids[row["owner"]] for row in owners.to_pylist()}


def with_lasting_names(document: TerritoryModelDocument, reps: Reps) -> TerritoryModelDocument:
    """Return the document as it comes back once saved: each rep under the one name that lasts."""
    known = reps.by_label
    nodes = tuple(
        replace(
            node,
            members=tuple(
                replace(member, rep=known.get(member.rep.lower(), (member.rep,))[0])
                for member in node.members
            ),
        )
        if node.members
        else node
        for node in document.territories
    )
    return document if nodes == document.territories else replace(document, territories=nodes)


def refuse_unknown(document: TerritoryModelDocument, known: Mapping[str, object]) -> None:
    """Raise InvalidInputError when some members are not known as reps."""
    problems = unknown_reps(document, known)
    if problems:
        raise InvalidInputError("Some members are not known as reps.", problems)
