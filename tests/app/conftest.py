"""Use cases run on the real stores."""

from __future__ import annotations

from typing import Any

import pytest

from merestone.app.services import Services


@pytest.fixture
def services(db: Any) -> Services:
    """The services on the test database."""
    from merestone.boot.services import services

    return services()
