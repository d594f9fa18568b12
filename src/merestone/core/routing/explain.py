"""Why a lead went where it went: the reason kept with it, and the same as one English sentence.

The one rule: the sentence is made from the kept reason alone, so that it reads the same years later. Not here: the
trace of the territory's criteria (``core.rules``), which arrives as text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Any

from merestone.core.routing.eligibility import Candidate, Eligibility, say_date
from merestone.core.routing.rotation import RepTurn


def routing_reason(
    territory: str,
    because: str,
    *,
    eligibility: Eligibility,
    standing: Sequence[RepTurn],
    chosen: str | None,
    territory_name: str = "",
) -> dict[str, Any]:
    """Return why this rep got the lead, as plain JSON values to keep with it.

    Parameters
    ----------
    territory : str
        Key of the territory the lead fell into.
    because : str
        The end of "Matched to … because …", from the rules' trace.
    eligibility : Eligibility
        Who could and who could not.
    standing : sequence of RepTurn
        The turns of the eligible before this lead.
    chosen : str or None
        E-mail of the rep; ``None`` when nobody was eligible and the lead went to the queue.
    territory_name : str
        Words for the territory; the key when empty.
    """
    candidates = {candidate.rep: candidate for candidate in eligibility.eligible}
    labels = {rep: candidate.label for rep, candidate in candidates.items()}
    total = sum((Fraction(turn.weight) for turn in standing), Fraction(0))
    all_taken = sum(turn.taken for turn in standing)
    return {
        "kind": "turn" if chosen is not None else "queue",
        "territory": territory,
        "territory_name": territory_name or territory,
        "because": because,
        "owner": chosen,
        "eligible": [
            {
                "rep": turn.rep,
                "name": labels.get(turn.rep, turn.rep),
                "weight": str(Fraction(turn.weight)),
                "taken": turn.taken,
                "due": str(_due(turn, total=total, all_taken=all_taken)),
                **_ramp(candidates.get(turn.rep)),
            }
            for turn in sorted(standing, key=lambda turn: turn.rep)
        ],
        "ineligible": [
            {
                "rep": entry.rep,
                "name": entry.label,
                "obstacles": [{"code": o.code, "text": o.text} for o in entry.obstacles],
            }
            for entry in eligibility.ineligible
        ],
    }


def say_routing(reason: Mapping[str, Any], *, at_most: int = 3) -> str:
    """Return the reason as one English sentence.

    Parameters
    ----------
    reason : mapping
        From ``routing_reason``.
    at_most : int
        Name at most so many other reps of each kind; the rest is counted.
    """
    parts = [f"Matched to {reason['territory_name']} because {reason['because'].rstrip('.')}"]
    parts.append(
        _say_turn(reason, at_most) if reason["owner"] else "nobody there can take it: unassigned queue"
    )
    refused = [
        f"{entry['name']} {' and '.join(o['text'] for o in entry['obstacles'])}"
        for entry in reason["ineligible"]
    ]
    parts.extend(_shorten(refused, at_most))
    return "; ".join(parts) + "."


def _ramp(candidate: Candidate | None) -> dict[str, str]:
    if candidate is None or candidate.full_from is None or candidate.share >= 1:
        return {}
    return {"full_from": candidate.full_from.isoformat()}


def _say_turn(reason: Mapping[str, Any], at_most: int) -> str:
    entries = {entry["rep"]: entry for entry in reason["eligible"]}
    winner = entries.pop(reason["owner"])
    # Counts explain an equal rotation; with weights or absences only the fair share makes sense of them.
    is_ramping = any("full_from" in entry for entry in reason["eligible"])
    is_plain = len({entry["due"] for entry in reason["eligible"]}) == 1 and not is_ramping
    say = _say_count if is_plain else _say_share
    turn = f"{_possessive(winner['name'])} turn: {say(winner)} so far"
    if not entries:
        return f"{turn}, nobody else is eligible"
    others = [f"{entry['name']} has {say(entry, unit='')}" for entry in entries.values()]
    return ", ".join([turn, *_shorten(others, at_most)])


def _say_count(entry: Mapping[str, Any], unit: str = " lead") -> str:
    return f"{entry['taken']}{_plural(unit, entry['taken'])}"


def _say_share(entry: Mapping[str, Any], unit: str = " lead") -> str:
    said = f"{_say_count(entry, unit)} of a fair share of {float(Fraction(entry['due'])):.1f}"
    if "full_from" not in entry:
        return said
    until = say_date(date.fromisoformat(entry["full_from"]))
    return f"{said} (at {float(Fraction(entry['weight'])):.0%} of full load until {until})"


def _plural(unit: str, count: int) -> str:
    return f"{unit}s" if unit and count != 1 else unit


def _possessive(name: str) -> str:
    return f"{name}'" if name.endswith("s") else f"{name}'s"


def _shorten(texts: list[str], at_most: int) -> list[str]:
    rest = len(texts) - at_most
    return texts if rest <= 0 else [*texts[:at_most], f"and {rest} more"]


def _due(turn: RepTurn, *, total: Fraction, all_taken: int) -> Fraction:
    return Fraction(turn.weight) / total * all_taken if turn.due is None else turn.due
