"""A process that is ready for work and forks a child for every order: to start one takes no time.

It has no connection and no thread of its own, so that its children can make theirs; before the first child it looks at
a difference, so that all that is loaded at first use is there. ``python -m tests.proofs.kills.nursery``
reads orders from its standard input, one JSON object a line, and tells on its standard output what becomes of them::

    {"look": {…}}       look at what publishing this document would move
    {"deed": "publish", "with": {"key": "m2"}}
    {"ready": true}
    {"begun": 4711}     the child of this id has begun
    {"done": …}         it has done it, and waits to be killed
    {"failed": "…"}     it could not
    {"gone": 4711}      it is no more
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
LAST_SECONDS = 120
"""A child nobody kills ends by itself."""


def main() -> None:
    """Fork until the input ends."""
    import django

    django.setup()
    from tests.proofs.kills.deeds import DEEDS

    for line in sys.stdin:
        order = json.loads(line)
        if "look" in order:
            _look(order["look"])
            _say({"ready": True})
            continue
        child = os.fork()
        if not child:
            _live(DEEDS[order["deed"]], order["with"])
        os.waitpid(child, 0)
        _say({"gone": child})


def _look(document: dict[str, Any]) -> None:
    from django.db import connection

    from merestone.app.difference import preview
    from merestone.app.policy import OPERATOR
    from merestone.boot.services import services

    preview(services(), OPERATOR, document)
    services().gazetteer.counties()
    services().gazetteer.state_centroids()
    connection.close()


def _live(deed: Any, said: dict[str, Any]) -> None:
    signal.alarm(LAST_SECONDS)
    try:
        found = deed(lambda: _say({"begun": os.getpid()}), **said)
        _say({"done": found})
    except BaseException:
        _say({"failed": traceback.format_exc()})
    while True:
        signal.pause()


def _say(what: dict[str, Any]) -> None:
    os.write(1, (json.dumps(what, default=str) + "\n").encode())


@dataclass(frozen=True)
class End:
    """How a child ended.

    Parameters
    ----------
    is_done : bool
        It said so before it was killed.
    seconds : float
        From its beginning until it was done, or killed.
    """

    is_done: bool
    seconds: float


class Nursery:
    """The process, seen from outside."""

    def __init__(self, *, database: str, data_dir: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.proofs.kills.nursery"],
            cwd=ROOT,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "merestone.boot.settings",
                "MERESTONE_DATABASE": database,
                "MERESTONE_DATA_DIR": str(data_dir),
                "MERESTONE_LOG_LEVEL": "ERROR",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def look(self, document: dict[str, Any]) -> None:
        """Get ready."""
        self._order({"look": document})
        assert self._hear() == {"ready": True}

    def kill(self, deed: str, *, after: float | None = None, **said: Any) -> End:
        """Let a child do a deed and kill it so many seconds after it began; None: as soon as it is done."""
        self._order({"deed": deed, "with": said})
        pid = int(self._hear()["begun"])
        begun = time.perf_counter()
        heard: dict[str, Any] = {}
        if after is None:
            heard = self._hear()
        else:
            threading.Event().wait(after)  # this is the moment that was drawn
        os.kill(pid, signal.SIGKILL)
        seconds = time.perf_counter() - begun
        while "gone" not in (last := self._hear()):
            heard = last
        return End("done" in heard, seconds)

    def close(self) -> None:
        """End it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(timeout=LAST_SECONDS + 10)
        self.process.stdout.close()

    def _order(self, order: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def _hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the nursery is gone"
        heard: dict[str, Any] = json.loads(line)
        assert "failed" not in heard, heard["failed"]
        return heard


if __name__ == "__main__":
    main()
