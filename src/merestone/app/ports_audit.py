"""What reading and proving the audit log needs from outside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

import pyarrow as pa

BREACH, NOTE = "breach", "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as promised.

    Parameters
    ----------
    message : str
        A sentence naming the record and the wrong value.
    fix : str
        What to do.
    table : str
        Table of the record; empty when it is no record's.
    record : int or None
        Its id.
    value : str
        The wrong value, as text.
    weight : str
        ``breach`` of a promise, or a ``note`` that something will be one.
    """

    message: str
    fix: str
    table: str = ""
    record: int | None = None
    value: str = ""
    weight: str = BREACH


@dataclass(frozen=True, slots=True)
class Check:
    """One question to the live data.

    Parameters
    ----------
    rule : str
        Stable kebab-case name.
    promise : int
        Number of the promise it belongs to.
    title : str
        What holds when it finds nothing.
    ask : callable
        Yields what is not so.
    """

    rule: str
    promise: int
    title: str
    ask: Callable[[], Iterator[Finding]]


class Evidence(Protocol):
    """The live data as ``merestone verify`` looks at it; nothing here writes."""

    def at_one_instant(self) -> AbstractContextManager[object]:
        """Let everything asked within see the same instant, without keeping writers waiting."""
        ...

    def checks(self, *, now: datetime, head: str | None) -> Sequence[Check]:
        """Return the questions the database itself answers.

        Parameters
        ----------
        head : str or None
            Digest of a seal noted before: it must still be in the chain.
        """
        ...

    def head(self) -> str:
        """Return the digest of the last seal; empty when there is none."""
        ...

    def counts(self) -> Mapping[str, int]:
        """Return how many ``accounts``, ``leads``, ``entries`` and ``seals`` there are."""
        ...

    def totals(self) -> Mapping[str, Decimal]:
        """Return the company's sums over all accounts: ``accounts``, ``potential``, ``workload_hours``, ``revenue``."""
        ...

    def placed_totals(self) -> Mapping[str, Decimal]:
        """Return the same sums over the accounts' open places in the active model and in the queue."""
        ...

    def published(self) -> Sequence[tuple[int, str, str, str]]:
        """Return (model id, key, state, content hash) of the last publication of each model published with a hash."""
        ...

    def is_accounted_for(self, model_id: int) -> bool:
        """Return whether the audit log names somebody who changed the model since it was published."""
        ...

    def fresh_book(self) -> pa.Table:
        """Return all accounts as ``Book.accounts`` does, read and encoded anew."""
        ...
