"""Explanations: what holds a record, what would flip it, and nothing of territories the asker does not see."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.builders import WEST_EAST, add_accounts, add_leads, add_reps, document, publish

from merestone.app import assign, explain
from merestone.app.explain_words import say_trace
from merestone.app.policy import OPERATOR, Actor
from merestone.app.rulebook import RuleBook
from merestone.app.services import Services
from merestone.base.errors import NotFoundError
from merestone.core.rules.document import read_document

RECORD = {"id": "A1", "country": "US", "state": "NY", "employees": 120}


def book(*territories: dict[str, Any]) -> RuleBook:
    return RuleBook(read_document(document(territories)))


SMALL = {"key": "small", "name": "Small", "parent": "us", "where": "employees < 50"}


def test_why_not_tells_both_ways_in_words() -> None:
    answer = explain.explain_record(book(*WEST_EAST, SMALL), RECORD, why_not="small")["why_not"]
    assert [step["step"] for step in answer["steps"]] == ["held", "failed"]
    assert [(change["say"], change["why"]) for change in answer["record"]["changes"]] == [
        ("Change the employees from 120 to 49", "so that employees below 50"),
        ("Change the state from NY to a value that no rule names", "so that East no longer matches"),
    ]
    assert [edit["say"] for edit in answer["rules"][0]["edits"]] == ["Name it in Small"]


def test_the_whole_answer_is_json_and_reads_as_lines() -> None:
    rules = book(*WEST_EAST, SMALL)
    answer = json.loads(json.dumps({"id": "A1", **explain.explain_record(rules, RECORD, why_not="west")}))
    text = "\n".join(say_trace(answer))
    assert "- failed: state = NY, needs in ('CA', 'WA')" in text
    assert "? unknown: employees is missing" in "\n".join(
        say_trace({"id": "A1", **explain.explain_record(rules, {**RECORD, "employees": None})})
    )
    assert "Change the state from NY to CA (so that state is CA or WA" in text
    assert "where: state in ('CA', 'WA', 'NY')" in text


def test_a_text_of_the_winner_needs_no_change() -> None:
    answer = explain.explain_record(book(*WEST_EAST), RECORD, why_not="east")["why_not"]
    assert answer["record"]["sentence"] == "By these rules it belongs to East already."
    assert answer["rules"] == []


# --- hidden territories ----------------------------------------------------------------------------------------------

SECRET = {"key": "secret", "name": "Secret", "parent": "us", "where": "employees > 100 and state <> 'NY'"}
VISIBLE = {"west", "east"}


@pytest.mark.parametrize("why_not", [None, "west", "east"])
def test_a_hidden_territory_changes_nothing_in_the_answer(why_not: str | None) -> None:
    """What does not place the record is not named, and no proposal steers round it."""
    without = explain.explain_record(book(*WEST_EAST), RECORD, why_not=why_not, shown=VISIBLE)
    with_it = explain.explain_record(
        book(*WEST_EAST, {**SECRET, "priority": 1}), RECORD, why_not=why_not, shown=VISIBLE
    )
    assert with_it == without
    assert "us" not in {entry["parent"] for entry in with_it["considered"]}
    assert "secret" not in json.dumps(with_it).lower()
    assert "United States" not in json.dumps(with_it)


def test_a_hidden_winner_leaves_no_trace() -> None:
    rules = book(*WEST_EAST, {**SECRET, "where": "employees > 100", "priority": 1})
    answer = explain.explain_record(rules, RECORD, shown=VISIBLE)
    assert (answer["winner"], answer["cause"], answer["decided_by"], answer["path"]) == (None, None, None, [])
    assert all("lost_by" not in entry for entry in answer["considered"])


def test_a_hidden_territory_and_a_missing_one_answer_alike() -> None:
    said = []
    for key in ("secret", "never"):
        with pytest.raises(NotFoundError) as caught:
            explain.explain_record(book(*WEST_EAST, SECRET), RECORD, why_not=key, shown=VISIBLE)
        said.append(str(caught.value).replace(key, "#"))
    assert said[0] == said[1]


# --- records of the database -----------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_lock_and_a_move_by_hand_hold_whatever_the_rules_say(services: Services) -> None:
    add_reps(services)
    publish(services)
    [account] = add_accounts(services, [{"state": "CA"}])
    assert explain.explain_account(services, OPERATOR, account)["held"] is None
    assign.move_accounts(services, OPERATOR, [account], territory="east", reason="Ben knows them")
    moved = explain.explain_account(services, OPERATOR, account)
    assert moved["winner"] == "west"
    assert moved["placed"] == {"territory": "east", "cause": "manual", "is_locked": False}
    assert moved["held"].startswith("It was moved to East by hand: it stays there whatever the rules say")
    assign.lock_account(services, OPERATOR, account, reason="audit")
    locked = explain.explain_account(services, OPERATOR, account)
    assert locked["held"] == "It is locked in East: it stays there whatever the rules say."


@pytest.mark.django_db
def test_a_lead_is_explained_like_an_account(services: Services) -> None:
    reps = add_reps(services)
    publish(services)
    lead, hidden = add_leads(services, [{"state": "CA"}, {"state": "NY"}])
    answer = explain.explain_lead(services, OPERATOR, lead, why_not="east")
    assert (answer["lead"], answer["winner"]) == (lead, "west")
    assert [change["field"] for change in answer["why_not"]["record"]["changes"]] == ["state"]
    ana = Actor(role="rep", rep_id=reps["ana"])
    assert explain.explain_lead(services, ana, lead)["winner"] == "west"
    with pytest.raises(NotFoundError):
        explain.explain_lead(services, ana, hidden)
