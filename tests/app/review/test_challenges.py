"""Challenges: sent, seen, talked about, decided."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from tests.review_world import World, begin

from merestone.app.difference import preview
from merestone.app.lifecycle import set_policies
from merestone.app.policy import OPERATOR
from merestone.app.review import challenges, deciding
from merestone.app.review.drafts import Draft
from merestone.app.services import Services
from merestone.base.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from merestone.db.models import AuditEntry, Notice

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


class FixedClock:
    """The company's clock, stopped."""

    def __init__(self, services: Services, zone: str, now: datetime) -> None:
        self.inner, self._zone, self._now = services.clock, zone, now

    def now(self) -> datetime:
        return self._now

    def today(self) -> date:
        return self._now.astimezone(ZoneInfo(self._zone)).date()

    def zone(self) -> str:
        return self._zone

    def currency(self) -> str:
        return self.inner.currency()


def keep(world: World, account: str = "was-one", **more: Any) -> Draft:
    return Draft("keep", world.accounts[account], reason="I know them.", **more)


def sent(world: World, name: str, draft: Draft) -> int:
    return int(str(deciding.send(world.services, world.actors[name], "new", draft)["id"]))


def owners_then(world: World) -> dict[str, int | None]:
    rows = preview(world.services, world.vera, "new").rows.to_pylist()
    return {row["external_id"]: row["to_owner"] for row in rows}


def test_the_effect_on_both_sides_is_told_before_it_is_sent(review: World) -> None:
    told = challenges.drafted(review.services, review.ana, "new", keep(review))
    mine, other = told["effect"]["sides"]

    assert (mine["name"], mine["without"]["accounts"], mine["with"]["accounts"]) == ("Ana", 2, 3)
    assert (mine["without"]["potential"], mine["with"]["potential"]) == (300, 600)
    # Of somebody Ana does not see: no name, no sums, the index alone.
    assert other["name"] == "The other side"
    assert set(other["with"]) == {"accounts_index", "potential_index", "workload_hours_index"}
    assert other["with"]["potential_index"] < other["without"]["potential_index"]
    assert told["effect"]["share"] == pytest.approx(300 / (2050 / 4), abs=1e-3)
    assert challenges.listed(review.services, review.ana, "new") == []


def test_keeping_an_account_names_it_and_the_difference_shows_it(review: World) -> None:
    number = sent(review, "ana", keep(review))
    done = deciding.decide(review.services, review.vera, "new", number, accept=True, note="Fine.")

    assert done["state"] == "accepted"
    assert set(owners_then(review)) == {"was-two", "nice"}
    loaded = review.services.models.load("new")
    assert loaded is not None
    assert loaded[1].tree["west"].named == ("was-one",)


def test_asking_for_an_account_one_cannot_see_answers_as_for_one_that_does_not_exist(review: World) -> None:
    answers = set()
    for account in (review.accounts["paris"], review.accounts["ny-one"], 10_000_000):
        with pytest.raises(NotFoundError) as refused:
            sent(review, "ana", Draft("give", account, reason="Mine."))
        answers.add(str(refused.value))
    assert answers == {"There is no such account."}


def test_a_manager_asks_for_one_of_their_people_and_swaps(review: World) -> None:
    draft = Draft(
        "swap",
        review.accounts["was-one"],
        review.accounts["cal-one"],
        rep_id=review.reps["ana"],
        reason="Closer.",
    )
    number = sent(review, "mia", draft)
    deciding.decide(review.services, review.vera, "new", number, accept=True)

    then = owners_then(review)
    assert then["cal-one"] == review.reps["ben"]
    assert "was-one" not in then  # it stays with Ana


def test_a_moved_account_can_be_asked_for(review: World) -> None:
    number = sent(
        review, "mia", Draft("give", review.accounts["ny-one"], rep_id=review.reps["ana"], reason="?")
    )
    deciding.decide(review.services, review.paul, "new", number, accept=True)
    assert owners_then(review)["ny-one"] == review.reps["ana"]


@pytest.mark.parametrize(
    ("draft", "words"),
    [
        (lambda w: Draft("keep", w.accounts["was-one"]), "There is no reason"),
        (lambda w: Draft("keep", w.accounts["cal-one"], reason="x"), "gives this account to the rep already"),
        (lambda w: Draft("steal", w.accounts["was-one"], reason="x"), "no kind of challenge"),
        (lambda w: Draft("swap", w.accounts["was-one"], reason="x"), "Nothing is given in return"),
        (
            lambda w: Draft("swap", w.accounts["was-one"], w.accounts["was-two"], reason="x"),
            "does not give this",
        ),
        (lambda w: keep(w, rep_id=w.reps["ben"]), "not said for whom"),
        (lambda w: keep(w, to_territory="france"), "not clear into which territory"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_is_wrong(review: World, draft: Any, words: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        sent(review, "ana", draft(review))
    assert words in str(refused.value)


def test_a_locked_account_cannot_be_challenged(review: World) -> None:
    with review.services.records.transaction(OPERATOR, cause="test"):
        review.services.associations.lock([review.accounts["cal-one"]], reason="x", until=None)
    draft = Draft("give", review.accounts["cal-one"], rep_id=review.reps["ben"], reason="x")
    with pytest.raises(InvalidInputError, match="locked"):
        sent(review, "mia", draft)


def test_one_open_challenge_per_account_and_rep(review: World) -> None:
    sent(review, "ana", keep(review))
    with pytest.raises(ConflictError) as refused:
        sent(review, "ana", keep(review))
    assert refused.value.code == "already-challenged"


def test_clashes_are_told_without_names_that_are_hidden(review: World) -> None:
    first = sent(review, "ana", keep(review))
    second = sent(
        review, "vera",
        Draft("swap", review.accounts["paris"], review.accounts["was-one"], rep_id=review.reps["ben"], reason="x"),
    )  # fmt: skip
    told = challenges.told(review.services, review.ana, "new", first)

    assert (told.clashes, told.n_hidden_clashes) == ((), 1)
    assert challenges.told(review.services, review.vera, "new", first).clashes == (second,)
    assert "paris" not in json.dumps(challenges.listed(review.services, review.ana, "new"), default=str)


def test_strangers_see_no_challenge(review: World) -> None:
    number = sent(review, "ana", keep(review))

    assert [one["id"] for one in challenges.listed(review.services, review.ben, "new")] == [number]
    assert challenges.listed(review.services, review.dan, "new") == []
    assert challenges.listed(review.services, review.eve, "new") == []
    answers = []
    for missing in (number, number + 1000):
        with pytest.raises(NotFoundError) as refused:
            challenges.told(review.services, review.dan, "new", missing)
        answers.append(str(refused.value))
    assert answers[0] == answers[1]


def test_a_manager_of_both_sides_decides_and_nobody_else(review: World) -> None:
    number = sent(review, "ana", keep(review))
    for name in ("ana", "ben"):
        with pytest.raises(ForbiddenError):
            deciding.decide(review.services, review.actors[name], "new", number, accept=True)
    assert (
        deciding.decide(review.services, review.mia, "new", number, accept=False, note="No.")["state"]
        == "rejected"
    )


def test_nobody_decides_what_they_asked_for(review: World) -> None:
    number = sent(review, "mia", keep(review, rep_id=review.reps["ana"]))
    with pytest.raises(ForbiddenError, match="asked for themselves"):
        deciding.decide(review.services, review.mia, "new", number, accept=True)


def test_a_decision_stands(review: World) -> None:
    number = sent(review, "ana", keep(review))
    deciding.decide(review.services, review.vera, "new", number, accept=False)
    with pytest.raises(ConflictError) as refused:
        deciding.decide(review.services, review.paul, "new", number, accept=True)
    assert refused.value.code == "already-decided"
    with pytest.raises(ConflictError):
        challenges.withdraw(review.services, review.ana, "new", number)


def test_taking_back_is_for_who_sent_it(review: World) -> None:
    number = sent(review, "ana", keep(review))
    with pytest.raises(ForbiddenError):
        challenges.withdraw(review.services, review.ben, "new", number)
    challenges.withdraw(review.services, review.ana, "new", number)
    assert challenges.listed(review.services, review.ana, "new")[0]["state"] == "withdrawn"


def test_the_discussion_hides_the_names_of_strangers(review: World) -> None:
    number = sent(review, "ana", keep(review))
    deciding.speak(review.services, review.ben, "new", number, text="I know them too.")
    mine = challenges.told(review.services, review.ana, "new", number).comments
    assert [(one.user_name, one.text) for one in mine] == [("A colleague", "I know them too.")]
    assert challenges.told(review.services, review.mia, "new", number).comments[0].user_name == "Ben"


def test_those_concerned_are_told(review: World) -> None:
    number = sent(review, "ana", keep(review))
    told = Notice.objects.filter(key__startswith=f"challenge:{number}:opened").values_list(
        "user_id", flat=True
    )
    assert set(told) == {review.ben.user_id, review.mia.user_id, review.vera.user_id}


def test_what_one_side_is_told_does_not_name_the_other(review: World) -> None:
    number = sent(review, "ana", keep(review))
    deciding.speak(review.services, review.ana, "new", number, text="Please.")
    deciding.decide(review.services, review.vera, "new", number, accept=True, note="Yes.")

    told = Notice.objects.filter(user_id=review.ben.user_id, kind="challenge").values_list("text", flat=True)
    assert len(told) == 3
    assert not any("Ana" in text for text in told)
    shown = challenges.told(review.services, review.ben, "new", number)
    assert "Ana" not in json.dumps([dict(shown.facts), dict(shown.effect)], default=str)
    assert all(one.user_name == "A colleague" for one in shown.comments)


LATE = {"challenges": {"accept": [{"kinds": ["keep"], "late_stage": True, "effect_within": 0.7}]}}


def add_opportunity(world: World, account: str, stage: str) -> None:
    table = pa.table(
        {
            "name": ["Deal"], "account_id": [world.accounts[account]], "stage": [stage],
            "amount": pa.array([Decimal("900.00")], pa.decimal128(18, 2)), "currency": ["USD"],
        }
    )  # fmt: skip
    with world.services.records.transaction(OPERATOR, cause="test"):
        world.services.records.write("opportunities", table)


@pytest.mark.parametrize(
    ("stage", "within", "state"),
    [("negotiation", 0.7, "accepted"), ("prospecting", 0.7, "open"), ("negotiation", 0.1, "open")],
)
def test_policy_accepts_what_it_says_and_nothing_else(
    review: World, stage: str, within: float, state: str
) -> None:
    rule = {"kinds": ["keep"], "late_stage": True, "effect_within": within}
    set_policies(review.services, review.vera, "new", {"challenges": {"accept": [rule]}})
    add_opportunity(review, "was-one", stage)

    assert deciding.send(review.services, review.ana, "new", keep(review))["state"] == state
    assert ("was-one" in owners_then(review)) == (state == "open")


def test_what_policy_accepts_is_nobodys_edit(review: World) -> None:
    set_policies(review.services, review.vera, "new", LATE)
    add_opportunity(review, "was-one", "negotiation")
    before = review.services.reviews.authors(viewed(review))
    deciding.send(review.services, review.ana, "new", keep(review))

    assert review.services.reviews.authors(viewed(review)) == before
    assert AuditEntry.objects.filter(actor="policy", table_name="merestone_namedaccount").exists()


def viewed(world: World) -> int:
    found = world.services.reviews.model("new")
    assert found is not None
    return found.id


def test_a_long_relationship_counts_from_when_the_owner_came(review: World) -> None:
    rule = {"owned_months": 6}
    set_policies(review.services, review.vera, "new", {"challenges": {"accept": [rule], "decide_days": 300}})
    number = sent(review, "ana", keep(review))
    assert not deciding.settle(review.services, "new", number)
    later = FixedClock(review.services, "UTC", datetime.now(UTC) + timedelta(days=200))
    assert deciding.settle(replace(review.services, clock=later), "new", number)


def test_the_managers_of_both_sides_agree(review: World) -> None:
    set_policies(review.services, review.vera, "new", {"challenges": {"accept": [{"managers_agree": True}]}})
    number = sent(review, "ana", keep(review))
    assert not deciding.speak(review.services, review.ben, "new", number, text="Yes", stance="for")[
        "is_settled"
    ]
    assert deciding.speak(review.services, review.mia, "new", number, text="Yes", stance="for")["is_settled"]


def test_one_against_keeps_the_managers_from_agreeing(review: World) -> None:
    set_policies(review.services, review.vera, "new", {"challenges": {"accept": [{"managers_agree": True}]}})
    number = sent(review, "ana", keep(review))
    deciding.speak(review.services, review.ben, "new", number, text="No", stance="against")
    assert not deciding.speak(review.services, review.mia, "new", number, text="Yes", stance="for")[
        "is_settled"
    ]


@pytest.mark.parametrize(("utc_hour", "is_open"), [(9, True), (11, False)])
def test_the_last_day_ends_where_the_company_is(world: World, utc_hour: int, is_open: bool) -> None:
    begin(world, ends_on=date(2099, 3, 10))
    # Auckland is 13 hours ahead: at 11:00 UTC on the 10th it is the 11th there.
    clock = FixedClock(world.services, "Pacific/Auckland", datetime(2099, 3, 10, utc_hour, 30, tzinfo=UTC))
    there = replace(world, services=replace(world.services, clock=clock))
    if is_open:
        assert sent(there, "ana", keep(there))
    else:
        with pytest.raises(ConflictError) as refused:
            sent(there, "ana", keep(there))
        assert refused.value.code == "review-closed"


def test_what_nobody_decides_expires_when_its_last_day_is_past(review: World) -> None:
    number = sent(review, "ana", keep(review))
    due = challenges.listed(review.services, review.ana, "new")[0]["due_on"]
    zone = "Pacific/Honolulu"
    midnight = datetime(due.year, due.month, due.day, tzinfo=ZoneInfo(zone)) + timedelta(days=1)
    before, after = (
        replace(review.services, clock=FixedClock(review.services, zone, at))
        for at in (midnight - timedelta(minutes=1), midnight)
    )

    assert deciding.expire(before) == 0
    with pytest.raises(ConflictError) as refused:
        deciding.decide(after, review.vera, "new", number, accept=True)
    assert refused.value.code == "challenge-expired"
    assert (deciding.expire(after), deciding.expire(after)) == (1, 0)
    assert challenges.listed(review.services, review.ana, "new")[0]["state"] == "expired"


def test_a_challenge_whose_territory_is_gone_is_moot(review: World) -> None:
    from merestone.app import plan_edits

    number = sent(review, "ana", keep(review))
    plan_edits.remove_territory(review.services, review.vera, "new", "west")
    with pytest.raises(ConflictError) as refused:
        deciding.decide(review.services, review.vera, "new", number, accept=True)
    assert refused.value.code == "challenge-moot"
