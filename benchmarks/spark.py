"""Matching on Spark beside an empty round trip: the same columns to Python workers and two of them back.

    python benchmarks/spark.py --rules model.json --records accounts.parquet --master 'local[2]' --runs 5

Both run in turn in one warm session and give their rows to a sink that drops them, so that the ratio says what the
rules cost on top of Spark's own work. Prints JSON: seconds (median, least, most) and the ratio of the medians.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from merestone.connectors.files import LocalFiles
from merestone.core.rules import compile_ruleset, read_document
from merestone.engines.kernel import KernelMatcher
from merestone.engines.spark import SparkCluster
from merestone.engines.spark.columns import needed
from merestone.engines.spark.session import open_session

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame


def main() -> None:
    """Measure and print."""
    options = _options()
    ruleset = compile_ruleset(read_document(LocalFiles().read_document(options.rules)))
    cluster = SparkCluster(KernelMatcher())
    with open_session(options.master, {}) as spark:
        frame = spark.read.parquet(str(options.records))
        columns = needed(ruleset, frame.columns, where=str(options.records))
        pruned = frame.select(*(frame[column].alias(name) for name, column in columns.columns.items()))
        seconds = _measured(
            {
                "kernel": lambda: _run(cluster.match_frame(ruleset, frame)),
                "round_trip": lambda: _run(_there_and_back(pruned)),
            },
            runs=options.runs,
        )
        found = {"records": frame.count(), "partitions": frame.rdd.getNumPartitions()}
    print(
        json.dumps(
            {"rules": len(ruleset.rules), **found, "master": options.master, **_summary(seconds)}, indent=2
        )
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rules", type=Path, required=True)
    parser.add_argument("--records", type=Path, required=True)
    parser.add_argument("--master", default="local[2]")
    parser.add_argument("--runs", type=int, default=5)
    return parser.parse_args()


def _there_and_back(frame: DataFrame) -> DataFrame:
    """Return id and one text column by way of the Python workers, untouched."""
    text = next(name for name, kind in frame.dtypes if kind == "string" and name != "id")

    def hand_back(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield batch.select(["id", text])

    return frame.mapInArrow(hand_back, frame.select("id", text).schema)


def _run(frame: DataFrame) -> None:
    frame.write.format("noop").mode("overwrite").save()


def _measured(works: dict[str, Callable[[], None]], *, runs: int) -> dict[str, list[float]]:
    """Return seconds of each work, done in turn, after one run of each that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for number in range(runs + 1):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            if number:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def _summary(seconds: dict[str, list[float]]) -> dict[str, Any]:
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    told = {
        name: {
            "median": round(medians[name], 3),
            "least": round(min(values), 3),
            "most": round(max(values), 3),
        }
        for name, values in seconds.items()
    }
    return {**told, "ratio": round(medians["kernel"] / medians["round_trip"], 2)}


if __name__ == "__main__":
    main()
