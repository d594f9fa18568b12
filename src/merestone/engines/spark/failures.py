"""Spark's failures in our words: what, where and what to do, instead of two hundred lines of Java."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from merestone.base.errors import (
    InvalidInputError,
    MerestoneError,
    MissingExtraError,
    NotFoundError,
    UnavailableError,
    UsageError,
)

_FILE = re.compile(r"\b(?:[a-z][a-z0-9+.-]*:/+|/)[^\s\"'<>|]*?(?=[.,;:)\]]*(?:\s|$|[\"']))", re.IGNORECASE)
_NO_PATH = ("PATH_NOT_FOUND", "FileNotFoundException", "No such file or directory")
_NO_TABLE = ("TABLE_OR_VIEW_NOT_FOUND", "SCHEMA_NOT_FOUND")
_DENIED = (
    "AccessControlException",
    "Permission denied",
    "Mkdirs failed",
    "AccessDenied",
    "FileAlreadyExists",
)
_UNREADABLE = (
    "CANNOT_READ_FILE",
    "FAILED_READ_FILE",
    "UNABLE_TO_INFER_SCHEMA",
    "MALFORMED_RECORD_IN_PARSING",
    "MALFORMED_CSV_RECORD",
    "is not a Parquet file",
    "Could not read footer",
    "PARQUET_",
    "CSV header does not conform",
    "TextParsingException",
)
_WORKERS = ("PYTHON_VERSION_MISMATCH", "No module named", "Cannot run program", "PACKAGE_NOT_INSTALLED")
_STORE = (
    "No FileSystem for scheme",
    "FileSystem not found",
    "UnknownHostException",
    "ConnectException",
    "ConnectTimeoutException",
)
_MEMORY = ("OutOfMemoryError", "Python worker exited unexpectedly", "ExecutorLostFailure", "MemoryError")
# What is taken off the line that says why.
_BEFORE = re.compile(r"^(Caused by|Exception in thread \S+)[: ]+")
_PACKAGES = re.compile(r"\b([a-z]\w*\.)+(?=[A-Z]\w*(Error|Exception)\b)")
_GENERAL = re.compile(
    r"([a-z]\w*\.)+(\w*(Spark|Analysis|Python)\w*Exception|(Runtime|IO)?Exception)(?= *:)( *: *)"
)
_CONDITION = re.compile(r"\[[A-Z][A-Z0-9]*(_[A-Z0-9]+)+(\.[A-Z0-9_]+)?\] ?")
_STATE = re.compile(r" *SQLSTATE: *\w+")
_MASTER_FIX = "Check the master URL (local[2], spark://host:7077, yarn, k8s://…) and that it can be reached."
_WORKERS_FIX = (
    "Give every worker a Python of the same version with merestone in it, by --archives or PYSPARK_PYTHON."
)


@contextmanager
def told(name: str) -> Iterator[None]:
    """Raise Spark's errors about ``name`` as ours."""
    from py4j.protocol import Py4JError  # type: ignore[import-untyped]
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError, ConnectionError) as error:  # the last when Java itself died
        raise failure(error, name) from error


def failure(error: BaseException, name: str) -> MerestoneError:
    """Return our error for one of Spark's that came up while working on ``name``."""
    text = str(error)
    return next(
        (make(text, name) for signs, make in _KINDS if any(sign in text for sign in signs)), None
    ) or (
        UnavailableError(
            f"Spark could not match '{name}': {reason(text)}",
            code="spark-failed",
            fix="The logs of the driver and the executors tell more.",
        )
    )


def startup_failure(error: BaseException, said: str, *, master: str | None) -> MerestoneError:
    """Return our error for a Spark that did not start; ``said`` is what Java wrote on its error stream."""
    text = f"{said}\n{error}"
    if "UnsupportedClassVersionError" in text or "requires Java" in text:
        return MissingExtraError(
            "The Java that was found is too old for Spark.",
            code="java-missing",
            fix="Install Java 17, or set JAVA_HOME to it.",
        )
    on = f" on '{master}'" if master else ""
    told_by = said if _informative(said) else str(error)
    return UnavailableError(
        f"Spark could not start{on}: {reason(told_by)}", code="spark-master", fix=_MASTER_FIX
    )


def reason(text: str) -> str:
    """Return the one line of a trace that says why.

    It is the last line with a condition that Spark names, else the last cause that says something, else the last error
    of a Python trace.
    """
    lines = _informative(text)
    named = [line for line in lines if _CONDITION.search(line)]
    causes = [line for line in lines if line.startswith("Caused by:") and line.count(": ") > 1]
    errors = [line for line in lines if re.match(r"(\w+\.)*\w*(Error|Exception)\b", line)]
    line = (named or causes or errors or lines or ["no reason was given"])[-1]
    for pattern in (_BEFORE, _GENERAL, _PACKAGES, _CONDITION, _STATE):
        line = pattern.sub("", line)
    line = line.strip(" :.")
    return line[:300] + ("…" if len(line) > 300 else ".")


def _informative(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [
        line
        for line in lines
        if line and not re.match(r"(at |\.\.\. |WARNING|\d\d/\d\d/\d\d .* WARN|Using |Setting |To adj)", line)
    ]


def _file_of(text: str, name: str) -> str:
    """Return the file a trace speaks of, else ``name``."""
    found = [match[0] for match in _FILE.finditer(text) if "site-packages" not in match[0]]
    file = next((file for file in found if re.search(r"\.\w+$", file)), name)
    return re.sub(r"^file:/+", "/", file)


def _no_path(_: str, name: str) -> MerestoneError:
    return NotFoundError(
        f"There is no file or folder '{name}', or a part of it went away.", code="no-such-file"
    )


def _no_table(_: str, name: str) -> MerestoneError:
    return NotFoundError(f"There is no table '{name}'.", code="no-such-file")


def _denied(text: str, _: str) -> MerestoneError:
    return UsageError(f"Spark may not read or write there: {reason(text)}", code="unusable-path")


def _unreadable(text: str, name: str) -> MerestoneError:
    return InvalidInputError(
        f"'{_file_of(text, name)}' cannot be read: {reason(text)}",
        code="unreadable-file",
        fix="Write it again as Parquet, or as CSV whose rows all have as many cells as the header.",
    )


def _twice(text: str, name: str) -> MerestoneError:
    return InvalidInputError(
        f"'{name}' has two columns of one name: {reason(text)}",
        code="duplicate-header",
        fix="Rename or remove one of them; letter case does not count.",
    )


def _store(text: str, name: str) -> MerestoneError:
    return UnavailableError(
        f"Spark cannot reach '{name}': {reason(text)}",
        code="spark-storage",
        fix="Check the address; a store such as s3a:// needs its package (spark.jars.packages).",
    )


def _workers(text: str, _: str) -> MerestoneError:
    return UnavailableError(
        f"Spark's workers cannot run the rules: {reason(text)}", code="spark-workers", fix=_WORKERS_FIX
    )


def _memory(text: str, name: str) -> MerestoneError:
    return UnavailableError(
        f"A worker died while matching '{name}': {reason(text)}",
        code="spark-failed",
        fix="It may lack memory: raise spark.executor.memory and spark.executor.pyspark.memory, or run fewer cores each.",
    )


_KINDS: tuple[tuple[tuple[str, ...], Callable[[str, str], MerestoneError]], ...] = (
    (_WORKERS, _workers),
    (_NO_TABLE, _no_table),
    (_UNREADABLE, _unreadable),
    (("COLUMN_ALREADY_EXISTS", "AMBIGUOUS_REFERENCE"), _twice),
    (_STORE, _store),
    (_NO_PATH, _no_path),
    (_DENIED, _denied),
    (_MEMORY, _memory),
)
"""The first kind one of whose signs is in the text counts: a file that went away is also one that cannot be read."""
