"""Rules made ready to match; see ``CompiledRules`` of the ports for what each answer holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from merestone.core.rules import Ruleset, match_record
from merestone.engines.kernel.matcher import match_table


@dataclass(frozen=True)
class KernelRules:
    """Rules made ready by the kernel."""

    ruleset: Ruleset

    def match(self, table: pa.Table) -> pa.Table:
        """Return where each row belongs."""
        return match_table(self.ruleset, table)

    def winners(self, table: pa.Table) -> pa.Array:
        """Return the winning key per row."""
        return pc.dictionary_encode(self.match(table)["territory"].combine_chunks())

    def every_match(self, table: pa.Table) -> pa.Table:
        """Return one row per match."""
        rows = []
        for number, record in enumerate(table.to_pylist()):
            match = match_record(self.ruleset, record)
            rows += [
                (number, key, key == match.winner, key in match.overlays)
                for key in (*match.matches, *match.overlays)
            ]
        numbers = pa.array([row[0] for row in rows], pa.int64())
        ids = table["id" if "id" in table.column_names else "external_id"]
        return pa.table(
            {
                "row": numbers,
                "id": ids.take(numbers),
                "territory": pa.array([row[1] for row in rows], pa.string()),
                "is_winner": pa.array([row[2] for row in rows], pa.bool_()),
                "is_overlay": pa.array([row[3] for row in rows], pa.bool_()),
            }
        )

    def counts(self, table: pa.Table) -> pa.Table:
        """Return matches and wins per rule."""
        matches = self.every_match(table)
        every = dict(
            matches.group_by("territory").aggregate([([], "count_all")]).to_pylist()
            and [
                (row["territory"], row["count_all"])
                for row in matches.group_by("territory").aggregate([([], "count_all")]).to_pylist()
            ]
        )
        won = matches.filter(matches["is_winner"])
        wins = {
            row["territory"]: row["count_all"]
            for row in won.group_by("territory").aggregate([([], "count_all")]).to_pylist()
        }
        keys = [rule.key for rule in self.ruleset.rules]
        return pa.table(
            {
                "territory": pa.array(keys, pa.string()),
                "n_matches": pa.array([every.get(key, 0) for key in keys], pa.int64()),
                "n_winners": pa.array([wins.get(key, 0) for key in keys], pa.int64()),
            }
        )

    def winner(self, record: Mapping[str, Any]) -> str | None:
        """Return the winning key of one record."""
        return match_record(self.ruleset, record).winner
