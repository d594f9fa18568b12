"""Who gets in, with what, and how far."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from tests.api.conftest import BASE, Caller, World, new_token

from merestone.app import admin
from merestone.app.policy import OPERATOR
from merestone.db.models import ApiToken, AuditEntry, User


def test_without_token_or_session_every_operation_answers_401(world: World) -> None:
    from merestone.api.main import document

    nobody = Caller(None)
    for path, operations in document()["paths"].items():
        for method, operation in operations.items():
            address = path.removeprefix(BASE).replace("{fmt}", "csv")
            for parameter in operation["parameters"]:
                value = "1" if parameter["schema"].get("type") == "integer" else "x"
                address = address.replace(f"{{{parameter['name']}}}", value)
            response = nobody(method.upper(), address, {})
            assert response.status_code == 401, (method, path)
            assert response["Content-Type"] == "application/problem+json"
            assert response["WWW-Authenticate"].startswith("Bearer")
            assert response.json()["code"] == "not-signed-in"


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer mst_", "Bearer mst_00000000_x", "Basic YTpi", "Bearer \x7f", "mst_1"],
)
def test_a_header_that_is_no_token_of_ours_answers_401(db: None, header: str) -> None:
    response = Client().get(BASE + "/me", headers={"Authorization": header})
    assert response.status_code == 401
    assert response.json()["code"] == "invalid-token"


def test_the_right_prefix_with_another_secret_does_not_get_in(world: World) -> None:
    token = world.tokens["rep"]
    assert Caller(token[:-1] + ("a" if token[-1] != "a" else "b")).get("/me").status_code == 401


def test_a_wrong_token_is_not_rescued_by_a_session(world: World) -> None:
    client = Client()
    client.force_login(User.objects.get(pk=world.users["admin"]))
    response = client.get(BASE + "/me", headers={"Authorization": "Bearer mst_00000000_x"})
    assert response.status_code == 401


def test_expired_revoked_and_deactivated_tokens_do_not_get_in(world: World) -> None:
    expired, revoked, inactive = (new_token(world, "rep") for _ in range(3))
    ApiToken.objects.filter(prefix=expired[:12]).update(expires_at=timezone.now())
    admin.revoke_token(world.services, OPERATOR, prefix=revoked[:12])
    assert Caller(inactive).get("/me").status_code == 200
    admin.change_user(world.services, OPERATOR, world.users["rep"], is_active=False)
    assert [Caller(token).get("/me").status_code for token in (expired, revoked, inactive)] == [401] * 3


def test_scopes_limit_the_role_and_the_role_limits_scopes(world: World) -> None:
    only_see = Caller(new_token(world, "planner", scopes=("see",)))
    assert only_see.get("/me").json()["rights"] == ["see"]
    assert only_see.get("/accounts").status_code == 200
    assert only_see.get("/imports").status_code == 403
    assert only_see("POST", "/assign", {}).status_code == 403
    too_much = Caller(new_token(world, "rep", scopes=("see", "manage-users", "plan")))
    assert too_much.get("/me").json()["rights"] == ["see"]
    assert too_much.get("/users").status_code == 403


def test_the_use_of_a_token_is_noted_at_most_once_a_minute(world: World) -> None:
    token = world.tokens["rep"]
    rows = ApiToken.objects.filter(prefix=token[:12])
    Caller(token).get("/me")
    first = rows.get().last_used_at
    Caller(token).get("/me")
    assert rows.get().last_used_at == first
    long_ago = timezone.now() - timedelta(minutes=2)
    rows.update(last_used_at=long_ago)
    Caller(token).get("/me")
    assert rows.get().last_used_at > long_ago


def test_a_session_reads_and_needs_its_csrf_token_to_write(world: World) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.get(pk=world.users["planner"]))
    assert client.get(BASE + "/me").json()["role"] == "planner"
    refused = client.post(BASE + "/assign", {}, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf")
    client.get("/sign-in/")
    secret = "a" * 32
    client.cookies["csrftoken"] = secret
    done = client.post(BASE + "/assign", {}, content_type="application/json", headers={"X-CSRFToken": secret})
    assert done.status_code == 200, done.content


def test_a_token_needs_no_csrf_token(world: World) -> None:
    client = Client(enforce_csrf_checks=True)
    headers = {"Authorization": f"Bearer {world.tokens['planner']}"}
    response = client.post(BASE + "/assign", {}, content_type="application/json", headers=headers)
    assert response.status_code == 200


def test_what_a_token_writes_is_audited_under_its_name(world: World, rep: Caller) -> None:
    row = world.accounts["west"]
    response = rep("PATCH", f"/accounts/{row}", {"phone": "+1 555 0100"}, If_Match='"1"')
    assert response.status_code == 200
    entry = AuditEntry.objects.filter(table_name="merestone_account", row_id=row, operation="U").first()
    assert entry is not None
    assert entry.actor == "token:test of rep (rep@example.com)"


class TestTokens:
    def test_a_session_makes_lists_and_revokes_tokens(self, world: World) -> None:
        client = Client()
        user = User.objects.get(pk=world.users["rep"])
        client.force_login(user)
        asked = {"name": "ci", "scopes": ["see"]}
        refused = client.post(BASE + "/tokens", asked, content_type="application/json")
        assert (refused.status_code, refused.json()["code"]) == (403, "proof-needed")
        admin.change_user(world.services, OPERATOR, user.pk, password="quarry-and-fern-29")
        client.post("/sign-in/", {"email": user.email, "password": "quarry-and-fern-29"})
        made = client.post(BASE + "/tokens", asked, content_type="application/json")
        assert made.status_code == 201
        token = made.json()["token"]
        assert Caller(token).get("/me").json()["token"] == made.json()["prefix"]
        listed = client.get(BASE + "/tokens").json()["items"]
        assert "digest" not in listed[0]
        assert listed[0]["prefix"] == made.json()["prefix"]
        assert client.delete(f"{BASE}/tokens/{made.json()['prefix']}").status_code == 200
        assert Caller(token).get("/me").status_code == 401

    def test_a_token_makes_no_tokens(self, rep: Caller) -> None:
        response = rep("POST", "/tokens", {"name": "more", "scopes": ["see"], "days": 3650})
        assert (response.status_code, response.json()["code"]) == (403, "session-needed")

    def test_a_token_revokes_itself_only(self, world: World, rep: Caller) -> None:
        other = new_token(world, "rep")
        assert rep("DELETE", f"/tokens/{other[:12]}").status_code == 403
        assert rep("DELETE", f"/tokens/{world.tokens['rep'][:12]}").status_code == 200
        assert rep.get("/me").status_code == 401

    def test_somebody_elses_token_is_not_there(self, world: World, rep: Caller) -> None:
        there = rep("DELETE", f"/tokens/{world.tokens['admin'][:12]}")
        assert (there.status_code, there.content) == (404, rep("DELETE", "/tokens/mst_nothing").content)
