"""Both sides of a comparison by county: whose most accounts are, and how many of them move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.difference import Sides
from merestone.app.difference.comparing import plain


@dataclass(frozen=True)
class Counties:
    """Columns by county, all of one length.

    Parameters
    ----------
    fips : list of str
    accounts : list of int
    moved : list of int
        Accounts whose territory or owner differs.
    before, after : list of int
        Code in the vocabulary of the territory with most accounts (ties: the first); -1 = none.
    shares : pair of list of float
        Its share of the county's accounts, before and after.
    """

    fips: list[str]
    accounts: list[int]
    moved: list[int]
    before: list[int]
    after: list[int]
    shares: tuple[list[float], list[float]]


def counties_of(sides: Sides) -> Counties:
    """Return the counties that have accounts, by code."""
    encoded = pc.dictionary_encode(plain(sides.accounts["county"]).fill_null(""))
    codes = np.asarray(encoded.indices, dtype=np.int64)
    names = encoded.dictionary.to_pylist()
    order = sorted((name, place) for place, name in enumerate(names) if name)
    accounts = np.bincount(codes, minlength=len(names))
    moved = np.bincount(codes[sides.moved()], minlength=len(names))
    sides_of = [dominant(codes, places.territory, n=len(names)) for places in (sides.before, sides.after)]
    shown = [place for _, place in order]
    return Counties(
        fips=[name for name, _ in order],
        accounts=accounts[shown].tolist(),
        moved=moved[shown].tolist(),
        before=sides_of[0][0][shown].tolist(),
        after=sides_of[1][0][shown].tolist(),
        shares=tuple(
            np.round(counts[shown] / np.maximum(accounts[shown], 1), 3).tolist() for _, counts in sides_of
        ),
    )


def dominant(units: np.ndarray, territory: np.ndarray, *, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return per unit the territory with most accounts, and how many; no territory counts as the last."""
    width = int(territory.max(initial=-1)) + 2
    pairs = units * width + np.where(territory < 0, width - 1, territory)
    found, counts = np.unique(pairs, return_counts=True)
    table = pa.table({"county": found // width, "territory": found % width, "n": counts})
    best = table.sort_by([("county", "ascending"), ("n", "descending"), ("territory", "ascending")])
    county = best["county"].to_numpy()
    first = np.append(True, county[1:] != county[:-1]) if len(county) else np.zeros(0, bool)
    codes, most = np.full(n, -1, dtype=np.int64), np.zeros(n, dtype=np.int64)
    chosen = best["territory"].to_numpy()[first]
    codes[county[first]] = np.where(chosen == width - 1, -1, chosen)
    most[county[first]] = best["n"].to_numpy()[first]
    return codes, most
