"""Matching on Spark next to an empty round trip: ``python benchmarks/spark.py [--quick] [--master 'local[2]']``.

The peer hands the same columns to the same Python workers and gets two of them back untouched, so that the ratio says
what the rules cost on top of Spark's own work. Both run in one warm session, in turns. The first line is the answer of
``match_frame`` to a sink that drops it; the second reads cells as ``match`` does, and both sides write Parquet.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness import Row, as_json, compare, in_turns, machine, median, table
from workload import Workload

from merestone.connectors.geodata import Gazetteer
from merestone.core.rules import Ruleset, compile_ruleset, read_document
from merestone.engines.kernel import KernelMatcher
from merestone.engines.spark import SparkCluster
from merestone.engines.spark.columns import needed
from merestone.engines.spark.session import open_session

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

HERE = Path(__file__).resolve()
PACKAGES = ("merestone", "pyspark", "numba", "numpy", "pyarrow")
GOAL = 2.0


def main() -> None:
    """Measure and print the table."""
    options = _arguments()
    workload = Workload(options.workload, options.folder, options.seed)
    workload.module()  # says so when it is not there
    told = machine(PACKAGES)
    print(json.dumps({**told, "master": options.master}), f"seed {options.seed}", sep="\n")
    n, n_rules = (2_000, 40) if options.quick else (1_000_000, 1_000)
    ruleset = compile_ruleset(read_document(json.loads(workload.model(n_rules).read_bytes())))
    seconds = measured(ruleset, str(workload.accounts(n)), master=options.master)
    rows = _rows(seconds, what=f"{n:,} × {n_rules:,}")
    print(table(rows))
    if options.json:
        options.json.write_text(as_json(told, rows, seconds))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="toy size, to see that it works")
    parser.add_argument("--master", default="local[2]")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workload", type=Path, default=HERE.parents[2] / "shared" / "bench" / "rules")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir(), "merestone-bench"))
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def measured(ruleset: Ruleset, records: str, *, master: str) -> dict[str, list[float]]:
    """Return the seconds of each work."""
    cluster = SparkCluster(KernelMatcher(), gazetteer=Gazetteer)
    with open_session(master, {}) as spark, tempfile.TemporaryDirectory() as folder:
        frame = spark.read.parquet(records)
        columns = needed(ruleset, frame.columns, where=records).columns
        empty = _there_and_back(
            frame.select(*(frame[column].alias(name) for name, column in columns.items()))
        )
        works: dict[str, Callable[[], object]] = {
            "match_frame": lambda: _drop(cluster.match_frame(ruleset, frame)),
            "round_trip": partial(_drop, empty),
            "match": partial(cluster.match, ruleset, records=records, out=f"{folder}/matched"),
            "round_trip_to_parquet": lambda: empty.write.mode("overwrite").parquet(f"{folder}/empty"),
        }
        return dict(zip(works, in_turns(*works.values()), strict=True))


def _there_and_back(frame: DataFrame) -> DataFrame:
    """Return id and one text column by way of the Python workers."""
    text = next(name for name, kind in frame.dtypes if kind == "string" and name != "id")

    def hand_back(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield batch.select(["id", text])

    return frame.mapInArrow(hand_back, frame.select("id", text).schema)


def _drop(frame: DataFrame) -> None:
    frame.write.format("noop").mode("overwrite").save()


def _rows(seconds: dict[str, list[float]], *, what: str) -> list[Row]:
    middle = {name: median(taken) for name, taken in seconds.items()}
    return [
        compare(
            f"Spark with kernel ÷ empty round trip, {what}",
            middle["match_frame"],
            middle["round_trip"],
            most=GOAL,
        ),
        compare(
            f"the same from Parquet to Parquet, cells read, {what}",
            middle["match"],
            middle["round_trip_to_parquet"],
            most=GOAL,
        ),
    ]


if __name__ == "__main__":
    main()
