"""Signing in by e-mail and password: limits, answers that tell nothing, sessions and how they end, links."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth import hashers
from django.core import mail as outbox
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from tests.web.conftest import PASSWORD
from tests.web.signin.conftest import People

from merestone.app import admin, sign_in
from merestone.app.policy import OPERATOR
from merestone.db.models import AuditEntry, CacheEntry, SignInEvent, User
from merestone.web.signin import mail

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
NEW = "hawthorn-and-slate-71"


def is_in(client: Client) -> bool:
    return client.get("/accounts/").status_code == 200


def attempt(email: str, password: str = "wrong", *, address: str = "127.0.0.1") -> Any:
    return Client(REMOTE_ADDR=address).post("/sign-in/", {"email": email, "password": password})


class TestLimits:
    @pytest.mark.parametrize("email", ["planner@example.com", "nobody@example.com"])
    def test_sixth_failure_is_refused_with_the_time_to_come_back(self, people: People, email: str) -> None:
        answers = [attempt(email, address=f"10.0.0.{number}") for number in range(6)]
        assert [answer.status_code for answer in answers] == [422] * 5 + [429]
        assert "Try again in 5 minutes" in answers[-1].text
        assert 0 < int(answers[-1]["Retry-After"]) <= 300

    def test_right_password_does_not_open_a_held_up_account_nor_hold_up_others(self, people: People) -> None:
        for _ in range(5):
            attempt("planner@example.com")
        assert attempt("planner@example.com", PASSWORD).status_code == 429
        assert attempt("rep@example.com", PASSWORD).status_code == 302

    def test_many_e_mails_from_one_address_are_held_up(self, people: People) -> None:
        answers = [attempt(f"nobody{number}@example.com", address="10.9.9.9") for number in range(31)]
        assert [answer.status_code for answer in answers] == [422] * 30 + [429]
        assert attempt("rep@example.com", PASSWORD, address="10.9.9.8").status_code == 302

    def test_limit_ends_by_itself(self, people: People, settings: Any) -> None:
        settings.ACCOUNT_RATE_LIMITS = {"login_failed": "1/300s/key"}
        attempt("planner@example.com")
        assert attempt("planner@example.com", PASSWORD).status_code == 429
        settings.ACCOUNT_RATE_LIMITS = {"login_failed": "1/0s/key"}
        assert attempt("planner@example.com", PASSWORD).status_code == 302

    def test_signing_in_often_is_no_failure(self, people: People) -> None:
        assert {attempt("planner@example.com", PASSWORD).status_code for _ in range(8)} == {302}

    def test_counts_are_kept_where_every_process_sees_them(self, people: People) -> None:
        attempt("planner@example.com")
        assert CacheEntry.objects.filter(cache_key__contains="login_failed").exists()
        assert not CacheEntry.objects.filter(cache_key__contains="planner@").exists()


class TestAnswersThatTellNothing:
    def test_unknown_wrong_and_closed_read_and_work_alike(
        self, people: People, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        admin.change_user(people.services, OPERATOR, people.users["rep"], is_active=False)
        hashed: list[str] = []
        hasher = hashers.get_hasher()
        encode = type(hasher).encode

        def counted(self: Any, password: str, *args: Any, **options: Any) -> str:
            hashed.append(password)
            return encode(self, password, *args, **options)

        monkeypatch.setattr(type(hasher), "encode", counted)
        seen = []
        for email, password in (
            ("nobody@example.com", PASSWORD), ("planner@example.com", "wrong"), ("rep@example.com", PASSWORD),
        ):  # fmt: skip
            hashed.clear()
            with CaptureQueriesContext(connection) as queries:
                answer = attempt(email, password)
            words = re.sub(r'value="[^"]*"|X-CSRFToken[^}]*', "", answer.text)
            seen.append((answer.status_code, words, len(hashed), len(queries)))
        assert seen[0] == seen[1] == seen[2]
        assert seen[0][2] == 1

    def test_forgotten_password_answers_alike(self, people: People, settings: Any) -> None:
        settings.HAS_MAIL = True
        answers = [
            Client().post("/sign-in/forgotten/", {"email": email})
            for email in ("planner@example.com", "nobody@example.com")
        ]
        mail.finish()
        assert {answer["Location"] for answer in answers} == {"/sign-in/forgotten/sent/"}
        assert [message.to for message in outbox.outbox] == [["planner@example.com"]]


class TestSessions:
    def test_closing_role_password_and_reset_end_every_session_at_once(self, people: People) -> None:
        user_id = people.users["planner"]
        services = people.services
        changes = {
            "password": lambda: admin.change_user(services, OPERATOR, user_id, password=NEW),
            "role": lambda: admin.change_user(services, OPERATOR, user_id, role="manager"),
            "second factor": lambda: sign_in.reset_factors(services, OPERATOR, user_id),
            "sessions": lambda: sign_in.end_sessions(services, OPERATOR, user_id),
            "closing": lambda: admin.change_user(services, OPERATOR, user_id, is_active=False),
        }
        for name, change in changes.items():
            client = people.come_in(password=NEW if name != "password" else PASSWORD)
            assert is_in(client), name
            change()
            assert not is_in(client), name
            assert client.get("/api/v1/me").status_code == 401, name

    def test_own_new_password_keeps_this_session_and_ends_others(self, people: People) -> None:
        here, there = people.come_in(), people.come_in()
        form = {"password": NEW, "again": NEW}
        assert here.post("/profile/security/password/", form)["Location"] == "/profile/security/"
        assert (is_in(here), is_in(there)) == (True, False)
        assert is_in(people.come_in(password=NEW))

    def test_weak_or_differing_new_password_is_refused(self, people: People) -> None:
        client = people.come_in()
        for form in ({"password": "short", "again": "short"}, {"password": NEW, "again": NEW + "x"}):
            assert client.post("/profile/security/password/", form).status_code == 422

    def test_sessions_are_listed_with_device_and_ended_one_by_one(self, people: People) -> None:
        here, there = people.come_in(), Client(HTTP_USER_AGENT="Mozilla/5.0 (X11; Linux) Firefox/140.0")
        there.post("/sign-in/", {"email": "planner@example.com", "password": PASSWORD})
        page = here.get("/profile/security/")
        assert "Firefox on Linux" in page.text
        other = next(one for one in page.context["sessions"] if one.session_key != page.context["here"])
        here.post(f"/profile/security/sessions/{other.pk}/end/")
        assert (is_in(here), is_in(there)) == (True, False)

    def test_nobody_ends_the_session_of_another(self, people: People) -> None:
        planner, rep = people.come_in("planner"), people.come_in("rep")
        theirs = planner.get("/profile/security/").context["sessions"][0]
        assert rep.post(f"/profile/security/sessions/{theirs.pk}/end/").status_code == 404
        assert is_in(planner)

    def test_all_other_sessions_end_together(self, people: People) -> None:
        here, there = people.come_in(), people.come_in()
        here.post("/profile/security/sessions/end/")
        assert (is_in(here), is_in(there)) == (True, False)
        assert len(here.get("/profile/security/").context["sessions"]) == 1

    def test_session_ends_with_the_browser_unless_one_stays_signed_in(self, people: People) -> None:
        assert people.come_in().session.get_expire_at_browser_close()
        kept = people.come_in(remember="on").session
        assert not kept.get_expire_at_browser_close()
        assert kept.get_expiry_age() == 30 * 24 * 3600

    def test_session_key_changes_at_the_door(self, people: People) -> None:
        client = Client()
        client.get("/sign-in/single/")
        session = client.session
        session["planted"] = True
        session.save()
        client.cookies["sessionid"] = session.session_key
        client.post("/sign-in/", {"email": "planner@example.com", "password": PASSWORD})
        assert client.session.session_key != session.session_key


class TestLinks:
    def link(self, people: People, role: str = "planner") -> str:
        key = sign_in.password_key(people.services, OPERATOR, people.users[role])
        return f"/sign-in/new-password/{key}/"

    def test_link_sets_a_password_once_and_ends_sessions(self, people: People) -> None:
        session, link = people.come_in(), self.link(people)
        client = Client()
        form_page = client.get(link)["Location"]
        assert "set-password" in form_page, "the key leaves the address, so that no referrer carries it on"
        done = client.post(form_page, {"password1": NEW, "password2": NEW})
        assert done["Location"] == "/sign-in/new-password/done/"
        assert not is_in(session)
        assert is_in(people.come_in(password=NEW))
        assert "does not work" in Client().get(link).text

    def test_changed_password_is_logged_as_the_persons_own(self, people: People) -> None:
        client = Client()
        client.post(client.get(self.link(people))["Location"], {"password1": NEW, "password2": NEW})
        entry = AuditEntry.objects.filter(table_name="merestone_user", changes__has_key="password").latest(
            "id"
        )
        assert (entry.actor, entry.changes["password"]) == ("user:planner@example.com", ["***", "***"])

    def test_link_for_somebody_else_does_not_work(self, people: People) -> None:
        mine, theirs = self.link(people), self.link(people, "rep")
        key = mine.removeprefix("/sign-in/new-password/").partition("-")[2]
        uid = theirs.removeprefix("/sign-in/new-password/").partition("-")[0]
        assert "does not work" in Client().get(f"/sign-in/new-password/{uid}-{key}").text

    def test_administrator_makes_a_link_on_the_page_of_the_user(self, people: People) -> None:
        user_id = people.users["planner"]
        page = people.come_in("admin").post(f"/users/{user_id}/sign-in/link/")
        link = page.context["link"].removeprefix("http://testserver")
        assert Client().get(link).status_code == 302
        assert people.come_in("rep").post(f"/users/{user_id}/sign-in/link/").status_code == 403

    def test_mailed_link_works(self, people: People, settings: Any) -> None:
        settings.HAS_MAIL = True
        Client().post("/sign-in/forgotten/", {"email": "planner@example.com"})
        mail.finish()
        link = re.search(r"http://testserver(/\S+)", str(outbox.outbox[0].body))
        assert link is not None
        assert Client().get(link[1]).status_code == 302
        assert outbox.outbox[0].subject == "Merestone: Set a new password"
        assert not getattr(outbox.outbox[0], "alternatives", [])

    def test_sign_in_link_is_for_administrators(self, people: People) -> None:
        from merestone.base.errors import InvalidInputError

        with pytest.raises(InvalidInputError) as caught:
            sign_in.door_key(people.services, OPERATOR, people.users["planner"])
        assert caught.value.problems[0].code == "not-an-administrator"

    def test_made_up_sign_in_link_lets_nobody_in(self, people: People) -> None:
        client = Client()
        client.post("/sign-in/link/WzEsInh4eCJd:abc:def/")
        assert not is_in(client)


def test_what_happens_at_the_door_is_in_the_audit_log(people: People) -> None:
    attempt("planner@example.com")
    attempt("Nobody@Example.com")
    people.come_in().post("/sign-out/")
    entries = AuditEntry.objects.filter(table_name="merestone_signinevent").order_by("id")
    said = [
        (one.actor, one.cause, one.changes["kind"][1], one.changes.get("user_id", [0, None])[1])
        for one in entries
    ]
    user_id = people.users["planner"]
    assert said == [
        ("visitor", "refused", "refused", user_id),
        ("visitor", "refused", "refused", None),
        ("user:planner@example.com", "sign in", "signed_in", user_id),
        ("user:planner@example.com", "signed out", "signed_out", user_id),
    ]
    assert "wrong" not in str([one.changes for one in entries])


def test_last_sign_in_is_kept_with_its_actor(people: People) -> None:
    before = timezone.now()
    people.come_in()
    assert User.objects.get(pk=people.users["planner"]).last_login >= before  # type: ignore[operator]
    entry = AuditEntry.objects.filter(table_name="merestone_user", changes__has_key="last_login").latest("id")
    assert entry.actor == "user:planner@example.com"
    assert SignInEvent.objects.filter(kind="signed_in", address="127.0.0.1").exists()


@pytest.mark.parametrize(
    "path", ["/accounts/signup/", "/signup/", "/accounts/login/", "/accounts/email/", "/accounts/social/signup/", "/profile/security/codes/download/"]
)  # fmt: skip
def test_pages_of_the_library_nobody_asked_for_do_not_exist(people: People, path: str) -> None:
    assert people.come_in().get(path).status_code == 404
