"""Who may take a lead today, and for everybody else why not.

The one rule: every candidate ends in exactly one of the two lists, the ineligible with all their reasons. Not here:
which territory the lead fell into (``core.rules``), whose turn it is (``rotation``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from merestone.base.interval import Interval

LEAD_ROLES = ("owner", "sdr")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One member of the lead's territory.

    Parameters
    ----------
    rep : str
        E-mail.
    role : str
        One of ``columns.MEMBER_ROLES``.
    member : Interval of date
        Days in the role.
    name : str
        Words for the explanation; the e-mail when empty.
    left_on : date or None
        First day the rep is no longer with the company.
    leave : tuple of Interval of date
        Days away.
    languages : frozenset of str
        ISO 639-1 codes, lower case; empty = none recorded.
    share : Fraction
        Share of a full load, above 0: the weight in the rotation.
    full_from : date or None
        First day with the full load, for those who joined with a ramp.
    """

    rep: str
    role: str
    member: Interval[date]
    name: str = ""
    left_on: date | None = None
    leave: tuple[Interval[date], ...] = ()
    languages: frozenset[str] = frozenset()
    share: Fraction = Fraction(1)
    full_from: date | None = None

    @property
    def label(self) -> str:
        """The name to show."""
        return self.name or self.rep


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a rep may not take a lead.

    Parameters
    ----------
    code : str
        ``role``, ``not-yet-member``, ``no-longer-member``, ``left``, ``on-leave`` or ``language``.
    text : str
        The end of a sentence that starts with the rep's name: ``"is on leave until 3 May 2026"``.
    """

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Ineligible:
    """A member who may not take the lead, with every obstacle."""

    rep: str
    label: str
    obstacles: tuple[Obstacle, ...]


@dataclass(frozen=True, slots=True)
class Eligibility:
    """Who may take a lead and who may not; both sorted by e-mail."""

    eligible: tuple[Candidate, ...]
    ineligible: tuple[Ineligible, ...]


def eligibility(
    candidates: Iterable[Candidate],
    on: date,
    *,
    language: str | None = None,
    roles: Collection[str] = LEAD_ROLES,
) -> Eligibility:
    """Return which members of a territory may take a lead on a day.

    Parameters
    ----------
    candidates : iterable of Candidate
        The members; a rep with several roles may come several times and is eligible when one of them is.
    on : date
        The day the lead is routed.
    language : str, optional
        Language of the lead (ISO 639-1). A rep must have it recorded; ``None`` asks for nothing.
    roles : collection of str
        Roles that take leads.
    """
    eligible: dict[str, Candidate] = {}
    refused: dict[str, Ineligible] = {}
    for candidate in sorted(candidates, key=lambda c: (c.rep, c.member.start, c.role)):
        obstacles = _obstacles(candidate, on, language=language, roles=roles)
        if not obstacles:
            eligible.setdefault(candidate.rep, candidate)
            continue
        earlier = refused[candidate.rep].obstacles if candidate.rep in refused else ()
        merged = tuple(dict.fromkeys(earlier + obstacles))
        refused[candidate.rep] = Ineligible(candidate.rep, candidate.label, merged)
    return Eligibility(
        eligible=tuple(eligible.values()),
        ineligible=tuple(entry for rep, entry in refused.items() if rep not in eligible),
    )


def say_date(day: date) -> str:
    """Return a date in words: ``3 May 2026``."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


# Not strftime: its month names follow the machine's locale.
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def _obstacles(
    candidate: Candidate, on: date, *, language: str | None, roles: Collection[str]
) -> tuple[Obstacle, ...]:
    found: list[Obstacle] = []
    member = candidate.member
    if candidate.left_on is not None and candidate.left_on <= on:
        found.append(Obstacle("left", f"left on {say_date(candidate.left_on)}"))
    if candidate.role not in roles:
        found.append(Obstacle("role", f"is here as {candidate.role}, a role that takes no leads"))
    if on < member.start:
        found.append(Obstacle("not-yet-member", f"joins the territory on {say_date(member.start)}"))
    if member.end is not None and member.end <= on:
        found.append(Obstacle("no-longer-member", f"was in the territory until {say_date(member.end)}"))
    away = [leave for leave in candidate.leave if on in leave]
    if away:
        found.append(Obstacle("on-leave", _say_leave(away)))
    if language and language.casefold() not in candidate.languages:
        found.append(
            Obstacle("language", f"does not have the lead's language ({language.casefold()}) recorded")
        )
    return tuple(found)


def _say_leave(away: list[Interval[date]]) -> str:
    ends = [leave.end for leave in away if leave.end is not None]
    if len(ends) < len(away):
        return "is on leave until further notice"
    return f"is on leave until {say_date(max(ends))}"
