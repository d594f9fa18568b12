"""Hands over what a leaver still has, by the lines of the plan, in sets; the caller holds the transaction."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from merestone.app.assign import DESIRED
from merestone.app.people_changes.situation import WORK, Situation, owners_after, situation_of
from merestone.app.ports_people_changes import DepartureRow, Line, Person
from merestone.app.route import place_leads
from merestone.app.services import Services
from merestone.core.routing.eligibility import say_date

TURNS = ("accounts", "leads", "opportunities", "activities")
RULED = frozenset({"rule", "named", "default", "design", "import"})


@dataclass(frozen=True)
class Handing:
    """A departure at the moment it is carried out.

    Parameters
    ----------
    lines : mapping of (str, int) to Line
        By kind and record.
    people : mapping of int to Person
        Everybody the plan names, and who owns territories afterwards.
    owners : mapping of str to int
        Territory -> its owner now that the leaver is gone.
    since : datetime
        The instant at which the leaver's last day ended.
    """

    row: DepartureRow
    leaver: Person
    lines: Mapping[tuple[str, int], Line]
    people: Mapping[int, Person]
    owners: Mapping[str, int]
    since: datetime
    today: date
    model_id: int | None
    model: str
    by: str

    def successor(self, kind: str, record: int, territory: str | None = None) -> int | None:
        """Return who takes something over: as planned if they are still there, else the territory's owner."""
        line = self.lines.get((kind, record))
        if line is not None and (line.successor is None or self.is_there(line.successor)):
            return line.successor
        return self.owners.get(territory or "")

    def is_there(self, rep: int) -> bool:
        left_on = self.people[rep].left_on if rep in self.people else date.min
        return left_on is None or left_on > self.today

    def reason(
        self, kind: str, record: int, successor: int | None, *, territory: str | None
    ) -> dict[str, Any]:
        """Return why somebody has it from now on, to keep with the place."""
        line = self.lines.get((kind, record))
        gone = f"{self.leaver.name}, whose last day was {say_date(self.row.last_day)}"
        if successor is None:
            noun = "account" if kind == "accounts" else "lead"
            sentence = (
                f"It was left by {gone}; nobody was there to take it over, so the {noun} waits in the queue."
            )
        else:
            sentence = f"{self.people[successor].name} took it over from {gone}{self._why(line, successor)}."
        return {
            "sentence": sentence,
            "model": self.model,
            "territory": territory,
            "owner": None if successor is None else self.people[successor].name,
            "by": self.by,
            "departure": self.row.id,
        }

    def _why(self, line: Line | None, successor: int) -> str:
        if line is None:
            return ": it came after the plan was made, and the owner of the territory takes it"
        if line.successor != successor:
            return ": the one planned is not there any more, and the owner of the territory takes it"
        if line.is_by_hand and line.successor != line.suggested:
            return ": chosen by hand"
        return f": {line.why}" if line.why else ""


def handing_of(
    services: Services, row: DepartureRow, leaver: Person, *, lines: Sequence[Line], by: str
) -> Handing:
    """Return the departure at this moment; the leaver's places in the tree have ended already."""
    today = services.clock.today()
    active = services.models.active()
    day = row.last_day + timedelta(days=1)
    return Handing(
        row,
        leaver,
        {(line.kind, line.record): line for line in lines},
        services.people_changes.people(),
        owners_after(services, leaver.id, max(day, today)),
        datetime.combine(day, time(), tzinfo=ZoneInfo(services.clock.zone())),
        today,
        None if active is None else active[0],
        "" if active is None else active[1].key,
        by,
    )


def hand_over(services: Services, now: Handing) -> dict[str, Any]:
    """Give everything the leaver has to others; returns what went where, in numbers.

    Raises
    ------
    AssertionError
        If anything of theirs is left: then nothing is kept.
    """
    here = situation_of(services, now.leaver.id)
    at = services.clock.now()
    counts: dict[str, Any] = {"queued": 0}
    hands: dict[str, dict[int, int | None]] = {}
    for table in ("accounts", "leads"):
        desired, hands[table] = _desired(services, now, here, table)
        services.associations.replace(table, desired, at=at, model_id=now.model_id)
        counts[table] = len(hands[table])
    counts["queued"] = sum(owner is None for owner in hands["accounts"].values())
    waiting = [lead for lead, owner in hands["leads"].items() if owner is None]
    if waiting:
        place_leads(services, ids=waiting, at=at)
    for table in WORK:
        owners = dict(_work_owners(now, here, table, hands))
        services.lifecycle.give(table, owners)
        if table == "opportunities":
            sentence = f"Handed over when {now.leaver.name} left."
            services.lifecycle.tell_ownerships(
                owners, model_id=now.model_id, reason={"sentence": sentence, "departure": now.row.id}
            )
            hands[table] = owners
        counts[table] = len(owners)
    left = services.people_changes.owned_left(now.leaver.id)
    assert not any(left.values()), left
    got = Counter(owner for owner in hands["accounts"].values() if owner is not None)
    counts["successors"] = {str(rep): n for rep, n in got.most_common()}
    return counts


def _desired(
    services: Services, now: Handing, here: Situation, table: str
) -> tuple[pa.Table, dict[int, int | None]]:
    """Return the places as they are to be, and record -> new owner of what changes hands."""
    hands: dict[int, int | None] = {}
    rows = []
    for place in [*here.places[table].to_pylist(), *_lost_meanwhile(services, now, here, table)]:
        rows.append(place)
        record, territory = place["record"], place["territory"]
        is_theirs = place["owner"] == now.leaver.id
        if not is_theirs and not place.get("is_lost"):
            continue
        if not place["is_primary"]:
            place["owner"] = now.owners.get(territory)
            place["reason"] = json.dumps(now.reason("territories", -1, place["owner"], territory=territory))
            continue
        successor = now.successor(table, record, territory)
        reason = now.reason(table, record, successor, territory=territory)
        stands = successor is None or (table == "accounts" and successor == now.owners.get(territory or ""))
        if (
            stands and place["cause"] in RULED
        ):  # the rules and the new owner member say the same: no move by hand
            place["reason"] = json.dumps({**json.loads(place["reason"]), **reason})
        else:
            place["reason"], place["cause"] = json.dumps(reason), "manual"
        place["owner"] = successor
        hands[record] = successor
    return pa.Table.from_pylist(
        [{name: row[name] for name in DESIRED.names} for row in rows], schema=DESIRED
    ), hands


def _lost_meanwhile(services: Services, now: Handing, here: Situation, table: str) -> list[dict[str, Any]]:
    """Return places of planned records that a rule run took from the leaver between the last day's end and now."""
    wanted = {record for kind, record in now.lines if kind == table} - set(
        here.places[table]["record"].to_pylist()
    )
    if not wanted:
        return []
    rows = services.people_changes.places(table, ids=sorted(wanted)).to_pylist()
    lost = {
        row["record"]
        for row in rows
        if row["is_primary"]
        and row["valid_from"] >= now.since
        and row["cause"] in RULED
        and row["owner"] in (None, now.owners.get(row["territory"] or ""))
    }
    return [{**row, "is_lost": row["is_primary"]} for row in rows if row["record"] in lost]


def _work_owners(
    now: Handing, here: Situation, table: str, hands: Mapping[str, Mapping[int, int | None]]
) -> Iterator[tuple[int, int | None]]:
    """Yield open work -> who has it from now on; what nobody takes goes to the leaver's manager."""
    manager = now.leaver.manager_id
    if manager is not None and not now.is_there(manager):
        manager = None
    for row in here.work[table].to_pylist():
        found: int | None = None
        if (table, row["id"]) in now.lines:
            found = now.successor(table, row["id"])
        elif table == "activities" and row["opportunity"] in hands["opportunities"]:
            found = hands["opportunities"][row["opportunity"]]
        elif row["account"] in hands["accounts"]:
            found = hands["accounts"][row["account"]]
        elif row["account"] is not None and row["place_owner"] != now.leaver.id:
            found = row["place_owner"]
        elif row["lead"] in hands["leads"]:
            found = hands["leads"][row["lead"]]
        yield row["id"], manager if found is None else found
