"""Two people decide at once: one decision stands, and the model says that one."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection
from tests.review_world import begin, build

from merestone.app.review import challenges, deciding
from merestone.app.review.drafts import Draft
from merestone.base.errors import ConflictError

ROUNDS = 8


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
def test_a_double_decision_gives_one_decision() -> None:
    from merestone.boot.services import services

    world = build(services())
    begin(world)
    for round_number in range(ROUNDS):
        draft = Draft("keep", world.accounts["was-one"], reason=f"Round {round_number}")
        number = int(str(deciding.send(world.services, world.ana, "new", draft)["id"]))
        outcomes = both_decide(world, number)

        assert sorted(kind for kind, _ in outcomes) == ["conflict", "done"]
        row = challenges.listed(world.services, world.vera, "new")[0]
        accepted = next(accept for kind, accept in outcomes if kind == "done")
        assert row["state"] == ("accepted" if accepted else "rejected")
        loaded = world.services.models.load("new")
        assert loaded is not None
        assert ("was-one" in loaded[1].tree["west"].named) == accepted
        if accepted:
            return  # the account is kept: there is nothing left to ask for


def both_decide(world: Any, number: int) -> list[tuple[str, bool]]:
    """Let two planners decide differently at the same instant; returns what came of it."""
    barrier, outcomes = threading.Barrier(2), []

    def decide(actor: Any, *, accept: bool) -> None:
        try:
            barrier.wait()
            deciding.decide(world.services, actor, "new", number, accept=accept)
            outcomes.append(("done", accept))
        except ConflictError:
            outcomes.append(("conflict", accept))
        finally:
            connection.close()

    threads = [
        threading.Thread(target=decide, args=(world.vera,), kwargs={"accept": True}),
        threading.Thread(target=decide, args=(world.paul,), kwargs={"accept": False}),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
