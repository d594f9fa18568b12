"""Quotas: what a territory is to win over half-open dates, entered one by one or many at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from merestone.app.exchange.dates import read_date
from merestone.app.exchange.numbers import currencies_agree, read_money
from merestone.app.history.sight import sight_of
from merestone.app.policy import Actor, Right
from merestone.app.services import Services
from merestone.base.errors import InvalidInputError, NotFoundError, Problem

LARGEST = Decimal("90000000000000")
MOST_ROWS = 20_000
COLUMNS = ("territory", "from", "to", "amount", "currency")
_PERIOD = re.compile(
    r"^(?:(?P<year>\d{4})(?:[ -]?(?:q(?P<quarter>[1-4])|(?P<month>\d{2})))?)$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class QuotaRow:
    """A quota as it is to be.

    Parameters
    ----------
    territory : str
        Key.
    start, end : date
        First day, and first day after.
    amount : Decimal
        More than nothing.
    currency : str
        ISO 4217.
    where : str
        Where it was written, for problems.
    """

    territory: str
    start: date
    end: date
    amount: Decimal
    currency: str
    where: str = ""


def quotas_of(
    services: Services,
    actor: Actor,
    *,
    territory: str | None = None,
    known: datetime | None = None,
    day: date | None = None,
) -> list[dict[str, Any]]:
    """Return the quotas of territories the actor sees: ``id``, ``version``, ``territory``, ``name``, ``starts_on``,
    ``ends_on``, ``amount``, ``currency``; by territory and start.

    Parameters
    ----------
    day : date, optional
        Only those of the period that holds this day.
    """
    actor.require(Right.SEE)
    sight = sight_of(services, actor)
    if territory is not None and not sight.shows_territory(territory):
        raise NotFoundError("There is no such territory, or it is not visible to you.")
    names = services.history.names(known=known).territories
    if territory is not None and territory not in names:
        raise NotFoundError("There is no such territory, or it is not visible to you.")
    found = services.history.quotas(
        territories=None if territory is None else [territory], known=known
    ).to_pylist()
    return [
        {**row, "name": names.get(row["territory"], row["territory"])}
        for row in found
        if sight.shows_territory(row["territory"])
        and (day is None or row["starts_on"] <= day < row["ends_on"])
    ]


def read_quotas(
    services: Services, rows: Iterable[Mapping[str, str | None]]
) -> tuple[list[QuotaRow], list[Problem]]:
    """Return the quotas of rows of text, and everything wrong with them.

    Parameters
    ----------
    rows : iterable of mapping
        ``territory`` (key or name), ``from`` and ``to`` (days; or a period such as ``2026``, ``2026 Q1``, ``2026-01`` in
        ``from`` alone), ``amount``, ``currency`` (empty: the company's), and perhaps ``where``.
    """
    keys = _keys(services)
    company = services.clock.currency()
    found: list[QuotaRow] = []
    problems: list[Problem] = []
    for number, row in enumerate(rows, start=1):
        where = row.get("where") or f"row {number}"
        read, wrong = _read_row(row, keys=keys, company=company, where=where)
        problems += wrong
        if read is not None:
            found.append(read)
    return found, problems


def enter_quotas(
    services: Services, actor: Actor, rows: Sequence[QuotaRow], *, dry_run: bool = False
) -> dict[str, int]:
    """Write quotas, all or none; the same rows again change nothing.

    A row with the territory and first day of a quota that is there changes it.

    Returns
    -------
    dict
        ``rows``, ``created``, ``changed``, ``unchanged``.

    Raises
    ------
    InvalidInputError
        With every problem: unknown territories, empty periods, periods that overlap.
    """
    actor.require(Right.PLAN)
    problems = _problems(services, actor, rows)
    with services.records.transaction(actor, cause="enter quotas"):
        present = services.history.quotas().to_pylist()
        by_start = {(row["territory"], row["starts_on"]): row for row in present}
        problems += _overlaps(rows, present)
        if problems:
            raise InvalidInputError("The quotas were not saved.", problems)
        wanted = [_as_row(row, by_start.get((row.territory, row.start))) for row in rows]
        writing = [row for row in wanted if row != by_start.get((row["territory"], row["starts_on"]))]
        counts = {
            "rows": len(rows),
            "created": sum(row["id"] is None for row in writing),
            "changed": sum(row["id"] is not None for row in writing),
            "unchanged": len(wanted) - len(writing),
        }
        if not dry_run and writing:
            services.history.write_quotas(writing)
    return counts


def drop_quotas(services: Services, actor: Actor, ids: Iterable[int]) -> int:
    """Delete quotas; returns how many.

    Raises
    ------
    NotFoundError
        When one does not exist, or is of a territory the actor does not plan.
    """
    actor.require(Right.PLAN)
    wanted = set(ids)
    planned = _planned(services, actor)
    with services.records.transaction(actor, cause="delete quotas"):
        there = {
            row["id"]
            for row in services.history.quotas().to_pylist()
            if planned is None or row["territory"] in planned
        }
        if not wanted <= there:
            raise NotFoundError("There is no such quota, or it is not visible to you.")
        return services.history.delete_quotas(wanted)


def _as_row(row: QuotaRow, there: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "id": there["id"] if there else None,
        "version": there["version"] if there else None,
        "territory": row.territory,
        "starts_on": row.start,
        "ends_on": row.end,
        "amount": row.amount,
        "currency": row.currency,
    }


def _planned(services: Services, actor: Actor) -> set[str] | None:
    """Return the keys of the territories the actor plans; None = all."""
    if actor.can(Right.PLAN, everywhere=True):
        return None
    return services.visibility.visible_territories(actor, right=Right.PLAN)


def _problems(services: Services, actor: Actor, rows: Sequence[QuotaRow]) -> list[Problem]:
    planned, known = _planned(services, actor), services.history.names().territories
    problems = []
    if len(rows) > MOST_ROWS:
        problems.append(
            Problem(
                "too-many-rows", f"{len(rows)} quotas are too many at once.", f"Send at most {MOST_ROWS}."
            )
        )
    for row in rows:
        if row.territory not in known or (planned is not None and row.territory not in planned):
            problems.append(_unknown(row.territory, row.where))
        if row.end <= row.start:
            problems.append(
                Problem("empty-period", f"The period from {row.start} to {row.end} has no days.",
                        "“To” is the first day after it.", where=row.where)
            )  # fmt: skip
        if not 0 < row.amount < LARGEST:
            problems.append(
                Problem("bad-amount", f"{row.amount} is not an amount to win.", "Write more than nothing.",
                        where=row.where)
            )  # fmt: skip
        if not re.fullmatch("[A-Z]{3}", row.currency):
            problems.append(
                Problem(
                    "bad-currency", f"'{row.currency}' is not an ISO 4217 currency code.", where=row.where
                )
            )
    return problems


def _overlaps(rows: Sequence[QuotaRow], present: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """Return where two quotas of a territory hold the same day; what is rewritten counts as it will be."""
    written = {(row.territory, row.start) for row in rows}
    spans: dict[str, list[tuple[date, date, str]]] = {}
    for row in rows:
        spans.setdefault(row.territory, []).append((row.start, row.end, row.where))
    for there in present:
        key = (there["territory"], there["starts_on"])
        if there["territory"] in spans and key not in written:
            spans[there["territory"]].append((there["starts_on"], there["ends_on"], ""))
    problems = []
    for territory, found in spans.items():
        for (start, end, where), (begin, _, other) in pairwise(sorted(found)):
            if begin < end:
                problems.append(
                    Problem("overlapping-quotas",
                            f"Two quotas of {territory} hold {begin}: one begins on {start} and ends on {end}.",
                            "End the earlier one, or begin the later one after it.", where=other or where)
                )  # fmt: skip
    return problems


def _keys(services: Services) -> dict[str, str]:
    """Return what a territory may be called -> its key; keys before names, names only when they are unique."""
    names = services.history.names().territories
    counted: dict[str, list[str]] = {}
    for key, name in names.items():
        counted.setdefault(name.casefold(), []).append(key)
    unique = {name: keys[0] for name, keys in counted.items() if len(keys) == 1}
    return {**unique, **{key.casefold(): key for key in names}}


def _read_row(
    row: Mapping[str, str | None], *, keys: Mapping[str, str], company: str, where: str
) -> tuple[QuotaRow | None, list[Problem]]:
    texts = {name: (row.get(name) or "").strip() for name in COLUMNS}
    problems = []
    key = keys.get(texts["territory"].casefold())
    if key is None:
        problems.append(_unknown(texts["territory"], f"{where}, column territory"))
    span, wrong = _period(texts["from"], texts["to"], where=where)
    problems += wrong
    money = read_money(texts["amount"])
    if money.value is None:
        problems.append(
            Problem(money.code or "bad-money", money.message or "The amount is missing.",
                    money.fix or "Write it as 1234.50.", where=f"{where}, column amount")
        )  # fmt: skip
    currency = (texts["currency"] or company).upper()
    if money.extra and not currencies_agree(currency, money.extra):
        problems.append(
            Problem("bad-currency", f"The amount is in {money.extra}, not in {currency}.",
                    where=f"{where}, column currency")
        )  # fmt: skip
    if problems or key is None or span is None:
        return None, problems
    return QuotaRow(key, *span, money.value, currency, where), []


def _period(start: str, end: str, *, where: str) -> tuple[tuple[date, date] | None, list[Problem]]:
    """Return the days a text names: two days, or a year, quarter or month."""
    short = _PERIOD.match(start)
    if short is not None and not end:
        return _whole(int(short["year"]), short["quarter"], short["month"], where=where)
    problems, found = [], []
    for name, text in (("from", start), ("to", end)):
        read = read_date(text, order="mdy") if text else None
        if read is None or read.value is None:
            problems.append(
                Problem("bad-date", f"'{text[:40]}' is not a day.", "Write it as 2026-01-31, or a period as 2026 Q1.",
                        where=f"{where}, column {name}")
            )  # fmt: skip
        else:
            found.append(read.value)
    return (None, problems) if problems else ((found[0], found[1]), [])


def _whole(
    year: int, quarter: str | None, month: str | None, *, where: str
) -> tuple[tuple[date, date] | None, list[Problem]]:
    first, months = (int(quarter) * 3 - 2, 3) if quarter else (int(month), 1) if month else (1, 12)
    if not 1 <= first <= 12 or not 1900 <= year <= 2200:
        return None, [Problem("bad-date", "There is no such period.", where=f"{where}, column from")]
    after = first + months
    return (date(year, first, 1), date(year + (after > 12), (after - 1) % 12 + 1, 1)), []


def _unknown(text: str, where: str) -> Problem:
    return Problem(
        "unknown-territory", f"There is no territory '{text[:80]}'.", "Use the key or the name of one you plan.",
        where=where,
    )  # fmt: skip
