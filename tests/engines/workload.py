"""Rich random rules and records from a seed: every operator and function, odd text, odd numbers, odd places.

Literals are drawn from the same pools as the records' values, so that borders are hit; trees nest ``and``, ``or`` and
``not``; siblings repeat criteria with equal priority, so that each rank decides somewhere; column types change with the
seed. Not here: what is right, which the row oracle says.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from merestone.core.geo import distance_km
from merestone.core.rules import Ruleset, compile_ruleset, read_document

WORDS = (
    "Straße", "STRASSE", "strasse", "ﬁnch", "FINCH", "İzmir", "i̇zmir", "izmir", "Zürich", "ZÜRICH",
    " zürich ", "Zu\u0308rich", "é", "É", "e\u0301", "ΣΊΣΥΦΟΣ", "σίσυφος", "Ǆemal", "ǆEMAL", "ŉ", "ʼn",
    "O'Neil", "a;b", "100%", "_x", "back\\slash", "\u2003em\u2003", "nbsp\u00a0", "🍺 bar", "🍻", "\U0010ffff",
    "\ud7ff", "\ue000", "a", "A", "aa", "ab", "b", "z", "", "  ", "null", "true", "007", "7", "94002", "94-002",
    "9400", "95", "1e3", "ẞ", "SS", "ss", "ſ", "s", "K", "k", "line\nbreak", "\ttab",
)  # fmt: skip
WRITTEN = tuple(word for word in WORDS if word.strip())
PREFIXES = (
    "s",
    "STRA",
    "94",
    "9",
    "é",
    "i",
    "i̇",
    "z",
    "🍺",
    "\U0010ffff",
    "ss",
    "ß",
    "a",
    "back\\",
    "%",
    "\ud7ff",
)
PARTS = ("ss", "ß", "ü", "u", "'", "\\", "%", "_", "0", "rich", "ΣΥ", "ς", "ss ", " b", "\u0308", "\n", "k")
PATTERNS = (
    "^z", "ss$", "[0-9]{4}", "é$", "stra(ss|ß)e", "^.$", r"\bbar\b", r"\p{Greek}", r"^\w+$", "(?-i)^A", "[^a-z]",
    "^$|^a", "k", "ſ", "^94(0|-0)", r"\\", "(?s)line.break", "line.break", r"\pL{5,}", "🍺",
)  # fmt: skip
ITEMS = ("crm", "ERP", " Straße ", "STRASSE", "é", "e\u0301", "bi", "iam", "ﬁ", "FI")
NUMBERS = (
    "0", "-1", "1", "0.1", "0.3", "0.30000000000000004", "2.675", "10", "99.995", "100", "250", "250.5", "250.50",
    "1e2", "1e3", "-0.1", "0.10000000000000001", "9007199254740993", "9007199254740992", "123456789.01", "16777217",
)  # fmt: skip
DAYS = (
    date(1969, 12, 31),
    date(1970, 1, 1),
    date(2025, 12, 31),
    date(2026, 1, 1),
    date(2026, 2, 28),
    date(9999, 12, 31),
)
INSTANTS = tuple(
    datetime(2025, 12, 31, 23, 59, 59, 999999, tzinfo=UTC) + timedelta(hours=hours)
    for hours in (-24, 0, 0.001, 11, 24)
)
PLACES = (
    (0.0, 0.0), (5.0, 5.0), (4.0, 4.0), (3.0, 5.0), (10.0, 10.0), (10.0, 3.3), (0.0, 180.0), (0.0, -180.0),
    (-17.0, 179.5), (-17.0, -179.5), (-17.0, 180.0), (-20.0, -178.0), (89.9, 12.0), (90.0, 0.0), (90.0, 135.0),
    (-90.0, -45.0), (88.0, -170.0), (88.0, 10.0), (60.0, 179.0), (48.86, 2.35), (37.77, -122.42), (0.0, 190.0),
)  # fmt: skip
AREAS: dict[str, Any] = {
    "square": {
        "type": "Polygon",
        "coordinates": [
            [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]],
            [[4, 4], [6, 4], [6, 6], [4, 6], [4, 4]],
            [[1, 1], [2, 1], [2, 2], [1, 2], [1, 1]],
        ],
    },
    "jumping": {
        "type": "Polygon",
        "coordinates": [[[177, -20], [-178, -20], [-178, -15], [177, -15], [177, -20]]],
    },
    "running-on": {
        "type": "Polygon",
        "coordinates": [
            [[170, -30], [190, -30], [190, 30], [170, 30], [170, -30]],
            [[179, -1], [181, -1], [181, 1], [179, 1], [179, -1]],
        ],
    },
    "split": {
        "type": "MultiPolygon",
        "coordinates": [
            [[[175, 50], [180, 50], [180, 70], [175, 70], [175, 50]]],
            [[[-180, 50], [-175, 50], [-175, 70], [-180, 70], [-180, 50]]],
        ],
    },
    "cap": {"type": "Polygon", "coordinates": [[[-180, 85], [180, 85], [180, 90], [-180, 90], [-180, 85]]]},
    "triangle": {
        "type": "Feature",
        "properties": {},
        "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [10, 0], [5, 10], [0, 0]]]},
    },
}
LISTS = {
    "places": list(WRITTEN[:9]),
    "codes": ["94002", " 007", "95"],
    "sizes": ["10", "1e2", "250.50", "0.3"],
    "none": [],
}
FIELDS = {
    "tier": "text",
    "score": "number",
    "deal": "money",
    "renewal": "date",
    "is_vip": "boolean",
    "tags": "list",
}
TEXT_FIELDS = ("city", "name", "zip", "postcode", "tier", "domain")
NUMBER_FIELDS = ("employees", "revenue", "score", "deal", "lat", "longitude")
DAY_FIELDS = ("customer_since", "received_at", "renewal")
LIST_FIELDS = ("products", "tags")
OPERATORS = ("=", "<>", "<", "<=", ">", ">=")
N_RULES, N_RECORDS = 45, 160


def workload(seed: int) -> tuple[Ruleset, pa.Table]:
    """Return rules and a table of records; the same for the same seed."""
    rng = random.Random(seed)
    table = records(rng, seed)
    document = {
        "merestone": 1,
        "model": {"key": f"rich-{seed}"},
        "fields": FIELDS,
        "areas": AREAS,
        "lists": LISTS,
        "types": [
            {"key": "geo", "primary": True},
            {"key": "named", "primary": True},
            {"key": "ai", "primary": False},
            {"key": "legal", "primary": False},
        ],
        "territories": territories(rng, N_RULES),
    }
    return compile_ruleset(read_document(document)), table


# --- records ----------------------------------------------------------------------------------------------------------


def records(rng: random.Random, seed: int) -> pa.Table:
    """Return a table whose columns have the names and types that this seed is for."""

    def column(values: Sequence[Any], kind: pa.DataType, *, missing: float = 0.15) -> pa.Array:
        drawn = [None if rng.random() < missing else rng.choice(values) for _ in range(N_RECORDS)]
        return _array(drawn, kind)

    def one_of(*kinds: pa.DataType) -> pa.DataType:
        return kinds[seed % len(kinds)]

    text = (pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int16(), pa.string()))
    places = [rng.choice(PLACES) if rng.random() < 0.7 else _anywhere(rng) for _ in range(N_RECORDS)]
    coordinates = one_of(pa.float64(), pa.float32(), pa.decimal128(9, 4), pa.string())
    whole = [number for number in map(Decimal, NUMBERS) if number == int(number)]
    short = [number for number in map(Decimal, NUMBERS) if number == round(number, 2)]
    numbers = [Decimal(number) for number in NUMBERS]
    columns = {
        "id": pa.array(range(1000, 1000 + N_RECORDS), pa.int64()),
        "city": column(WORDS, one_of(*text)),
        "name": column([f"{one}{other}" for one in WORDS[:20] for other in WORDS], one_of(*text[1:])),
        ("postal_code", "zip", "zip_code")[seed % 3]: column(WORDS, one_of(*text[2:])),
        "tier": column(("A", "a ", "B", "ß", "ss"), one_of(*text[::-1])),
        "domain": column(("1", "1.5", "x"), pa.string())
        if seed % 2
        else column((1.0, 1.5, 7.0), pa.float64()),
        "employees": column(whole, one_of(pa.int64(), pa.float64(), pa.string(), pa.decimal128(20, 0))),
        "revenue": column(
            short, one_of(pa.decimal128(18, 2), pa.float64(), pa.decimal256(40, 3), pa.string())
        ),
        "score": column(numbers, one_of(pa.float64(), pa.string(), pa.decimal128(38, 10), pa.float32())),
        "deal": column(short[:9], one_of(pa.float32(), pa.decimal128(12, 2), pa.int16(), pa.float64())),
        "customer_since": column(DAYS, one_of(pa.date32(), pa.timestamp("s"), pa.string(), pa.date64())),
        "received_at": column(
            INSTANTS,
            one_of(
                pa.timestamp("us", "UTC"), pa.timestamp("us", "Asia/Tokyo"), pa.string(), pa.timestamp("us")
            ),
        ),
        "renewal": column(DAYS, pa.date32()),
        "is_vip": column((True, False), one_of(pa.bool_(), pa.string())),
        ("products", "products_of_interest")[seed % 2]: _lists(
            rng, one_of(pa.list_(pa.string()), pa.string())
        ),
        "tags": _lists(rng, one_of(pa.string(), pa.large_list(pa.large_string()))),
        "lat": _array(
            [None if rng.random() < 0.1 else Decimal(repr(place[0])) for place in places], coordinates
        ),
        "longitude": _array(
            [None if rng.random() < 0.1 else Decimal(repr(place[1])) for place in places], coordinates
        ),
    }
    if seed % 3:
        columns["external_id"] = column(
            [f"{rng.choice(' aA')}-{number}" for number in range(60)], pa.string()
        )
    if seed % 5 == 0:
        del columns["domain"]
    return pa.table(columns)


def _anywhere(rng: random.Random) -> tuple[float, float]:
    return round(rng.uniform(-90, 90), 4), round(rng.uniform(-180, 180), 4)


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Return values as a column of any type; what the type cannot hold is made to fit."""
    if pa.types.is_dictionary(kind):
        return _array(values, kind.value_type).dictionary_encode().cast(kind)
    return pa.array([None if value is None else _fitting(value, kind) for value in values], kind)


def _fitting(value: Any, kind: pa.DataType) -> Any:
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        if isinstance(value, bool):
            return "Yes" if value else "0"
        return value.isoformat() if isinstance(value, date) else str(value)
    if pa.types.is_floating(kind):
        return float(value)
    if pa.types.is_integer(kind):
        return int(value)
    if pa.types.is_decimal(kind):
        return round(Decimal(value), kind.scale)
    if pa.types.is_timestamp(kind) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, 12)
    return value.replace(tzinfo=None) if isinstance(value, datetime) and kind.tz is None else value


def _lists(rng: random.Random, kind: pa.DataType) -> pa.Array:
    drawn: list[Any] = []
    for _ in range(N_RECORDS):
        items = rng.sample(ITEMS, rng.randrange(4))
        drawn.append(
            None if rng.random() < 0.15 else ";".join(items) if kind == pa.string() else [*items, None]
        )
    return pa.array(drawn, kind)


# --- rules ------------------------------------------------------------------------------------------------------------


def territories(rng: random.Random, n_rules: int) -> list[dict[str, Any]]:
    """Return the blocks of a tree; keys are shuffled, so that their order is not that of the document."""
    keys = [f"t{number:03d}" for number in range(n_rules)]
    rng.shuffle(keys)
    names = [f"{letter}-{number}" for letter in "a" for number in range(60)] + [
        str(number) for number in range(1000, 1100)
    ]
    rng.shuffle(names)
    blocks: list[dict[str, Any]] = []
    for number, key in enumerate(keys):
        block: dict[str, Any] = {
            "key": key,
            "type": rng.choice(("geo", "geo", "geo", "named", "ai", "legal")),
        }
        if number > 4 and rng.random() < 0.75:
            block["parent"] = rng.choice(keys[: max(5, number // 2)])
        if rng.random() < 0.9:
            twin = rng.choice(blocks) if blocks and rng.random() < 0.15 else {}
            block["where"] = twin.get("where") or (
                broad(rng) if number < 8 else criterion(rng, rng.choice((0, 0, 1, 2, 3)))
            )
        if rng.random() < 0.4:
            block["priority"] = rng.choice((1, 50, 100))
        if rng.random() < 0.25:
            block["named"] = [_respelled(rng, names.pop()) for _ in range(rng.randrange(1, 4))]
        if rng.random() < 0.25:
            block["exclude"] = [_respelled(rng, names[index]) for index in range(rng.randrange(1, 5))]
        blocks.append(block)
    return blocks


def _respelled(rng: random.Random, name: str) -> str:
    return rng.choice((name, name.upper(), f" {name} "))


def broad(rng: random.Random) -> str:
    """Return a criterion that much of the book matches, for the top of the tree."""
    return rng.choice(
        (
            "city is not null", "not contains(name, '🍺')", "employees >= 1 or employees is null", "tier <> 'B'",
            "lat between -90 and 90", "not in_area('split')", "zip < 'z' or zip is null", "within_km(0, 0, 19000)",
        )
    )  # fmt: skip


def criterion(rng: random.Random, depth: int) -> str:
    """Return a criterion of at most ``depth`` levels of ``and``, ``or`` and ``not``."""
    if depth == 0:
        return rng.choice(_LEAVES)(rng)
    parts = [criterion(rng, rng.randrange(depth)) for _ in range(rng.choice((1, 2, 2, 3)))]
    joined = f" {rng.choice(('and', 'or'))} ".join(f"({part})" for part in parts)
    return f"not ({joined})" if rng.random() < 0.25 else joined


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _some(rng: random.Random, values: Sequence[str], most: int) -> str:
    return ", ".join(map(_quoted, rng.sample(values, rng.randrange(1, most + 1))))


def _not(rng: random.Random) -> str:
    return rng.choice(("", "not "))


def _text_order(rng: random.Random) -> str:
    return f"{rng.choice(TEXT_FIELDS)} {rng.choice(OPERATORS)} {_quoted(rng.choice(WRITTEN))}"


def _between(
    rng: random.Random, field: str, values: Sequence[Any], show: Callable[[Any], str], key: Any = None
) -> str:
    low, high = sorted(rng.choices(values, k=2), key=key)
    return f"{field} {_not(rng)}between {show(low)} and {show(high)}"


def _text_between(rng: random.Random) -> str:
    folded = [word.strip().casefold() for word in WRITTEN]
    return _between(rng, rng.choice(TEXT_FIELDS), folded, _quoted)


def _text_in(rng: random.Random) -> str:
    return f"{rng.choice(TEXT_FIELDS)} {_not(rng)}in ({_some(rng, WRITTEN, 12)})"


def _in_list(rng: random.Random) -> str:
    field, key = rng.choice(
        [("city", "places"), ("zip", "codes"), ("employees", "sizes"), ("score", "sizes"), ("tier", "none")]
    )
    return f"{field} {_not(rng)}in list('{key}')"


def _number_order(rng: random.Random) -> str:
    return f"{rng.choice(NUMBER_FIELDS)} {rng.choice(OPERATORS)} {rng.choice(NUMBERS)}"


def _number_between(rng: random.Random) -> str:
    return _between(rng, rng.choice(NUMBER_FIELDS), NUMBERS, str, Decimal)


def _number_in(rng: random.Random) -> str:
    return (
        f"{rng.choice(NUMBER_FIELDS)} {_not(rng)}in ({', '.join(rng.sample(NUMBERS, rng.randrange(1, 6)))})"
    )


def _day(day: date) -> str:
    return f"date '{day.isoformat()}'"


def _day_order(rng: random.Random) -> str:
    return f"{rng.choice(DAY_FIELDS)} {rng.choice(OPERATORS)} {_day(rng.choice(DAYS))}"


def _day_between(rng: random.Random) -> str:
    return _between(rng, rng.choice(DAY_FIELDS), DAYS, _day)


def _day_in(rng: random.Random) -> str:
    return f"{rng.choice(DAY_FIELDS)} {_not(rng)}in ({', '.join(map(_day, rng.sample(DAYS, 2)))})"


def _truth(rng: random.Random) -> str:
    return f"is_vip {rng.choice(('=', '<>'))} {rng.choice(('true', 'false'))}"


def _missing(rng: random.Random) -> str:
    fields = (*TEXT_FIELDS, *NUMBER_FIELDS, *DAY_FIELDS, *LIST_FIELDS, "is_vip")
    return f"{rng.choice(fields)} is {_not(rng)}null"


def _starts_with(rng: random.Random) -> str:
    return f"starts_with({rng.choice(TEXT_FIELDS)}, {_some(rng, PREFIXES, 4)})"


def _contains(rng: random.Random) -> str:
    return f"contains({rng.choice(TEXT_FIELDS)}, {_some(rng, [part for part in PARTS if part.strip()], 3)})"


def _matches(rng: random.Random) -> str:
    return f"matches({rng.choice(TEXT_FIELDS)}, {_quoted(rng.choice(PATTERNS))})"


def _has(rng: random.Random) -> str:
    return f"{rng.choice(('has_any', 'has_all'))}({rng.choice(LIST_FIELDS)}, {_some(rng, ITEMS, 3)})"


def _circle(rng: random.Random) -> str:
    """Return a circle, often one on whose rim a place lies to the last bit."""
    latitude, longitude = rng.choice([place for place in PLACES if abs(place[1]) <= 180])
    rim = distance_km(*rng.choice(PLACES), to=(latitude, longitude))
    km = rng.choice((rim, rim, 0.0, 50.0, 600.0, 19_500.0))
    return f"within_km({latitude!r}, {longitude!r}, {km!r})"


def _area(rng: random.Random) -> str:
    return f"in_area('{rng.choice(tuple(AREAS))}')"


_LEAVES = (
    _text_order, _text_between, _text_in, _in_list, _number_order, _number_between, _number_in, _day_order, _day_between,
    _day_in, _truth, _missing, _starts_with, _contains, _matches, _has, _circle, _area,
)  # fmt: skip
