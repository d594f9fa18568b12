"""Writing results where Spark writes: a folder of Parquet files, or one CSV file; never over what is not ours."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from merestone.base.errors import ConflictError, UsageError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

MARK = "_merestone"
"""An empty file that says the folder holds a result of ours; readers of data folders pass over such names."""
_OTHER = re.compile(r"\.(xlsx?|jsonl?|ndjson|ya?ml|tsv|orc|avro|txt|gz|zip)$", re.IGNORECASE)
_CSV_OPTIONS = {
    "header": "false",
    "quote": '"',
    "escape": '"',
    "ignoreLeadingWhiteSpace": "false",
    "ignoreTrailingWhiteSpace": "false",
}


@dataclass(frozen=True, slots=True)
class Target:
    """Where a result goes, by the name of the path: CSV is one file, all else a folder of Parquet files.

    Spark writes beside it, and the finished result takes its place in one move: a run that fails leaves what was there.
    """

    spark: SparkSession
    name: str

    @property
    def is_csv(self) -> bool:
        """Whether it is one file of CSV."""
        return self.name.lower().endswith(".csv")

    def check(self) -> None:
        """Raise unless the result may be written there.

        Raises
        ------
        UsageError
            The suffix is of another format.
        ConflictError
            Something is there that is no earlier result: a folder without our mark that is not empty, or a file whose
            first line is not a result's header.
        """
        if _OTHER.search(self.name):
            raise UsageError(
                f"Spark does not write '{self.name}'.",
                code="unknown-format",
                fix="Name a .csv file, or a folder for Parquet.",
            )
        if self._system.exists(self._path) and not self._is_ours():
            raise ConflictError(
                f"'{self.name}' is there already, and is no earlier result.",
                code="output-exists",
                fix="Name another path, or remove it.",
            )

    def write(self, frame: DataFrame) -> None:
        """Write the frame, replacing an earlier result."""
        beside = self._sibling()
        self._make_parent()
        # Checksum files beside the parts would stop readers of the folder, and outlive an edit of the file.
        self._system.setWriteChecksum(False)
        try:
            writer = frame.write.mode("error")
            if self.is_csv:
                writer.options(**_CSV_OPTIONS).csv(beside.toString())
                self._replace(self._joined(beside, header=",".join(frame.columns)))
            else:
                writer.parquet(beside.toString())
                self._system.create(self._hadoop.fs.Path(beside, MARK)).close()
                self._replace(beside)
        finally:
            self._system.delete(beside, True)
            self._system.setWriteChecksum(True)

    @property
    def _hadoop(self) -> Any:
        jvm: Any = self.spark._jvm  # the only way to Hadoop's file systems
        return jvm.org.apache.hadoop

    @property
    def _system(self) -> Any:
        """Hadoop's file system of the path: the machine's own, HDFS, an object store."""
        return self._hadoop.fs.Path(self.name).getFileSystem(self.spark._jsc.hadoopConfiguration())

    @property
    def _path(self) -> Any:
        return self._system.makeQualified(self._hadoop.fs.Path(self.name))

    def _sibling(self) -> Any:
        return self._hadoop.fs.Path(self._path.getParent(), f"._merestone-{uuid.uuid4().hex}")

    def _is_ours(self) -> bool:
        status = self._system.getFileStatus(self._path)
        if status.isDirectory():
            inside = [entry.getPath().getName() for entry in self._system.listStatus(self._path)]
            return not self.is_csv and (not inside or MARK in inside)
        return self.is_csv and (status.getLen() == 0 or self._first_bytes(13) == b"id,territory,")

    def _first_bytes(self, count: int) -> bytes:
        stream = self._system.open(self._path)
        try:
            return bytes(stream.readNBytes(count))
        finally:
            stream.close()

    def _joined(self, folder: Any, *, header: str) -> Any:
        """Return a file inside ``folder`` with the header and all its parts in order."""
        whole = self._hadoop.fs.Path(folder, "whole.csv")
        parts = sorted(
            (entry.getPath() for entry in self._system.listStatus(folder)), key=lambda path: path.getName()
        )
        stream = self._system.create(whole)
        try:
            stream.write(f"{header}\n".encode())
            for part in parts:
                if part.getName().startswith("part-"):
                    self._append(part, stream)
        finally:
            stream.close()
        return whole

    def _append(self, part: Any, stream: Any) -> None:
        source = self._system.open(part)
        try:
            self._hadoop.io.IOUtils.copyBytes(source, stream, 1 << 20, False)
        finally:
            source.close()

    def _make_parent(self) -> None:
        from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]

        try:
            is_made = self._system.mkdirs(self._path.getParent())
        except Py4JJavaError as error:
            raise self._refused() from error
        if not is_made:
            raise self._refused()

    def _replace(self, result: Any) -> None:
        self._system.delete(self._path, True)
        if not self._system.rename(result, self._path):
            raise self._refused()

    def _refused(self) -> UsageError:
        return UsageError(
            f"'{self.name}' cannot be written.",
            code="unusable-path",
            fix="Check the path, and that this user may write there.",
        )
