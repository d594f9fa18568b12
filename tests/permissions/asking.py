"""Asking one question of the matrix, and judging the answer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.permissions.routes import Route, all_routes
from tests.permissions.rules import ACTORS, Who
from tests.permissions.world import Whole, World

MISSING = 999_999
cells: Counter[str] = Counter()


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
