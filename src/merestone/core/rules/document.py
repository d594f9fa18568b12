"""Reading and writing model documents as plain data; every problem is reported at once.

``read_document`` accepts what YAML or JSON gives (dates as text or as dates); ``write_document`` gives JSON values in a
stable order, leaving defaults out, so that reading what was written changes nothing. Not here: files and references to
other files (``connectors.files.documents``).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from merestone.base.errors import InvalidInputError, Problem
from merestone.core.criteria import FieldSet, standard_fields
from merestone.core.criteria.fields import custom_field
from merestone.core.model.columns import MEMBER_ROLES, Kind
from merestone.core.model.terms import Guidelines, Terms, plain_text, told
from merestone.core.model.territory import (
    DEFAULT_PRIORITY,
    DEFAULT_TYPE,
    EXPECTATIONS,
    Case,
    Membership,
    TerritoryModelDocument,
    TerritoryNode,
    TerritoryType,
)
from merestone.core.rules.audit import document_problems
from merestone.core.rules.reading import MAX_PROBLEMS, Reader

VERSION = 1
MAX_GUIDELINES = 50_000  # characters
Entries = list[tuple[str, Mapping[str, Any]]]  # where each stands, and what it says
_TOP = (
    "merestone", "model", "policies", "guidelines", "acknowledge", "fields", "areas", "lists", "types", "territories",
)  # fmt: skip
_MODEL = ("key", "name", "effective")
_TYPE = ("key", "name", "primary")
_TERRITORY = (
    "key", "name", "parent", "type", "where", "priority", "members", "named", "exclude", "cases", "notes",
    "guidelines", "acknowledge",
)  # fmt: skip
_MEMBER = ("rep", "role", "from", "to")
_CASE = ("record", "expect")
_FIELD_KINDS = tuple(
    kind.value for kind in (Kind.TEXT, Kind.NUMBER, Kind.MONEY, Kind.DATE, Kind.BOOLEAN, Kind.LIST)
)


def document_fields(document: TerritoryModelDocument, *, fields: FieldSet | None = None) -> FieldSet:
    """Return the fields the criteria of ``document`` may use: the given (or built-in) ones and its own."""
    known = fields or standard_fields()
    own = (custom_field(name, kind) for name, kind in document.fields.items() if name not in known)
    return known.with_custom(own)


def read_document(data: Any, *, fields: FieldSet | None = None) -> TerritoryModelDocument:
    """Return the document that ``data`` says.

    Parameters
    ----------
    data : mapping
        Plain data in the shape of the model document format.
    fields : FieldSet, optional
        Fields known beside those the document declares; the built-in ones when omitted.

    Raises
    ------
    InvalidInputError
        Lists every problem: unknown and duplicate keys, missing parents, cycles, criteria, dates, members, cases …
    """
    document, _, problems = read_parts(data, fields=fields)
    if problems or document is None:
        raise invalid(problems)
    return document


def read_parts(
    data: Any, *, fields: FieldSet | None = None
) -> tuple[TerritoryModelDocument | None, Terms, list[Problem]]:
    """Return the document, what goes with it, and everything that is wrong; for those who have more to check.

    Of what is wrong the rest is usable. What policies may say is not checked here.
    """
    reader = Reader()
    document, terms = _document(reader, data)
    problems = reader.problems
    if document is not None:
        known = document_fields(document, fields=fields)
        found = document_problems(document, known, suggestions=reader.suggestions)
        problems += itertools.islice(found, MAX_PROBLEMS + 1 - len(problems))
    return document, terms, problems


def invalid(problems: list[Problem]) -> InvalidInputError:
    """Return the error that lists all problems of a document."""
    n = len(problems)
    message = f"The model document has {n:,} problem{'s' if n != 1 else ''}."
    if n > MAX_PROBLEMS:
        message = f"The model document has more than {MAX_PROBLEMS:,} problems; these are the first."
    return InvalidInputError(message, problems[:MAX_PROBLEMS], code="bad-document")


def _document(reader: Reader, data: Any) -> tuple[TerritoryModelDocument | None, Terms]:
    if not isinstance(data, Mapping):
        reader.report("bad-document", "", "The document is not a mapping.", "Start it with 'merestone: 1'.")
        return None, Terms()
    top = reader.mapping(data, "", known=_TOP)
    if top.get("merestone") != VERSION or isinstance(top.get("merestone"), bool):
        shown = top.get("merestone", "missing")
        reader.report(
            "bad-version", "merestone", f"The format version is {shown}.", f"Write 'merestone: {VERSION}'."
        )
    model = reader.mapping(top.get("model", {}), "model", known=_MODEL)
    types = _types(reader, top.get("types"))
    key = reader.key(model.get("key"), "model/key")
    entries = _entries(reader, top.get("territories"))
    document = TerritoryModelDocument(
        key=key,
        name=reader.text(model["name"], "model/name") if "name" in model else key,
        effective=reader.day(model.get("effective"), "model/effective"),
        fields=_fields(reader, top.get("fields")),
        areas=_areas(reader, top.get("areas")),
        lists=_lists(reader, top.get("lists")),
        types=types,
        territories=_territories(reader, entries, types),
    )
    return document, _terms(reader, top, entries)


def _terms(reader: Reader, top: Mapping[str, Any], entries: Entries) -> Terms:
    policies = top.get("policies")
    told_of = {
        str(entry.get("key")): _guidelines(reader, entry, f"{where}/")
        for where, entry in entries
        if "guidelines" in entry or "acknowledge" in entry
    }
    return Terms(
        policies=None if policies is None else reader.json(reader.mapping(policies, "policies"), "policies"),
        guidelines=_guidelines(reader, top, ""),
        territories={key: found for key, found in told_of.items() if found is not None},
    )


def _guidelines(reader: Reader, entry: Mapping[str, Any], where: str) -> Guidelines | None:
    """Return the guidelines an entry speaks of, or None."""
    text = reader.optional_text(entry.get("guidelines"), f"{where}guidelines", is_raw=True)
    must = reader.truth(entry.get("acknowledge", True), f"{where}acknowledge")
    if text is None:
        if "acknowledge" in entry:
            reader.report(
                "missing-value",
                f"{where}acknowledge",
                "There are no guidelines to acknowledge.",
                "Write 'guidelines' beside it, or leave it out.",
            )
        return None
    plain = plain_text(reader.keepable(text, f"{where}guidelines"))
    if len(plain) > MAX_GUIDELINES:
        reader.report(
            "too-long",
            f"{where}guidelines",
            f"The guidelines have {len(plain):,} characters.",
            f"Write at most {MAX_GUIDELINES:,}.",
        )
    return Guidelines(plain, must)


def _fields(reader: Reader, data: Any) -> dict[str, Kind]:
    fields = {}
    for name, kind in reader.mapping(data, "fields").items():
        where = f"fields/{name}"
        if reader.field_name(name, where):
            chosen = reader.choice(kind, where, choices=_FIELD_KINDS, what="field type")
            fields[name] = Kind(chosen or Kind.TEXT)
    return fields


def _areas(reader: Reader, data: Any) -> dict[str, Any]:
    entries = reader.mapping(data, "areas").items()
    return {key: geojson for key, geojson in entries if reader.key(key, f"areas/{key}")}


def _lists(reader: Reader, data: Any) -> dict[str, tuple[str, ...]]:
    lists = {}
    for key, items in reader.mapping(data, "lists").items():
        if reader.key(key, f"lists/{key}"):
            lists[key] = reader.texts(items, f"lists/{key}")
    return lists


def _types(reader: Reader, data: Any) -> tuple[TerritoryType, ...]:
    types = []
    for index, item in enumerate(reader.sequence(data, "types")):
        where = reader.place("types", item, index)
        entry = reader.mapping(item, where, known=_TYPE)
        key = reader.key(entry.get("key"), f"{where}/key")
        name = reader.text(entry["name"], f"{where}/name") if "name" in entry else key
        types.append(TerritoryType(key, name, reader.truth(entry.get("primary", True), f"{where}/primary")))
    return tuple(types) or (DEFAULT_TYPE,)


def _entries(reader: Reader, data: Any) -> Entries:
    entries: Entries = []
    for index, item in enumerate(reader.sequence(data, "territories")):
        where = reader.place("territories", item, index)
        entries.append((where, reader.mapping(item, where, known=_TERRITORY)))
    return entries


def _territories(
    reader: Reader, entries: Entries, types: tuple[TerritoryType, ...]
) -> tuple[TerritoryNode, ...]:
    type_of = _inherited_types([entry for _, entry in entries], default=types[0].key)
    return tuple(_territory(reader, entry, where, type_of=type_of) for where, entry in entries)


def _inherited_types(entries: list[Mapping[str, Any]], *, default: str) -> dict[Any, str]:
    """Return the type of each territory key: its own, else its parent's, else ``default``; stops at circles."""
    own = {_hashable(entry.get("key")): entry for entry in entries}
    known: dict[Any, str] = {}
    for key in own:
        trail: dict[Any, None] = {}
        at = key
        while at in own and at not in known and own[at].get("type") is None and at not in trail:
            trail[at] = None
            at = _hashable(own[at].get("parent"))
        found = known.get(at) or (
            str(own[at]["type"]) if at in own and own[at].get("type") is not None else default
        )
        known |= dict.fromkeys([*trail, key], found)
    return known


def _hashable(value: Any) -> Any:
    return str(value) if value is not None else None


def _territory(
    reader: Reader, entry: Mapping[str, Any], where: str, *, type_of: Mapping[Any, str]
) -> TerritoryNode:
    key = reader.key(entry.get("key"), f"{where}/key")
    return TerritoryNode(
        key=key,
        name=reader.text(entry["name"], f"{where}/name") if "name" in entry else key,
        type=type_of[_hashable(entry.get("key"))],
        parent=reader.optional_text(entry.get("parent"), f"{where}/parent"),
        where=reader.optional_text(entry.get("where"), f"{where}/where", is_raw=True),
        priority=reader.integer(entry.get("priority", DEFAULT_PRIORITY), f"{where}/priority"),
        members=tuple(_members(reader, entry.get("members"), f"{where}/members")),
        named=reader.texts(entry.get("named"), f"{where}/named"),
        exclude=reader.texts(entry.get("exclude"), f"{where}/exclude"),
        cases=tuple(_cases(reader, entry.get("cases"), f"{where}/cases")),
        notes=reader.keepable(
            reader.optional_text(entry.get("notes"), f"{where}/notes", is_raw=True) or "", f"{where}/notes"
        ),
    )


def _members(reader: Reader, data: Any, where: str) -> Iterator[Membership]:
    for index, item in enumerate(reader.sequence(data, where)):
        place = f"{where}/{index + 1}"
        entry = reader.mapping(item, place, known=_MEMBER)
        role = reader.choice(entry.get("role", "owner"), f"{place}/role", choices=MEMBER_ROLES, what="role")
        yield Membership(
            rep=reader.text(entry.get("rep"), f"{place}/rep").lower(),
            role=role or "owner",
            start=reader.day(entry.get("from"), f"{place}/from"),
            end=reader.day(entry.get("to"), f"{place}/to"),
        )


def _cases(reader: Reader, data: Any, where: str) -> Iterator[Case]:
    for index, item in enumerate(reader.sequence(data, where)):
        place = f"{where}/{index + 1}"
        entry = reader.mapping(item, place, known=_CASE)
        expect = reader.choice(
            entry.get("expect", "match"), f"{place}/expect", choices=EXPECTATIONS, what="expectation"
        )
        record = reader.mapping(entry.get("record"), f"{place}/record")
        values = {name: _plain(reader, value, f"{place}/record/{name}") for name, value in record.items()}
        yield Case(values, expect or "match")


def _plain(reader: Reader, value: Any, where: str) -> Any:
    """Return a record's value as JSON: dates as ISO text, lists of such; anything deeper is reported."""
    if not isinstance(value, list | tuple):
        return _plain_scalar(reader, value, where)
    if any(isinstance(item, list | tuple | Mapping) for item in value):
        reader.report(
            "wrong-shape", where, "A record holds lists of texts, no lists within lists.", "Write [a, b]."
        )
        return None
    return [_plain_scalar(reader, item, where) for item in value]


def _plain_scalar(reader: Reader, value: Any, where: str) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return reader.keepable(value, where) if isinstance(value, str) else value


# --- writing ----------------------------------------------------------------------------------------------------------


def write_document(document: TerritoryModelDocument, terms: Terms | None = None) -> dict[str, Any]:
    """Return ``document`` as JSON values in stable order; ``read_document`` of it gives an equal document.

    With ``terms``, also what goes with it.
    """
    beside = terms or Terms()
    data: dict[str, Any] = {
        "merestone": VERSION,
        "model": _compact(
            {
                "key": document.key,
                "name": document.name if document.name != document.key else None,
                "effective": document.effective.isoformat() if document.effective else None,
            }
        ),
        "policies": _sorted(beside.policies or {}),
        **_write_guidelines(beside.guidelines),
        "fields": {name: kind.value for name, kind in document.fields.items()},
        "areas": dict(document.areas),
        "lists": {key: list(items) for key, items in document.lists.items()},
        "types": [_write_type(kind) for kind in document.types],
    }
    types = {node.key: node.type for node in document.territories}
    first = document.types[0].key
    territories = [
        _write_territory(node, types.get(node.parent or "", first))
        | _write_guidelines(beside.territories.get(node.key))
        for node in document.territories
    ]
    return {key: value for key, value in data.items() if value != {}} | {"territories": territories}


def _write_guidelines(guidelines: Guidelines | None) -> dict[str, Any]:
    said = told(guidelines)
    if said is None:
        return {}
    return {"guidelines": said.text} | ({} if said.must_be_acknowledged else {"acknowledge": False})


def _sorted(value: Any) -> Any:
    """Return JSON with sorted names: PostgreSQL keeps no order of them."""
    if isinstance(value, Mapping):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list | tuple) else value


def _compact(data: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if value not in (None, "", [])}


def _write_type(kind: TerritoryType) -> dict[str, Any]:
    return _compact({"key": kind.key, "name": kind.name if kind.name != kind.key else None}) | {
        "primary": kind.is_primary
    }


def _write_territory(node: TerritoryNode, inherited: str) -> dict[str, Any]:
    return _compact(
        {
            "key": node.key,
            "name": node.name if node.name != node.key else None,
            "parent": node.parent,
            "type": node.type if node.type != inherited or node.parent is None else None,
            "where": node.where,
            "priority": node.priority if node.priority != DEFAULT_PRIORITY else None,
            "members": [_write_member(member) for member in node.members],
            "named": list(node.named),
            "exclude": list(node.exclude),
            "cases": [{"record": dict(case.record), "expect": case.expect} for case in node.cases],
            "notes": node.notes,
        }
    )


def _write_member(member: Membership) -> dict[str, Any]:
    return _compact(
        {
            "rep": member.rep,
            "role": member.role,
            "from": member.start.isoformat() if member.start else None,
            "to": member.end.isoformat() if member.end else None,
        }
    )
