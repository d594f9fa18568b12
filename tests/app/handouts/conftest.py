"""The company of the scenarios' tests, with a manager in its tree."""

from __future__ import annotations

from tests.app.scenarios.conftest import world

__all__ = ["world"]
