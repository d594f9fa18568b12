"""What the children do until they are killed; each says when it begins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from merestone.app import lifecycle
from merestone.app.exchange import importing
from merestone.app.policy import OPERATOR
from merestone.boot import tasks
from merestone.boot.services import services

Begin = Callable[[], None]
MATCHING = importing.STEPS.index("Matching")


def publish(begin: Begin, *, key: str) -> Any:
    """Publish a model."""
    begin()
    return lifecycle.publish(services(), OPERATOR, key)


def undo(begin: Begin, *, publication: int) -> Any:
    """Take a publication back."""
    begin()
    return lifecycle.undo(services(), OPERATOR, publication=publication)


def take_in(begin: Begin, *, path: str) -> Any:
    """Import a file of accounts; begins once the file is read."""

    def progress(done: int, _total: int, _message: str) -> None:
        if done == MATCHING:
            begin()

    return importing.import_file(services(), OPERATOR, "accounts", Path(path), progress=progress).accepted


def work(begin: Begin) -> int:
    """Do what is queued, as a worker."""
    begin()
    return tasks.work(once=True)


DEEDS: dict[str, Callable[..., Any]] = {"publish": publish, "undo": undo, "take_in": take_in, "work": work}
