"""The world of these tests."""

from __future__ import annotations

import pytest
from tests.app.lifecycle.world import World, build

from merestone.app.services import Services


@pytest.fixture
def world(services: Services) -> World:
    """A company with a model in force and another planned."""
    return build(services)
