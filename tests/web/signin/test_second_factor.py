"""Second factors: set up, asked for, required by the company, lost; what is kept of them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from tests.web.conftest import PASSWORD
from tests.web.signin.conftest import People
from tests.web.signin.totp import code_of

from merestone.app import admin, sign_in
from merestone.app.policy import OPERATOR
from merestone.app.single_sign_on import SingleSignOn
from merestone.db.models import AuditEntry, SignInEvent

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
WRONG_CODE = "000000"


def is_in(client: Client) -> bool:
    return client.get("/accounts/").status_code == 200


def add_app(client: Client) -> str:
    """Set up an authenticator app; returns its secret."""
    page = client.get("/profile/security/app/")
    secret: str = page.context["form"].secret
    assert secret in page.text
    done = client.post("/profile/security/app/", {"code": code_of(secret)})
    assert done["Location"] == "/profile/security/codes/"
    return secret


def recovery_codes(client: Client) -> list[str]:
    return re.findall(r"<li><code>(\d{8})</code></li>", client.get("/profile/security/codes/").text)


class TestSigningIn:
    def test_code_is_asked_after_the_password_and_nothing_opens_before(self, people: People) -> None:
        secret = add_app(people.come_in())
        client = people.come_in()
        assert not is_in(client)
        assert client.get("/api/v1/me").status_code == 401
        assert client.get("/sign-in/second-step/").status_code == 200
        assert client.post("/sign-in/second-step/", {"code": WRONG_CODE}).status_code == 422
        assert not is_in(client)
        done = client.post("/sign-in/second-step/", {"code": code_of(secret, steps=1)})
        assert done["Location"] == "/"
        assert is_in(client)

    def test_second_step_without_a_first_leads_back(self, people: People) -> None:
        assert Client().get("/sign-in/second-step/")["Location"] == "/sign-in/"

    def test_code_works_once(self, people: People) -> None:
        secret = add_app(people.come_in())
        code = code_of(secret, steps=1)
        people.come_in().post("/sign-in/second-step/", {"code": code})
        again = people.come_in()
        again.post("/sign-in/second-step/", {"code": code})
        assert not is_in(again)

    def test_recovery_codes_are_shown_once_and_work_once(self, people: People) -> None:
        client = people.come_in()
        add_app(client)
        codes = recovery_codes(client)
        assert len(set(codes)) == 10
        assert recovery_codes(client) == []
        first, second = people.come_in(), people.come_in()
        first.post("/sign-in/second-step/", {"code": codes[0]})
        second.post("/sign-in/second-step/", {"code": codes[0]})
        assert (is_in(first), is_in(second)) == (True, False)

    def test_guessing_codes_is_held_up_whatever_address_it_comes_from(self, people: People) -> None:
        secret = add_app(people.come_in())
        client = people.come_in()
        for number in range(5):
            client.post("/sign-in/second-step/", {"code": WRONG_CODE}, REMOTE_ADDR=f"10.0.0.{number}")
        held = client.post(
            "/sign-in/second-step/", {"code": code_of(secret, steps=1)}, REMOTE_ADDR="10.0.0.9"
        )
        assert "Too many failed attempts" in held.text
        assert not is_in(client)

    def test_where_one_wanted_to_go_survives_the_second_step(self, people: People) -> None:
        secret = add_app(people.come_in())
        client = Client()
        client.post(
            "/sign-in/",
            {"email": "planner@example.com", "password": PASSWORD, "next": "/leads/", "remember": "on"},
        )
        done = client.post("/sign-in/second-step/", {"code": code_of(secret, steps=1)})
        assert done["Location"] == "/leads/"
        assert not client.session.get_expire_at_browser_close()

    def test_new_password_by_link_still_needs_the_second_step(self, people: People) -> None:
        add_app(people.come_in())
        key = sign_in.password_key(people.services, OPERATOR, people.users["planner"])
        client = Client()
        new = {"password1": "hawthorn-and-slate-71", "password2": "hawthorn-and-slate-71"}
        client.post(client.get(f"/sign-in/new-password/{key}/")["Location"], new)
        assert not is_in(client)
        assert not is_in(people.come_in(password="hawthorn-and-slate-71"))


class TestRequired:
    @pytest.fixture
    def asked(self, people: People) -> People:
        sign_in.require_factors(people.services, OPERATOR, ["planner", "admin"])
        return people

    def test_who_has_none_is_led_to_set_one_up_before_anything_else(self, asked: People) -> None:
        client = asked.come_in()
        for path in ("/", "/accounts/", "/tokens/", "/profile/", "/settings/"):
            assert client.get(path)["Location"] == "/profile/security/", path
        assert client.get("/api/v1/accounts").status_code == 401
        assert client.get("/accounts/", HTTP_HX_REQUEST="true")["HX-Redirect"] == "/profile/security/"
        page = client.get("/profile/security/")
        assert "asks for a second factor" in page.text
        add_app(client)
        assert is_in(client)

    def test_other_roles_and_tokens_are_not_asked(self, asked: People) -> None:
        assert is_in(asked.come_in("rep"))
        token = admin.create_token(asked.services, OPERATOR, user_id=asked.users["planner"], name="sync")[
            "token"
        ]
        answer = Client().get("/api/v1/accounts", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200

    def test_it_counts_from_the_next_request(self, people: People) -> None:
        client = people.come_in()
        assert is_in(client)
        sign_in.require_factors(people.services, OPERATOR, ["planner"])
        assert not is_in(client)

    def test_last_factor_stays(self, asked: People) -> None:
        client = asked.come_in()
        add_app(client)
        assert "add another one" in client.get("/profile/security/app/remove/").text
        client.post("/profile/security/app/remove/")
        assert Authenticator.objects.filter(type="totp").exists()
        sign_in.require_factors(asked.services, OPERATOR, [])
        client.post("/profile/security/app/remove/")
        assert not Authenticator.objects.exists(), "recovery codes go with the last factor"

    def test_provider_that_asks_itself_is_enough_when_settings_say_so(
        self, asked: People, settings: Any
    ) -> None:
        client = asked.come_in()
        sso = SingleSignOn(issuer="https://id.example", client_id="x")
        session = client.session
        session["merestone_single_sign_on"] = True
        session.save()
        settings.SINGLE_SIGN_ON = sso
        assert not is_in(client)
        settings.SINGLE_SIGN_ON = replace(sso, has_second_factor=True)
        assert is_in(client)

    def test_administrator_sets_the_rule_on_a_page(self, people: People) -> None:
        client = people.come_in("admin")
        assert client.post("/settings/sign-in/", {"roles": ["planner"]}).status_code == 302
        assert not is_in(people.come_in("planner"))
        assert people.come_in("rep").get("/settings/sign-in/").status_code == 403
        entry = AuditEntry.objects.filter(changes__has_key="second_factor_roles").latest("id")
        assert entry.actor == "user:admin@example.com"


class TestFreshProof:
    @pytest.mark.parametrize(
        "path",
        [
            "/profile/security/app/", "/profile/security/keys/add/", "/profile/security/password/",
            "/profile/security/codes/", "/profile/security/codes/new/", "/profile/security/app/remove/",
        ],
    )  # fmt: skip
    def test_old_proof_is_asked_for_again(self, people: People, settings: Any, path: str) -> None:
        client = people.come_in()
        settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
        assert client.get(path)["Location"].startswith("/profile/confirm/?next=")
        settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
        back = {"password": PASSWORD, "next": path}
        assert client.post("/profile/confirm/", {**back, "password": "wrong"}).status_code == 422
        assert client.post("/profile/confirm/", back)["Location"] == path

    def test_session_without_any_proof_makes_no_token_and_resets_nobody(self, people: People) -> None:
        from django.contrib.auth import get_user_model

        client = Client()
        client.force_login(get_user_model().objects.get(pk=people.users["admin"]))
        made = client.post("/tokens/", {"name": "sync", "days": "30", "scopes": ["see"]})
        assert made["Location"] == "/profile/confirm/?next=%2Ftokens%2F"
        other = people.users["planner"]
        for action in ("factors", "sessions", "link"):
            answer = client.post(f"/users/{other}/sign-in/{action}/")
            assert answer["Location"].startswith("/profile/confirm/"), action
        assert not SignInEvent.objects.filter(user_id=other).exists()

    def test_code_is_a_fresh_proof_too(self, people: People) -> None:
        client = people.come_in()
        secret = add_app(client)
        done = client.post("/profile/confirm/code/", {"code": code_of(secret, steps=1), "next": "/tokens/"})
        assert done["Location"] == "/tokens/"

    def test_next_never_leads_elsewhere(self, people: People) -> None:
        done = people.come_in().post(
            "/profile/confirm/", {"password": PASSWORD, "next": "https://evil.example/"}
        )
        assert done["Location"] == "/"


def test_administrator_resets_what_somebody_lost(people: People) -> None:
    client = people.come_in()
    add_app(client)
    boss = people.come_in("admin")
    user_id = people.users["planner"]
    assert "Authenticator app." in boss.get(f"/users/{user_id}/sign-in/").text
    boss.post(f"/users/{user_id}/sign-in/factors/")
    assert not is_in(client)
    assert is_in(people.come_in())
    event = SignInEvent.objects.get(kind="factors_reset")
    assert (event.user_id, event.detail) == (user_id, "1 removed")


def test_rep_resets_nobody(people: People) -> None:
    rep = people.come_in("rep")
    for action in ("", "factors/", "sessions/", "link/"):
        call = rep.get if action == "" else rep.post
        assert call(f"/users/{people.users['planner']}/sign-in/{action}").status_code == 403, action


def test_secrets_are_kept_in_no_readable_form(people: People) -> None:
    client = people.come_in()
    secret = add_app(client)
    codes = recovery_codes(client)
    kept = str([one.data for one in Authenticator.objects.all()])
    logged = str(list(AuditEntry.objects.values_list("changes", flat=True)))
    for word in (secret, *codes):
        assert word not in kept
        assert word not in logged


def test_other_secret_key_makes_factors_worthless_and_opens_nothing(people: People, settings: Any) -> None:
    secret = add_app(people.come_in())
    settings.SECRET_KEY = "another-secret-key"
    client = people.come_in()
    client.post("/sign-in/second-step/", {"code": code_of(secret, steps=1)})
    assert not is_in(client)
    sign_in.reset_factors(people.services, OPERATOR, people.users["planner"])
    assert is_in(people.come_in())


def test_factors_come_and_go_in_the_audit_log(
    people: People, django_capture_on_commit_callbacks: Any
) -> None:
    client = people.come_in()
    with django_capture_on_commit_callbacks(execute=True):
        add_app(client)
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/profile/security/codes/new/")
    client.post("/profile/security/app/remove/")
    entries = AuditEntry.objects.filter(table_name="merestone_signinevent").order_by("id")
    said = [(one.actor, one.changes["kind"][1], one.changes.get("detail", [0, ""])[1]) for one in entries]
    who = "user:planner@example.com"
    assert said[0] == (who, "signed_in", "password")
    assert set(said[1:3]) == {
        (who, "factor_added", "authenticator app"),
        (who, "recovery_codes_made", "recovery code"),
    }
    assert said[3] == (who, "recovery_codes_made", "recovery code")
    assert set(said[4:]) == {
        (who, "factor_removed", "authenticator app"),
        (who, "factor_removed", "recovery code"),
    }


def test_made_up_passkey_is_refused_and_noted(people: People) -> None:
    client = Client()
    asked = client.get("/sign-in/passkey/", headers={"Accept": "application/json"}).json()
    assert asked["request_options"]["publicKey"]["userVerification"] == "required"
    for credential in ("{}", "[]", '{"response": {"userHandle": "MQ"}}', "no json"):
        assert client.post("/sign-in/passkey/", {"credential": credential})["Location"] == "/sign-in/"
    assert not is_in(client)
    assert SignInEvent.objects.filter(kind="refused", detail="passkey").count() == 4
