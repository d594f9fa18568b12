"""Whoever looks while all accounts move sees one generation at a time: in lists, KPIs, balance, map and export alike.

Two processes on a database of their own: one publishes twenty models, each of which moves every account; the other one
looks every 5 ms. Within one request all surfaces speak of the same generation.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
PUBLISHES = 20
IS_POSTGRESQL = os.environ.get("MERESTONE_DATABASE", "").startswith("postgres")
ACCOUNTS = int(os.environ.get("MERESTONE_READER_ACCOUNTS", "5000" if IS_POSTGRESQL else "20000"))
"""A hundred thousand take many minutes and 7 GB of disk: by hand, before a release."""
SURFACES = ("list_page", "kpis", "map_sums", "balance", "export")

pytestmark = pytest.mark.both_databases


class Program:
    """One of the two, talked to line by line."""

    def __init__(self, *words: object, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.proofs.readers.program", *map(str, words)],
            cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"it ended with {self.process.wait()}"
        heard: dict[str, Any] = json.loads(line)
        return heard

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture
def environment(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The environment that names a database of its own, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="merestone-readers-") as folder:
        ours = {
            **os.environ,
            "MERESTONE_DATA_DIR": folder,
            "DJANGO_SETTINGS_MODULE": "merestone.boot.settings",
        }
        if not IS_POSTGRESQL:
            ours.pop("MERESTONE_DATABASE", None)
            yield ours
            return
        import psycopg

        server = request.getfixturevalue("postgres_url")
        name = f"merestone_readers_{os.getpid()}"
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f'CREATE DATABASE "{name}"')
            try:
                yield {**ours, "MERESTONE_DATABASE": f"{server.rpartition('/')[0]}/{name}"}
            finally:
                admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_a_reader_sees_one_generation_at_a_time(environment: dict[str, str]) -> None:
    writer = Program("write", ACCOUNTS, PUBLISHES, environment=environment)
    programs = [writer]
    try:
        assert writer.hear() == {"filled": True}
        reader = Program("read", ACCOUNTS, environment=environment)
        programs.append(reader)
        assert reader.hear() == {"reading": True}
        writer.go()
        done = [writer.hear() for _ in range(PUBLISHES)]
        assert [one["accounts_moved"] for one in done] == [ACCOUNTS] * PUBLISHES
        reader.go()
        found = reader.hear()
    finally:
        for program in programs:
            program.close()
    assert found["torn"] == []
    assert sorted(found["looks"]) == sorted(SURFACES)
    assert found["looks"]["list_page"] > PUBLISHES
    assert found["seen"][-1] == PUBLISHES
    assert len(found["seen"]) > PUBLISHES // 2  # it was there while they changed
