"""The field territories of three fiscal years, as a planner would write them, with where their people live.

The active year carries honest problems: one territory far too heavy, two that overlap, a market nobody covers. Last year's
boundaries were coarser; next year's plan repairs some of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from merestone.boot.demo.conditions import (
    AtLeast,
    Below,
    Condition,
    OneOf,
    Prefix,
    county,
    every,
    postal,
    prefixes,
    some,
    state,
)
from merestone.boot.demo.industries import LIFE_SCIENCE, WATER_AND_FOOD

DEFAULT_PRIORITY = 100


@dataclass(frozen=True, slots=True)
class Field:
    """One leaf territory.

    Parameters
    ----------
    parent : str
        Key of the grouping node above.
    rule : Condition
        Who belongs.
    home : tuple of str or None
        City and state where its owner lives; ``None`` = somebody else's second territory.
    covered_by : str
        Key of the territory whose owner also has this one.
    notes : str
        What a planner should know.
    """

    key: str
    name: str
    parent: str
    rule: Condition
    home: tuple[str, str] | None = None
    priority: int = DEFAULT_PRIORITY
    covered_by: str = ""
    notes: str = ""


BAY = ("06001", "06013", "06041", "06055", "06075", "06081", "06085", "06095", "06097")
LOS_ANGELES = ("06037", "06111")
SAN_DIEGO_ORANGE = ("06025", "06059", "06073")
INLAND = ("06065", "06071")
CHICAGO = ("17031", "17043", "17089", "17093", "17097", "17111", "17197")
BOSTON = ("25001", "25005", "25009", "25017", "25021", "25023", "25025")

_bay = county(*BAY, listed="bay-counties")
_chicago = county(*CHICAGO, listed="chicago-counties")
_boston = county(*BOSTON, listed="boston-counties")
_north_california = every(
    state("CA"),
    county(*BAY, listed="bay-counties", negate=True),
    county(*LOS_ANGELES, *SAN_DIEGO_ORANGE, *INLAND, listed="southland-counties", negate=True),
)
_downstate_illinois = every(state("IL"), county(*CHICAGO, listed="chicago-counties", negate=True))
_new_york_city = every(state("NY"), postal(*prefixes(100, 119)))
_small, _large = Below("employees", 250), AtLeast("employees", 250)
_texas_gulf = prefixes(770, 785)
_life_science = Prefix("naics", LIFE_SCIENCE)

CURRENT = (
    # West
    Field("washington-alaska", "Washington & Alaska", "west", state("WA", "AK"), ("Seattle", "WA")),
    Field(
        "oregon-northern-rockies",
        "Oregon & Northern Rockies",
        "west",
        state("OR", "ID", "MT"),
        ("Portland", "OR"),
    ),
    Field("bay-area", "San Francisco Bay", "west", every(state("CA"), _bay), ("Oakland", "CA")),
    Field(
        "bay-life-science",
        "Bay life science",
        "west",
        every(state("CA"), _bay, _life_science),
        ("South San Francisco", "CA"),
        priority=50,
        notes="Takes drug makers and biotech out of San Francisco Bay on purpose; priority 50 decides the overlap.",
    ),
    Field("northern-california", "Northern California", "west", _north_california, ("Sacramento", "CA")),
    Field("los-angeles", "Los Angeles", "west", county(*LOS_ANGELES), ("Pasadena", "CA")),
    Field("san-diego-orange", "San Diego & Orange", "west", county(*SAN_DIEGO_ORANGE), ("San Diego", "CA")),
    Field(
        "inland-nevada",
        "Inland Empire & Nevada",
        "west",
        some(state("NV"), county(*INLAND)),
        ("Riverside", "CA"),
    ),
    Field("arizona-new-mexico", "Arizona & New Mexico", "west", state("AZ", "NM"), ("Phoenix", "AZ")),
    Field("mountain", "Mountain", "west", state("CO", "UT", "WY"), ("Denver", "CO")),
    Field(
        "hawaii",
        "Hawaii",
        "west",
        state("HI"),
        covered_by="los-angeles",
        notes="Visited twice a year from Los Angeles.",
    ),
    # Central
    Field(
        "minnesota-dakotas", "Minnesota & Dakotas", "central", state("MN", "ND", "SD"), ("Minneapolis", "MN")
    ),
    Field(
        "wisconsin-upper-michigan",
        "Wisconsin & Upper Michigan",
        "central",
        some(state("WI"), every(state("MI"), postal("498", "499"))),
        ("Milwaukee", "WI"),
    ),
    Field("chicago-smb", "Chicago, under 250 staff", "central", every(_chicago, _small), ("Chicago", "IL")),
    Field(
        "chicago-enterprise",
        "Chicago, 250 staff and more",
        "central",
        every(_chicago, _large),
        ("Naperville", "IL"),
    ),
    Field(
        "missouri",
        "Missouri & downstate Illinois",
        "central",
        some(state("MO"), _downstate_illinois),
        ("Saint Louis", "MO"),
    ),
    Field(
        "plains",
        "Plains & Kansas City",
        "central",
        some(state("IA", "KS", "NE"), every(state("MO"), postal("640", "641"))),
        ("Kansas City", "MO"),
        notes="Kansas City, Missouri, is claimed here and by Missouri with equal priority and length: only the keys decide.",
    ),
    Field("indiana", "Indiana", "central", state("IN"), ("Indianapolis", "IN")),
    Field("ohio", "Ohio", "central", state("OH"), ("Columbus", "OH")),
    Field(
        "lower-michigan",
        "Lower Michigan",
        "central",
        every(state("MI"), postal(*prefixes(480, 497))),
        ("Ann Arbor", "MI"),
    ),
    # South
    Field(
        "north-texas",
        "North Texas",
        "south",
        every(state("TX"), postal(*prefixes(750, 769))),
        ("Dallas", "TX"),
    ),
    Field(
        "texas-gulf",
        "Texas Gulf Coast",
        "south",
        every(state("TX"), postal(*_texas_gulf)),
        ("Houston", "TX"),
        notes="Houston, San Antonio and Corpus Christi in one pair of hands: far more than one person can serve.",
    ),
    Field(
        "west-texas-oklahoma",
        "West Texas & Oklahoma",
        "south",
        some(state("OK"), every(state("TX"), postal(*prefixes(786, 799), "733", "885"))),
        ("Austin", "TX"),
    ),
    Field(
        "arkansas-louisiana",
        "Arkansas & Louisiana",
        "south",
        every(state("AR", "LA"), some(Below("employees", 100), AtLeast("employees", 500))),
        ("New Orleans", "LA"),
        notes="The mid-market of Arkansas and Louisiana was to go to a partner; the contract was never signed.",
    ),
    Field(
        "alabama-mississippi",
        "Alabama, Mississippi & Panhandle",
        "south",
        some(state("AL", "MS"), every(state("FL"), postal("324", "325"))),
        ("Birmingham", "AL"),
    ),
    Field("tennessee", "Tennessee", "south", state("TN"), ("Nashville", "TN")),
    Field(
        "kentucky-west-virginia",
        "Kentucky & West Virginia",
        "south",
        state("KY", "WV"),
        covered_by="tennessee",
        notes="Covered from Tennessee until the vacancy is filled.",
    ),
    Field("georgia", "Georgia", "south", state("GA"), ("Atlanta", "GA")),
    Field(
        "north-florida",
        "North & Central Florida",
        "south",
        every(
            state("FL"),
            postal(*prefixes(320, 323), *prefixes(326, 329), "335", "336", "337", "338", "344", "346", "347"),
        ),
        ("Tampa", "FL"),
    ),
    Field(
        "south-florida",
        "South Florida",
        "south",
        every(state("FL"), postal(*prefixes(330, 334), "339", "340", "341", "342", "349")),
        ("Fort Lauderdale", "FL"),
    ),
    Field(
        "eastern-carolina",
        "Eastern North Carolina",
        "south",
        every(state("NC"), postal(*prefixes(270, 279), "283", "284", "285")),
        ("Raleigh", "NC"),
    ),
    Field(
        "charlotte-south-carolina",
        "Charlotte & South Carolina",
        "south",
        some(state("SC"), every(state("NC"), postal("280", "281", "282", "286", "287", "288", "289"))),
        ("Charlotte", "NC"),
    ),
    Field("virginia", "Virginia", "south", state("VA"), ("Richmond", "VA")),
    # Northeast
    Field("boston", "Greater Boston", "northeast", _boston, ("Cambridge", "MA")),
    Field(
        "new-england",
        "New England",
        "northeast",
        some(
            state("CT", "ME", "NH", "RI", "VT", listed="new-england"),
            every(state("MA"), county(*BOSTON, listed="boston-counties", negate=True)),
        ),
        ("Hartford", "CT"),
    ),
    Field(
        "new-york-smb",
        "New York City, under 250 staff",
        "northeast",
        every(_new_york_city, _small),
        ("Brooklyn", "NY"),
    ),
    Field(
        "new-york-enterprise",
        "New York City, 250 staff and more",
        "northeast",
        every(_new_york_city, _large),
        ("White Plains", "NY"),
    ),
    Field(
        "upstate-western-pennsylvania",
        "Upstate New York & western Pennsylvania",
        "northeast",
        some(
            every(state("NY"), postal(*prefixes(120, 149))),
            every(state("PA"), postal(*prefixes(150, 174), "177", "178")),
        ),
        ("Buffalo", "NY"),
    ),
    Field("new-jersey", "New Jersey", "northeast", state("NJ"), ("Princeton", "NJ")),
    Field(
        "philadelphia-delaware",
        "Philadelphia & Delaware",
        "northeast",
        some(state("DE"), every(state("PA"), postal(*prefixes(175, 176), *prefixes(179, 196)))),
        ("Philadelphia", "PA"),
    ),
    Field("maryland-dc", "Maryland & Washington DC", "northeast", state("DC", "MD"), ("Baltimore", "MD")),
)

KEY_ACCOUNTS = Field(
    "key-accounts",
    "Key accounts",
    "us",
    every(OneOf("country", ("US",)), AtLeast("employees", 5000)),
    ("Stamford", "CT"),
    priority=10,
    notes="National: the largest employers, and families served as one by name.",
)

OVERLAYS = (
    Field(
        "life-science",
        "Life-science specialist",
        "specialists",
        _life_science,
        ("Wilmington", "DE"),
        notes="Goes along on drug, biotech and research-laboratory visits everywhere.",
    ),
    Field(
        "water-and-food",
        "Water and food specialist",
        "specialists",
        Prefix("naics", WATER_AND_FOOD),
        ("Madison", "WI"),
        notes="Process measurement in water works, sewage treatment, food and drink.",
    ),
)

_BY_KEY = {field.key: field for field in CURRENT}


def _revise(fields: tuple[Field, ...], *, drop: set[str], new: tuple[Field, ...]) -> tuple[Field, ...]:
    """Return the fields without the dropped ones, changed ones in place, new ones at the end."""
    changes = {field.key: field for field in new}
    kept = [changes.pop(field.key, field) for field in fields if field.key not in drop]
    return (*kept, *changes.values())


# Last year: no specialist seller in the Bay, Chicago and New York undivided, Kansas City with Missouri, Texas by halves.
PREVIOUS = _revise(
    CURRENT,
    drop={
        "bay-life-science",
        "chicago-smb",
        "chicago-enterprise",
        "new-york-smb",
        "new-york-enterprise",
        "hawaii",
    },
    new=(
        replace(
            _BY_KEY["los-angeles"], name="Los Angeles & Hawaii", rule=some(state("HI"), county(*LOS_ANGELES))
        ),
        Field("chicago", "Chicago", "central", _chicago, covered_by="chicago-smb"),
        Field("new-york-city", "New York City", "northeast", _new_york_city, covered_by="new-york-smb"),
        replace(_BY_KEY["plains"], rule=state("IA", "KS", "NE"), name="Plains", notes=""),
        replace(_BY_KEY["arkansas-louisiana"], rule=state("AR", "LA"), notes=""),
        replace(
            _BY_KEY["north-texas"],
            rule=every(state("TX"), postal(*prefixes(750, 769), *prefixes(786, 789))),
            name="North & Central Texas",
        ),
        replace(
            _BY_KEY["west-texas-oklahoma"],
            rule=some(state("OK"), every(state("TX"), postal(*prefixes(790, 799), "733", "885"))),
        ),
    ),
)

# Next year: the Gulf Coast is split, Kansas City goes one way, the gap is closed, Boston gets a second seller.
PLANNED = _revise(
    CURRENT,
    drop={"texas-gulf"},
    new=(
        Field(
            "houston",
            "Houston",
            "south",
            every(state("TX"), postal(*prefixes(770, 777))),
            covered_by="texas-gulf",
        ),
        Field(
            "south-texas",
            "South Texas",
            "south",
            every(state("TX"), postal(*prefixes(778, 785))),
            notes="New position, not yet filled.",
        ),
        replace(
            _BY_KEY["missouri"],
            rule=some(
                every(state("MO"), postal(*prefixes(630, 639), *prefixes(644, 658))), _downstate_illinois
            ),
        ),
        replace(_BY_KEY["plains"], notes=""),
        replace(_BY_KEY["arkansas-louisiana"], rule=state("AR", "LA"), notes=""),
        Field(
            "boston-enterprise",
            "Greater Boston, 250 staff and more",
            "northeast",
            every(_boston, _large),
            priority=90,
            notes="New position, not yet filled.",
        ),
    ),
)
