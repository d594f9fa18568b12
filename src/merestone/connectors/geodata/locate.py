"""From an address to a point, a table at a time: coordinates, else postal code, else city and state, else state."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from merestone.connectors.geodata.areas import Areas
from merestone.connectors.geodata.names import country_code, subdivision_code
from merestone.connectors.geodata.postal import five_digits, fold_cities

_INPUTS = {
    "latitude": pl.Float64,
    "longitude": pl.Float64,
    "postal_code": pl.String,
    "city": pl.String,
    "state": pl.String,
    "country": pl.String,
}
_OUTPUTS = pa.schema(
    [
        ("latitude", pa.float64()),
        ("longitude", pa.float64()),
        ("geo_precision", pa.string()),
        ("county", pa.string()),
        ("warning", pa.string()),
    ]
)
_BORDER_DEG = 0.5  # country outlines are coarse; islands and piers lie off them
_OFFSHORE_DEG = 7.0
_PART_OF = {
    "AX": "FI", "FO": "DK", "GL": "DK", "GG": "GB", "IM": "GB", "JE": "GB", "HK": "CN", "MO": "CN", "NC": "FR",
    "PF": "FR", "PM": "FR", "BL": "FR", "MF": "FR", "WF": "FR", "AW": "NL", "CW": "NL", "SX": "NL", "NF": "AU",
    "PR": "US", "GU": "US", "VI": "US", "AS": "US", "MP": "US",
}  # fmt: skip
_TERRITORIES = ("PR", "GU", "VI", "AS", "MP")  # countries in ISO 3166-1, states in the US post's eyes


@dataclass(frozen=True)
class Places:
    """What addresses are looked up in: zip/state/lon/lat, folded city/state/lon/lat, state/lon/lat, and polygons."""

    postal_codes: pl.DataFrame
    cities: pl.DataFrame
    states: pl.DataFrame
    counties: Areas
    countries: Areas


def locate(table: pa.Table, places: Places) -> pa.Table:
    """Return latitude, longitude, geo_precision, county and warning for each row, in the same order."""
    rows = _with_candidates(_read(table), places)
    rows = _with_verdict_on_coordinates(rows, places)
    rows = rows.with_columns(way=_first(pl.lit(way) for way in _WAYS).fill_null("none"))
    rows = rows.with_columns(
        geo_precision=pl.col("way").replace({"exchanged": "coordinates", "offshore": "coordinates"}),
        given_longitude="longitude",
        given_latitude="latitude",
        longitude=_first(pl.col(f"lon_{way}") for way in _WAYS),
        latitude=_first(pl.col(f"lat_{way}") for way in _WAYS),
    )
    result = rows.with_columns(_counties(rows, places.counties), warning=_warning()).select(_OUTPUTS.names)
    return result.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(_OUTPUTS)


_WAYS = ("coordinates", "postal_code", "exchanged", "city", "offshore", "state")
"""The ways to place a row, best first. Exchanged: latitude and longitude stand in each other's column. Offshore:
outside the stated country, not far, and in no other one: an islet too small for the outlines."""


def _first(values: Iterable[pl.Expr]) -> pl.Expr:
    """The value that belongs to the first way that places the row, null when none does."""
    pairs = zip(_WAYS, values, strict=True)
    return pl.coalesce([pl.when(pl.col(f"lon_{way}").is_not_null()).then(value) for way, value in pairs])


def _read(table: pa.Table) -> pl.DataFrame:
    """The input columns in their types, countries and US states as codes."""
    given = {
        name: pl.Series(name, pl.from_arrow(table.column(name))).cast(kind, strict=False)
        if name in table.column_names
        else pl.Series(name, [None] * table.num_rows, dtype=kind)
        for name, kind in _INPUTS.items()
    }
    rows = pl.DataFrame(given).with_columns(
        country=_coded(given["country"], country_code),
        us_state=_coded(given["state"], lambda text: subdivision_code("US", text)),
        city=fold_cities(given["city"]),
        zip=five_digits(pl.col("postal_code")),
        zip_was_short=pl.col("postal_code").str.strip_chars().str.contains(r"^\d{3,4}\b"),
    )
    is_territory = pl.col("country").is_in(_TERRITORIES)
    # A row without a country is in the US when its state is.
    is_us = (
        (pl.col("country") == "US")
        | is_territory
        | (pl.col("country").is_null() & pl.col("us_state").is_not_null())
    )
    return rows.with_columns(
        is_us=is_us.fill_null(value=False),
        us_state=pl.when(is_us).then(pl.when(is_territory).then("country").otherwise("us_state")),
        zip=pl.when(is_us).then("zip"),
    )


def _coded(texts: pl.Series, code: Callable[[str], str | None]) -> pl.Series:
    """Each text's code; each different text is looked up once."""
    unique = texts.drop_nulls().unique()
    if unique.is_empty():
        return pl.Series(texts.name, [None] * len(texts), dtype=pl.String)
    codes = pl.Series([code(text) for text in unique.to_list()], dtype=pl.String)
    return texts.replace_strict(unique, codes, default=None, return_dtype=pl.String)


def _with_candidates(rows: pl.DataFrame, places: Places) -> pl.DataFrame:
    """Add lon_/lat_ of each way to find the row that does not need its coordinates."""
    rows = rows.join(
        places.postal_codes.rename(
            {"lon": "lon_postal_code", "lat": "lat_postal_code", "state": "zip_state"}
        ),
        on="zip",
        how="left",
        maintain_order="left",
    )
    # A short code was perhaps not a ZIP that lost its zero: believe it only when the state agrees.
    doubtful = pl.col("zip_was_short") & (pl.col("zip_state") != pl.col("us_state"))
    rows = rows.with_columns(
        pl.when(~doubtful.fill_null(value=False)).then(pl.col(name)).alias(name)
        for name in ("lon_postal_code", "lat_postal_code", "zip_state")
    )
    for frame, keys, kind in (
        (places.cities, ["city", "us_state"], "city"),
        (places.states, ["us_state"], "state"),
    ):
        renamed = frame.rename({"state": "us_state", "lon": f"lon_{kind}", "lat": f"lat_{kind}"})
        rows = rows.join(renamed, on=keys, how="left", maintain_order="left")
    return rows


def _with_verdict_on_coordinates(rows: pl.DataFrame, places: Places) -> pl.DataFrame:
    """Add is_outside (of the stated country) and lon_/lat_ of the three ways that use the coordinates given."""
    lon, lat = pl.col("longitude"), pl.col("latitude")
    are_real = lon.is_between(-180, 180) & lat.is_between(-90, 90) & ((lon != 0) | (lat != 0))
    rows = rows.with_columns(
        are_real=are_real.fill_null(value=False), are_given=lon.is_not_null() | lat.is_not_null()
    )
    is_checked = pl.col("are_real") & pl.col("country").is_in(list(places.countries.known)).fill_null(
        value=False
    )
    is_outside = _where(
        rows, is_checked, lambda some: ~_are_in_country(some, places, distance_deg=_BORDER_DEG)
    )
    rows = rows.with_columns(is_outside=is_outside)
    turned = rows.select("country", latitude=lon, longitude=lat, may=pl.col("is_outside") & (lon.abs() <= 90))
    exchanged = _where(
        turned, pl.col("may"), lambda some: _are_in_country(some, places, distance_deg=_BORDER_DEG)
    )
    offshore = _where(rows, pl.col("is_outside"), lambda some: _are_offshore(some, places))
    return rows.with_columns(
        pl.when(holds).then(value).alias(name)
        for way, holds, x, y in (
            ("coordinates", pl.col("are_real") & ~pl.col("is_outside"), lon, lat),
            ("exchanged", exchanged, lat, lon),
            ("offshore", offshore, lon, lat),
        )
        for name, value in ((f"lon_{way}", x), (f"lat_{way}", y))
    )


def _where(
    rows: pl.DataFrame, holds: pl.Expr, test: Callable[[pl.DataFrame], NDArray[np.bool_]]
) -> pl.Series:
    """Whether the test holds, asked only of the rows where it may."""
    index = np.flatnonzero(rows.select(holds).to_series().to_numpy())
    result = np.zeros(len(rows), dtype=bool)
    result[index] = test(rows[index])
    return pl.Series(result)


def _are_in_country(rows: pl.DataFrame, places: Places, *, distance_deg: float) -> NDArray[np.bool_]:
    lon, lat = rows["longitude"].to_numpy(), rows["latitude"].to_numpy()
    stated = rows["country"]
    result = places.countries.are_within(stated.to_list(), lon, lat, distance_deg=distance_deg)
    # A part of a country may have a code of its own, and people write either.
    found = places.countries.at(lon, lat, nearest=False)
    return result | np.array(
        [_PART_OF.get(code) == country for code, country in zip(found, stated, strict=True)], dtype=bool
    )


def _are_offshore(rows: pl.DataFrame, places: Places) -> NDArray[np.bool_]:
    found = places.countries.at(rows["longitude"].to_numpy(), rows["latitude"].to_numpy(), nearest=False)
    is_at_sea = np.array([code is None for code in found], dtype=bool)
    return is_at_sea & _are_in_country(rows, places, distance_deg=_OFFSHORE_DEG)


def _warning() -> pl.Expr:
    """A sentence on what is odd about the row, null when nothing is."""
    way = pl.col("way")
    instead = (
        pl.when(way == "none")
        .then(pl.lit("nothing else tells the place"))
        .when(way == "exchanged")
        .then(pl.lit("they are in it with latitude and longitude exchanged, and were read so"))
        .when(way == "offshore")
        .then(pl.lit("they are in no other country, and were kept"))
        .otherwise(pl.format("the {} was used instead", way.str.replace("_", " ")))
    )
    given = [
        pl.col(f"given_{name}").round(4).cast(pl.String).fill_null("(empty)")
        for name in ("latitude", "longitude")
    ]
    outside = pl.format("The coordinates {}, {} lie outside {}; {}.", *given, "country", instead)
    unreal = pl.format("The coordinates {}, {} are no place; {}.", *given, instead)
    strange = pl.format("Postal code {} is in {}, the row says {}.", "zip", "zip_state", "us_state")
    return (
        pl.when(pl.col("is_outside"))
        .then(outside)
        .when(pl.col("are_given") & ~pl.col("are_real"))
        .then(unreal)
        .when((way == "postal_code") & (pl.col("zip_state") != pl.col("us_state")))
        .then(strange)
    )


def _counties(rows: pl.DataFrame, counties: Areas) -> pl.Series:
    """The county each place falls in; none where only the state is known, or the country is another one."""
    may_have = (pl.col("is_us") | pl.col("country").is_null()) & ~pl.col("geo_precision").is_in(
        ["state", "none"]
    )
    index = np.flatnonzero(rows.select(may_have).to_series().to_numpy())
    found = np.full(len(rows), None, dtype=object)
    picked = rows[index]
    found[index] = counties.at(
        picked["longitude"].to_numpy(), picked["latitude"].to_numpy(), nearest=picked["is_us"].to_numpy()
    )
    return pl.Series("county", found.tolist(), dtype=pl.String)
