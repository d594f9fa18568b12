"""``match`` on files: no database, no server."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from merestone.app import ports
from merestone.app.exchange.defaults import with_defaults
from merestone.app.exchange.mapping import guess_mapping
from merestone.app.exchange.normalise import normalise
from merestone.app.rulebook import RuleBook
from merestone.base.errors import InvalidInputError, Problem, UsageError
from merestone.core.model.columns import ACCOUNTS
from merestone.core.rules.document import read_document
from merestone.core.rules.ruleset import match_record


class Local(Protocol):
    """What the file commands need."""

    @property
    def matcher(self) -> ports.Matcher:
        """The engine."""
        ...

    @property
    def files(self) -> ports.Files:
        """Reader and writer."""
        ...

    @property
    def gazetteer(self) -> ports.Gazetteer:
        """Names of countries and states."""
        ...


def match_files(
    local: Local, *, rules: Path, records: Path, out: Path, all_matches: bool = False, engine: str = "kernel"
) -> dict[str, Any]:
    """Write ``id``, ``territory`` (empty = unassigned queue) and more per record; returns the counts."""
    if engine != "kernel":
        raise UsageError(
            f"'{engine}' is not an engine of this version.", code="unknown-engine", fix="Use kernel."
        )
    book = RuleBook(read_document(local.files.read_document(rules)))
    table = read_records(local, book, records)
    matched = local.matcher.match(book.ruleset, table)
    result = matched.set_column(0, "id", table["id"])
    if all_matches:
        result = every_match(book, table)
    local.files.write_table(result, out, fmt=out.suffix.lstrip(".").lower() or "csv")
    assigned = table.num_rows - matched["territory"].null_count
    return {
        "records": table.num_rows,
        "assigned": assigned,
        "queued": table.num_rows - assigned,
        "out": str(out),
    }


def every_match(book: RuleBook, table: pa.Table) -> pa.Table:
    """Return one row per record and matching territory, winners first."""
    rows = []
    for record in table.to_pylist():
        match = match_record(book.ruleset, record)
        rows += [
            {
                "id": record["id"],
                "territory": key,
                "is_winner": key == match.winner,
                "is_overlay": key in match.overlays,
            }
            for key in [*match.matches, *match.overlays]
        ]
    schema = pa.schema(
        [
            ("id", pa.string()),
            ("territory", pa.string()),
            ("is_winner", pa.bool_()),
            ("is_overlay", pa.bool_()),
        ]
    )
    return pa.Table.from_pylist(rows, schema=schema)


def read_records(local: Local, book: RuleBook, path: Path) -> pa.Table:
    """Return the records typed for the rules; InvalidInputError with every bad cell at once."""
    raw = local.files.read_table(path)
    custom = {key: str(kind) for key, kind in book.document.fields.items()}
    mapping = guess_mapping(raw.table.column_names, ACCOUNTS, custom=custom, samples=raw.table)
    normal = normalise(raw, mapping, ACCOUNTS, places=local.gazetteer, custom=custom)
    problems = [
        Problem(row["code"], row["message"], row["fix"] or "", where=f"row {row['row']}, {row['column']}")
        for row in pa.concat_tables([raw.problems, normal.errors]).to_pylist()
        if row["code"] != "missing-value"
    ]
    if problems:
        raise InvalidInputError(f"'{path.name}' has {len(problems)} bad cells.", problems)
    table = normal.table
    table = table.rename_columns([name.removeprefix("custom.") for name in table.column_names])
    if "external_id" not in table.column_names:
        raise InvalidInputError(
            f"'{path.name}' has no column of ids.",
            [Problem("no-id", "No header means an id.", "Name it 'id'.")],
        )
    table = with_defaults("accounts", table, now=datetime.min.replace(tzinfo=UTC), currency="")
    return table.append_column("id", table["external_id"])
