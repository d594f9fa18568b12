"""Criteria asked of whole tables column by column with numpy: what the loops leave to be asked elsewhere.

Three-valued logic needs no third value here: ``select(expr, rows, want)`` returns the rows for which ``expr`` is True,
or, to answer ``not``, those for which it is False; unknown rows are in neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from merestone.core.criteria import expression as ex
from merestone.core.criteria.fields import Field, FieldSet
from merestone.core.criteria.functions import FUNCTIONS
from merestone.core.geo import Areas
from merestone.core.model.columns import Kind
from merestone.engines.kernel.encode import Column, Ordered, encode
from merestone.engines.kernel.predicates import Predicate, Rows, cost, on_column, on_location


@dataclass(frozen=True, eq=False)
class Facts:
    """What reading a record takes: the kinds of the fields, the named lists, the areas."""

    fields: FieldSet
    lists: Mapping[str, tuple[str, ...]]
    areas: Areas


class Residual:
    """Asks expressions of one table; its columns are encoded once."""

    def __init__(self, facts: Facts, table: pa.Table) -> None:
        self.facts, self.table = facts, table
        self.columns: dict[str, Column] = {}

    def select(self, expr: ex.Expr, rows: Rows, *, want: bool) -> np.ndarray:
        """Return those of ``rows`` for which ``expr`` is ``want``, ascending."""
        if isinstance(expr, ex.Not):
            return self.select(expr.part, rows, want=not want)
        if isinstance(expr, ex.And | ex.Or):
            parts = sorted(expr.parts, key=cost)
            narrows = isinstance(expr, ex.And) is want
            return self.narrow(parts, rows, want=want) if narrows else self.gather(parts, rows, want=want)
        predicate = self.build(expr)
        mask = predicate.holds(rows)
        if not want:
            mask = predicate.known(rows) & ~mask
        found = np.flatnonzero(mask)
        return found.astype(np.int32) if rows is None else rows[found]

    def narrow(self, parts: list[ex.Expr], rows: Rows, *, want: bool) -> np.ndarray:
        """Return the rows for which every part is ``want``."""
        for part in parts:
            rows = self.select(part, rows, want=want)
            if not len(rows):
                break
        assert rows is not None
        return rows

    def gather(self, parts: list[ex.Expr], rows: Rows, *, want: bool) -> np.ndarray:
        """Return the rows for which some part is ``want``."""
        rest = np.arange(self.table.num_rows, dtype=np.int32) if rows is None else rows
        found: list[np.ndarray] = []
        for part in parts:
            hits = self.select(part, rest, want=want)
            if len(hits):
                found.append(hits)
                rest = np.setdiff1d(rest, hits, assume_unique=True)
        return np.sort(np.concatenate(found)) if found else rest[:0]

    def build(self, leaf: ex.Leaf) -> Predicate:
        if isinstance(leaf, ex.Call) and FUNCTIONS[leaf.name].subject is Kind.LOCATION:
            latitude, longitude = self.column("latitude"), self.column("longitude")
            assert isinstance(latitude, Ordered)
            assert isinstance(longitude, Ordered)
            return on_location(leaf, latitude, longitude, areas=self.facts.areas)
        ref = leaf.field
        assert ref is not None
        field = self.facts.fields[ref.name]
        return on_column(leaf, self.column(field.name), field.kind, lists=self.facts.lists)

    def column(self, name: str) -> Column:
        field = self.facts.fields[name]
        if field.name not in self.columns:
            self.columns[field.name] = encode(field.kind, self.stored(field), n_rows=self.table.num_rows)
        return self.columns[field.name]

    def stored(self, field: Field) -> pa.ChunkedArray | None:
        names = {name: name for name in self.table.column_names}
        name = self.facts.fields.raw(names, field)
        return None if name is None else self.table[name]
