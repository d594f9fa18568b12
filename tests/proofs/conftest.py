"""What the proofs share: the services on the test database, and verification at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from merestone.app.policy import OPERATOR
from merestone.app.services import Services
from merestone.app.verify import verify


@pytest.fixture
def services(db: Any) -> Services:
    """The services on the test database."""
    from merestone.boot.services import services

    return services()


@pytest.fixture
def breaches() -> Callable[[Services], list[str]]:
    """Return what ``merestone verify`` finds, one line each; nothing in a sound database."""

    def found(services: Services) -> list[str]:
        return [
            f"{answer.rule}: {finding.message}"
            for answer in verify(services, OPERATOR).answers
            if not answer.is_kept
            for finding in answer.findings
        ]

    return found
