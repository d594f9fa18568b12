"""One gazetteer for all of its tests: reading the files is most of the work."""

from __future__ import annotations

import pytest

from merestone.connectors.geodata import Gazetteer


@pytest.fixture(scope="session")
def gazetteer() -> Gazetteer:
    """The gazetteer over the packaged data."""
    return Gazetteer()
