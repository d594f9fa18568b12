"""From an address to a point, a precision, a county and a warning."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from merestone.base.errors import UnavailableError
from merestone.connectors.geodata import Gazetteer

COLUMNS = ("latitude", "longitude", "postal_code", "city", "state", "country")


def place(gazetteer: Gazetteer, **address: Any) -> dict[str, Any]:
    """Where one US address is."""
    row = {"country": "US", **address}
    table = pa.table({name: [row.get(name)] for name in COLUMNS if row.get(name) is not None})
    (found,) = gazetteer.locate(table).to_pylist()
    return found


def test_plausible_coordinates_are_kept_to_the_last_digit(gazetteer: Gazetteer) -> None:
    found = place(gazetteer, latitude=37.7749295, longitude=-122.4194155, postal_code="10001", state="NY")
    assert (found["latitude"], found["longitude"]) == (37.7749295, -122.4194155)
    assert (found["geo_precision"], found["county"], found["warning"]) == ("coordinates", "06075", None)


def test_point_just_off_the_shore_belongs_to_the_county_beside_it(gazetteer: Gazetteer) -> None:
    assert place(gazetteer, latitude=37.75, longitude=-122.55)["county"] == "06075"


@pytest.mark.parametrize(
    ("code", "county"),
    [
        ("94105", "06075"),
        ("94105-1804", "06075"),
        ("94105-", "06075"),
        ("941051804", "06075"),
        ("02139", "25017"),
        ("2139", "25017"),
        ("2139.0", "25017"),
        ("2139-1234", "25017"),
        ("21391234", "25017"),
        (" 501 ", "36103"),
    ],
)
def test_postal_code_is_read_as_files_write_it(gazetteer: Gazetteer, code: str, county: str) -> None:
    state = {"06075": "CA", "25017": "MA", "36103": "NY"}[county]
    found = place(gazetteer, postal_code=code, state=state)
    assert (found["geo_precision"], found["county"]) == ("postal_code", county)


def test_short_code_is_not_believed_against_the_state(gazetteer: Gazetteer) -> None:
    found = place(gazetteer, postal_code="2139", city="Austin", state="TX")
    assert (found["geo_precision"], found["county"]) == ("city", "48453")


def test_postal_code_in_another_state_is_used_and_said(gazetteer: Gazetteer) -> None:
    found = place(gazetteer, postal_code="10001", state="California")
    assert found["county"] == "36061"
    assert found["warning"] == "Postal code 10001 is in NY, the row says CA."


@pytest.mark.parametrize("city", ["Saint Louis", "St. Louis", " ST LOUIS "])
def test_city_is_found_in_its_state_however_it_is_spelt(gazetteer: Gazetteer, city: str) -> None:
    found = place(gazetteer, city=city, state="Mo.")
    assert (found["geo_precision"], found["county"]) == ("city", "29510")


def test_unknown_city_falls_back_to_the_state_and_has_no_county(gazetteer: Gazetteer) -> None:
    found = place(gazetteer, city="Nowhere at All", state="CA")
    assert (found["geo_precision"], found["county"]) == ("state", None)
    assert 32 < found["latitude"] < 42


def test_coordinates_outside_the_country_give_way_to_the_postal_code(gazetteer: Gazetteer) -> None:
    found = place(gazetteer, latitude=50.447, longitude=-119.1926, postal_code="94080-3614", state="CA")
    assert (found["geo_precision"], found["county"]) == ("postal_code", "06081")
    assert "50.447, -119.1926 lie outside US; the postal code was used instead" in found["warning"]


def test_exchanged_coordinates_are_turned_when_no_code_tells_the_place(gazetteer: Gazetteer) -> None:
    found = place(gazetteer, latitude=11.3574, longitude=46.5019, country="Italy")
    assert (found["latitude"], found["longitude"], found["geo_precision"]) == (
        46.5019,
        11.3574,
        "coordinates",
    )
    assert "exchanged" in found["warning"]


def test_coordinates_in_another_country_are_dropped_when_nothing_helps(gazetteer: Gazetteer) -> None:
    found = place(gazetteer, latitude=53.7472, longitude=9.7305, country="IE")
    assert (found["latitude"], found["longitude"], found["geo_precision"]) == (None, None, "none")
    assert "nothing else tells the place" in found["warning"]


def test_islet_missing_in_the_outlines_keeps_its_coordinates(gazetteer: Gazetteer) -> None:
    found = place(gazetteer, latitude=-31.525, longitude=159.067, country="Australia")
    assert (found["latitude"], found["geo_precision"]) == (-31.525, "coordinates")


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(0.0, 0.0), (91.0, 10.0), (float("nan"), 10.0), (40.0, None)]
)
def test_impossible_coordinates_give_way_with_a_warning(
    gazetteer: Gazetteer, latitude: float, longitude: float | None
) -> None:
    found = place(gazetteer, latitude=latitude, longitude=longitude, postal_code="94105")
    assert found["geo_precision"] == "postal_code"
    assert "are no place" in found["warning"]


@pytest.mark.parametrize(
    ("country", "latitude", "longitude"),
    [
        ("FI", 60.2414, 19.9821),
        ("GB", 54.15, -4.48),
        ("FR", -21.1, 55.5),
        ("PR", 18.4, -66.1),
        ("US", 18.4, -66.1),
    ],
)
def test_part_of_a_country_with_a_code_of_its_own_is_inside(
    gazetteer: Gazetteer, country: str, latitude: float, longitude: float
) -> None:
    found = place(gazetteer, country=country, latitude=latitude, longitude=longitude)
    assert (found["geo_precision"], found["warning"]) == ("coordinates", None)


def test_german_code_of_five_digits_is_no_zip(gazetteer: Gazetteer) -> None:
    assert place(gazetteer, country="Deutschland", postal_code="94105")["geo_precision"] == "none"


def test_place_beyond_the_border_has_no_us_county(gazetteer: Gazetteer) -> None:
    assert place(gazetteer, country="CA", latitude=42.31, longitude=-83.04)["county"] is None


def test_row_without_country_is_in_the_us_when_its_state_is(gazetteer: Gazetteer) -> None:
    assert place(gazetteer, country=None, state="Oregon", city="Bend")["county"] == "41017"
    assert place(gazetteer, country=None, postal_code="97701")["geo_precision"] == "none"


def test_empty_table_and_missing_columns_are_fine(gazetteer: Gazetteer) -> None:
    found = gazetteer.locate(pa.table({"country": pa.array([], pa.string())}))
    assert found.num_rows == 0
    assert found.column_names == ["latitude", "longitude", "geo_precision", "county", "warning"]
    (nothing,) = gazetteer.locate(pa.table({"name": ["x"]})).to_pylist()
    assert nothing["geo_precision"] == "none"


ANY_TEXT = st.one_of(st.none(), st.text(max_size=12), st.sampled_from(["US", "CA", "94105", "2139", "Bend"]))
ANY_NUMBER = st.one_of(st.none(), st.floats())
ANY_ROW = st.tuples(ANY_NUMBER, ANY_NUMBER, ANY_TEXT, ANY_TEXT, ANY_TEXT, ANY_TEXT)
KINDS = (pa.float64(), pa.float64(), *[pa.string()] * 4)


@given(rows=st.lists(ANY_ROW, max_size=6))
def test_each_row_is_placed_as_if_it_were_alone(gazetteer: Gazetteer, rows: list[tuple[Any, ...]]) -> None:
    def located(some: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
        columns = zip(*some, strict=True) if some else [()] * len(COLUMNS)
        arrays = [pa.array(list(column), kind) for column, kind in zip(columns, KINDS, strict=True)]
        return gazetteer.locate(pa.table(arrays, names=COLUMNS)).to_pylist()

    together = located(rows)
    assert together == [located([row])[0] for row in rows]
    for found in together:
        assert (
            (found["latitude"] is None) == (found["longitude"] is None) == (found["geo_precision"] == "none")
        )


def test_missing_data_says_how_to_build_it(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"\./run setup"):
        Gazetteer(tmp_path).counties()


@pytest.mark.shared
def test_every_us_brewery_is_placed_in_a_county(gazetteer: Gazetteer, shared: Path) -> None:
    with (shared / "data/breweries.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["country"] == "United States"]
    coordinates = {
        name: pa.array([float(row[name]) if row[name] else None for row in rows], pa.float64())
        for name in ("latitude", "longitude")
    }
    texts = {name: [row[name] for row in rows] for name in ("postal_code", "city", "country")}
    table = pa.table({**coordinates, **texts, "state": [row["state_province"] for row in rows]})
    found = gazetteer.locate(table)
    assert Counter(found["geo_precision"].to_pylist()) == {
        "coordinates": 5930,
        "postal_code": 2291,
        "city": 3,
    }
    assert found["county"].null_count == 0
    assert len(rows) - found["warning"].null_count == 3
