"""Words and numbers of hand-outs, in English."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from merestone.app.handout import HandOut, Measured, Place

TITLES = {
    "accounts": "Accounts",
    "potential": "Potential",
    "revenue": "Annual revenue",
    "workload": "Workload",
}
_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}
_SCALES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))


def lead(hand_out: HandOut) -> str:
    """Return what kind of hand-out it is."""
    return {"all": "Scenario", "manager": "Manager", "territory": "Territory"}[hand_out.scope]


def measure_title(one: Measured) -> str:
    """Return a measure's name with its unit, where it needs one."""
    return one.label if one.unit == "accounts" else f"{one.label}, {one.unit}"


def day(value: date) -> str:
    """Return a day in words no country reads otherwise: ``1 January 2027``."""
    return f"{value.day} {value:%B %Y}"


def moment(value: datetime) -> str:
    """Return a day and time."""
    return f"{day(value)}, {value:%H:%M}"


def whole_number(value: float) -> str:
    """Return a number without decimals."""
    return f"{value:,.0f}"


def money(value: float, currency: str) -> str:
    """Return money in three digits that count: ``$1.24 M``."""
    sign, size = _SIGNS.get(currency, f"{currency} "), abs(value)
    minus = "−" if value < 0 else ""
    for scale, letter in _SCALES:
        if size >= scale * 0.9995:
            part = size / scale
            digits = 0 if part >= 99.95 else 1 if part >= 9.995 else 2
            return f"{minus}{sign}{part:,.{digits}f} {letter}"
    return f"{minus}{sign}{size:,.0f}"


def amount(value: float, unit: str) -> str:
    """Return a sum with its unit."""
    if unit == "accounts":
        return whole_number(value).replace("-", "−")
    if unit == "hours":
        return f"{value:,.0f} h".replace("-", "−")
    return money(value, unit)


def change(value: float, unit: str) -> str:
    """Return a change with its sign; an em dash for none."""
    text = amount(abs(value), unit)
    if text == amount(0, unit):
        return "no change"
    return f"{'+' if value > 0 else '−'}{text}"


def count(n: int, one: str, many: str = "") -> str:
    """Return a count of things: ``1 account``, ``1,200 accounts``."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def listed(words: Sequence[str]) -> str:
    """Return words as people list them: ``A, B and C``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def places(found: Sequence[Place]) -> list[tuple[str, str]]:
    """Return (lead, the rest) of each sentence that says where: whole states in one."""
    whole = [one.state for one in found if one.is_whole]
    told = [("All of", listed(whole))] if whole else []
    for one in found:
        if one.is_whole:
            continue
        words = ", ".join(one.units)
        told.append((f"{one.state} except:", words) if one.is_except else (f"In {one.state}:", words))
    return told
