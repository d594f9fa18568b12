"""Reviews on the real stores."""

from __future__ import annotations

import pytest
from tests.review_world import World, begin, build

from merestone.app.services import Services


@pytest.fixture
def world(services: Services) -> World:
    """The company before the review."""
    return build(services)


@pytest.fixture
def review(world: World) -> World:
    """The company while the new model is in review."""
    begin(world)
    return world
