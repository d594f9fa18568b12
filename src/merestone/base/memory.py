"""Reading much at once: a million small objects that all stay are no garbage to look through again and again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collecting_paused() -> Iterator[None]:
    """Hold Python's garbage collection off while a large structure is built; overlapping pauses end with the first."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def loading() -> Iterator[None]:
    """Hold garbage collection off while a command loads what it uses to its end, and leave all that out for good.

    Looking through a large library again and again, and once more at the end, takes as long as importing it. Not for a
    server, which would keep what is garbage at that moment, too.
    """
    with collecting_paused():
        yield
    gc.freeze()
