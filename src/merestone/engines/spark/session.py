"""The Spark session: the one that is there, or a quiet one of our own that ends with the work."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from merestone.base.errors import MissingExtraError, UnavailableError, UsageError
from merestone.engines.spark.failures import startup_failure

if TYPE_CHECKING:
    from pyspark import SparkConf
    from pyspark.sql import SparkSession

_PACKAGES = ("pyspark", "pandas")
INSTALL = "pip install 'merestone[spark]'"
_SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "65536",
    # a time in nanoseconds that no rule asks for is no reason to stop
    "spark.sql.legacy.parquet.nanosAsLong": "true",
    # state=01 in the name of a folder is a text, as it is in a file
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
}
# On one machine nobody else needs to reach the driver, and its host name may mean nothing.
_LOCAL_SETTINGS = {"spark.driver.host": "localhost", "spark.driver.bindAddress": "127.0.0.1"}
_UNNAMED = "pyspark-shell"
_CONNECT_SECONDS = 5.0


@contextmanager
def open_session(master: str | None, options: Mapping[str, str]) -> Iterator[SparkSession]:
    """Give the session to work in; one that was not there before is stopped afterwards.

    Parameters
    ----------
    master : str or None
        Spark's master URL; None takes the session that is there, the master of ``spark-submit``, or ``local[*]``.
    options : mapping
        Spark settings of a new session; ``spark.log.level`` lets Spark's own messages through to the terminal.

    Raises
    ------
    MissingExtraError
        pyspark, pandas or Java is not installed.
    UsageError
        A session on another master is running in this process.
    UnavailableError
        Spark could not start, or nobody answers at the master.
    """
    require_pyspark()
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    running = SparkContext._active_spark_context
    if running is not None:
        _refuse_other(master, running.master)
        yield SparkSession.builder.getOrCreate()
        return
    spark = _new_session(master, options)
    try:
        yield spark
    finally:
        _end(spark)


def require_pyspark() -> None:
    """Raise MissingExtraError unless pyspark, and pandas that it needs for Arrow, are installed."""
    missing = [name for name in _PACKAGES if not _is_installed(name)]
    if missing:
        raise MissingExtraError(
            f"Matching on Spark needs the package '{missing[0]}', which is not installed.",
            code="spark-missing",
            fix=f"Install it with: {INSTALL} (it needs Java 17 as well).",
        )


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False


def _refuse_other(master: str | None, running: str | None) -> None:
    if master is not None and master != running:
        raise UsageError(
            f"A Spark session on '{running}' is running in this process; '{master}' would be another.",
            code="other-session",
            fix="Stop it first, or leave the master out.",
        )


def _new_session(master: str | None, options: Mapping[str, str]) -> SparkSession:
    if not _is_submitted():
        _require_java()
    if master is not None:
        _require_answer(master)
        options = {**options, "spark.master": master}
    with tempfile.TemporaryFile() as said:
        try:
            return _started(options, said)
        except Exception as error:  # Java's, py4j's and pyspark's errors share no class
            raise startup_failure(error, _tail(said), master=master) from error


def _started(options: Mapping[str, str], said: IO[bytes]) -> SparkSession:
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    is_quiet = "spark.log.level" not in options
    _start_java(options, said if is_quiet else None)
    conf = _settings(options)
    context = SparkContext(conf=conf)
    if is_quiet:
        context.setLogLevel("ERROR")
    if str(context.master).startswith("local") and "PYSPARK_PYTHON" not in os.environ:
        context.pythonExec = sys.executable  # not whatever python3 is on the PATH
    return SparkSession(context)


def _start_java(options: Mapping[str, str], said: IO[bytes] | None) -> None:
    """Start Java unless it runs; it warns on its error stream before any setting of Spark's logging is read."""
    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway

    if SparkContext._gateway is not None:
        return
    conf = SparkConf(loadDefaults=False).setAll(list(options.items()))
    streams = {} if said is None or _is_submitted() else {"stderr": said}
    SparkContext._ensure_initialized(gateway=launch_gateway(conf, streams), conf=conf)


def _end(spark: SparkSession) -> None:
    """Stop the session and the Java process that was started for it."""
    from pyspark import SparkContext

    with contextlib.suppress(
        Exception
    ):  # a Java that died has nothing left to stop, and its error is on the way
        spark.stop()
    gateway = SparkContext._gateway
    process = getattr(gateway, "proc", None)
    if gateway is None or process is None:
        return
    SparkContext._gateway = SparkContext._jvm = None
    with contextlib.suppress(Exception):
        gateway.shutdown()
    process.stdin.close()  # Java ends when nobody holds the other end
    process.wait()


def _settings(options: Mapping[str, str]) -> SparkConf:
    """Return the options over those of spark-submit and spark-defaults.conf, and ours where all are silent."""
    from pyspark import SparkConf, SparkContext

    conf = SparkConf(_jvm=SparkContext._jvm).setAll(list(options.items()))
    if conf.get("spark.app.name", _UNNAMED) == _UNNAMED:
        conf.setAppName("merestone")
    ours = dict(_SETTINGS)
    if str(conf.get("spark.master")).startswith("local"):
        ours |= _LOCAL_SETTINGS
    for name, value in ours.items():
        conf.setIfMissing(name, value)
    return conf


def _is_submitted() -> bool:
    return "PYSPARK_GATEWAY_PORT" in os.environ


def _require_java() -> None:
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=Path(home) / "bin") if home else shutil.which("java")
    if java is None:
        place = f"in JAVA_HOME ('{home}')" if home else "on the PATH"
        raise MissingExtraError(
            f"Spark needs Java, and there is no 'java' {place}.",
            code="java-missing",
            fix="Install Java 17 (on Debian and Ubuntu: apt install openjdk-17-jre-headless), or set JAVA_HOME.",
        )


def _require_answer(master: str) -> None:
    """Raise UnavailableError when nobody listens at the master: Spark itself would wait for a minute."""
    found = re.fullmatch(r"(?:spark://|k8s://(?:https?://)?)(.+)", master)
    if found is None:
        return
    tried = [_address(place) for place in found[1].split(",")]
    if not any(_answers(host, port) for host, port in tried):
        raise UnavailableError(
            f"Nobody answers at the Spark master '{master}'.",
            code="spark-master",
            fix="Check the host and port, and that the master runs.",
        )


def _address(place: str) -> tuple[str, int]:
    host, _, port = place.split("/")[0].rpartition(":")
    return (host, int(port)) if host and port.isdecimal() else (place.split("/")[0], 443)


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host.strip("[]"), port), timeout=_CONNECT_SECONDS).close()
    except (OSError, OverflowError):
        return False
    return True


def _tail(said: IO[bytes]) -> str:
    said.flush()
    said.seek(0, os.SEEK_END)
    said.seek(max(0, said.tell() - 20_000))
    return said.read().decode("utf-8", "replace")
