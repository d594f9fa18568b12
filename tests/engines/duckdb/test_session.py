"""The database reads nothing but what it is given, and stays within its limits."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from tests.engines.conformance import rules_of

from merestone.base.errors import UnavailableError
from merestone.core.geo import NO_AREAS
from merestone.engines.duckdb import DuckdbMatcher, Limits
from merestone.engines.duckdb.session import open_session


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('{path}')",
        "SELECT * FROM '{path}'",
        "COPY (SELECT 1) TO '{path}.out'",
        "ATTACH '{path}.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET memory_limit = '9GB'",
        "SET autoload_known_extensions = true",
    ],
)
def test_files_extensions_and_settings_are_out_of_reach(statement, tmp_path):
    path = tmp_path / "secret.csv"
    path.write_text("a\n1\n")
    with open_session(Limits(threads=1), NO_AREAS) as session, pytest.raises(duckdb.Error):
        session.fetch(statement.format(path=path))
    assert [item.name for item in tmp_path.iterdir()] == ["secret.csv"]


def test_python_variables_are_no_tables():
    secret = pa.table({"a": [1]})
    with open_session(Limits(threads=1), NO_AREAS) as session, pytest.raises(duckdb.CatalogException):
        session.fetch("SELECT * FROM secret")
    assert secret.num_rows == 1


RULES = rules_of(*({"key": f"t{number:03d}", "where": f"employees >= -{number}"} for number in range(150)))


def test_a_batch_too_large_for_the_memory_is_halved():
    table = pa.table({"id": np.arange(16_000), "employees": np.arange(16_000)})
    counts = DuckdbMatcher(threads=1, memory_mb=50).compile(RULES).counts(table)
    assert counts["n_matches"].to_pylist() == [16_000] * 150
    assert counts["n_winners"].to_pylist() == [16_000] + [0] * 149


def test_too_little_memory_is_told():
    table = pa.table({"id": np.arange(4_000), "employees": np.arange(4_000)})
    with pytest.raises(UnavailableError, match="more than the 3 MB"):
        DuckdbMatcher(threads=1, memory_mb=3).match(RULES, table)
