"""Guessing, saving and checking the mapping of headers."""

from __future__ import annotations

import json
from decimal import Decimal

import pyarrow as pa
import pytest

from merestone.app.exchange.mapping import (
    Derived,
    HeaderMatch,
    Mapping,
    guess_mapping,
    header_key,
    mapping_problems,
)
from merestone.base.errors import InvalidInputError
from merestone.core.model.columns import ACCOUNTS, CONTACTS, OPPORTUNITIES, REPS, TABLES


def guessed(headers: list[str], table_name: str = "accounts", **options: object) -> dict[str, str | None]:
    mapping = guess_mapping(headers, TABLES[table_name], **options)  # type: ignore[arg-type]
    return {match.header: match.target for match in mapping.columns}


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_our_own_headers_and_labels_are_exact(table) -> None:  # type: ignore[no-untyped-def]
    for headers in ([column.name for column in table], [column.label for column in table]):
        mapping = guess_mapping(headers, table)
        assert [match.target for match in mapping.columns] == list(table.names)
        assert {match.how for match in mapping.columns} == {"exact"}


def test_brewery_headers_are_understood() -> None:
    expected = {
        "id": "external_id",
        "name": "name",
        "brewery_type": "industry",
        "address_1": "address",
        "address_2": None,
        "state_province": "state",
        "postal_code": "postal_code",
        "website_url": "domain",
        "latitude": "latitude",
    }
    assert guessed(list(expected)) == expected


def test_camel_case_prefixes_and_slips_are_understood() -> None:
    assert guessed(["BillingCity", "Company Phone", "Employes", "Anual Revenue"]) == {
        "BillingCity": "city",
        "Company Phone": "phone",
        "Employes": "employees",
        "Anual Revenue": "revenue",
    }


def test_each_column_is_given_once_to_the_surest_header() -> None:
    assert guessed(["Account ID", "external_id", "id"]) == {
        "Account ID": None,
        "external_id": "external_id",
        "id": None,
    }


def test_values_tell_where_headers_do_not() -> None:
    samples = pa.table(
        {"x": ["a@b.test", "c@d.test"], "y": ["https://a.test", "www.b.test"], "z": ["1", "2"]}
    )
    mapping = guess_mapping(["x", "y", "z"], CONTACTS, samples=samples)
    assert [(match.target, match.how) for match in mapping.columns] == [
        ("email", "values"),
        (None, "none"),
        (None, "none"),
    ]
    assert guessed(["x", "y", "z"], samples=samples)["y"] == "domain"


def test_type_column_with_closed_in_it_also_tells_the_lifecycle() -> None:
    samples = pa.table({"name": ["a", "b", "c"], "brewery_type": ["micro", "closed", "planning"]})
    mapping = guess_mapping(samples.column_names, ACCOUNTS, samples=samples)
    assert mapping.derived["lifecycle"].header == "brewery_type"
    assert mapping.derived["lifecycle"].values["closed"] == "inactive"
    assert mapping.derived["lifecycle"].values["planning"] == "prospect"
    assert mapping_problems(mapping, samples.column_names, ACCOUNTS) == []


def test_lifecycle_is_not_derived_when_the_file_has_one() -> None:
    samples = pa.table({"status": ["active", "lead"], "type": ["closed", "open"]})
    assert guess_mapping(samples.column_names, ACCOUNTS, samples=samples).derived == {}


def test_custom_fields_are_targets() -> None:
    assert guessed(["Tier", "tier 2"], custom={"tier": "text"}) == {"Tier": "custom.tier", "tier 2": None}


FULL = Mapping(
    "accounts",
    (HeaderMatch("Company", "name"), HeaderMatch("Sales", "revenue"), HeaderMatch("Memo", None, 1.0, "none")),
    constants={"country": "US"},
    values={"industry": {"technolgy": "technology"}},
    scale={"revenue": Decimal(1_000_000)},
    dates={"customer_since": "dmy"},
    derived={"lifecycle": Derived("Company", {"x": "inactive"}, "customer")},
)


def test_mapping_survives_json() -> None:
    assert Mapping.from_dict(json.loads(json.dumps(FULL.as_dict()))) == FULL


def test_columns_may_be_a_list() -> None:
    mapping = Mapping.from_dict({"columns": [{"header": "Company", "target": "name"}, {"header": "Memo"}]})
    assert mapping.header_of == {"name": "Company"}


def test_all_wrong_parts_of_a_saved_mapping_are_told_at_once() -> None:
    with pytest.raises(InvalidInputError) as caught:
        Mapping.from_dict(
            {"colums": {}, "columns": 3, "scale": {"revenue": "much"}, "derived": {"lifecycle": "x"}}
        )
    assert [problem.where for problem in caught.value.problems] == [
        "colums",
        "columns",
        "scale/revenue",
        "derived/lifecycle",
    ]


def codes(mapping: Mapping, headers: list[str] | None = None) -> list[str]:
    return [problem.code for problem in mapping_problems(mapping, headers, ACCOUNTS)]


def test_missing_required_column_is_a_problem_unless_constant() -> None:
    assert codes(Mapping("accounts", (HeaderMatch("x", "city"),))) == ["missing-required"]
    assert codes(Mapping("accounts", (HeaderMatch("x", "city"),), constants={"name": "Acme"})) == []


def test_header_or_column_used_twice_is_a_problem() -> None:
    twice = Mapping(
        "accounts", (HeaderMatch("x", "name"), HeaderMatch("x", "city"), HeaderMatch("y", "name"))
    )
    assert codes(twice) == ["header-mapped-twice", "target-mapped-twice"]


def test_unknown_column_names_the_nearest() -> None:
    [problem] = mapping_problems(
        Mapping("reps", (HeaderMatch("x", "name"), HeaderMatch("y", "ofice"))), None, REPS
    )
    assert problem.code == "unknown-target"
    assert "'office'" in problem.fix


def test_header_gone_from_the_file_is_a_problem() -> None:
    assert codes(FULL, ["company", "Sales"]) == ["missing-header"]


def test_settings_must_fit_their_column() -> None:
    wrong = Mapping(
        "accounts", (HeaderMatch("x", "name"),), scale={"name": Decimal(2)}, dates={"customer_since": "ymd"}
    )
    assert codes(wrong) == ["bad-scale", "bad-date-order"]


def test_saved_mapping_is_found_by_headers_in_any_order() -> None:
    assert header_key(["Name", "Zip Code"]) == header_key(["zip_code", "name"])
    assert header_key(["Name"]) != header_key(["Name", "Zip"])


def test_chosen_target_replaces_the_guess() -> None:
    mapping = (
        guess_mapping(["amount", "value"], OPPORTUNITIES)
        .with_target("amount", None)
        .with_target("value", "amount")
    )
    assert mapping.header_of == {"amount": "value"}
