"""The company the machines run on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

for name in ("machine", "everyday", "lifetime", "sight"):  # their asserts say what they compared
    pytest.register_assert_rewrite(f"tests.proofs.machines.{name}")

from tests.proofs.machines.company import Dial, World, build  # noqa: E402


@pytest.fixture
def world(db: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    """The company, with a clock that stands where it is put."""
    from merestone.boot.services import services

    dial = Dial()
    monkeypatch.setattr(timezone, "now", dial.now)
    return build(services(), dial)
