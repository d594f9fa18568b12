"""A DuckDB of one's own: in memory, bounded, without files, network or extensions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import duckdb
import numpy as np
import pyarrow as pa
from sqlglot import exp

from merestone.base.errors import UnavailableError
from merestone.core.criteria.functions import compile_pattern
from merestone.core.geo import Areas


@dataclass(frozen=True)
class Limits:
    """What a DuckDB may use.

    Parameters
    ----------
    threads : int or None
        None = one per processor.
    memory_mb : int
        More is refused; there is no spilling to disk.
    """

    threads: int | None = None
    memory_mb: int = 3_000


class NoMemoryError(UnavailableError):
    """The database may not use as much memory as it needs."""


@contextmanager
def open_session(limits: Limits, areas: Areas) -> Iterator[Session]:
    """Open an empty database and close it at the end, whatever happens."""
    config: dict[str, Any] = {
        "memory_limit": f"{limits.memory_mb}MB",
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "python_enable_replacements": False,
        # The joins stand in the order in which they narrow; estimates of skewed books lead to worse ones.
        "disabled_optimizers": "join_order,build_side_probe_side",
    }
    if limits.threads is not None:
        config["threads"] = limits.threads
    connection = duckdb.connect(":memory:", config=config)
    try:
        for closing in ("temp_directory = ''", "enable_external_access = false", "lock_configuration = true"):
            connection.sql(f"SET {closing}")  # in this order: each forbids the one before
        _add_functions(connection, areas)
        yield Session(connection)
    except duckdb.OutOfMemoryException as error:
        raise NoMemoryError(
            f"DuckDB needs more than the {limits.memory_mb} MB it may use.",
            fix="Allow it more memory, or match with the kernel.",
        ) from error
    finally:
        connection.close()


class Session:
    """Runs statements that were built as expressions, never as text."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def load(self, name: str, table: pa.Table) -> None:
        """Keep an Arrow table as a table of the database."""
        self._connection.register("incoming", table)
        self.create(name, exp.select("*").from_("incoming"))
        self._connection.unregister("incoming")

    def show(self, name: str, table: pa.Table) -> None:
        """Let queries read an Arrow table where it is: for small ones, read once or twice."""
        self._connection.register(name, table)

    def create(self, name: str, query: exp.Query) -> None:
        """Keep the answer of a query as a table, replacing one of that name."""
        self.run(exp.Create(this=exp.to_table(name), kind="TABLE", replace=True, expression=query))

    def create_from(self, name: str, query: str) -> None:
        """Keep the answer of a fixed query as a table."""
        self._connection.sql(f"CREATE OR REPLACE TABLE {name} AS {query}")

    def insert(self, name: str, query: exp.Query) -> None:
        """Add the rows of a query to a table."""
        self.run(exp.Insert(this=exp.to_table(name), expression=query))

    def run(self, statement: exp.Expr) -> None:
        """Run a statement that answers nothing."""
        self._connection.sql(statement.sql(dialect="duckdb", copy=False))

    def fetch(self, query: exp.Query | str) -> pa.Table:
        """Return the answer of a query."""
        text = query if isinstance(query, str) else query.sql(dialect="duckdb", copy=False)
        return self._connection.sql(text).to_arrow_table()


def _add_functions(connection: duckdb.DuckDBPyConnection, areas: Areas) -> None:
    """Add what DuckDB does not have, or has with another meaning (the Unicode version of its regular expressions)."""

    def add(name: str, function: Callable[..., Any], kinds: list[Any], result: str) -> None:
        connection.create_function(name, function, kinds, result, type=cast(Any, "arrow"))

    def in_area(key: pa.Array, longitude: pa.Array, latitude: pa.Array) -> pa.Array:
        if not len(key):
            return pa.array([], pa.bool_())
        return pa.array(areas.contains(_one(key), _floats(longitude), _floats(latitude)))

    def exact_km(latitude: pa.Array, longitude: pa.Array, north: pa.Array, east: pa.Array) -> pa.Array:
        if not len(north):
            return pa.array([], pa.float64())
        to = (_one(north), _one(east))
        return pa.array(areas.distance_km(_floats(latitude), _floats(longitude), to=to), pa.float64())

    add("found_in", _found_in, ["VARCHAR", "VARCHAR"], "BOOLEAN")
    add("in_area", in_area, ["VARCHAR", "DOUBLE", "DOUBLE"], "BOOLEAN")
    add("exact_km", exact_km, ["DOUBLE"] * 4, "DOUBLE")


def _found_in(pattern: pa.Array, spelling: pa.Array) -> pa.Array:
    if not len(pattern):
        return pa.array([], pa.bool_())
    search = compile_pattern(_one(pattern)).search
    return pa.array([search(text) is not None for text in spelling.to_pylist()], pa.bool_())


def _one(constant: pa.Array | pa.ChunkedArray) -> Any:
    """Return the value of an argument that is a literal."""
    return constant[0].as_py()


def _floats(array: pa.Array) -> np.ndarray:
    return np.asarray(array, dtype=np.float64)
