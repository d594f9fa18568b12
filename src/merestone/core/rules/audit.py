"""What can be wrong with a document as a whole: references, circles, criteria, members, names in two places."""

from __future__ import annotations

import difflib
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace

from merestone.base.errors import Problem
from merestone.core.criteria import FieldSet, read, standard_fields
from merestone.core.criteria.values import fold
from merestone.core.geo import Areas, read_areas
from merestone.core.model.territory import Membership, TerritoryModelDocument, TerritoryNode, find_cycles


def document_problems(document: TerritoryModelDocument, fields: FieldSet) -> list[Problem]:
    """Return every problem of a document whose single values have been read.

    Parameters
    ----------
    document : TerritoryModelDocument
        Keys that could not be read are empty text.
    fields : FieldSet
        The fields its criteria may use, its own included.
    """
    areas, problems = read_areas(document.areas)
    return [
        *problems,
        *_field_problems(document),
        *_type_problems(document),
        *_tree_problems(document),
        *(
            problem
            for node in document.territories
            for problem in _criteria_problems(document, node, fields, areas)
        ),
        *(problem for node in document.territories for problem in _member_problems(node)),
        *_name_problems(document),
    ]


def _field_problems(document: TerritoryModelDocument) -> Iterator[Problem]:
    built_in = standard_fields()
    for name, kind in document.fields.items():
        field = built_in.get(name)
        if field is not None and field.name == name and field.kind is not kind:
            message = f"'{name}' is a built-in field of type {field.kind}, not {kind}."
            yield Problem("field-exists", message, "Give the custom field another name.", f"fields/{name}")


def _repeated(keys: Iterable[str]) -> list[str]:
    return [key for key, count in Counter(keys).items() if count > 1 and key]


def _type_problems(document: TerritoryModelDocument) -> Iterator[Problem]:
    for key in _repeated(kind.key for kind in document.types):
        yield Problem("duplicate-key", f"The type '{key}' is there twice.", "Keep one.", f"types/{key}")
    if not any(kind.is_primary for kind in document.types):
        message = "No territory type is primary, so no account could have an owner."
        yield Problem("no-primary-type", message, "Set primary: true on one type.", "types")
    known = {kind.key for kind in document.types}
    for node in document.territories:
        if node.type not in known:
            where = f"territories/{node.key}/type"
            yield Problem(
                "unknown-type", f"There is no type '{node.type}'.", _nearest(node.type, known), where
            )


def _nearest(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(names[:10])}."


def _tree_problems(document: TerritoryModelDocument) -> Iterator[Problem]:
    nodes = document.territories
    for key in _repeated(node.key for node in nodes):
        message = f"The territory '{key}' is there twice."
        yield Problem("duplicate-key", message, "Give one of them another key.", f"territories/{key}")
    known = {node.key for node in nodes}
    for node in nodes:
        if node.parent is not None and node.parent not in known:
            where = f"territories/{node.key}/parent"
            yield Problem(
                "unknown-parent",
                f"There is no territory '{node.parent}'.",
                _nearest(node.parent, known),
                where,
            )
    for circle in find_cycles({node.key: node.parent for node in nodes}):
        shown = " → ".join((*circle, circle[0]))
        message = f"The parents go round in a circle: {shown}."
        yield Problem("cyclic-parents", message, "Change one parent.", f"territories/{circle[0]}/parent")


def _criteria_problems(
    document: TerritoryModelDocument, node: TerritoryNode, fields: FieldSet, areas: Areas
) -> Iterator[Problem]:
    if node.where is None:
        return
    # Areas that cannot be read have had their own problem; a criterion that names one is not wrong.
    keys = {*areas, *document.areas}
    _, problems = read(node.where, fields, lists=document.lists, areas=keys)
    for problem in problems:
        yield replace(problem, where=f"territories/{node.key}/where")


def _member_problems(node: TerritoryNode) -> Iterator[Problem]:
    where = f"territories/{node.key}/members"
    for member in node.members:
        if member.start is not None and member.end is not None and member.end <= member.start:
            message = f"{member.rep} is a member from {member.start} to {member.end}, which is empty."
            yield Problem("empty-interval", message, "The end is the first day that no longer counts.", where)
    yield from _overlaps(node.members, where)


def _overlaps(members: tuple[Membership, ...], where: str) -> Iterator[Problem]:
    for left, right in itertools.combinations(members, 2):
        if left.role != right.role or not left.overlaps(right):
            continue
        if left.rep == right.rep:
            message = f"{left.rep} is {left.role} twice at the same time."
            yield Problem(
                "overlapping-members", message, "Make one of them end where the other begins.", where
            )
        elif left.role == "owner":
            message = f"{left.rep} and {right.rep} are both owner at the same time."
            yield Problem("two-owners", message, "Give one of them another role or other dates.", where)


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
            message = f"'{item}' is named in {' and '.join(dict.fromkeys(keys))}; it can have one primary territory."
            yield Problem("named-twice", message, "Keep it in one of them.", f"territories/{keys[1]}/named")
