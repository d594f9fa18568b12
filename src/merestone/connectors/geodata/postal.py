"""US postal codes: the codes with their places, and how a code in a file is read."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl

from merestone.connectors.geodata.names import fold

_COLUMNS = (
    "country",
    "zip",
    "city",
    "state_name",
    "state",
    "county_name",
    "county_code",
    "a",
    "b",
    "lat",
    "lon",
    "c",
)
_SHORT = {"st": "saint", "ste": "sainte", "ft": "fort", "mt": "mount", "mts": "mountains", "twp": "township"}


def read_postal_codes(path: Path) -> pl.DataFrame:
    """Return zip, city, state, lon, lat, one row a code; military post boxes abroad have no place and are left out."""
    frame = pl.read_csv(
        gzip.decompress(path.read_bytes()),
        separator="\t",
        has_header=False,
        quote_char=None,
        new_columns=list(_COLUMNS),
        schema_overrides=dict.fromkeys(_COLUMNS, pl.String),
        infer_schema=False,
    )
    return (
        frame.filter(pl.col("state").is_not_null(), pl.col("state") != "MH")
        .select("zip", "city", "state", pl.col("lon", "lat").cast(pl.Float64))
        .unique("zip", keep="first", maintain_order=True)
        .sort("zip")
    )


def fold_city(name: str) -> str:
    """Return a city's name as it is compared: folded, with Saint, Fort and Mount written out."""
    return " ".join(_SHORT.get(word, word) for word in fold(name).split())


def fold_cities(names: pl.Series) -> pl.Series:
    """Return ``fold_city`` of each name; each different name is folded once."""
    unique = names.drop_nulls().unique()
    if unique.is_empty():
        return pl.Series(names.name, [None] * len(names), dtype=pl.String)
    folded = [fold_city(name) for name in unique.to_list()]
    return names.replace_strict(unique, folded, default=None, return_dtype=pl.String)


def five_digits(code: pl.Expr) -> pl.Expr:
    """Return the five-digit ZIP of a code as files write it, null when it is none.

    ZIP+4 loses its +4; codes that a spreadsheet made numbers (``2139``, ``2139.0``, ``21391234``) get their zeros back.
    """
    text = code.cast(pl.String).str.strip_chars().str.strip_suffix(".0")
    digits = text.str.extract(r"^(\d{3,5})(?:\s*[-–]\s*(?:\d{4})?|\s+\d{4})?$")
    run_together = text.str.extract(r"^(\d{8,9})$").str.zfill(9).str.slice(0, 5)
    return digits.str.zfill(5).fill_null(run_together)
