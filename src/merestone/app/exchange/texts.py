"""Text of files: cleaning whole columns, folding for comparison, lists in one cell, and the nearest known word."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable

import polars as pl

from merestone.core.model.columns import Table

MULTILINE = frozenset({"notes"})
NO_VALUE = frozenset({"", "na", "n a", "nan", "null", "none", "nil", "unknown", "not available", "tbd"})
_ASCII_WORDS = re.compile(r"[a-z0-9]+")
_LONGEST_NO_VALUE = 20
_DASHES = frozenset("-–—?.·/")
_MAX_CHARS = {
    "external_id": 100, "name": 300, "domain": 200, "phone": 50, "email": 254, "address": 300, "city": 100,
    "state": 100, "postal_code": 20, "country": 2, "county": 5, "industry": 100, "naics": 10, "currency": 3,
    "language": 10, "first_name": 100, "last_name": 100, "title": 150, "company": 300, "source": 50, "family": 100,
    "office": 100, "seniority": 20, "time_zone": 64, "subject": 300, "notes": 20_000,
}  # fmt: skip
_MAX_CHARS_OF = {("leads", "name"): 200, ("reps", "name"): 200, ("products", "name"): 200}


def max_chars(table: Table, name: str) -> int:
    """Return how many characters a text column may hold."""
    own = _MAX_CHARS_OF.get((table.name, name))
    return own or _MAX_CHARS.get(name.removeprefix("home_"), 300)


def clean(text: pl.Expr, *, multiline: bool = False) -> pl.Expr:
    """Return text in Unicode NFC, trimmed, without invisible characters, inner white space collapsed; '' is null."""
    text = text.str.normalize("NFC").str.replace_all(r"[\x{200B}\x{200E}\x{200F}\x{2060}\x{FEFF}\x{AD}]", "")
    text = text.str.replace_all(r"[^\S\n]+", " ") if multiline else text.str.replace_all(r"\s+", " ")
    text = text.str.strip_chars()
    return pl.when(text == "").then(None).otherwise(text)


def fold(text: str) -> str:
    """Return the text as it is compared: no case, accents or punctuation, single spaces."""
    if text.isascii():
        return " ".join(_ASCII_WORDS.findall(text.lower()))
    text = unicodedata.normalize("NFKD", text.casefold())
    text = "".join(char if char.isalnum() else " " for char in text if not unicodedata.combining(char))
    return " ".join(text.split())


def is_no_value(text: str) -> bool:
    """Tell whether a cell of a number, date or address says that there is none (``N/A``, ``-``)."""
    if len(text) > _LONGEST_NO_VALUE:
        return False
    folded = fold(text)
    return folded in NO_VALUE and (bool(folded) or set(text) <= _DASHES)


def split_list(text: str) -> list[str]:
    r"""Return the values of a flat list: separated by ``;``, with ``\;`` and ``\\`` standing for themselves."""
    parts = re.split(r"((?:\\[;\\]|[^;])*)(?:;|$)", text)[1::2] if "\\" in text else text.split(";")
    values = (re.sub(r"\\([;\\])", r"\1", part).strip() for part in parts)
    return [value for value in values if value]


def nearest(text: str, known: Iterable[str], *, least: float = 0.6) -> str:
    """Return the known word most like the text, or an empty string when none is near."""
    by_folded = {fold(word): word for word in known}
    found = difflib.get_close_matches(fold(text), by_folded, n=1, cutoff=least)
    return by_folded[found[0]] if found else ""
