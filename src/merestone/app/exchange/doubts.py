"""What a person would ask on seeing the columns: is this in millions, is this word misspelt."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from merestone.app.exchange.texts import fold, nearest
from merestone.base.errors import Problem

_LEAST_PER_HEAD = 100.0  # a year's revenue per employee, in any currency; less means another unit
_MOST_WORDS = 60
_SECTORS = frozenset({
    "agriculture", "automotive", "banking", "biotechnology", "chemicals", "construction", "consulting", "education",
    "electronics", "employment", "energy", "engineering", "entertainment", "finance", "government", "healthcare",
    "hospitality", "insurance", "logistics", "manufacturing", "marketing", "medical", "pharmaceuticals", "research",
    "retail", "services", "software", "technology", "telecommunications", "transportation", "utilities", "wholesale",
})  # fmt: skip


def doubts(values: Mapping[str, pl.Series], headers: Mapping[str, str]) -> list[Problem]:
    """Return notes on whole columns that are readable but may mean something else."""
    return [*_unit(values, headers), *_misspelt(values, headers)]


def _unit(values: Mapping[str, pl.Series], headers: Mapping[str, str]) -> list[Problem]:
    if "revenue" not in values or "employees" not in values:
        return []
    per_head = values["revenue"].cast(pl.Float64) / values["employees"]
    median = per_head.filter(per_head.is_finite() & (per_head > 0)).median()
    if not isinstance(median, float) or median >= _LEAST_PER_HEAD:
        return []
    message = f"{headers['revenue']!r} is about {median:,.2f} per employee: it may be given in thousands or millions."
    return [
        Problem(
            "odd-scale",
            message,
            "If so, add 'scale: {revenue: 1000000}' to the mapping.",
            f"column {headers['revenue']}",
        )
    ]


def _misspelt(values: Mapping[str, pl.Series], headers: Mapping[str, str]) -> list[Problem]:
    if "industry" not in values:
        return []
    words = values["industry"].drop_nulls().value_counts()
    if len(words) > _MOST_WORDS:
        return []
    notes = []
    for word, count in sorted(words.iter_rows()):
        near = "" if fold(word) in _SECTORS else nearest(word, _SECTORS, least=0.9)
        if near:
            notes.append(
                Problem(
                    "odd-spelling",
                    f"{word!r} ({count:,} rows) may be {near!r} misspelt; kept as it is.",
                    f"If so, add 'values: {{industry: {{{word}: {near}}}}}' to the mapping.",
                    f"column {headers['industry']}",
                )
            )
    return notes
