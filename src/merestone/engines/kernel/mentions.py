"""Names and exclusions: the records that rules mention by external id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merestone.core.criteria.values import fold
from merestone.core.rules import Rule
from merestone.engines.kernel.classes import texts
from merestone.engines.kernel.settle import Matches


@dataclass(frozen=True, eq=False)
class Mentions:
    """The records that rules name or exclude, by folded external id.

    Parameters
    ----------
    naming : mapping
        Key -> positions of the rules that name it (and do not exclude it themselves).
    excluding : mapping
        Key -> positions of the rules that exclude it, those below them included.
    """

    naming: Mapping[str, frozenset[int]]
    excluding: Mapping[str, frozenset[int]]

    @classmethod
    def of(cls, rules: tuple[Rule, ...]) -> Mentions:
        """Return the mentions of these rules."""
        naming: dict[str, set[int]] = {}
        excluding: dict[str, set[int]] = {}
        for position, rule in enumerate(rules):
            for key in rule.named - rule.exclude:
                naming.setdefault(key, set()).add(position)
            for key in rule.exclude:
                excluding.setdefault(key, set()).add(position)
        if excluding:
            children: dict[int, list[int]] = {}
            for position, rule in enumerate(rules):
                if rule.parent is not None:
                    children.setdefault(rule.parent, []).append(position)
            for positions in excluding.values():
                pending = list(positions)
                while pending:
                    below = children.get(pending.pop(), [])
                    positions.update(below)
                    pending += below
        return cls(
            {key: frozenset(positions) for key, positions in naming.items()},
            {key: frozenset(positions) for key, positions in excluding.items()},
        )

    @cached_property
    def keys(self) -> frozenset[str]:
        """Every key that some rule names or excludes."""
        return frozenset((*self.naming, *self.excluding))

    @cached_property
    def _ascii_keys(self) -> pa.Array:
        return pa.array(sorted(key for key in self.keys if key.isascii()), pa.large_string())

    def rows(self, part: pa.Table | pa.RecordBatch) -> dict[int, str]:
        """Return the rows of a part that are mentioned, with their keys."""
        if not self.keys:
            return {}
        names = part.schema.names
        name = "external_id" if "external_id" in names else "id" if "id" in names else None
        if name is None:
            return {}
        column = part.column(name)
        if isinstance(column, pa.ChunkedArray):
            column = (
                pa.concat_arrays(column.unify_dictionaries().chunks)
                if column.num_chunks
                else column.combine_chunks()
            )
        keys = texts(column, n_rows=part.num_rows)
        is_ascii = pc.string_is_ascii(keys)
        simple = pc.is_in(pc.ascii_lower(pc.utf8_trim_whitespace(keys)), value_set=self._ascii_keys)
        # A letter beyond ASCII may fold into one within it, so such ids are read one by one.
        maybe = pc.fill_null(pc.or_(simple, pc.invert(is_ascii)), False)
        places = np.flatnonzero(np.asarray(maybe))
        found = (
            (int(row), fold(key)) for row, key in zip(places, keys.take(places).to_pylist(), strict=True)
        )
        return {row: key for row, key in found if key in self.keys}

    def applied(self, found: Matches, rows: Mapping[int, str], skipped: np.ndarray | None) -> Matches:
        """Return the matches without those excluded and with those named."""
        kept = np.ones(len(found.rows), bool)
        for place in np.flatnonzero(np.isin(found.rows, list(rows))):
            key = rows[int(found.rows[place])]
            kept[place] = int(found.rules[place]) not in self.excluding.get(key, ())
        pairs = [
            (row, position)
            for row, key in rows.items()
            for position in self.naming.get(key, ())
            if skipped is None or not skipped[position]
        ]
        by_name = np.array(pairs, np.int32).reshape(-1, 2)
        added = Matches(by_name[:, 0], by_name[:, 1], np.ones(len(pairs), bool))
        return Matches.joined(found.where(kept), added)
