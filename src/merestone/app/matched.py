"""Where rules put every account of the book, kept for the few models lately compared.

Looking at one edit after another compares neighbours: what is kept of one is brought up to the next by the rows that the
changed rules place differently.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np
import pyarrow as pa

from merestone.app.rulebook import RuleBook
from merestone.app.services import Services

KEPT = 3
COLUMNS = ("territory", "cause", "overlays")

_lock = threading.Lock()
_kept: OrderedDict[tuple[int, str, bytes], tuple[RuleBook, pa.Table]] = OrderedDict()


def placed(
    services: Services, book: RuleBook, accounts: pa.Table, *, near: RuleBook | None = None
) -> pa.Table:
    """Return ``territory``, ``cause`` and ``overlays`` per account of the book.

    Parameters
    ----------
    accounts : pa.Table
        As ``Book.accounts`` gives it.
    near : RuleBook, optional
        Rules much like these; when their places are kept, only what differs is decided.
    """
    found = _get(services, book, accounts)
    if found is not None:
        return found
    base = None if near is None else _get(services, near, accounts)
    if base is None or near is None:
        found = services.matcher.match(book.ruleset, accounts).select(COLUMNS).combine_chunks()
    else:
        found = patched(base, services.matcher.rematch(near.ruleset, book.ruleset, accounts))
    _keep(services, book, accounts, found)
    return found


def patched(base: pa.Table, differing: pa.Table) -> pa.Table:
    """Return the rows of ``base`` with those that ``differing`` has in their stead (``row``, then the columns)."""
    if not differing.num_rows:
        return base
    source = np.arange(base.num_rows)
    source[np.asarray(differing["row"])] = base.num_rows + np.arange(differing.num_rows)
    comes = differing.select(COLUMNS).cast(base.schema)
    return pa.concat_tables([base, comes]).combine_chunks().take(pa.array(source))


def _key(services: Services, book: RuleBook, accounts: pa.Table) -> tuple[int, str, bytes]:
    return id(services.matcher), book.digest, accounts.schema.metadata[b"generation"]


def _get(services: Services, book: RuleBook, accounts: pa.Table) -> pa.Table | None:
    key = _key(services, book, accounts)
    with _lock:
        if key not in _kept:
            return None
        _kept.move_to_end(key)
        known, table = _kept[key]
    return table if known.fields == book.fields else None


def _keep(services: Services, book: RuleBook, accounts: pa.Table, table: pa.Table) -> None:
    with _lock:
        _kept[_key(services, book, accounts)] = (book, table)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
