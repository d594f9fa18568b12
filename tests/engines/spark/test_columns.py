"""Which columns are read, and what is said when they are not there."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from merestone.base.errors import InvalidInputError
from merestone.core.criteria.fields import custom_field
from merestone.core.rules import Ruleset, compile_ruleset, read_document
from merestone.engines.spark.columns import needed


def rules_of(*territories: dict[str, Any], **top: Any) -> Ruleset:
    return compile_ruleset(
        read_document({"merestone": 1, "model": {"key": "m"}, "territories": list(territories), **top})
    )


RULES = rules_of(
    {"key": "a", "where": "country = 'US' and zip in ('94002')"},
    {"key": "b", "parent": "a", "where": "within_km(1, 2, 3) or tier = 'A'"},
    fields={"tier": "text"},
)


def test_only_what_the_rules_ask_for_is_read():
    names = ["id", "external_id", "name", "Country", "Postal Code", "lat", "lon", "tier", "employees"]
    found = needed(RULES, names, where="accounts")
    assert found.columns == {
        "id": "id",
        "country": "Country",
        "postal_code": "Postal Code",
        "tier": "tier",
        "latitude": "lat",
        "longitude": "lon",
    }
    assert found.warnings == ()


def test_fields_without_a_column_are_told():
    found = needed(RULES, ["ID", "country"], where="accounts")
    assert found.columns == {"id": "ID", "country": "country"}
    assert [(warning["code"], warning["field"]) for warning in found.warnings] == [
        ("no-column", name) for name in ("postal_code", "latitude", "longitude", "tier")
    ]


@pytest.mark.parametrize(
    ("names", "column"),
    [
        (["id", "zip", "postal_code"], "postal_code"),
        (["id", "postcode", "zip"], "zip"),
        (["id", "zip-code"], "zip-code"),
    ],
)
def test_the_field_s_own_name_goes_before_its_aliases(names, column):
    ruleset = rules_of({"key": "a", "where": "zip = '1'"})
    assert needed(ruleset, names, where="t").columns == {"id": "id", "postal_code": column}


def test_a_custom_field_hides_the_alias_of_its_name():
    ruleset = rules_of({"key": "a", "where": "postal_code = '1' or zip = '2'"})
    ruleset = dataclasses.replace(ruleset, fields=ruleset.fields.with_custom([custom_field("zip", "text")]))
    found = needed(ruleset, ["id", "zip"], where="t")
    assert found.columns == {"id": "id", "zip": "zip"}
    assert [warning["field"] for warning in found.warnings] == ["postal_code"]


@pytest.mark.parametrize("territory", [{"named": ["x"]}, {"exclude": ["x"]}, {"where": "external_id = 'x'"}])
def test_the_external_id_is_read_where_accounts_are_named(territory):
    ruleset = rules_of({"key": "a", **territory}, {"key": "b", "where": "city = 'x'"})
    found = needed(ruleset, ["id", "external_id", "city"], where="t")
    assert found.columns == {"id": "id", "external_id": "external_id", "city": "city"}


def test_records_may_be_known_by_their_external_id_alone():
    ruleset = rules_of({"key": "a", "where": "external_id = 'x'"})
    found = needed(ruleset, ["external_id"], where="t")
    assert found.columns == {"id": "external_id"}


@pytest.mark.parametrize(
    ("names", "code", "told"),
    [
        (["country"], "no-id", "no column of ids"),
        ([], "no-id", "no column of ids"),
        (["id", "land"], "unknown-column", "they ask for 'country', 'postal_code'"),
    ],
)
def test_frames_that_cannot_be_matched_are_refused(names, code, told):
    with pytest.raises(InvalidInputError, match=told) as refused:
        needed(RULES, names, where="accounts")
    assert refused.value.code == code


def test_rules_that_ask_for_no_field_need_only_the_id():
    assert needed(rules_of({"key": "a", "named": ["x"]}), ["id", "land"], where="t").columns == {"id": "id"}
