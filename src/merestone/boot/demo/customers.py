"""The people at accounts, and the contracts that customers hold and renew."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from merestone.boot.demo.accounts import Accounts
from merestone.boot.demo.columnar import contract_table, days, money, text
from merestone.boot.demo.products import PRODUCTS
from merestone.boot.demo.words import DECIDES, FIRST_NAMES, LAST_NAMES, TITLES

N_CONTACTS = 14_000
N_CONTRACTS = 4_000
_RENEWAL_RATE = 0.84


def make_contacts(accounts: Accounts, *, rng: np.random.Generator) -> pa.Table:
    """Return 14,000 contacts: more at customers and at firms with potential."""
    weight = np.array([2.4, 1.0, 1.0, 0.4])[accounts.lifecycle]
    account = np.sort(rng.choice(len(weight), size=N_CONTACTS, p=weight / weight.sum()))
    first, last = (
        np.array(pool)[rng.integers(0, len(pool), N_CONTACTS)] for pool in (FIRST_NAMES, LAST_NAMES)
    )
    title = np.array(TITLES)[rng.integers(0, len(TITLES), N_CONTACTS)]
    phones = rng.integers((0, 100), (100, 1000), (N_CONTACTS, 2))
    return contract_table(
        "contacts",
        {
            "external_id": text([f"C-{i:05d}" for i in range(1, N_CONTACTS + 1)]),
            "account": text(accounts.ids[account]),
            "first_name": text(first),
            "last_name": text(last),
            "title": text(title),
            "email": text(_addresses(first, last, accounts.domains[account])),
            "phone": text([f"555-01{n:02d} ext. {e}" for n, e in phones]),
            "language": text(accounts.table["language"].take(pa.array(account)).to_pylist()),
            "is_decision_maker": pa.array([value in DECIDES for value in title]),
        },
    )


def _addresses(first: NDArray[Any], last: NDArray[Any], domain: NDArray[Any]) -> list[str]:
    """Return distinct addresses, empty without a domain; a namesake at the same firm gets a number."""
    seen: dict[str, int] = {}
    addresses = []
    for a, b, at in zip(first, last, domain, strict=True):
        local = f"{a}.{b}".lower()
        count = seen[f"{local}@{at}"] = seen.get(f"{local}@{at}", 0) + 1
        addresses.append(f"{local}{count if count > 1 else ''}@{at}" if at else "")
    return addresses


def make_contracts(accounts: Accounts, *, today: date, rng: np.random.Generator) -> pa.Table:
    """Return 4,000 service contracts as chains of terms: renewed ones are followed by the next term."""
    rows: list[tuple[int, int, int, int, int, str]] = []
    services = [i for i, product in enumerate(PRODUCTS) if product[2] == "Services"]
    buyers = rng.permutation(np.flatnonzero(np.isin(accounts.lifecycle, (0, 2))))
    now, turn = today.toordinal(), 0
    while len(rows) < N_CONTRACTS:
        buyer = int(buyers[turn % len(buyers)])
        service = services[int(rng.integers(len(services)))]
        rows += _terms(buyer, service, now, is_customer=bool(accounts.is_customer[buyer]), rng=rng)
        turn += 1
    columns = list(zip(*rows[:N_CONTRACTS], strict=True))
    account, product = np.array(columns[0]), np.array(columns[1])
    return contract_table(
        "contracts",
        {
            "external_id": text([f"K-{i:05d}" for i in range(1, N_CONTRACTS + 1)]),
            "account": text(accounts.ids[account]),
            "product": text(np.array([sku for sku, *_ in PRODUCTS])[product]),
            "annual_value": money(np.array(columns[2])),
            "currency": text(["USD"] * N_CONTRACTS),
            "starts_on": days(np.array(columns[3])),
            "ends_on": days(np.array(columns[4])),
            "state": text(columns[5]),
        },
    )


def _terms(
    account: int, product: int, now: int, *, is_customer: bool, rng: np.random.Generator
) -> list[tuple[int, int, int, int, int, str]]:
    """Return (account, product, cents, start, end, state) of each term up to the present one."""
    length = int(rng.choice((365, 365, 730, 1095)))
    start = now - int(rng.integers(30, 1200 if is_customer else 1500))
    cents = round(PRODUCTS[product][3] * float(rng.lognormal(0.1, 0.6)))
    terms = []
    while True:
        end = start + length
        if end > now:
            if is_customer:
                terms.append((account, product, cents, start, end, "active"))
            return terms
        is_renewed = is_customer and rng.random() < _RENEWAL_RATE
        terms.append((account, product, cents, start, end, "renewed" if is_renewed else "lost"))
        if not is_renewed:
            return terms
        start, cents = end, round(cents * float(rng.uniform(0.98, 1.08)))
