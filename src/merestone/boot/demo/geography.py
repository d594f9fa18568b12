"""The country the demo sells in: states with their weight, region and time zone, and the hubs of its industries."""

from __future__ import annotations

from dataclasses import dataclass

# Resident population in thousands, 2020 census, rounded: how many accounts a state gets.
POPULATION = {
    "AL": 5024, "AK": 733, "AZ": 7152, "AR": 3012, "CA": 39538, "CO": 5774, "CT": 3606, "DE": 990, "DC": 690,
    "FL": 21538, "GA": 10712, "HI": 1455, "ID": 1839, "IL": 12813, "IN": 6786, "IA": 3190, "KS": 2938, "KY": 4506,
    "LA": 4658, "ME": 1362, "MD": 6177, "MA": 7030, "MI": 10077, "MN": 5707, "MS": 2961, "MO": 6155, "MT": 1084,
    "NE": 1962, "NV": 3105, "NH": 1378, "NJ": 9289, "NM": 2118, "NY": 20201, "NC": 10439, "ND": 779, "OH": 11799,
    "OK": 3959, "OR": 4237, "PA": 13003, "RI": 1097, "SC": 5118, "SD": 887, "TN": 6911, "TX": 29146, "UT": 3272,
    "VT": 643, "VA": 8631, "WA": 7705, "WV": 1794, "WI": 5894, "WY": 577,
}  # fmt: skip

REGION_STATES = {
    "west": ("AK", "AZ", "CA", "CO", "HI", "ID", "MT", "NM", "NV", "OR", "UT", "WA", "WY"),
    "central": ("IA", "IL", "IN", "KS", "MI", "MN", "MO", "ND", "NE", "OH", "SD", "WI"),
    "south": ("AL", "AR", "FL", "GA", "KY", "LA", "MS", "NC", "OK", "SC", "TN", "TX", "VA", "WV"),
    "northeast": ("CT", "DC", "DE", "MA", "MD", "ME", "NH", "NJ", "NY", "PA", "RI", "VT"),
}
REGION_NAMES = {"west": "West", "central": "Central", "south": "South", "northeast": "Northeast"}
REGION_OF = {state: region for region, states in REGION_STATES.items() for state in states}

_ZONES = {
    "America/Los_Angeles": ("CA", "NV", "OR", "WA"),
    "America/Phoenix": ("AZ",),
    "America/Denver": ("CO", "ID", "MT", "NM", "UT", "WY"),
    "America/Chicago": (
        "AL",
        "AR",
        "IA",
        "IL",
        "KS",
        "LA",
        "MN",
        "MO",
        "MS",
        "ND",
        "NE",
        "OK",
        "SD",
        "TN",
        "TX",
        "WI",
    ),
    "America/Anchorage": ("AK",),
    "Pacific/Honolulu": ("HI",),
}
TIME_ZONE = {state: zone for zone, states in _ZONES.items() for state in states}
EASTERN = "America/New_York"
COMPANY_ZONE = "America/Chicago"


@dataclass(frozen=True, slots=True)
class Hub:
    """A place where some industries cluster.

    Parameters
    ----------
    latitude, longitude : float
        Its middle, degrees.
    radius_km : float
        How far its pull reaches.
    density : float
        Factor on the number of accounts inside.
    sectors : tuple of str
        NAICS prefixes more common there.
    """

    name: str
    latitude: float
    longitude: float
    radius_km: float
    density: float
    sectors: tuple[str, ...]


HUBS = (
    Hub("Boston", 42.36, -71.08, 60, 2.4, ("3254", "5417", "6113", "6221")),
    Hub("San Francisco Bay", 37.60, -122.25, 55, 1.6, ("3254", "5417", "3344")),
    Hub("San Diego", 32.88, -117.20, 40, 1.4, ("3254", "5417")),
    Hub("Research Triangle", 35.88, -78.85, 45, 1.4, ("3254", "5417", "6113")),
    Hub("New Jersey", 40.45, -74.45, 55, 1.5, ("3254", "3251", "3256")),
    Hub("Houston", 29.72, -95.25, 90, 2.0, ("3241", "3251", "3252", "2111", "4862")),
    Hub("Corpus Christi", 27.80, -97.45, 60, 2.0, ("3241", "3251", "2213")),
    Hub("Phoenix", 33.40, -111.90, 45, 1.1, ("3344",)),
    Hub("Portland", 45.50, -122.85, 45, 1.1, ("3344", "3121")),
    Hub("Detroit", 42.35, -83.15, 60, 1.1, ("3363", "3361")),
    Hub("Twin Cities", 44.97, -93.25, 50, 1.1, ("3391", "3115")),
    Hub("Chicago", 41.88, -87.75, 55, 1.2, ("3113", "3118", "3251")),
)

# (city, subdivision, country, postal code, latitude, longitude): places no territory covers.
ABROAD = (
    ("Toronto", "ON", "CA", "M5V 2T6", 43.64, -79.39),
    ("Mississauga", "ON", "CA", "L5B 3C1", 43.59, -79.64),
    ("Montréal", "QC", "CA", "H3B 1A7", 45.50, -73.57),
    ("Calgary", "AB", "CA", "T2P 1J9", 51.05, -114.07),
    ("Vancouver", "BC", "CA", "V6B 1A1", 49.28, -123.12),
    ("Monterrey", "NLE", "MX", "64000", 25.67, -100.31),
    ("Guadalajara", "JAL", "MX", "44100", 20.67, -103.35),
    ("Querétaro", "QUE", "MX", "76000", 20.59, -100.39),
)
