"""Reviews by the API: the same eyes, the same refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.api.conftest import Caller
from tests.review_world import PEOPLE, World, begin, build

from merestone.app import admin
from merestone.app.lifecycle import set_policies
from merestone.app.policy import OPERATOR, RIGHTS
from merestone.app.services import Services

pytestmark = pytest.mark.django_db
HIDDEN = ("paris", "nice", "berlin", "ny-one", "Ben", "Dan", "Eve", "Europe")


@pytest.fixture
def review(services: Services) -> World:
    world = build(services)
    begin(world)
    return world


def calls(world: World, name: str) -> Caller:
    made = admin.create_token(
        world.services, OPERATOR, user_id=world.actors[name].user_id or 0, name=name,
        scopes=sorted(RIGHTS[PEOPLE[name]]), days=1,
    )  # fmt: skip
    return Caller(made["token"])


def wish(world: World, **more: Any) -> dict[str, Any]:
    return {"kind": "keep", "account": world.accounts["was-one"], "reason": "Mine.", **more}


def test_a_rep_reads_what_they_win_and_lose_and_nothing_else(review: World) -> None:
    call = calls(review, "ana")
    found = call.get("/reviews/new").json()

    assert [row["external_id"] for row in found["moves"]] == ["was-one", "was-two"]
    assert found["n_moves"] == 2
    assert [one["name"] for one in found["balance"]] == ["Ana"]
    for path in ("/reviews", "/reviews/new", "/reviews/new/challenges", "/reviews/new/approvals", "/notices"):
        text = json.dumps(call.get(path).json())
        assert not any(word in text for word in HIDDEN), path


def test_pages_of_moves_come_in_parts(review: World) -> None:
    found = calls(review, "vera").get("/reviews/new?limit=1&offset=1").json()
    assert (len(found["moves"]), found["n_moves"]) == (1, 3)


def test_a_challenge_from_effect_to_decision(review: World) -> None:
    ana, ben, mia = (calls(review, name) for name in ("ana", "ben", "mia"))
    effect = ana("POST", "/reviews/new/effect", wish(review, reason="?")).json()
    assert [side["name"] for side in effect["effect"]["sides"]] == ["Ana", "The other side"]

    sent = ana("POST", "/reviews/new/challenges", wish(review)).json()
    path = f"/reviews/new/challenges/{sent['id']}"
    assert sent["state"] == "open"
    assert (
        ben("POST", f"{path}/comments", {"text": "Fine with me.", "stance": "for"}).json()["is_settled"]
        is False
    )
    assert ana.get(path).json()["comments"][0]["user_name"] == "A colleague"
    assert ben("POST", f"{path}/decision", {"accept": True}).status_code == 403
    assert mia("POST", f"{path}/decision", {"accept": True}).json()["state"] == "accepted"
    again = mia("POST", f"{path}/decision", {"accept": False})
    assert (again.status_code, again.json()["code"]) == (409, "already-decided")


def test_a_hidden_challenge_answers_like_none(review: World) -> None:
    number = calls(review, "ana")("POST", "/reviews/new/challenges", wish(review)).json()["id"]
    dan = calls(review, "dan")
    hidden, absent = (dan.get(f"/reviews/new/challenges/{one}") for one in (number, number + 999))
    assert (hidden.status_code, hidden.content) == (404, absent.content)
    assert dan.get("/reviews/new/challenges").json() == {"items": []}


def test_approvals_and_summary(review: World) -> None:
    set_policies(review.services, review.vera, "new", {"approvals": {"depth": 0}})
    mia, vera = calls(review, "mia"), calls(review, "vera")

    assert [one["territory"] for one in mia.get("/reviews/new/approvals").json()["items"]] == ["us"]
    assert (
        mia("POST", "/reviews/new/approvals", {"territory": "us", "approve": True}).json()["state"]
        == "approved"
    )
    refused = vera("POST", "/reviews/new/approvals", {"territory": "us", "approve": True})
    assert (refused.status_code, refused.json()["code"]) == (403, "own-work")
    found = vera.get("/reviews/new/summary").json()
    assert (found["approved"], found["demanded"], found["asked"]) == (1, 2, 6)


def test_planners_start_and_invite(services: Services) -> None:
    world = build(services)
    vera = calls(world, "vera")
    suggested = vera.get("/reviews/new/suggestions").json()["items"]
    guests = [
        {"user_id": one["user_id"], "role": one["role"], "territory": one["territory"]} for one in suggested
    ]

    assert vera("POST", "/reviews/new/start", {"guests": guests}).json()["invited"] == 6
    assert vera("POST", "/reviews/new/start", {"guests": []}).status_code == 409
    assert vera("POST", "/reviews/new/reminders").json() == {"n": 0}
    assert calls(world, "mia")("POST", "/reviews/new/invitations", {"guests": []}).status_code == 403


def test_notices_are_ones_own(review: World) -> None:
    ana = calls(review, "ana")
    assert (ana.get("/notices").json()["unread"], len(ana.get("/notices").json()["items"])) == (1, 1)
    assert ana("POST", "/notices/read").json() == {"n": 1}
    assert calls(review, "ben").get("/notices").json()["unread"] == 1
