"""The peers, each set up as well as its documentation allows."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from workload import RULE_COLUMNS

# --- DuckDB: reading the same columns ---------------------------------------------------------------------------------


def scan(path: Path, *, threads: int) -> Callable[[], Any]:
    """Return work that reads the rule columns of a Parquet file so that every value is touched.

    ``max`` of each column is the cheapest aggregate that must look at each value; with ``count`` it also looks at each
    missing one.
    """
    import duckdb

    session = duckdb.connect(config={"threads": threads})
    touched = ", ".join(f"count({name}), max({name})" for name in RULE_COLUMNS)
    query = f"SELECT {touched} FROM read_parquet('{path}')"
    return lambda: session.execute(query).fetchall()


def hashing_scan(path: Path, *, threads: int) -> Callable[[], Any]:
    """Return the same with a hash of each value in place of the greatest."""
    import duckdb

    session = duckdb.connect(config={"threads": threads})
    touched = ", ".join(f"bit_xor(hash({name}))" for name in RULE_COLUMNS)
    query = f"SELECT {touched} FROM read_parquet('{path}')"
    return lambda: session.execute(query).fetchall()


COPY = """
import sys, duckdb
source, target, columns, threads = sys.argv[1:]
session = duckdb.connect(config={"threads": int(threads)})
mixed = ", ".join(f"hash({name})" for name in columns.split(","))
session.execute(
    f"COPY (SELECT id, 't' || greatest({mixed}) % 1000 AS territory FROM read_parquet('{source}')) "
    f"TO '{target}' (FORMAT parquet)"
)
"""
"""A program that reads all columns of a file and writes an id and a text per row: what matching does but to match."""


# --- SQLite: one UPDATE per rule --------------------------------------------------------------------------------------


class Sqlite:
    """Accounts in a table with indexes; the worst rule writes first, the best last, as home-made tools do it."""

    def __init__(self, frame: Any, rules: Sequence[Mapping[str, Any]], order: Sequence[int]) -> None:
        self.session = sqlite3.connect(":memory:", isolation_level=None)
        self.session.execute("PRAGMA cache_size = -1000000")
        self.session.create_function("km", 4, _km, deterministic=True)
        columns = ", ".join(("id INTEGER PRIMARY KEY", *RULE_COLUMNS, "territory"))
        self.session.execute(f"CREATE TABLE accounts ({columns})")
        marks = ", ".join("?" * (len(RULE_COLUMNS) + 1))
        self.session.execute("BEGIN")
        self.session.executemany(
            f"INSERT INTO accounts (id, {', '.join(RULE_COLUMNS)}) VALUES ({marks})",
            frame.select(["id", *RULE_COLUMNS]).iter_rows(),
        )
        self.session.execute("COMMIT")
        for name in ("country", "state", "zip", "industry", "employees"):
            self.session.execute(f"CREATE INDEX by_{name} ON accounts ({name})")
        self.session.execute("ANALYZE")
        by_id = {rule["id"]: rule for rule in rules}
        self.updates = [(_where(by_id[number], by_id), number) for number in reversed(order)]

    def run(self) -> None:
        """Update every account, one rule after the other, in one transaction."""
        self.session.execute("BEGIN")
        self.session.execute("UPDATE accounts SET territory = NULL WHERE territory IS NOT NULL")
        for where, number in self.updates:
            self.session.execute(f"UPDATE accounts SET territory = {number} WHERE {where}")
        self.session.execute("COMMIT")

    def winners(self) -> list[int | None]:
        """Return the territory's number per account, by id."""
        return [number for (number,) in self.session.execute("SELECT territory FROM accounts ORDER BY id")]


def _km(latitude: float | None, longitude: float | None, to_lat: float, to_lon: float) -> float | None:
    if latitude is None or longitude is None:
        return None
    one, other = math.radians(latitude), math.radians(to_lat)
    a = (
        math.sin((other - one) / 2) ** 2
        + math.cos(one) * math.cos(other) * math.sin(math.radians(to_lon - longitude) / 2) ** 2
    )
    return 2 * 6371.0088 * math.asin(math.sqrt(a))


def _where(rule: Mapping[str, Any], by_id: Mapping[int, Mapping[str, Any]]) -> str:
    """Return the criteria of a rule and of everything above it."""
    own = " OR ".join("(" + " AND ".join(map(_sql, alternative)) + ")" for alternative in rule["any"])
    parent = rule["parent"]
    return f"({own})" if parent is None else f"({own}) AND {_where(by_id[parent], by_id)}"


def _sql(criterion: Mapping[str, Any]) -> str:
    field, op, value = criterion["f"], criterion["op"], criterion["v"]
    if op in ("in", "not_in"):
        return f"{field} {'NOT ' if op == 'not_in' else ''}IN ({', '.join(map(_quoted, value))})"
    if op in ("prefix", "startswith"):
        # GLOB with a fixed beginning is answered from an index; names compare without case.
        name = f"lower({field})" if op == "startswith" else field
        return "(" + " OR ".join(f"{name} GLOB {_quoted(str(item).lower() + '*')}" for item in value) + ")"
    if op in ("range", "between"):
        return f"{field} BETWEEN {_quoted(value[0])} AND {_quoted(value[1])}"
    if op == "gte":
        return f"{field} >= {_quoted(value)}"
    if op == "any":
        return "(" + " OR ".join(f"instr(';' || {field} || ';', ';{item};')" for item in value) + ")"
    if op == "contains":
        return "(" + " OR ".join(f"instr(lower({field}), {_quoted(item)})" for item in value) + ")"
    latitude, longitude, km = value
    reach = km / 110.574 + 0.01
    return f"(lat BETWEEN {latitude - reach} AND {latitude + reach} AND km(lat, lon, {latitude}, {longitude}) <= {km})"


def _quoted(value: Any) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)


# --- GoRules ZEN: a decision table, first hit -------------------------------------------------------------------------


class Zen:
    """One decision table with a row per rule in winning order; ``way`` is how criteria are written.

    ``cells`` gives every field a column of unary tests and so lets a row fail at its first cell; ``expression`` writes
    a rule as one expression in one column. Rows are conjunctions in both: an ``or`` becomes several rows.
    """

    def __init__(self, rules: Sequence[Mapping[str, Any]], order: Sequence[int], *, way: str) -> None:
        import zen

        by_id = {rule["id"]: rule for rule in rules}
        rows = []
        for number in order:
            for path in _paths(by_id[number], by_id):
                cells = _cells(path) if way == "cells" else {"all": " and ".join(_guarded(path))}
                rows.append({"_id": str(len(rows)), **cells, "territory": str(number)})
        fields = sorted({name for row in rows for name in row} - {"_id", "territory"})
        if way == "cells":
            inputs = [
                {"id": name, "name": name} | ({} if name == "place" else {"field": name}) for name in fields
            ]
        else:
            inputs = [{"id": "all", "name": "all"}]
        for row in rows:
            for name in fields:
                row.setdefault(name, "")
        self.n_rows = len(rows)
        self.decision = zen.ZenEngine().create_decision(json.dumps(_decision(inputs, rows)))

    def winner(self, record: Mapping[str, Any]) -> int | None:
        """Return the number of the first rule that holds."""
        found = self.decision.evaluate(record)["result"]
        return None if not found or found.get("territory") is None else int(found["territory"])


def zen_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record as suits ZEN best: lists split, a lower-case name, the postal code as a number too."""
    products = record["products"]
    return {
        **record,
        "products": products.split(";") if products else None,
        "name_lower": (record["name"] or "").lower(),
        "zip_number": int(record["zip"]) if record["zip"] else None,
        "is_located": record["lat"] is not None and record["lon"] is not None,
    }


def _paths(rule: Mapping[str, Any], by_id: Mapping[int, Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    above = [[]] if rule["parent"] is None else _paths(by_id[rule["parent"]], by_id)
    return [[*criteria, *alternative] for criteria in above for alternative in rule["any"]]


def _decision(inputs: list[dict[str, Any]], rows: list[dict[str, Any]]) -> dict[str, Any]:
    place = {"x": 0, "y": 0}
    content = {
        "hitPolicy": "first",
        "inputs": inputs,
        "outputs": [{"id": "territory", "name": "territory", "field": "territory"}],
        "rules": rows,
    }
    nodes = [
        {"id": "in", "name": "in", "type": "inputNode", "position": place},
        {"id": "table", "name": "table", "type": "decisionTableNode", "position": place, "content": content},
        {"id": "out", "name": "out", "type": "outputNode", "position": place},
    ]
    edges = [("in", "table"), ("table", "out")]
    return {
        "contentType": "application/vnd.gorules.decision",
        "nodes": nodes,
        "edges": [{"id": f"{a}-{b}", "sourceId": a, "targetId": b, "type": "edge"} for a, b in edges],
    }


def _cells(path: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the tests by column; ``$`` stands for the column's value. Tests of a cell know no brackets."""
    tests: dict[str, list[str]] = {}
    for criterion in path:
        name, test = _zen(criterion, "$")
        tests.setdefault(name, []).append(test)
    return {
        name: " and ".join(["is_located" if name == "place" else "$ != null", *found])
        for name, found in tests.items()
    }


def _guarded(path: Sequence[Mapping[str, Any]]) -> list[str]:
    found: list[str] = []
    for criterion in path:
        name, _ = _zen(criterion, "$")
        found += ["is_located" if name == "place" else f"{name} != null", _zen(criterion, name)[1]]
    return found


def _zen(criterion: Mapping[str, Any], subject: str) -> tuple[str, str]:
    """Return the column a criterion tests and the test."""
    field, op, value = criterion["f"], criterion["op"], criterion["v"]
    if op in ("in", "not_in"):
        return field, f"{subject} {'not ' if op == 'not_in' else ''}in {json.dumps(value)}"
    if op == "prefix":
        return field, f"some({json.dumps(value)}, startsWith({subject}, #))"
    if op in ("startswith", "contains"):
        function = "startsWith" if op == "startswith" else "contains"
        subject = "$" if subject == "$" else "name_lower"
        return "name_lower", f"some({json.dumps(value)}, {function}({subject}, #))"
    if op == "range":  # ZEN does not order texts; the workload's postal codes are digits
        subject = "$" if subject == "$" else "zip_number"
        return "zip_number", f"{subject} >= {int(value[0])} and {subject} <= {int(value[1])}"
    if op == "between":
        return field, f"{subject} >= {value[0]} and {subject} <= {value[1]}"
    if op == "gte":
        return field, f"{subject} >= {value}"
    if op == "any":
        return field, f"some({subject}, # in {json.dumps(value)})"
    # ZEN has no trigonometry; the plane is cheaper and differs only at the rim.
    latitude, longitude, km = value
    narrow = math.cos(math.radians(latitude)) * 111.195
    north, east = f"(lat - {latitude}) * 111.195", f"(lon - {longitude}) * {narrow}"
    return "place", f"(({north}) ^ 2 + ({east}) ^ 2 <= {km * km})".replace("- -", "+ ")
