"""Promises 2, 3, 5, 7 and 8 (and 1 and 6 all the time) for models that are planned, reviewed, published and undone."""

from __future__ import annotations

import pytest
from tests.proofs.machines.company import World
from tests.proofs.machines.lifetime import Lifetime
from tests.proofs.machines.machine import prove

pytestmark = [pytest.mark.both_databases]


def test_models_live_by_every_promise(world: World) -> None:
    prove(Lifetime, world, at_least=3_000)
