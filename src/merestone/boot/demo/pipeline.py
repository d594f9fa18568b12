"""Opportunities over 24 months with the history of their stages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from merestone.boot.demo.accounts import Accounts
from merestone.boot.demo.columnar import NO_DAY, contract_table, days, instants, money, number, text
from merestone.boot.demo.industries import INDUSTRIES
from merestone.boot.demo.ownership import Ownership
from merestone.boot.demo.people import Team
from merestone.boot.demo.products import FAMILIES, PRODUCTS

N_OPPORTUNITIES = 9_000
NO_WIN = np.iinfo(np.int64).max
_WINDOW_DAYS = 730
_OPEN_STAGES = ("prospecting", "qualification", "proposal", "negotiation")
_REACHED = np.array([0.0, 0.18, 0.45, 0.78])  # share of the cycle after which each stage begins
_PROBABILITY = np.array([0.1, 0.25, 0.5, 0.75])
_UNOWNED_WIN_RATE = 0.12


@dataclass(frozen=True)
class Pipeline:
    """Opportunities in order of their opening, and their stage history.

    ``ids_as_drawn`` starts with those of the converted leads, in the leads' order; ``first_win`` is the ordinal of each
    account's first won deal, ``NO_WIN`` without one.
    """

    opportunities: pa.Table
    stage_history: pa.Table
    ids_as_drawn: NDArray[Any]
    first_win: NDArray[np.int64]


def make_pipeline(
    accounts: Accounts,
    ownership: Ownership,
    team: Team,
    *,
    today: date,
    converted: tuple[NDArray[np.int64], NDArray[np.int64]],
    rng: np.random.Generator,
) -> Pipeline:
    """Return 9,000 opportunities.

    Parameters
    ----------
    converted : tuple of arrays
        Account positions and ordinals of the leads that became the first opportunities.
    """
    n = N_OPPORTUNITIES
    account, opened = _drawn(accounts, today, rng)
    account[: len(converted[0])], opened[: len(converted[1])] = converted
    order = np.argsort(opened, kind="stable")
    product, family = _products(accounts.industry[account], rng)
    cycle = _cycles(family, rng)
    may_win = np.isin(accounts.lifecycle[account], (0, 2))
    wins = _wins(ownership.owners_at(account, opened), may_win, team, rng)
    cycle = np.where(wins, cycle, np.maximum(10, (cycle * rng.uniform(0.3, 1.25, n)).astype(int)))
    closing = opened + cycle
    is_open = closing >= today.toordinal()
    last = _last_stage(today.toordinal() - 1 - opened, cycle, is_open=is_open, is_won=wins, rng=rng)
    stage = np.where(is_open, np.array(_OPEN_STAGES)[last], np.where(wins, "won", "lost"))
    closed = np.where(is_open, NO_DAY, closing)
    owner = ownership.owners_at(account, np.where(is_open, today.toordinal(), closing))
    owner = np.where(is_open & (owner == ""), ownership.owners_at(account, opened), owner)
    cents = _amounts(product, family, rng)
    ids = np.empty(n, dtype=object)
    ids[order] = [f"O-{i:05d}" for i in range(1, n + 1)]
    expected = _expected(closing, today, is_open=is_open, rng=rng)
    names = [PRODUCTS[p][1] for p in product]
    table = contract_table(
        "opportunities",
        {
            "external_id": text(ids),
            "name": text([f"{accounts.names[a]}: {name}" for a, name in zip(account, names, strict=True)]),
            "account": text(accounts.ids[account]),
            "product": text(np.array([sku for sku, *_ in PRODUCTS])[product]),
            "owner": text(owner),
            "stage": text(stage),
            "forecast_category": text(_categories(last, cents, is_open=is_open, is_won=wins)),
            "amount": money(cents),
            "currency": text(["USD"] * n),
            "probability": number(np.where(is_open, _PROBABILITY[last], wins.astype(float))),
            "opened_on": days(opened),
            "expected_close_on": days(expected),
            "closed_on": days(closed),
        },
    )
    history = _stage_history(ids, opened, cycle, last, is_open=is_open, is_won=wins, rng=rng)
    first_win = np.full(len(accounts.ids), NO_WIN)
    np.minimum.at(first_win, account[wins & ~is_open], closed[wins & ~is_open])
    return Pipeline(table.take(order), history, ids, first_win)


def _drawn(
    accounts: Accounts, today: date, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return accounts, those with potential and customers more often, and days, later ones more often."""
    weight = (
        np.sqrt(np.maximum(accounts.cents, 0).astype(float) + 1)
        * np.array([4.0, 1.0, 0.6, 0.05])[accounts.lifecycle]
    )
    weight *= np.where(accounts.columns["county"] == "", 0.1, 1.0)
    account = rng.choice(len(weight), size=N_OPPORTUNITIES, p=weight / weight.sum())
    ago = np.floor(_WINDOW_DAYS * rng.random(N_OPPORTUNITIES) ** 1.15).astype(int)
    return account, today.toordinal() - 1 - ago


def _products(
    industry: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a product and its family per deal: half of the time one of the families the industry buys."""
    names = [family.name for family in FAMILIES]
    n = len(industry)
    family = rng.choice(len(FAMILIES), size=n, p=[f.share for f in FAMILIES])
    liked = np.array([[names.index(f) for f in entry.families] for entry in INDUSTRIES])
    suited = liked[industry, rng.integers(0, 2, n)]
    family = np.where(rng.random(n) < 0.55, suited, family)
    members = [np.array([i for i, p in enumerate(PRODUCTS) if p[2] == name]) for name in names]
    pick = rng.random(n)
    product = np.empty(n, dtype=np.int64)
    for number_, options in enumerate(members):
        here = family == number_
        product[here] = options[(pick[here] * len(options)).astype(int)]
    return product, family


def _cycles(family: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return days from first talk to decision, 20 to 200."""
    median = np.array([f.cycle_days for f in FAMILIES], dtype=float)[family]
    return np.asarray(np.clip(median * rng.lognormal(0, 0.4, len(family)), 20, 200).astype(np.int64))


def _wins(
    owner: NDArray[Any], may_win: NDArray[np.bool_], team: Team, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return the deals won: only those of firms that buy or bought, as many as each owner's rate says."""
    rates = {person.email: person.win_rate for person in team.people}
    keys, inverse = np.unique(owner, return_inverse=True)
    rate = np.array([rates.get(str(key), _UNOWNED_WIN_RATE) for key in keys])
    share = np.bincount(inverse, weights=may_win) / np.bincount(inverse)
    chance = (rate / np.maximum(share, 0.3))[inverse]
    return np.asarray(may_win & (rng.random(len(owner)) < chance))


def _last_stage(
    age: NDArray[np.int64],
    cycle: NDArray[np.int64],
    *,
    is_open: NDArray[np.bool_],
    is_won: NDArray[np.bool_],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Return the last stage reached before the decision: the present one while open, any before a loss."""
    progress = np.minimum(age / cycle, 1.0)
    present = np.searchsorted(_REACHED, progress, side="right") - 1
    lost_at = rng.choice(4, size=len(age), p=(0.22, 0.33, 0.30, 0.15))
    return np.asarray(np.where(is_open, present, np.where(is_won, 3, lost_at)))


def _amounts(
    product: NDArray[np.int64], family: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return cents: list price, a lognormal number of units, a discount."""
    price = np.array([entry[3] for entry in PRODUCTS], dtype=float)[product]
    units = np.array([f.units for f in FAMILIES])[family]
    spread = np.array([f.spread for f in FAMILIES])[family]
    n_units = np.maximum(1, np.round(units * np.exp(rng.normal(size=len(product)) * spread)))
    return np.round(price * n_units * rng.uniform(0.82, 1.0, len(product))).astype(np.int64)


def _expected(
    closing: NDArray[np.int64], today: date, *, is_open: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return expected close days; one open deal in eight is past its own."""
    guess = closing + np.round(rng.normal(0, 9, len(closing))).astype(int)
    late = is_open & (rng.random(len(closing)) < 0.125)
    ahead = np.where(is_open, np.maximum(guess, today.toordinal() + 1), guess)
    return np.where(late, today.toordinal() - rng.integers(3, 60, len(closing)), ahead)


def _categories(
    last: NDArray[np.int64],
    cents: NDArray[np.int64],
    *,
    is_open: NDArray[np.bool_],
    is_won: NDArray[np.bool_],
) -> NDArray[Any]:
    by_stage = np.array(["pipeline", "pipeline", "best_case", "commit"])[last]
    by_stage = np.where((last == 0) & (cents % 5 == 0), "omitted", by_stage)
    return np.where(is_open, by_stage, np.where(is_won, "closed", "omitted"))


def _stage_history(
    ids: NDArray[Any],
    opened: NDArray[np.int64],
    cycle: NDArray[np.int64],
    last: NDArray[np.int64],
    *,
    is_open: NDArray[np.bool_],
    is_won: NDArray[np.bool_],
    rng: np.random.Generator,
) -> pa.Table:
    """Return each step a deal took; stages come in order, the decision on the day it closed."""
    n = len(ids)
    squeeze = np.where(is_open | is_won, 1.0, 0.75 / np.maximum(_REACHED[last], 0.3))
    share = np.minimum(_REACHED[None, :] * squeeze[:, None], 1.0)
    days_in = np.concatenate([np.floor(share * cycle[:, None]).astype(int), cycle[:, None]], axis=1)
    rows = np.repeat(np.arange(n), 5)
    step = np.tile(np.arange(5), n)
    happened = (step <= last[rows]) | ((step == 4) & ~is_open[rows])
    rows, step = rows[happened], step[happened]
    final = np.where(is_won, "won", "lost")
    stages = np.where(step < 4, np.array((*_OPEN_STAGES, ""))[step], final[rows])
    is_first = step == 0
    before = np.where(is_first, "", np.append("", stages[:-1]))
    seconds = 14 * 3600 + np.sort(rng.integers(0, 28_000, (n, 5)), axis=1)
    ordinals = opened[rows] + days_in[rows, step]
    order = np.argsort(ordinals, kind="stable")
    table = pa.table(
        {
            "opportunity": text(ids[rows]),
            "from_stage": text(before),
            "stage": text(stages),
            "changed_at": instants(ordinals, seconds[rows, step]),
        }
    )
    return table.take(order)
