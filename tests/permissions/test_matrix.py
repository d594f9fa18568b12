"""Every route × everybody × every relation to the record: what is hidden cannot be told from what is not there.

What is expected comes from ``rules``, a small model of access that knows nothing of the program. Here are the routes
about records; ``test_matrix_places`` has all others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.permissions.asking import MISSING, Missing, cells, checked, routes_about
from tests.permissions.routes import ADVICE, SEEN_BY, Route, all_routes
from tests.permissions.rules import ACTORS, PLACES
from tests.permissions.world import World

pytestmark = pytest.mark.django_db


def test_every_route_is_classified() -> None:
    unknown = sorted({route.template for route in all_routes() if not route.subject})
    assert not unknown, ADVICE.format(routes="\n  ".join(unknown))


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
                part = world.parts[route.part][relation] if route.part else MISSING
                yield actor, route, {
                    "url": route.url(record_id=world.records[table][relation], part=part),
                    "nothing": route.url(record_id=MISSING, part=part),
                    "sees": ACTORS[actor].holds(SEEN_BY.get(table, "see"), path),
                    "holds": ACTORS[actor].holds(route.right, path),
                }  # fmt: skip

    checked(missing, questions())


def test_there_are_at_least_four_thousand_cells(request: pytest.FixtureRequest) -> None:
    here = [item for item in request.session.items if item.path == request.path]
    if len(here) < len(ACTORS) + 2:
        pytest.skip("only a part of the matrix was asked")
    assert sum(cells.values()) >= 4_000, cells
