"""Promises 1, 3, 5, 6, 7 and 8 for everything that happens between two publications."""

from __future__ import annotations

import pytest
from tests.proofs.machines.company import World
from tests.proofs.machines.everyday import Everyday
from tests.proofs.machines.machine import prove

pytestmark = [pytest.mark.both_databases]


def test_the_everyday_keeps_every_promise(world: World) -> None:
    prove(Everyday, world, at_least=5_000)
