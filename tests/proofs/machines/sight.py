"""Who sees what as rules: reps, managers, planners look, while accounts move, models come, and rights come and go."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from tests.proofs.machines.company import below
from tests.proofs.machines.everyday import NUMBERS
from tests.proofs.machines.lifetime import Lifetime

from merestone.app import assign, crm, people_changes, plans
from merestone.app.access import grants
from merestone.app.exchange.exporting import exported_rows
from merestone.app.history import owned_on, timeline
from merestone.app.policy import Right
from merestone.base.errors import MerestoneError, NotFoundError
from merestone.db.queries import lists, mapdata, scope, territories

PEOPLE = ("ana", "ben", "cal", "mia", "eve")
CHAINS = (("ana", "mia"), ("ben", "mia"), ("cal", "eve"))
MISSING = 987_654_321


class Looking(Lifetime):
    """Promise 9: what somebody sees is what the book foretells, the same on every surface, and less than their boss."""

    def __init__(self, world: Any) -> None:
        super().__init__(world)
        self.granted: dict[tuple[str, str], int] = {}
        self.covered: dict[str, str] = {}
        """Who is stood in for -> by whom."""
        self.turn = 0

    # --- What the book says ---

    def managed(self, name: str) -> frozenset[str]:
        """Return the territories somebody manages, with all below."""
        plan = self.book.plan
        tops = [key for key, node in plan.items() if name in node.managers and name not in self.book.gone]
        return frozenset(one for top in tops for one in below(plan, top))

    def homes(self, name: str) -> frozenset[str]:
        """Return the territories somebody is in."""
        return frozenset(key for key in self.book.plan if name in self.book.members(key))

    def reach(self, name: str) -> tuple[frozenset[str], frozenset[str]]:
        """Return the territories and the owners whose accounts somebody sees."""
        managed = self.managed(name)
        team = frozenset(one for key in managed for one in self.book.members(key))
        people = team | {name}
        places = managed | {key for one in people for key in self.homes(one)}
        places |= {one for who, key in self.granted if who == name for one in below(self.book.plan, key)}
        stood_in = {rep for rep, cover in self.covered.items() if cover in people}
        return frozenset(places), people | stood_in

    def sees(self, name: str) -> set[int]:
        """Return the accounts somebody sees."""
        places, owners = self.reach(name)
        return {
            pk
            for pk, (territory, owner, _) in self.book.places.items()
            if any(
                key in places or one in owners
                for key, one in [(territory, owner), *self.book.overlays.get(pk, ())]
            )
        }

    # --- Rights come and go ---

    @rule(name=st.sampled_from(PEOPLE), territory=st.sampled_from(["us", "west", "france", "large"]))
    def grant(self, name: str, territory: str) -> None:
        """Somebody is given a look at a subtree."""
        grant = self.does(
            "operator", grants.give_grant, user_id=self.world.users[name], territory=territory, rights=["see"]
        )
        self.granted[name, territory] = grant.id

    @rule(number=NUMBERS)
    def end_grant(self, number: int) -> None:
        """A grant ends: from the next request on it gives nothing."""
        if self.granted:
            one = sorted(self.granted)[number % len(self.granted)]
            self.does("operator", grants.end_grant, self.granted.pop(one))

    @rule(pair=st.sampled_from([("ana", "ben"), ("cal", "ana"), ("ben", "eve")]))
    def cover(self, pair: tuple[str, str]) -> None:
        """Somebody stands in for somebody."""
        rep, cover = pair
        if rep not in self.covered and not self.book.gone & set(pair):
            reps = self.world.reps
            try:
                self.does(
                    "vera",
                    people_changes.start_cover,
                    reps[rep],
                    cover=reps[cover],
                    first_day=self.dial.today,
                )
            except MerestoneError:  # on leave, or standing in already: nothing begins
                return
            self.covered[rep] = cover

    def leaves(self, who: str) -> None:
        """Whoever leaves stands in for nobody any more, and nobody for them."""
        super().leaves(who)
        self.covered = {rep: cover for rep, cover in self.covered.items() if who not in (rep, cover)}

    # --- Looks ---

    @invariant()
    def each_sees_less_than_their_boss(self) -> None:
        """A rep sees no more than their manager, who sees no more than the administrator."""
        self.turn += 1
        rep, boss = CHAINS[self.turn % len(CHAINS)]
        is_under = bool(self.homes(rep) & self.managed(boss))
        if is_under and not any(name == rep for name, _ in self.granted):  # a grant may reach further
            assert self.visible(rep) <= self.visible(boss) <= set(self.book.accounts)

    def visible(self, name: str) -> set[int]:
        """Return the accounts in somebody's list."""
        return set(scope.accounts(self.world.actor(name)).order_by().values_list("pk", flat=True))

    @rule(name=st.sampled_from(PEOPLE))
    def look_around(self, name: str) -> None:
        """Somebody looks everywhere: list, count, search, export, history, map, tree, records of accounts."""
        actor, services = self.world.actor(name), self.services
        expected = self.sees(name)
        rows = scope.accounts(actor)
        keys = {self.book.accounts[pk]["external_id"] for pk in expected}
        points = mapdata.account_points(actor)
        whole = mapdata.map_data(actor)["total"]["accounts"]
        assert set(rows.values_list("pk", flat=True)) == expected
        assert rows.count() == whole == len(expected)
        assert set(points["id"]) == {pk for pk in expected if self.is_located(pk)}
        assert services.visibility.visible_ids(actor, "accounts") == expected
        assert set(owned_on(services, actor, "accounts", on=self.dial.at)["record"].to_pylist()) == expected
        if actor.can(Right.EXPORT):
            assert set(exported_rows(services, actor, "accounts")["external_id"].to_pylist()) == keys
        deals = {deal for deal, pk in self.book.deal_accounts.items() if pk in expected}
        assert set(scope.opportunities(actor).values_list("pk", flat=True)) == deals
        places, _ = self.reach(name)
        tree = territories.tree(actor)
        assert {row.key for row in tree} == places
        own = {row.key: row.own.accounts for row in tree if row.is_primary}
        assert own == {key: sum(place[0] == key for place in self.book.places.values()) for key in own}
        assert not lists.audit_entries(actor).exists()
        assert not territories.models(actor).exists()

    def is_located(self, pk: int) -> bool:
        """Return whether an account is on the map."""
        return self.ledger.table("account")[pk]["latitude"] is not None

    @rule(name=st.sampled_from(PEOPLE), number=NUMBERS)
    def ask_for_what_is_hidden(self, name: str, number: int) -> None:
        """A hidden account, and a plan not in force, answer as if they did not exist."""
        actor, services = self.world.actor(name), self.services
        hidden = sorted(set(self.book.accounts) - self.sees(name))
        if hidden:
            pk = hidden[number % len(hidden)]
            acts = (
                lambda pk: timeline(services, actor, "accounts", pk),
                lambda pk: crm.update_record(
                    services, actor, table="accounts", record_id=pk, values={"name": "X"}, version=1
                ),
                lambda pk: crm.log_activity(
                    services,
                    actor,
                    values={"kind": "call", "subject": "x", "occurs_at": self.dial.at},
                    account_id=pk,
                ),
            )
            assert [self.answer(act, pk) for act in acts] == [self.answer(act, MISSING) for act in acts]
            if actor.can(Right.ASSIGN):
                move = lambda pk: assign.move_accounts(services, actor, [pk], territory=None, reason="")  # noqa: E731
                assert self.answer(move, pk) == self.answer(move, MISSING)
        plan = self.model(number, ("planning", "in_review", "scheduled"))
        if plan != self.book.active:
            load = lambda key: plans.load_model(services, actor, key)  # noqa: E731
            answers = {self.answer(load, key).replace(key, "…") for key in (plan, "nowhere")}
            assert len(answers) == 1

    @staticmethod
    def answer(act: Any, one: Any) -> str:
        """Return how something answers that must not be there, word for word."""
        with pytest.raises(NotFoundError) as caught:
            act(one)
        return f"{caught.value.code}: {caught.value} {caught.value.fix}"
