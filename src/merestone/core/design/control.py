"""How long a search may go on, who is told of its progress, and how it is stopped.

The steps of a search follow from the problem, the seed and the time limit asked for, never from the clock: the same
three give the same plan on any machine that is fast enough. The clock only ends what takes longer than it may, and then
the result says so.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Event, Lock

CERTAIN = 1e-6
"""A search ends early when no plan can be cheaper than its own by more than this share."""
REMAINDER = 0.5, 0.2
"""How long a bound may go on when the search has ended: seconds, and a share of the time so far."""


class Stop(StrEnum):
    """Why a search ended."""

    OPTIMAL = "optimal"
    """The bound meets the cost: nothing better exists."""
    FINISHED = "finished"
    """All planned steps were made."""
    TIME_LIMIT = "time limit"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Progress:
    """What a search has reached.

    Parameters
    ----------
    stage : str
        What it is at, in words.
    share : float
        0 to 1: how much of the planned steps is made.
    cost : float or None
        Of the best plan so far that keeps all bounds; None before there is one.
    bound : float or None
        No plan costs less; None before one is known.
    """

    stage: str
    share: float
    cost: float | None = None
    bound: float | None = None


@dataclass(eq=False)
class Control:
    """Seed, limits and the way back.

    Parameters
    ----------
    seed : int
    time_limit : float
        Seconds from the making of this object.
    tell : callable, optional
        Is called with ``Progress`` now and then, in the searching thread.
    """

    seed: int = 0
    time_limit: float = 60.0
    tell: Callable[[Progress], None] | None = None
    _cancelled: Event = field(default_factory=Event)
    _start: float = field(default_factory=time.monotonic)
    _lock: Lock = field(default_factory=Lock)
    _best: float = math.inf
    _bound: float = -math.inf
    _searched_at: float | None = None

    def cancel(self) -> None:
        """Ask the search to end with the best it has; any thread may."""
        self._cancelled.set()

    def seconds(self) -> float:
        """Return how long it has been."""
        return time.monotonic() - self._start

    def left(self) -> float:
        """Return the seconds that are left; none when it was cancelled."""
        return 0.0 if self._cancelled.is_set() else max(0.0, self.time_limit - self.seconds())

    def must_stop(self) -> bool:
        """Whether to end now; asked several times a second by whatever takes long.

        It is so, too, once the best plan told is proved within ``CERTAIN``. When that happens hangs on how the threads
        run: another run may then return another plan, but none whose cost differs by more than that share.
        """
        return self.left() <= 0.0 or self.is_proved()

    @property
    def best(self) -> float:
        """Cost of the best plan told so far that keeps every wish, with the price of moves; infinite before one is."""
        return self._best

    @property
    def bound(self) -> float:
        """The best lower bound told so far."""
        return self._bound

    def tell_best(self, cost: float) -> None:
        """Tell what a plan costs that keeps every wish that must hold; any thread may."""
        with self._lock:
            self._best = min(self._best, cost)

    def tell_bound(self, value: float) -> None:
        """Tell what no plan costs less than; any thread may."""
        with self._lock:
            self._bound = max(self._bound, value)

    def is_proved(self, share: float = CERTAIN) -> bool:
        """Whether no plan is cheaper than the best one told by more than a share of its cost."""
        return math.isfinite(self._best) and self._bound >= self._best - share * abs(self._best)

    def end_search(self) -> None:
        """Tell that the search has ended: a bound beside it has a small remainder of time."""
        self._searched_at = self.seconds()

    def left_to_bound(self) -> float:
        """Return the seconds a bound beside the search has left."""
        if self._searched_at is None:
            return self.left()
        fixed, share = REMAINDER
        return min(self.left(), self._searched_at + max(fixed, share * self._searched_at) - self.seconds())

    def reason(self, *, is_optimal: bool = False) -> Stop:
        """Return why it ends, when it ends now."""
        if is_optimal:
            return Stop.OPTIMAL
        if self._cancelled.is_set():
            return Stop.CANCELLED
        return Stop.TIME_LIMIT if self.left() <= 0.0 else Stop.FINISHED

    def report(
        self, stage: str, share: float, *, cost: float | None = None, bound: float | None = None
    ) -> None:
        """Tell how far it is; ``cost`` only of a plan that keeps every wish, in the judge's measure."""
        if cost is not None:
            self.tell_best(cost)
        if self.tell is not None:
            self.tell(Progress(stage, min(1.0, share), cost, bound))


@dataclass(eq=False)
class Part(Control):
    """A part of a longer work, with a time limit of its own: ends with the whole, too.

    Parameters
    ----------
    whole : Control
    """

    whole: Control = field(default_factory=lambda: Control(0, math.inf))

    def left(self) -> float:
        """Return the seconds that are left; none when it or the whole was cancelled."""
        return min(super().left(), self.whole.left())

    @classmethod
    def of(cls, whole: Control, share: float, *, number: int = 0) -> Part:
        """Return a part with a share of the whole's time limit, and a seed for this number."""
        return cls((whole.seed + 7_919 * number) % 2**31, share * whole.time_limit, whole=whole)
