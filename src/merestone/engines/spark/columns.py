"""Which columns of a frame the rules need, so that nothing else is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from merestone.base.errors import InvalidInputError, Problem
from merestone.core.criteria import fields_used, leaves
from merestone.core.criteria.expression import Call
from merestone.core.criteria.fields import ALIASES
from merestone.core.rules import Ruleset

IDS = ("id", "external_id")
PLACE = ("latitude", "longitude")


@dataclass(frozen=True, slots=True)
class Needed:
    """The columns to read.

    Parameters
    ----------
    columns : mapping of str to str
        Name the rules know -> column of the frame; the ids are among them.
    id : str
        Which of them names the records.
    missing : tuple of str
        Fields of the rules without a column: they count as missing in every record.
    """

    columns: Mapping[str, str]
    id: str
    missing: tuple[str, ...]


def needed(ruleset: Ruleset, names: Iterable[str], *, where: str) -> Needed:
    """Return what to read of a frame with columns ``names``.

    Parameters
    ----------
    ruleset : Ruleset
        The rules.
    names : iterable of str
        The frame's columns; letter case does not count, and blanks and dashes are as good as ``_``.
    where : str
        What the frame is called in errors.

    Raises
    ------
    InvalidInputError
        There is no column of ids, two columns have one name, or the rules ask for fields and none is there.
    """
    held = _by_name(names, where=where)
    columns = {name: held[name] for name in IDS if name in held}
    if not columns:
        raise InvalidInputError(
            f"'{where}' has no column 'id' or 'external_id'; it has {_list(held.values())}.",
            code="no-id",
            fix="Name the column of the record ids 'id'.",
        )
    fields = fields_of(ruleset)
    found = {field: held[name] for field in fields if (name := _name_of(field, ruleset, held))}
    missing = tuple(field for field in fields if field not in found)
    if fields and not found:
        raise InvalidInputError(
            f"'{where}' has no column the rules ask for; they ask for {_list(fields)}.",
            code="unknown-column",
            fix=f"Rename its columns like the fields; it has {_list(held.values())}.",
        )
    if "id" in columns and "external_id" in columns and not _asks_for_names(ruleset, fields):
        del columns["external_id"]
    return Needed(
        columns | {field: column for field, column in found.items() if column not in columns.values()},
        "id" if "id" in columns else "external_id",
        missing,
    )


def fields_of(ruleset: Ruleset) -> tuple[str, ...]:
    """Return the names of the fields that the rules read, in order of first use."""
    return tuple(dict.fromkeys(_fields(ruleset)))


def _fields(ruleset: Ruleset) -> Iterator[str]:
    for rule in ruleset.rules:
        if rule.where is None:
            continue
        yield from (ruleset.fields[name].name for name in fields_used(rule.where))
        if any(isinstance(leaf, Call) and leaf.field is None for leaf in leaves(rule.where)):
            yield from PLACE


def _asks_for_names(ruleset: Ruleset, fields: Iterable[str]) -> bool:
    return "external_id" in fields or any(rule.named or rule.exclude for rule in ruleset.rules)


def _by_name(names: Iterable[str], *, where: str) -> dict[str, str]:
    """Return plain name -> column."""
    held: dict[str, str] = {}
    for column in names:
        name = re.sub(r"[\s-]+", "_", column.strip()).lower()
        if name in held:
            message = f"'{held[name]}' and '{column}' have one name."
            raise InvalidInputError(
                f"'{where}' has two columns called '{name}'.",
                [Problem("duplicate-header", message, "Rename or remove one of them.")],
            )
        held[name] = column
    return held


def _name_of(field: str, ruleset: Ruleset, held: Mapping[str, str]) -> str | None:
    """Return which of ``held`` is the field: its own name, else the first alias that no field of the rules hides."""
    own = {known.name for known in ruleset.fields}
    names = (field, *(alias for alias, target in ALIASES.items() if target == field and alias not in own))
    return next((name for name in names if name in held), None)


def _list(names: Iterable[str], *, most: int = 12) -> str:
    shown = [f"'{name}'" for name in names]
    return ", ".join(shown[:most]) + (f" and {len(shown) - most} more" if len(shown) > most else "") or "none"
