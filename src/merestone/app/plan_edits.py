"""Work on a planning model territory by territory: copy a model, add, change and remove territories.

Each change is checked as a whole document, and is written only if the territory still is as it was looked at: its
fingerprint tells.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from merestone.app.access.places import require_planned, trimmed
from merestone.app.borders import OUTER, refuse_strange_names
from merestone.app.plans import EDITABLE, keep_terms, load_model, read_terms
from merestone.app.policy import Actor, Right
from merestone.app.review.approvals import keep_model
from merestone.app.rulebook import company_fields
from merestone.app.services import Services
from merestone.base.errors import ConflictError, InvalidInputError, NotFoundError, Problem, UsageError
from merestone.core.model.territory import TerritoryModelDocument, TerritoryNode
from merestone.core.rules.document import read_document, write_document

Entry = dict[str, Any]
CHANGEABLE = (
    "name", "parent", "type", "where", "priority", "named", "exclude", "cases", "notes",
)  # fmt: skip
"""What ``edit_territory`` takes; members are people's business, the key is for ever."""
CHILDREN = ("refuse", "move-up", "remove")


def clone_model(services: Services, actor: Actor, key: str, *, new_key: str | None = None) -> dict[str, Any]:
    """Copy a model into a new planning model.

    Parameters
    ----------
    new_key : str, optional
        Default: the key with the first free number behind it.

    Returns
    -------
    dict
        ``key``, ``name``, ``territories``.

    Raises
    ------
    ConflictError
        When there is a model of the new key.
    """
    actor.require(Right.PLAN)
    with services.records.transaction(actor, cause=f"copy model {key}"):
        _turn(services)
        origin, source = load_model(services, actor, key)
        data = write_document(source)
        taken = {model["key"] for model in services.models.all()}
        wanted = new_key or _free(data["model"]["key"], taken)
        if wanted in taken:
            raise ConflictError(
                f"There is a model '{wanted}' already.", code="model-exists", fix="Choose another key."
            )
        name = data["model"].get("name", data["model"]["key"])
        data["model"] = {"key": wanted, "name": f"{name} (plan)"[:200]}
        document = read_document(data, fields=company_fields(services.records))
        services.lifecycle.keep_origin(services.models.save(document, actor=actor), origin)
        keep_terms(services, actor, document.key, read_terms(services, source.key))
        shown = trimmed(services, actor, document)
    return {"key": document.key, "name": document.name, "territories": len(shown.territories)}


def _free(key: str, taken: set[str]) -> str:
    stem = f"{key[:70]}-plan"
    return next(name for n in range(1, len(taken) + 2) if (name := stem if n == 1 else f"{stem}-{n}") not in taken)  # fmt: skip


def read_territory(services: Services, actor: Actor, model: str, territory: str) -> dict[str, Any]:
    """Return a territory as a plan has it: every field of ``CHANGEABLE``, ``key``, ``members``, ``model``, ``state``,
    ``children`` (keys) and ``fingerprint``, which a change must name."""
    document = load_model(services, actor, model)[1]
    require_planned(services, actor, Right.MANAGE_RULES, document=document, territories=[territory])
    return territory_of(services, document, territory)


def territory_of(services: Services, document: TerritoryModelDocument, territory: str) -> dict[str, Any]:
    """Return the same of a document at hand."""
    full = entry_of(document, territory)
    state = next(one["state"] for one in services.models.all() if one["key"] == document.key)
    children = [node.key for node in document.territories if node.parent == territory]
    return full | {
        "model": document.key,
        "state": state,
        "children": children,
        "fingerprint": fingerprint(full),
    }


def entry_of(document: TerritoryModelDocument, territory: str) -> Entry:
    """Return a territory's entry with every field written out."""
    node = next((node for node in document.territories if node.key == territory), None)
    if node is None:
        raise NotFoundError(f"There is no territory '{territory[:100]}' in this model.")
    return _written(node)


def _written(node: TerritoryNode) -> Entry:
    return {
        "key": node.key,
        "name": node.name,
        "parent": node.parent,
        "type": node.type,
        "where": node.where,
        "priority": node.priority,
        "named": list(node.named),
        "exclude": list(node.exclude),
        "cases": [{"record": dict(case.record), "expect": case.expect} for case in node.cases],
        "notes": node.notes,
        "members": [
            {
                "rep": member.rep,
                "role": member.role,
                "from": member.start and member.start.isoformat(),
                "to": member.end and member.end.isoformat(),
            }
            for member in node.members
        ],
    }


def fingerprint(entry: Mapping[str, Any]) -> str:
    """Return the digest of what ``edit_territory`` may change: equal as long as nobody changed any of it."""
    content = {name: entry.get(name) for name in CHANGEABLE}
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def edit_territory(
    services: Services,
    actor: Actor,
    model: str,
    territory: str,
    changes: Mapping[str, Any],
    *,
    fingerprint: str,
) -> dict[str, Any]:
    """Change a territory of a planning model; returns it as ``read_territory`` does, with ``changed``.

    Parameters
    ----------
    changes : mapping
        Some of ``CHANGEABLE``; None empties one that may be empty.
    fingerprint : str
        Of the territory as it was read.

    Raises
    ------
    ConflictError
        ``stale-version`` when somebody else changed it meanwhile, with the difference; ``model-not-in-planning``.
    InvalidInputError
        With every problem the changed document has.
    """
    actor.require(Right.MANAGE_RULES)
    _known(changes)
    with services.records.transaction(actor, cause=f"edit territory {territory} of {model}"):
        document = plan_for_change(services, actor, model)
        _require_change(services, actor, document, territory, changes)
        before = entry_of(document, territory)
        _refuse_stale(before, changes, fingerprint)
        after = before | dict(changes)
        entries = [after if one["key"] == territory else one for one in _entries(document)]
        new = _checked(services, document, entries)
        refuse_strange_names(services, actor, new, named=after["named"] or (), before=before["named"])
        changed = new != document
        if changed:
            keep_model(services, new, actor=actor, because=f"{before['name']} was changed.")
    return territory_of(services, new, territory) | {"changed": changed}


def apply_changes(
    services: Services,
    actor: Actor,
    document: TerritoryModelDocument,
    changes: Mapping[str, Mapping[str, Any]],
    *,
    because: str,
) -> TerritoryModelDocument:
    """Change several territories of a planning model at once; returns the model as it is then.

    The caller holds the transaction, and has the document from ``plan_for_change``.

    Parameters
    ----------
    changes : mapping of str to mapping
        Territory key -> some of ``CHANGEABLE``.
    because : str
        A sentence for those whose approval this voids.

    Raises
    ------
    InvalidInputError
        With every problem the changed document has.
    """
    new = tried_changes(services, actor, document, changes)
    if new != document:
        keep_model(services, new, actor=actor, because=because)
    return new


def tried_changes(
    services: Services,
    actor: Actor,
    document: TerritoryModelDocument,
    changes: Mapping[str, Mapping[str, Any]],
) -> TerritoryModelDocument:
    """Return a model with several territories changed, checked as ``apply_changes`` does; nothing is saved."""
    actor.require(Right.MANAGE_RULES)
    for territory, change in changes.items():
        _known(change)
        _require_change(services, actor, document, territory, change)
    return checked_document(services, document, changes)


def changed_document(
    services: Services, actor: Actor, model: str, territory: str, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the model's document with a territory changed, as plain data; nothing is saved."""
    actor.require(Right.MANAGE_RULES)
    _known(changes)
    document = load_model(services, actor, model)[1]
    _require_change(services, actor, document, territory, changes)
    before = entry_of(document, territory)
    after = before | dict(changes)
    entries = [after if one["key"] == territory else one for one in _entries(document)]
    new = _checked(services, document, entries)
    refuse_strange_names(services, actor, new, named=after["named"] or (), before=before["named"])
    return write_document(new)


def add_territory(services: Services, actor: Actor, model: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Add a territory to a planning model, after its parent's last child; returns it as ``read_territory`` does.

    Raises
    ------
    ConflictError
        ``territory-exists``; ``model-not-in-planning``.
    InvalidInputError
        With every problem the changed document has.
    """
    actor.require(Right.PLAN)
    key = entry.get("key")
    _known({name: value for name, value in entry.items() if name != "key"})
    with services.records.transaction(actor, cause=f"add territory {key} to {model}"):
        document = plan_for_change(services, actor, model)
        require_planned(
            services, actor, Right.PLAN, document=document, territories=[_text(entry.get("parent"))]
        )
        entries = _entries(document)
        if any(one["key"] == key for one in entries):
            raise ConflictError(
                f"There is a territory '{key}' already.", code="territory-exists", fix="Choose another key."
            )
        new = _checked(services, document, _inserted(entries, dict(entry)))
        refuse_strange_names(services, actor, new, named=entry.get("named") or ())
        keep_model(services, new, actor=actor, because=f"{entry.get('name') or key} was added.")
    return territory_of(services, new, str(key))


def remove_territory(
    services: Services,
    actor: Actor,
    model: str,
    territory: str,
    *,
    children: str = "refuse",
    fingerprint: str | None = None,
) -> dict[str, Any]:
    """Remove a territory from a planning model; returns the keys ``removed`` and ``moved``.

    Parameters
    ----------
    children : str
        What becomes of the territories below: ``refuse`` to remove it when there are any, ``move-up`` to its parent,
        or ``remove`` them too.
    fingerprint : str, optional
        Of the territory as it was read.
    """
    actor.require(Right.PLAN)
    if children not in CHILDREN:
        raise UsageError(
            f"'{children[:40]}' is no way to treat children.",
            code="bad-choice",
            fix=f"Use {', '.join(CHILDREN)}.",
        )
    with services.records.transaction(actor, cause=f"remove territory {territory} of {model}"):
        document = plan_for_change(services, actor, model)
        parent = next((node.parent for node in document.territories if node.key == territory), None)
        require_planned(
            services, actor, Right.PLAN, document=document, territories=[territory], around=[parent]
        )
        before = entry_of(document, territory)
        if fingerprint is not None:
            _refuse_stale(before, {}, fingerprint)
        below = [node.key for node in document.tree.subtree(territory)][1:]
        direct = [node.key for node in document.tree.children(territory)]
        if below and children == "refuse":
            raise ConflictError(
                f"'{territory}' has {len(below)} territor{'ies' if len(below) != 1 else 'y'} below it.",
                code="has-children",
                fix="Move them up, or remove them too.",
                difference={"children": [direct, []]},
            )
        gone = {territory, *(below if children == "remove" else ())}
        entries = [
            one | ({"parent": before["parent"]} if one["parent"] == territory else {})
            for one in _entries(document)
            if one["key"] not in gone
        ]
        new = _checked(services, document, entries)
        keep_model(services, new, actor=actor, because=f"{before['name']} was removed.")
    return {"removed": sorted(gone), "moved": [] if children == "remove" else direct}


def plan_for_change(services: Services, actor: Actor, model: str) -> TerritoryModelDocument:
    """Return a model that may be changed, and let nobody else change it until the transaction ends."""
    _turn(services)
    document = load_model(services, actor, model)[1]
    state = next(one["state"] for one in services.models.all() if one["key"] == model)
    if state not in EDITABLE:
        raise ConflictError(
            f"The model '{model}' is {state.replace('_', ' ')}, neither in planning nor in review.",
            code="model-not-in-planning",
            fix="Cancel its schedule first."
            if state == "scheduled"
            else "Copy it into a planning model, and change that.",
        )
    return document


def _require_change(
    services: Services,
    actor: Actor,
    document: TerritoryModelDocument,
    territory: str,
    changes: Mapping[str, Any],
) -> None:
    """Raise unless the actor may change this of the territory: its rules, or (more) its place in the tree.

    What decides which accounts reach it is for those who may change the territory above it (``borders``).
    """
    require_planned(services, actor, Right.MANAGE_RULES, document=document, territories=[territory])
    before = next((node for node in document.territories if node.key == territory), None)
    if before is None:
        return
    written = _written(before)
    if any(name in changes and _differs(changes[name], written[name]) for name in OUTER):
        require_planned(
            services,
            actor,
            Right.MANAGE_RULES,
            document=document,
            territories=[territory],
            around=[before.parent],
        )
    if "type" in changes and changes["type"] != before.type:
        require_planned(services, actor, Right.PLAN, document=document, territories=[territory])
    if "parent" in changes and changes["parent"] != before.parent:
        places = [territory, _text(changes["parent"])]
        require_planned(
            services, actor, Right.PLAN, document=document, territories=places, around=[before.parent]
        )


def _differs(new: Any, old: Any) -> bool:
    """Return whether a value is another one; nothing, blank and an empty list are the same."""
    return (new or None) != (old or None) if not isinstance(old, int) else new != old


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _turn(services: Services) -> None:
    # Publishing takes the turn of the accounts too: an edit is in what is published, or comes after it.
    services.records.take_turn("accounts")


def _known(changes: Mapping[str, Any]) -> None:
    problems = [
        Problem("unknown-key", f"'{name}' cannot be changed here.", f"Known: {', '.join(CHANGEABLE)}.", where=name)
        for name in changes
        if name not in CHANGEABLE
    ]  # fmt: skip
    if problems:
        raise InvalidInputError("The territory was not changed.", problems)


def _refuse_stale(before: Entry, changes: Mapping[str, Any], seen: str) -> None:
    if fingerprint(before) != seen:
        raise ConflictError(
            f"Somebody else changed '{before['key']}' meanwhile.",
            code="stale-version",
            fix="Look at the difference, then save again.",
            difference={
                name: [value, before[name]] for name, value in changes.items() if value != before[name]
            },
        )


def _entries(document: TerritoryModelDocument) -> list[Entry]:
    return [_written(node) for node in document.territories]


def _inserted(entries: list[Entry], entry: Entry) -> list[Entry]:
    """Return the entries with a new one behind its parent's last child."""
    parent = entry.get("parent")
    family = [place for place, one in enumerate(entries) if parent in (one["parent"], one["key"]) and parent]
    place = (family[-1] if family else len(entries) - 1) + 1
    return [*entries[:place], entry, *entries[place:]]


def checked_document(
    services: Services, document: TerritoryModelDocument, changes: Mapping[str, Mapping[str, Any]]
) -> TerritoryModelDocument:
    """Return a document with entries (by key) changed, or raise InvalidInputError with every problem."""
    entries = [one | dict(changes.get(one["key"], {})) for one in _entries(document)]
    return _checked(services, document, entries)


def _checked(
    services: Services, document: TerritoryModelDocument, entries: Sequence[Entry]
) -> TerritoryModelDocument:
    data = write_document(document) | {"territories": [_lean(one) for one in entries]}
    return read_document(data, fields=company_fields(services.records))


def _lean(entry: Entry) -> Entry:
    """Return an entry without what says nothing; blank text is no criterion."""
    found = {name: value for name, value in entry.items() if value is not None}
    if isinstance(found.get("where"), str) and not found["where"].strip():
        del found["where"]
    return found
