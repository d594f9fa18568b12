"""What all machines share: an example is a transaction that never comes true, and every step is checked."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import F
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, run_state_machine_as_test
from tests.proofs.machines import checks
from tests.proofs.machines.company import REPS, Book, Place, World

from merestone.db.models import LeadAssociation, Opportunity

Found = TypeVar("Found")
STEPS: Counter[str] = Counter()
"""Steps made so far, by machine; three machines make 10,000 in all on each database."""
STEPS_OF_EXAMPLE = 60
EXAMPLES_OF_TURN = 10


@dataclass
class Page:
    """How things stood from an instant until another, as the book has it, and the last audit entry by then."""

    at: datetime
    until: datetime
    entry: int
    places: dict[int, Place]
    overlays: dict[int, frozenset[tuple[str, str | None]]]


class Machine(RuleBasedStateMachine):
    """A company on which use cases are tried, beside the book that foretells what comes of them."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.services = world.services
        self.dial = world.dial
        self.began = world.dial.at
        self.book: Book = world.book.copy()
        self.actors: set[str] = set()
        self.example = transaction.atomic()
        self.example._from_testcase = True  # use cases open durable transactions of their own
        self.example.__enter__()
        self.ledger = checks.Ledger()
        self.base, self.base_entry = dict(self.ledger.rows), self.ledger.entry
        self.journal: list[Page] = []
        self.keep_page()

    def teardown(self) -> None:
        """Let nothing of it be true."""
        transaction.set_rollback(True)
        self.example.__exit__(None, None, None)
        self.dial.at = self.began

    # --- For rules ---

    def does(self, name: str, act: Callable[..., Found], *args: Any, **more: Any) -> Found:
        """Run a use case as somebody, a second later; its changes must be told in the log as theirs."""
        self.dial.turn(1)
        actor = self.world.actor(name)
        self.actors.add(actor.label)
        return act(self.services, actor, *args, **more)

    def account(self, number: int) -> int:
        """Return an account by its number."""
        ids = sorted(self.book.accounts)
        return ids[number % len(ids)]

    def rep(self, name: str | None) -> int | None:
        """Return a rep's id."""
        return None if name is None else self.world.reps[name]

    def name(self, rep: int | None) -> str | None:
        """Return a rep's name."""
        return self.world.names[rep]

    def read_leads(self) -> None:
        """Take over which of its people a territory gave its leads, when turns decided."""
        for pk, (territory, owner) in self.leads_now().items():
            known = self.book.leads.get(pk)
            if known is None or known[1] is None:
                assert owner is None or owner in REPS
                self.book.leads[pk] = (territory, owner)

    def leads_now(self) -> dict[int, tuple[str | None, str | None]]:
        """Return lead -> territory and owner."""
        rows = LeadAssociation.objects.filter(valid_to=None, is_primary=True)
        names = ("lead_id", F("territory__key"), "owner_id")
        return {pk: (territory, self.name(owner)) for pk, territory, owner in rows.values_list(*names)}

    def deals_now(self) -> dict[int, str | None]:
        """Return opportunity -> owner."""
        return {pk: self.name(owner) for pk, owner in Opportunity.objects.values_list("pk", "owner_id")}

    def keep_page(self) -> None:
        """Note how things stand at the end of a step; within a step they may change more than once."""
        last = self.journal[-1] if self.journal else None
        if last is not None and (last.places, last.overlays) == (self.book.places, self.book.overlays):
            last.until = self.dial.at
        else:
            now = self.dial.at
            self.journal.append(
                Page(now, now, self.ledger.entry, dict(self.book.places), dict(self.book.overlays))
            )

    # --- After every step ---

    @invariant()
    def everything_holds(self) -> None:
        """Promises 1, 5 and 6, and that the tables are as the book has them."""
        STEPS[type(self).__name__] += 1
        since = self.ledger.entry
        changed = self.ledger.read()
        self.stands_as_told()
        assert checks.misplaced(self.ledger, self.dial.today) == []
        assert checks.broken_intervals(self.ledger, self.dial.at) == []
        assert checks.unlogged(changed, since=since, actors=self.actors) == []
        self.actors = set()
        self.keep_page()

    def stands_as_told(self) -> None:
        """Compare every place, owner and cause with the book."""
        keys = {None: None, **{pk: row["key"] for pk, row in self.ledger.table("territory").items()}}
        places: dict[int, Place] = {}
        overlays: dict[int, set[tuple[str, str | None]]] = defaultdict(set)
        for row in self.ledger.open("account"):
            territory, owner = keys[row["territory_id"]], self.name(row["owner_id"])
            if row["is_primary"]:
                places[row["account_id"]] = (territory, owner, row["cause"])
            else:
                overlays[row["account_id"]].add((territory, owner))
        assert places == self.book.places
        assert {pk: set(over) for pk, over in self.book.overlays.items() if over} == overlays
        deals = {pk: self.name(row["owner_id"]) for pk, row in self.ledger.table("opportunity").items()}
        assert deals == self.book.deals
        leads = {
            row["lead_id"]: (keys[row["territory_id"]], self.name(row["owner_id"]))
            for row in self.ledger.open("lead")
        }
        assert leads == self.book.leads


def prove(machine: type[Machine], world: World, *, at_least: int) -> None:
    """Run a machine for ``at_least`` so many steps; how many an example has is drawn, so examples follow until then."""
    made = 0
    for turn in count():
        if made >= at_least:
            return
        before = STEPS[machine.__name__]
        run_state_machine_as_test(
            _drawn_from(turn, lambda: machine(world)),
            settings=settings(
                max_examples=EXAMPLES_OF_TURN,
                stateful_step_count=STEPS_OF_EXAMPLE,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.explicit, Phase.generate, Phase.shrink],
            ),
        )
        # The beginning of an example is checked, and is no step.
        made += STEPS[machine.__name__] - before - EXAMPLES_OF_TURN


def _drawn_from(turn: int, begin: Callable[[], Machine]) -> Callable[[], Machine]:
    """Let a turn draw other examples than the turns before: in CI, where draws are the same each time, by its number."""
    return seed(turn)(begin) if settings().derandomize else begin
