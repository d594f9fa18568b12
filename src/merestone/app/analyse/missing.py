"""What missing fields cost: which rules a missing value keeps accounts from, and which field to fill first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.analyse.book import money_of
from merestone.app.ports import Matcher, Progress
from merestone.core.rules.analyse import Analyser
from merestone.core.rules.analyse.forgiving import field_groups, forgiving


@dataclass(frozen=True)
class MissingField:
    """One field and what its missing values cost.

    Parameters
    ----------
    field, label : str
        Its name, ``location`` for latitude and longitude together.
    n_missing : int
        Accounts without it.
    n_homeless : int
        Of these, accounts that no leaf has now and one would have if the field were filled in suitably.
    money : float or None
        Revenue of the homeless ones.
    rules : tuple of (str, int)
        Territory and how many accounts the missing field keeps from it, the most first.
    """

    field: str
    label: str
    n_missing: int
    n_homeless: int
    money: float | None
    rules: tuple[tuple[str, int], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "field": self.field,
            "label": self.label,
            "missing": self.n_missing,
            "homeless": self.n_homeless,
            "homeless_money": self.money,
            "rules": [{"territory": key, "accounts": count} for key, count in self.rules],
        }


def missing_fields(
    analyser: Analyser, matcher: Matcher, table: pa.Table, *, progress: Progress | None = None
) -> list[MissingField]:
    """Return the fields whose missing values keep accounts out, the one to fill first at the head."""
    groups = field_groups(analyser.ruleset)
    found: list[MissingField] = []
    for done, (name, fields) in enumerate(groups.items()):
        if progress is not None:
            progress(done, len(groups), f"Looking at records without {_label(analyser, name)}")
        cost = _cost(analyser, matcher, table, name, fields)
        found += [cost] if cost is not None else []
    return sorted(
        found,
        key=lambda cost: (-cost.n_homeless, -(cost.money or 0.0), -sum(n for _, n in cost.rules), cost.field),
    )


def _cost(
    analyser: Analyser, matcher: Matcher, table: pa.Table, name: str, fields: Sequence[str]
) -> MissingField | None:
    rows = table.filter(_is_missing(analyser, table, fields))
    if not rows.num_rows:
        return None
    ruleset = analyser.ruleset
    relaxed, positions = forgiving(ruleset, name)
    keys = [ruleset.rules[position].key for position in positions]
    now = matcher.compile(ruleset)
    then = matcher.compile(relaxed)
    before = dict(_matches(now.counts(rows)))
    after = dict(_matches(then.counts(rows)))
    gains = [(key, after[key] - before[key]) for key in keys if after[key] > before[key]]
    if not gains:
        return None
    leaves = pa.array([ruleset.rules[position].key for position in analyser.space.leaves], pa.string())
    had = _is_among(now.winners(rows), leaves)
    gets = _is_among(then.winners(rows), leaves)
    homeless = rows.filter(pc.and_not(gets, had))
    return MissingField(
        name,
        _label(analyser, name),
        rows.num_rows,
        homeless.num_rows,
        money_of(homeless),
        tuple(sorted(gains, key=lambda gain: (-gain[1], gain[0]))),
    )


def _matches(counts: pa.Table) -> list[tuple[str, int]]:
    names, numbers = counts["territory"].cast(pa.string()).to_pylist(), counts["n_matches"].to_pylist()
    return list(zip(names, numbers, strict=True))


def _is_among(winners: pa.Array, keys: pa.Array) -> Any:
    return pc.is_in(winners.cast(pa.string()), value_set=keys)


def _label(analyser: Analyser, name: str) -> str:
    field = analyser.ruleset.fields.get(name)
    label = "Location" if field is None else field.label
    return label if label[:2].isupper() else label[:1].lower() + label[1:]


def _is_missing(analyser: Analyser, table: pa.Table, fields: Sequence[str]) -> Any:
    """Return which rows miss one of the fields."""
    return reduce(pc.or_, (_is_blank(analyser, table, name) for name in fields))


def _is_blank(analyser: Analyser, table: pa.Table, name: str) -> Any:
    stored = {column: column for column in table.column_names}
    column_name = analyser.ruleset.fields.raw(stored, analyser.ruleset.fields[name])
    if column_name is None:
        return pa.array([True] * table.num_rows, pa.bool_())
    column = table[column_name].combine_chunks()
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return pc.or_kleene(pc.is_null(column), pc.equal(pc.list_value_length(column), 0))
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        blank = pc.equal(pc.utf8_trim_whitespace(column), "")
        return pc.fill_null(blank, True)
    return pc.is_null(column, nan_is_null=True)
