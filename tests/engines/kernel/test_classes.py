"""Words that are known already, and classes read off finer ones, mean what reading them anew means."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.criteria.strategies import ITEMS, NUMBERS, WORDS
from tests.engines.workload import workload

from merestone.core.criteria.values import fold
from merestone.core.model.columns import Kind
from merestone.core.rules.axes import Axis
from merestone.engines.kernel import KernelMatcher, classes
from merestone.engines.kernel.batch import Columns
from merestone.engines.kernel.classes import AxisReader
from merestone.engines.kernel.derived import DerivedReader, reader_of

FOLDED = sorted({fold(word.strip()) for word in WORDS})
POINTS = {Kind.TEXT: FOLDED, Kind.NUMBER: sorted(NUMBERS), Kind.LIST: sorted({fold(item) for item in ITEMS})}
STORED = {
    Kind.TEXT: [*WORDS, "0", "zz", ""],
    Kind.NUMBER: ["-3", "-1", "0", " 0.10", "5", "250", "250.5", "1000", "many"],
    Kind.LIST: ["crm", "ERP; crm", "é", "strasse;STRASSE", "other", ""],
}


def meaning(reader: AxisReader, column: pa.Array) -> list[object]:
    """Return the class of each row, of lists the items."""
    codes, found = reader.read(column, n_rows=len(column))
    numbers = found[codes].tolist()
    if reader.axis.kind is not Kind.LIST:
        return numbers
    return [None if number < 0 else reader.combinations[number] for number in numbers]


@pytest.mark.parametrize("kind", POINTS)
def test_derived_classes_are_the_classes(kind):
    points, stored = st.sets(st.sampled_from(POINTS[kind])), st.none() | st.sampled_from(STORED[kind])

    @settings(deadline=None, max_examples=150)
    @given(points, points, st.lists(stored, max_size=8), st.lists(stored, max_size=30))
    def holds(finer, own, few, many):
        known = AxisReader(Axis("f", kind, tuple(sorted(finer))))
        axis = Axis("f", kind, tuple(sorted(own)))
        derived = reader_of(axis, known)
        assert isinstance(derived, DerivedReader) is (kind is not Kind.LIST or own <= finer)
        column = pa.array([*many, *few], pa.string()).dictionary_encode()
        for part in (column, column.slice(len(many)), column.slice(0, 3), column):
            assert meaning(derived, part) == meaning(AxisReader(axis), part)
            assert meaning(known, part) == meaning(AxisReader(known.axis), part)

    holds()


def test_a_field_of_another_kind_is_of_no_help():
    known = AxisReader(Axis("f", Kind.TEXT, ("a",)))
    assert not isinstance(reader_of(Axis("f", Kind.BOOLEAN, (True,)), known), DerivedReader)


def test_dictionaries_are_told_apart_wherever_they_lie_in_memory():
    reader = AxisReader(Axis("f", Kind.TEXT, ("a", "c")))
    for number in range(2_000):  # dropped at once: the next may lie where it lay
        words = ["a", "b", "c", None] if number % 2 else ["c", "a", "b", None]
        column = pa.array(words).dictionary_encode()
        assert meaning(reader, column) == [{"a": 1, "b": 2, "c": 3, None: 5}[word] for word in words]


def test_parts_of_one_dictionary_are_told_apart():
    reader = AxisReader(Axis("f", Kind.TEXT, ("a", "c")))
    words = pa.array(["a", "b", "c"])
    for start, expected in ((0, [1, 2, 3]), (1, [2, 3]), (2, [3])):
        part = words.slice(start)
        column = pa.DictionaryArray.from_arrays(np.arange(len(part), dtype=np.int32), part)
        assert meaning(reader, column) == expected


def test_the_oldest_dictionaries_are_forgotten(monkeypatch):
    monkeypatch.setattr(classes, "_MAX_WORDS", 10)
    reader = AxisReader(Axis("f", Kind.TEXT, ("a", "c")))
    columns = [pa.array([*"abcd", str(number)]).dictionary_encode() for number in range(4)]
    for column in columns:
        assert meaning(reader, column)[:4] == [1, 2, 3, 4]
    held = [reader._dictionaries.get(column.dictionary) is not None for column in columns]
    assert held == [False, False, True, True]


def test_columns_with_holes_and_from_the_middle_are_read_as_stored():
    points = (POINTS[Kind.NUMBER][1], POINTS[Kind.NUMBER][3])
    for kind in (pa.int8(), pa.int32(), pa.int64(), pa.float32(), pa.float64(), pa.decimal128(9, 1)):
        reader = AxisReader(Axis("f", Kind.NUMBER, points))
        numbers = [7, None, 0, None, 10, 11]
        column = pa.array([None if one is None else Decimal(one) for one in numbers], pa.decimal128(9, 1))
        column = column.cast(kind)
        whole = meaning(reader, column)
        assert whole[1] == whole[3] == reader.axis.missing
        assert len(set(whole)) > 2
        for start in range(7):
            assert meaning(reader, column.slice(start)) == whole[start:]


def test_codes_of_some_rows_are_theirs_and_null_is_past_the_words():
    words = ["a", None, "b", "c", None, "a", "c", "b", None, "b"]
    for kind in (pa.int32(), pa.int8()):
        column = pa.array(words).dictionary_encode().cast(pa.dictionary(kind, pa.string()))
        column = pa.concat_arrays([column] * 3).slice(5)
        expected = ["abc".index(word) if word else 3 for word in (words * 3)[5:]]
        assert classes.codes_of(column).tolist() == expected
        for rows in ([], [0], [3, 4, 11, 24], list(range(25))):
            assert classes.codes_of(column, np.array(rows, np.int64)).tolist() == [expected[n] for n in rows]


def test_a_few_rows_of_many_words_are_read_as_they_are_in_all():
    stored = [f" {word}{number}" for number in range(300) for word in ("a", "B")]
    axis = Axis("f", Kind.TEXT, ("a1", "b2", "b20"))
    column = pa.array([*stored, None, "a1", None]).dictionary_encode()
    whole = meaning(AxisReader(axis), column)
    assert set(whole) == {0, 1, 2, 3, 5, 6, axis.missing}  # nothing lies between b2 and b20
    for start in range(0, 600, 50):
        few = column.slice(start, 50)
        assert meaning(AxisReader(axis), few) == whole[start : start + 50]


@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.LIST])
def test_words_of_a_dictionary_asked_for_in_turns_mean_what_they_mean_in_all(kind):
    axis = Axis("segment", kind, points=tuple(f"a{number}" for number in range(0, 90, 3)))
    stored = [f"A{number % 120}" for number in range(400)]
    column = pa.array([*stored, None, "a1", None, "a3"]).dictionary_encode()
    whole, reader = meaning(AxisReader(axis), column), AxisReader(axis)
    turns = [slice(0, 30), slice(15, 60), slice(0, 60), slice(390, 404), slice(100, 101), slice(350, 404)]
    for rows in turns:  # new words, some known, all known, with null
        assert meaning(reader, column[rows]) == whole[rows]
    assert reader._asked.get(column.dictionary) is not None
    assert meaning(AxisReader(axis), column.slice(590)) == whole[590:]


@pytest.mark.parametrize("seed", range(6))
def test_reach_lets_no_row_slip(seed):
    ruleset, table = workload(seed)
    if seed % 2:  # words as codes, from the middle of a column, more words than rows
        columns = (
            column.combine_chunks().dictionary_encode() if pa.types.is_string(column.type) else column
            for column in table.columns
        )
        table = pa.table(dict(zip(table.column_names, columns, strict=True))).slice(7, 300)
    rules = KernelMatcher().compile(ruleset)
    matched = set(rules.every_match(table)["row"].to_pylist())
    mentioned = set(rules.mentions.rows(table))
    reached = rules.reach.rows(Columns(rules.facts, table), n_rows=table.num_rows).tolist()
    assert reached == sorted(set(reached))
    assert matched - mentioned <= set(reached)
