"""Promise 9 (and 1 and 6 all the time): what each sees, on every surface, while everything changes."""

from __future__ import annotations

import pytest
from tests.proofs.machines.company import World
from tests.proofs.machines.machine import prove
from tests.proofs.machines.sight import Looking

pytestmark = [pytest.mark.both_databases]


def test_everybody_sees_what_is_theirs_and_no_more(world: World) -> None:
    prove(Looking, world, at_least=2_000)
