"""The territories of a model that need somebody, their accounts, and who could have them: read in columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.access.places import reached
from merestone.app.matched import placed
from merestone.app.people_changes.candidates import as_people, candidates
from merestone.app.people_changes.situation import paths_of
from merestone.app.plans import load_model
from merestone.app.policy import Actor, Right
from merestone.app.review.approvals import day_of
from merestone.app.rulebook import rule_book
from merestone.app.services import Services
from merestone.app.staffing.attainment import attainments
from merestone.core.design.staffing import VACANT, Openings, Staff
from merestone.core.model.territory import TerritoryModelDocument, TerritoryNode

NOBODY = 0
"""No rep has this id."""


@dataclass(frozen=True, eq=False)
class Situation:
    """A model as staffing sees it.

    Parameters
    ----------
    nodes : tuple of TerritoryNode
        The territories that are staffed, in the order of the tree.
    openings, staff : Openings, Staff
    owners : mapping of str to int or None
        Territory -> who owns it in the model on its first day.
    labels : mapping of int to str
        Rep id -> what documents call them.
    names : mapping of int to str
    hours : array of float, shape (k,)
        Workload of each territory.
    """

    document: TerritoryModelDocument
    state: str
    day: date
    nodes: tuple[TerritoryNode, ...]
    openings: Openings
    staff: Staff
    owners: Mapping[str, int | None]
    labels: Mapping[int, str]
    names: Mapping[int, str]
    hours: np.ndarray


def situation_of(services: Services, actor: Actor, key: str, *, per_person: int = 1) -> Situation:
    """Return the situation of a model's territories whose members the actor manages."""
    document = load_model(services, actor, key)[1]
    state = next(one["state"] for one in services.models.all() if one["key"] == document.key)
    day = day_of(services, document)
    reps = services.models.reps()
    ids = dict(zip(reps["label"].to_pylist(), reps["rep_id"].to_pylist(), strict=True))
    labels = dict(zip(reps["rep_id"].to_pylist(), reps["rep"].to_pylist(), strict=True))
    names = dict(zip(reps["rep_id"].to_pylist(), reps["rep_name"].to_pylist(), strict=True))
    owners = {
        node.key: None if (rep := node.owner_on(day)) is None else ids.get(rep.lower())
        for node in document.territories
    }
    mine = reached(services, actor, Right.MANAGE_MEMBERS, document)
    managers = _managers(document, ids, day)
    found = {
        rep: person
        for rep, person in candidates(services, actor, without=NOBODY, day=day).items()
        if rep not in managers
    }
    book = services.book.accounts()
    territory = placed(services, rule_book(services, document), book)["territory"]
    every = _staffed(document, day)
    nodes = tuple(node for node in every if node.key in mine)
    openings = _openings(services, actor, document, nodes, book, territory, tuple(found))
    people = as_people(services, found, day)
    elsewhere = [owners[node.key] for node in every if node.key not in mine]
    taken = np.array([elsewhere.count(rep) for rep in found], dtype=np.int64)
    staff = Staff(
        people,
        tuple(person.name for person in found.values()),
        attainments(services, people.ids),
        np.maximum(per_person - taken, 0),
    )
    hours = openings.sums(openings.weight)
    return Situation(
        document, state, day, nodes, _weighed(openings), staff, owners, labels, names, hours
    )  # fmt: skip


def _staffed(document: TerritoryModelDocument, day: date) -> tuple[TerritoryNode, ...]:
    """Return the primary territories with nothing below, or with an owner all the same: somebody sells there."""
    tree = document.tree
    return tuple(
        node
        for node in tree
        if document.type_of(node).is_primary and (node.owner_on(day) is not None or tree.is_leaf(node.key))
    )


def _managers(document: TerritoryModelDocument, ids: Mapping[str, int], day: date) -> set[int]:
    """Return who manages in the model and has no other role there."""
    roles: dict[int, set[str]] = {}
    for node in document.territories:
        for member in node.members:
            rep = ids.get(member.rep.lower())
            if rep is not None and (member.end is None or member.end > day):
                roles.setdefault(rep, set()).add(member.role)
    return {rep for rep, held in roles.items() if held == {"manager"}}


def _openings(
    services: Services,
    actor: Actor,
    document: TerritoryModelDocument,
    nodes: tuple[TerritoryNode, ...],
    book: pa.Table,
    territory: Any,
    people: tuple[int, ...],
) -> Openings:
    keys = tuple(node.key for node in nodes)
    code = pc.index_in(territory, value_set=pa.array(keys, pa.string()))
    at = np.asarray(pc.fill_null(code, VACANT), dtype=np.int64)
    ids = np.asarray(book["id"])
    is_shown = at != VACANT
    if not actor.sees_all:
        seen = services.visibility.visible_ids(actor, "accounts")
        is_shown &= np.isin(ids, np.fromiter(seen, np.int64, len(seen)))
    rows = np.flatnonzero(is_shown)
    table = book.take(pa.array(rows))
    return Openings(
        keys=keys,
        names=tuple(node.name for node in nodes),
        territory=at[rows],
        weight=np.nan_to_num(_floats(table["workload_hours"])),
        latitude=_floats(table["latitude"]),
        longitude=_floats(table["longitude"]),
        language=_words(table["language"]),
        industry=_words(table["industry"]),
        skills=_words(table["products_of_interest"]),
        potential=_floats(table["potential"]),
        revenue=_floats(table["revenue"]),
        owner=_owners(services, ids[rows], people),
        paths=paths_of(document),
    )


def _weighed(openings: Openings) -> Openings:
    return replace(openings, weight=np.maximum(openings.weight, 0.0))


def _owners(services: Services, ids: np.ndarray, people: tuple[int, ...]) -> np.ndarray:
    """Return the place among the people of who owns each account today."""
    opened = services.associations.open_now("accounts")
    main = opened.filter(opened["is_primary"])
    order = np.argsort(np.asarray(main["record"]), kind="stable")
    records = np.asarray(main["record"])[order]
    place = pc.fill_null(pc.index_in(main["owner"], value_set=pa.array(people, pa.int64())), VACANT)
    owners = np.asarray(place, dtype=np.int64)[order]
    if not len(records):
        return np.full(len(ids), VACANT)
    at = np.minimum(np.searchsorted(records, ids), len(records) - 1)
    return np.where(records[at] == ids, owners[at], VACANT)


def _floats(column: pa.ChunkedArray) -> np.ndarray:
    found: np.ndarray = pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy()
    return found


def _words(column: pa.ChunkedArray) -> list[frozenset[str]]:
    """Return texts, or lists of texts, as sets of folded words."""
    values = column.to_pylist()
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return [frozenset(word.casefold() for word in value or ()) for value in values]
    known: dict[str | None, frozenset[str]] = {}
    return [known.setdefault(value, frozenset([value.casefold()] if value else ())) for value in values]
