"""Template tags and filters of the web face: icons, money, dates, bars, cells."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django import template
from django.template.defaultfilters import date as format_date
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from merestone.core.model.columns import Kind
from merestone.web.signin.devices import device_words
from merestone.web.tables.kind import Cell

register = template.Library()

NONE = mark_safe('<span class="none" aria-label="empty">–</span>')
CURRENCY_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "CAD": "CA$", "AUD": "A$"}
TONES = {
    "customer": "good", "won": "good", "active": "good", "converted": "good", "applied": "good", "done": "good",
    "upheld": "good", "prospect": "info", "new": "info", "working": "info", "qualified": "accent", "proposal": "info",
    "negotiation": "warning", "qualification": "info", "prospecting": "", "nurturing": "", "lost": "danger",
    "churned": "danger", "failed": "danger", "rejected": "danger", "open": "warning", "previewed": "warning",
    "running": "info", "queued": "", "renewed": "accent", "ended": "", "undone": "", "inactive": "",
    "disqualified": "", "cancelled": "", "owner": "accent", "manager": "info", "in_review": "info",
    "scheduled": "accent", "accepted": "good", "approved": "good", "missing": "warning", "voided": "warning",
    "expired": "", "withdrawn": "", "draft": "warning",
}  # fmt: skip


@register.simple_tag
def icon(name: str, classes: str = "") -> SafeString:
    """Return an icon of the sprite, hidden from screen readers: words stand beside it or in a label."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        classes, static("img/icons.svg"), name,
    )  # fmt: skip


@register.filter
def words(value: object) -> str:
    """Return a stored word as a person writes it: ``best_case`` → ``Best case``."""
    return str(value or "").replace("_", " ").replace("-", " ").capitalize()


@register.filter
def doer(value: object) -> str:
    """Return who did something, without the mark of what kind of actor it is: ``user:ana@…`` → ``ana@…``."""
    return str(value or "").removeprefix("user:")


@register.filter
def badge(value: object) -> SafeString:
    """Return a state as a badge; its colour repeats what the word says."""
    if value in (None, ""):
        return NONE
    return format_html('<span class="badge {}">{}</span>', TONES.get(str(value), ""), words(value))


@register.filter
def money(value: Any, currency: str = "USD") -> str | SafeString:
    """Return an amount without cents, with the currency's sign: ``$1,250``."""
    if value is None or value == "":
        return NONE
    return f"{_sign(currency)}{Decimal(value):,.0f}"


@register.filter
def short_money(value: Any, currency: str = "USD") -> str | SafeString:
    """Return an amount in three figures: ``$1.25m``."""
    if value is None or value == "":
        return NONE
    return f"{_sign(currency)}{short_number(value)}"


def _sign(currency: str | None) -> str:
    return CURRENCY_SIGNS.get(currency or "USD", f"{currency} ")


@register.filter
def short_number(value: Any) -> str:
    """Return a number in about three figures: ``12.3k``, ``4.56m``."""
    number = float(value or 0)
    for limit, unit in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if abs(number) >= limit:
            scaled = number / limit
            text = f"{scaled:,.{0 if abs(scaled) >= 100 else 1 if abs(scaled) >= 10 else 2}f}"
            return (text.rstrip("0").rstrip(".") if "." in text else text) + unit
    return f"{number:,.0f}"


@register.filter
def number(value: Any) -> str | SafeString:
    """Return a number with thousands separators and at most two decimals."""
    if value is None or value == "":
        return NONE
    text = f"{float(value):,.2f}"
    return text.rstrip("0").rstrip(".")


@register.filter
def percent(value: Any, digits: int = 0) -> str | SafeString:
    """Return a share (0.25) as per cent (25 %)."""
    return NONE if value is None else f"{float(value) * 100:.{digits}f} %"


@register.filter
def day(value: date | datetime | None) -> str | SafeString:
    """Return a date as ``3 Feb 2026``; an instant as its day in the person's zone."""
    if not value:
        return NONE
    return format_date(timezone.localtime(value) if isinstance(value, datetime) else value, "j M Y")


@register.filter
def moment(value: datetime | None) -> str | SafeString:
    """Return an instant in the person's zone as ``3 Feb 2026, 14:05``."""
    return format_date(timezone.localtime(value), "j M Y, H:i") if value else NONE


@register.filter
def ago(value: datetime | date | None) -> str | SafeString:
    """Return how long ago (or ahead) a day is, in words."""
    if not value:
        return NONE
    there = timezone.localtime(value).date() if isinstance(value, datetime) else value
    days = (timezone.localdate() - there).days
    if days in (0, 1, -1):
        return {0: "today", 1: "yesterday", -1: "tomorrow"}[days]
    amount, unit = (abs(days), "days") if abs(days) < 60 else (abs(days) // 30, "months")
    if abs(days) >= 730:
        amount, unit = abs(days) // 365, "years"
    return f"{amount} {unit} ago" if days > 0 else f"in {amount} {unit}"


@register.filter
def device(said: str) -> str:
    """Return what a browser says it is, in words."""
    return device_words(said)


@register.filter
def initials(value: object) -> str:
    """Return the two letters of an avatar."""
    parts = [part for part in str(value or "?").replace("@", " ").split() if part[0].isalnum()]
    return "".join(part[0] for part in (parts[:1] + parts[-1:] if len(parts) > 1 else parts)).upper() or "?"


@register.filter
def get(mapping: Mapping[Any, Any], key: Any) -> Any:
    """Return a mapping's value, or nothing."""
    return mapping.get(key) if mapping else None


@register.filter
def or_none(value: object) -> object:
    """Return the value, or the sign for an empty one."""
    return NONE if value in (None, "", [], {}) else value


@register.simple_tag
def bar(share: float | None, label: str = "", mark: float | None = None) -> SafeString:
    """Return a horizontal bar of a share between 0 and 1; past 1 it is full and marked as over."""
    part = float(share or 0)
    width = f"{max(0.0, min(1.0, part)) * 100:.1f}%"
    line = (
        format_html(
            '<line class="mark" x1="{}" x2="{}" y1="0" y2="8"/>', *[f"{min(1.0, mark) * 100:.1f}%"] * 2
        )
        if mark
        else ""
    )
    return format_html(
        '<svg class="bar" role="img" aria-label="{}"><rect class="track" width="100%" height="8" rx="4"/>'
        '<rect class="fill {}" width="{}" height="8" rx="4"/>{}</svg>',
        label or f"{part * 100:.0f} per cent", "over" if part > 1 else "", width, line,
    )  # fmt: skip


@register.simple_tag
def hidden_fields(pairs: list[tuple[str, str]]) -> SafeString:
    """Return hidden inputs that carry the rest of a URL's query through a form."""
    return format_html_join("", '<input type="hidden" name="{}" value="{}">', pairs)


@register.simple_tag
def icon_url(name: str) -> str:
    """Return the address of an icon in the sprite."""
    return f"{static('img/icons.svg')}#{name}"


@register.simple_tag
def cell(one: Cell, is_main: bool = False) -> SafeString:
    """Return one table cell: its value in the words of its kind, linked when it names a record."""
    column = one.column
    classes = " ".join(
        name
        for name, holds in (
            ("main", is_main), ("end", column.is_number), ("wrap", column.is_wide), ("blank", one.is_blank),
        )
        if holds
    )  # fmt: skip
    return format_html('<td class="{}" data-label="{}">{}</td>', classes, column.label, cell_content(one))


def cell_content(one: Cell) -> str | SafeString:
    """Return what stands in a cell."""
    column, value = one.column, one.value
    if one.is_blank:
        return NONE
    shown: Any = value
    if column.is_badge:
        shown = badge(value)
    elif column.kind is Kind.MONEY:
        shown = money(value, one.currency or "USD")
    elif column.kind is Kind.NUMBER:
        shown = number(value)
    elif column.kind is Kind.DATE:
        shown = day(value)
    elif column.kind is Kind.INSTANT:
        shown = moment(value)
    elif column.kind is Kind.BOOLEAN:
        shown = "Yes" if value else "No"
    elif column.kind is Kind.LIST:
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
    elif column.spoken or column.choices:
        shown = column.say(value)
    elif isinstance(value, dict):
        shown = format_html_join(" · ", "{}: {}", ((key, _change(change)) for key, change in value.items()))
    if column.link and one.link_id is not None:
        return format_html('<a href="{}">{}</a>', reverse(column.link, args=[one.link_id]), shown)
    return shown


def _change(change: Any) -> str:
    """Return an audit change [old, new] as ``old → new``."""
    if isinstance(change, list | tuple) and len(change) == 2:
        return " → ".join("–" if part in (None, "") else str(part)[:80] for part in change)
    return str(change)[:120]


@register.simple_tag
def fact(one: Cell) -> str | SafeString:
    """Return a fact's value as a list would show it."""
    return cell_content(one)


@register.simple_tag
def locator(latitude: float | None, longitude: float | None) -> SafeString:
    """Return a small map that shows where on its continent a point lies: a graticule with a boundary stone."""
    if latitude is None or longitude is None:
        return format_html('<p class="muted small">{}</p>', "No location yet.")
    x, y = (longitude + 180) / 360 * 100 % 20 / 20, (90 - latitude) / 180 * 100 % 20 / 20
    left, top = 40 + x * 240, 30 + y * 90
    lines = format_html_join(
        "", '<path d="{}"/>', [(f"M{step * 64 - 20} 0q14 75 0 150",) for step in range(6)] + [(f"M0 {step * 38}q160 {10 - step * 4} 320 0",) for step in range(5)]
    )  # fmt: skip
    return format_html(
        '<svg class="mini-map" viewBox="0 0 320 150" role="img" aria-label="Location {}°, {}°">'
        '<g class="graticule">{}</g><g class="rings"><circle cx="{}" cy="{}" r="34"/><circle cx="{}" cy="{}" r="60"/></g>'
        '<path class="stone" d="M{} {}v-12a7 7 0 0 1 14 0v12z"/></svg>',
        f"{latitude:.2f}", f"{longitude:.2f}", lines, f"{left:.0f}", f"{top:.0f}", f"{left:.0f}", f"{top:.0f}",
        f"{left - 7:.0f}", f"{top + 6:.0f}",
    )  # fmt: skip


@register.simple_tag
def url_or_nothing(name: str, *args: Any) -> str:
    """Return a route's address, empty when there is no such page."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
