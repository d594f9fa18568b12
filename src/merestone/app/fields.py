"""Custom fields: declared once with a type, then usable in files, lists, criteria and exports alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from merestone.app.policy import Actor, Right
from merestone.app.services import Services
from merestone.base.errors import InvalidInputError, Problem
from merestone.core.criteria.fields import is_field_name
from merestone.core.model.columns import TABLES, Kind

FIELD_TABLES = ("accounts", "leads")
FIELD_KINDS = tuple(kind.value for kind in Kind if kind is not Kind.LOCATION)


def declare_field(
    services: Services,
    actor: Actor,
    *,
    table: str,
    key: str,
    kind: str,
    label: str = "",
    choices: Sequence[str] = (),
    is_indexed: bool = False,
) -> dict[str, Any]:
    """Declare a custom field, or change its label, choices and index; the same again changes nothing.

    Parameters
    ----------
    key : str
        Lower-case letters, digits and underscores; the name criteria use.
    kind : str
        One of ``FIELD_KINDS``; cannot be changed later.
    is_indexed : bool
        Give it a database index, for lists that filter by it.

    Raises
    ------
    InvalidInputError
        Unknown table or kind, bad key, key of a built-in column: all at once.
    ConflictError
        If the field is there with another kind.
    """
    actor.require(Right.PLAN, everywhere=True)
    problems = field_problems(table, key, kind)
    if problems:
        raise InvalidInputError("The field was not declared.", problems)
    with services.records.transaction(actor, cause=f"declare field {key}"):
        services.records.declare_field(
            table, key, kind=kind, label=label, choices=choices, is_indexed=is_indexed
        )
    return {"table": table, "key": key, "kind": kind, "is_indexed": is_indexed}


def field_problems(table: str, key: str, kind: str) -> list[Problem]:
    """Return all that is wrong with a declaration."""
    problems = []
    if table not in FIELD_TABLES:
        fix = f"Use {' or '.join(FIELD_TABLES)}."
        problems.append(Problem("unknown-table", f"'{table}' takes no custom fields.", fix, where="table"))
    elif key in TABLES[table].names:
        problems.append(
            Problem("field-exists", f"'{key}' is a built-in column.", "Use another key.", where="key")
        )
    if not is_field_name(key):
        fix = "Use lower-case letters, digits and underscores, a letter first."
        problems.append(Problem("bad-key", f"'{key}' cannot be the key of a field.", fix, where="key"))
    if kind not in FIELD_KINDS:
        fix = f"Use one of {', '.join(FIELD_KINDS)}."
        problems.append(Problem("unknown-kind", f"'{kind}' is not a kind of field.", fix, where="kind"))
    return problems
