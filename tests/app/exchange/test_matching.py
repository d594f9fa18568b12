"""Which rows are which records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from merestone.app.exchange.matching import MATCHES, match_rows
from merestone.connectors.files.reader import read_table

FIELDS = ("external_id", "name", "domain", "postal_code", "city")


def incoming(*rows: dict[str, str]) -> pa.Table:
    data: dict[str, Any] = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in FIELDS}
    return pa.table({"row": pa.array(range(2, len(rows) + 2), pa.int64()), **data})


def existing(*rows: dict[str, str]) -> pa.Table:
    data: dict[str, Any] = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in FIELDS}
    return pa.table({"id": pa.array(range(100, 100 + len(rows)), pa.int64()), **data})


def match(new: pa.Table, old: pa.Table) -> list[dict[str, Any]]:
    return match_rows(new, old, table="accounts").to_pylist()


def test_external_id_comes_before_all_else() -> None:
    old = existing(
        {"external_id": "A-1", "domain": "acme.test"}, {"external_id": "A-2", "domain": "bolt.test"}
    )
    [found] = match(incoming({"external_id": "A-2", "name": "Acme", "domain": "acme.test"}), old)
    assert (found["match_id"], found["how"]) == (101, "external_id")


def test_domain_then_name_and_postal_code() -> None:
    old = existing({"name": "Acme", "domain": "acme.test"}, {"name": "Bolt Inc.", "postal_code": "94107"})
    found = match(
        incoming({"name": "x", "domain": "acme.test"}, {"name": "BOLT", "postal_code": "94107"}, {"name": "Bolt", "postal_code": "10001"}),
        old,
    )  # fmt: skip
    assert [(row["match_id"], row["how"]) for row in found] == [
        (100, "domain"),
        (101, "name_postal"),
        (None, None),
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [("Acme, Inc.", "ACME"), ("Müller & Söhne GmbH & Co. KG", "Muller and Sohne"), ("The Bolt Company", "Bolt"),
     ("Cog S.A.R.L.", "cog"), ("O’Neil's", "oneils"), ("Weiß AG", "WEISS")],
)  # fmt: skip
def test_legal_forms_accents_and_punctuation_do_not_count(one: str, other: str) -> None:
    [found] = match(
        incoming({"name": one, "postal_code": "1"}), existing({"name": other, "postal_code": "1"})
    )
    assert found["match_id"] == 100


def test_name_that_is_only_a_legal_form_is_kept() -> None:
    found = match(
        incoming({"name": "Company", "postal_code": "1"}), existing({"name": "Inc", "postal_code": "1"})
    )
    assert found[0]["match_id"] is None


def test_without_postal_code_the_place_counts() -> None:
    old = existing({"name": "Acme", "city": "Rome"}, {"name": "Acme", "city": "Oslo"})
    found = match(incoming({"name": "acme", "city": "oslo"}, {"name": "acme", "city": "Bern"}), old)
    assert [row["match_id"] for row in found] == [101, None]


@pytest.mark.parametrize("domain", ["facebook.com", "m.facebook.com", "gmail.com", "wixsite.com"])
def test_shared_hosts_are_no_key(domain: str) -> None:
    [found] = match(incoming({"name": "a", "domain": domain}), existing({"name": "b", "domain": domain}))
    assert found["match_id"] is None


def test_own_site_on_a_hosts_sub_domain_is_a_key() -> None:
    [found] = match(
        incoming({"name": "a", "domain": "acme.wixsite.com"}),
        existing({"name": "b", "domain": "acme.wixsite.com"}),
    )
    assert found["how"] == "domain"


def test_domain_of_many_branches_is_no_key() -> None:
    rows = incoming({"name": "North", "domain": "acme.test"}, {"name": "South", "domain": "acme.test"})
    assert [row["match_id"] for row in match(rows, existing({"name": "x", "domain": "acme.test"}))] == [
        None,
        None,
    ]
    old = existing({"name": "x", "domain": "acme.test"}, {"name": "y", "domain": "acme.test"})
    assert match(incoming({"name": "North", "domain": "acme.test"}), old)[0]["match_id"] is None


def test_two_ids_are_never_one_record_but_alike() -> None:
    old = existing({"external_id": "A-1", "name": "Acme", "postal_code": "1", "domain": "acme.test"})
    [found] = match(
        incoming({"external_id": "B-1", "name": "Acme", "postal_code": "1", "domain": "acme.test"}), old
    )
    assert (found["match_id"], found["ambiguous"]) == (None, ["A-1"])


def test_row_with_id_takes_over_a_record_without_one() -> None:
    [found] = match(
        incoming({"external_id": "B-1", "name": "Acme", "postal_code": "1"}),
        existing({"name": "Acme", "postal_code": "1"}),
    )
    assert (found["match_id"], found["how"]) == (100, "name_postal")


def test_several_records_are_reported_not_chosen() -> None:
    old = existing(
        {"external_id": "A-1", "name": "Acme", "postal_code": "1"}, {"name": "ACME", "postal_code": "1"}
    )
    [found] = match(incoming({"name": "Acme", "postal_code": "1"}), old)
    assert (found["match_id"], found["ambiguous"]) == (None, ["A-1", "record 101"])


def test_repeated_row_of_the_file_is_a_duplicate_of_the_first() -> None:
    rows = incoming(
        {"external_id": "A", "name": "x"}, {"external_id": "A", "name": "y"}, {"name": "z", "postal_code": "1"},
        {"name": "Z Ltd", "postal_code": "1"}, {"external_id": "B", "name": "Z", "postal_code": "1"},
    )  # fmt: skip
    found = match(rows, existing())
    assert [row["duplicate_of_row"] for row in found] == [None, 2, None, 4, 4]


def test_rows_with_two_ids_and_one_name_are_alike_not_duplicates() -> None:
    found = match(
        incoming({"external_id": "A", "name": "x", "postal_code": "1"}, {"external_id": "B", "name": "X", "postal_code": "1"}),
        existing(),
    )  # fmt: skip
    assert [(row["duplicate_of_row"], row["ambiguous"]) for row in found] == [(None, []), (None, ["row 2"])]


def test_two_rows_that_reach_one_record_by_different_keys_are_duplicates() -> None:
    old = existing({"external_id": "A", "name": "Acme", "domain": "acme.test"})
    found = match(incoming({"external_id": "A", "name": "x"}, {"name": "y", "domain": "acme.test"}), old)
    assert found[0]["match_id"] == 100
    assert found[1]["match_id"] is None or found[1]["duplicate_of_row"] == 2


def test_no_rows_give_no_matches() -> None:
    assert match_rows(incoming(), existing(), table="accounts").schema == MATCHES


def test_reps_are_known_by_mail_then_name() -> None:
    text = pa.string()
    new = pa.table({"row": [2, 3], "name": ["Ann Lee", "Bob"], "email": pa.array([None, "BOB@x.test"], text)})
    old = pa.table({"id": [1, 2], "external_id": pa.array([None, None], text), "name": ["ann lee", "Robert"],
                    "email": pa.array([None, "bob@x.test"], text), "home_city": pa.array([None, None], text)})  # fmt: skip
    found = match_rows(new, old).to_pylist()
    assert [(row["match_id"], row["how"]) for row in found] == [(1, "name"), (2, "email")]


def test_contracts_without_ids_are_known_by_what_they_say() -> None:
    new = pa.table({"row": [2, 3], "account_id": [7, 7], "starts_on": ["2026-01-01", "2027-01-01"]})
    old = pa.table(
        {
            "id": [1],
            "external_id": pa.array([None], pa.string()),
            "account_id": [7],
            "starts_on": ["2026-01-01"],
        }
    )
    assert match_rows(new, old, table="contracts")["match_id"].to_pylist() == [1, None]


@pytest.mark.shared
def test_real_breweries_alike_by_name_and_postal_code_are_reported_and_kept_apart(shared: Path) -> None:
    raw = read_table(shared / "data" / "breweries.csv")
    rows = raw.table.select(["name", "city", "postal_code"]).append_column("external_id", raw.table["id"])
    rows = rows.append_column("row", raw.row_numbers)
    found = match_rows(rows, rows.append_column("id", raw.row_numbers).slice(0, 0), table="accounts")
    assert found["match_id"].null_count == found["duplicate_of_row"].null_count == 11_822
    assert 60 <= sum(bool(alike) for alike in found["ambiguous"].to_pylist()) <= 100
