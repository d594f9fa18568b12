"""The three model documents: last year's (archived), this year's (active), next year's (planning)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from merestone.boot.demo.conditions import Columns, lists_in
from merestone.boot.demo.fields import (
    CURRENT,
    DEFAULT_PRIORITY,
    KEY_ACCOUNTS,
    OVERLAYS,
    PLANNED,
    PREVIOUS,
    Field,
)
from merestone.boot.demo.geography import REGION_NAMES, REGION_STATES
from merestone.boot.demo.people import Person, Team

_CASES: dict[str, list[dict[str, Any]]] = {
    "bay-life-science": [
        {"record": {"state": "CA", "county": "06081", "naics": "325414", "country": "US"}, "expect": "win"},
        {
            "record": {"state": "CA", "county": "06081", "naics": "312120", "country": "US"},
            "expect": "no-match",
        },
    ],
    "chicago-enterprise": [
        {"record": {"state": "IL", "county": "17031", "employees": 250}, "expect": "match"},
        {"record": {"state": "IL", "county": "17031", "employees": 249}, "expect": "no-match"},
    ],
    "key-accounts": [
        {
            "record": {"state": "TX", "country": "US", "postal_code": "77002", "employees": 5000},
            "expect": "win",
        }
    ],
    "hawaii": [{"record": {"state": "HI", "employees": 12}, "expect": "match"}],
    "life-science": [
        {"record": {"naics": "541714"}, "expect": "match"},
        {"record": {"naics": "541380"}, "expect": "no-match"},
    ],
}


@dataclass(frozen=True, slots=True)
class Membership:
    """A rep in a territory over half-open days; ``None`` = open."""

    territory: str
    email: str
    role: str
    start: date
    end: date | None = None


@dataclass(frozen=True)
class Model:
    """One year's territories with their people.

    Parameters
    ----------
    named : dict of str to tuple of str
        Territory key to external ids that belong to it by name.
    excluded : dict of str to tuple of str
        Territory key to external ids that may never be in it.
    """

    key: str
    name: str
    effective: date
    fields: tuple[Field, ...]
    members: tuple[Membership, ...]
    named: dict[str, tuple[str, ...]]
    excluded: dict[str, tuple[str, ...]]

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of the leaf territories of the primary type."""
        return (*(field.key for field in self.fields), KEY_ACCOUNTS.key)

    def owner_on(self, territory: str, day: date) -> str:
        """Return the owner's e-mail, or an empty text."""
        owners = (m for m in self.members if m.territory == territory and m.role == "owner")
        return next((m.email for m in owners if m.start <= day and (m.end is None or day < m.end)), "")

    def match(self, columns: Columns) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return each row's position in ``keys`` (-1 = no match) and whether it is there by name."""
        leaves = (*self.fields, KEY_ACCOUNTS)
        winner = np.full(len(columns["state"]), -1)
        for position in sorted(range(len(leaves)), key=lambda i: _rank(leaves[i]), reverse=True):
            holds = leaves[position].rule.mask(columns)
            holds &= ~np.isin(columns["external_id"], self.excluded.get(leaves[position].key, ()))
            winner[holds] = position
        by_name = np.zeros(len(winner), dtype=bool)
        for key, ids in self.named.items():
            here = np.isin(columns["external_id"], ids)
            winner[here], by_name = self.keys.index(key), by_name | here
        return winner, by_name


def _rank(field: Field) -> tuple[int, int, int, str]:
    depth = 1 if field.parent == "us" else 2
    return field.priority, -depth, -field.rule.count(), field.key


def make_models(
    team: Team, *, today: date, named: tuple[str, ...], excluded: tuple[str, ...]
) -> tuple[Model, Model, Model]:
    """Return last year's, this year's and next year's model."""
    year = today.year
    by_name, never = {KEY_ACCOUNTS.key: named}, {KEY_ACCOUNTS.key: excluded}
    models = []
    for offset, fields, ids in ((-1, PREVIOUS, {}), (0, CURRENT, by_name), (1, PLANNED, by_name)):
        effective = date(year + offset, 1, 1)
        models.append(
            Model(
                f"fy{effective:%y}",
                f"FY{effective:%y} United States",
                effective,
                fields,
                _members(team, fields, effective, today=today),
                ids,
                never if ids else {},
            )
        )
    return models[0], models[1], models[2]


def _members(team: Team, fields: tuple[Field, ...], start: date, *, today: date) -> tuple[Membership, ...]:
    members = [Membership("us", team.head.email, "manager", start)]
    members += [
        Membership(region, team.manager_of(region).email, "manager", start) for region in REGION_NAMES
    ]
    for field in (*fields, KEY_ACCOUNTS):
        members += _owners(team, field, start, today=today)
    for field in OVERLAYS:
        specialist = next(p for p in team.people if p.territory == field.key)
        members.append(Membership(field.key, specialist.email, "specialist", start))
    return tuple(members)


def _owners(team: Team, field: Field, start: date, *, today: date) -> list[Membership]:
    """Return a field territory's owner, and a stand-in where the owner is or will be away."""
    holder = field.covered_by or (field.key if field.home else "")
    if not holder:
        return []
    owner = team.owner_of(holder)
    if owner.left_on is not None and owner.left_on <= start:
        return []
    members = _handed_over(team, field, owner, start, today=today) or [
        Membership(field.key, owner.email, "owner", start, owner.left_on)
    ]
    stand_in = {"georgia": "charlotte-south-carolina", "mountain": "arizona-new-mexico"}.get(field.key)
    if stand_in and start.year == today.year:
        members.append(Membership(field.key, team.owner_of(stand_in).email, "backup", start))
    return members


def _handed_over(team: Team, field: Field, owner: Person, start: date, *, today: date) -> list[Membership]:
    """Return two owners in turn where a territory changed hands during this year."""
    day = handover_day(today)
    if field.key != "indiana" or start.year != today.year or day <= start:
        return []
    before = team.owner_of("missouri")
    return [
        Membership(field.key, before.email, "owner", start, day),
        Membership(field.key, owner.email, "owner", day),
    ]


def handover_day(today: date) -> date:
    """Return the day Indiana got its new owner."""
    month = max(today.month - 4, 1)
    return date(today.year, month, 1)


def document_of(model: Model) -> dict[str, Any]:
    """Return a model as a document of plain JSON values."""
    everybody: dict[str, list[dict[str, Any]]] = {}
    for member in model.members:
        everybody.setdefault(member.territory, []).append(_member(member))
    lists: dict[str, list[str]] = {}
    for field in model.fields:
        lists |= lists_in(field.rule)
    nodes: list[dict[str, Any]] = [{"key": "us", "name": "United States", "type": "geo"}]
    nodes.append(_node(model, KEY_ACCOUNTS))
    for region, name in REGION_NAMES.items():
        states = ", ".join(REGION_STATES[region])
        nodes.append({"key": region, "name": name, "parent": "us", "notes": f"States: {states}."})
        nodes += [_node(model, field) for field in model.fields if field.parent == region]
    nodes.append({"key": "specialists", "name": "Specialists", "type": "specialist"})
    nodes += [_node(model, field) for field in OVERLAYS]
    for node in nodes:
        if node["key"] in everybody:
            node["members"] = everybody[node["key"]]
    return {
        "merestone": 1,
        "model": {"key": model.key, "name": model.name, "effective": model.effective.isoformat()},
        "lists": lists,
        "types": [
            {"key": "geo", "name": "Geography", "primary": True},
            {"key": "specialist", "name": "Specialists", "primary": False},
        ],
        "territories": nodes,
    }


def _member(member: Membership) -> dict[str, Any]:
    dates = {"from": member.start.isoformat()}
    if member.end is not None:
        dates["to"] = member.end.isoformat()
    return {"rep": member.email, "role": member.role, **dates}


def _node(model: Model, field: Field) -> dict[str, Any]:
    node: dict[str, Any] = {
        "key": field.key,
        "name": field.name,
        "parent": field.parent,
        "where": field.rule.text(),
    }
    if field.priority != DEFAULT_PRIORITY:
        node["priority"] = field.priority
    extras: Sequence[tuple[str, Any]] = (
        ("named", list(model.named.get(field.key, ()))),
        ("exclude", list(model.excluded.get(field.key, ()))),
        ("cases", _CASES.get(field.key, [])),
        ("notes", field.notes),
    )
    node |= {name: value for name, value in extras if value}
    return node
