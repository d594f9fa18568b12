"""What an administrator writes about a provider: read, or refused with every problem at once."""

from __future__ import annotations

from typing import Any

import pytest

from merestone.app.single_sign_on import SingleSignOn, single_sign_on
from merestone.base.errors import InvalidInputError

LEAST = {"issuer": "https://id.example.com", "client_id": "merestone"}


def test_least_document_links_known_people_only() -> None:
    found = single_sign_on(LEAST)
    assert (found.creates_users, found.only, found.default_role, found.has_second_factor) == (
        False,
        False,
        "rep",
        False,
    )
    assert found.scopes == ("openid", "email", "profile")
    assert found.lets_in("ana@anywhere.example")


def test_whole_document_is_read() -> None:
    found = single_sign_on(
        {
            **LEAST, "client_secret": "s", "label": "Hill", "domains": ["@Example.com"], "role_claim": "groups",
            "roles": {"chiefs": "admin"}, "create_users": True, "default_role": "manager", "only": True,
            "second_factor": True, "scopes": ["openid", "groups"],
        }
    )  # fmt: skip
    assert found == SingleSignOn(
        "https://id.example.com", "merestone", "s", "Hill", ("example.com",), "groups", {"chiefs": "admin"},
        creates_users=True, default_role="manager", only=True, has_second_factor=True, scopes=("openid", "groups"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("document", "codes"),
    [
        ({}, ["sso-missing", "sso-missing"]),
        ({**LEAST, "issuer": "http://id.example.com"}, ["sso-not-https"]),
        ({**LEAST, "issuer": "http://localhost.evil.example"}, ["sso-not-https"]),
        ({**LEAST, "isuer": "x"}, ["sso-unknown-key"]),
        ({**LEAST, "only": "yes", "domains": "example.com"}, ["sso-bad-value", "sso-bad-value"]),
        ({**LEAST, "domains": [1]}, ["sso-bad-value"]),
        ({**LEAST, "default_role": "boss"}, ["unknown-role"]),
        ({**LEAST, "roles": {"chiefs": "boss"}}, ["unknown-role", "sso-missing"]),
        ({**LEAST, "roles": {"chiefs": 1}, "role_claim": "groups"}, ["sso-bad-value", "unknown-role"]),
    ],
)
def test_every_problem_is_told(document: dict[str, Any], codes: list[str]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        single_sign_on(document)
    assert sorted(problem.code for problem in caught.value.problems) == sorted(codes)


@pytest.mark.parametrize(
    ("email", "is_in"),
    [
        ("ana@example.com", True), ("ANA@EXAMPLE.COM", True), ("ana@sub.example.com", False),
        ("ana@example.com.evil.example", False), ("ana@evilexample.com", False), ("", False),
    ],
)  # fmt: skip
def test_domains_are_compared_whole(email: str, is_in: bool) -> None:
    assert single_sign_on({**LEAST, "domains": ["example.com"]}).lets_in(email) is is_in


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        ({"groups": ["all", "planning"]}, "planner"), ({"groups": "chiefs"}, "admin"),
        ({"groups": ["planning", "chiefs"]}, "admin"), ({"groups": []}, "rep"), ({}, "rep"),
    ],
)  # fmt: skip
def test_first_role_that_applies_counts(claims: dict[str, Any], role: str) -> None:
    roles = {"chiefs": "admin", "planning": "planner"}
    assert single_sign_on({**LEAST, "role_claim": "groups", "roles": roles}).role_of(claims) == role
    assert single_sign_on(LEAST).role_of(claims) is None
