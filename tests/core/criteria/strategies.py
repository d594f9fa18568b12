"""Random criteria, records and rules over a few typed fields, with missing values, accents and borders of ranges."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from merestone.core.criteria import expression as ex
from merestone.core.criteria import standard_fields
from merestone.core.criteria.fields import FieldSet, custom_field
from merestone.core.criteria.values import fold

FIELDS: FieldSet = standard_fields().with_custom(
    [custom_field("is_vip", "boolean"), custom_field("tier", "text")]
)
LISTS = {"places": ("Zürich", "straße", "94002", " BERN "), "sizes": ("10", "250", "1e2")}
SQUARE_WITH_HOLE = {
    "type": "Polygon",
    "coordinates": [
        [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]],
        [[4, 4], [6, 4], [6, 6], [4, 6], [4, 4]],
    ],
}
FIJI = {"type": "Polygon", "coordinates": [[[177, -20], [-178, -20], [-178, -15], [177, -15], [177, -20]]]}
AREAS = {"square": SQUARE_WITH_HOLE, "fiji": FIJI}

WORDS = [
    "Zürich",
    "ZÜRICH",
    " zürich ",
    "Straße",
    "STRASSE",
    "strasse 5",
    "O'Neil",
    "İzmir",
    "94002",
    "9400",
    "a",
    "é",
    "É",
]
ITEMS = ["crm", "ERP", "Straße", "STRASSE", "é"]
NUMBERS = [
    Decimal(0),
    Decimal("-1"),
    Decimal("0.1"),
    Decimal(10),
    Decimal(250),
    Decimal("250.50"),
    Decimal("1e2"),
]
DAYS = [date(2025, 12, 31), date(2026, 1, 1), date(2026, 1, 31)]
TEXT_FIELDS = ["city", "name", "tier", "zip"]
NUMBER_FIELDS = ["employees", "revenue", "lat"]
DAY_FIELDS = ["customer_since", "received_at"]

words = st.sampled_from(WORDS)
numbers = st.sampled_from(NUMBERS)
days = st.sampled_from(DAYS)


def _literals(values: st.SearchStrategy[Any]) -> st.SearchStrategy[ex.Literal]:
    return st.builds(ex.Literal, values)


def _between(field: ex.FieldRef, *ends: ex.Literal) -> ex.Between:
    low, high = sorted(ends, key=lambda end: fold(end.value) if isinstance(end.value, str) else end.value)
    return ex.Between(field, low, high)


def _of_kind(names: list[str], values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    field = st.builds(ex.FieldRef, st.sampled_from(names))
    literal = _literals(values)
    several = st.lists(literal, min_size=1, max_size=4).map(tuple)
    return st.one_of(
        st.builds(ex.Comparison, field, st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), literal),
        st.builds(ex.In, field, several, st.booleans()),
        st.builds(_between, field, literal, literal),
        st.builds(ex.IsNull, field, st.booleans()),
    )


def _call(name: str, fields: list[str], values: list[str], *, most: int = 3) -> st.SearchStrategy[Any]:
    several = st.lists(_literals(st.sampled_from(values)), min_size=1, max_size=most)
    field = st.builds(ex.FieldRef, st.sampled_from(fields))
    return st.builds(lambda ref, given: ex.Call(name, (ref, *given)), field, several)


def _circle(latitude: float, longitude: float, km: float) -> ex.Call:
    return ex.Call("within_km", tuple(ex.Literal(Decimal(str(value))) for value in (latitude, longitude, km)))


leaf = st.one_of(
    _of_kind(TEXT_FIELDS, words),
    _of_kind(NUMBER_FIELDS, numbers),
    _of_kind(DAY_FIELDS, days),
    st.builds(
        ex.Comparison,
        st.just(ex.FieldRef("is_vip")),
        st.sampled_from(["=", "<>"]),
        _literals(st.booleans()),
    ),
    st.builds(
        ex.InList,
        st.builds(ex.FieldRef, st.sampled_from(TEXT_FIELDS)),
        st.just(ex.Literal("places")),
        st.booleans(),
    ),
    st.builds(ex.InList, st.just(ex.FieldRef("employees")), st.just(ex.Literal("sizes")), st.booleans()),
    st.builds(ex.IsNull, st.just(ex.FieldRef("products")), st.booleans()),
    _call("starts_with", TEXT_FIELDS, ["z", "STRA", "94", "é", "i"]),
    _call("contains", TEXT_FIELDS, ["ss", "Ü", "'", "e 5", "0"]),
    _call("matches", TEXT_FIELDS, ["^z", "ß", "[0-9]{5}", "é$", "stra(ss|ß)e"], most=1),
    _call("has_any", ["products"], ITEMS),
    _call("has_all", ["products"], ITEMS),
    st.builds(
        _circle,
        st.sampled_from([5.0, 0.0, -17.0]),
        st.sampled_from([5.0, 179.9]),
        st.sampled_from([0.0, 200.0, 600.0]),
    ),
    st.sampled_from([ex.Call("in_area", (ex.Literal(key),)) for key in AREAS]),
)


def _joined(kind: type) -> Any:
    """Build ``and``/``or`` as the parser does: no part of its own kind."""

    def build(parts: list[Any]) -> Any:
        flat = [inner for part in parts for inner in (part.parts if isinstance(part, kind) else (part,))]
        return kind(tuple(flat))

    return build


exprs = st.recursive(
    leaf,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=4).map(_joined(ex.And)),
        st.lists(inner, min_size=2, max_size=4).map(_joined(ex.Or)),
        st.builds(ex.Not, inner),
    ),
    max_leaves=8,
)

_instants = [
    datetime(2025, 12, 31, 23, 59, tzinfo=UTC),
    datetime(2026, 1, 1, tzinfo=UTC),
    datetime(2026, 1, 31, 12, tzinfo=UTC),
]
_maybe = st.none

records = st.fixed_dictionaries(
    {
        "city": _maybe() | words,
        "name": _maybe() | words | st.just("  "),
        "tier": _maybe() | words,
        "postal_code": _maybe() | words,
        "employees": _maybe() | st.sampled_from([-1, 0, 10, 100, 250, 251]),
        "revenue": _maybe()
        | st.sampled_from([Decimal("0.10"), Decimal("250.50"), Decimal("-1.00"), Decimal("100.00")]),
        "latitude": _maybe() | st.sampled_from([0.0, 0.1, 4.0, 5.0, 10.0, 45.0, -17.0, float("nan")]),
        "longitude": _maybe() | st.sampled_from([0.0, 3.0, 5.0, 10.0, 178.0, 180.0, -180.0, -179.0]),
        "customer_since": _maybe() | days,
        "received_at": _maybe() | st.sampled_from(_instants),
        "is_vip": _maybe() | st.booleans(),
        "products_of_interest": _maybe() | st.lists(st.sampled_from(ITEMS), max_size=3),
    }
)
