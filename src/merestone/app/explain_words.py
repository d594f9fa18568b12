"""Explanations in words: the changes that would flip a winner, what holds a record, and the trace as lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from merestone.app.assign import RANK_WORDS
from merestone.app.rulebook import RuleBook, within_sentence
from merestone.core.criteria import parse, to_english
from merestone.core.criteria.fields import FieldSet

LONGEST = 160  # characters of a criterion within a sentence
MARKS = {"held": "+", "failed": "-", "unknown": "?", "group": "·", "excluded": "x"}
Answer = Mapping[str, Any]


def shorten(text: str, longest: int = LONGEST) -> str:
    """Return a text cut in the middle of nothing but its length."""
    return text if len(text) <= longest else f"{text[: longest - 2].rstrip()} …"


def value_words(value: Any, *, field: str = "") -> str:
    """Return a JSON value as people read it."""
    if value is None or value == []:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    if isinstance(value, int | float) and not field.endswith(("year", "itude")):
        return f"{value:,}"
    return str(value)


# --- the record -------------------------------------------------------------------------------------------------------


def say_change(change: Answer, fields: FieldSet) -> str:
    """Return one change of a record as a sentence without its reasons."""
    name, before, after = change["field"], change["from"], change["to"]
    if name == "location":
        return _say_move(change)
    field = fields.get(name)
    label = field.label[:1].lower() + field.label[1:] if field and not field.label[:2].isupper() else name
    if change["is_any_other"] and not isinstance(before, list):
        change_from = f" from {value_words(before, field=name)}" if before is not None else ""
        return f"Change the {label}{change_from} to a value that no rule names"
    if isinstance(before, list) and isinstance(after, list):
        return _say_items(label, before, after)
    if after is None:
        return f"Remove the {label} ({value_words(before, field=name)})"
    if before is None:
        return f"Give it the {label} {value_words(after, field=name)} (it has none)"
    return f"Change the {label} from {value_words(before, field=name)} to {value_words(after, field=name)}"


def _say_move(change: Answer) -> str:
    latitude, longitude = change["to"]
    if latitude is None or longitude is None:
        return "Remove the location"
    spot = f"{latitude:.5f}, {longitude:.5f}"
    km = change.get("km")
    return (
        f"Give it the location {spot} (it has none)"
        if km is None
        else f"Move the location {_km(km)} to {spot}"
    )


def _km(km: float) -> str:
    return f"{km:,.1f} km" if km >= 1 else f"{km * 1000:,.0f} m"


def _say_items(label: str, before: Sequence[str], after: Sequence[str]) -> str:
    added = [item for item in after if item not in before]
    removed = [item for item in before if item not in after]
    parts = [f"add {', '.join(added)} to the {label}"] if added else []
    parts += [f"take {', '.join(removed)} out of the {label}"] if removed else []
    text = " and ".join(parts)
    return text[:1].upper() + text[1:]


def say_why_change(change: Answer, book: RuleBook) -> str:
    """Return what a change is good for; empty when there is nothing to say."""
    fields = book.ruleset.fields
    parts = [shorten(within_sentence(to_english(parse(text), fields))) for text in change["gains"][:2]]
    rivals = dict.fromkeys(drop["territory"] for drop in change["drops"])
    if rivals:
        names = ", ".join(book.name(key) for key in list(rivals)[:3])
        parts.append(f"{names} no longer {'match' if len(rivals) > 1 else 'matches'}")
    return f"so that {' and '.join(parts)}" if parts else ""


def say_obstacle(flip: Answer, key: str, book: RuleBook) -> str:
    """Return why no change of the record does it, or that none is needed; empty when there is one."""
    name = book.name(key)
    others = " or ".join(book.name(other) for other in flip["because"][:3])
    is_proved = flip["is_minimal"]
    match flip["reason"]:
        case "already":
            return f"By these rules it belongs to {name} already."
        case "excluded":
            return f"It is excluded by name in {others}, so no change of its fields helps."
        case "named":
            return f"It is named in {others}, and names come before all rules."
        case "grouping":
            return f"{name} has no criteria of its own: it takes only what is named there."
        case "contradiction" if is_proved:
            return f"No values satisfy all criteria on the way to {name}."
        case "rival" if is_proved:
            return f"Whenever {name} matches, {others} matches too and comes first."
        case "contradiction" | "rival" | "bounded":
            return "No change of the record was found; the search was not exhaustive."
    return ""


# --- the rules --------------------------------------------------------------------------------------------------------


def say_edit(edit: Answer, book: RuleBook) -> str:
    """Return one change of a rule as a sentence."""
    name, before, after = book.name(edit["territory"]), edit["from"], edit["to"]
    match edit["what"]:
        case "name":
            return f"Name it in {name}"
        case "unname":
            return f"Take it off the named accounts of {name}"
        case "exclude":
            return f"Exclude it from {name}"
        case "unexclude":
            return f"Lift its exclusion from {name}"
        case "priority":
            return f"Give {name} the priority {after} instead of {before}"
        case _ if after is None:
            return f"Drop the criteria of {name}"
    return f"Change the criteria of {name}"


def say_touch(edit: Answer) -> str:
    """Return whom else a change of a rule concerns."""
    if edit["is_one_record"]:
        return "Moves nothing but this record."
    if edit["what"] == "priority":
        return "May move other records that it shares with a rival."
    n = len(edit["touches"]) - 1
    below = f" and to the {'territory' if n == 1 else f'{n} territories'} below" if n else ""
    return f"May bring other records to it{below}."


# --- lines for a terminal ---------------------------------------------------------------------------------------------


def say_trace(trace: Answer) -> Iterator[str]:
    """Yield an explanation as lines for people."""
    winner = trace["winner"]
    yield f"{trace['id']}: {winner}" if winner else f"{trace['id']}: unassigned queue (no territory matches)"
    for entry in trace["considered"]:
        rule = f": {shorten(entry['rule'])}" if entry["rule"] else ""
        yield f"  {entry['outcome']:<9} {entry['name']}{rule}{_why(entry)}"
        if entry["outcome"] != "passed":
            yield from (f"              {line}" for line in _criteria(entry))
    if "why_not" in trace:
        yield from _say_why_not(trace["why_not"])


def _criteria(entry: Answer) -> Iterator[str]:
    for one in entry["criteria"]:
        yield f"{MARKS[one['outcome']]} {one['outcome']}: {own_words(one)}, {needs_words(one)}"


def own_words(criterion: Answer) -> str:
    """Return the record's own values that a criterion looks at."""
    values = criterion["values"].items()
    return ", ".join(
        f"{name} is missing" if value is None else f"{name} = {value_words(value, field=name)}"
        for name, value in values
    )


def needs_words(criterion: Answer) -> str:
    """Return what a criterion asks for, and whether it is one of several ways or must not hold."""
    lead = {"or": "needs, as one of several ways,", "not": "must not be"}.get(criterion["within"], "needs")
    return f"{lead} {shorten(criterion['needs'])}"


def _why(entry: Answer) -> str:
    if entry.get("lost_by"):
        return f"; lost to the winner: {RANK_WORDS.get(entry['lost_by'], 'it is named there')}"
    because = entry.get("because")
    if not because:
        return ""
    missing = ", ".join(because.get("missing", ()))
    return f"; because {shorten(because['criterion'])} is " + (
        f"unknown: no {missing}" if missing else "false"
    )


def _say_why_not(answer: Answer) -> Iterator[str]:
    yield f"Why not {answer['asked']}? Stopped at {answer['name']} ({answer['outcome']}){_why(answer)}"
    for step in answer["steps"]:
        yield f"  {step['step']:<9} {step['name']}"
        yield from (f"              {line}" for line in _criteria(step))
    yield "Smallest change of the record:"
    yield from (f"  {line}" for line in _lines(answer["record"]))
    yield "Smallest changes of the rules, each enough:"
    for number, way in enumerate(answer["rules"], start=1):
        yield f"  {number}. {'; '.join(edit['say'] for edit in way['edits'])}"
        yield from (
            f"     where: {edit['to']}" for edit in way["edits"] if edit["what"] == "where" and edit["to"]
        )
    if not answer["rules"]:
        yield "  none is needed" if answer["record"]["reason"] == "already" else "  none found"


def _lines(flip: Answer) -> Iterator[str]:
    if flip["sentence"]:
        yield flip["sentence"]
    for change in flip["changes"]:
        why = f" ({change['why']})" if change["why"] else ""
        yield f"{change['say']}{why}"
    if flip["changes"] and not flip["is_minimal"]:
        yield "There may be a smaller change: not everything could be tried."
