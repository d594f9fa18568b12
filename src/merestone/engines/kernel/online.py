"""The same index for one record at a time: bitmaps as Python's whole numbers, microseconds, no machine code to load."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from merestone.core.criteria import evaluate
from merestone.core.criteria import expression as ex
from merestone.core.criteria.fields import ALIASES
from merestone.core.criteria.functions import FUNCTIONS
from merestone.core.criteria.values import fold, read_value
from merestone.core.model.columns import Kind
from merestone.core.rules import Ruleset, match_record
from merestone.core.rules.flatten import Check
from merestone.core.rules.ruleset import record_key
from merestone.engines.kernel.index import Index
from merestone.engines.kernel.residual import Facts

MAX_REMEMBERED = 100_000  # values per field
Record = Mapping[str, Any]


class Online:
    """Answers for single records; may be shared between threads.

    Parameters
    ----------
    facts : Facts
    index : Index
        Of all the rules.
    keys : sequence of str
        The rules' keys.
    mentioned : collection of str
        Keys of records that rules name or exclude.
    ruleset : callable
        Gives the rules themselves, for those records.
    """

    def __init__(
        self,
        facts: Facts,
        index: Index,
        *,
        keys: Sequence[str],
        mentioned: Collection[str],
        ruleset: Callable[[], Ruleset],
    ) -> None:
        self._ruleset, self._mentioned = ruleset, mentioned
        grouped = index.groups.axes
        self._axes = [_OnlineAxis(index, number, facts) for number in (*grouped, *index.loose)]
        self._every = (1 << index.n_primary) - 1
        self._key_of = [keys[rule] for rule in index.rule_of[: index.n_primary].tolist()]
        checks = [_asked(check, facts) for check in index.checks.every]
        start, of = index.checks.start.tolist(), index.checks.of.tolist()
        self._checks = {
            number: [checks[check] for check in of[start[number] : start[number + 1]]]
            for number in range(index.n_primary)
            if start[number + 1] > start[number]
        }

    def winner(self, record: Record) -> str | None:
        """Return the winning territory's key; None = unassigned queue."""
        if self._mentioned and record_key(record) in self._mentioned:
            return match_record(self._ruleset(), record).winner
        left = self._every
        for axis in self._axes:
            left &= axis.bitmap(record)
            if not left:
                return None
        checks = self._checks
        while left:
            number = (left & -left).bit_length() - 1
            if number not in checks or all(check(record) for check in checks[number]):
                return self._key_of[number]
            left &= left - 1
        return None


class _OnlineAxis:
    """One axis: a record's value to the bitmap of its class, each value read once."""

    def __init__(self, index: Index, number: int, facts: Facts) -> None:
        self.index, self.number, self.axis = index, number, index.axes[number]
        self.name = self.axis.field
        names = (alias for alias, target in ALIASES.items() if target == self.name)
        self.aliases = tuple(name for name in names if facts.fields[name].name == self.name)
        self._of_value: dict[Any, int] = {}
        self._of_row: dict[int, int] = {}

    def bitmap(self, record: Record) -> int:
        raw = record.get(self.name)
        if raw is None and self.name not in record:
            raw = next((record[alias] for alias in self.aliases if alias in record), None)
        # 1, 1.0 and True are equal keys but not the same value.
        key = raw if raw.__class__ is str else (raw.__class__, tuple(raw) if isinstance(raw, list) else raw)
        found = self._of_value.get(key)
        if found is None:
            if len(self._of_value) >= MAX_REMEMBERED:
                self._of_value.clear()
            found = self._of_value[key] = self._read(raw)
        return found

    def _read(self, raw: Any) -> int:
        value = read_value(self.axis.kind, raw)
        if self.axis.kind is not Kind.LIST:
            rows = self.index.row_of_class[self.number]
            assert rows is not None
            return self._row(int(rows[self.axis.class_of(fold(value) if isinstance(value, str) else value)]))
        tests = self.index.item_tests[self.number]
        if value is None:
            return self._row(tests.missing_row)
        items = frozenset(map(fold, value)).intersection(self.axis.points)  # type: ignore[arg-type]
        return int.from_bytes(tests.bitmap(items).tobytes(), "little")

    def _row(self, row: int) -> int:
        found = self._of_row.get(row)
        if found is None:
            found = self._of_row[row] = int.from_bytes(self.index.bitmaps[row].tobytes(), "little")
        return found


def _asked(check: Check, facts: Facts) -> Callable[[Record], bool]:
    """Return a function that asks a check of a record."""
    call, wanted = check.expr, check.wanted
    if isinstance(call, ex.Call) and call.field is not None:
        field, holds = facts.fields[call.field.name], FUNCTIONS[call.name].holds
        values, raw = [literal.value for literal in call.values], facts.fields.raw

        def ask(record: Record) -> bool:
            value = read_value(field.kind, raw(record, field))
            return value is not None and holds(value, values, None) is wanted

        return ask
    fields, lists, areas = facts.fields, facts.lists, facts.areas
    return lambda record: evaluate(call, record, fields=fields, lists=lists, areas=areas) is wanted
