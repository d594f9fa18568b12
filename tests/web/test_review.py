"""The pages of reviews: what each shows to whom, and what can be done on them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from tests.review_world import PEOPLE, World, begin, build

from merestone.app.lifecycle import set_policies
from merestone.app.review import deciding
from merestone.app.review.drafts import Draft
from merestone.app.services import Services
from merestone.db.models import Notice

pytestmark = pytest.mark.django_db
HIDDEN = ("Firm paris", "Firm nice", "Firm berlin", "Firm ny-one", "Dan", "Eve", "Europe", "Ben")


@pytest.fixture
def world(db: Any, services: Services) -> World:
    return build(services)


@pytest.fixture
def review(world: World) -> World:
    begin(world)
    return world


@pytest.fixture
def as_person() -> Callable[[str], Client]:
    def sign_in(name: str) -> Client:
        client = Client()
        client.force_login(get_user_model().objects.get(email=f"{name}@example.com"))
        return client

    return sign_in


def text(response: Any) -> str:
    """Return the words of the page, without its frame's styles and scripts."""
    return re.sub(r"<[^>]+>", " ", response.content.decode())


def pages(world: World, number: int) -> list[str]:
    moved = world.accounts["was-one"]
    return [
        reverse("reviews"), reverse("review", args=["new"]), reverse("review-filters", args=["new"]),
        reverse("review-columns", args=["new"]), reverse("review-challenges", args=["new"]),
        reverse("review-challenge", args=["new", number]), reverse("review-challenge-new", args=["new", moved]),
        reverse("notices"),
    ]  # fmt: skip


def sent(world: World) -> int:
    draft = Draft("keep", world.accounts["was-one"], reason="I know them well.")
    return int(str(deciding.send(world.services, world.ana, "new", draft)["id"]))


def test_no_page_shows_a_rep_anything_of_others(review: World, as_person: Callable[[str], Client]) -> None:
    number = sent(review)
    for url in pages(review, number):
        response = as_person("ana").get(url)
        assert response.status_code == 200, url
        for hidden in HIDDEN:
            assert hidden not in text(response), (url, hidden)
    exported = as_person("ana").get(reverse("review-export", args=["new", "csv"]))
    body = b"".join(exported.streaming_content).decode()
    assert "Firm was-one" in body
    assert not any(hidden in body for hidden in HIDDEN)


def test_strangers_get_the_page_of_what_does_not_exist(
    world: World, as_person: Callable[[str], Client]
) -> None:
    begin(world, names=("ana",))
    number = sent(world)
    for name in ("ben", "mia", "dan"):
        for url in pages(world, number)[1:-1]:
            missing = url.replace("/new/", "/nix/", 1)
            hidden, absent = as_person(name).get(url), as_person(name).get(missing)
            assert (hidden.status_code, absent.status_code) == (404, 404), url
            assert text(hidden).replace("nix", "new") == text(absent).replace("nix", "new")


@pytest.mark.parametrize("name", sorted(PEOPLE))
def test_pages_for_planners_are_theirs(review: World, as_person: Callable[[str], Client], name: str) -> None:
    for route in ("review-start", "review-summary"):
        status = as_person(name).get(reverse(route, args=["new"])).status_code
        assert status == (200 if PEOPLE[name] == "planner" else 403), route
    assert as_person(name).post(reverse("review-remind", args=["new"])).status_code == (
        302 if PEOPLE[name] == "planner" else 403
    )


def test_a_planner_starts_a_review(world: World, as_person: Callable[[str], Client]) -> None:
    page = as_person("vera").get(reverse("review-start", args=["new"]))
    values = re.findall(r'name="guest" value="([^"]+)"', page.content.decode())
    assert len(values) == 6

    done = as_person("vera").post(
        reverse("review-start", args=["new"]),
        {"guest": values, "ends_on": "2099-01-31", "depth": "0", "message": "Please."},
        follow=True,
    )
    assert "0 of 6" in text(done)
    assert "6 people were asked to look." in text(done)
    model = world.services.reviews.model("new")
    assert model is not None
    assert (model.state, model.policies["approvals"]) == ("in_review", {"depth": 0})


def test_a_planner_says_which_challenges_need_no_decision(
    world: World, as_person: Callable[[str], Client]
) -> None:
    url, client = reverse("review-start", args=["new"]), as_person("vera")
    sent = {
        "guest": f"{world.ana.user_id}:reviewer:", "decide_days": "3", "late_stage": "on", "owned_months": "24",
        "effect_percent": "5", "managers_agree": "on",
    }  # fmt: skip
    client.post(url, sent)
    model = world.services.reviews.model("new")
    assert model is not None
    assert model.policies["challenges"] == {
        "decide_days": 3,
        "accept": [
            {"kinds": ["keep"], "late_stage": True, "effect_within": 0.05},
            {"kinds": ["keep"], "owned_months": 24, "effect_within": 0.05},
            {"managers_agree": True},
        ],
    }
    again = client.get(url)
    assert again.context["terms"].initial["effect_percent"] == 5
    client.post(url, {"guest": f"{world.ben.user_id}:reviewer:"})
    model = world.services.reviews.model("new")
    assert model is not None
    assert "challenges" not in model.policies


def test_rules_the_form_cannot_say_stay(world: World, as_person: Callable[[str], Client]) -> None:
    rules = {"accept": [{"kinds": ["swap"], "late_stage": True, "owned_months": 3}]}
    set_policies(world.services, world.vera, "new", {"challenges": rules})
    url, client = reverse("review-start", args=["new"]), as_person("vera")
    assert "1 rule of its own" in text(client.get(url))
    client.post(url, {"guest": f"{world.ana.user_id}:reviewer:", "late_stage": "on"})
    model = world.services.reviews.model("new")
    assert model is not None
    assert (model.state, model.policies["challenges"]) == ("in_review", rules)


def test_a_day_that_is_past_starts_nothing_and_keeps_what_was_typed(
    world: World, as_person: Callable[[str], Client]
) -> None:
    done = as_person("vera").post(
        reverse("review-start", args=["new"]), {"ends_on": "2001-01-31", "message": "Keep me."}
    )
    assert done.status_code == 422
    assert "is past" in text(done)
    assert "Keep me." in done.content.decode()


def test_the_list_filters_sorts_and_searches(review: World, as_person: Callable[[str], Client]) -> None:
    def shown(query: str) -> list[str]:
        page = as_person("vera").get(f"{reverse('review', args=['new'])}?{query}").content.decode()
        body = (
            page[page.index("<tbody>", page.index('id="rows"')) :]
            if "<tbody>" in page[page.index('id="rows"') :]
            else ""
        )
        return re.findall(r"Firm ([\w-]+)</a></td>", body)

    assert set(shown("")) == {"was-one", "was-two", "nice"}
    assert shown("sort=-potential") == ["was-one", "nice", "was-two"]
    assert shown("sort=potential") == ["was-two", "nice", "was-one"]
    assert shown("q=nice") == ["nice"]
    assert shown("potential.min=260") == ["was-one"]
    assert set(shown("to_owner_name=Ben")) == {"was-one", "was-two"}
    assert shown("change=gained") == []


def test_the_effect_is_shown_before_anything_is_sent(
    review: World, as_person: Callable[[str], Client]
) -> None:
    url = reverse("review-challenge-new", args=["new", review.accounts["was-one"]])
    page = as_person("ana").post(url, {"kind": "keep", "look": "1"}, headers={"HX-Request": "true"})

    assert page.status_code == 200
    assert "What it does to the balance" in text(page)
    assert review.services.reviews.challenges(1) == []


def test_a_challenge_is_sent_talked_about_and_decided(
    review: World, as_person: Callable[[str], Client]
) -> None:
    url = reverse("review-challenge-new", args=["new", review.accounts["was-one"]])
    page = as_person("ana").post(url, {"kind": "keep", "reason": "Ten years."}, follow=True)
    assert "Ten years." in text(page)
    number = int(page.request["PATH_INFO"].split("/")[-2])
    here = reverse("review-challenge", args=["new", number])

    assert "I agree" in text(as_person("ben").post(here, {"text": "I agree"}, follow=True))
    assert (
        as_person("ben").post(reverse("review-decide", args=["new", number]), {"word": "accept"}).status_code
        == 403
    )
    done = as_person("mia").post(
        reverse("review-decide", args=["new", number]), {"word": "accept", "note": "Fair."}, follow=True
    )
    assert "Accepted by Mia" in text(done)
    again = as_person("vera").post(reverse("review-decide", args=["new", number]), {"word": "reject"})
    assert again.status_code == 409


def test_an_unfinished_challenge_says_what_is_missing(
    review: World, as_person: Callable[[str], Client]
) -> None:
    url = reverse("review-challenge-new", args=["new", review.accounts["was-one"]])
    page = as_person("ana").post(url, {"kind": "swap", "reason": "Better so."})
    assert page.status_code == 422
    assert "Nothing is given in return." in text(page)


def test_approvals_are_given_on_their_page(review: World, as_person: Callable[[str], Client]) -> None:
    set_policies(review.services, review.vera, "new", {"approvals": {"depth": 0}})
    url = reverse("review-approvals", args=["new"])

    assert "Missing" in text(as_person("mia").get(url))
    assert "Europe" not in text(as_person("mia").get(url))
    refused = as_person("mia").post(url, {"territory": "us", "word": "reject"})
    assert (refused.status_code, "There is no reason." in text(refused)) == (422, True)
    assert "Mia approved it" in text(
        as_person("mia").post(url, {"territory": "us", "word": "approve"}, follow=True)
    )
    assert as_person("ana").get(url).status_code == 404
    assert "Mia approved it" in text(as_person("vera").get(url))


def test_the_bell_counts_until_one_has_looked(review: World, as_person: Callable[[str], Client]) -> None:
    client = as_person("ana")
    assert "Notices: 1 not read" in text(client.get(reverse("notices")))
    told = Notice.objects.get(user_id=review.ana.user_id)
    assert client.post(reverse("notice", args=[told.pk]))["Location"] == "/review/new/"
    assert "not read" not in text(client.get(reverse("reviews")))


def test_nobody_reads_anothers_notice(review: World, as_person: Callable[[str], Client]) -> None:
    other = Notice.objects.get(user_id=review.ben.user_id)
    assert as_person("ana").post(reverse("notice", args=[other.pk])).status_code == 404
    assert Notice.objects.get(pk=other.pk).read_at is None


def test_an_invitation_taken_back_closes_the_page(review: World, as_person: Callable[[str], Client]) -> None:
    model = review.services.reviews.model("new")
    assert model is not None
    mine = next(
        one for one in review.services.reviews.invitations(model.id) if one["user_id"] == review.ana.user_id
    )
    as_person("vera").post(reverse("review-uninvite", args=["new", mine["id"]]))
    assert as_person("ana").get(reverse("review", args=["new"])).status_code == 404
