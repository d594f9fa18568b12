"""Leave, cover, departures and their plans as rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from django.db.models import F, Q
from django.utils import timezone

from merestone.app.model_hash import content_hash
from merestone.app.ports_people_changes import CoverRow, DepartureRow, LeaveRow, Line, Person
from merestone.base.errors import NotFoundError
from merestone.db import models as rows
from merestone.db.stores import bulk
from merestone.db.stores.cells import Shape, cell
from merestone.db.stores.failures import translated
from merestone.db.stores.handed_over import HandedOver
from merestone.db.stores.models import ModelStore

LISTS = ("languages", "industries", "skills")
PERSON = (
    "id", "name", "email", "user_id", "manager_id", "home_latitude", "home_longitude", *LISTS, "seniority", "capacity_hours",
    "hired_on", "ramp_weeks", "left_on", "version",
)  # fmt: skip
LINKS = {
    "accounts": "account_id", "leads": "lead_id", "opportunities": "opportunity_id", "activities": "activity_id",
    "territories": "territory_id",
}  # fmt: skip
OF_LINE = (
    "kind", "name", "place", "workload_hours", "potential", "n_open", "points", "runner_up_points", "why", "why_not",
    "is_by_hand",
)  # fmt: skip
PEOPLE_OF_LINE = ("successor", "suggested", "runner_up")
SHAPES = {"workload_hours": Shape.FLOAT, "potential": Shape.MONEY}


class PeopleChangeStore(HandedOver):
    """Implements ``app.ports_people_changes.PeopleChanges``."""

    def people(self, ids: Iterable[int] | None = None) -> dict[int, Person]:
        """Return reps by id."""
        query = rows.Rep.objects.order_by("pk")
        if ids is not None:
            query = query.filter(pk__in=bulk.among(ids))
        return {row["id"]: _person(row) for row in query.values(*PERSON)}

    def lock_rep(self, rep_id: int) -> Person:
        """Return a rep whom nobody else changes before the transaction ends."""
        with translated():
            row = rows.Rep.objects.select_for_update(no_key=True).filter(pk=rep_id).values(*PERSON).first()
        if row is None:
            raise NotFoundError("There is no such record.")
        return _person(row)

    def change_rep(self, rep_id: int, changes: Mapping[str, Any]) -> None:
        """Set ``left_on``, ``hired_on`` or ``ramp_weeks``."""
        with translated():
            rows.Rep.objects.filter(pk=rep_id).update(**changes, **_touched())

    def reassign_reports(self, manager_id: int, to: int | None) -> int:
        """Give those who report to somebody another manager."""
        with translated():
            reports = rows.Rep.objects.filter(manager_id=manager_id).exclude(pk=to or 0)
            return reports.update(manager_id=to, **_touched())

    def leave(self, *, rep_ids: Collection[int] | None = None, until: date | None = None) -> list[LeaveRow]:
        """Return leave by rep and start."""
        query = rows.Leave.objects.order_by("rep_id", "starts_on", "id")
        if rep_ids is not None:
            query = query.filter(rep_id__in=list(rep_ids))
        if until is not None:
            query = query.filter(ends_on__gt=until)
        names = (
            "id",
            "rep_id",
            "starts_on",
            "ends_on",
            "starts_at_noon",
            "ends_at_noon",
            "reason",
            "version",
        )
        return [LeaveRow(**row) for row in query.values(*names)]

    def keep_leave(self, row: LeaveRow) -> int:
        """Insert (id 0) or change a stretch of leave."""
        return _kept(rows.Leave, row)

    def delete_leave(self, ids: Collection[int]) -> int:
        """Delete leave."""
        with translated():
            return rows.Leave.objects.filter(pk__in=list(ids)).delete()[0]

    def covers(
        self,
        *,
        rep_ids: Collection[int] | None = None,
        cover_ids: Collection[int] | None = None,
        until: date | None = None,
    ) -> list[CoverRow]:
        """Return cover by start."""
        query = rows.Cover.objects.order_by("starts_on", "id")
        if rep_ids is not None:
            query = query.filter(rep_id__in=list(rep_ids))
        if cover_ids is not None:
            query = query.filter(cover_id__in=list(cover_ids))
        if until is not None:
            query = query.filter(Q(ends_on=None) | Q(ends_on__gt=until))
        names = ("id", "rep_id", "cover_id", "account_id", "starts_on", "ends_on", "reason", "version")
        return [CoverRow(**row) for row in query.values(*names)]

    def add_covers(self, given: Sequence[CoverRow]) -> list[int]:
        """Insert cover."""
        with translated():
            return [_kept(rows.Cover, row) for row in given]

    def end_covers(self, ids: Collection[int], on: date) -> int:
        """End cover before a day; what would not have begun by then is deleted."""
        query = rows.Cover.objects.filter(pk__in=list(ids))
        with translated():
            n_gone = query.filter(starts_on__gte=on).delete()[0]
            return n_gone + query.filter(starts_on__lt=on).update(ends_on=on, **_touched())

    def memberships(self, rep_id: int) -> list[dict[str, Any]]:
        """Return places in the active model, by position."""
        query = rows.Member.objects.filter(rep_id=rep_id, node__model__state="active")
        found: Any = (
            query.order_by("node__position", "id").values(
                "id", "node_id", "role", "starts_on", "ends_on",
                territory_id=F("node__territory_id"),
                territory=F("node__territory__key"),
                name=F("node__name"),
                is_primary=F("node__type__is_primary"),
            )
        )  # fmt: skip
        return list(found)

    def named_elsewhere(self, rep_id: int) -> list[str]:
        """Return names of models not active nor archived that name this rep as a member."""
        members = rows.Member.objects.filter(rep_id=rep_id).exclude(
            node__model__state__in=("active", "archived")
        )
        return list(
            members.order_by("node__model__name").values_list("node__model__name", flat=True).distinct()
        )

    def end_memberships(self, rep_id: int, on: date) -> list[dict[str, Any]]:
        """End places in the active model on a day; returns what they were."""
        query = rows.Member.objects.filter(Q(ends_on=None) | Q(ends_on__gt=on), rep_id=rep_id)
        query = query.filter(node__model__state="active")
        with translated():
            cells = query.order_by("pk").values("id", "node_id", "rep_id", "role", "starts_on", "ends_on")
            found: list[dict[str, Any]] = [dict(row) for row in cells]
            pks = [row["id"] for row in found]
            mine = rows.Member.objects.filter(pk__in=pks)
            mine.filter(starts_on__gte=on).delete()
            mine.update(ends_on=on, **_touched())
            _told_anew()
        return [{**row, **{name: _iso(row[name]) for name in ("starts_on", "ends_on")}} for row in found]

    def add_owners(self, owners: Mapping[str, int], on: date) -> list[int]:
        """Make people owner members of the active model's territories from a day."""
        nodes = dict(
            rows.TerritoryNode.objects.filter(
                model__state="active", territory__key__in=list(owners)
            ).values_list("territory__key", "id")
        )
        with translated():
            made = [
                rows.Member.objects.create(
                    node_id=nodes[key], rep_id=owners[key], role="owner", starts_on=on
                ).pk
                for key in sorted(owners)
                if key in nodes
            ]
            _told_anew()
        return made

    def restore_memberships(self, before: Sequence[Mapping[str, Any]], added: Collection[int]) -> None:
        """Take back what ``end_memberships`` and ``add_owners`` did."""
        with translated():
            rows.Member.objects.filter(pk__in=list(added)).delete()
            present = set(
                rows.Member.objects.filter(pk__in=[row["id"] for row in before]).values_list("pk", flat=True)
            )
            nodes = set(
                rows.TerritoryNode.objects.filter(pk__in=[row["node_id"] for row in before]).values_list(
                    "pk", flat=True
                )
            )
            for row in before:
                values = {
                    name: row[name] and date.fromisoformat(row[name]) for name in ("starts_on", "ends_on")
                }
                if row["id"] in present:
                    rows.Member.objects.filter(pk=row["id"]).update(**values, **_touched())
                elif row["node_id"] in nodes:
                    kept = {name: row[name] for name in ("node_id", "rep_id", "role")}
                    rows.Member.objects.create(**kept, **values)
            _told_anew()

    def departure(self, departure_id: int, *, is_locked: bool = False) -> DepartureRow | None:
        """Return a departure."""
        query = rows.Departure.objects.filter(pk=departure_id)
        with translated():
            row = (query.select_for_update(no_key=True) if is_locked else query).first()
        return None if row is None else _departure(row)

    def departures(
        self, *, rep_ids: Collection[int] | None = None, states: Collection[str] | None = None
    ) -> list[DepartureRow]:
        """Return departures, the latest last day first."""
        query = rows.Departure.objects.order_by("-last_day", "-id")
        if rep_ids is not None:
            query = query.filter(rep_id__in=list(rep_ids))
        if states is not None:
            query = query.filter(state__in=list(states))
        return [_departure(row) for row in query]

    def keep_departure(self, row: DepartureRow, *, at: datetime | None = None) -> int:  # noqa: ARG002
        """Insert (id 0) or change a departure."""
        values = {
            name: value for name, value in asdict(row).items() if name not in ("id", "version", "created_by")
        }
        with translated():
            if not row.id:
                return rows.Departure.objects.create(**values, created_by_id=row.created_by).pk
            rows.Departure.objects.filter(pk=row.id).update(**values, **_touched())
        return row.id

    def lines(self, departure_id: int) -> list[Line]:
        """Return the lines of a departure's plan, by kind and name."""
        query = rows.Handover.objects.filter(departure_id=departure_id).order_by("kind", "name", "id")
        people = [f"{name}_id" for name in PEOPLE_OF_LINE]
        names = ["id", *OF_LINE, *people, *LINKS.values()]
        return [
            Line(
                id=row["id"],
                record=row[LINKS[row["kind"]]],
                **{name: row[name] for name in OF_LINE},
                **{name: row[f"{name}_id"] for name in PEOPLE_OF_LINE},
            )
            for row in query.values(*names)
        ]

    def keep_lines(self, departure_id: int, lines: Sequence[Line]) -> None:
        """Replace the lines of a plan."""
        with translated():
            rows.Handover.objects.filter(departure_id=departure_id).delete()
            columns: dict[str, list[Any]] = {"departure_id": [departure_id] * len(lines)}
            for kind, link in LINKS.items():
                columns[link] = [line.record if line.kind == kind else None for line in lines]
            for name in OF_LINE:
                shape = SHAPES.get(name)
                values = [getattr(line, name) for line in lines]
                columns[name] = [cell(value, shape) for value in values] if shape else values
            for name in PEOPLE_OF_LINE:
                columns[f"{name}_id"] = [getattr(line, name) for line in lines]
            bulk.insert(rows.Handover, columns, n=len(lines))

    def choose(self, line_ids: Collection[int], successor: int | None) -> int:
        """Set who takes over these lines, by hand."""
        with translated():
            found = rows.Handover.objects.filter(pk__in=bulk.among(line_ids))
            return found.update(successor_id=successor, is_by_hand=True, **_touched())

    def suggest_again(self, line_ids: Collection[int]) -> int:
        """Give these lines the one suggested."""
        with translated():
            found = rows.Handover.objects.filter(pk__in=bulk.among(line_ids))
            return found.update(successor_id=F("suggested_id"), is_by_hand=False, **_touched())


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _touched() -> dict[str, Any]:
    return {"version": F("version") + 1, "updated_at": timezone.now()}


def _kept(model: Any, row: Any) -> int:
    values = {name: value for name, value in asdict(row).items() if name not in ("id", "version")}
    with translated():
        if not row.id:
            return int(model.objects.create(**values).pk)
        model.objects.filter(pk=row.id).update(**values, **_touched())
    return int(row.id)


def _told_anew() -> None:
    """Let the active model's hash say what its members are now."""
    active = ModelStore().active()
    if active is not None:
        told = content_hash(active[1])
        rows.TerritoryModel.objects.filter(pk=active[0]).update(content_hash=told, **_touched())


def _person(row: Mapping[str, Any]) -> Person:
    plain = {
        name: row[name]
        for name in PERSON
        if name not in LISTS and name not in ("home_latitude", "home_longitude")
    }
    words: dict[str, Any] = {
        name: frozenset(str(word).casefold() for word in row[name] or ()) for name in LISTS
    }
    return Person(**plain, **words, latitude=row["home_latitude"], longitude=row["home_longitude"])


def _departure(row: rows.Departure) -> DepartureRow:
    return DepartureRow(
        id=row.pk,
        rep_id=row.rep_id,
        last_day=row.last_day,
        state=row.state,
        note=row.note,
        deactivates=row.deactivates,
        fingerprint=row.fingerprint,
        before=row.before,
        counts=row.counts,
        created_by=row.created_by_id,
        done_at=row.done_at,
        version=row.version,
    )
