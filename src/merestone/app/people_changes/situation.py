"""What a leaver has, read in one go, and one short text that tells whether it is still the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.assign import owners_today
from merestone.app.services import Services
from merestone.core.model.team import owner_on
from merestone.core.model.territory import TerritoryModelDocument

KINDS = ("territories", "accounts", "leads", "opportunities", "activities")
WORK = ("opportunities", "activities")


@dataclass(frozen=True)
class Situation:
    """What somebody has at an instant.

    Parameters
    ----------
    places : mapping of str to pa.Table
        ``accounts`` and ``leads`` -> all open associations of the records of which they own any.
    work : mapping of str to pa.Table
        ``opportunities`` and ``activities`` -> what is open and theirs.
    memberships : list of dict
        Their places in the active model.
    """

    rep_id: int
    places: Mapping[str, pa.Table]
    work: Mapping[str, pa.Table]
    memberships: list[dict[str, Any]]

    def owned(self, table: str) -> dict[int, str | None]:
        """Return record -> territory of what they own as the one primary owner."""
        found = self.places[table]
        mine = found.filter(
            pc.and_(found["is_primary"], pc.fill_null(pc.equal(found["owner"], self.rep_id), False))
        )
        return dict(zip(mine["record"].to_pylist(), mine["territory"].to_pylist(), strict=True))

    @property
    def overlays(self) -> set[str]:
        """Territories in which they own associations on top."""
        found = self.places["accounts"]
        on_top = pc.and_(
            pc.invert(found["is_primary"]), pc.fill_null(pc.equal(found["owner"], self.rep_id), False)
        )
        return set(found.filter(on_top)["territory"].to_pylist())

    @property
    def territories(self) -> set[str | None]:
        """Every territory they own something in or are a member of."""
        mine = {key for table in self.places for key in self.owned(table).values()}
        return mine | self.overlays | {row["territory"] for row in self.memberships}

    def loose(self, table: str) -> list[dict[str, Any]]:
        """Return open work that does not come along with an account or lead of theirs."""
        accounts, leads = self.owned("accounts"), self.owned("leads")
        found = []
        for row in self.work[table].to_pylist():
            at_lead = row["account"] is None and row["lead"] in leads
            if row["account"] not in accounts and not at_lead:
                found.append(row)
        if table == "activities":  # it goes where its opportunity goes
            held = set(self.work["opportunities"]["id"].to_pylist())
            found = [row for row in found if row["opportunity"] not in held]
        return found

    @property
    def fingerprint(self) -> str:
        """A text that differs whenever accounts, leads, opportunities or places came, went or changed hands.

        Activities are left out: they come and go all day, and go where the rest goes.
        """
        told = {
            table: sorted(zip(found["record"].to_pylist(), found["id"].to_pylist(), strict=True))
            for table, found in self.places.items()
        }
        members = sorted(
            (row["id"], row["role"], str(row["starts_on"]), str(row["ends_on"])) for row in self.memberships
        )
        work = sorted(self.work["opportunities"]["id"].to_pylist())
        text = json.dumps([told["accounts"], told["leads"], members, work])
        return hashlib.sha256(text.encode()).hexdigest()


def situation_of(services: Services, rep_id: int) -> Situation:
    """Return what somebody has now; inside a transaction nobody else changes it before its end."""
    store = services.people_changes
    return Situation(
        rep_id,
        {table: store.places(table, owner=rep_id) for table in ("accounts", "leads")},
        {table: store.open_work(table, rep_id) for table in WORK},
        store.memberships(rep_id),
    )


def owners_after(services: Services, rep_id: int, day: date) -> dict[str, int]:
    """Return territory -> owner (rep id) on a day, as members stand now but without this rep."""
    members = services.models.members()
    people = dict(zip(members["rep"].to_pylist(), members["rep_id"].to_pylist(), strict=True))
    others = members.filter(pc.not_equal(members["rep_id"], rep_id))
    found = owner_on(others, day)
    return {row["territory"]: people[row["owner"]] for row in found.to_pylist()}


def owned_today(services: Services, rep_id: int) -> set[str]:
    """Return the territories whose owner today is this rep."""
    return {key for key, (owner, _) in owners_today(services).items() if owner == rep_id}


def paths_of(document: TerritoryModelDocument | None) -> dict[str, tuple[str, ...]]:
    """Return territory -> keys from the root down to it."""
    paths: dict[str, tuple[str, ...]] = {}
    for node in document.tree if document is not None else ():
        paths[node.key] = (*paths.get(node.parent or "", ()), node.key)
    return paths
