"""The life of models over the API: steps, schedules, publishing exactly what was approved, undo."""

from __future__ import annotations

import pytest
from tests.api.conftest import Caller, World

from merestone.db.models import Job

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def plan(world: World, planner: Caller) -> Caller:
    """A planner with a second model, in which Ben has the west."""
    document = planner.get("/models/m1/document").json()
    document["model"]["key"] = "m2"
    document["territories"][1]["members"] = [{"rep": "ben@example.com"}]
    assert planner("POST", "/models", document).status_code == 200
    return planner


def run(world: World, job: int) -> Job:
    from merestone.boot.tasks import run_job

    run_job.func(job)
    return Job.objects.get(pk=job)


def test_a_model_goes_through_review_and_back(plan: Caller) -> None:
    life = plan.get("/models/m2/life").json()
    assert (life["state"], life["allowed"]) == ("planning", ["submit", "schedule", "publish", "archive"])
    done = plan("POST", "/models/m2/submit", {"note": "Ready", "version": life["version"]}).json()
    assert (done["state"], done["version"]) == ("in_review", life["version"] + 1)
    refused = plan("POST", "/models/m2/submit")
    assert (refused.status_code, refused.json()["code"]) == (409, "illegal-step")
    assert "return" in refused.json()["difference"]["allowed"][1]
    stale = plan("POST", "/models/m2/return", {"version": life["version"]})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale-version")
    assert plan("POST", "/models/m2/return").json()["state"] == "planning"
    events = plan.get("/models/m2/life").json()["events"]
    assert [(one["to_state"], one["note"]) for one in events] == [("planning", ""), ("in_review", "Ready")]


def test_a_model_is_scheduled_and_cancelled(plan: Caller) -> None:
    done = plan("POST", "/models/m2/schedule", {"effective": "2999-01-01T06:00Z"}).json()
    assert (done["state"], done["takes_effect_at"]) == ("scheduled", "2999-01-01T06:00:00Z")
    past = plan("POST", "/models/m2/schedule", {"effective": "1999-01-01"})
    assert past.status_code == 409
    assert plan("POST", "/models/m2/cancel").json()["state"] == "planning"
    past = plan("POST", "/models/m2/schedule", {"effective": "1999-01-01"})
    assert (past.status_code, past.json()["code"]) == (422, "past-date")


def test_publishing_tells_what_moved_and_undo_brings_it_back(world: World, plan: Caller) -> None:
    west = world.accounts["west"]
    life = plan.get("/models/m2/life").json()
    wrong = run(world, plan("POST", "/models/m2/publish", {"content_hash": "0" * 64}).json()["job"])
    assert (wrong.state, "says something else" in wrong.error) == ("failed", True)
    job = run(world, plan("POST", "/models/m2/publish", {"content_hash": life["content_hash"]}).json()["job"])
    assert job.result["accounts_moved"] == 1
    assert plan.get(f"/accounts/{west}").json()["owner"] == "Ben"
    first = plan.get("/publications").json()["items"][0]
    assert (first["kind"], first["model"], first["previous"], first["counts"]["accounts_moved"]) == (
        "publish", "m2", "m1", 1,
    )  # fmt: skip
    assert plan("POST", "/models/m1/undo").json()["code"] == "not-the-last"
    seen = plan.get("/models/m2/undo").json()
    assert (seen["counts"]["accounts_restored"], seen["n_changed"]) == (1, 0)
    moved = plan("POST", f"/accounts/{west}/move", {"territory": "east", "reason": "Wish"})
    assert moved.status_code == 200
    refused = plan("POST", "/models/m2/undo", {"publication": first["id"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "changed-since")
    assert refused.json()["difference"]["accounts"] == [{"id": west, "name": "West Brewing"}]
    done = plan("POST", "/models/m2/undo", {"publication": first["id"], "keep_later": True}).json()
    assert (done["model"], done["previous"]) == ("m1", "m2")
    assert plan.get("/models/m1/life").json()["state"] == "active"
    assert [one["kind"] for one in plan.get("/models/m2/publications").json()["items"]] == ["undo", "publish"]


def test_policies_are_read_and_changed(plan: Caller) -> None:
    assert plan.get("/models/m2/policies").json()["opportunities"] == "follow"
    changed = plan("PATCH", "/models/m2/policies", {"opportunities": "late_stage", "late_days": 5}).json()
    assert (changed["opportunities"], changed["late_days"]) == ("late_stage", 5)
    assert plan("PATCH", "/models/m2/policies", {"opportunities": None}).json()["opportunities"] == "follow"
    wrong = plan("PATCH", "/models/m2/policies", {"late_days": 0})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "bad-policy")


@pytest.mark.parametrize("role", ["rep", "manager"])
def test_those_who_do_not_plan_learn_nothing(world: World, plan: Caller, role: str) -> None:
    other = Caller(world.tokens[role])
    bodies = {}
    for key in ("m2", "never"):
        answers = [
            other.get(f"/models/{key}/life"),
            other.get(f"/models/{key}/publications"),
            other.get(f"/models/{key}/policies"),
            other.get(f"/models/{key}/undo"),
            *(
                other("POST", f"/models/{key}/{verb}")
                for verb in ("submit", "cancel", "archive", "publish", "undo")
            ),
        ]
        assert {answer.status_code for answer in answers} == {403}
        bodies[key] = [answer.content for answer in answers]
    assert bodies["m2"] == bodies["never"]
    assert other.get("/publications").status_code == 403


def test_what_is_not_there(planner: Caller) -> None:
    for method, path in (
        ("GET", "life"),
        ("GET", "policies"),
        ("POST", "submit"),
        ("POST", "publish"),
        ("POST", "undo"),
    ):
        assert planner(method, f"/models/never/{path}").status_code == 404, path
