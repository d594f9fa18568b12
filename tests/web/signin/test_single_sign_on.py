"""Single sign-on against a real provider: who gets in, and every answer that is not to be trusted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import requests
from django.test import Client
from tests.web.conftest import PASSWORD
from tests.web.signin.conftest import People
from tests.web.signin.provider import CLIENT, SECRET, Provider, new_key

from merestone.app import admin
from merestone.app.policy import OPERATOR
from merestone.app.single_sign_on import SingleSignOn
from merestone.db.models import AuditEntry, Identity, SignInEvent, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def sso(people: People, provider: Provider, settings: Any) -> SingleSignOn:
    """The company's provider, linking by e-mail only."""
    settings.SINGLE_SIGN_ON = SingleSignOn(
        issuer=provider.issuer,
        client_id=CLIENT,
        client_secret=SECRET,
        label="Hill & Dale",
        domains=("example.com",),
    )
    found: SingleSignOn = settings.SINGLE_SIGN_ON
    return found


def go(client: Client, *, target: str = "/accounts/", change: Callable[[str], str] = str) -> Any:
    """Go to the provider and come back; ``change`` alters the address one comes back to."""
    sent = client.get("/sign-in/single/", {"next": target})
    if not sent["Location"].startswith("http"):
        return sent
    back = requests.get(sent["Location"], allow_redirects=False, timeout=5).headers["Location"]
    return client.get(change(back.removeprefix("http://testserver")))


def is_in(client: Client) -> bool:
    return client.get("/accounts/").status_code == 200


def test_known_person_is_linked_and_let_in_where_they_wanted_to_go(sso: SingleSignOn) -> None:
    client = Client()
    assert "Hill &amp; Dale" in client.get("/sign-in/").text
    assert go(client)["Location"] == "/accounts/"
    assert client.get("/accounts/").context["actor"].role == "planner"
    assert Identity.objects.get().subject == "person-1"
    assert SignInEvent.objects.filter(kind="signed_in", detail="single sign-on").exists()


def test_after_the_link_the_providers_number_counts_and_not_the_mail(
    sso: SingleSignOn, provider: Provider
) -> None:
    go(Client())
    provider.claims = {"email": "renamed@example.com", "email_verified": False}
    client = Client()
    go(client)
    assert client.get("/").context["user"].email == "planner@example.com"


def test_mail_may_come_from_userinfo_of_the_same_person_only(sso: SingleSignOn, provider: Provider) -> None:
    provider.claims = {"email": None, "email_verified": None}
    provider.told = {"sub": "person-2", "email": "planner@example.com", "email_verified": True}
    client = Client()
    go(client)
    assert not is_in(client)
    provider.told["sub"] = "person-1"
    go(client)
    assert is_in(client)


NOW = int(time.time())
FAULTS: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://elsewhere.example"},
    "another audience": {"aud": "somebody-else"},
    "audience shared without a party": {"aud": [CLIENT, "somebody-else"]},
    "another party": {"azp": "somebody-else"},
    "another nonce": {"nonce": "of-another-session"},
    "no nonce": {"nonce": None},
    "expired": {"exp": NOW - 3600},
    "never expires": {"exp": None},
    "from the future": {"iat": NOW + 86400, "nbf": NOW + 86400},
    "nobody": {"sub": None},
    "unverified mail": {"email_verified": False},
    "mail nobody speaks of": {"email_verified": None},
    "verified in words": {"email_verified": "yes"},
    "no mail": {"email": None},
    "another domain": {"email": "planner@example.com.evil.example"},
    "nobody here": {"email": "nobody@example.com"},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_answer_with_a_fault_lets_nobody_in(sso: SingleSignOn, provider: Provider, fault: str) -> None:
    provider.claims = FAULTS[fault]
    client = Client()
    assert go(client)["Location"] == "/sign-in/"
    assert not is_in(client)
    assert not Identity.objects.exists()
    assert SignInEvent.objects.filter(kind="refused", detail__startswith="single sign-on").count() == 1


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_token_without_the_providers_signature_lets_nobody_in(
    sso: SingleSignOn, provider: Provider, algorithm: str
) -> None:
    provider.algorithm = algorithm
    client = Client()
    go(client)
    assert not is_in(client)


def test_token_signed_by_another_key_lets_nobody_in(sso: SingleSignOn, provider: Provider) -> None:
    provider.signs_with = new_key()
    client = Client()
    go(client)
    assert not is_in(client)


def test_provider_that_calls_itself_another_is_not_asked(sso: SingleSignOn, provider: Provider) -> None:
    provider.calls_itself = "https://elsewhere.example"
    assert go(Client())["Location"] == "/sign-in/"
    assert provider.asked == {}


def test_provider_out_of_reach_is_told(sso: SingleSignOn, settings: Any) -> None:
    settings.SINGLE_SIGN_ON = replace(sso, issuer="http://127.0.0.1:9")
    client = Client()
    assert go(client)["Location"] == "/sign-in/"
    assert "did not work" in client.get("/sign-in/").text


def test_answer_to_another_session_or_twice_lets_nobody_in(sso: SingleSignOn) -> None:
    mine, other = Client(), Client()
    answer = requests.get(mine.get("/sign-in/single/")["Location"], allow_redirects=False, timeout=5)
    back = answer.headers["Location"].removeprefix("http://testserver")
    other.get("/sign-in/single/")
    other.get(back)
    assert not is_in(other)
    mine.get(back)
    assert is_in(mine)
    mine.post("/sign-out/")
    mine.get(back)
    assert not is_in(mine)


def test_state_of_another_question_is_refused(sso: SingleSignOn) -> None:
    client = Client()
    go(client, change=lambda back: back.split("&state=")[0] + "&state=made-up")
    assert not is_in(client)


def test_closed_account_stays_closed(sso: SingleSignOn, people: People) -> None:
    admin.change_user(people.services, OPERATOR, people.users["planner"], is_active=False)
    client = Client()
    go(client)
    assert not is_in(client)


def test_account_is_linked_to_one_person_of_a_provider(sso: SingleSignOn, provider: Provider) -> None:
    go(Client())
    provider.claims = {"sub": "person-2"}
    client = Client()
    go(client)
    assert not is_in(client)


def test_unknown_person_gets_an_account_with_the_role_of_the_claims(
    sso: SingleSignOn, provider: Provider, settings: Any
) -> None:
    roles = {"territory-admins": "admin", "planning": "planner"}
    settings.SINGLE_SIGN_ON = replace(sso, creates_users=True, role_claim="groups", roles=roles)
    provider.claims = {"email": "New@Example.com", "name": "Nele New", "groups": ["all", "planning"]}
    client = Client()
    go(client)
    made = User.objects.get(email="new@example.com")
    assert (made.role, made.name, made.has_usable_password()) == ("planner", "Nele New", False)
    provider.claims["groups"] = []
    go(Client())
    made.refresh_from_db()
    assert made.role == "rep", "no claim gives a role any more"
    assert not is_in(client), "a session does not outlive its role"
    actors = AuditEntry.objects.filter(table_name="merestone_user", row_id=made.pk, changes__has_key="role")
    assert {entry.actor for entry in actors} == {"single sign-on"}


def test_single_sign_on_only_leaves_no_password(sso: SingleSignOn, settings: Any) -> None:
    settings.SINGLE_SIGN_ON = replace(sso, only=True)
    client = Client()
    assert 'name="password"' not in client.get("/sign-in/").text
    client.post("/sign-in/", {"email": "planner@example.com", "password": PASSWORD})
    assert not is_in(client)
    for path in ("/sign-in/forgotten/", "/sign-in/passkey/", "/sign-in/new-password/1-abc/"):
        assert client.get(path).status_code == 404, path
    go(client)
    assert is_in(client)
    assert client.get("/profile/security/password/").status_code == 404


def test_administrator_gets_in_by_a_link_once_when_the_provider_is_down(
    sso: SingleSignOn, settings: Any, people: People
) -> None:
    from merestone.app import sign_in

    settings.SINGLE_SIGN_ON = replace(sso, only=True, issuer="http://127.0.0.1:9")
    link = f"/sign-in/link/{sign_in.door_key(people.services, OPERATOR, people.users['admin'])}/"
    client = Client()
    assert client.get(link).status_code == 200
    assert not is_in(client), "looking at the link is not using it"
    client.post(link)
    assert is_in(client)
    again = Client()
    again.post(link)
    assert not is_in(again)


def test_tokens_need_a_fresh_answer_of_the_provider(
    sso: SingleSignOn, provider: Provider, settings: Any
) -> None:
    settings.SINGLE_SIGN_ON = replace(sso, only=True)
    client = Client()
    go(client)
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
    form = {"name": "sync", "days": "30", "scopes": ["see"]}
    assert client.post("/tokens/", form)["Location"] == "/sign-in/single/?next=%2Ftokens%2F"
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
    provider.claims = {"auth_time": int(time.time()) - 4000}
    assert go(client, target="/tokens/")["Location"] == "/sign-in/", "the provider did not ask again"
    provider.claims = {}
    assert go(client, target="/tokens/")["Location"] == "/tokens/"


def test_without_settings_there_is_no_single_sign_on(db: Any) -> None:
    assert Client().get("/sign-in/single/").status_code == 404
    assert Client().get("/sign-in/single/callback/").status_code == 404
