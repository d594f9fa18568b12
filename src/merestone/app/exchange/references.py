"""Turns names of other records into their ids: by external id, e-mail or name, whichever fits exactly one.

A reference into the same table (an account's parent, a rep's manager) may name a row of the same file; it is set after
that row was written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.exchange.problems import problem_table
from merestone.app.ports import Records
from merestone.core.model.columns import Table

KEYS = {
    "accounts": ("external_id", "name"),
    "leads": ("external_id", "name"),
    "reps": ("email", "external_id", "name"),
    "products": ("external_id", "name"),
}
INNER = {"accounts": {"parent": "accounts"}, "reps": {"manager": "reps"}}
LATER = "later:"
AMBIGUOUS = -1


def tables_of(contract: Table) -> list[str]:
    """Return the table and those it refers to, in a fixed order."""
    return sorted({contract.name, *(column.refers_to for column in contract if column.refers_to)})


def fold(text: str) -> str:
    """Return the text without case, spaces and punctuation: ``GTX Pro`` and ``GTXPro`` are the same product."""
    return "".join(letter for letter in text.casefold() if letter.isalnum() or letter == "@")


def lookup(records: Records, table: str) -> dict[str, int]:
    """Return key -> id, as written and folded; a key of several records is AMBIGUOUS.

    What is written exactly so goes before what is only alike (``1-1`` is not ``11``), ids and e-mails before names.
    """
    snapshot = records.snapshot(table, columns=KEYS[table])
    ids = snapshot["id"].to_pylist()
    columns = [snapshot[column].to_pylist() for column in KEYS[table]]
    exact = _by_key(ids, columns, as_written)
    return {**_by_key(ids, columns, fold), **exact}


def as_written(text: str) -> str:
    """Return the text itself."""
    return text


def _by_key(
    ids: Sequence[int], columns: Sequence[Sequence[str | None]], key_of: Callable[[str], str]
) -> dict[str, int]:
    found: dict[str, int] = {}
    for column in columns:
        seen: dict[str, int] = {}
        for record_id, text in zip(ids, column, strict=True):
            if text:
                key = key_of(text)
                seen[key] = AMBIGUOUS if seen.get(key, record_id) != record_id else record_id
        found = {**seen, **found}
    return found


def resolve(records: Records, contract: Table, rows: pa.Table) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Return the rows with ``<name>_id`` for each reference, errors, and warnings."""
    inner_of = INNER.get(contract.name, {})
    references = {column.name: column.refers_to for column in contract if column.refers_to} | inner_of
    errors: list[dict[str, Any]] = []
    warnings: list[dict[str, Any]] = []
    cache: dict[str, dict[str, int]] = {}
    for name, target in references.items():
        if name not in rows.column_names:
            continue
        if target not in cache:
            cache[target] = lookup(records, target)
        known = cache[target]
        texts = rows[name].to_pylist()
        ids = [known.get(text, known.get(fold(text))) if text else None for text in texts]
        label = contract[name].label
        is_inner = name in inner_of
        own = file_keys(contract.name, rows) if is_inner else set()
        later: list[str | None] = [None] * len(texts)
        misses = [i for i, text in enumerate(texts) if text and (ids[i] is None or ids[i] == AMBIGUOUS)]
        suggestions = Suggestions(known, records, target)
        for i in misses:
            text = str(texts[i])
            is_ambiguous = ids[i] == AMBIGUOUS
            ids[i] = None
            if is_inner and not is_ambiguous and (fold(text) in own or contract.name == "reps"):
                later[i] = text
                continue
            problem = {
                "row": rows["row"][i].as_py(),
                "column": label,
                "code": "ambiguous-reference" if is_ambiguous else "unknown-reference",
                "value": text,
                "message": f"'{text}' names several {target}."
                if is_ambiguous
                else f"There is no such record in {target}: '{text}'.",
                "fix": "Use its ID." if is_ambiguous else suggestions.near(text),
            }
            (warnings if is_inner else errors).append(problem)
        index = rows.schema.get_field_index(name)
        rows = rows.set_column(index, f"{name}_id", pa.array(ids, pa.int64()))
        if any(later):
            rows = rows.append_column(LATER + name, pa.array(later, pa.string()))
    return rows, problem_table(errors), problem_table(warnings)


class Suggestions:
    """Nearest names, made only when somebody needs one."""

    def __init__(self, known: dict[str, int], records: Records, target: str) -> None:
        self.known, self.records, self.target = known, records, target
        self.said: dict[str, str] = {}

    def near(self, text: str) -> str:
        """Return what to do about a name nobody has."""
        if text not in self.said:
            hits = (
                get_close_matches(fold(text), list(self.known), n=1, cutoff=0.75)
                if len(self.said) < 200
                else []
            )
            self.said[text] = (
                f"Did you mean {self._name(hits[0])}?"
                if hits
                else f"Import the {self.target} first, or correct the name."
            )
        return self.said[text]

    def _name(self, key: str) -> str:
        record_id = self.known[key]
        if record_id == AMBIGUOUS:
            return f"'{key}'"
        return f"'{self.records.snapshot(self.target, columns=['name'], ids=[record_id])['name'][0].as_py()}'"


def file_keys(table: str, rows: pa.Table) -> set[str]:
    """Return the folded keys of the rows themselves."""
    return {
        fold(text)
        for column in KEYS[table]
        if column in rows.column_names
        for text in rows[column].to_pylist()
        if text
    }


def without_later(rows: pa.Table) -> pa.Table:
    """Return the rows without what is set after writing."""
    return rows.drop_columns([name for name in rows.column_names if name.startswith(LATER) or name == "row"])


def later_rows(records: Records, contract: Table, rows: pa.Table, ids: Sequence[int]) -> pa.Table:
    """Return ``id`` with the references into the same table that can be set now.

    Managers nobody imported are made as reps first.
    """
    columns = {}
    for name in INNER.get(contract.name, {}):
        if LATER + name not in rows.column_names:
            continue
        texts = rows[LATER + name]
        if contract.name == "reps":
            make_managers(records, texts)
        known = lookup(records, contract.name)
        columns[f"{name}_id"] = pa.array(
            [known.get(text, known.get(fold(text))) if text else None for text in texts.to_pylist()],
            pa.int64(),
        )
    table = pa.table({"id": pa.array(ids, pa.int64()), **columns})
    if not columns:
        return table.slice(0, 0)
    known_ids = [pc.and_(pc.is_valid(table[name]), pc.greater(table[name], 0)) for name in columns]
    return table.filter(pc.fill_null(known_ids[0], False))


def make_managers(records: Records, texts: pa.ChunkedArray) -> None:
    """Create reps for manager names that are nobody's."""
    known = lookup(records, "reps")
    names = sorted({text for text in texts.to_pylist() if text and fold(text) not in known})
    if names:
        people = {
            "name": [name.split("@")[0].replace(".", " ").title() if "@" in name else name for name in names],
            "email": [name.lower() if "@" in name else None for name in names],
        }
        records.write(
            "reps", pa.table({key: pa.array(values, pa.string()) for key, values in people.items()})
        )
