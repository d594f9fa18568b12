"""The demo company once, for all tests that only look at it."""

from __future__ import annotations

from datetime import date

import pytest

from merestone.boot.demo import DemoData, generate
from merestone.connectors.geodata import Gazetteer

TODAY = date(2026, 11, 23)


@pytest.fixture(scope="session")
def gazetteer() -> Gazetteer:
    return Gazetteer()


@pytest.fixture(scope="session")
def demo(gazetteer: Gazetteer) -> DemoData:
    return generate(gazetteer, today=TODAY)


@pytest.fixture
def today() -> date:
    return TODAY
