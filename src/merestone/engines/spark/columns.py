"""Which columns of a frame the rules need, so that nothing else is read; columns are understood as those of files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from merestone.app.file_columns import EXTERNAL_ID, FileColumns, fields_read, match_headers
from merestone.base.errors import InvalidInputError
from merestone.core.rules import Ruleset


@dataclass(frozen=True, slots=True)
class Needed:
    """The columns to read.

    Parameters
    ----------
    columns : mapping of str to str
        Name the rules know -> column of the frame; ``id`` is always there.
    warnings : tuple of dict
        What a person should look at: fields without a column, and columns whose meaning was guessed.
    """

    columns: Mapping[str, str]
    warnings: tuple[dict[str, Any], ...]


def needed(ruleset: Ruleset, names: Sequence[str], *, where: str) -> Needed:
    """Return what to read of a frame with columns ``names``, which errors call ``where``.

    Raises
    ------
    InvalidInputError
        ``no-id``: there is no column of ids. ``unknown-column``: the rules ask for fields, and none is there.
    """
    fields = fields_read(ruleset)
    found = match_headers(names, fields, fields=ruleset.fields, name=where)
    columns = dict(found.header_of)
    if fields and not any(field in columns or field == EXTERNAL_ID for field in fields):
        raise InvalidInputError(
            f"'{where}' has no column the rules ask for; they ask for {_list(fields)}.",
            code="unknown-column",
            fix=f"Name its columns like the fields; it has {_list(names)}.",
        )
    if EXTERNAL_ID not in fields and not any(rule.named or rule.exclude for rule in ruleset.rules):
        columns.pop(EXTERNAL_ID, None)  # it would only be looked at for names
    return Needed(columns, tuple(_warnings(found, where)))


def _warnings(found: FileColumns, where: str) -> Iterator[dict[str, Any]]:
    for field in found.missing:
        message = f"No column of '{where}' is '{field}'; it is missing everywhere."
        yield {"code": "no-column", "message": message, "field": field}
    for field, column in found.guessed.items():
        message = f"The column '{column}' was read as '{field}'."
        yield {"code": "header-guessed", "message": message, "column": column, "field": field}


def _list(names: Iterable[str], *, most: int = 12) -> str:
    shown = [f"'{name}'" for name in names]
    return ", ".join(shown[:most]) + (f" and {len(shown) - most} more" if len(shown) > most else "") or "none"
