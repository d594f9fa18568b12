"""A plan to look at: what it holds, and what it does to those who take over."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from merestone.app.people_changes.access import held_departure
from merestone.app.people_changes.candidates import capacity_of, presence
from merestone.app.people_changes.situation import situation_of
from merestone.app.policy import Actor
from merestone.app.ports_people_changes import DepartureRow, Line, Person
from merestone.app.services import Services
from merestone.core.routing.ramp import full_from, ramp_share


@dataclass(frozen=True, slots=True)
class Balance:
    """Somebody's load before and after.

    Parameters
    ----------
    accounts : int
        How many more they get.
    before, after : float
        Hours a year of the accounts they own.
    capacity : float or None
        Hours a year they can carry then, ramp and leave counted; None when not known.
    ramp : float
        Share of a full load on the day of the handover.
    """

    rep_id: int
    name: str
    accounts: int
    leads: int
    before: float
    after: float
    capacity: float | None
    ramp: float = 1.0
    full_from: date | None = None

    @property
    def use_before(self) -> float | None:
        """Load over capacity."""
        return self.before / self.capacity if self.capacity else None

    @property
    def use_after(self) -> float | None:
        """Load over capacity."""
        return self.after / self.capacity if self.capacity else None

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        names = (
            "rep_id",
            "name",
            "accounts",
            "leads",
            "before",
            "after",
            "capacity",
            "use_before",
            "use_after",
        )
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Plan:
    """A departure with its lines.

    Parameters
    ----------
    counts : mapping of str to int
        Lines by kind.
    queued : int
        Accounts nobody takes over.
    balances : list of Balance
        Those who take something over, the most hours first.
    is_fresh : bool
        Whether the leaver still has what the plan was made from; always true of what is not in planning.
    named_in : list of str
        Models in planning, review or scheduled that still name the leaver.
    """

    row: DepartureRow
    rep: Person
    lines: list[Line]
    people: Mapping[int, Person]
    balances: list[Balance]
    counts: Mapping[str, int]
    queued: int
    is_fresh: bool
    named_in: list[str]

    @property
    def by_hand(self) -> int:
        """Lines chosen by hand."""
        return sum(line.is_by_hand for line in self.lines)


def show(services: Services, actor: Actor, departure_id: int) -> Plan:
    """Return a departure's plan; NotFoundError when there is none, or its rep is not the actor's to manage."""
    row = held_departure(services, actor, departure_id)
    lines = services.people_changes.lines(row.id)
    people = services.people_changes.people()
    is_fresh = row.state != "draft" or situation_of(services, row.rep_id).fingerprint == row.fingerprint
    return Plan(
        row,
        people[row.rep_id],
        lines,
        people,
        _balances(services, row, lines, people),
        Counter(line.kind for line in lines),
        sum(line.kind == "accounts" and line.successor is None for line in lines),
        is_fresh,
        services.people_changes.named_elsewhere(row.rep_id) if row.state == "draft" else [],
    )


def _balances(
    services: Services, row: DepartureRow, lines: list[Line], people: Mapping[int, Person]
) -> list[Balance]:
    day = row.last_day + timedelta(days=1)
    hours: defaultdict[int, float] = defaultdict(float)
    n_of: dict[str, Counter[int]] = {"accounts": Counter(), "leads": Counter()}
    for line in lines:
        if line.successor is not None and line.kind in n_of:
            n_of[line.kind][line.successor] += 1
            hours[line.successor] += line.workload_hours or 0.0
    loads = services.people_changes.loads()
    there = presence(services, set(hours), day)
    found = []
    for rep, more in hours.items():
        now, person = loads.get(rep, (0, 0.0))[1], people[rep]
        before = now - more if row.state == "done" else now
        found.append(
            Balance(
                rep, person.name, n_of["accounts"][rep], n_of["leads"][rep], before, before + more,
                capacity_of(person, day, presence=there.get(rep, 1.0)),
                float(ramp_share(person.hired_on, person.ramp_weeks, day)),
                full_from(person.hired_on, person.ramp_weeks),
            )
        )  # fmt: skip
    return sorted(found, key=lambda one: (one.before - one.after, one.name))


def plan_table(plan: Plan) -> pa.Table:
    """Return the lines of a plan for a file, people by name."""
    names = {rep: person.name for rep, person in plan.people.items()}
    plain = ("kind", "record", "name", "place", "workload_hours", "potential", "n_open")
    columns: dict[str, list[Any]] = {name: [getattr(line, name) for line in plan.lines] for name in plain}
    for name in ("successor", "suggested", "runner_up"):
        columns[name] = [names.get(getattr(line, name) or 0) for line in plan.lines]
    for name in ("points", "runner_up_points", "why", "why_not", "is_by_hand"):
        columns[name] = [getattr(line, name) for line in plan.lines]
    return pa.table(columns)
