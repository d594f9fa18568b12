"""The tables of counties, postal codes and states."""

from __future__ import annotations

from merestone.connectors.geodata import ATTRIBUTION, Gazetteer


def test_each_county_s_point_falls_in_that_county(gazetteer: Gazetteer) -> None:
    counties = gazetteer.counties()
    points = counties.select(["lat", "lon"]).rename_columns(["latitude", "longitude"])
    found = gazetteer.locate(points)["county"].to_pylist()
    wrong = [fips for fips, at in zip(counties["fips"].to_pylist(), found, strict=True) if fips != at]
    assert counties.num_rows == 3231
    assert wrong == [
        "51610"
    ]  # Falls Church is smaller than the drawing's grain; it reads as Fairfax around it


def test_postal_codes_are_unique_and_almost_all_in_a_county(gazetteer: Gazetteer) -> None:
    codes = gazetteer.postal_codes()
    assert codes.num_rows > 40_000
    assert len(set(codes["zip"].to_pylist())) == codes.num_rows
    assert codes["county"].null_count < 20


def test_postal_code_lies_in_a_county_of_its_own_state(gazetteer: Gazetteer) -> None:
    state_of = dict(zip(*(gazetteer.counties()[name].to_pylist() for name in ("fips", "state")), strict=True))
    codes = gazetteer.postal_codes().to_pylist()
    astray = [row["zip"] for row in codes if row["county"] and state_of[row["county"]] != row["state"]]
    assert len(astray) / len(codes) < 0.005


def test_states_are_the_fifty_the_district_and_the_territories(gazetteer: Gazetteer) -> None:
    centroids = gazetteer.state_centroids()
    assert len(centroids) == 56
    assert {"DC", "PR", "GU"} <= set(centroids)


def test_attribution_names_the_licence_that_asks_for_it() -> None:
    assert "GeoNames" in ATTRIBUTION
    assert "CC BY 4.0" in ATTRIBUTION
