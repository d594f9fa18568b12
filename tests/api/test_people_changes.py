"""Leave, cover, ramps and departures by the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.api.conftest import Caller, World

pytestmark = pytest.mark.django_db


def day(world: World, ahead: int = 0) -> str:
    return str(world.services.clock.today() + timedelta(days=ahead))


def planned(world: World, planner: Caller, *, ahead: int = -1) -> Any:
    return planner("POST", f"/reps/{world.reps['ana']}/departure", {"last_day": day(world, ahead)})


def test_leave_is_entered_read_and_taken_back(world: World, planner: Caller) -> None:
    path = f"/reps/{world.reps['ana']}"
    body = {
        "first_day": day(world),
        "last_day": day(world, 3),
        "ends_at_noon": True,
        "cover": world.reps["ben"],
    }
    made = planner("POST", f"{path}/leave", body)
    assert (made.status_code, made.json()["days"]) == (201, 3.5)
    told = planner.get(f"{path}/changes").json()
    assert told["leave"][0]["ends_on"] == day(world, 4)
    assert told["covers"][0]["cover_id"] == world.reps["ben"]
    again = planner("POST", f"{path}/leave", body)
    assert (again.status_code, again.json()["code"]) == (422, "overlapping-leave")
    assert planner("DELETE", f"{path}/leave/{made.json()['id']}").status_code == 204
    assert planner("DELETE", f"{path}/leave/{made.json()['id']}").status_code == 404
    assert planner("DELETE", f"{path}/covers/{told['covers'][0]['id']}").status_code == 204
    assert planner.get(f"{path}/changes").json()["covers"] == []


def test_cover_of_single_accounts_is_entered(world: World, planner: Caller) -> None:
    body = {"cover": world.reps["ben"], "first_day": day(world), "accounts": [world.accounts["west"]]}
    made = planner("POST", f"/reps/{world.reps['ana']}/covers", body)
    assert (made.status_code, len(made.json()["ids"])) == (201, 1)
    wrong = planner(
        "POST", f"/reps/{world.reps['ana']}/covers", body | {"accounts": [world.accounts["east"]]}
    )
    assert (wrong.status_code, wrong.json()["code"]) == (422, "not-their-account")


def test_ramp_is_set(world: World, planner: Caller) -> None:
    done = planner("PUT", f"/reps/{world.reps['ana']}/ramp", {"hired_on": day(world), "ramp_weeks": 10})
    assert done.json() == {"share": 0.05, "full_from": day(world, 70)}


def test_departure_is_planned_chosen_and_applied(world: World, planner: Caller) -> None:
    made = planned(world, planner)
    assert made.status_code == 201
    path = f"/departures/{made.json()['id']}"
    lines = planner.items(f"{path}/lines?kind=accounts")
    assert [line["account_id"] for line in lines] == [world.accounts["west"]]
    assert lines[0]["why"]
    body = {"lines": [lines[0]["id"]], "successor": world.reps["ben"]}
    assert planner("POST", f"{path}/choose", body).status_code == 428
    chosen = planner("POST", f"{path}/choose", body, If_Match=made["ETag"])
    assert chosen.status_code == 200
    seen = {"fingerprint": made.json()["fingerprint"]}
    assert planner("POST", f"{path}/confirm", seen, If_Match=made["ETag"]).status_code in (409, 412)
    done = planner("POST", f"{path}/confirm", seen, If_Match=chosen["ETag"])
    assert done.json()["state"] == "done"
    assert planner.get(f"/accounts/{world.accounts['west']}").json()["owner"] == "Ben"


def test_lines_come_in_pages(world: World, planner: Caller) -> None:
    path = f"/departures/{planned(world, planner).json()['id']}/lines"
    first = planner.get(f"{path}?limit=1").json()
    rest = planner.get(f"{path}?limit=1000&after={first['next']}").json()
    assert rest["next"] is None
    assert {line["id"] for line in first["items"]}.isdisjoint({line["id"] for line in rest["items"]})


def test_scheduled_departure_is_undone(world: World, planner: Caller) -> None:
    made = planned(world, planner, ahead=9)
    path = f"/departures/{made.json()['id']}"
    assert planner("POST", f"{path}/confirm", {}, If_Match=made["ETag"]).json()["state"] == "scheduled"
    tag = planner.get(path)["ETag"]
    assert planner("POST", f"{path}/undo", If_Match=tag).json()["state"] == "cancelled"


def test_rep_may_read_own_changes_and_make_none(world: World, rep: Caller) -> None:
    mine, hidden = world.reps["ana"], world.reps["ben"]
    assert rep.get(f"/reps/{mine}/changes").status_code == 200
    assert rep.get(f"/reps/{hidden}/changes").content == rep.get("/reps/999999/changes").content
    body = {"first_day": day(world), "last_day": day(world)}
    assert rep("POST", f"/reps/{mine}/leave", body).status_code == 403
    assert rep.get("/departures/1").status_code == 403


@pytest.mark.parametrize("empties", [False, True])
def test_the_last_day_is_set_by_a_departure_only(world: World, planner: Caller, empties: bool) -> None:
    path = f"/reps/{world.reps['ana']}"
    refused = planner("PATCH", path, {"left_on": None if empties else day(world)}, If_Match='"1"')
    (problem,) = refused.json()["problems"]
    assert (refused.status_code, problem["code"], problem["where"]) == (422, "departure-needed", "left_on")
    assert "/departure" in problem["fix"]
    assert planner.get(path).json()["left_on"] is None
