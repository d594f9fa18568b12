"""The gazetteer: one object that knows all packaged places and opens each file on first need."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pycountry
import shapely

from merestone.base.errors import UnavailableError
from merestone.connectors.geodata import names
from merestone.connectors.geodata.areas import Areas
from merestone.connectors.geodata.locate import Places, locate
from merestone.connectors.geodata.postal import fold_cities, read_postal_codes
from merestone.connectors.geodata.topology import Shapes, read_layers
from merestone.core.geo.counties import STATE_OF_COUNTY

DATA = Path(__file__).parent / "data"

ATTRIBUTION = (
    "Postal codes © GeoNames (geonames.org), CC BY 4.0 · "
    "US counties and states: US Census Bureau (us-atlas) · Countries: Natural Earth (world-atlas)"
)
"""What a page or a report that shows these places must say."""

_POSTAL_CODES = pa.schema(
    [
        ("zip", pa.string()),
        ("city", pa.string()),
        ("state", pa.string()),
        ("lon", pa.float64()),
        ("lat", pa.float64()),
        ("county", pa.string()),
    ]
)


class Gazetteer:
    """Offline places of the packaged data.

    Parameters
    ----------
    folder : Path
        Where the data files are.
    """

    def __init__(self, folder: Path = DATA) -> None:
        self._folder = folder

    def locate(self, table: pa.Table) -> pa.Table:
        """Return where each row is and how well that is known.

        Parameters
        ----------
        table : pyarrow.Table
            Any of latitude, longitude (degrees), postal_code, city, state, country (codes or names); a column that is
            not there counts as empty.

        Returns
        -------
        pyarrow.Table
            Row for row: latitude, longitude (null where unknown), geo_precision (``coordinates``, ``postal_code``,
            ``city``, ``state``, ``none``), county (five-digit FIPS of the polygon the place falls in; null outside the
            US and where only the state is known), warning (a sentence; null when nothing is odd).
        """
        return locate(table, self._places)

    def counties(self) -> pa.Table:
        """Return fips, name, state, lon, lat of each US county; the point lies inside the county."""
        return _shape_table(self._us[0]).rename_columns(["fips", "name", "state", "lon", "lat"])

    def county_shapes(self) -> Mapping[str, Any]:
        """Return fips -> polygon of each US county; one without an area in this drawing is a point."""
        shapes = self._us[0]
        return dict(zip(shapes.ids, shapes.polygons, strict=True))

    def state_names(self) -> Mapping[str, str]:
        """Return state code -> its English name."""
        shapes = self._us[1]
        return {STATE_OF_COUNTY[fips[:2]]: name for fips, name in zip(shapes.ids, shapes.names, strict=True)}

    def postal_codes(self) -> pa.Table:
        """Return zip, city, state, lon, lat, county of each US postal code."""
        return self._postal_codes.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(_POSTAL_CODES)

    def state_centroids(self) -> Mapping[str, tuple[float, float]]:
        """Return state code -> (longitude, latitude) of a point well inside the state."""
        table = _shape_table(self._us[1]).to_pydict()
        return {
            code: (lon, lat)
            for code, lon, lat in zip(table["state"], table["lon"], table["lat"], strict=True)
        }

    def country_code(self, text: str) -> str | None:
        """Return the ISO 3166-1 alpha-2 code of a country by any of its names or codes; None when unknown."""
        return names.country_code(text)

    def country_lookup(self) -> Mapping[str, str]:
        """Return folded country text -> ISO 3166-1 alpha-2."""
        return names.country_lookup()

    def subdivision_code(self, country: str, text: str) -> str | None:
        """Return the ISO 3166-2 suffix of a subdivision (California -> CA); None when unknown."""
        return names.subdivision_code(country, text)

    def subdivision_lookup(self, country: str) -> Mapping[str, str]:
        """Return folded subdivision text -> ISO 3166-2 suffix."""
        return names.subdivision_lookup(country)

    @cached_property
    def _us(self) -> tuple[Shapes, ...]:
        return read_layers(self.file("counties-10m.json"), "counties", "states")

    @cached_property
    def _county_areas(self) -> Areas:
        return Areas(self._us[0].ids, self._us[0].polygons)

    @cached_property
    def _country_areas(self) -> Areas:
        (shapes,) = read_layers(self.file("countries-50m.json"), "countries")
        alpha_2 = {country.numeric: country.alpha_2 for country in pycountry.countries}
        return Areas([alpha_2.get(number, "") for number in shapes.ids], shapes.polygons)

    @cached_property
    def _postal_codes(self) -> pl.DataFrame:
        frame = read_postal_codes(self.file("postal_codes_us.tsv.gz"))
        county = self._county_areas.at(frame["lon"].to_numpy(), frame["lat"].to_numpy(), nearest=True)
        return frame.with_columns(pl.Series("county", county, dtype=pl.String))

    @cached_property
    def _places(self) -> Places:
        codes = self._postal_codes
        cities = (
            codes.with_columns(city=fold_cities(codes["city"]))
            .group_by("city", "state")
            .agg(pl.col("lon", "lat").mean())
        )
        states = self.state_centroids()
        return Places(
            postal_codes=codes.select("zip", "state", "lon", "lat"),
            cities=cities,
            states=pl.DataFrame(
                [(code, lon, lat) for code, (lon, lat) in states.items()],
                schema=["state", "lon", "lat"],
                orient="row",
            ),
            counties=self._county_areas,
            countries=self._country_areas,
        )

    def file(self, name: str) -> Path:
        """Return where one of the packaged files is; UnavailableError when it is not there."""
        path = self._folder / name
        if not path.exists():
            raise UnavailableError(
                f"The geography file {name} is not there.",
                code="geodata-missing",
                fix="Build it with `./run setup`.",
            )
        return path


def _shape_table(shapes: Shapes) -> pa.Table:
    """Id, name, state and inner point of US shapes; the state is told by the first two digits of the id."""
    points = shapely.point_on_surface(shapes.polygons)
    return pa.table(
        {
            "id": list(shapes.ids),
            "name": list(shapes.names),
            "state": [STATE_OF_COUNTY[fips[:2]] for fips in shapes.ids],
            "lon": np.round(shapely.get_x(points), 6),
            "lat": np.round(shapely.get_y(points), 6),
        }
    )
