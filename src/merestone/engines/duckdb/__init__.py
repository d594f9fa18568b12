"""Matching in DuckDB: the second, independent implementation of what rules mean.

Criteria become relations and SQL (built with SQLGlot); the winner is found by joins down the tree. It exists to check
the kernel and to show the meaning in a language that databases share. Not here: the online path, which is the kernel's.
"""

from __future__ import annotations

import pyarrow as pa

from merestone.core.rules import Ruleset
from merestone.engines.duckdb.changes import rematch
from merestone.engines.duckdb.compiled import RESULT_SCHEMA, DuckdbRules
from merestone.engines.duckdb.plan import make_plan
from merestone.engines.duckdb.session import Limits
from merestone.engines.duckdb.sql import render_sql

__all__ = ["RESULT_SCHEMA", "DuckdbMatcher", "DuckdbRules", "Limits", "render_sql"]

_KEPT = 4  # rulesets kept ready: the active model, a draft, and their rematches


class DuckdbMatcher:
    """Makes rules ready and matches tables against them.

    Parameters
    ----------
    threads : int, optional
        Threads of each answer; one per processor when omitted.
    memory_mb : int
        Memory of each answer.
    """

    def __init__(self, *, threads: int | None = None, memory_mb: int = Limits.memory_mb) -> None:
        self._limits = Limits(threads, memory_mb)
        self._ready: list[DuckdbRules] = []

    def kept(self, digest: str) -> DuckdbRules | None:  # noqa: ARG002
        """Return None: plans are quick to make and are not kept between runs."""
        return None

    def compile(self, ruleset: Ruleset, *, digest: str | None = None) -> DuckdbRules:  # noqa: ARG002
        """Return the rules made ready; the same content is made ready only once."""
        ready = self._ready  # replaced, never changed, so that threads need no lock
        for rules in ready:
            if rules.ruleset is ruleset or rules.ruleset == ruleset:
                return rules
        made = DuckdbRules(make_plan(ruleset), self._limits)
        self._ready = [made, *ready[: _KEPT - 1]]
        return made

    def match(self, ruleset: Ruleset, table: pa.Table) -> pa.Table:
        """Return ``compile(ruleset).match(table)``."""
        return self.compile(ruleset).match(table)

    def rematch(self, old: Ruleset, new: Ruleset, table: pa.Table) -> pa.Table:
        """Return the rows that ``new`` places differently from ``old``, with both answers."""
        return rematch(self.compile(old), self.compile(new), table, make=self.compile)
