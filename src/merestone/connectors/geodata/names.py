"""Countries and subdivisions by what people call them: ISO names and codes, and the common other forms."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

import pycountry

_COUNTRIES = {
    "AE": ("UAE", "Emirates"),
    "AT": ("Österreich",),
    "BE": ("België", "Belgique", "Belgien"),
    "BR": ("Brasil",),
    "CH": ("Schweiz", "Suisse", "Svizzera"),
    "CI": ("Ivory Coast",),
    "CZ": ("Czech Republic",),
    "DE": ("Deutschland", "FRG"),
    "ES": ("España",),
    "GB": ("UK", "U.K.", "Great Britain", "Britain", "England", "Scotland", "Wales", "Northern Ireland"),
    "IE": ("Republic of Ireland", "Éire"),
    "IT": ("Italia",),
    "KR": ("South Korea", "Korea", "Republic of Korea"),
    "KP": ("North Korea",),
    "LA": ("Laos",),
    "MX": ("México",),
    "NL": ("Holland", "The Netherlands", "Nederland"),
    "RU": ("Russia",),
    "TR": ("Turkey",),
    "TW": ("Taiwan",),
    "US": ("U.S.", "U.S.A.", "U.S. of A.", "America", "United States of America", "The United States"),
    "VN": ("Vietnam",),
}
_SUBDIVISIONS = {
    "US": {
        "AL": "Ala", "AZ": "Ariz", "AR": "Ark", "CA": "Calif", "CO": "Colo", "CT": "Conn", "DE": "Del", "FL": "Fla",
        "IL": "Ill", "IN": "Ind", "KS": "Kans;Kan", "KY": "Ky", "LA": "La", "MD": "Md", "MA": "Mass", "MI": "Mich",
        "MN": "Minn", "MS": "Miss", "MO": "Mo", "MT": "Mont", "NE": "Nebr;Neb", "NV": "Nev", "NH": "N.H.;N. H.",
        "NJ": "N. J.", "NM": "N. Mex;N. M.", "NY": "N. Y.", "NC": "N. C.;N. Car", "ND": "N. Dak;N. D.", "OK": "Okla",
        "OR": "Ore;Oreg", "PA": "Penn;Penna", "RI": "R. I.", "SC": "S. C.;S. Car", "SD": "S. Dak;S. D.",
        "TN": "Tenn", "TX": "Tex", "VT": "Vt", "VA": "Va", "WA": "Wash;Washington State", "WV": "W. Va;W. V.",
        "WI": "Wis;Wisc", "WY": "Wyo", "DC": "D. C.;Washington DC;Washington, D.C.", "VI": "Virgin Islands",
        "MP": "Commonwealth of the Northern Mariana Islands", "HI": "Hawai'i",
    },
    "CA": {"QC": "Québec;Que", "ON": "Ont", "BC": "B. C.", "AB": "Alta", "SK": "Sask", "MB": "Man", "NL": "Newfoundland"},
    "DE": {
        "BY": "Bavaria", "HE": "Hesse", "NI": "Lower Saxony", "MV": "Mecklenburg-Western Pomerania",
        "NW": "North Rhine-Westphalia", "RP": "Rhineland-Palatinate", "SN": "Saxony", "ST": "Saxony-Anhalt",
        "TH": "Thuringia",
    },
    "AT": {"2": "Carinthia", "3": "Lower Austria", "4": "Upper Austria", "6": "Styria", "7": "Tyrol", "9": "Vienna"},
    "BE": {
        "VLG": "Vlaanderen;Flanders;Région flamande", "WAL": "Wallonie;Wallonia;Région wallonne;Waals Gewest",
        "BRU": "Brussels;Bruxelles;Brussel;Brussels Capital Region",
    },
    "FI": {
        "15": "North Savo", "04": "South Savo", "12": "Ostrobothnia", "14": "Northern Ostrobothnia",
        "07": "Central Ostrobothnia", "03": "South Ostrobothnia", "08": "Central Finland", "10": "Lapland",
        "01": "Åland", "02": "South Karelia", "13": "North Karelia",
    },
    "KR": {
        "11": "Seoul", "26": "Busan", "27": "Daegu", "28": "Incheon", "29": "Gwangju", "30": "Daejeon",
        "31": "Ulsan", "41": "Gyeonggido", "42": "Gangwondo", "43": "Chungcheongbukdo", "44": "Chungcheongnamdo",
        "45": "Jeollabukdo", "46": "Jeollanamdo", "47": "Gyeongsangbukdo", "48": "Gyeongsangnamdo", "49": "Jejudo",
    },
    "NL": {"FR": "Friesland"},
    "NZ": {"WGN": "Wellington"},
    "PT": {"20": "Açores;Azores", "30": "Madeira"},
}  # fmt: skip
_ENDINGS = re.compile(r"\s+(region|province|county|oblast|state|prefecture|gewest|lan)$")


def fold(text: str) -> str:
    """Return text without case, accents and punctuation, words one space apart: what names are compared by.

    >>> fold(" Côte d'Ivoire ")
    'cote divoire'
    """
    plain = unicodedata.normalize(
        "NFKD", text.replace("ø", "o").replace("Ø", "O").replace("ł", "l").casefold()
    )
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter) and letter not in ".'’`ʻ")
    return " ".join(re.sub(r"[^\w]+", " ", bare).split())


@cache
def country_lookup() -> Mapping[str, str]:
    """Return folded country text -> ISO 3166-1 alpha-2."""
    found: dict[str, str] = {}
    for country in pycountry.countries:
        names = [getattr(country, field, "") for field in ("name", "common_name", "official_name")]
        for name in (*names, *(_turned(name) for name in names)):
            found.setdefault(fold(name), country.alpha_2)
    for code, others in _COUNTRIES.items():
        found.update({fold(name): code for name in others})
    for country in pycountry.countries:
        found[fold(country.alpha_2)] = found[fold(country.alpha_3)] = country.alpha_2
    found.pop("", None)
    return MappingProxyType(found)


@cache
def subdivision_lookup(country: str) -> Mapping[str, str]:
    """Return folded subdivision text -> ISO 3166-2 suffix, of one country; empty for an unknown one."""
    found: dict[str, str] = {}
    divisions = list(pycountry.subdivisions.get(country_code=country.upper()) or [])
    # The larger division wins a name that its seat has too (Bruxelles, Limburg).
    for division in sorted(divisions, key=lambda division: division.parent_code is not None):
        suffix = division.code.partition("-")[2]
        for name in re.split(r"[\[\]/]", division.name):
            for form in (name, _turned(name)):
                found.setdefault(fold(form), suffix)
                found.setdefault(_ENDINGS.sub("", fold(form)), suffix)
    for suffix, others in _SUBDIVISIONS.get(country.upper(), {}).items():
        found.update({fold(name): suffix for name in others.split(";")})
    for division in divisions:
        suffix = division.code.partition("-")[2]
        found[fold(suffix)] = found[fold(division.code)] = suffix
    found.pop("", None)
    return MappingProxyType(found)


def country_code(text: str) -> str | None:
    """Return the ISO 3166-1 alpha-2 code of a country by any of its names or codes; None when unknown."""
    folded = fold(text)
    return country_lookup().get(folded) or country_lookup().get(folded.replace(" ", ""))


def subdivision_code(country: str, text: str) -> str | None:
    """Return the ISO 3166-2 suffix of a subdivision (California -> CA); None when unknown."""
    folded, lookup = fold(text), subdivision_lookup(country)
    return lookup.get(folded) or lookup.get(_ENDINGS.sub("", folded))


def _turned(name: str) -> str:
    """``Korea, Republic of`` as it is said: ``Republic of Korea``."""
    first, comma, rest = name.partition(", ")
    return f"{rest} {first}" if comma else name
