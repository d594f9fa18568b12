"""The two programs of this proof: one publishes model after model, one looks at everything meanwhile.

``python -m tests.proofs.readers.program write ACCOUNTS PUBLISHES`` and ``… read ACCOUNTS``, on the database of the
environment. Every model is a generation of its own: it is in the name of every territory, and from one to the next every
account changes its territory and its owner.
"""

from __future__ import annotations

import json
import random
import select
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle
from typing import Any

STATES = ("CA", "TX", "NY", "FL", "IL", "PA", "OH", "GA", "NC", "MI")
SIZES = ((0, 100), (100, 1_000), (1_000, 1_000_000))
PLACES = [(state, low, high) for state in STATES for low, high in SIZES]
REPS = [f"rep{number}@example.com" for number in range(len(PLACES))]
EVERY_SECONDS = 0.005
PAGE = 50
RARELY = 10
"""The sums and the whole file take long: one of them with every so many looks."""
SHOWN_TORN = 5

Generations = set[int]
"""Which generations an answer speaks of; a whole one speaks of one."""


def owner_of(place: int, generation: int) -> int:
    """Return who owns a place, as a place in ``REPS``."""
    return (place + generation) % len(REPS)


def document(generation: int) -> dict[str, Any]:
    """Return the model of a generation; neighbours share no territory that holds accounts."""
    territories: list[dict[str, Any]] = [{"key": "us", "name": f"{generation} US", "where": "country = 'US'"}]
    for place, (state, low, high) in enumerate(PLACES):
        rule = f"state = '{state}' and employees >= {low} and employees < {high}"
        territories.append(
            {
                "key": f"t{generation % 2}-{place}",
                "name": f"{generation} {state} from {low}",
                "parent": "us",
                "where": rule,
                "members": [{"rep": REPS[owner_of(place, generation)]}],
            }
        )
    model = {"key": f"g{generation}", "name": f"Generation {generation}"}
    return {"merestone": 1, "model": model, "territories": territories}


def fill(n_accounts: int) -> None:
    """Make the database: reps, accounts, and generation 0 in force."""
    import pyarrow as pa

    from merestone.app.policy import OPERATOR
    from merestone.boot.schema import bring_up_to_date
    from merestone.boot.services import services

    bring_up_to_date()
    accounts = pa.table(
        {
            "external_id": [f"A{number}" for number in range(n_accounts)],
            "name": [f"Account {number}" for number in range(n_accounts)],
            "country": ["US"] * n_accounts,
            "state": [STATES[number % len(STATES)] for number in range(n_accounts)],
            "employees": pa.array([(number * 37) % 4000 for number in range(n_accounts)], pa.int32()),
        }
    )
    with services().records.transaction(OPERATOR, cause="test"):
        services().records.write("reps", pa.table({"name": REPS, "email": REPS}))
        services().records.write("accounts", accounts)
    publish(0)


def publish(generation: int) -> dict[str, Any]:
    """Plan and publish a generation."""
    from merestone.app import lifecycle, plans
    from merestone.app.policy import OPERATOR
    from merestone.boot.services import services

    plans.apply_document(services(), OPERATOR, document(generation))
    begun = time.perf_counter()
    done = lifecycle.publish(services(), OPERATOR, f"g{generation}")
    return {"generation": generation, "seconds": time.perf_counter() - begun, **done}


class Reader:
    """Looks at everything and keeps what did not fit together."""

    def __init__(self, n_accounts: int) -> None:
        from merestone.app.policy import OPERATOR
        from merestone.boot.services import services
        from merestone.db.queries import scope

        self.n_accounts, self.actor, self.services, self.dice = (
            n_accounts,
            OPERATOR,
            services(),
            random.Random(3),
        )
        self.accounts = scope.accounts(OPERATOR).order_by("pk")
        reps = self.services.models.reps().to_pylist()
        self.reps = {row["rep_id"]: REPS.index(row["rep_name"]) for row in reps}
        self.looks: dict[str, int] = {}
        self.seen: list[int] = []
        self.torn: list[str] = []

    def look(self, *surfaces: Callable[[], Generations]) -> None:
        """Ask these surfaces in one request: all of them must speak of the same generation, not older than the last."""
        from merestone.db.queries.steady import one_state

        with one_state():
            found = [(surface.__name__, surface()) for surface in surfaces]
        for name, _ in found:
            self.looks[name] = self.looks.get(name, 0) + 1
        whole = set().union(*(generations for _, generations in found))
        if len(whole) != 1 or (self.seen and min(whole) < self.seen[-1]):
            self.torn.append(f"{[(name, sorted(those)) for name, those in found]} after {self.seen[-1:]}")
            return
        if whole != set(self.seen[-1:]):
            self.seen += whole

    def list_page(self) -> Generations:
        """A page of the list of accounts, anywhere in it."""
        start = self.dice.randrange(max(1, self.n_accounts - PAGE))
        return self._of_rows(
            self.accounts.values_list("territory_name", "territory_key", "owner_id")[start : start + PAGE]
        )

    def kpis(self) -> Generations:
        """The sums of the tree, which add up to the company."""
        from merestone.db.queries import territories

        rows = territories.tree(self.actor)
        self._adds_up(row.total.accounts for row in rows if row.parent is None)
        return {_generation(row.name) for row in rows}

    def map_sums(self) -> Generations:
        """The map with its sums."""
        from merestone.db.queries.mapdata import map_data

        found = map_data(self.actor)
        self._adds_up([found["total"]["accounts"]])
        self._adds_up(one["accounts"] for one in found["territories"])
        return {_generation(one["name"]) for one in found["territories"]}

    def balance(self) -> Generations:
        """The balance of the territories; who they are is told by the model in force."""
        from merestone.app.report import balance_report

        table = balance_report(self.services, self.actor).table
        self._adds_up(table["accounts"].to_pylist())
        active = self.services.models.active()
        assert active is not None
        held = {row["territory"] for row in table.to_pylist() if row["accounts"]}
        known = {node.key for node in active[1].territories}
        if held - known:
            self.torn.append(f"{sorted(held - known)} hold accounts and are not in {active[1].key}")
        return {_generation(node.name) for node in active[1].territories}

    def export(self) -> Generations:
        """All accounts, as a file has them: read in parts."""
        rows = self.accounts.values_list("territory_name", "territory_key", "owner_id").iterator(
            chunk_size=5_000
        )
        return self._of_rows(rows, n_rows=self.n_accounts)

    def _of_rows(self, rows: Iterable[Any], *, n_rows: int = PAGE) -> Generations:
        found, n_found = set(), 0
        for name, key, owner in rows:
            generation, place = _generation(name), int(key.partition("-")[2])
            found.add(generation)
            n_found += 1
            if self.reps[owner] != owner_of(place, generation):
                self.torn.append(f"{name} is owned by {REPS[self.reps[owner]]}")
        if n_found != min(n_rows, self.n_accounts):
            self.torn.append(f"{n_found} rows of {n_rows}")
        return found

    def _adds_up(self, parts: Iterable[int]) -> None:
        total = sum(parts)
        if total != self.n_accounts:
            self.torn.append(f"{total} accounts of {self.n_accounts}")


def _generation(name: str) -> int:
    return int(name.split()[0])


def is_over() -> bool:
    """Return whether nobody listens any more."""
    return bool(select.select([sys.stdin], [], [], 0)[0])


def moments() -> Iterator[None]:
    """Yield every 5 ms, or as soon as the look before is done, until told to stop."""
    while not is_over():
        begun = time.perf_counter()
        yield
        time.sleep(max(0.0, EVERY_SECONDS - (time.perf_counter() - begun)))


def read(n_accounts: int) -> dict[str, Any]:
    """Look until told to stop; returns what was seen."""
    reader = Reader(n_accounts)
    everything = (reader.list_page, reader.kpis, reader.map_sums, reader.balance, reader.export)
    reader.look(*everything)  # what is loaded at first use is there
    _say({"reading": True})
    rare = cycle(everything[1:])
    for number, _ in enumerate(moments()):
        reader.look(reader.list_page, *([next(rare)] if number % RARELY == 0 else []))
    reader.look(*everything)
    return {
        "looks": reader.looks,
        "seen": reader.seen,
        "n_torn": len(reader.torn),
        "torn": reader.torn[:SHOWN_TORN],
    }


def main() -> None:
    """Do what is asked."""
    import django

    django.setup()
    what, n_accounts, *more = sys.argv[1:]
    if what == "read":
        _say(read(int(n_accounts)))
        return
    fill(int(n_accounts))
    _say({"filled": True})
    sys.stdin.readline()
    for generation in range(1, int(more[0]) + 1):
        _say(publish(generation))


def _say(what: dict[str, Any]) -> None:
    print(json.dumps(what, default=str), flush=True)


if __name__ == "__main__":
    main()
