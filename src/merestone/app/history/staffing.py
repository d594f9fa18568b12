"""Who was in a territory when, over all models that were active."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from merestone.app.history.moments import day_of
from merestone.app.history.sight import OTHER_PERSON, sight_of
from merestone.app.policy import Actor, Right
from merestone.app.services import Services
from merestone.base.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class Post:
    """A rep in a territory over half-open dates, as one model has it while it is active.

    Parameters
    ----------
    rep : int or None
        None where the reader may not know who.
    start, end : date or None
        None = from the beginning; until further notice.
    """

    territory: str
    rep: int | None
    rep_name: str
    role: str
    start: date | None
    end: date | None
    model: str
    model_name: str

    def holds(self, day: date) -> bool:
        """Return whether a day lies in it."""
        return (self.start is None or self.start <= day) and (self.end is None or day < self.end)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "territory": self.territory,
            "rep": self.rep,
            "rep_name": self.rep_name,
            "role": self.role,
            "from": self.start,
            "to": self.end,
            "model": self.model,
        }


def posts_of(
    services: Services, actor: Actor, territory: str, *, known: datetime | None = None
) -> list[Post]:
    """Return who was, is and will be in a territory, newest first.

    Neighbouring stretches of one rep in one role read as one, whatever models they come from. Dates within a model
    count only while that model is active.

    Raises
    ------
    NotFoundError
        When the actor does not see the territory.
    """
    actor.require(Right.SEE)
    sight = sight_of(services, actor)
    names = services.history.names(known=known)
    if not sight.shows_territory(territory) or territory not in names.territories:
        raise NotFoundError("There is no such territory, or it is not visible to you.")
    found = services.history.staffing([territory], known=known).to_pylist()
    # What only a plan has is not there for those who do not plan, even if they see every record.
    may_know = found or actor.can(Right.MANAGE_RULES)
    if not may_know and territory not in services.visibility.visible_territories(actor):
        raise NotFoundError("There is no such territory, or it is not visible to you.")
    spans = _spans(services, known=known)
    posts = [
        Post(
            territory=territory,
            rep=row["rep"] if sight.shows_rep(row["rep"]) else None,
            rep_name=names.reps.get(row["rep"], str(row["rep"]))
            if sight.shows_rep(row["rep"])
            else OTHER_PERSON,
            role=row["role"],
            start=start,
            end=end,
            model=row["model"],
            model_name=names.models.get(row["model"], row["model"]),
        )
        for row in found
        for first, last in spans.get(row["model"], ())
        for start, end in (_within(row["starts_on"], row["ends_on"], first, last),)
        if start is None or end is None or start < end
    ]
    return _joined(posts)


def _spans(services: Services, *, known: datetime | None) -> dict[str, list[tuple[date, date | None]]]:
    """Return model key -> days on which it was active, half-open."""
    events = services.history.publications(known=known)
    ends = [day_of(services, at) for at, _ in events[1:]] + [None]
    found: dict[str, list[tuple[date, date | None]]] = {}
    for (at, model), end in zip(events, ends, strict=True):
        if model is not None:
            found.setdefault(model, []).append((day_of(services, at), end))
    return found


def _within(
    start: date | None, end: date | None, first: date, last: date | None
) -> tuple[date | None, date | None]:
    begins = first if start is None else max(start, first)
    ends = last if end is None else end if last is None else min(end, last)
    return begins, ends


def _joined(posts: list[Post]) -> list[Post]:
    """Return the posts newest first, each run of one rep in one role as one."""
    by_person: dict[tuple[str, int | None, str, str], list[Post]] = {}
    for post in sorted(posts, key=lambda post: (post.start or date.min, post.end or date.max)):
        key = (post.territory, post.rep, post.rep_name, post.role)
        run = by_person.setdefault(key, [])
        if (
            run
            and post.rep is not None
            and run[-1].end is not None
            and (post.start or date.min) <= run[-1].end
        ):
            end = None if post.end is None else max(post.end, run[-1].end)
            run[-1] = replace(run[-1], end=end, model=post.model, model_name=post.model_name)
        else:
            run.append(post)
    found = [post for run in by_person.values() for post in run]
    return sorted(found, key=lambda post: (-(post.start or date.min).toordinal(), post.role, post.rep_name))
