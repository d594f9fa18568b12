"""What every benchmark shares: children, medians, the machine, and the table of results.

A piece is a function that measures something and returns plain numbers. Each runs in a child process of its own, so
that no piece profits from what another left in memory; what is compared with each other is measured in the same child,
in turns.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

REPEATS = 5
_MARK = "@result "


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, ours, the peer's, and the goal their ratio is held against."""

    what: str
    ours: float
    peer: float
    goal: str
    unit: str = "s"
    ratio: float | None = None
    is_met: bool | None = None
    note: str = ""


def compare(
    what: str, ours: float, peer: float, *, most: float | None = None, least: float | None = None, **more: Any
) -> Row:
    """Return a row: ours ÷ peer is at most ``most``, or peer ÷ ours at least ``least``."""
    ratio = ours / peer if most is not None else peer / ours
    goal = f"≤ {most:g}" if most is not None else f"≥ {least:g}"
    is_met = ratio <= most if most is not None else ratio >= (least or 0)
    return Row(what, ours, peer, goal, ratio=ratio, is_met=is_met, **more)


def limit(what: str, ours: float, *, most: float, unit: str = "s", note: str = "") -> Row:
    """Return a row without a peer: ours is at most ``most``."""
    return Row(what, ours, float("nan"), f"≤ {most:g} {unit}".rstrip(), unit, None, ours <= most, note)


def in_turns(*works: Callable[[], Any], repeats: int = REPEATS) -> list[list[float]]:
    """Return the seconds each work took, measured in turns so that a busy machine is unkind to all alike."""
    for work in works:
        work()  # warm
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(repeats):
        for taken, work in zip(seconds, works, strict=True):
            taken.append(timed(work))
    return seconds


def timed(work: Callable[[], Any]) -> float:
    """Return the seconds that ``work`` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


median = statistics.median


# --- children ---------------------------------------------------------------------------------------------------------


def run_child(script: Path, piece: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a piece measures in a process of its own."""
    command = [sys.executable, str(script), "--piece", piece, "--arguments", json.dumps(arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith(_MARK)]
    if done.returncode or not lines:
        raise SystemExit(f"The piece {piece} failed with exit code {done.returncode}.")
    return dict(json.loads(lines[-1][len(_MARK) :]))


def answer(result: Mapping[str, Any]) -> None:
    """Hand the result of a piece to the parent."""
    print(_MARK + json.dumps(result), flush=True)


def peak_of(command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> tuple[float, float]:
    """Return the seconds a command takes and the most memory (MB) that it and its children held at once.

    Memory is the proportional set size, which counts a shared page once; looked at every 20 ms.
    """
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, **(environment or {})})
    most, is_over = [0.0], threading.Event()

    def watch() -> None:
        while not is_over.is_set():
            most[0] = max(most[0], _held_by(process.pid))
            is_over.wait(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = process.wait()
    seconds = time.perf_counter() - start
    is_over.set()
    watcher.join()
    if code:
        raise SystemExit(f"{' '.join(command)} ended with exit code {code}.")
    return seconds, most[0]


def _held_by(pid: int) -> float:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    total, pending = 0.0, [pid]
    while pending:
        one = pending.pop()
        pending += children.get(one, [])
        try:
            text = Path(f"/proc/{one}/smaps_rollup").read_text()
        except OSError:
            continue
        total += next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)
    return total / 1024


# --- the machine and the table ----------------------------------------------------------------------------------------


def machine(packages: Sequence[str]) -> dict[str, Any]:
    """Return what it ran on."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in _text("/proc/cpuinfo").splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    memory = next(
        (int(line.split()[1]) for line in _text("/proc/meminfo").splitlines() if "MemTotal" in line), 0
    )
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_gb": round(memory / 1024**2, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
        "versions": {name: _version(name) for name in packages},
    }


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| what | ours | peer | ratio | goal | met |", "|---|--:|--:|--:|--:|---|"]
    for row in rows:
        cells = (
            row.what,
            _number(row.ours, row.unit),
            "" if row.peer != row.peer else _number(row.peer, row.unit),
            "" if row.ratio is None else f"{row.ratio:.3g}",
            row.goal,
            "" if row.is_met is None else "yes" if row.is_met else "**no**",
        )
        lines.append(f"| {' | '.join(cells)} |")
    notes = [f"- {row.what}: {row.note}" for row in rows if row.note]
    return "\n".join([*lines, "", *notes])


def _number(value: float, unit: str) -> str:
    for small, name in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if unit == "s" and (value >= small or name == "µs"):
            return f"{value / small:.3g} {name}"
    return f"{value:,.3g} {unit}".rstrip() if value < 1000 else f"{value:,.0f} {unit}".rstrip()


def as_json(machine_: Mapping[str, Any], rows: Sequence[Row], pieces: Mapping[str, Any]) -> str:
    """Return everything as JSON."""
    plain = [{key: value for key, value in asdict(row).items() if value == value} for row in rows]
    return json.dumps({"machine": machine_, "rows": plain, "pieces": pieces}, indent=1, ensure_ascii=False)
