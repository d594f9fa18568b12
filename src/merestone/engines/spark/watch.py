"""Telling how far Spark is while it works."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from merestone.app.ports import Progress

_SECONDS_BETWEEN = 0.25


@contextmanager
def watched(spark: SparkSession, progress: Progress | None) -> Iterator[None]:
    """Call ``progress`` with finished and all tasks of the running stages, from another thread, and once at the end."""
    if progress is None:
        yield
        return
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(_SECONDS_BETWEEN):
            done, total = _tasks(spark)
            if total:
                progress(done, total, "Matching")

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
    progress(1, 1, "Matched")


def _tasks(spark: SparkSession) -> tuple[int, int]:
    tracker = spark.sparkContext.statusTracker()
    stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
    known = [stage for stage in stages if stage is not None]
    return sum(stage.numCompletedTasks for stage in known), sum(stage.numTasks for stage in known)
