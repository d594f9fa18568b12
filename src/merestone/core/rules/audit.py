"""What can be wrong with a document as a whole: references, circles, criteria, members, names in two places."""

from __future__ import annotations

import heapq
import itertools
import sys
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from merestone.base.errors import Problem
from merestone.core.criteria import FieldSet, standard_fields
from merestone.core.criteria.check import Checker
from merestone.core.criteria.nearest import Suggestions
from merestone.core.criteria.values import fold
from merestone.core.geo import read_areas
from merestone.core.model.territory import Membership, TerritoryModelDocument, TerritoryNode, find_cycles

MAX_SHOWN = 10  # keys in one message
MAX_OVERLAPS = 100  # told of one territory


def document_problems(
    document: TerritoryModelDocument, fields: FieldSet, *, suggestions: Suggestions | None = None
) -> Iterator[Problem]:
    """Yield every problem of a document whose single values have been read.

    Parameters
    ----------
    document : TerritoryModelDocument
        Keys that could not be read are empty text.
    fields : FieldSet
        The fields its criteria may use, its own included.
    suggestions : Suggestions, optional
        Where other parts of the document look for names too.
    """
    suggestions = suggestions or Suggestions()
    areas, problems = read_areas(document.areas)
    yield from problems
    yield from _field_problems(document)
    yield from _type_problems(document, suggestions)
    yield from _tree_problems(document, suggestions)
    # Areas that cannot be read have had their own problem; a criterion that names one is not wrong.
    keys = {*areas, *document.areas}
    checker = Checker(fields, lists=document.lists, areas=keys, suggestions=suggestions)
    for node in document.territories:
        yield from _criteria_problems(node, checker)
    for node in document.territories:
        yield from _member_problems(node)
    yield from _name_problems(document)


def _field_problems(document: TerritoryModelDocument) -> Iterator[Problem]:
    built_in = standard_fields()
    for name, kind in document.fields.items():
        field = built_in.get(name)
        if field is not None and field.name == name and field.kind is not kind:
            message = f"'{name}' is a built-in field of type {field.kind}, not {kind}."
            yield Problem("field-exists", message, "Give the custom field another name.", f"fields/{name}")


def _repeated(keys: Iterable[str]) -> list[str]:
    return [key for key, count in Counter(keys).items() if count > 1 and key]


def _type_problems(document: TerritoryModelDocument, suggestions: Suggestions) -> Iterator[Problem]:
    for key in _repeated(kind.key for kind in document.types):
        yield Problem("duplicate-key", f"The type '{key}' is there twice.", "Keep one.", f"types/{key}")
    if not any(kind.is_primary for kind in document.types):
        message = "No territory type is primary, so no account could have an owner."
        yield Problem("no-primary-type", message, "Set primary: true on one type.", "types")
    known = {kind.key for kind in document.types}
    for node in document.territories:
        if node.type not in known:
            where = f"territories/{node.key}/type"
            fix = _nearest(node.type, known, suggestions, what="types")
            yield Problem("unknown-type", f"There is no type '{_short(node.type)}'.", fix, where)


def _nearest(name: str, known: Collection[str], suggestions: Suggestions, *, what: str) -> str:
    names = suggestions.known(known, what=what)
    near = suggestions.nearest(name, names, what=what)
    return f"Did you mean '{near}'?" if near else f"Known: {', '.join(names[:10])}."


def _short(name: str) -> str:
    return name if len(name) <= 120 else name[:119] + "…"


def _tree_problems(document: TerritoryModelDocument, suggestions: Suggestions) -> Iterator[Problem]:
    nodes = document.territories
    for key in _repeated(node.key for node in nodes):
        message = f"The territory '{key}' is there twice."
        yield Problem("duplicate-key", message, "Give one of them another key.", f"territories/{key}")
    known = {node.key for node in nodes}
    for node in nodes:
        if node.parent is not None and node.parent not in known:
            where = f"territories/{node.key}/parent"
            fix = _nearest(node.parent, known, suggestions, what="territories")
            yield Problem("unknown-parent", f"There is no territory '{_short(node.parent)}'.", fix, where)
    for circle in find_cycles({node.key: node.parent for node in nodes}):
        shown = " → ".join((*circle[:MAX_SHOWN], *(["…"] if len(circle) > MAX_SHOWN else []), circle[0]))
        message = f"The parents go round in a circle: {shown}."
        yield Problem("cyclic-parents", message, "Change one parent.", f"territories/{circle[0]}/parent")


def _criteria_problems(node: TerritoryNode, checker: Checker) -> Iterator[Problem]:
    if node.where is not None:
        for problem in checker.read(node.where)[1]:
            yield replace(problem, where=f"territories/{node.key}/where")


def _member_problems(node: TerritoryNode) -> Iterator[Problem]:
    where = f"territories/{node.key}/members"
    for member in node.members:
        if member.start is not None and member.end is not None and member.end <= member.start:
            message = f"{member.rep} is a member from {member.start} to {member.end}, which is empty."
            yield Problem("empty-interval", message, "The end is the first day that no longer counts.", where)
    yield from _overlaps(node.members, where)


def _overlaps(members: tuple[Membership, ...], where: str) -> Iterator[Problem]:
    pairs = itertools.islice(_overlapping_pairs(members), MAX_OVERLAPS)
    for left, right in sorted(pairs):
        one, other = members[left], members[right]
        if one.rep == other.rep:
            message = f"{one.rep} is {one.role} twice at the same time."
            fix = "Make one of them end where the other begins."
            yield Problem("overlapping-members", message, fix, where)
        else:
            message = f"{one.rep} and {other.rep} are both owner at the same time."
            yield Problem("two-owners", message, "Give one of them another role or other dates.", where)


def _overlapping_pairs(members: tuple[Membership, ...]) -> Iterator[tuple[int, int]]:
    """Yield the positions of owners, or of one rep's memberships in one role, that share a day.

    A sweep over the first days: it takes as long as sorting, and as there are pairs to tell.
    """
    groups: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for number, member in enumerate(members):
        if _first(member) < _end(member):  # one without a day has had its own problem
            groups[member.role, "" if member.role == "owner" else member.rep].append(number)
    for numbers in groups.values():
        open_ones: list[tuple[int, int]] = []
        for number in sorted(numbers, key=lambda number: _first(members[number])):
            while open_ones and open_ones[0][0] <= _first(members[number]):
                heapq.heappop(open_ones)
            for _, other in open_ones:
                yield min(number, other), max(number, other)
            heapq.heappush(open_ones, (_end(members[number]), number))


def _first(member: Membership) -> int:
    return 0 if member.start is None else member.start.toordinal()


def _end(member: Membership) -> int:
    return sys.maxsize if member.end is None else member.end.toordinal()


def _name_problems(document: TerritoryModelDocument) -> Iterator[Problem]:
    """Yield accounts named in two primary territories, or named where they are excluded."""
    primary = {kind.key for kind in document.types if kind.is_primary}
    named_in: defaultdict[str, list[str]] = defaultdict(list)
    for node in document.territories:
        excluded = {fold(item) for item in node.exclude}
        for item in node.named:
            if node.type in primary:
                named_in[fold(item)].append(node.key)
            if fold(item) in excluded:
                where = f"territories/{node.key}/named"
                message = f"'{item}' is both named and excluded here."
                yield Problem("named-and-excluded", message, "Remove it from one of the two.", where)
    for item, keys in named_in.items():
        if len(set(keys)) > 1:
            shown = list(dict.fromkeys(keys))
            more = [f"{len(shown) - MAX_SHOWN:,} more"] if len(shown) > MAX_SHOWN else []
            where_all = " and ".join([*shown[:MAX_SHOWN], *more])
            message = f"'{item}' is named in {where_all}; it can have one primary territory."
            yield Problem("named-twice", message, "Keep it in one of them.", f"territories/{keys[1]}/named")


def unknown_reps(document: TerritoryModelDocument, known: Collection[str]) -> list[Problem]:
    """Return a problem for each member who is not among the ``known`` reps (lower-case)."""
    return [
        Problem(
            "unknown-rep",
            f"There is no rep '{member.rep}'.",
            "Import the reps first, or correct the e-mail.",
            where=f"territories/{node.key}/members",
        )
        for node in document.territories
        for member in node.members
        if member.rep.lower() not in known
    ]
