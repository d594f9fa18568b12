"""JSON as a table: an array of objects, or one object a line. It is read whole, within the process's limits."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from merestone.connectors.files.limits import Limits
from merestone.connectors.files.sniff import refuse

BATCH_ROWS = 262_144


class JsonSource:
    """One JSON file.

    Raises
    ------
    InvalidInputError
        ``bad-json``, ``bad-encoding``, ``empty-file``, ``too-many-rows``, ``too-many-columns``.
    """

    first_row = 1  # records are counted; a JSON file has no header

    def __init__(self, path: Path, name: str, *, limits: Limits) -> None:
        self.notes: list[dict[str, Any]] = []
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise refuse(
                "bad-encoding", f"The file {name!r} is not UTF-8 text.", "Save it as UTF-8."
            ) from error
        self.records = _records(text, name)
        if not self.records:
            raise refuse("empty-file", f"The file {name!r} holds no records.", "Choose a file with data.")
        if len(self.records) > limits.rows:
            raise refuse(
                "too-many-rows", f"The file {name!r} has more than {limits.rows:,} records.", "Split it."
            )
        self.headers: Sequence[str] = list(dict.fromkeys(key for record in self.records for key in record))
        if len(self.headers) > limits.columns:
            raise refuse(
                "too-many-columns",
                f"The file {name!r} has {len(self.headers):,} columns; at most {limits.columns:,} are read.",
            )
        self.n_rows: int | None = len(self.records)

    def batches(
        self,
        wanted: Sequence[str],
        *,
        as_codes: Sequence[str],  # noqa: ARG002 - text comes as text
    ) -> Iterator[tuple[pa.RecordBatch, float]]:
        """Yield batches of the wanted columns."""
        columns = [_column([record.get(header) for record in self.records]) for header in wanted]
        whole = pa.RecordBatch.from_arrays(columns, names=list(wanted))
        for start in range(0, len(self.records), BATCH_ROWS):
            batch = whole.slice(start, BATCH_ROWS)
            yield batch, (start + batch.num_rows) / len(self.records)

    def problems(self) -> list[dict[str, Any]]:
        """Return nothing: JSON that can be read is whole."""
        return []


def _records(text: str, name: str) -> list[dict[str, Any]]:
    try:
        if text.lstrip().startswith("["):
            found = json.loads(text)
        else:
            found = _lines(text, name)
    except json.JSONDecodeError as error:
        raise _bad_json(name, f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise _bad_json(name, "it is nested too deeply") from error
    for number, record in enumerate(found, start=1):
        if not isinstance(record, dict):
            raise _bad_json(name, f"record {number} is no object")
    return list(found)


def _lines(text: str, name: str) -> list[Any]:
    try:
        whole = json.loads(text)  # a lone object, perhaps over several lines
    except json.JSONDecodeError:
        pass
    else:
        return [whole]
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                found.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise _bad_json(name, f"line {number}, column {error.colno}: {error.msg}") from error
    return found


def _bad_json(name: str, what: str) -> Exception:
    return refuse(
        "bad-json",
        f"The file {name!r} is not JSON records: {what}.",
        "Write an array of objects, or one object a line.",
    )


def _column(values: list[Any]) -> pa.Array:
    """Return values of one kind as that kind, else as text."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {bool} or kinds <= {str}:
        return pa.array(values, pa.bool_() if kinds == {bool} else pa.string())
    if kinds <= {int} and all(value is None or abs(value) < 2**63 for value in values):
        return pa.array(values, pa.int64())
    if kinds <= {int, float}:
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    if kinds <= {list}:
        return pa.array(
            [None if value is None else [_text(item) for item in value] for value in values],
            pa.list_(pa.string()),
        )
    return pa.array([_text(value) for value in values], pa.string())


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
