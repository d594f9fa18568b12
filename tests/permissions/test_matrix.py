"""Every route × everybody × every relation to the record: what is hidden cannot be told from what is not there.

What is expected comes from ``rules``, a small model of access that knows nothing of the program.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from tests.permissions.routes import ADVICE, SEEN_BY, Route, all_routes
from tests.permissions.rules import ACTORS, PLACES, PLANNED, Who
from tests.permissions.world import Whole, World

pytestmark = pytest.mark.django_db
MISSING = 999_999
cells: Counter[str] = Counter()


def test_every_route_is_classified() -> None:
    unknown = sorted({route.template for route in all_routes() if not route.subject})
    assert not unknown, ADVICE.format(routes="\n  ".join(unknown))


def routes_about(*subjects: str) -> list[Route]:
    """Return the routes about these subjects."""
    return [route for route in all_routes() if route.subject.split(":")[0] in subjects]


def without_noise(answer: Whole) -> tuple[int, bytes, list[tuple[str, str]]]:
    """Return an answer without what differs from request to request: tokens against forgery."""
    content = re.sub(rb'value="[A-Za-z0-9]{64}"|X-CSRFToken": "[^"]+"', b"", answer.content)
    headers = [(name, value) for name, value in sorted(answer.headers.items()) if name != "Content-Length"]
    return answer.status, content, headers


def outside(who: Who, route: Route, answer: Whole) -> str | None:
    """Return what is wrong with an answer to somebody who has no business here; None when nothing is."""
    if who.role is not None:
        return None if answer.status == 403 else f"{answer.status} without the right {route.right}"
    wanted = 401 if route.face == "api" else 302
    if answer.status != wanted or (wanted == 302 and not answer.headers["Location"].startswith("/sign-in/")):
        return f"{answer.status} to somebody not signed in"
    return None


def is_outside(actor: str, route: Route) -> bool:
    """Return whether somebody has no business with a route at all; a token opens no page."""
    who = ACTORS[actor]
    return who.role is None or not who.may(route.right) or (actor == "token" and route.face == "web")


class Missing:
    """The answers to what does not exist, asked once each."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.known: dict[tuple[str, Route, str], Any] = {}

    def __call__(self, actor: str, route: Route, url: str) -> Any:
        key = (actor, route, url)
        if key not in self.known:
            self.known[key] = without_noise(self.world.ask(actor, route, url))
        return self.known[key]


def verdict(
    missing: Missing, actor: str, route: Route, *, url: str, nothing: str, sees: bool, holds: bool
) -> str | None:
    """Return what is wrong with one cell; None when all is as it should be.

    Parameters
    ----------
    nothing : str
        The same address of something that does not exist.
    sees, holds : bool
        Whether the small model lets them see it, and do this with it.
    """
    cells[actor] += 1
    answer = missing.world.ask(actor, route, url)
    who = ACTORS[actor]
    if answer.status >= 500:
        return f"{answer.status}: it broke"
    if is_outside(actor, route):
        if actor == "token" and route.face == "web":
            who = Who(None)
        found = outside(who, route, answer)
        if found is None and without_noise(answer) != missing(actor, route, nothing) and route.face == "api":
            return "differs from a missing one"
        return found
    if sees:
        if answer.status == 404 and not route.may_be_empty:
            return "hidden from somebody who may see it"
        if not route.is_safe and not holds and answer.status < 400:
            return f"{answer.status}: done without the right {route.right} there"
        return None
    if answer.status < 400:
        return f"{answer.status}: shown to somebody who may not see it"
    if without_noise(answer) != missing(actor, route, nothing):
        return "differs from a missing one"
    return None


def checked(missing: Missing, questions: Iterator[tuple[str, Route, dict[str, Any]]]) -> None:
    """Ask every question, and tell all that is wrong at once."""
    wrong = [
        f"{actor:12} {route.method:6} {question['url']}: {found}"
        for actor, route, question in questions
        if (found := verdict(missing, actor, route, **question))
    ]
    assert not wrong, f"{len(wrong)} cells are wrong:\n" + "\n".join(wrong[:60])


@pytest.fixture(scope="module")
def missing(world: World) -> Missing:
    """The answers to what does not exist."""
    return Missing(world)


@pytest.mark.parametrize("actor", ACTORS)
def test_records_are_there_for_those_who_see_them_only(world: World, missing: Missing, actor: str) -> None:
    def questions() -> Iterator[tuple[str, Route, dict[str, Any]]]:
        for route in routes_about("record"):
            table = route.subject.partition(":")[2]
            for relation, path in PLACES.items():
                yield actor, route, {
                    "url": route.url(record_id=world.records[table][relation]),
                    "nothing": route.url(record_id=MISSING),
                    "sees": ACTORS[actor].holds(SEEN_BY.get(table, "see"), path),
                    "holds": ACTORS[actor].holds(route.right, path),
                }  # fmt: skip

    checked(missing, questions())


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


def test_there_are_at_least_five_thousand_cells(request: pytest.FixtureRequest) -> None:
    here = [item for item in request.session.items if item.path == request.path]
    if len(here) < 4 * len(ACTORS) + 2:
        pytest.skip("only a part of the matrix was asked")
    assert sum(cells.values()) >= 5_000, cells
