"""SQL expressions of our own for querysets."""

from __future__ import annotations

import re
from typing import Any

from django.db.models import BooleanField, CharField, F, FloatField, Func

from merestone.base.errors import UsageError

_KEY = re.compile(r"[-a-zA-Z0-9_]+")
_OUTPUT: dict[str, type[Any]] = {"number": FloatField, "money": FloatField, "boolean": BooleanField}
_CASTS = {"number": "::double precision", "money": "::double precision", "boolean": "::boolean"}


class CustomValue(Func):
    """The value of a custom field, to filter and order by: ``rows.annotate(tier=CustomValue("tier", "text"))``.

    The key stands in the SQL as it is, and not as a parameter as in ``custom__tier``: SQLite uses the index of an
    expression only when both read the same.

    Parameters
    ----------
    key : str
        A custom field's key: letters, digits, ``_`` and ``-``.
    kind : str
        Its ``columns.Kind``; dates, instants and lists compare as their text.
    """

    def __init__(self, key: str, kind: str = "text", **options: Any) -> None:
        if not _KEY.fullmatch(key):
            raise UsageError(f"'{key}' is not a custom field's key.", code="bad-key")
        self.key, self.kind = key, kind
        super().__init__(F("custom"), output_field=_OUTPUT.get(kind, CharField)(), **options)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Return ``json_extract(custom, '$."key"')``."""
        return self.as_sql(compiler, connection, template=self.sql("sqlite", "%(expressions)s"), **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Return ``(custom ->> 'key')``, cast to its kind."""
        return self.as_sql(
            compiler, connection, template=self.sql("postgresql", "%(expressions)s"), **context
        )

    def sql(self, vendor: str, column: str) -> str:
        """Return the SQL over a column; an index on it serves the filter."""
        if vendor == "sqlite":
            return f"""json_extract({column}, '$."{self.key}"')"""
        return f"(({column} ->> '{self.key}'){_CASTS.get(self.kind, '')})"
