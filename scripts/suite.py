"""The test suite of ``./run test``: on SQLite, then what is marked for PostgreSQL on a server of its own.

The skips of both runs are counted and printed with their reasons at the end (standard library only).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import environment
import postgres_server

NOTHING_COLLECTED = 5


def run(arguments: list[str]) -> int:
    """Return pytest's exit code, or 1 when tests were skipped and ``MERESTONE_NO_SKIPS`` is set.

    Parameters
    ----------
    arguments : list of str
        Handed on to pytest.
    """
    with ThreadPoolExecutor(1) as pool:
        packages = pool.submit(_install_system_packages)
        environment.build(for_development=True)
        packages.result()
    skips: Counter[str] = Counter()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="merestone-test-")))
        url = _server_url(stack)
        codes = [_pytest(arguments, folder=folder, url=url, database="sqlite", skips=skips)]
        if url and codes[0] in {0, 1, NOTHING_COLLECTED}:
            codes.append(_pytest(arguments, folder=folder, url=url, database="postgresql", skips=skips))
    return _verdict(codes, skips)


def _server_url(stack: ExitStack) -> str:
    """The URL of a PostgreSQL server to test on; empty when there is none."""
    if given := os.environ.get("MERESTONE_TEST_POSTGRES_URL"):
        return given
    return "" if postgres_server.why_not() else stack.enter_context(postgres_server.private_server())


def _pytest(arguments: list[str], *, folder: Path, url: str, database: str, skips: Counter[str]) -> int:
    """One run of the suite; with a server at hand, each run leaves the other's tests alone."""
    report = folder / f"{database}.json"
    settings = {
        **os.environ,
        "MERESTONE_DATA_DIR": str(folder / database),
        "MERESTONE_TEST_REPORT": str(report),
        "MERESTONE_TEST_POSTGRES_URL": url,
    }
    if url:
        settings["MERESTONE_TEST_ONLY"] = database
    if database == "postgresql":
        settings["MERESTONE_DATABASE"] = url
    print(f"== the suite on {'SQLite' if database == 'sqlite' else 'PostgreSQL'}", flush=True)
    command = [environment.PYTHON, "-m", "pytest", "-n", "2", "--dist", "loadscope", *arguments]
    code = subprocess.run(command, cwd=environment.ROOT, env=settings, check=False).returncode
    if report.exists():
        skips.update(json.loads(report.read_text()))
    return code


def _verdict(codes: list[int], skips: Counter[str]) -> int:
    print(f"\ntests skipped: {skips.total()}")
    for reason, count in skips.most_common():
        print(f"  {count} × {reason}")
    if all(code == NOTHING_COLLECTED for code in codes):
        return NOTHING_COLLECTED
    failed = next((code for code in codes if code not in {0, NOTHING_COLLECTED}), 0)
    if skips and not failed and os.environ.get("MERESTONE_NO_SKIPS") == "1":
        print("MERESTONE_NO_SKIPS is set: a skipped test counts as a failure.")
        return 1
    return failed


def _install_system_packages() -> None:
    """Bring in Debian's browser, database and Java where we may; without them their tests are skipped."""
    missing = missing_packages()
    if not missing or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    print(f"installing {', '.join(missing)} …", file=sys.stderr, flush=True)
    settings = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", *missing]):
        done = subprocess.run(
            command, env=settings, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode:
            last = (done.stdout + done.stderr).strip().splitlines()[-3:]
            print(f"{' '.join(command[:2])} failed: {' '.join(last)}", file=sys.stderr, flush=True)


def missing_packages() -> list[str]:
    """Return the names of the Debian packages the suite could use and does not find."""
    missing = []
    if not shutil.which("chromium"):
        missing.append("chromium")
    if postgres_server.why_not() and not os.environ.get("MERESTONE_TEST_POSTGRES_URL"):
        missing.append("postgresql")
    if _java_version() < 17:
        missing.append("openjdk-17-jre-headless")
    return missing


def _java_version() -> int:
    java = shutil.which("java")
    if not java:
        return 0
    done = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(\d+)', done.stderr + done.stdout)
    return int(found[1]) if found else 0
