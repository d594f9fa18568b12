"""Reading documents: round trips, defaults, and every problem at once."""

from __future__ import annotations

import copy
import json
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from tests.core.rules.documents import documents

from merestone.base.errors import InvalidInputError
from merestone.core.criteria import standard_fields
from merestone.core.criteria.fields import custom_field
from merestone.core.model.columns import Kind
from merestone.core.rules import document_fields, read_document, run_cases, write_document

BASE: dict = {
    "merestone": 1,
    "model": {"key": "fy27", "name": "FY27 North America", "effective": date(2027, 1, 1)},
    "fields": {"tier": "text", "score": "number"},
    "areas": {"bay": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}},
    "lists": {"bay-zips": ["94002", 94005]},
    "types": [
        {"key": "geo", "name": "Geography", "primary": True},
        {"key": "ai", "name": "AI", "primary": False},
    ],
    "territories": [
        {"key": "us", "name": "United States", "type": "geo", "where": "country = 'US'"},
        {
            "key": "us-west-smb",
            "parent": "us",
            "where": "state in ('CA','OR','WA') and employees < 250",
            "priority": 10,
            "members": [{"rep": "Ana@example.com", "role": "owner", "from": "2027-01-01"}],
            "named": ["A-1001"],
            "exclude": ["A-2002"],
            "cases": [{"record": {"country": "US", "state": "CA", "employees": 20}, "expect": "match"}],
        },
        {"key": "robots", "parent": "us-west-smb", "type": "ai", "where": "has_any(products, 'robot')"},
        {"key": "west-named", "parent": "us-west-smb"},
    ],
}


def changed(**changes: object) -> dict:
    return copy.deepcopy(BASE) | changes


def with_territory(**entry: object) -> dict:
    return changed(territories=[*BASE["territories"], {"key": "new", "parent": "us", **entry}])


def codes(data: object, **options: object) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInputError) as caught:
        read_document(data, **options)  # type: ignore[arg-type]
    return [(problem.code, problem.where) for problem in caught.value.problems]


def test_the_document_says_what_was_written():
    document = read_document(BASE)
    assert (document.key, document.name, document.effective) == (
        "fy27",
        "FY27 North America",
        date(2027, 1, 1),
    )
    assert document.fields == {"tier": Kind.TEXT, "score": Kind.NUMBER}
    assert document.lists == {"bay-zips": ("94002", "94005")}
    west = document.tree["us-west-smb"]
    assert (west.priority, west.named, west.exclude) == (10, ("A-1001",), ("A-2002",))
    assert west.members[0].rep == "ana@example.com"
    assert west.owner_on(date(2027, 1, 1)) == "ana@example.com"
    assert west.owner_on(date(2026, 12, 31)) is None
    assert run_cases(document) == []


def test_defaults_name_type_and_priority():
    document = read_document(BASE)
    west, named = document.tree["us-west-smb"], document.tree["west-named"]
    assert (west.name, west.type) == ("us-west-smb", "geo")
    assert (named.type, named.priority, named.where) == ("geo", 100, None)
    bare = read_document({"merestone": 1, "model": {"key": "m"}})
    assert (bare.name, len(bare.types), bare.types[0].is_primary, bare.territories) == ("m", 1, True, ())


def test_a_type_is_inherited_from_a_parent_that_stands_below():
    data = changed(
        territories=[
            {"key": "c", "parent": "b"},
            {"key": "b", "parent": "a"},
            {"key": "a", "type": "ai"},
            {"key": "d"},
        ]
    )
    assert [node.type for node in read_document(data).territories] == ["ai", "ai", "ai", "geo"]


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60, deadline=None)
@given(documents())
def test_what_is_written_reads_back_the_same(document):
    data = write_document(document)
    assert read_document(data) == document
    assert write_document(read_document(data)) == data
    assert read_document(json.loads(json.dumps(data))) == document


def test_writing_leaves_defaults_out_and_keeps_the_order():
    written = write_document(read_document(BASE))
    assert list(written) == ["merestone", "model", "fields", "areas", "lists", "types", "territories"]
    assert written["territories"][0] == BASE["territories"][0]
    assert written["territories"][3] == {"key": "west-named", "parent": "us-west-smb"}
    assert list(written["territories"][1]) == [
        "key",
        "parent",
        "where",
        "priority",
        "members",
        "named",
        "exclude",
        "cases",
    ]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (None, [("bad-document", "")]),
        ([], [("bad-document", "")]),
        (changed(merestone=2), [("bad-version", "merestone")]),
        (changed(merestone=True), [("bad-version", "merestone")]),
        (changed(modle={}), [("unknown-key", "")]),
        (changed(model={"key": "a b", "efective": 1}), [("unknown-key", "model"), ("bad-key", "model/key")]),
        (changed(model={}), [("missing-key", "model/key")]),
        (changed(model={"key": "m", "effective": "2026-02-30"}), [("bad-date", "model/effective")]),
        (changed(fields={"Tier": "text"}), [("bad-field-name", "fields/Tier")]),
        (changed(fields={"tier": "txt"}), [("unknown-field-type", "fields/tier")]),
        (changed(fields={"employees": "text"}), [("field-exists", "fields/employees")]),
        (changed(fields=["tier"]), [("wrong-shape", "fields")]),
        (changed(areas={"bay": {"type": "Point"}}), [("bad-area", "areas/bay")]),
        (changed(lists={"x": "94002"}), [("wrong-shape", "lists/x")]),
        (changed(lists={"x": [["94002"]]}), [("wrong-type", "lists/x/1")]),
        (with_territory(typ="geo"), [("unknown-key", "territories/new")]),
        (with_territory(type="goe"), [("unknown-type", "territories/new/type")]),
        (with_territory(parent="su"), [("unknown-parent", "territories/new/parent")]),
        (
            with_territory(key="us"),
            [("duplicate-key", "territories/us"), ("cyclic-parents", "territories/us/parent")],
        ),
        (with_territory(parent="new"), [("cyclic-parents", "territories/new/parent")]),
        (with_territory(priority="high"), [("wrong-type", "territories/new/priority")]),
        (with_territory(priority=True), [("wrong-type", "territories/new/priority")]),
        (with_territory(where=5), []),
        (with_territory(where="contry = 'US'"), [("unknown-field", "territories/new/where")]),
        (with_territory(where=""), [("empty-criteria", "territories/new/where")]),
        (with_territory(where="zip in list('x')"), [("unknown-list", "territories/new/where")]),
        (with_territory(where="in_area('x')"), [("unknown-area", "territories/new/where")]),
        (with_territory(named=["A-1001"]), [("named-twice", "territories/new/named")]),
        (with_territory(named=["a-1001 "], type="ai"), None),
        (with_territory(named=["B"], exclude=["b"]), [("named-and-excluded", "territories/new/named")]),
        (with_territory(members=[{"role": "owner"}]), [("missing-value", "territories/new/members/1/rep")]),
        (
            with_territory(members=[{"rep": "a@b", "role": "boss"}]),
            [("unknown-role", "territories/new/members/1/role")],
        ),
        (
            with_territory(members=[{"rep": "a@b", "from": "2026-01-02", "to": "2026-01-02"}]),
            [("empty-interval", "territories/new/members")],
        ),
        (
            with_territory(
                members=[{"rep": "a@b", "to": "2026-01-02"}, {"rep": "a@b", "from": "2026-01-01"}]
            ),
            [("overlapping-members", "territories/new/members")],
        ),
        (
            with_territory(members=[{"rep": "a@b"}, {"rep": "c@d"}]),
            [("two-owners", "territories/new/members")],
        ),
        (
            with_territory(
                members=[{"rep": "a@b", "to": "2026-01-02"}, {"rep": "c@d", "from": "2026-01-02"}]
            ),
            None,
        ),
        (
            with_territory(cases=[{"record": {}, "expect": "maybe"}]),
            [("unknown-expectation", "territories/new/cases/1/expect")],
        ),
        (with_territory(cases=[{"record": 5}]), [("wrong-shape", "territories/new/cases/1/record")]),
        (changed(territories={"us": {}}), [("wrong-shape", "territories")]),
        (
            changed(territories=["us"]),
            [("wrong-shape", "territories/1"), ("missing-key", "territories/1/key")],
        ),
        (
            changed(types=[{"key": "geo", "primary": False}, {"key": "ai", "primary": False}]),
            [("no-primary-type", "types")],
        ),
        (
            changed(types=[{"key": "geo"}, {"key": "ai"}, {"key": "ai"}]),
            [("duplicate-key", "types/ai")],
        ),
    ],
)
def test_each_mistake_is_found(data, expected):
    if expected is None:
        assert read_document(data)
    elif expected:
        assert codes(data) == expected
    else:
        assert codes(data)


def test_all_problems_come_at_once_with_place_and_nearest_name():
    data = changed(
        territories=[
            {"key": "us", "type": "geo", "where": "contry = 'US' and zip = 94002"},
            {"key": "west", "parent": "su", "were": "x", "where": "state in ('CA'"},
        ]
    )
    with pytest.raises(InvalidInputError) as caught:
        read_document(data)
    found = [(p.code, p.where, p.column, p.fix) for p in caught.value.problems]
    assert found == [
        ("unknown-key", "territories/west", None, "Did you mean 'where'?"),
        ("unknown-parent", "territories/west/parent", None, "Did you mean 'us'?"),
        ("unknown-field", "territories/us/where", 1, "Did you mean 'country'?"),
        ("wrong-type", "territories/us/where", 25, "Write it in quotes: '94002'."),
        ("incomplete-criteria", "territories/west/where", 15, "Expected a comma or a closing bracket."),
    ]


def test_a_circle_is_told_once_from_its_least_key():
    data = changed(
        territories=[
            {"key": key, "parent": parent} for key, parent in (("b", "c"), ("c", "a"), ("a", "b"), ("d", "a"))
        ]
    )
    with pytest.raises(InvalidInputError) as caught:
        read_document(data)
    (problem,) = caught.value.problems
    assert problem.message == "The parents go round in a circle: a → b → c → a."


def test_a_long_chain_of_parents_is_read_without_recursion():
    chain = [{"key": f"t{number}", "parent": f"t{number - 1}" if number else None} for number in range(5_000)]
    document = read_document(changed(territories=chain))
    assert document.tree.depth("t4999") == 4_999
    assert len(document.tree.subtree("t0")) == 5_000


def test_company_fields_are_known_beside_the_documents_own():
    fields = standard_fields().with_custom([custom_field("segment", "text")])
    data = with_territory(where="segment = 'gold' and score > 5")
    document = read_document(data, fields=fields)
    assert "segment" in document_fields(document, fields=fields)
    assert codes(data) == [("unknown-field", "territories/new/where")]
