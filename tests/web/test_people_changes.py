"""Pages of leave, cover, ramps and departures."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from merestone.app import people_changes
from merestone.app.policy import OPERATOR


def today(company: Any) -> Any:
    return company.services.clock.today()


def planned(company: Any, name: str = "ana", *, days: int = -1) -> int:
    day = today(company) + timedelta(days=days)
    return people_changes.plan_departure(company.services, OPERATOR, company.reps[name], last_day=day)


def test_planner_enters_leave_with_cover_and_it_shows_where_people_look(
    planner: Client, as_role: Callable[[str], Client], company: Any
) -> None:
    ana = company.reps["ana"]
    day = today(company)
    sent = {
        "first_day": day,
        "last_day": day + timedelta(days=2),
        "cover": company.reps["ben"],
        "reason": "Operation",
    }
    response = planner.post(f"/reps/{ana}/changes/leave/", sent, follow=True)
    assert "is away for 3 days" in response.text
    for client, path in (
        (planner, f"/reps/{ana}/"),
        (planner, f"/accounts/{company.accounts['west']}/"),
        (as_role("manager"), "/"),
        (planner, "/people/calendar/"),
        (planner, "/leave/"),
        (planner, "/covers/"),
    ):
        assert "Ben" in client.get(path).text or path == "/leave/", path
    assert "You stand in" not in as_role("rep").get("/").text


def test_reason_of_leave_is_for_those_who_manage_the_rep_and_the_rep(
    as_role: Callable[[str], Client], company: Any
) -> None:
    day = today(company)
    people_changes.enter_leave(
        company.services, OPERATOR, company.reps["ana"], first_day=day, last_day=day, reason="Operation"
    )
    texts = {
        role: as_role(role).get(f"/reps/{company.reps['ana']}/changes/").text
        for role in ("planner", "rep", "manager")
    }
    assert "Operation" in texts["planner"]
    assert "Operation" in texts["rep"]
    assert "Operation" not in texts["manager"]
    assert "Away" in texts["manager"]


def test_refused_leave_shows_what_was_typed_and_why(planner: Client, company: Any) -> None:
    day, ana = today(company), company.reps["ana"]
    people_changes.enter_leave(company.services, OPERATOR, ana, first_day=day, last_day=day)
    sent = {"first_day": day, "last_day": day + timedelta(days=2), "reason": "Sailing"}
    response = planner.post(f"/reps/{ana}/changes/leave/", sent)
    assert response.status_code == 422
    assert "is away already" in response.text
    assert "Sailing" in response.text


def test_cover_is_entered_and_ended(planner: Client, company: Any) -> None:
    ana = company.reps["ana"]
    planner.post(f"/reps/{ana}/changes/cover/", {"cover": company.reps["ben"], "first_day": today(company)})
    [row] = company.services.people_changes.covers(rep_ids=[ana])
    planner.post(f"/reps/{ana}/changes/cover/{row.id}/end/")
    assert company.services.people_changes.covers(rep_ids=[ana]) == []


def test_departure_goes_from_plan_by_choice_to_done(planner: Client, company: Any) -> None:
    ana, ben = company.reps["ana"], company.reps["ben"]
    last = today(company) - timedelta(days=1)
    response = planner.post(f"/reps/{ana}/changes/departure/", {"last_day": last})
    page = planner.get(response["Location"])
    plan = page.context["plan"]
    assert "Departure of Ana" in page.text
    lines = planner.get(page.context["lines_url"])
    ids = [line.id for line in lines.context["page"].lines]
    sent = {"ids": ids, "query": f"departure={plan.row.id}", "confirmed": "1", "successor": ben}
    assert planner.post("/handovers/bulk/choose/", sent).status_code == 302
    page = planner.get(response["Location"])
    applied = {"version": page.context["row"].version, "fingerprint": page.context["row"].fingerprint}
    assert planner.post(f"/departures/{plan.row.id}/apply/", applied).status_code == 302
    assert "What changed hands" in planner.get(response["Location"]).text
    assert f"/reps/{ben}/" in planner.get(f"/accounts/{company.accounts['west']}/").text


def test_plan_looked_at_before_somebody_changed_it_is_a_conflict(planner: Client, company: Any) -> None:
    departure = planned(company)
    page = planner.get(f"/departures/{departure}/")
    line = page.context["plan"].lines[0]
    people_changes.choose(company.services, OPERATOR, departure, lines=[line.id], successor=None)
    sent = {"version": page.context["row"].version, "fingerprint": page.context["row"].fingerprint}
    assert planner.post(f"/departures/{departure}/apply/", sent).status_code == 409


def test_scheduled_departure_is_undone_on_its_page(planner: Client, company: Any) -> None:
    departure = planned(company, days=20)
    page = planner.get(f"/departures/{departure}/")
    sent = {"version": page.context["row"].version, "fingerprint": page.context["row"].fingerprint}
    planner.post(f"/departures/{departure}/apply/", sent)
    assert "Until then you can undo it" in planner.get(f"/departures/{departure}/").text
    assert planner.post(f"/departures/{departure}/undo/").status_code == 302
    assert "Leaves" not in planner.get(f"/reps/{company.reps['ana']}/").text


def test_lines_filter_sort_and_export_like_every_list(planner: Client, company: Any) -> None:
    departure = planned(company)
    other = planned(company, "ben")
    url = f"/handovers/?departure={departure}"
    shown = planner.get(f"{url}&kind=accounts&sort=-points").context["page"]
    assert [line.cells[0].value for line in shown.lines] == ["West Brewing"]
    exported = b"".join(planner.get(f"/handovers/export/csv/?departure={other}&kind=accounts")).decode()
    assert "East Brewing" in exported
    assert "West Brewing" not in exported


@pytest.mark.parametrize("path", ["/departures/{}/", "/handovers/?departure={}"])
def test_departure_that_is_hidden_answers_like_one_that_is_not_there(
    as_role: Callable[[str], Client], company: Any, path: str
) -> None:
    from merestone.app.policy import Right
    from merestone.db.models import Grant, Territory

    east = Territory.objects.get(key="east")
    rights = [Right.MANAGE_MEMBERS.value, Right.SEE.value]
    Grant.objects.create(user_id=company.users["rep"], territory=east, rights=rights)
    mine, hidden = planned(company, "ben"), planned(company, "ana")
    client = as_role("rep")
    assert client.get(path.format(mine)).status_code == 200
    answers = [client.get(path.format(one)) for one in (hidden, 99_999)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert "Ana" not in answers[0].text.replace("Ana</", "")  # the menu names the one signed in


def test_others_may_look_at_changes_but_not_make_them(rep: Client, company: Any) -> None:
    ana = company.reps["ana"]
    page = rep.get(f"/reps/{ana}/changes/")
    assert page.status_code == 200
    assert "Enter leave" not in page.text
    for name in ("leave", "cover", "ramp", "departure"):
        assert rep.post(f"/reps/{ana}/changes/{name}/").status_code == 403
    assert rep.get("/departures/").status_code == 403
    assert rep.get("/people/calendar/").status_code == 403


def test_ramp_shows_on_the_rep_page(planner: Client, company: Any) -> None:
    from tests.builders import pa

    with company.services.records.transaction(OPERATOR, cause="test"):
        company.services.records.write(
            "reps", pa.table({"id": [company.reps["ana"]], "capacity_hours": [100.0]})
        )
        company.services.records.write(
            "accounts", pa.table({"id": [company.accounts["west"]], "workload_hours": [20.0]})
        )
    sent = {"hired_on": today(company), "ramp_weeks": 10}
    assert "carries 5%" in planner.post(f"/reps/{company.reps['ana']}/changes/ramp/", sent, follow=True).text
    assert "5 % of full load until" in planner.get(f"/reps/{company.reps['ana']}/").text


@pytest.mark.parametrize(
    "query", ["", "?from=2026-02-30&weeks=7", "?from=9999-12-31", "?from=0001-01-01&weeks=26"]
)
def test_calendar_opens_on_whatever_it_is_asked(planner: Client, query: str) -> None:
    assert planner.get(f"/people/calendar/{query}").status_code == 200


def test_the_form_of_a_rep_leads_to_a_departure_instead_of_a_last_day(planner: Client, company: Any) -> None:
    ana = company.reps["ana"]
    page = planner.get(f"/reps/{ana}/edit/").text
    assert 'name="left_on"' not in page
    assert f'href="/reps/{ana}/changes/#departure"' in page
