"""Countries, states and postal codes in one form, through the gazetteer's lookups."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

from merestone.app.exchange.texts import fold, is_no_value, nearest
from merestone.app.exchange.values import Read

STRICT_STATES = frozenset({"US", "CA", "AU"})
"""Countries whose states every file spells in a known way: an unknown one rejects its row."""

_COUNTRIES = {
    "usa": "US", "u s a": "US", "u s": "US", "america": "US", "united states of america": "US", "uk": "GB",
    "u k": "GB", "great britain": "GB", "england": "GB", "scotland": "GB", "wales": "GB", "northern ireland": "GB",
    "south korea": "KR", "korea": "KR", "russia": "RU", "czech republic": "CZ", "holland": "NL",
    "the netherlands": "NL", "deutschland": "DE", "osterreich": "AT", "schweiz": "CH", "suisse": "CH",
    "isle of man": "IM", "uae": "AE", "vietnam": "VN", "taiwan": "TW", "ivory coast": "CI", "turkey": "TR",
    "espana": "ES", "italia": "IT", "belgie": "BE", "belgique": "BE", "brasil": "BR", "macau": "MO",
}  # fmt: skip
_LONG_NAME, _SLIP = 8, 0.92  # one slip in a long name; Austria and Australia are further apart
_GB = re.compile(r"^([A-Z]{1,2}\d[A-Z\d]?)\s*(\d[A-Z]{2})$")


class PlaceLookup(Protocol):
    """The part of the gazetteer that names places."""

    def country_lookup(self) -> Mapping[str, str]:
        """Return folded country text -> ISO 3166-1 alpha-2."""
        ...

    def subdivision_lookup(self, country: str) -> Mapping[str, str]:
        """Return folded subdivision text -> ISO 3166-2 suffix."""
        ...


class Places:
    """Reads countries and states, asking the gazetteer once per country."""

    def __init__(self, lookup: PlaceLookup) -> None:
        self._lookup = lookup
        self._countries = _COUNTRIES | {fold(word): code for word, code in lookup.country_lookup().items()}
        self._states: dict[str, dict[str, str]] = {}

    def country(self, text: str) -> Read:
        """Return the ISO code of a country."""
        if is_no_value(text) and fold(text) not in self._countries:
            return Read()
        code = self._countries.get(fold(text))
        if code:
            return Read(code)
        near = nearest(text, self._countries)
        said = f"{near.title()!r} ({self._countries[fold(near)]})" if near else ""
        if near and len(near) >= _LONG_NAME and nearest(text, [near], least=_SLIP):
            return Read(
                self._countries[fold(near)],
                code="country-corrected",
                message=f"{text[:80]!r} was read as {said}.",
                fix="Correct the spelling in the file.",
                is_error=False,
            )
        return Read(
            code="unknown-country",
            message=f"{text[:80]!r} is no country known here.",
            fix=f"Did you mean {said}?" if near else "Use the ISO code, e.g. US.",
        )

    def state(self, text: str, country: str) -> Read:
        """Return the ISO 3166-2 suffix of a state; outside ``STRICT_STATES`` an unknown one is kept as it is."""
        known = self._known(country or "US")
        bare = text.upper().removeprefix(f"{country}-") if country else text
        code = known.get(fold(text)) or known.get(fold(bare))
        if code:
            return Read(code)
        if is_no_value(text):
            return Read()
        if country not in STRICT_STATES:
            return Read(text, extra="kept" if country else None)
        near = nearest(text, known)
        return Read(
            code="unknown-state",
            message=f"{text[:80]!r} is no state or province of {country}.",
            fix=f"Did you mean {near.title()!r} ({known[fold(near)]})?"
            if near
            else "Use the two-letter code.",
        )

    def _known(self, country: str) -> dict[str, str]:
        if country not in self._states:
            lookup = self._lookup.subdivision_lookup(country)
            self._states[country] = {fold(word): code for word, code in lookup.items()}
        return self._states[country]


def read_postal_code(text: str, country: str) -> Read:
    """Return a postal code in its country's form: five digits in the US, with leading zeros given back.

    ``extra`` is ``odd`` when it does not have its country's form; it is kept.
    """
    if is_no_value(text):
        return Read()
    code = text.upper().removesuffix(".0").strip()
    if country == "US":
        return _us(code)
    if country == "CA":
        tight = re.sub(r"[\s-]", "", code)
        fits = re.fullmatch(r"[A-Z]\d[A-Z]\d[A-Z]\d", tight)
        return Read(f"{tight[:3]} {tight[3:]}") if fits else Read(code, extra="odd")
    if country == "GB":
        found = _GB.match(code)
        return Read(f"{found[1]} {found[2]}") if found else Read(code, extra="odd")
    if country in {"DE", "FR", "IT", "ES", "MX"} and re.fullmatch(r"\d{4}", code):
        return Read(code.zfill(5))
    return Read(code)


def _us(code: str) -> Read:
    found = re.fullmatch(r"(\d{3,5})(?:[-\s]+(\d{4})?)?", code.lstrip("- ")) or re.match(r"(\d{5})-", code)
    if found:
        return Read(found[1].zfill(5))
    if re.fullmatch(r"\d{8,9}", code):
        return Read(code.zfill(9)[:5])
    return Read(code, extra="odd")
