"""Who may take over, and what a choice among them is made by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date, timedelta

import numpy as np

from merestone.app.people_changes.absences import absence_of
from merestone.app.policy import Actor
from merestone.app.ports_people_changes import Person
from merestone.app.services import Services
from merestone.core.routing.ramp import ramp_share
from merestone.core.routing.successors import Leaver, People

WINDOW_DAYS = 90
"""Days after the handover over which leave takes away from capacity."""


def selling(services: Services, day: date) -> dict[int, set[str]]:
    """Return rep id -> territories they sell in from a day on; managers of territories sell nowhere."""
    found: defaultdict[int, set[str]] = defaultdict(set)
    managing: set[int] = set()
    for row in services.models.members().to_pylist():
        if row["valid_to"] is not None and row["valid_to"] <= day:
            continue
        if row["role"] == "manager":
            managing.add(row["rep_id"])
        else:
            found[row["rep_id"]].add(row["territory"])
    return {rep: set() for rep in managing} | dict(found)


def candidates(services: Services, actor: Actor, *, without: int, day: date) -> dict[int, Person]:
    """Return who may take over on a day: seen by the actor, there, selling, and not away for all of the next weeks."""
    people = services.people_changes.people()
    seen = services.visibility.visible_ids(actor, "reps", people)
    at = selling(services, day)
    away = presence(services, people, day)
    leaving = {row.rep_id for row in services.people_changes.departures(states=("draft", "scheduled"))}
    return {
        rep: person
        for rep, person in people.items()
        if rep != without
        and rep in seen
        and rep not in leaving
        and (person.left_on is None or person.left_on > day + timedelta(days=WINDOW_DAYS))
        and at.get(rep) != set()
        and away.get(rep, 1.0) > 0
    }


def presence(services: Services, ids: Collection[int], day: date) -> dict[int, float]:
    """Return rep id -> share of the next weeks they are there; those with leave only."""
    found: dict[int, float] = {}
    for row in services.people_changes.leave(rep_ids=ids, until=day):
        absent = absence_of(row).share_of(day, WINDOW_DAYS)
        found[row.rep_id] = max(0.0, found.get(row.rep_id, 1.0) - absent)
    return found


def capacity_of(person: Person, day: date, *, presence: float = 1.0) -> float | None:
    """Return hours a year somebody can carry on a day, ramp and leave counted; None when not known."""
    if person.capacity_hours is None:
        return None
    return person.capacity_hours * float(ramp_share(person.hired_on, person.ramp_weeks, day)) * presence


def as_people(services: Services, found: Mapping[int, Person], day: date) -> People:
    """Return candidates in columns."""
    loads, at = services.people_changes.loads(), selling(services, day)
    there = presence(services, found, day)
    everybody = list(found.values())
    return People(
        ids=tuple(found),
        load=np.array([loads.get(rep, (0, 0.0))[1] for rep in found], dtype=np.float64),
        capacity=_column([capacity_of(one, day, presence=there.get(one.id, 1.0)) for one in everybody]),
        latitude=_column([one.latitude for one in everybody]),
        longitude=_column([one.longitude for one in everybody]),
        languages=tuple(one.languages for one in everybody),
        industries=tuple(one.industries for one in everybody),
        skills=tuple(one.skills for one in everybody),
        seniority=tuple(one.seniority for one in everybody),
        territories=tuple(frozenset(at.get(rep, ())) for rep in found),
    )


def leaver_of(person: Person) -> Leaver:
    """Return what successors should be like."""
    return Leaver(person.languages | person.industries | person.skills, person.seniority)


def _column(values: list[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
