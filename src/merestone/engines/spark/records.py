"""Opening the records: a Parquet file or folder, a CSV file or folder, or a table by its name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from merestone.base.errors import InvalidInputError, NotFoundError, Problem, UsageError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_CSV = re.compile(r"\.(csv|tsv)(\.(gz|bz2|zst|zstd|lz4|snappy|deflate|xz))?/?$", re.IGNORECASE)
_PARQUET = re.compile(r"\.(parquet|parq|pq)/?$", re.IGNORECASE)
_OTHER = re.compile(r"\.(xlsx?|xlsm|ods|jsonl?|ndjson|ya?ml|orc|avro|txt)(\.\w+)?/?$", re.IGNORECASE)
_TABLE_NAME = re.compile(r"(\w+|`[^`]+`)(\.(\w+|`[^`]+`))*")
_UNREADABLE_TYPES = ("map", "struct", "binary", "interval", "variant", "object", "geometry", "geography")
# As other programs write CSV: quotes doubled, line breaks within them, blanks that count; a row of another length fails.
_CSV_OPTIONS = {
    "header": "true",
    "multiLine": "true",
    "quote": '"',
    "escape": '"',
    "mode": "FAILFAST",
    "ignoreLeadingWhiteSpace": "false",
    "ignoreTrailingWhiteSpace": "false",
    "enforceSchema": "true",
}


@dataclass(frozen=True, slots=True)
class Records:
    """Records as Spark sees them; ``is_text`` when they come from CSV."""

    frame: DataFrame
    name: str
    is_text: bool = False


def open_records(spark: SparkSession, name: str) -> Records:
    """Return the records called ``name``.

    A name without slash that is a table's is that table; else it is a path. A path with the suffix ``.csv`` or
    ``.tsv``, and a folder of such files, is CSV with a header; any other is Parquet.

    Raises
    ------
    NotFoundError
        There is neither a table nor a file nor a folder of this name.
    UsageError
        The suffix is of another format.
    """
    if _TABLE_NAME.fullmatch(name) and spark.catalog.tableExists(name):
        return Records(spark.read.table(name), name)
    if _OTHER.search(name):
        raise UsageError(
            f"'{name}' is neither Parquet nor CSV.", code="unknown-format", fix="Save it as Parquet or CSV."
        )
    files = _files(spark, name)
    if _CSV.search(name) or (not _PARQUET.search(name) and any(_CSV.search(file) for file in files)):
        return Records(_csv(spark, name), name, is_text=True)
    return Records(spark.read.parquet(name), name)


def check_types(frame: DataFrame, names: Mapping[str, str], *, where: str) -> None:
    """Raise ``InvalidInputError`` naming every column whose type holds no plain values."""
    types = {name: frame.schema[column].dataType.simpleString() for name, column in names.items()}
    problems = [
        Problem(
            "unsupported-column",
            f"Column '{names[name]}' is of type {kind}.",
            "Make it text, a number, a date, a truth value or a list of text.",
        )
        for name, kind in types.items()
        if kind.startswith(_UNREADABLE_TYPES) or re.match(r"array<(array|map|struct|binary)", kind)
    ]
    if problems:
        raise InvalidInputError(f"'{where}' has columns that rules cannot read.", problems)


def _files(spark: SparkSession, name: str) -> list[str]:
    """Return the path's files, one level deep; NotFoundError when there is nothing."""
    jvm: Any = spark._jvm  # the only way to Hadoop's file systems
    path = jvm.org.apache.hadoop.fs.Path(name)
    system = path.getFileSystem(spark._jsc.hadoopConfiguration())
    found = system.globStatus(path)
    if not found:
        kinds = "file, folder or table" if _TABLE_NAME.fullmatch(name) else "file or folder"
        raise NotFoundError(
            f"There is no {kinds} '{name}'.",
            code="no-such-file",
            fix="Write its path as the cluster sees it.",
        )
    inside = [
        entry for status in found if status.isDirectory() for entry in system.listStatus(status.getPath())
    ]
    return [status.getPath().getName() for status in [*found, *inside]]


def _csv(spark: SparkSession, name: str) -> DataFrame:
    """Return the CSV as text: ids keep their zeros, and the file is not read twice to guess types."""
    reader = spark.read.options(**_CSV_OPTIONS)
    frame = reader.csv(name)
    only = frame.columns[0] if len(frame.columns) == 1 else ""
    other = next((separator for separator in ";\t|" if separator in only), None)
    return reader.csv(name, sep=other) if other else frame
