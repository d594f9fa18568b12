"""Rows whose dates run backwards, told with the dates that are there already where the file is silent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.exchange.differing import keep_blank, positions
from merestone.app.exchange.problems import problem_table
from merestone.core.model.columns import Table


@dataclass(frozen=True, slots=True)
class Span:
    """Two date columns of a table, the first before the second."""

    start: str
    end: str
    may_be_empty: bool  # both on the same day
    is_rejection: bool  # else a warning


SPANS: dict[str, Span] = {
    "contracts": Span("starts_on", "ends_on", may_be_empty=False, is_rejection=True),
    "opportunities": Span("opened_on", "closed_on", may_be_empty=True, is_rejection=False),
    "reps": Span("hired_on", "left_on", may_be_empty=True, is_rejection=False),
}


def backwards(
    contract: Table, rows: pa.Table, existing: pa.Table, match_id: pa.ChunkedArray
) -> tuple[pa.Table, pa.Table]:
    """Return errors and warnings (``ROW_PROBLEMS``) for rows that would end before they start."""
    span = SPANS.get(contract.name)
    if span is None or {span.start, span.end}.isdisjoint(rows.column_names) or not rows.num_rows:
        return problem_table(), problem_table()
    starts, ends = (_merged(rows, existing, match_id, name) for name in (span.start, span.end))
    is_wrong = (pc.less if span.may_be_empty else pc.less_equal)(ends, starts)
    table = pa.table({"row": rows["row"], "start": starts, "end": ends}).filter(pc.fill_null(is_wrong, False))
    start, end = contract[span.start].label, contract[span.end].label
    told = problem_table(
        {
            "row": row["row"],
            "column": end,
            "code": "ends-before-start",
            "value": str(row["end"]),
            "message": f"{end} is {row['end']}, {start.lower()} is {row['start']}.",
            "fix": "Correct one of the two dates.",
        }
        for row in table.to_pylist()
    )
    return (told, problem_table()) if span.is_rejection else (problem_table(), told)


def _merged(rows: pa.Table, existing: pa.Table, match_id: pa.ChunkedArray, name: str) -> Any:
    before = existing[name].take(positions(existing["id"], match_id)).cast(pa.date32())
    return keep_blank(rows[name], before) if name in rows.column_names else before
