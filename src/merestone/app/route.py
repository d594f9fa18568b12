"""Routing of leads: match → eligibility → fair turn → owner or queue, each with its reason.

A lead is assigned once: routing a lead that has an owner changes nothing, whatever is retried. Within one call leads
take their turns in the order they came in. An owner the file names goes before all that.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.assign import DESIRED, unplaced
from merestone.app.policy import Actor, Right
from merestone.app.rulebook import RuleBook, rule_book
from merestone.app.services import Services
from merestone.base.interval import Interval
from merestone.core.routing.absence import Absence
from merestone.core.routing.eligibility import Candidate, eligibility
from merestone.core.routing.explain import routing_reason, say_routing
from merestone.core.routing.ramp import full_from, ramp_share
from merestone.core.routing.rotation import Rotation


def route_leads(services: Services, actor: Actor, *, ids: Iterable[int] | None = None) -> dict[str, int]:
    """Route the leads that have no owner yet (among ``ids``); returns ``leads``, ``routed``, ``queued``."""
    actor.require(Right.ASSIGN)
    if not actor.has(Right.ASSIGN, everywhere=True):
        ids = services.visibility.visible_ids(actor, "leads", ids, right=Right.ASSIGN)
    with services.records.transaction(actor, cause="route leads"):
        return place_leads(services, ids=ids)


def place_leads(
    services: Services, *, ids: Iterable[int] | None = None, at: datetime | None = None
) -> dict[str, int]:
    """Give leads without owner their place; the caller holds the transaction."""
    services.records.take_turn("leads")  # a rival may be giving them an owner just now
    at = at or services.clock.now()
    table = unowned(services, services.records.snapshot("leads", ids=None if ids is None else list(ids)))
    active = services.models.active()
    if active is None:
        desired = unplaced(table["id"], "No territory model is active.")
        services.associations.replace("leads", desired, at=at, model_id=None)
        return {"leads": table.num_rows, "routed": 0, "queued": table.num_rows}
    model_id, document = active
    desired = Router(services, rule_book(services, document)).desired(
        table.sort_by([("received_at", "ascending"), ("id", "ascending")])
    )
    services.associations.replace("leads", desired, at=at, model_id=model_id)
    queued = desired["owner"].null_count
    return {"leads": table.num_rows, "routed": table.num_rows - queued, "queued": queued}


def homes(services: Services) -> dict[int, list[str]]:
    """Return rep id -> the active model's territories they are in, in the document's order."""
    found: dict[int, list[str]] = defaultdict(list)
    members = services.models.members()
    for rep_id, territory in zip(
        members["rep_id"].to_pylist(), members["territory"].to_pylist(), strict=True
    ):
        found[rep_id].append(territory)
    return found


def rep_names(services: Services) -> dict[int, str]:
    """Return rep id -> name."""
    reps = services.records.snapshot("reps", columns=["name"])
    return dict(zip(reps["id"].to_pylist(), reps["name"].to_pylist(), strict=True))


def own_leads(services: Services, owners: Mapping[int, int], *, at: datetime) -> int:
    """Give leads the owners a file names; returns how many changed hands. The caller holds the transaction.

    The lead goes to the territory that matches it when the owner is in it, else to the owner's first one. Owners who
    are in no territory get nothing: those leads are routed like all others.
    """
    services.records.take_turn("leads")
    active = services.models.active()
    at_home = homes(services)
    current = services.associations.open_now("leads", ids=list(owners))
    have = dict(zip(current["record"].to_pylist(), current["owner"].to_pylist(), strict=True))
    wanted = {lead: rep for lead, rep in owners.items() if rep in at_home and have.get(lead) != rep}
    if active is None or not wanted:
        return 0
    model_id, document = active
    book = rule_book(services, document)
    table = services.records.snapshot("leads", ids=sorted(wanted))
    names = rep_names(services)
    matched = services.matcher.match(book.ruleset, table)["territory"].to_pylist()
    rows = []
    for lead, territory in zip(table["id"].to_pylist(), matched, strict=True):
        rep = wanted[lead]
        home = territory if territory in at_home[rep] else at_home[rep][0]
        facts = {
            "sentence": f"The imported file names {names[rep]} as the owner, a member of {book.name(home)}."
        }
        rows.append(
            {
                "record": lead,
                "territory": home,
                "owner": rep,
                "is_primary": True,
                "cause": "import",
                "reason": json.dumps(
                    {**facts, "model": document.key, "territory": home, "owner": names[rep]}
                ),
            }
        )
    desired = pa.Table.from_pylist(rows, schema=DESIRED)
    return services.associations.replace("leads", desired, at=at, model_id=model_id)


def unowned(services: Services, table: pa.Table) -> pa.Table:
    """Return the leads that have no owner now."""
    current = services.associations.open_now("leads", ids=table["id"].to_pylist())
    owned = current.filter(pc.is_valid(current["owner"]))["record"].combine_chunks()
    return table.filter(pc.invert(pc.is_in(table["id"], value_set=owned)))


class Router:
    """Takes turns for a batch of leads, on locked rotations."""

    def __init__(self, services: Services, book: RuleBook) -> None:
        self.services = services
        self.book = book
        self.moment = services.clock.now().astimezone(ZoneInfo(services.clock.zone()))
        self.today = self.moment.date()
        self.rep_ids: dict[str, int] = {}
        self.candidates = self._candidates()

    def desired(self, leads: pa.Table) -> pa.Table:
        """Return the places of the leads, in the order given."""
        matched = self.services.matcher.match(self.book.ruleset, leads)
        territories = matched["territory"].to_pylist()
        states = self.services.associations.rotations({key for key in territories if key})
        rotations = {key: Rotation.from_dict(state) for key, state in states.items()}
        rows = [
            self._place(lead, territory, rotations)
            for lead, territory in zip(leads.select(["id", "language"]).to_pylist(), territories, strict=True)
        ]
        self.services.associations.keep_rotations(
            {key: rotation.as_dict() for key, rotation in rotations.items()}
        )
        return pa.Table.from_pylist(rows, schema=DESIRED)

    def _place(
        self, lead: dict[str, Any], territory: str | None, rotations: dict[str, Rotation]
    ) -> dict[str, Any]:
        place = {
            "record": lead["id"],
            "territory": territory,
            "owner": None,
            "is_primary": True,
            "cause": "rule",
        }
        if territory is None:
            sentence = f"No territory of “{self.book.document.name}” matches."
            return {**place, "cause": "default", "reason": json.dumps({"sentence": sentence})}
        choice = eligibility(self.candidates[territory], self.today, language=lead["language"])
        if lead["language"] and not choice.eligible:  # nobody speaks it: better somebody than nobody
            choice = eligibility(self.candidates[territory], self.today)
        standing: tuple[Any, ...] = ()
        chosen = None
        if choice.eligible:
            weights = {candidate.rep: candidate.share for candidate in choice.eligible}
            standing = rotations[territory].standing(weights)
            chosen, rotations[territory] = rotations[territory].take(weights)
        reason = routing_reason(
            territory,
            self.book.clause(territory) or "it is named there",
            eligibility=choice,
            standing=standing,
            chosen=chosen,
            territory_name=self.book.name(territory),
        )
        reason["sentence"] = say_routing(reason)
        return {**place, "owner": self.rep_ids.get(chosen or ""), "reason": json.dumps(reason, default=str)}

    def _candidates(self) -> dict[str, list[Candidate]]:
        away: dict[int, list[Interval[date]]] = defaultdict(list)
        for row in self.services.models.leave().to_pylist():
            absence = Absence(row["starts_on"], row["ends_on"], row["starts_at_noon"], row["ends_at_noon"])
            if (days := absence.as_days(self.moment)) is not None:
                away[row["rep_id"]].append(days)
        found: dict[str, list[Candidate]] = defaultdict(list)
        for row in self.services.models.members().to_pylist():
            self.rep_ids[row["rep"]] = row["rep_id"]
            found[row["territory"]].append(
                Candidate(
                    rep=row["rep"],
                    role=row["role"],
                    member=Interval(row["valid_from"] or date.min, row["valid_to"]),
                    name=row["rep_name"],
                    left_on=row["left_on"],
                    leave=tuple(away[row["rep_id"]]),
                    languages=frozenset(language.casefold() for language in row["languages"] or ()),
                    share=ramp_share(row["hired_on"], row["ramp_weeks"], self.today),
                    full_from=full_from(row["hired_on"], row["ramp_weeks"]),
                )
            )
        return found
