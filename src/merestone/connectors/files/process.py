"""What every limited reading process shares: its surroundings, its limits, and what its end is told as."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path
from typing import Any

from merestone.base.errors import InvalidInputError, Problem
from merestone.connectors.files.limits import MIB, Limits
from merestone.connectors.files.sniff import refuse


def limit_process(limits: dict[str, int]) -> None:
    """Bound what the calling process may take from the machine; nothing undoes it."""
    memory, cpu, size = limits["memory_bytes"], limits["cpu_seconds"], limits["unpacked_bytes"] * 2
    for what, bound in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_FSIZE, size),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        hard = resource.getrlimit(what)[1]
        bound = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(what, (bound, bound))


def refusal(error: BaseException) -> dict[str, Any]:
    """Return what a reading process answers when it could not read; ``refused`` makes it an error again."""
    if isinstance(error, InvalidInputError):
        problems = [problem.as_dict() for problem in error.problems]
        return _answer(error.code, error.message, error.fix, problems)
    if isinstance(error, MemoryError):
        return _answer("too-large", "", "", [])
    return _answer("unreadable-file", f"{type(error).__name__}: {error}"[:300], "", [])


def _answer(code: str, message: str, fix: str, problems: list[dict[str, Any]]) -> dict[str, Any]:
    return {"ok": False, "code": code, "message": message, "fix": fix, "problems": problems}


def check_file(path: Path, name: str, limits: Limits) -> None:
    """Raise when the path is no file, or one that is empty or too large."""
    try:
        if not path.is_file():
            raise refuse("no-such-file", f"There is no file {name!r}.", "Check the path.")
        size = path.stat().st_size
        with path.open("rb"):
            pass
    except OSError as error:
        raise refuse("unreadable-file", f"The file {name!r} cannot be opened: {error.strerror}.") from error
    if size == 0:
        raise refuse(
            "empty-file", f"The file {name!r} is empty.", "Choose a file with a header row and data."
        )
    if size > limits.file_bytes:
        raise refuse(
            "too-large",
            f"The file {name!r} has {size / MIB:,.0f} MiB; at most {limits.file_bytes / MIB:,.0f} MiB are read.",
            "Split it into several files.",
        )


def environment() -> dict[str, str]:
    """Return the variables a reading process is given: none that could hold a secret."""
    kept = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "SYSTEMROOT")
    return {
        **{key: os.environ[key] for key in kept if key in os.environ},
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def refused(answer: dict[str, Any], name: str, limits: Limits) -> InvalidInputError:
    """Return the error that a reading process answered with."""
    if answer["code"] == "too-large" and not answer["message"]:
        return too_much_memory(name, limits)
    message = answer["message"]
    if not answer["problems"]:
        message = f"The file {name!r} cannot be read: {message}"
        return refuse(answer["code"], message, answer["fix"] or "Save it again, as CSV if that is possible.")
    problems = [Problem(**problem) for problem in answer["problems"]]
    return InvalidInputError(message, problems, code=answer["code"], fix=answer["fix"])


def too_much_memory(name: str, limits: Limits) -> InvalidInputError:
    """Return the error for a file that swells."""
    return refuse(
        "too-large",
        f"Reading {name!r} needs more than {limits.memory_bytes / MIB:,.0f} MiB of memory.",
        "Delete unused rows and columns, or split the file.",
    )


def took_too_long(name: str, seconds: int) -> InvalidInputError:
    """Return the error for a file whose reader was stopped."""
    return refuse(
        "timeout",
        f"Reading {name!r} was stopped after {seconds} seconds.",
        "Split the file, or save the sheet as CSV.",
    )


def died(status: int, said: str, *, name: str, limits: Limits) -> InvalidInputError:
    """Return the error for a reading process that ended without an answer.

    Parameters
    ----------
    status : int
        Exit status, negative for a signal.
    said : str
        The end of what it wrote to its error stream.
    """
    if "memory allocation" in said or "MemoryError" in said or "bad_alloc" in said:
        return too_much_memory(name, limits)
    if -status in (signal.SIGXCPU, signal.SIGKILL):
        return took_too_long(name, limits.cpu_seconds)
    how = signal.Signals(-status).name if status < 0 else f"status {status}"
    return refuse(
        "parser-died",
        f"The file {name!r} made its reader stop ({how}); nothing was imported.",
        "The file is probably damaged: open it in a spreadsheet program and save it as CSV.",
    )
