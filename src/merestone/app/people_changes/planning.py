"""The plan of a departure: for everything the leaver has, somebody who takes it over, with reasons."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from merestone.app.people_changes.access import refused, require_whole
from merestone.app.people_changes.candidates import as_people, candidates, leaver_of
from merestone.app.people_changes.situation import (
    WORK,
    Situation,
    owned_today,
    owners_after,
    paths_of,
    situation_of,
)
from merestone.app.policy import Actor
from merestone.app.ports_people_changes import DepartureRow, Line, Person
from merestone.app.services import Services
from merestone.base.errors import ConflictError, Problem
from merestone.core.model.territory import TerritoryModelDocument
from merestone.core.routing.eligibility import say_date
from merestone.core.routing.successors import Pieces, Telling, share_out

LEAD_HOURS = 1.0
"""What a lead counts for when work is shared out, so that leads do not all fall to one."""
MAX_TEXT = 500
MAX_NAME = 300
MAX_YEARS = 2


def plan_departure(
    services: Services,
    actor: Actor,
    rep_id: int,
    *,
    last_day: date,
    note: str = "",
    deactivates: bool = False,
) -> int:
    """Make the plan of a departure, or make it anew, and return its id; nothing changes hands yet.

    Made anew it keeps what was chosen by hand, as far as it is still there.

    Parameters
    ----------
    last_day : date
        The last day of work, in the company's zone.
    deactivates : bool
        Take away the user's sign-in at the end of that day.

    Raises
    ------
    ForbiddenError
        When the rep has something where the actor does not manage members.
    ConflictError
        ``departure-scheduled``, ``left-already``.
    InvalidInputError
        ``far-date``.
    """
    active = services.models.active()
    document = None if active is None else active[1]
    with services.records.transaction(actor, cause="plan departure"):
        require_whole(services, actor, rep_id, territories=())
        person = services.people_changes.lock_rep(rep_id)
        here = situation_of(services, rep_id)
        require_whole(services, actor, rep_id, territories=here.territories)
        kept = _open_departure(services, person)
        _refuse_far(services, last_day)
        lines = _by_hand_kept(
            services,
            kept,
            suggested_lines(services, actor, person, here, document=document, day=last_day + timedelta(1)),
        )
        row = DepartureRow(
            0 if kept is None else kept.id,
            rep_id,
            last_day,
            "draft",
            note.strip(),
            deactivates,
            here.fingerprint,
            created_by=actor.user_id,
        )
        departure_id = services.people_changes.keep_departure(row)
        services.people_changes.keep_lines(departure_id, lines)
    return departure_id


def _open_departure(services: Services, person: Person) -> DepartureRow | None:
    """Return the draft to write over; raises ConflictError for somebody who leaves or has left."""
    known = services.people_changes.departures(rep_ids=[person.id], states=("draft", "scheduled"))
    if known and known[0].state == "scheduled":
        raise ConflictError(
            f"The departure of {person.name} is scheduled already, for the end of {say_date(known[0].last_day)}.",
            code="departure-scheduled",
            fix="Undo it first, then plan anew.",
        )
    if person.left_on is not None:
        left = services.people_changes.owned_left(person.id)
        if not any(left.values()):
            raise ConflictError(
                f"{person.name} has left already, on {say_date(person.left_on)}, and has nothing left to hand over.",
                code="left-already",
                fix="Clear the day under Edit if that is wrong.",
            )
    return known[0] if known else None


def _refuse_far(services: Services, last_day: date) -> None:
    today = services.clock.today()
    if abs((last_day - today).days) > 366 * MAX_YEARS:
        text = f"{say_date(last_day)} is more than {MAX_YEARS} years away."
        raise refused("No plan was made.", Problem("far-date", text, "Check the year.", where="last_day"))


def _by_hand_kept(services: Services, kept: DepartureRow | None, lines: Sequence[Line]) -> list[Line]:
    """Return the lines with what was chosen by hand in the draft before."""
    before = (
        [] if kept is None else [line for line in services.people_changes.lines(kept.id) if line.is_by_hand]
    )
    chosen = {(line.kind, line.record): line.successor for line in before}
    return [
        replace(line, successor=chosen[line.kind, line.record], is_by_hand=True)
        if (line.kind, line.record) in chosen
        else line
        for line in lines
    ]


def suggested_lines(
    services: Services,
    actor: Actor,
    person: Person,
    here: Situation,
    *,
    document: TerritoryModelDocument | None,
    day: date,
) -> list[Line]:
    """Return a line for everything the leaver has, with the one suggested to take it over.

    Open work at an account or lead of theirs goes along with it; other open work goes to who owns its account. What
    the leaver owns as a territory goes to whoever takes most of its hours, unless somebody else owns it then anyway.
    """
    names = {node.key: node.name for node in document.territories} if document else {}
    after = owners_after(services, person.id, day)
    loose = {table: here.loose(table) for table in WORK}
    given = [row for table in WORK for row in loose[table]]
    needs = [row for row in given if row["place_owner"] in (None, person.id)]
    owned = _vacated(services, here, person, after)
    empty = owned - set(here.owned("accounts").values())
    bundle = _bundle(services, here, names=names, work=needs, territories=empty)
    found = candidates(services, actor, without=person.id, day=day)
    ranked = _ranked(services, bundle, found, person=person, paths=paths_of(document), day=day)
    lines = [*ranked[: bundle.n_records], *_work_lines(loose, ranked, bundle, person)]
    owners = _territory_lines(here, lines, owned=owned, ranked=ranked, bundle=bundle)
    return [*owners, *lines]


def _vacated(services: Services, here: Situation, person: Person, after: Mapping[str, int]) -> set[str]:
    """Return the territories that have no owner once this rep is gone, and had them."""
    mine = owned_today(services, person.id) | {
        row["territory"] for row in here.memberships if row["role"] == "owner"
    }
    return {key for key in mine | here.overlays if key not in after}


@dataclass(frozen=True)
class Bundle:
    """What is to be shared out, accounts first, then leads, then loose work, then territories without accounts."""

    lines: list[Line]
    pieces: Pieces
    n_records: int
    territories: dict[str, int]


def _bundle(
    services: Services,
    here: Situation,
    *,
    names: Mapping[str, str],
    work: Sequence[Mapping[str, Any]],
    territories: Iterable[str],
) -> Bundle:
    along = _along(here)
    lines: list[Line] = []
    columns: dict[str, list[Any]] = defaultdict(list)
    for table in ("accounts", "leads"):
        owned = here.owned(table)
        for row in services.people_changes.facts(table, list(owned)).to_pylist():
            territory = owned[row["id"]]
            lines.append(
                Line(
                    table, row["id"], row["name"][:MAX_NAME], names.get(territory or "", "")[:200],
                    row.get("workload_hours"), row["potential"], along[table][row["id"]],
                )
            )  # fmt: skip
            columns["load"].append(row.get("workload_hours", LEAD_HOURS))
            for name in ("latitude", "longitude", "language", "industry"):
                columns[name].append(row[name])
            columns["products"].append(
                frozenset(word.casefold() for word in row["products_of_interest"] or ())
            )
            columns["territory"].append(territory)
    n_records, last = len(lines), sorted(territories)
    for territory in [*[None] * len(work), *last]:
        columns["load"].append(0.0)
        for name in ("latitude", "longitude", "language", "industry"):
            columns[name].append(None)
        columns["products"].append(frozenset())
        columns["territory"].append(territory)
    for row in work:
        table = "activities" if "opportunity" in row else "opportunities"
        lines.append(_work_line(table, row))
    pieces = Pieces(
        load=_numbers(columns["load"]),
        latitude=_numbers(columns["latitude"]),
        longitude=_numbers(columns["longitude"]),
        language=[(word or "").casefold() for word in columns["language"]],
        industry=[(word or "").casefold() for word in columns["industry"]],
        products=columns["products"],
        territory=columns["territory"],
        ties=(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)),
    )
    at = {key: len(lines) + place for place, key in enumerate(last)}
    return Bundle(lines, pieces, n_records, at)


def _along(here: Situation) -> dict[str, Counter[int]]:
    """Return how much open work comes along with each account and lead."""
    found: dict[str, Counter[int]] = {"accounts": Counter(), "leads": Counter()}
    for table in WORK:
        for account, lead in zip(
            here.work[table]["account"].to_pylist(), here.work[table]["lead"].to_pylist(), strict=True
        ):
            if account is not None:
                found["accounts"][account] += 1
            elif lead is not None:
                found["leads"][lead] += 1
    return found


def _ranked(
    services: Services,
    bundle: Bundle,
    found: Mapping[int, Person],
    *,
    person: Person,
    paths: Mapping[str, Sequence[str]],
    day: date,
) -> list[Line]:
    """Return the lines (and one more per territory without accounts) with who is suggested and why."""
    extra = [Line("territories", 0, key) for key in bundle.territories]
    lines = [*bundle.lines, *extra]
    if not found or not lines:
        why = "" if found else "Nobody you see can take it over."
        return [replace(line, why=why) for line in lines]
    people = as_people(services, found, day)
    pieces = replace(bundle.pieces, ties=_ties(services, bundle, people.ids))
    sharing = share_out(pieces, people, leaver=leaver_of(person), paths=paths)
    telling, ids = Telling(pieces, people, sharing), people.ids
    suggested = []
    for place, line in enumerate(lines):
        first, second = int(sharing.chosen[place]), int(sharing.runner_up[place])
        line = replace(
            line,
            successor=ids[first],
            suggested=ids[first],
            points=round(float(sharing.points[place, first]), 1),
            why=telling.words(place, first)[:MAX_TEXT],
        )
        if second >= 0:
            line = replace(
                line,
                runner_up=ids[second],
                runner_up_points=round(float(sharing.points[place, second]), 1),
                why_not=telling.words(place, second)[:MAX_TEXT],
            )
        suggested.append(line)
    return suggested


def _ties(
    services: Services, bundle: Bundle, people: Sequence[int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    row_of = {line.record: place for place, line in enumerate(bundle.lines) if line.kind == "accounts"}
    at = {rep: place for place, rep in enumerate(people)}
    found: pa.Table = services.people_changes.ties(list(row_of), list(people))
    pairs = zip(found["account"].to_pylist(), found["rep"].to_pylist(), strict=True)
    known = [(row_of[account], at[rep]) for account, rep in pairs]
    rows, columns = zip(*known, strict=True) if known else ((), ())
    counts = np.array(found["n"].to_pylist(), dtype=np.float64)
    return np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64), counts


def _work_line(table: str, row: Mapping[str, Any]) -> Line:
    name = row["name"] or f"{table[:-3]}y {row['id']}".capitalize()
    return Line(table, row["id"], name[:MAX_NAME], potential=row.get("potential"))


def _work_lines(
    loose: Mapping[str, Sequence[Mapping[str, Any]]], ranked: Sequence[Line], bundle: Bundle, person: Person
) -> list[Line]:
    """Return a line per piece of loose work: for who owns its account, else for the one ranked first."""
    ranks = {(line.kind, line.record): line for line in ranked[bundle.n_records : len(bundle.lines)]}
    lines = []
    for table in WORK:
        for row in loose[table]:
            line = ranks.get((table, row["id"])) or _work_line(table, row)
            if row["place_owner"] not in (None, person.id):
                why = "owns the account"
                line = replace(line, successor=row["place_owner"], suggested=row["place_owner"], why=why)
            lines.append(line)
    return lines


def _territory_lines(
    here: Situation,
    lines: Sequence[Line],
    *,
    owned: set[str],
    ranked: Sequence[Line],
    bundle: Bundle,
) -> list[Line]:
    """Return a line per territory the leaver owns: whoever takes most of its hours becomes its owner."""
    hours: defaultdict[str, defaultdict[int, float]] = defaultdict(lambda: defaultdict(float))
    at = here.owned("accounts")
    for line in lines:
        if line.kind == "accounts" and line.successor is not None:
            hours[at[line.record] or ""][line.successor] += line.workload_hours or 1.0
    known = {row["territory"]: (row["territory_id"], row["name"]) for row in here.memberships}
    found = []
    for key in sorted(owned & known.keys()):
        line = Line("territories", known[key][0], known[key][1][:MAX_NAME])
        if hours[key]:
            best, most = min(hours[key].items(), key=lambda pair: (-pair[1], pair[0]))
            share = most / sum(hours[key].values())
            why = f"takes {share:.0%} of its workload" if share < 1 else "takes all its accounts"
            line = replace(line, successor=best, suggested=best, why=why)
        elif key in bundle.territories:
            first = ranked[bundle.territories[key]]
            line = replace(first, kind="territories", record=line.record, name=line.name)
        found.append(line)
    return found


def _numbers(values: Sequence[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
