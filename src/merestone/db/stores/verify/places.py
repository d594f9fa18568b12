"""Promise 1 and 4: everything has exactly one place, its owner belongs there, leads are assigned once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from django.db import models

from merestone.app.ports_audit import Check, Finding
from merestone.core.routing.rotation import Rotation as Turns
from merestone.db.models import (
    Account,
    AccountAssociation,
    Lead,
    LeadAssociation,
    Member,
    Rep,
    Rotation,
    Territory,
    TerritoryModel,
    TerritoryNode,
)
from merestone.db.stores.verify.asking import rows, table_of

SIDES: dict[str, tuple[type[models.Model], type[models.Model], str]] = {
    "account": (Account, AccountAssociation, "account_id"),
    "lead": (Lead, LeadAssociation, "lead_id"),
}
RULED = ("rule", "named")


def checks() -> Sequence[Check]:
    """Return the checks."""
    return (
        Check("one-active-model", 1, "At most one model is active, and one once any was.", _active),
        *(_one_place(word) for word in SIDES),
        *(_owner_belongs(word) for word in SIDES),
        *(_in_active_model(word) for word in SIDES),
        Check("lead-assigned-once", 4, "No lead was routed away from an owner.", _assigned_once),
        Check("fair-turns", 4, "Every rotation's turns add up and are fair.", _fair),
    )


def _active() -> Iterator[Finding]:
    sql = f"SELECT id, key FROM {table_of(TerritoryModel)} WHERE state = 'active' ORDER BY id"  # noqa: S608
    found = list(rows(sql))
    if len(found) > 1:
        for pk, key in found:
            yield Finding(
                f"The model '{key}' is active, and {len(found) - 1} more.",
                "Archive all but the right one, and run the rules.",
                "models",
                pk,
                key,
            )
    if not found:
        sql = f"SELECT count(*) FROM {table_of(TerritoryModel)} WHERE activated_at IS NOT NULL"  # noqa: S608
        if next(rows(sql))[0]:
            yield Finding("Models were active, but none is now.", "Publish one.", "models")


def _one_place(word: str) -> Check:
    record, association, link = SIDES[word]

    def ask() -> Iterator[Finding]:
        sql = (
            f"SELECT r.id, r.name, count(a.id) FROM {table_of(record)} AS r LEFT JOIN {table_of(association)} AS a"  # noqa: S608
            f" ON a.{link} = r.id AND a.valid_to IS NULL AND a.is_primary"
            " GROUP BY r.id, r.name HAVING count(a.id) <> 1 ORDER BY r.id"
        )
        for pk, name, n in rows(sql):
            words = "is nowhere: no open place" if n == 0 else f"is in {n} places at once"
            yield Finding(
                f"The {word} {pk} ({name}) {words}.",
                "Run the rules for it." if n == 0 else "End all but the right place.",
                f"{word}s",
                pk,
                str(n),
            )
        sql = (
            f"SELECT id, {link}, owner_id FROM {table_of(association)}"  # noqa: S608
            " WHERE owner_id IS NOT NULL AND territory_id IS NULL ORDER BY id"
        )
        for pk, one, owner in rows(sql):
            yield Finding(
                f"The {word} {one} has the owner {owner} without a territory.",
                "Run the rules for it.",
                f"{word}s",
                one,
                f"association {pk}",
            )

    return Check(f"{word}-in-one-place", 1, f"Every {word} has one owner and territory, or waits.", ask)


def _owner_belongs(word: str) -> Check:
    _, association, link = SIDES[word]
    # Who owns an account by rule is an owner member of its territory; leads go to any of its people.
    role = " AND m.role = 'owner'" if word == "account" else ""

    def ask() -> Iterator[Finding]:
        sql = (
            f"SELECT a.{link}, a.owner_id, r.name, t.key FROM {table_of(association)} AS a"  # noqa: S608
            f" JOIN {table_of(Territory)} AS t ON t.id = a.territory_id"
            f" LEFT JOIN {table_of(Rep)} AS r ON r.id = a.owner_id"
            " WHERE a.valid_to IS NULL AND a.owner_id IS NOT NULL AND a.cause IN ('rule', 'named') AND NOT EXISTS ("
            f"SELECT 1 FROM {table_of(Member)} AS m JOIN {table_of(TerritoryNode)} AS n ON n.id = m.node_id"
            f" WHERE n.territory_id = a.territory_id AND m.rep_id = a.owner_id{role}) ORDER BY 1"
        )
        for one, owner, name, key in rows(sql):
            yield Finding(
                f"The {word} {one} is owned by {name or owner} by rule, who is no"
                f" {'owner' if role else 'member'} of its territory '{key}'.",
                "Run the rules for it, or move it by hand.",
                f"{word}s",
                one,
                str(name or owner),
            )

    return Check(f"{word}-owner-belongs", 1, f"Who owns a {word} by rule belongs to its territory.", ask)


def _in_active_model(word: str) -> Check:
    _, association, link = SIDES[word]

    def ask() -> Iterator[Finding]:
        nodes = f"{table_of(TerritoryNode)} AS n JOIN {table_of(TerritoryModel)} AS m ON m.id = n.model_id"
        sql = (
            f"SELECT a.{link}, t.key FROM {table_of(association)} AS a JOIN {table_of(Territory)} AS t"  # noqa: S608
            " ON t.id = a.territory_id WHERE a.valid_to IS NULL AND NOT EXISTS ("
            f"SELECT 1 FROM {nodes} WHERE n.territory_id = a.territory_id AND m.state = 'active') ORDER BY 1"
        )
        # A lead keeps its owner through a publish, and so the territory it had then.
        weight = "breach" if word == "account" else "note"
        for one, key in rows(sql):
            yield Finding(
                f"The {word} {one} is in '{key}', which is no territory of the active model.",
                "Run the rules for it, or move it by hand.",
                f"{word}s",
                one,
                key,
                weight,
            )

    return Check(f"{word}-in-active-model", 1, f"Every {word} is in a territory of the active model.", ask)


def _assigned_once() -> Iterator[Finding]:
    table = table_of(LeadAssociation)
    sql = (
        "SELECT lead_id, before, owner_id FROM (SELECT lead_id, owner_id, cause, lag(owner_id) OVER"  # noqa: S608
        f" (PARTITION BY lead_id ORDER BY valid_from, id) AS before FROM {table} WHERE is_primary) AS turns"
        " WHERE cause = 'rule' AND before IS NOT NULL AND owner_id IS NOT NULL AND NOT EXISTS"
        f" (SELECT 1 FROM {table_of(Rep)} AS r WHERE r.id = before AND r.left_on IS NOT NULL) ORDER BY lead_id"
    )
    for lead, before, owner in rows(sql):
        yield Finding(
            f"The lead {lead} was routed from rep {before} to rep {owner}: it had an owner already.",
            "Give it back by hand if that was wrong.",
            "leads",
            lead,
            str(owner),
        )


def _fair() -> Iterator[Finding]:
    for rotation in Rotation.objects.select_related("territory").order_by("id"):
        try:
            turns = Turns.from_dict(rotation.state)
        except (KeyError, ValueError, TypeError, ZeroDivisionError):
            words = "cannot be read"
        else:
            words = _unfair(turns)
        if words:
            yield Finding(
                f"The rotation of '{rotation.territory.key}' {words}.",
                "Delete its row: the rotation starts anew.",
                "rotations",
                rotation.pk,
            )


def _unfair(turns: Turns) -> str:
    """Return what is wrong with a rotation, in words."""
    taken = sum(turn.taken for turn in turns.turns.values())
    due = sum((turn.due or Fraction(0) for turn in turns.turns.values()), Fraction(0))
    if taken != turns.n_taken:
        return f"has {taken} leads taken, of {turns.n_taken} shared out"
    if due != turns.n_taken:
        return f"has {due} leads due, of {turns.n_taken} shared out"
    weights = [Fraction(turn.weight) for turn in turns.turns.values()]
    has_stood = all(  # the same people with the same weights from the start: then the bound holds
        (turn.due or Fraction(0)) == Fraction(turn.weight) * turns.n_taken / sum(weights)
        for turn in turns.turns.values()
    )
    for turn in turns.turns.values() if has_stood else ():
        if abs(turn.taken - (turn.due or Fraction(0))) >= 1:
            return f"gave {turn.rep} {turn.taken} leads, where {float(turn.due or 0):.2f} were due"
    return ""
