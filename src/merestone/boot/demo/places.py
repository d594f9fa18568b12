"""Real postal places to put accounts, leads and homes at, weighted so that density follows people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from merestone.boot.demo.geography import HUBS, POPULATION

_CELL_DEGREES = 0.25
_KM_PER_DEGREE = 111.2


class PostalPlaces(Protocol):
    """What the demo needs of a gazetteer."""

    def postal_codes(self) -> pa.Table:
        """Return ``zip``, ``city``, ``state``, ``lon``, ``lat``, ``county`` (FIPS)."""
        ...

    def counties(self) -> pa.Table:
        """Return ``fips`` and ``state``, among others."""
        ...

    def locate(self, table: pa.Table) -> pa.Table:
        """Return ``county``, among others, of each row's coordinates."""
        ...


@dataclass(frozen=True, slots=True)
class Places:
    """Postal places of the fifty states and DC, in postal-code order, as arrays.

    ``crowd`` counts the postal places around each one, ``hub`` is the index of its industry hub or -1.
    """

    postal_code: NDArray[Any]
    city: NDArray[Any]
    state: NDArray[Any]
    county: NDArray[Any]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    crowd: NDArray[np.int64]
    hub: NDArray[np.int64]
    weight: NDArray[np.float64]
    gazetteer: PostalPlaces


def read_places(gazetteer: PostalPlaces) -> Places:
    """Return the places with their weights."""
    table = gazetteer.postal_codes().combine_chunks()
    text = {
        name: np.asarray(table[name].to_pylist(), dtype=object) for name in ("zip", "city", "state", "county")
    }
    areas = gazetteer.counties()
    state_of = dict(zip(areas["fips"].to_pylist(), areas["state"].to_pylist(), strict=True))
    # A centroid just over the border lies in a county of another state: such places are left out.
    is_at_home = np.array([state_of.get(c) == s for c, s in zip(text["county"], text["state"], strict=True)])
    keep = is_at_home & np.isin(text["state"].astype("U2"), list(POPULATION))
    order = np.flatnonzero(keep)[np.argsort(text["zip"][keep].astype("U5"), kind="stable")]
    columns = {name: values[order] for name, values in text.items()}
    latitude = np.asarray(table["lat"].to_numpy(), dtype=float)[order]
    longitude = np.asarray(table["lon"].to_numpy(), dtype=float)[order]
    crowd, hub = _crowd(latitude, longitude), _nearest_hub(latitude, longitude)
    states = columns["state"].astype("U2")
    return Places(
        columns["zip"].astype("U5"),
        columns["city"].astype("U60"),
        states,
        columns["county"].astype("U5"),
        latitude,
        longitude,
        crowd,
        hub,
        _weights(states, crowd, hub),
        gazetteer,
    )


def _crowd(latitude: NDArray[np.float64], longitude: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the number of places in the 3 × 3 cells around each place."""
    row = np.floor((latitude + 90) / _CELL_DEGREES).astype(int) + 1
    column = np.floor((longitude + 180) / _CELL_DEGREES).astype(int) + 1
    grid = np.zeros((int(180 / _CELL_DEGREES) + 3, int(360 / _CELL_DEGREES) + 3), dtype=np.int64)
    np.add.at(grid, (row, column), 1)
    return np.asarray(sum(grid[row + i, column + j] for i in (-1, 0, 1) for j in (-1, 0, 1)))


def _nearest_hub(latitude: NDArray[np.float64], longitude: NDArray[np.float64]) -> NDArray[np.int64]:
    found = np.full(len(latitude), -1)
    for number, hub in reversed(list(enumerate(HUBS))):
        east_km = (longitude - hub.longitude) * _KM_PER_DEGREE * np.cos(np.radians(hub.latitude))
        north_km = (latitude - hub.latitude) * _KM_PER_DEGREE
        found[np.hypot(east_km, north_km) <= hub.radius_km] = number
    return found


def _weights(states: NDArray[Any], crowd: NDArray[np.int64], hub: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return weights that sum to one: a state by its people, inside it by crowding; hubs on top of both."""
    weight = crowd.astype(float) ** 0.9
    for code, people in POPULATION.items():
        here = states == code
        weight[here] *= people / weight[here].sum()
    density = np.array([hub.density for hub in HUBS] + [1.0])
    weight *= density[hub]
    return np.asarray(weight / weight.sum())


def draw_places(places: Places, n: int, *, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return ``n`` indices of places, by weight."""
    return rng.choice(len(places.weight), size=n, p=places.weight)


def scatter(
    places: Places, index: NDArray[np.int64], *, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return latitude and longitude near the places, within their counties: closer where places are dense."""
    spread_km = np.clip(14 / np.sqrt(places.crowd[index]), 0.4, 2.5)
    north, east = np.clip(rng.normal(size=(2, len(index))), -2, 2) * spread_km
    latitude = places.latitude[index] + north / _KM_PER_DEGREE
    longitude = places.longitude[index] + east / (_KM_PER_DEGREE * np.cos(np.radians(latitude)))
    country = pa.repeat("US", len(index))
    points = pa.table({"latitude": latitude, "longitude": longitude, "country": country})
    strayed = np.array(places.gazetteer.locate(points)["county"].to_pylist()) != places.county[index]
    latitude[strayed], longitude[strayed] = places.latitude[index][strayed], places.longitude[index][strayed]
    return np.round(latitude, 5), np.round(longitude, 5)


def find_city(places: Places, city: str, state: str) -> int:
    """Return the most crowded place of a city."""
    here = np.flatnonzero((places.city == city) & (places.state == state))
    if not len(here):
        raise LookupError(f"The gazetteer has no {city}, {state}.")
    return int(here[np.argmax(places.crowd[here])])
