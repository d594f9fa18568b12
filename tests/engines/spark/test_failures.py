"""Traces as Spark writes them, told in one sentence."""

from __future__ import annotations

import pytest

from merestone.base.errors import (
    InvalidInputError,
    MissingExtraError,
    NotFoundError,
    UnavailableError,
    UsageError,
)
from merestone.engines.spark.failures import failure, reason, startup_failure

TRACE = """An error occurred while calling o88.parquet.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 1.0 failed 1 times
\tat org.apache.spark.scheduler.DAGScheduler.abortStage(DAGScheduler.scala:1)
Caused by: {cause}
\tat java.base/java.lang.Thread.run(Thread.java:1)
\t... 1 more
"""
CASES = {
    "cut file": (
        "java.lang.RuntimeException: hdfs://h/accounts/part-0.parquet is not a Parquet file. Expected magic number",
        InvalidInputError,
        "unreadable-file",
        "'hdfs://h/accounts/part-0.parquet' cannot be read",
    ),
    "file that went away": (
        "java.io.FileNotFoundException: File file:/data/a.parquet does not exist",
        NotFoundError,
        "no-such-file",
        "no file or folder 'accounts'",
    ),
    "forbidden folder": (
        "org.apache.hadoop.security.AccessControlException: Permission denied: user=ana, access=WRITE",
        UsageError,
        "unusable-path",
        "AccessControlException: Permission denied: user=ana",
    ),
    "unknown host": (
        "java.net.UnknownHostException: nowhere",
        UnavailableError,
        "spark-storage",
        "UnknownHostException: nowhere",
    ),
    "workers without the package": (
        "org.apache.spark.api.python.PythonException: ModuleNotFoundError: No module named 'merestone'",
        UnavailableError,
        "spark-workers",
        "No module named 'merestone'",
    ),
    "workers of another Python": (
        "org.apache.spark.SparkException: [PYTHON_VERSION_MISMATCH] Python in worker has different version: 3.9",
        UnavailableError,
        "spark-workers",
        "Python in worker has different version: 3.9",
    ),
    "no memory": (
        "java.lang.OutOfMemoryError: Java heap space",
        UnavailableError,
        "spark-failed",
        "A worker died while matching 'accounts'",
    ),
    "anything else": (
        "org.apache.spark.SparkRuntimeException: [USER_RAISED_EXCEPTION] boom SQLSTATE: P0001",
        UnavailableError,
        "spark-failed",
        "could not match 'accounts': boom.",
    ),
}


@pytest.mark.parametrize(("cause", "kind", "code", "told"), CASES.values(), ids=CASES)
def test_a_trace_becomes_one_error_of_ours(cause, kind, code, told):
    error = failure(RuntimeError(TRACE.format(cause=cause)), "accounts")
    assert type(error) is kind
    assert error.code == code
    assert told in str(error)
    assert "\n" not in str(error)
    assert "Thread.java" not in str(error)


def test_the_reason_of_a_python_trace_is_its_last_line():
    trace = "Traceback (most recent call last):\n  File \"x.py\", line 1, in f\nKeyError: 'state'\n"
    assert reason(trace) == "KeyError: 'state'."


def test_a_long_reason_is_cut():
    assert len(reason("x" * 5_000)) <= 301


def test_a_start_that_failed_says_what_java_said():
    said = (
        "WARNING: Using incubator modules: jdk.incubator.vector\n"
        'Exception in thread "main" org.apache.spark.SparkException: Master must either be yarn or start with spark\n'
        "\tat org.apache.spark.deploy.SparkSubmit.error(SparkSubmit.scala:1)\n"
    )
    error = startup_failure(
        RuntimeError("[JAVA_GATEWAY_EXITED] Java gateway process exited"), said, master="x"
    )
    assert isinstance(error, UnavailableError)
    assert error.code == "spark-master"
    assert "could not start on 'x': Master must either be yarn" in str(error)


def test_an_old_java_is_told():
    said = "java.lang.UnsupportedClassVersionError: org/apache/spark/launcher/Main has been compiled by a more recent version"
    error = startup_failure(RuntimeError("exited"), said, master=None)
    assert isinstance(error, MissingExtraError)
    assert error.code == "java-missing"
