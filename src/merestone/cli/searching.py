"""What commands that search for long share: an ear for Ctrl-C, a bar with the best so far, checks of common options."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from merestone.base.errors import UsageError
from merestone.cli.screen import bar

if TYPE_CHECKING:
    from merestone.core.design.control import Control, Progress

_WAIT_SECONDS = 0.05


def check_run(time_limit: float, seed: int, *files: Path | None) -> None:
    """Raise UsageError when a run's time limit or seed makes no sense, or a file cannot be written."""
    if not 0 < time_limit < 1e7:
        raise UsageError(f"A time limit of {time_limit:g} s makes no sense.", fix="Give more than 0 seconds.")
    if not 0 <= seed < 2**31:
        raise UsageError(f"The seed {seed} is not between 0 and 2,147,483,647.")
    for file in files:
        if file is not None and (file.is_dir() or not file.absolute().parent.is_dir()):
            raise UsageError(
                f"'{file}' cannot be written.",
                fix="Name a file in a folder there is.",
                code="unusable-path",
            )


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write a report."""
    path.write_text(
        json.dumps(values, indent=2, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def beside(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what work gives, done in another thread: this one stays free to hear Ctrl-C."""
    found: list[dict[str, Any]] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(work())
        except BaseException as error:
            failed.append(error)

    worker = threading.Thread(target=run, daemon=True)
    worker.start()
    while worker.is_alive():
        worker.join(_WAIT_SECONDS)
    if failed:
        raise failed[0]
    return found[0]


@contextmanager
def cancelled_by_signals(control: Control) -> Iterator[None]:
    """Let the first Ctrl-C, or a polite end by the system, cancel the search; the next one does what it always does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def cancel(*_: Any) -> None:
        restore()
        control.cancel()

    for number in before:
        signal.signal(number, cancel)
    try:
        yield
    finally:
        restore()


@contextmanager
def shown(control: Control, *, is_silent: bool) -> Iterator[None]:
    """Show on a terminal how far the search is, with the best cost and its gap."""
    if is_silent or not sys.stderr.isatty():
        yield
        return
    with bar() as progress:
        task = progress.add_task("Searching", total=1.0)
        known: dict[str, float | None] = {"cost": None, "bound": None, "share": 0.0}

        def tell(told: Progress) -> None:
            for name in ("cost", "bound"):
                if getattr(told, name) is not None:
                    known[name] = getattr(told, name)
            if told.bound is None:  # what proves has a pace of its own
                known["share"] = max(known["share"] or 0.0, told.share)
            progress.update(task, completed=known["share"], description=_progress(told.stage, known))

        control.tell = tell
        yield


def _progress(stage: str, known: dict[str, float | None]) -> str:
    stage = stage[:1].upper() + stage[1:]
    cost, bound = known["cost"], known["bound"]
    if cost is None:
        return stage
    if bound is None or cost <= 0:
        return f"{stage}: {cost:,.2f}"
    return f"{stage}: {cost:,.2f}, gap {max(0.0, (cost - bound) / cost):.2%}"
