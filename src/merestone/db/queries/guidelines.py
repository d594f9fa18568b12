"""Rules of engagement and training as one person sees them, and who has read or done what.

What is written for a territory is for its members and those of territories below, in the active model, today. They read
it also where the territory itself is hidden from them: it is addressed to them. Everybody else reads what belongs to
territories they see. What a planning model brings is hidden from those who do not plan there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from merestone.app.policy import Actor, Right
from merestone.db.models import (
    Acknowledgement,
    Guideline,
    TerritoryModel,
    TerritoryNode,
    TrainingDone,
    TrainingItem,
)
from merestone.db.queries import scope
from merestone.db.queries.company import company_day

LEADING = (Right.ASSIGN, Right.MANAGE_MEMBERS, Right.MANAGE_RULES)
"""Whoever has one of these on a territory sees who there has read and done what."""
WRITING = (Right.MANAGE_MEMBERS, Right.MANAGE_RULES)
"""Whoever has one of these on a territory writes its rules of engagement and training."""


@dataclass(frozen=True, slots=True)
class Member:
    """A user who sells, and where they are a member today.

    Parameters
    ----------
    places : tuple of (tuple of str, str)
        Keys from the root down to each territory, and the role there.
    """

    user_id: int
    name: str
    email: str
    places: tuple[tuple[tuple[str, ...], str], ...]

    def is_in(self, territory: str | None, *, roles: Sequence[str] = ()) -> bool:
        """Return whether they are a member of a territory or below it (None: anywhere), in one of the roles."""
        return any(
            (territory is None or territory in path) and (not roles or role in roles)
            for path, role in self.places
        )


@dataclass(frozen=True, slots=True)
class Paper:
    """One version of rules of engagement.

    Parameters
    ----------
    number : int
        Counts from 1 within its place, in the order of coming into force.
    """

    id: int
    kind: str
    territory: str | None
    model: str | None
    name: str
    number: int
    text: str
    must_be_acknowledged: bool
    at: datetime
    author: str
    is_in_force: bool
    acknowledged_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """True when it still asks to be acknowledged by the one it was read for."""
        return (
            self.is_in_force
            and self.must_be_acknowledged
            and bool(self.text)
            and self.acknowledged_at is None
        )


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody a text or an item is for, and when they read or did it."""

    user_id: int
    name: str
    email: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Lesson:
    """A training item, and how one person or those one leads stand with it."""

    item: TrainingItem
    done_at: datetime | None = None
    is_mine: bool = False
    is_overdue: bool = False
    people: tuple[Reader, ...] = field(default=())

    @property
    def n_done(self) -> int:
        """How many have done it."""
        return sum(one.at is not None for one in self.people)

    @property
    def missing(self) -> tuple[Reader, ...]:
        """Those who have not."""
        return tuple(one for one in self.people if one.at is None)


def members(*, user_id: int | None = None, today: date | None = None) -> list[Member]:
    """Return the active users who are members of the active model today (1 query)."""
    rows = scope.current_members(today or company_day()).filter(rep__user__is_active=True)
    if user_id is not None:
        rows = rows.filter(rep__user_id=user_id)
    found: dict[int, tuple[str, str, list[tuple[tuple[str, ...], str]]]] = {}
    values = rows.order_by("rep__name", "rep_id", "id").values_list(
        "rep__user_id", "rep__user__name", "rep__user__email", "node__path", "role"
    )
    for pk, name, email, path, role in values:
        found.setdefault(pk, (name or email, email, []))[2].append((tuple(path.rstrip("/").split("/")), role))
    return [Member(pk, name, email, tuple(places)) for pk, (name, email, places) in found.items()]


def in_force_first(rows: QuerySet[Guideline]) -> QuerySet[Guideline]:
    """Return versions with ``since``, the instant they came into force, the newest first."""
    return (
        rows.annotate(since=Coalesce("model__activated_at", "created_at"))
        .select_related("territory", "model", "created_by")
        .order_by("-since", "-number", "-pk")
    )


# A model's own text is in force while the model is active; what it brought for a territory stays until a newer one.
CAME_INTO_FORCE = Q(model=None) | Q(model__state="active") | Q(model__activated_at__isnull=False)


def came_into_force() -> QuerySet[Guideline]:
    """Return every version that is or was in force, the newest first."""
    return in_force_first(Guideline.objects.filter(CAME_INTO_FORCE))


def papers(rows: Iterable[Any], *, user_id: int | None = None) -> list[Paper]:
    """Return versions (all of their places, the newest first) with numbers and what a user acknowledged (1 query)."""
    listed = list(rows)
    read: dict[int, datetime] = {}
    if user_id is not None:
        own = Acknowledgement.objects.filter(user_id=user_id, guideline_id__in=[row.pk for row in listed])
        read = dict(own.values_list("guideline_id", "at"))
    by_place: dict[tuple[int | None, int | None], list[Any]] = {}
    for row in listed:
        by_place.setdefault(_place(row), []).append(row)
    found = []
    for place in by_place.values():
        for index, row in enumerate(place):
            found.append(
                Paper(
                    id=row.pk,
                    kind="territory" if row.territory_id else "model" if row.model_id else "company",
                    territory=row.territory.key if row.territory_id else None,
                    model=row.model.key if row.model_id and not row.territory_id else None,
                    name=_name(row),
                    number=len(place) - index,
                    text=row.body,
                    must_be_acknowledged=row.must_be_acknowledged,
                    at=row.since,
                    author=str(row.created_by) if row.created_by_id else "",
                    is_in_force=index == 0
                    and (row.territory_id is not None or row.model_id is None or row.model.state == "active"),
                    acknowledged_at=read.get(row.pk),
                )
            )
    return found


def _place(row: Any) -> tuple[int | None, int | None]:
    return (row.territory_id, None) if row.territory_id else (None, row.model_id)


def _name(row: Any) -> str:
    if row.territory_id:
        return str(row.territory.name)
    return str(row.model.name) if row.model_id else "The whole company"


def seen(actor: Actor) -> QuerySet[Guideline]:
    """Return the versions the actor may read, the newest first: of territories they see or work below, of the active
    model, of the company; to planners of everything also those of other models."""
    if actor.has(Right.MANAGE_RULES, everywhere=True):
        return in_force_first(Guideline.objects.filter(CAME_INTO_FORCE | Q(territory=None)))
    rows = came_into_force()
    visible = scope.visible_nodes(actor).order_by().values("territory_id")
    above = {key for member in _self(actor) for path, _ in member.places for key in path}
    mine = Q(territory_id__in=visible) | Q(territory__key__in=above)
    return rows.filter(mine | Q(territory=None, model=None) | Q(territory=None, model__state="active"))


def _self(actor: Actor) -> list[Member]:
    return [] if actor.user_id is None else members(user_id=actor.user_id, today=scope.day(actor))


def concerning(actor: Actor) -> list[Paper]:
    """Return the texts in force that are for the actor: the company's, the model's, then territories from the top down."""
    me = next(iter(_self(actor)), None)
    if me is None:
        return []
    depths = {key: depth for path, _ in me.places for depth, key in enumerate(path)}
    rows = came_into_force().filter(
        Q(territory__key__in=depths)
        | Q(territory=None, model=None)
        | Q(territory=None, model__state="active")
    )
    found = [one for one in papers(rows, user_id=actor.user_id) if one.is_in_force and one.text]
    order = {"company": 0, "model": 1, "territory": 2}
    return sorted(found, key=lambda one: (order[one.kind], depths.get(one.territory or "", 0), one.name))


def versions(actor: Actor, *, territory: str | None = None, model: str | None = None) -> list[Paper]:
    """Return all versions of one place that the actor may read, the newest first."""
    rows = seen(actor).filter(**_which(territory, model))
    return papers(rows, user_id=actor.user_id)


def _which(territory: str | None, model: str | None) -> dict[str, Any]:
    if territory is not None:
        return {"territory__key": territory}
    return {"territory": None} | ({"model": None} if model is None else {"model__key": model})


def paper(actor: Actor, version_id: int) -> tuple[Paper, list[Paper]] | None:
    """Return a version the actor may read, and all versions of its place; None when it is missing or hidden."""
    row = seen(actor).filter(pk=version_id).first()
    if row is None:
        return None
    place = (
        {"territory_id": row.territory_id}
        if row.territory_id
        else {"territory": None, "model_id": row.model_id}
    )
    rows = papers(seen(actor).filter(**place), user_id=actor.user_id)
    return next((one, rows) for one in rows if one.id == version_id)


def over(actor: Actor, node: TerritoryNode) -> list[Paper]:
    """Return the texts in force for a territory the actor sees, from the company's down to its own, as far as they may
    read them."""
    path = node.path.rstrip("/").split("/")
    rows = seen(actor).filter(
        Q(territory__key__in=path) | Q(territory=None, model=None) | Q(territory=None, model_id=node.model_id)
    )
    found = [one for one in papers(rows, user_id=actor.user_id) if one.is_in_force and one.text]
    order = {"company": -2, "model": -1}
    return sorted(
        found, key=lambda one: order.get(one.kind, path.index(one.territory) if one.territory else 0)
    )


def is_concerned(actor: Actor, found: Paper) -> bool:
    """Return whether a text is for the actor."""
    return any(found.territory is None or me.is_in(found.territory) for me in _self(actor))


def led(actor: Actor) -> set[str] | None:
    """Return the keys of the active model's territories whose people the actor leads; None: all of the company."""
    if any(actor.can(right, everywhere=True) for right in LEADING):
        return None
    return _keys(actor, LEADING)


def written(actor: Actor) -> set[str] | None:
    """Return the keys of territories whose rules of engagement and training the actor writes; None: all."""
    if any(actor.can(right, everywhere=True) for right in WRITING):
        return None
    return _keys(actor, WRITING)


def _keys(actor: Actor, rights: Sequence[Right]) -> set[str]:
    found: set[str] = set()
    for right in rights:
        if actor.can(right):
            found |= set(
                scope.visible_nodes(actor, right).order_by().values_list("territory__key", flat=True)
            )
    return found


def _people(actor: Actor) -> list[Member]:
    """Return the members the actor leads."""
    keys = led(actor)
    if keys is not None and not keys:
        return []
    everybody = members(today=scope.day(actor))
    if keys is None:
        return everybody
    return [one for one in everybody if any(path[-1] in keys for path, _ in one.places)]


def readers(actor: Actor, found: Paper) -> list[Reader]:
    """Return those a text is for whom the actor leads, those who have not acknowledged it first (2 to 5 queries)."""
    people = [one for one in _people(actor) if one.is_in(found.territory)]
    read = dict(Acknowledgement.objects.filter(guideline_id=found.id).values_list("user_id", "at"))
    return _sorted(Reader(one.user_id, one.name, one.email, read.get(one.user_id)) for one in people)


def _sorted(found: Iterable[Reader]) -> list[Reader]:
    return sorted(found, key=lambda one: (one.at is not None, one.name.casefold(), one.user_id))


def overview(actor: Actor) -> list[tuple[Paper, int, int]]:
    """Return the texts in force that ask the actor's people, with how many of these have acknowledged, and how many
    are asked (a fixed number of queries)."""
    people = _people(actor)
    if not people:
        return []
    found = [one for one in papers(seen(actor)) if one.is_in_force and one.text and one.must_be_acknowledged]
    pairs = Acknowledgement.objects.filter(guideline_id__in=[one.id for one in found])
    read = set(pairs.values_list("guideline_id", "user_id"))
    lines = []
    for one in found:
        asked = [person.user_id for person in people if person.is_in(one.territory)]
        if asked:
            lines.append((one, sum((one.id, pk) in read for pk in asked), len(asked)))
    return lines


def places(actor: Actor) -> list[TerritoryNode]:
    """Return the territories of the active model the actor writes for, in tree order."""
    keys = written(actor)
    nodes = scope.visible_nodes(actor)
    return list(nodes if keys is None else nodes.filter(territory__key__in=keys))


def active_model() -> TerritoryModel | None:
    """Return the active model."""
    return TerritoryModel.objects.filter(state="active").first()


# --- training ---------------------------------------------------------------------------------------------------------


def items(actor: Actor, *, is_retired: bool = False) -> QuerySet[TrainingItem]:
    """Return the training items the actor may look at: the company's, those for them, those of territories they see."""
    rows = TrainingItem.objects.select_related("territory", "created_by").order_by(
        F("due_on").asc(nulls_last=True), "pk"
    )
    if not is_retired:
        rows = rows.filter(retired_at=None)
    if actor.sees_all:
        return rows
    visible = scope.visible_nodes(actor).order_by().values("territory_id")
    above = {key for member in _self(actor) for path, _ in member.places for key in path}
    return rows.filter(Q(territory=None) | Q(territory_id__in=visible) | Q(territory__key__in=above))


def lessons(actor: Actor, *, is_retired: bool = False) -> list[Lesson]:
    """Return the items with how the actor and those they lead stand (a fixed number of queries)."""
    rows = list(items(actor, is_retired=is_retired))
    me, people = next(iter(_self(actor)), None), _people(actor)
    done = {
        (item, user): at
        for item, user, at in TrainingDone.objects.filter(item_id__in=[row.pk for row in rows]).values_list(
            "item_id", "user_id", "at"
        )
    }
    today = scope.day(actor)
    found = []
    for row in rows:
        territory, roles = row.territory.key if row.territory else None, row.roles
        mine = me is not None and me.is_in(territory, roles=roles)
        at = done.get((row.pk, actor.user_id or 0))
        late = row.due_on is not None and row.due_on < today and row.retired_at is None
        asked = _sorted(
            Reader(one.user_id, one.name, one.email, done.get((row.pk, one.user_id)))
            for one in people
            if one.is_in(territory, roles=roles)
        )
        found.append(Lesson(row, at, mine, late, tuple(asked)))
    return found


def to_do(actor: Actor) -> list[Lesson]:
    """Return the items the actor has yet to do, the next due first."""
    if actor.rep_id is None:
        return []
    return [one for one in lessons_of(actor) if one.done_at is None]


def lessons_of(actor: Actor) -> list[Lesson]:
    """Return the items that are for the actor (3 queries at most)."""
    me = next(iter(_self(actor)), None)
    if me is None:
        return []
    rows = TrainingItem.objects.filter(retired_at=None).select_related("territory")
    done = dict(TrainingDone.objects.filter(user_id=me.user_id).values_list("item_id", "at"))
    today = scope.day(actor)
    return [
        Lesson(row, done.get(row.pk), True, row.due_on is not None and row.due_on < today)
        for row in rows.order_by(F("due_on").asc(nulls_last=True), "pk")
        if me.is_in(row.territory.key if row.territory else None, roles=row.roles)
    ]
