"""The analysis of a whole model: planted problems, the book, missing fields, certificates."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from merestone.app.analyse import analyse_files, is_about, problems_of_rule, say_analysis
from merestone.app.analyse.report import Analysis
from merestone.base.errors import UsageError
from merestone.boot.local import local_services
from merestone.core.criteria import standard_fields
from merestone.core.rules import match_record, read_document

DAY = date(2026, 11, 23)
PLANTED = Path(__file__).with_name("planted.yaml")
BOOK = """id,name,country,state,employees,revenue
a1,Alder,US,CA,10,100
a2,Birch,US,NY,70,200
a3,Cedar,US,NY,,400
a4,Dogwood,CA,SK,5,50
a5,Elm,CA,SK,5,50
a6,Fir,CA,BC,5,50
a7,Gum,MX,,5,1000
a8,Hazel,CA,,5,30
a9,Iris,US,TX,20000,9000
"""
EXACT = {
    "merestone": 1,
    "model": {"key": "whole", "name": "Whole"},
    "fields": {"is_vip": "boolean"},
    "territories": [
        {"key": "vip", "where": "is_vip = true"},
        {
            "key": "others",
            "where": "is_vip = false",
            "cases": [{"record": {"is_vip": False}, "expect": "win"}],
        },
    ],
}


def run(rules: Path, **more: Any) -> Analysis:
    return analyse_files(local_services(), rules=rules, day=DAY, **more)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "accounts.csv"
    path.write_text(BOOK)
    return path


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    path = tmp_path / "whole.json"
    path.write_text(json.dumps(EXACT))
    return path


def of(found: Analysis, kind: str) -> list[tuple[str, ...]]:
    return [finding.territories for finding in found.findings if finding.kind == kind]


class TestRulesAlone:
    def test_every_planted_problem_is_found(self) -> None:
        found = run(PLANTED)
        assert of(found, "impossible") == [("us-north", "us")]
        assert of(found, "shadowed") == [("us-huge", "us-large")]
        assert of(found, "failing-case") == [("us-large",)]
        assert of(found, "key-tie") == [("canada-prairies", "canada-west")]
        assert of(found, "overlap") == [("us-large", "us-huge")]
        assert of(found, "gap") == [(), ("us",), ("de",)]
        assert of(found, "gap-missing") == [(), ("us",), ("canada",)]
        assert of(found, "redundant") == of(found, "dead-part") == [("canada-rest",)]
        assert not found.passes
        assert found.certificate is None

    def test_a_contradiction_names_both_criteria(self) -> None:
        finding = next(one for one in run(PLANTED).findings if one.kind == "impossible")
        assert finding.facts["conflict"] == [
            {"territory": "us", "criterion": "country = 'US'"},
            {"territory": "us-north", "criterion": "country = 'CA'"},
        ]

    def test_whole_numbers_leave_no_gap_between_them(self, tmp_path: Path) -> None:
        path = tmp_path / "m.yaml"
        path.write_text(
            "merestone: 1\nmodel: {key: m}\nterritories:\n"
            "  - {key: small, where: employees between 0 and 249}\n"
            "  - {key: large, where: employees between 250 and 999999999}\n"
            "  - {key: giant, where: employees > 999999999}\n"
        )
        assert not of(run(path), "gap")

    def test_examples_do_what_the_finding_says(self) -> None:
        found = run(PLANTED)
        for finding in found.findings:
            if finding.kind in ("key-tie", "overlap"):
                match = match_record(found.book.ruleset, finding.example or {})
                assert set(finding.territories) <= set(match.matches)

    def test_lines_tell_message_place_example_and_fix(self) -> None:
        text = "\n".join(say_analysis(run(PLANTED)))
        assert (
            "“Canada Prairies” and “Canada West” both match records with country is CA; state is SK" in text
        )
        assert "where country = 'CA' and state = 'SK'" in text
        assert 'e.g. {"country": "CA", "state": "SK"}' in text
        assert "→ Set a priority on one of them" in text

    def test_unknown_severity_is_wrong_use(self) -> None:
        with pytest.raises(UsageError, match="no severity"):
            run(PLANTED, fail_on="fatal")


class TestOnTheBook:
    def test_accounts_of_gaps_ties_and_overlaps_are_counted(self, book: Path) -> None:
        found = run(PLANTED, records=book)
        accounts = found.accounts
        assert accounts is not None
        assert (accounts.n_accounts, accounts.n_queued, accounts.n_stuck) == (9, 1, 3)
        assert accounts.ties == (("canada-prairies", "canada-west", 2),)
        assert accounts.pairs == {("canada-prairies", "canada-west"): 2, ("us-large", "us-huge"): 1}
        counts = {
            (finding.kind, finding.territories): finding.facts["accounts"]
            for finding in found.findings
            if finding.facts.get("accounts") and finding.kind.startswith("gap")
        }
        assert counts == {
            ("gap", ()): 1,
            ("gap", ("us",)): 1,
            ("gap-missing", ("us",)): 1,
            ("gap-missing", ("canada",)): 1,
        }
        assert accounts.n_unexplained == 0

    def test_money_says_what_a_gap_is_worth(self, book: Path) -> None:
        found = run(PLANTED, records=book)
        outside = next(one for one in found.findings if one.kind == "gap" and not one.territories)
        assert outside.facts["money"] == 1000

    def test_rules_without_accounts_are_told_unless_they_cannot_have_any(self, book: Path) -> None:
        nothing = {keys[0] for keys in of(run(PLANTED, records=book), "matches-nothing")}
        assert {"de", "de-west", "de-east", "canada-rest", "ai"} == nothing

    def test_what_touches_no_account_is_milder(self, book: Path) -> None:
        found = run(PLANTED, records=book)
        germany = next(one for one in found.findings if one.kind == "gap" and one.territories == ("de",))
        assert germany.severity == "note"
        assert germany.message.endswith("No account of the book falls here.")

    def test_missing_fields_name_the_one_to_fill_first(self, book: Path) -> None:
        costs = {cost.field: cost for cost in run(PLANTED, records=book).missing}
        assert costs["employees"].n_homeless == 1
        assert costs["employees"].money == 400
        assert dict(costs["employees"].rules) == {"us-small": 1, "us-large": 1, "us-huge": 1}
        assert costs["state"].n_homeless == 1
        assert dict(costs["state"].rules)["canada-rest"] == 1

    def test_excluded_accounts_are_in_no_gap(self, tmp_path: Path, whole: Path) -> None:
        document = {**EXACT, "territories": [{**node, "exclude": ["x1"]} for node in EXACT["territories"]]}  # type: ignore[attr-defined]
        whole.write_text(json.dumps(document))
        records = tmp_path / "r.csv"
        records.write_text("id,is_vip\nx1,true\nx2,false\n")
        accounts = run(whole, records=records).accounts
        assert accounts is not None
        assert (accounts.n_queued, accounts.gaps, accounts.n_unexplained) == (1, (), 1)


class TestCertificate:
    def test_a_model_without_problems_gets_one(self, whole: Path) -> None:
        found = run(whole)
        certificate = found.certificate
        assert certificate is not None
        assert (certificate["model"], certificate["day"], certificate["sha256"]) == (
            "whole",
            "2026-11-23",
            found.book.digest,
        )
        assert {entry["extent"] for entry in certificate["proved"]} == {"exact"}
        assert "proved: No record is matched by two leaf territories." in "\n".join(say_analysis(found))

    def test_the_same_content_has_the_same_certificate_and_another_has_not(
        self, whole: Path, tmp_path: Path
    ) -> None:
        kept = run(whole).certificate
        same = tmp_path / "same.yaml"
        same.write_text(yaml.safe_dump(EXACT))
        assert is_about(run(same), kept)
        whole.write_text(whole.read_text().replace("Whole", "Other"))
        assert not is_about(run(whole), kept)

    def test_accepted_findings_stand_in_it(self, tmp_path: Path) -> None:
        path = tmp_path / "m.yaml"
        path.write_text("merestone: 1\nmodel: {key: m}\nterritories:\n  - {key: us, where: country = 'US'}\n")
        assert run(path).certificate is None
        certificate = run(path, fail_on="error").certificate
        assert certificate is not None
        assert certificate["accepted"] == {"gap": 1, "gap-missing": 1}
        assert "accepted" in next(one for one in certificate["proved"] if one["part"] == "gaps")["statement"]


def test_problems_of_one_rule_are_told_beside_it() -> None:
    document = read_document(yaml.safe_load(PLANTED.read_text()))
    problems = list(problems_of_rule(document, "canada-west", standard_fields()))
    assert [problem.code for problem in problems] == ["key-tie"]
    assert problems[0].where == "territories/canada-west/where"
    assert not list(problems_of_rule(document, "us-small", standard_fields()))
