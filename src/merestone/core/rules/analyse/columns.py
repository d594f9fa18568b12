"""A table of records as classes, a column per dimension, so that boxes are asked of all records at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merestone.core.criteria import evaluate
from merestone.core.criteria import expression as ex
from merestone.core.criteria.values import fold, read_value
from merestone.core.model.columns import Kind
from merestone.core.rules.analyse.space import Box, ItemAtom, Space
from merestone.core.rules.axes import Region, ranges


class Points:
    """The records of a table as points of a space; each dimension is read when it is first asked for.

    Parameters
    ----------
    space : Space
    table : pyarrow.Table
        Columns by field name or alias; a field without column is missing everywhere.
    """

    def __init__(self, space: Space, table: pa.Table) -> None:
        self.space, self.table = space, table
        self._columns: dict[int, np.ndarray] = {}
        self._lists: dict[int, tuple[np.ndarray, list[frozenset[str] | None]]] = {}
        self._places: dict[str, np.ndarray] = {}

    def inside(self, box: Box) -> np.ndarray:
        """Return which records lie in a box."""
        found = np.ones(self.table.num_rows, dtype=bool)
        for dimension, region in sorted(box.items()):
            if not found.any():
                break
            found &= _holds_class(region, self.classes(dimension))
        return found

    def classes(self, dimension: int) -> np.ndarray:
        """Return the class of each record in one dimension (of an atom 0: it holds, 1: it does not)."""
        if dimension not in self._columns:
            atom = self.space.atom_at(dimension)
            self._columns[dimension] = self._axis(dimension) if atom is None else self._atom(atom)
        return self._columns[dimension]

    def record(self, row: int) -> dict[str, Any]:
        """Return one record."""
        found: dict[str, Any] = self.table.slice(row, 1).to_pylist()[0]
        return found

    # --- axes

    def _axis(self, dimension: int) -> np.ndarray:
        axis = self.space.axes[dimension]
        if axis.kind is Kind.LIST:
            codes, every = self._items(dimension)
            return np.array([axis.missing if items is None else 0 for items in every])[codes]
        kind = self.space.ruleset.fields[axis.field].kind

        def class_of(raw: Any) -> int:
            value = read_value(kind, raw)
            return axis.class_of(fold(value) if isinstance(value, str) else value)

        return self._by_value(axis.field, class_of, missing=axis.missing)

    def _by_value(self, field: str, answer: Any, *, missing: int) -> np.ndarray:
        """Return an answer per record, asked once per value."""
        column = self._stored(field)
        if column is None:
            return np.full(self.table.num_rows, missing, dtype=np.int64)
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        answers = np.array(
            [*(answer(value) for value in column.dictionary.to_pylist()), missing], dtype=np.int64
        )
        codes = pc.fill_null(column.indices, len(answers) - 1).to_numpy(zero_copy_only=False)
        return answers[codes]

    def _stored(self, field: str) -> Any:
        fields = self.space.ruleset.fields
        name = fields.raw({column: column for column in self.table.column_names}, fields[field])
        if name is None:
            return None
        column = self.table[name]
        if isinstance(column, pa.ChunkedArray):
            column = column.unify_dictionaries() if pa.types.is_dictionary(column.type) else column
            column = column.combine_chunks()
        return column.chunk(0) if isinstance(column, pa.ChunkedArray) else column

    def _items(self, dimension: int) -> tuple[np.ndarray, list[frozenset[str] | None]]:
        """Return distinct lists of items, and which one each record has."""
        if dimension not in self._lists:
            column = self._stored(self.space.axes[dimension].field)
            raws = [None] * self.table.num_rows if column is None else column.to_pylist()
            number_of: dict[Any, int] = {}
            codes = [
                number_of.setdefault(tuple(raw) if isinstance(raw, list) else raw, len(number_of))
                for raw in raws
            ]
            read: list[Any] = [read_value(Kind.LIST, raw) for raw in number_of]
            every = [None if items is None else frozenset(map(fold, items)) for items in read]
            self._lists[dimension] = np.array(codes, dtype=np.int64), every or [None]
        return self._lists[dimension]

    # --- atoms

    def _atom(self, atom: Any) -> np.ndarray:
        if isinstance(atom, ItemAtom):
            codes, every = self._items(atom.axis)
            return np.array([0 if items is not None and atom.holds(items) else 1 for items in every])[codes]
        if isinstance(atom, ex.Call) and atom.field is None:
            return np.where(self._place(atom), 0, 1)
        if isinstance(atom, ex.Call):
            assert atom.field is not None
            field = self.space.ruleset.fields[atom.field.name].name
            return self._by_value(field, lambda raw: 0 if self._holds(atom, {field: raw}) else 1, missing=1)
        return np.array([0 if self._holds(atom, record) else 1 for record in self.table.to_pylist()])

    def _holds(self, expr: Any, record: Mapping[str, Any]) -> bool:
        rules = self.space.ruleset
        return evaluate(expr, record, fields=rules.fields, lists=rules.lists, areas=rules.areas) is True

    def _place(self, call: ex.Call) -> np.ndarray:
        latitude, longitude = (self._degrees(name) for name in ("latitude", "longitude"))
        areas, values = self.space.ruleset.areas, [literal.value for literal in call.values]
        if call.name == "in_area":
            return np.asarray(areas.contains(str(values[0]), longitude, latitude), dtype=bool)
        to = (float(str(values[0])), float(str(values[1])))
        with np.errstate(invalid="ignore"):
            return np.asarray(
                areas.distance_km(latitude, longitude, to=to) <= float(str(values[2])), dtype=bool
            )

    def _degrees(self, field: str) -> np.ndarray:
        if field not in self._places:
            column = self._stored(field)
            raws = [None] * self.table.num_rows if column is None else column.to_pylist()
            read: list[Any] = [raw if type(raw) is float else read_value(Kind.NUMBER, raw) for raw in raws]
            self._places[field] = np.array([np.nan if value is None else float(value) for value in read])
        return self._places[field]


def _holds_class(region: Region, classes: np.ndarray) -> np.ndarray:
    """Return for each class whether it lies in a region."""
    table = np.zeros(max(int(classes.max(initial=0)) + 1, region[-1]), dtype=bool)
    for low, high in ranges(region):
        table[low:high] = True
    return table[classes]
