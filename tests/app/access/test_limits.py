"""What a token may not do its jobs may not do either; single sign-on never takes the last administrator away."""

from __future__ import annotations

from typing import Any

import pytest

from merestone.app import admin, jobs, sign_in
from merestone.app.policy import OPERATOR, Actor, Right
from merestone.app.services import Services
from merestone.app.single_sign_on import SingleSignOn
from merestone.boot.tasks import run_job
from merestone.db.models import Job, SignInEvent, User
from merestone.db.queries.actors import actor_of_user
from merestone.db.queries.tokens import actor_of_token

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
SSO = SingleSignOn(
    "https://id.example.com", "merestone", role_claim="role", roles={"chief": "admin", "lead": "manager"}
)


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def user(services: Services, name: str, role: str) -> int:
    """Return a new user's id."""
    return int(admin.create_user(services, OPERATOR, email=f"{name}@example.com", role=role)["id"])


def holder(services: Services, user_id: int, *scopes: str) -> Actor:
    """Return the actor of a new token of a user."""
    made = admin.create_token(services, OPERATOR, user_id=user_id, name="ci", scopes=scopes)
    found = actor_of_token(made["token"], now=services.clock.now())
    assert found is not None
    return found[0]


def outcome(job: int) -> tuple[str, str]:
    """Do a job; return its state and what went wrong."""
    run_job.func(job)
    done = Job.objects.get(pk=job)
    return done.state, done.error


def test_a_job_is_done_within_the_scopes_of_the_token_that_asked(services: Services) -> None:
    pat = user(services, "pat", "planner")
    limited = jobs.enqueue(services, holder(services, pat, "see"), "rule run")
    free = jobs.enqueue(services, holder(services, pat, "see", "assign", "plan"), "rule run")
    own = jobs.enqueue(services, actor_of_user(User.objects.get(pk=pat)), "rule run")
    state, error = outcome(limited)
    assert state == "failed"
    assert "does not allow this: assign" in error
    for job in (free, own):
        assert "does not allow" not in outcome(job)[1]
    assert Job.objects.get(pk=limited).scopes == ["see"]
    assert Job.objects.get(pk=own).scopes is None


def test_what_a_token_has_done_is_told_as_the_tokens(services: Services) -> None:
    from merestone.boot.tasks import actor_of_job

    pat = user(services, "pat", "planner")
    job = Job.objects.get(pk=jobs.enqueue(services, holder(services, pat, "see", "assign"), "rule run"))
    actor = actor_of_job(job)
    assert (actor.label, actor.scopes) == (
        "token:ci (pat@example.com)",
        frozenset({Right.SEE, Right.ASSIGN}),
    )


def test_a_job_of_an_account_that_is_gone_or_closed_is_not_done(services: Services) -> None:
    pat, quin = user(services, "pat", "planner"), user(services, "quin", "planner")
    gone = jobs.enqueue(services, holder(services, pat, "see", "assign"), "rule run")
    closed = jobs.enqueue(services, holder(services, quin, "see", "assign"), "rule run")
    Job.objects.filter(pk=gone).update(created_by=None)
    admin.change_user(services, OPERATOR, quin, is_active=False)
    assert [outcome(job)[0] for job in (gone, closed)] == ["failed", "failed"]


def test_a_job_of_the_server_is_done_without_limits(services: Services) -> None:
    job = jobs.enqueue(services, OPERATOR, "publish", key="nowhere")
    assert "There is no territory model 'nowhere'" in outcome(job)[1]


def test_the_provider_does_not_take_the_last_administrators_role(services: Services) -> None:
    ada = user(services, "ada", "admin")
    claims = {"sub": "1", "email": "ada@example.com", "email_verified": True, "role": "lead"}
    assert sign_in.admit(services, SSO, claims)["role"] == "admin"
    assert SignInEvent.objects.filter(user_id=ada, kind="role_kept").count() == 1
    user(services, "abe", "admin")
    assert sign_in.admit(services, SSO, claims)["role"] == "manager"
    assert User.objects.get(pk=ada).role == "manager"


def test_an_administrator_whose_account_is_closed_does_not_count_as_another(services: Services) -> None:
    user(services, "ada", "admin")
    abe = user(services, "abe", "admin")
    admin.change_user(services, OPERATOR, abe, is_active=False)
    claims = {"sub": "1", "email": "ada@example.com", "email_verified": True, "role": "lead"}
    assert sign_in.admit(services, SSO, claims)["role"] == "admin"
