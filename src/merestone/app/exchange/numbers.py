"""Numbers and money as people write them: thousands separators, decimal commas, percent, k/m/bn, currencies."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from merestone.app.exchange.texts import is_no_value
from merestone.app.exchange.values import Read

_SYMBOLS = {
    "US$": "USD", "C$": "CAD", "CA$": "CAD", "A$": "AUD", "AU$": "AUD", "NZ$": "NZD", "HK$": "HKD", "S$": "SGD",
    "R$": "BRL", "MX$": "MXN", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₩": "KRW", "₽": "RUB", "₺": "TRY",
    "zł": "PLN", "Kč": "CZK", "₪": "ILS", "฿": "THB", "₫": "VND", "$": "$",
}  # fmt: skip
_CODES = frozenset(
    [
        "AED",
        "ARS",
        "AUD",
        "BGN",
        "BRL",
        "CAD",
        "CHF",
        "CLP",
        "CNY",
        "COP",
        "CZK",
        "DKK",
        "EGP",
        "EUR",
        "GBP",
        "HKD",
        "HUF",
        "IDR",
        "ILS",
        "INR",
        "ISK",
        "JPY",
        "KES",
        "KRW",
        "MXN",
        "MYR",
        "NGN",
        "NOK",
        "NZD",
        "PEN",
        "PHP",
        "PKR",
        "PLN",
        "QAR",
        "RON",
        "RUB",
        "SAR",
        "SEK",
        "SGD",
        "THB",
        "TRY",
        "TWD",
        "UAH",
        "USD",
        "VND",
        "ZAR",
    ]
)
_DOLLARS = frozenset({"USD", "CAD", "AUD", "NZD", "HKD", "SGD", "MXN", "ARS", "CLP", "COP", "TWD"})
_SCALES = {
    "k": 3, "thousand": 3, "tsd": 3, "m": 6, "mm": 6, "mn": 6, "mio": 6, "mil": 6, "million": 6, "millions": 6,
    "b": 9, "bn": 9, "mrd": 9, "billion": 9, "billions": 9,
}  # fmt: skip
_SHAPE = re.compile(r"^(?P<body>[\d.,'’ ]*\d[.,]?(?:[eE][+-]?\d{1,3})?)\s*(?P<scale>[A-Za-z]+)?\.?$")
_SYMBOL = re.compile("|".join(re.escape(symbol) for symbol in sorted(_SYMBOLS, key=len, reverse=True)))
_CODE = re.compile(r"(?<![A-Za-z])([A-Za-z]{3})(?![A-Za-z])")
_COMMA = re.compile(r"(?:\.\d{3},\d+|(?<![\d,.])\d+,(?:\d{1,2}|\d{4,}))(?!\d|,)")
_POINT = re.compile(r"(?:,\d{3}\.\d+|(?<![\d,.])\d+\.(?:\d{1,2}|\d{4,}))(?!\d|\.)")
_LARGEST = Decimal(10) ** 16
CENT = Decimal("0.01")


def has_decimal_comma(texts: Iterable[str]) -> bool:
    """Tell whether the distinct values of a column show decimal commas and no decimal points."""
    texts = list(texts)
    return any(_COMMA.search(text) for text in texts) and not any(_POINT.search(text) for text in texts)


def to_decimal(body: str, *, comma: bool = False) -> Decimal | None:
    """Return the value of digits with separators, or null when they are not placed as in any number.

    Parameters
    ----------
    body : str
        Unsigned digits with points, commas, spaces or apostrophes.
    comma : bool
        Read a lone ``1.234`` as thousands and ``1,234`` as a decimal comma; otherwise the other way round.
    """
    body = body.replace("\u00a0", " ").replace("\u202f", " ").replace("’", "'").strip()
    if "e" in body.lower():
        return _plain(body)
    for mark in (" ", "'"):
        if mark in body:
            if not re.fullmatch(rf"\d{{1,3}}(?:{mark}\d{{3}})+(?:[.,]\d*)?", body):
                return None
            body = body.replace(mark, "")
    points, commas = body.count("."), body.count(",")
    if points and commas:
        decimal, grouping = (".", ",") if body.rfind(".") > body.rfind(",") else (",", ".")
    elif points + commas == 0:
        return _plain(body)
    else:
        mark = "." if points else ","
        other = "," if points else "."
        is_group = bool(re.fullmatch(rf"[1-9]\d{{0,2}}(?:\{mark}\d{{3}})+", body))
        is_lone = body.count(mark) == 1
        if is_group and (not is_lone or (mark == ",") != comma):
            decimal, grouping = other, mark
        else:
            decimal, grouping = mark, other
    whole, _, rest = body.partition(decimal)
    if not rest.isdigit() and rest:
        return None
    if grouping in whole and not re.fullmatch(rf"\d{{1,3}}(?:\{grouping}\d{{3}})+", whole):
        return None
    return _plain(f"{whole.replace(grouping, '') or '0'}.{rest or '0'}")


def _plain(body: str) -> Decimal | None:
    try:
        value = Decimal(body)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def read_number(text: str, *, comma: bool = False, scale: Decimal = Decimal(1)) -> Read:
    """Return a number's value as float; ``45%`` is 0.45, ``(5)`` is -5, ``1.2k`` is 1200."""
    if is_no_value(text):
        return Read()
    body, sign = _unsigned(text)
    is_percent = body.endswith("%")
    value = _scaled(body.rstrip("% "), comma=comma)
    if value is None:
        return Read(
            code="bad-number", message=f"{text[:80]!r} is not a number.", fix="Write digits, e.g. 1234.5."
        )
    return Read(float(sign * value * (Decimal("0.01") if is_percent else scale)))


def read_money(text: str, *, comma: bool = False, scale: Decimal = Decimal(1)) -> Read:
    """Return an amount to the cent, and its currency as ``extra`` (``$`` for a dollar of unknown country)."""
    if is_no_value(text):
        return Read()
    body, sign = _unsigned(re.sub(r"(?<=\d)[.,][-–—]+(?=\D*$)", "", text))  # 5.- is how the Swiss write 5.00
    body, currency = _without_currency(body)
    body, inner = _unsigned(body)
    value = _scaled(body, comma=comma)
    if value is None:
        return Read(
            code="bad-money",
            message=f"{text[:80]!r} is not an amount of money.",
            fix="Write it as 1234.50 or USD 1234.50.",
        )
    value = sign * inner * value * scale
    if abs(value) >= _LARGEST:
        return Read(
            code="bad-money",
            message=f"{text[:80]!r} is larger than any amount kept.",
            fix="Check the digits.",
        )
    return Read(value.quantize(CENT, ROUND_HALF_EVEN), extra=currency)


def currencies_agree(stated: str, found: str) -> bool:
    """Tell whether a currency found beside an amount can be the stated one; ``$`` fits every dollar."""
    return stated == found or (found == "$" and stated in _DOLLARS)


def is_currency(text: str) -> bool:
    """Tell whether the text has the form of an ISO 4217 code."""
    return bool(re.fullmatch(r"[A-Z]{3}", text))


def _unsigned(text: str) -> tuple[str, int]:
    text = text.strip().replace("−", "-")
    if text.startswith("(") and text.endswith(")"):
        return text[1:-1].strip(), -1
    if text.startswith("-"):
        return text[1:].strip(), -1
    if text.endswith("-"):
        return text[:-1].strip(), -1
    return text.removeprefix("+").strip(), 1


def _without_currency(body: str) -> tuple[str, str | None]:
    for code in _CODE.findall(body):
        if code.upper() in _CODES:
            return _SYMBOL.sub("", body.replace(code, "", 1)).strip(), code.upper()
    symbol = _SYMBOL.search(body)
    if symbol:
        return (body[: symbol.start()] + body[symbol.end() :]).strip(), _SYMBOLS[symbol.group()]
    return body, None


def _scaled(body: str, *, comma: bool) -> Decimal | None:
    shape = _SHAPE.match(body)
    if not shape:
        return None
    power = 0
    if shape["scale"]:
        if shape["scale"].lower() not in _SCALES:
            return None
        power = _SCALES[shape["scale"].lower()]
    value = to_decimal(shape["body"], comma=comma)
    return None if value is None else value.scaleb(power)
