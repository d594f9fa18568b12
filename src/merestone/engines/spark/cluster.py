"""Matching records on Spark: read only what the rules need, send the rules to the workers, write and count in one pass."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from merestone.app import ports
from merestone.core.rules import Ruleset
from merestone.engines.spark.columns import Needed, needed
from merestone.engines.spark.failures import told
from merestone.engines.spark.output import Target
from merestone.engines.spark.records import check_types, open_records
from merestone.engines.spark.session import open_session, require_pyspark
from merestone.engines.spark.watch import watched
from merestone.engines.spark.worker import Cells, Task

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType


@dataclass(frozen=True, slots=True)
class SparkCluster:
    """Matches files and tables on Spark, with the rules of any engine.

    Parameters
    ----------
    matcher : Matcher
        Makes the rules ready; what it makes is pickled and sent to the workers.
    master : str or None
        Spark's master URL; None takes the running session, the master of ``spark-submit``, or ``local[*]``.
    options : mapping
        Spark settings, for a session that is started here.
    guard, unguard : callable, optional
        Mark text that a spreadsheet could run as a formula, and take the mark off: for CSV out and in.
    """

    matcher: ports.Matcher
    master: str | None = field(default=None, kw_only=True)
    options: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    guard: Cells | None = field(default=None, kw_only=True)
    unguard: Cells | None = field(default=None, kw_only=True)

    def match(
        self,
        ruleset: Ruleset,
        *,
        records: str,
        out: str,
        all_matches: bool = False,
        progress: ports.Progress | None = None,
    ) -> dict[str, Any]:
        """Write where each record belongs; returns ``records``, ``assigned``, ``queued``, ``out``, ``missing_columns``.

        Parameters
        ----------
        ruleset : Ruleset
            The rules.
        records : str
            A Parquet or CSV file or folder, or the name of a table. Columns are named like fields or their aliases.
        out : str
            A ``.csv`` file, else a folder for Parquet files. An earlier result is replaced, nothing else.
        all_matches : bool
            Write every match instead of winners.
        progress : callable, optional
            Told about finished tasks.

        Returns
        -------
        dict
            Number of records, of those with and without territory, ``out`` as given, and ``missing_columns``: fields of
            the rules for which the records have no column.
        """
        with open_session(self.master, self.options) as spark, told(records):
            target = Target(spark, out)
            target.check()
            found = open_records(spark, records)
            columns = _needed(ruleset, found.frame, name=records)
            read = self.unguard if found.is_text else None
            write = self.guard if target.is_csv else None
            frame, seen = _observed(_pruned(found.frame, columns), records="count(1)")
            answer = _answer(
                frame, self._task(ruleset, spark, all_matches=all_matches, read=read, write=write), columns
            )
            wins = "count_if(is_winner)" if all_matches else "count(territory)"
            answer, won = _observed(answer, assigned=wins)
            with watched(spark, progress):
                target.write(answer)
            counts = {**seen.get, **won.get}
        queued = counts["records"] - counts["assigned"]
        return {**counts, "queued": queued, "out": out, "missing_columns": list(columns.missing)}

    def match_frame(self, ruleset: Ruleset, frame: DataFrame, *, all_matches: bool = False) -> DataFrame:
        """Return where each record of a frame belongs, as a frame of the same session; nothing runs yet.

        Columns are those that ``match`` writes.
        """
        require_pyspark()
        with told("the frame"):
            columns = _needed(ruleset, frame, name="the frame")
            task = self._task(ruleset, frame.sparkSession, all_matches=all_matches)
            return _answer(_pruned(frame, columns), task, columns)

    def _task(
        self,
        ruleset: Ruleset,
        spark: SparkSession,
        *,
        all_matches: bool,
        read: Cells | None = None,
        write: Cells | None = None,
    ) -> Task:
        pickled = pickle.dumps(self.matcher.compile(ruleset), protocol=pickle.HIGHEST_PROTOCOL)
        key = hashlib.sha256(pickled).hexdigest()
        return Task(spark.sparkContext.broadcast(pickled), key, all_matches, read, write)


def _needed(ruleset: Ruleset, frame: DataFrame, *, name: str) -> Needed:
    columns = needed(ruleset, frame.columns, where=name)
    check_types(frame, columns.columns, fields=ruleset.fields, where=name)
    return columns


def _pruned(frame: DataFrame, columns: Needed) -> DataFrame:
    from pyspark.sql import functions

    quoted = {name: "`" + column.replace("`", "``") + "`" for name, column in columns.columns.items()}
    return frame.select(*(functions.col(column).alias(name) for name, column in quoted.items()))


def _observed(frame: DataFrame, **expressions: str) -> tuple[DataFrame, Any]:
    """Return the frame and what will have been counted once it has passed by."""
    from pyspark.sql import Observation, functions

    observation = Observation()
    measures = [functions.expr(text).alias(name) for name, text in expressions.items()]
    return frame.observe(observation, *measures), observation


def _answer(frame: DataFrame, task: Task, columns: Needed) -> DataFrame:
    return frame.mapInArrow(task, _schema(frame, task, columns))


def _schema(frame: DataFrame, task: Task, columns: Needed) -> StructType:
    from pyspark.sql.types import BooleanType, StringType, StructField, StructType

    key = frame.schema[columns.id].dataType
    text = [StructField(name, StringType()) for name in ("territory", "cause", "runner_up", "rank")]
    marks = [StructField(name, BooleanType()) for name in ("is_winner", "is_overlay")]
    return StructType([StructField("id", key), *(text[:1] + marks if task.all_matches else text)])
