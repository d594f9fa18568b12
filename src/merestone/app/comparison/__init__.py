"""Two territory models side by side: what the documents say differently, and what that moves.

A side is a model, or a model on a day: ``fy27`` or ``fy27@2026-06-30``, with the content it had at the end of that day
and the owners of that day. Without a day, owners are today's; of a model yet to come, those of its first day; of an
archived one, those of its last. Both sides are matched against today's accounts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pyarrow as pa

from merestone.app.access.places import plans_whole, trimmed
from merestone.app.comparison.content import TerritoryChange, changes_between, members_between
from merestone.app.comparison.sums import sums_by_rep, sums_by_territory
from merestone.app.difference import Difference, Side, Sides, compared
from merestone.app.difference.answer import plain_rows
from merestone.app.difference.limited import limited, sight_of
from merestone.app.difference.owners import Reps, owners_of
from merestone.app.history.moments import day_of, end_of
from merestone.app.policy import Actor, Right
from merestone.app.rulebook import rule_book
from merestone.app.services import Services
from merestone.base.errors import NotFoundError, UsageError
from merestone.core.model.territory import TerritoryModelDocument

__all__ = ["Chosen", "Comparison", "TerritoryChange", "compare", "read_side"]

SIDE = re.compile(r"^(?P<key>[^@\s]{1,100})(?:@(?P<day>\d{4}-\d{2}-\d{2}))?$")


@dataclass(frozen=True, slots=True)
class Chosen:
    """One side of a comparison, as somebody chose it.

    Parameters
    ----------
    key : str
        Of the model.
    day : date or None
        Its content and owners at the end of this day; None = as they are now.
    """

    key: str
    day: date | None = None

    def __str__(self) -> str:
        return self.key if self.day is None else f"{self.key}@{self.day}"


@dataclass(frozen=True)
class Comparison:
    """Two models side by side.

    Parameters
    ----------
    before, after : Chosen
    documents : pair of TerritoryModelDocument
    territories : list of TerritoryChange
        Those that differ, in the order of the documents.
    members : list of dict
        ``territory``, ``rep``, ``role``, ``from``, ``to``, ``change`` (``in``, ``out`` or ``dates``).
    days : pair of date
        Whose owners count on either side.
    difference : Difference
        Accounts that move, with reasons.
    by_territory, by_rep : pa.Table
        ``comparison.sums``.
    sides : Sides
        Where every account is.
    """

    before: Chosen
    after: Chosen
    documents: tuple[TerritoryModelDocument, TerritoryModelDocument]
    territories: list[TerritoryChange]
    members: list[dict[str, Any]]
    days: tuple[date, date]
    difference: Difference
    by_territory: pa.Table
    by_rep: pa.Table
    sides: Sides = field(repr=False)

    @property
    def counts(self) -> dict[str, int]:
        """How many territories were added, removed, renamed, moved, or have another rule; and people in and out."""
        kinds = ("added", "removed", "renamed", "moved", "rule", "priority", "named")
        found = {kind: sum(kind in change.kinds for change in self.territories) for kind in kinds}
        people = {
            f"members_{way}": sum(member["change"] == way for member in self.members)
            for way in ("in", "out", "dates")
        }
        return {**found, **people}

    @property
    def is_same(self) -> bool:
        """Whether neither content nor accounts differ."""
        return not self.territories and not self.members and not len(self.difference)

    def as_dict(self, *, limit: int | None = None, with_accounts: bool = True) -> dict[str, Any]:
        """Return JSON values, at most ``limit`` accounts."""
        moves = self.difference.as_dict(limit=limit)
        return {
            "before": str(self.before),
            "after": str(self.after),
            "owners_on": [day.isoformat() for day in self.days],
            "is_same": self.is_same,
            "counts": self.counts,
            "summary": moves["summary"],
            "territories": [change.as_dict() for change in self.territories],
            "members": [_plain(member) for member in self.members],
            "by_territory": plain_rows(self.by_territory),
            "by_rep": plain_rows(self.by_rep),
            "n_accounts": moves["n_rows"],
            "accounts": moves["rows"] if with_accounts else [],
        }


def read_side(text: str) -> Chosen:
    """Return the side a text names: a model's key, or key@day."""
    found = SIDE.match(text.strip())
    try:
        day = date.fromisoformat(found["day"]) if found and found["day"] else None
    except ValueError:
        found = None
    if found is None:
        raise UsageError(
            f"'{text[:80]}' names no model.", code="bad-side", fix="Write KEY, or KEY@2026-01-31 for a day."
        )
    return Chosen(found["key"], day)


def compare(services: Services, actor: Actor, before: Chosen, after: Chosen) -> Comparison:
    """Return two models side by side.

    Locked accounts stay where they are on both sides; everything else is where each side's rules put it. Whoever plans
    a part of the tree is shown that part, and the accounts they see.

    Raises
    ------
    ForbiddenError
        For those who plan no part of either.
    NotFoundError
        When there is no such model, or was none on the day.
    InvalidInputError
        When a member is no known rep.
    """
    actor.require(Right.MANAGE_RULES)
    reps = Reps(services.models.reps())
    left, right = (_document(services, side) for side in (before, after))
    sight = None if plans_whole(actor) else sight_of(services, actor, (left, right))
    days = (_owners_day(services, before, left), _owners_day(services, after, right))
    sides = [
        Side(rule_book(services, document), owners_of(services, document, reps, day=day))
        for document, day in zip((left, right), days, strict=True)
    ]
    difference, places = compared(services, *sides, reps=reps, is_live=False)
    if sight is not None:
        difference, places = limited(difference, places, sight)
        left, right = (trimmed(services, actor, document) for document in (left, right))
    names = _person_names(reps)
    return Comparison(
        before=before,
        after=after,
        documents=(left, right),
        territories=changes_between(left, right),
        members=members_between(left, right, names),
        days=days,
        difference=difference,
        by_territory=sums_by_territory(places),
        by_rep=sums_by_rep(places),
        sides=places,
    )


def _document(services: Services, side: Chosen) -> TerritoryModelDocument:
    if side.day is None:
        found = services.models.load(side.key)
        document = found[1] if found else None
    else:
        document = services.history.document(side.key, end_of(services, side.day))
    if document is None:
        raise NotFoundError(
            f"There is no territory model '{side}'.", fix="`merestone model list` shows all there are now."
        )
    return document


def _owners_day(services: Services, side: Chosen, document: TerritoryModelDocument) -> date:
    """Return the day whose owners count: the chosen one, today, or the nearest on which the model is active."""
    today = services.clock.today()
    if side.day is not None:
        return side.day
    events = services.history.publications()
    if events and events[-1][1] == side.key:
        return today
    ended = [at for (_, key), (at, _) in pairwise(events) if key == side.key]
    if ended:
        return day_of(services, ended[-1]) - timedelta(days=1)
    return max(today, document.effective or today)


def _person_names(reps: Reps) -> Mapping[str, str]:
    table = reps.table
    return dict(zip(table["rep"].to_pylist(), table["rep_name"].to_pylist(), strict=True))


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}
