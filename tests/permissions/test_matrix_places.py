"""The matrix of ``test_matrix``, for territories, plans, texts, lessons, reviews, and pages about nothing in particular."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.permissions.asking import MISSING, Missing, cells, checked, is_outside, outside, routes_about
from tests.permissions.routes import WRITES, Route
from tests.permissions.rules import ACTORS, PLACES, PLANNED, Who, may_do, reads, reviews
from tests.permissions.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def missing(world: World) -> Missing:
    """The answers to what does not exist."""
    return Missing(world)


@pytest.mark.parametrize("actor", ACTORS)
def test_territories_are_there_for_those_who_see_them_only(missing: Missing, actor: str) -> None:
    def questions() -> Iterator[tuple[str, Route, dict[str, Any]]]:
        for route in routes_about("territory"):
            for relation, path in PLANNED.items():
                # A territory that only a plan has is nowhere in the active model; who plans it may know of it.
                if relation == "planning" and ACTORS[actor].holds("manage-rules", path):
                    continue
                yield actor, route, {
                    "url": route.url(key=path[-1]),
                    "nothing": route.url(key="never"),
                    "sees": relation != "planning" and ACTORS[actor].holds("see", path),
                    "holds": relation != "planning" and ACTORS[actor].holds(route.right, path),
                }  # fmt: skip

    checked(missing, questions())


@pytest.mark.parametrize("actor", ACTORS)
def test_plans_are_there_for_those_who_plan_them_only(missing: Missing, actor: str) -> None:
    def questions() -> Iterator[tuple[str, Route, dict[str, Any]]]:
        for route in routes_about("planned"):
            for path in PLANNED.values():
                if route.method == "PUT":  # makes a territory: the address names what is not there yet
                    continue
                yield actor, route, {
                    "url": route.url(key="next", territory=path[-1]),
                    "nothing": route.url(key="next", territory="never"),
                    "sees": ACTORS[actor].holds("manage-rules", path),
                    "holds": ACTORS[actor].holds(route.right, path),
                }  # fmt: skip
        for route in routes_about("model", "stage"):
            for key in ("next", "m1"):
                yield actor, route, {
                    "url": route.url(key=key),
                    "nothing": route.url(key="never"),
                    "sees": ACTORS[actor].may("manage-rules"),
                    "holds": ACTORS[actor].may(route.right),
                }  # fmt: skip

    checked(missing, questions())


@pytest.mark.parametrize("actor", ACTORS)
def test_pages_and_company_things_are_open_to_those_with_the_right_only(
    world: World, missing: Missing, actor: str
) -> None:
    wrong = []
    for route in routes_about("page", "company"):
        url = route.url(record_id=thing_of(world, route), key="nothing")
        if not route.right:  # public
            continue
        cells[actor] += 1
        answer = world.ask(actor, route, url)
        who = Who(None) if actor == "token" and route.face == "web" else ACTORS[actor]
        found = outside(who, route, answer) if is_outside(actor, route) else None
        if answer.status >= 500:
            found = f"{answer.status}: it broke"
        if found:
            wrong.append(f"{actor:12} {route.method:6} {url}: {found}")
    assert not wrong, "\n".join(wrong)


def thing_of(world: World, route: Route) -> int:
    """Return the number of the thing of the company that a route is about."""
    address = route.template.removeprefix("api/v1/")
    return next((pk for name, pk in world.company.items() if address.startswith(name)), MISSING)


@pytest.mark.parametrize("actor", ACTORS)
def test_texts_and_lessons_are_there_for_those_below_and_above_only(
    world: World, missing: Missing, actor: str
) -> None:
    def questions() -> Iterator[tuple[str, Route, dict[str, Any]]]:
        for route in routes_about("paper"):
            kind = route.subject.partition(":")[2]
            assert route.part == kind
            for relation, pk in world.parts[kind].items():
                path = {**PLACES, **PLANNED}[relation]
                sees = reads(actor, path)
                if (
                    relation == "planning"
                ):  # in force nowhere; lessons have no plan, so those who see all see them
                    sees = kind == "training" and ACTORS[actor].holds("see", ())
                last = route.template.rstrip("/").rsplit("/", 1)[-1]
                yield actor, route, {
                    "url": route.url(part=pk),
                    "nothing": route.url(part=MISSING),
                    "sees": sees,
                    "holds": may_do(actor, last, path) if last in WRITES else sees,
                }  # fmt: skip

    checked(missing, questions())


@pytest.mark.parametrize("actor", ACTORS)
def test_what_is_asked_in_a_review_is_there_for_those_it_concerns_only(
    world: World, missing: Missing, actor: str
) -> None:
    def questions() -> Iterator[tuple[str, Route, dict[str, Any]]]:
        for route in routes_about("challenge"):
            for relation, pk in world.parts["challenges"].items():
                yield actor, route, {
                    "url": route.url(key="look", part=pk),
                    "nothing": route.url(key="look", part=MISSING),
                    "sees": reviews(actor, PLACES[relation]),
                    "holds": reviews(actor, PLACES[relation]),
                }  # fmt: skip

    checked(missing, questions())


def test_there_are_at_least_six_thousand_cells(request: pytest.FixtureRequest) -> None:
    here = [item for item in request.session.items if item.path == request.path]
    if len(here) < 5 * len(ACTORS) + 1:
        pytest.skip("only a part of the matrix was asked")
    assert sum(cells.values()) >= 6_000, cells
