"""The kernel as an engine: compiled rules, kept by content."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from merestone.core.rules import Ruleset
from merestone.core.rules.flatten import flatten
from merestone.engines.kernel.compiled import RESULT_SCHEMA, KernelRules
from merestone.engines.kernel.index import build_index


class KernelMatcher:
    """Makes rules ready and matches tables against them."""

    def compile(self, ruleset: Ruleset) -> KernelRules:
        """Return the rules made ready."""
        return KernelRules(ruleset, build_index(flatten(ruleset), ruleset.rules))

    def match(self, ruleset: Ruleset, table: pa.Table) -> pa.Table:
        """Return where each row belongs, equal to ``core.rules.match_record`` row by row."""
        return self.compile(ruleset).match(table)

    def rematch(self, old: Ruleset, new: Ruleset, table: pa.Table) -> pa.Table:
        """Return the rows that ``new`` places differently from ``old``."""
        before, after = self.match(old, table), self.match(new, table)
        compared = ("territory", "cause", "overlays")
        left, right = before.select(compared).to_pylist(), after.select(compared).to_pylist()
        rows = np.flatnonzero([one != other for one, other in zip(left, right, strict=True)])
        answers = RESULT_SCHEMA.names
        was = before.take(rows).select(answers).rename_columns([f"old_{name}" for name in answers])
        now = after.take(rows)
        columns = {"row": pa.array(rows, pa.int64())}
        columns |= {name: now[name] for name in now.column_names} | {
            name: was[name] for name in was.column_names
        }
        return pa.table(columns)
