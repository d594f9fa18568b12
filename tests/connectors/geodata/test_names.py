"""Countries and subdivisions by what people call them."""

from __future__ import annotations

import pycountry
import pytest

from merestone.connectors.geodata.names import (
    country_code,
    country_lookup,
    fold,
    subdivision_code,
    subdivision_lookup,
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("United States", "US"),
        ("USA", "US"),
        ("u.s.a.", "US"),
        ("U. S.", "US"),
        ("us", "US"),
        ("The United States", "US"),
        ("UK", "GB"),
        ("England", "GB"),
        ("Scotland", "GB"),
        ("Isle of Man", "IM"),
        ("South Korea", "KR"),
        ("Korea, Republic of", "KR"),
        ("Republic of Korea", "KR"),
        ("Côte d’Ivoire", "CI"),
        ("Türkiye", "TR"),
        ("ÖSTERREICH", "AT"),
        ("deu", "DE"),
        ("Viet Nam", "VN"),
        ("Bolivia", "BO"),
        ("Atlantis", None),
        ("", None),
    ],
)
def test_country_is_known_by_its_names(text: str, code: str | None) -> None:
    assert country_code(text) == code


def test_each_country_is_known_by_both_codes_and_its_name() -> None:
    for country in pycountry.countries:
        for text in (country.alpha_2, country.alpha_3, country.name):
            assert country_code(text) == country.alpha_2


@pytest.mark.parametrize(
    ("country", "text", "code"),
    [
        ("US", "California", "CA"),
        ("US", "calif.", "CA"),
        ("US", "MIssouri", "MO"),
        ("US", "US-NY", "NY"),
        ("US", "N.Y.", "NY"),
        ("US", "Washington, D.C.", "DC"),
        ("US", "Washington State", "WA"),
        ("DE", "Bayern", "BY"),
        ("DE", "Bavaria", "BY"),
        ("DE", "Thüringen", "TH"),
        ("CA", "Quebec", "QC"),
        ("CA", "Ont.", "ON"),
        ("AU", "New South Wales", "NSW"),
        ("BE", "Vlaanderen", "VLG"),
        ("BE", "Région wallonne", "WAL"),
        ("NZ", "Otago Region", "OTA"),
        ("US", "Ontario", None),
        ("XX", "Anything", None),
    ],
)
def test_subdivision_is_known_by_its_names(country: str, text: str, code: str | None) -> None:
    assert subdivision_code(country, text) == code


def test_each_subdivision_is_known_by_its_code() -> None:
    for division in pycountry.subdivisions:
        country, _, suffix = division.code.partition("-")
        assert subdivision_code(country, division.code) == suffix


def test_lookup_keys_are_folded_so_that_a_join_finds_them() -> None:
    keys = [*country_lookup(), *subdivision_lookup("US"), *subdivision_lookup("DE")]
    assert keys == [fold(key) for key in keys]
