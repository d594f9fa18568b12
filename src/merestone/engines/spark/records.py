"""Opening the records: a Parquet file or folder, a CSV file or folder, or a table by its name."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from merestone.base.errors import InvalidInputError, NotFoundError, Problem, UsageError
from merestone.core.criteria import Field, FieldSet
from merestone.core.model.columns import Kind

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_CSV = re.compile(r"\.(csv|tsv)(\.(gz|bz2|zst|zstd|lz4|snappy|deflate|xz))?/?$", re.IGNORECASE)
_PARQUET = re.compile(r"\.(parquet|parq|pq)/?$", re.IGNORECASE)
_OTHER = re.compile(r"\.(xlsx?|xlsm|ods|jsonl?|ndjson|ya?ml|orc|avro|txt)(\.\w+)?/?$", re.IGNORECASE)
_BYTES_LOOKED_AT, _MOST_LOOKED_AT = 1 << 20, 10
_TABLE_NAME = re.compile(r"(\w+|`[^`]+`)(\.(\w+|`[^`]+`))*")
_UNREADABLE_TYPES = ("map", "struct", "binary", "interval", "variant", "object", "geometry", "geography")
_UNREADABLE_LISTS = re.compile(r"array<(array|map|struct|binary)")
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
    if _is_table(spark, name):
        return Records(spark.read.table(name), name)
    if _OTHER.search(name):
        raise UsageError(
            f"'{name}' is neither Parquet nor CSV.", code="unknown-format", fix="Save it as Parquet or CSV."
        )
    jvm: Any = spark._jvm  # the only way to Hadoop's file systems
    path = jvm.org.apache.hadoop.fs.Path(name)
    system = path.getFileSystem(spark._jsc.hadoopConfiguration())
    files = _files(system, path, name)
    if _PARQUET.search(name) or not any(_CSV.search(file.getName()) for file in files):
        return Records(spark.read.parquet(name), name)
    _check_encoding(system, files, name)
    return Records(_csv(spark, name), name, is_text=True)


def check_types(frame: DataFrame, columns: Mapping[str, str], *, fields: FieldSet, where: str) -> None:
    """Raise ``InvalidInputError`` naming every one of ``columns`` (field -> column) whose type its field cannot have."""
    types = {name: frame.schema[column].dataType.simpleString() for name, column in columns.items()}
    problems = [
        Problem("unsupported-column", f"Column '{columns[name]}' is of type {kind}.", fix)
        for name, kind in types.items()
        if (fix := _fix_of(kind, fields.get(name)))
    ]
    if problems:
        raise InvalidInputError(f"'{where}' has columns that rules cannot read.", problems)


def _fix_of(kind: str, field: Field | None) -> str:
    """Return what to make of a column of this type; empty when it is well."""
    if kind.startswith(_UNREADABLE_TYPES) or _UNREADABLE_LISTS.match(kind):
        return "Make it text, a number, a date, a truth value or a list of text."
    if kind == "bigint" and field is not None and field.kind in (Kind.DATE, Kind.INSTANT):
        return "Write it as a date or a time in microseconds; in nanoseconds Spark sees a number."
    return ""


def _is_table(spark: SparkSession, name: str) -> bool:
    from pyspark.errors import AnalysisException

    try:
        return bool(_TABLE_NAME.fullmatch(name)) and spark.catalog.tableExists(name)
    except AnalysisException:  # more parts than the catalogue's names have
        return False


def _files(system: Any, path: Any, name: str) -> list[Any]:
    """Return the path's files, one level deep; NotFoundError when there is nothing."""
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
    return [status.getPath() for status in [*found, *inside] if not status.isDirectory()]


def _check_encoding(system: Any, files: list[Any], name: str) -> None:
    """Raise InvalidInputError when a file does not begin as UTF-8: Spark would read other letters without a word."""
    for file in files[:_MOST_LOOKED_AT]:
        if file.getName().lower().endswith((".csv", ".tsv")):
            stream = system.open(file)
            try:
                start = bytes(stream.readNBytes(_BYTES_LOOKED_AT))
            finally:
                stream.close()
            if not _is_utf8(start):
                raise InvalidInputError(
                    f"'{file.getName()}' of '{name}' is not UTF-8.",
                    code="bad-encoding",
                    fix="Save it as UTF-8, or as Parquet.",
                )


def _is_utf8(start: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)  # a letter cut at the end is no fault
    except UnicodeDecodeError:
        return False
    return b"\0" not in start


def _csv(spark: SparkSession, name: str) -> DataFrame:
    """Return the CSV as text: ids keep their zeros, and the file is not read twice to guess types."""
    reader = spark.read.options(**_CSV_OPTIONS)
    frame = reader.csv(name)
    only = frame.columns[0] if len(frame.columns) == 1 else ""
    other = next((separator for separator in ";\t|" if separator in only), None)
    return reader.csv(name, sep=other) if other else frame
