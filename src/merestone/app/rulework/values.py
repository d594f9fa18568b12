"""The values a field has in the book, the most frequent first: what a type-ahead offers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.policy import Actor, Right
from merestone.app.rulebook import company_fields
from merestone.app.rulework.counting import seen_columns
from merestone.app.rulework.places import country_labels, state_labels
from merestone.app.services import Services
from merestone.base.errors import NotFoundError
from merestone.core.criteria import Field
from merestone.core.criteria.values import fold

MAX_VALUES = 100
MAX_TYPED = 200  # characters of what was typed that are looked at


def suggest_values(
    services: Services, actor: Actor, field: str, prefix: str = "", *, limit: int = 20
) -> dict[str, Any]:
    """Return the distinct values of a field over all accounts, the most frequent first.

    Parameters
    ----------
    field : str
        Name or alias of a field of accounts, custom ones included.
    prefix : str
        What was typed: values that begin with it come first, then those that contain it; the names of countries and
        states count as their codes.
    limit : int
        At most so many, 1 … ``MAX_VALUES``.

    Returns
    -------
    dict
        ``field``, ``values`` (``value``, ``label``, ``count``), ``distinct``, ``missing``: in all, whatever was typed.

    Raises
    ------
    NotFoundError
        When there is no such field.
    """
    actor.require(Right.MANAGE_RULES)
    known = company_fields(services.records).get(field.lower())
    if known is None:
        raise NotFoundError(f"There is no field '{field[:60]}'.")
    table = seen_columns(services, actor, [known.name])
    column = table[known.name] if known.name in table.column_names else pa.chunked_array([pa.nulls(0)])
    counts = _Counted.of(_Kept((table.schema.metadata or {}).get(b"generation", b""), known.name, column))
    labels = _labels(services, known)
    found = counts.like(fold(prefix[:MAX_TYPED]), labels, choices=known.choices)
    return {
        "field": known.name,
        "values": [
            {"value": value, "label": labels.get(value, ""), "count": n}
            for value, n in found[: max(1, min(limit, MAX_VALUES))]
        ],
        "distinct": len(counts.values),
        "missing": counts.missing,
    }


@dataclass(frozen=True)
class _Kept:
    """A column of the kept book, the same as long as the book is: counted once, not once per keystroke."""

    generation: bytes
    name: str
    column: pa.ChunkedArray = dataclasses.field(compare=False)


class _Counted:
    """Distinct values of a column as text with their counts, most frequent first, and how many rows have none."""

    def __init__(self, values: list[str], counts: list[int], missing: int) -> None:
        self.values, self.counts, self.missing = values, counts, missing
        self.folded = [fold(value) for value in values]

    @classmethod
    @lru_cache(maxsize=64)  # a class method holds no instance
    def of(cls, kept: _Kept) -> _Counted:
        column = kept.column.combine_chunks()
        missing = column.null_count
        if pa.types.is_list(column.type):
            missing = pc.sum(pc.less_equal(pc.fill_null(pc.list_value_length(column), 0), 0)).as_py() or 0
            column = pc.list_flatten(column)
            column = column.filter(pc.is_valid(column))
        found = pc.value_counts(column)
        pairs: dict[str, int] = {}
        written: dict[str, str] = {}
        for value, n in zip(
            found.field("values").to_pylist(), found.field("counts").to_pylist(), strict=True
        ):
            text = _text(value)
            if not text:
                continue
            key = fold(text)  # what compares alike is offered once, as it is written first
            pairs[key] = pairs.get(key, 0) + n
            written.setdefault(key, text)
        order = sorted(pairs, key=lambda key: (-pairs[key], key))
        return cls([written[key] for key in order], [pairs[key] for key in order], missing)

    def like(
        self, typed: str, labels: Mapping[str, str], *, choices: tuple[str, ...]
    ) -> list[tuple[str, int]]:
        """Return values that begin with what was typed, then those that contain it; choices count even when unused."""
        begins, contains = [], []
        for value, folded, n in zip(self.values, self.folded, self.counts, strict=True):
            label = fold(labels.get(value, ""))
            if folded.startswith(typed) or label.startswith(typed):
                begins.append((value, n))
            elif typed in folded or typed in label:
                contains.append((value, n))
        unused = [
            (choice, 0) for choice in choices if fold(choice) not in set(self.folded) and typed in choice
        ]
        return begins + contains + unused  # fmt: skip


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):  # of an instant its day
        return value.isoformat()[:10]
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return str(value).strip()


def _labels(services: Services, field: Field) -> dict[str, str]:
    """Return value -> words for codes of countries and states, and for stored words."""
    if field.name == "country":
        return country_labels(services)
    if field.name == "state":
        return state_labels(services, "US")
    if field.choices:
        return {choice: choice.replace("_", " ").capitalize() for choice in field.choices}
    return {}
