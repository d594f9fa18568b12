"""Matching records on Spark: read only what the rules need, send the rules to the workers, write and count in one pass."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from merestone.app import ports
from merestone.core.rules import Ruleset
from merestone.engines.spark.columns import Needed, needed
from merestone.engines.spark.failures import told
from merestone.engines.spark.output import Target
from merestone.engines.spark.records import check_types, open_records
from merestone.engines.spark.session import open_session, require_pyspark
from merestone.engines.spark.watch import watched
from merestone.engines.spark.worker import Change, Reading, Task

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
    gazetteer : callable, optional
        Returns what knows names of places. With it ``match`` reads cells as the other engines read files; it must be
        picklable, for the workers call it.
    guard, unguard : callable, optional
        Mark text that a spreadsheet could run as a formula, and take the mark off: for CSV out and in.
    """

    matcher: ports.Matcher
    master: str | None = field(default=None, kw_only=True)
    options: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    gazetteer: Callable[[], ports.Gazetteer] | None = field(default=None, kw_only=True)
    guard: Change | None = field(default=None, kw_only=True)
    unguard: Change | None = field(default=None, kw_only=True)

    def match(
        self,
        ruleset: Ruleset,
        *,
        records: str,
        out: str,
        all_matches: bool = False,
        progress: ports.Progress | None = None,
    ) -> dict[str, Any]:
        """Write where each record belongs; returns ``records``, ``assigned``, ``queued``, ``out``, ``warnings``.

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
            Number of records, of those with and without territory, ``out`` as given, and ``warnings`` (``code``,
            ``message`` …): fields of the rules without a column, columns that were guessed.
        """
        with open_session(self.master, self.options) as spark, told(records):
            target = Target(spark, out)
            target.check()
            found = open_records(spark, records)
            columns = _needed(ruleset, found.frame, name=records)
            frame = _pruned(found.frame, columns)
            if found.is_text:
                frame = frame.dropna(how="all")  # sheets saved as text end in rows of nothing but commas
            frame, seen = _observed(frame, records="count(1)")
            task = self._task(ruleset, spark, all_matches=all_matches)
            task = replace(
                task,
                reading=self._reading(is_text=found.is_text),
                guard=self.guard if target.is_csv else None,
            )
            wins = "count_if(is_winner)" if all_matches else "count(territory)"
            answer, won = _observed(_answer(frame, task), assigned=wins)
            with watched(spark, progress):
                target.write(answer)
            counts = {**seen.get, **won.get}
        queued = counts["records"] - counts["assigned"]
        return {**counts, "queued": queued, "out": out, "warnings": list(columns.warnings)}

    def match_frame(self, ruleset: Ruleset, frame: DataFrame, *, all_matches: bool = False) -> DataFrame:
        """Return where each record of a frame belongs, as a frame of the same session; nothing runs yet.

        Columns are those that ``match`` writes.
        """
        require_pyspark()
        with told("the frame"):
            columns = _needed(ruleset, frame, name="the frame")
            task = self._task(ruleset, frame.sparkSession, all_matches=all_matches)
            return _answer(_pruned(frame, columns), task)

    def _task(self, ruleset: Ruleset, spark: SparkSession, *, all_matches: bool) -> Task:
        pickled = pickle.dumps(self.matcher.compile(ruleset), protocol=pickle.HIGHEST_PROTOCOL)
        key = hashlib.sha256(pickled).hexdigest()
        return Task(spark.sparkContext.broadcast(pickled), key, all_matches)

    def _reading(self, *, is_text: bool) -> Reading | None:
        if self.gazetteer is None:
            return None
        return Reading(self.gazetteer, self.unguard if is_text else None)


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


def _answer(frame: DataFrame, task: Task) -> DataFrame:
    return frame.mapInArrow(task, _schema(frame, all_matches=task.all_matches))


def _schema(frame: DataFrame, *, all_matches: bool) -> StructType:
    from pyspark.sql.types import BooleanType, StringType, StructField, StructType

    key = StructField("id", frame.schema["id"].dataType)
    text = [StructField(name, StringType()) for name in ("territory", "cause", "runner_up", "rank")]
    marks = [StructField(name, BooleanType()) for name in ("is_winner", "is_overlay")]
    return StructType([key, *(text[:1] + marks if all_matches else text)])
