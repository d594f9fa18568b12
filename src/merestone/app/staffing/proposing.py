"""Proposes who should have the territories of a planning model, and keeps what was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from merestone.app import plan_members
from merestone.app.plans import EDITABLE
from merestone.app.policy import Actor, Right
from merestone.app.services import Services
from merestone.app.staffing.reading import Situation, situation_of
from merestone.app.staffing.told import line_of, option_of, whole_of
from merestone.base.errors import InvalidInputError, NotFoundError, Problem
from merestone.core.design.staffing import VACANT, WEIGHTS, Terms, staff_territories
from merestone.core.design.staffing_asked import FURTHER
from merestone.core.design.staffing_words import Telling

MOST_PER_PERSON = 20


@dataclass(frozen=True)
class Wish:
    """What a proposal is asked for.

    Parameters
    ----------
    weights : mapping of str to float
        Of ``WEIGHTS``; what is absent counts as usual.
    required : mapping of str to float
        See ``Terms``.
    per_person : int
        Territories one person takes.
    fixed : mapping of str to int or None
        Territory key -> rep id that stands; None keeps it vacant.
    """

    weights: Mapping[str, float] = field(default_factory=dict)
    required: Mapping[str, float] = field(default_factory=dict)
    per_person: int = 1
    further: float = FURTHER
    fixed: Mapping[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Proposal:
    """A staffing of a model, ready to be looked at."""

    situation: Situation
    telling: Telling
    wish: Wish

    @property
    def may_apply(self) -> bool:
        """Whether the model can still be changed."""
        return self.situation.state in EDITABLE

    def whole(self) -> dict[str, Any]:
        """Return what all choices come to, and how many change something in the model."""
        lines = [self._pair(at) for at in range(len(self.situation.nodes))]
        changed = sum(now != then for now, then in lines)
        return whole_of(self.telling) | {
            "changed": changed,
            "may_apply": self.may_apply,
            "state": self.situation.state,
        }

    def lines(self) -> list[dict[str, Any]]:
        """Return every territory: its choice with reasons, runner-up, and who has it in the model now."""
        return [self.line(at) for at in range(len(self.situation.nodes))]

    def line(self, at: int) -> dict[str, Any]:
        """Return one territory."""
        now, then = self._pair(at)
        node, found = self.situation.nodes[at], self.situation
        return line_of(self.telling, at) | {
            "now": now,
            "now_name": None if now is None else found.names.get(now),
            "is_change": now != then,
            "fingerprint": plan_members.fingerprint_of(found.document, node.key),
            "accounts": int((found.openings.territory == at).sum()),
            "workload_hours": round(float(found.hours[at]), 2),
        }

    def options(self, territory: str) -> list[dict[str, Any]]:
        """Return everybody for one territory, the most points first, with what each would cost the whole."""
        at = self.place(territory)
        telling = self.telling
        found = telling.staffing
        people = sorted(
            range(len(found.staff.names)),
            key=lambda person: (
                not found.allowed[at, person],
                -found.points[at, person],
                found.staff.names[person],
            ),
        )
        return [
            option_of(telling, at, person)
            | {
                "is_chosen": bool(found.chosen[at] == person),
                "is_allowed": bool(found.allowed[at, person]),
                "reasons": telling.reasons(at, person),
                "elsewhere": [
                    found.openings.names[other]
                    for other in range(len(found.openings.keys))
                    if found.chosen[other] == person and other != at
                ],
            }
            for person in people
        ]

    def place(self, territory: str) -> int:
        """Return the place of a territory; NotFoundError when it is none that is staffed."""
        try:
            return self.situation.openings.keys.index(territory)
        except ValueError:
            raise _missing(territory) from None

    def _pair(self, at: int) -> tuple[int | None, int | None]:
        found = self.telling.staffing
        person = int(found.chosen[at])
        then = None if person == VACANT else found.staff.people.ids[person]
        return self.situation.owners[self.situation.nodes[at].key], then


def propose(services: Services, actor: Actor, key: str, wish: Wish | None = None) -> Proposal:
    """Return who should have the territories of a model whose members the actor manages.

    Raises
    ------
    InvalidInputError
        ``bad-weight``, ``unknown-part``, ``bad-requirement``; ``unknown-territory`` or ``unknown-rep`` of a fixed choice.
    """
    actor.require(Right.MANAGE_MEMBERS)
    wish = wish or Wish()
    if not 1 <= wish.per_person <= MOST_PER_PERSON:
        raise _refused(Problem("bad-choice", f"{wish.per_person} is no number of territories for one person.", f"Use 1 to {MOST_PER_PERSON}."))  # fmt: skip
    situation = situation_of(services, actor, key, per_person=wish.per_person)
    terms = Terms(
        dict(WEIGHTS) | dict(wish.weights), dict(wish.required), None, wish.further, _fixed(situation, wish)
    )
    return Proposal(situation, Telling(staff_territories(situation.openings, situation.staff, terms)), wish)


def _fixed(situation: Situation, wish: Wish) -> dict[int, int]:
    keys = {key: at for at, key in enumerate(situation.openings.keys)}
    people = {rep: at for at, rep in enumerate(situation.staff.people.ids)}
    wrong, found = [], {}
    for key, rep in wish.fixed.items():
        if key not in keys:
            wrong.append(Problem("unknown-territory", f"There is no territory '{key[:100]}' to staff in this model.", where="fixed"))  # fmt: skip
        elif rep is not None and rep not in people:
            wrong.append(Problem("unknown-rep", f"There is no rep {rep} to choose for '{key}'.", "Choose somebody you see who sells.", where="fixed"))  # fmt: skip
        else:
            found[keys[key]] = VACANT if rep is None else people[rep]
    if wrong:
        raise InvalidInputError("Nobody can be assigned like this.", wrong)
    return found


def apply_staffing(
    services: Services, actor: Actor, key: str, choices: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Make people owners of territories of a planning model, all or none; returns ``changed``: the territories.

    Who owned a territory from the model's first day on no longer does; other roles stay.

    Parameters
    ----------
    choices : sequence of mapping
        ``territory``, ``rep`` (id; None: vacant) and ``fingerprint`` (of the members that were looked at).

    Raises
    ------
    ConflictError
        ``stale-version`` when somebody else changed members meanwhile; ``model-not-in-planning``.
    """
    actor.require(Right.MANAGE_MEMBERS)
    situation = situation_of(services, actor, key, per_person=MOST_PER_PERSON)
    known = set(situation.openings.keys)
    seen = services.visibility.visible_ids(actor, "reps")
    wrong = [
        Problem("unknown-territory", f"There is no territory '{str(one['territory'])[:100]}' to staff in this model.", where=f"choices/{number}")
        for number, one in enumerate(choices, start=1)
        if one["territory"] not in known
    ]  # fmt: skip
    wrong += [
        Problem("unknown-rep", f"There is no rep {one['rep']}.", "Choose somebody you see.", where=f"choices/{number}")
        for number, one in enumerate(choices, start=1)
        if one["rep"] is not None and (one["rep"] not in seen or one["rep"] not in situation.labels)
    ]  # fmt: skip
    if len({one["territory"] for one in choices}) < len(choices):
        wrong.append(Problem("bad-choice", "A territory is named twice.", "Choose once for each."))
    if wrong:
        raise InvalidInputError("Nobody was assigned.", wrong)
    wanted = {
        one["territory"]: (_members(situation, one["territory"], one["rep"]), str(one["fingerprint"]))
        for one in choices
    }
    changed = plan_members.set_members_of(services, actor, key, wanted)
    return {"changed": changed}


def _members(situation: Situation, territory: str, rep: int | None) -> list[dict[str, Any]]:
    """Return the members of a territory with somebody as its owner from the model's first day on."""
    day = situation.day.isoformat()
    before = plan_members.members_of(situation.document, territory)
    if situation.owners[territory] == rep:
        return before
    kept = [one for one in before if one["role"] != "owner" or (one["to"] is not None and one["to"] <= day)]
    if rep is None:
        return kept
    ended = [one["to"] for one in kept if one["role"] == "owner"]
    owner = {"rep": situation.labels[rep], "role": "owner", "from": max(ended, default=None), "to": None}
    return [owner, *kept]


def _missing(territory: str) -> NotFoundError:
    return NotFoundError(f"There is no territory '{territory[:100]}' in this model.")


def _refused(problem: Problem) -> InvalidInputError:
    return InvalidInputError("Nobody can be assigned like this.", [problem])
