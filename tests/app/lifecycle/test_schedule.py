"""A scheduled model takes effect at its instant in the company's zone, once, exactly as it was approved."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from tests.app.lifecycle.world import World, on, standing, state_of, swapped

from merestone.app import lifecycle, plans
from merestone.app.policy import OPERATOR, Actor
from merestone.base.errors import ConflictError, InvalidInputError
from merestone.db.models import ModelEvent, Notice, Publication, TerritoryModel, TerritoryNode

CHICAGO = "America/Chicago"


@pytest.mark.parametrize(
    ("effective", "zone", "instant"),
    [
        (date(2027, 1, 1), CHICAGO, (2027, 1, 1, 6)),
        ("2027-07-01", CHICAGO, (2027, 7, 1, 5)),
        ("2027-01-01 06:30", CHICAGO, (2027, 1, 1, 12, 30)),
        ("2027-01-01T06:30:15", "Asia/Kolkata", (2027, 1, 1, 1, 0, 15)),
        ("2027-01-01T06:30Z", CHICAGO, (2027, 1, 1, 6, 30)),
        ("2027-01-01T06:30+02:00", CHICAGO, (2027, 1, 1, 4, 30)),
        (datetime(2027, 1, 1, 6, tzinfo=UTC), CHICAGO, (2027, 1, 1, 6)),
        ("2026-11-01 01:30", CHICAGO, (2026, 11, 1, 6, 30)),  # clocks are set back: the earlier one
        ("2018-11-04", "America/Sao_Paulo", (2018, 11, 4, 3)),  # that day begins at one o'clock
        (" 2027-01-01 ", "Pacific/Kiritimati", (2026, 12, 31, 10)),
    ],
)  # fmt: skip
def test_a_day_or_time_means_an_instant(effective: Any, zone: str, instant: tuple[int, ...]) -> None:
    assert lifecycle.instant_of(effective, zone=zone) == datetime(*instant, tzinfo=UTC)  # type: ignore[misc]


@pytest.mark.parametrize(
    "text",
    ["", "soon", "2027-02-30", "2027-01-01 25:00", "2026-03-08 02:30", "01.01.2027", "2027-01-01 6", "9999-12-31 23:59", "0001-01-01T00:00+02:00"],
)  # fmt: skip
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        lifecycle.instant_of(text, zone=CHICAGO)
    assert caught.value.code == "bad-instant"


@pytest.mark.both_databases
class TestTakingEffect:
    """On a clock of its own, in Chicago."""

    @pytest.fixture
    def at(self, world: World) -> tuple[Any, Any]:
        """The services at noon UTC of the last day of 2030, and their clock."""
        return on(world.services, 2030, 12, 31, 12)

    def schedule(self, at: tuple[Any, Any], effective: str = "2031-01-01", actor: Actor = OPERATOR) -> Any:
        return lifecycle.schedule(at[0], actor, "m2", effective=effective, note="New year")

    def test_it_takes_effect_at_that_instant_and_once(self, at: tuple[Any, Any]) -> None:
        services, dial = at
        done = self.schedule(at)
        assert done["takes_effect_at"] == datetime(2031, 1, 1, 6, tzinfo=UTC)
        dial.shows = done["takes_effect_at"] - timedelta(microseconds=1)
        assert lifecycle.publish_due(services) == []
        assert state_of("m2") == "scheduled"
        dial.shows = done["takes_effect_at"]
        first, second = lifecycle.publish_due(services), lifecycle.publish_due(services)
        assert ([one["outcome"] for one in first], second) == (["published"], [])
        assert lifecycle.publish_scheduled(services, "m2")["outcome"] == "nothing"
        assert (state_of("m1"), state_of("m2")) == ("archived", "active")
        row = Publication.objects.get(model__key="m2")
        assert (row.actor, row.content_hash, row.at) == ("system", done["content_hash"], dial.shows)
        model = TerritoryModel.objects.get(key="m2")
        assert (model.takes_effect_at, model.approved_hash) == (None, "")

    def test_the_models_own_first_day_counts_when_none_is_said(self, at: tuple[Any, Any]) -> None:
        plans.apply_document(at[0], OPERATOR, swapped() | {"model": {"key": "m2", "effective": "2031-02-01"}})
        assert lifecycle.schedule(at[0], OPERATOR, "m2")["takes_effect_at"] == datetime(
            2031, 2, 1, 6, tzinfo=UTC
        )

    def test_without_a_day_there_is_nothing_to_schedule(self, at: tuple[Any, Any]) -> None:
        with pytest.raises(InvalidInputError) as caught:
            lifecycle.schedule(at[0], OPERATOR, "m2")
        assert caught.value.code == "bad-instant"

    @pytest.mark.parametrize(
        "effective", ["2030-12-31", "2030-12-31 06:00", "2030-12-31T12:00Z", "1999-01-01"]
    )
    def test_the_past_is_refused(self, at: tuple[Any, Any], effective: str) -> None:
        with pytest.raises(InvalidInputError) as caught:
            self.schedule(at, effective)
        assert caught.value.code == "past-date"
        assert state_of("m2") == "planning"

    def test_a_cancelled_schedule_does_nothing(self, at: tuple[Any, Any]) -> None:
        services, dial = at
        self.schedule(at)
        lifecycle.cancel(services, OPERATOR, "m2", note="Not yet")
        dial.shows = datetime(2031, 1, 2, tzinfo=UTC)
        before = standing()
        assert lifecycle.publish_due(services) == []
        assert (state_of("m2"), standing()) == ("planning", before)

    def test_it_can_be_published_before_its_time(self, at: tuple[Any, Any]) -> None:
        services, dial = at
        self.schedule(at)
        lifecycle.publish(services, OPERATOR, "m2")
        dial.shows = datetime(2031, 1, 2, tzinfo=UTC)
        assert lifecycle.publish_due(services) == []
        assert Publication.objects.filter(model__key="m2").count() == 1

    def test_what_says_something_else_by_now_goes_back_to_review_and_its_people_are_told(
        self, at: tuple[Any, Any]
    ) -> None:
        services, dial = at
        with services.records.transaction(OPERATOR, cause="test"):
            user = services.people.create_user(
                email="vera@example.com", role="planner", name="Vera", password=None, rep_id=None
            )
        vera = Actor(role="planner", user_id=user["id"], label="user:vera@example.com")
        self.schedule(at, actor=vera)
        TerritoryNode.objects.filter(model__key="m2", territory__key="west").update(criteria="state = 'OR'")
        dial.shows = datetime(2031, 1, 2, tzinfo=UTC)
        before = standing()
        outcome = lifecycle.publish_due(services)[0]
        assert (outcome["outcome"], state_of("m2"), standing()) == ("returned", "in_review", before)
        event = ModelEvent.objects.filter(model__key="m2").latest("pk")
        assert (event.from_state, event.to_state, event.actor) == ("scheduled", "in_review", "system")
        assert "Not published as scheduled" in event.note
        assert "not published as scheduled" in Notice.objects.get(user_id=user["id"]).text
        assert lifecycle.publish_due(services) == []
        model = TerritoryModel.objects.get(key="m2")
        assert (model.takes_effect_at, model.approved_hash) == (None, "")

    def test_what_fails_its_cases_by_now_goes_back_to_review(self, at: tuple[Any, Any]) -> None:
        services, dial = at
        self.schedule(at)
        cases = [{"record": [["country", "FR"]], "expect": "match"}]
        node = TerritoryNode.objects.get(model__key="m2", territory__key="us")
        TerritoryNode.objects.filter(pk=node.pk).update(cases=cases)
        document = plans.load_model(services, OPERATOR, "m2")[1]
        TerritoryModel.objects.filter(key="m2").update(approved_hash=lifecycle.content_hash(document))
        dial.shows = datetime(2031, 1, 2, tzinfo=UTC)
        assert "cases fail" in lifecycle.publish_due(services)[0]["because"]
        assert state_of("m2") == "in_review"

    def test_two_that_are_due_take_effect_one_after_the_other(self, at: tuple[Any, Any]) -> None:
        services, dial = at
        plans.apply_document(services, OPERATOR, swapped("m3"))
        lifecycle.schedule(services, OPERATOR, "m3", effective="2031-01-02")
        self.schedule(at)
        dial.shows = datetime(2031, 1, 3, tzinfo=UTC)
        assert [(one["key"], one["outcome"]) for one in lifecycle.publish_due(services)] == [
            ("m2", "published"),
            ("m3", "published"),
        ]
        assert (state_of("m2"), state_of("m3")) == ("archived", "active")

    def test_a_model_scheduled_again_keeps_only_the_last_instant(self, at: tuple[Any, Any]) -> None:
        services, dial = at
        self.schedule(at)
        with pytest.raises(ConflictError):
            self.schedule(at, "2031-02-01")
        lifecycle.cancel(services, OPERATOR, "m2")
        self.schedule(at, "2031-02-01")
        dial.shows = datetime(2031, 1, 15, tzinfo=UTC)
        assert lifecycle.publish_due(services) == []
