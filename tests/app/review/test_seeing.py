"""Who sees what of a model in review."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests import builders
from tests.review_world import World

from merestone.app.lifecycle import set_policies
from merestone.app.policy import Right
from merestone.app.review.seeing import note_look, picture
from merestone.app.review.summary import reviews_of, summary
from merestone.app.review.viewing import viewing
from merestone.base.errors import ForbiddenError, NotFoundError

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def moves(world: World, name: str) -> dict[str, str]:
    """Return external id -> what it is to somebody."""
    found = picture(world.services, world.actors[name], "new").moves.to_pylist()
    return {row["external_id"]: row["change"] for row in found}


def test_a_rep_sees_only_what_they_win_and_lose(review: World) -> None:
    assert moves(review, "ana") == {"was-one": "lost", "was-two": "lost"}
    assert moves(review, "ben") == {"was-one": "gained", "was-two": "gained"}
    assert moves(review, "fay") == {"nice": "gained"}


def test_a_manager_sees_what_moves_in_their_subtree(review: World) -> None:
    assert moves(review, "mia") == {"was-one": "within", "was-two": "within"}
    assert moves(review, "eve") == {"nice": "within"}


def test_a_planner_sees_everything(review: World) -> None:
    assert moves(review, "vera") == {"was-one": "within", "was-two": "within", "nice": "within"}


def test_nothing_of_others_appears_anywhere_in_what_a_rep_gets(review: World) -> None:
    found = picture(review.services, review.ana, "new")
    text = json.dumps([found.moves.to_pylist(), found.balance], default=str)

    assert "was-one" in text
    for hidden in (
        "paris",
        "nice",
        "berlin",
        "ny-one",
        "cal-one",
        "Ben",
        "Dan",
        "Eve",
        "East",
        "Europe",
        "NY",
    ):
        assert hidden not in text, hidden


def test_the_reason_tells_ones_own_side_of_the_rules(review: World) -> None:
    losing = picture(review.services, review.ana, "new").moves.to_pylist()[0]
    winning = picture(review.services, review.ben, "new").moves.to_pylist()[0]

    assert losing["why"] == "West no longer matches: state is CA."
    assert (losing["to_name"], losing["to_owner_name"]) == ("Another territory", "Another rep")
    assert winning["why"] == "East matches: state is NY, MA or WA."


def test_the_balance_shows_before_and_after_with_the_index_to_the_mean(review: World) -> None:
    (mine,) = picture(review.services, review.ana, "new").balance

    assert (mine["before"]["accounts"], mine["after"]["accounts"]) == (4, 2)
    assert (mine["before"]["potential"], mine["after"]["potential"]) == (650, 300)
    assert mine["after"]["potential_index"] == pytest.approx(100 * 300 / (2050 / 4), abs=0.1)


def test_a_manager_weighs_their_own_people_only(review: World) -> None:
    assert [one["name"] for one in picture(review.services, review.mia, "new").balance] == ["Ana", "Ben"]


def test_who_was_not_asked_gets_the_answer_of_a_model_that_does_not_exist(world: World) -> None:
    from tests.review_world import begin

    begin(world, names=("ana",))
    answers = []
    for actor, key in ((world.ben, "new"), (world.ben, "nix")):
        with pytest.raises(NotFoundError) as refused:
            picture(world.services, actor, key)
        answers.append(str(refused.value).replace(key, "KEY"))
    assert answers[0] == answers[1]


def test_a_model_not_in_review_is_invisible_to_those_asked(review: World) -> None:
    from merestone.app.lifecycle import send_back

    send_back(review.services, review.vera, "new")
    with pytest.raises(NotFoundError):
        viewing(review.services, review.ana, "new")
    assert viewing(review.services, review.vera, "new").sees_all


def test_looking_is_recorded_and_an_edit_makes_it_stale(review: World) -> None:
    note_look(review.services, viewing(review.services, review.ana, "new"))
    told = summary(review.services, review.vera, "new")
    (mine,) = [one for one in told["people"] if one["name"] == "Ana"]
    assert (mine["is_current"], told["looked"], told["asked"]) == (True, 1, 6)

    from merestone.app import plan_edits

    seen = plan_edits.read_territory(review.services, review.vera, "new", "west")
    plan_edits.edit_territory(
        review.services, review.vera, "new", "west", {"name": "Far west"}, fingerprint=seen["fingerprint"]
    )
    (mine,) = [one for one in summary(review.services, review.vera, "new")["people"] if one["name"] == "Ana"]
    assert (bool(mine["looked_at"]), mine["is_current"]) == (True, False)


def test_looking_again_at_once_writes_nothing(review: World, django_assert_num_queries: object) -> None:
    note_look(review.services, viewing(review.services, review.ana, "new"))
    eyes = viewing(review.services, review.ana, "new")
    with django_assert_num_queries(0):  # type: ignore[operator]
        note_look(review.services, eyes)


def test_only_planners_see_how_a_review_stands(review: World) -> None:
    with pytest.raises(ForbiddenError):
        summary(review.services, review.mia, "new")


def test_everybody_finds_their_reviews_with_what_is_left_to_do(review: World) -> None:
    set_policies(review.services, review.vera, "new", {"approvals": {"depth": 0}})

    assert [one["to_approve"] for one in reviews_of(review.services, review.mia)] == [1]
    (mine,) = reviews_of(review.services, review.ana)
    assert (mine["message"], mine["to_approve"], mine["looked_at"]) == ("Please look.", 0, None)
    assert review.ana.can(Right.SEE)


def test_a_subtree_limits_what_a_reviewer_is_shown(world: World) -> None:
    from merestone.app.review.inviting import Guest
    from merestone.app.review_start import start_review

    start_review(world.services, world.vera, "new", [Guest(world.mia.user_id or 0, "reviewer", "eu")])
    assert moves(world, "mia") == {}


def test_the_number_of_queries_does_not_grow_with_the_moves(review: World) -> None:
    def n_queries() -> int:
        picture(review.services, review.ana, "new")
        with CaptureQueriesContext(connection) as context:
            found = picture(review.services, review.ana, "new")
        counts.append(found.moves.num_rows)
        return len(context)

    counts: list[int] = []
    few = n_queries()
    more = [{"external_id": f"more-{i}", "name": f"More {i}", "state": "WA"} for i in range(30)]
    builders.add_accounts(review.services, more)
    assert (n_queries(), counts) == (few, [2, 32])
