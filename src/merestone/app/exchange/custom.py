"""Custom fields as columns named ``custom.<key>``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from merestone.core.model.columns import Column, Kind

Custom = Mapping[str, str] | Iterable[Column | str]
"""Declared custom fields: key -> kind, or columns, or bare keys (text)."""


def custom_columns(custom: Custom) -> tuple[Column, ...]:
    """Return the columns of declared custom fields."""
    if isinstance(custom, Mapping):
        return tuple(_column(key, kind) for key, kind in custom.items())
    return tuple(item if isinstance(item, Column) else _column(item, Kind.TEXT) for item in custom)


def _column(key: str, kind: str) -> Column:
    bare = key.removeprefix("custom.")
    return Column(f"custom.{bare}", Kind(kind), bare.replace("_", " ").capitalize())
