"""The everyday as rules: moves, locks, edits, new records, files, rule runs, people who leave, days that pass."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db.models import Q
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from tests.proofs.machines import checks
from tests.proofs.machines.company import MANUAL, PRIMARY, SELLERS, STATES, matches
from tests.proofs.machines.machine import Machine

from merestone.app import assign, crm, people_changes, route
from merestone.app.exchange.importing import import_file
from merestone.base.errors import ConflictError, InvalidInputError
from merestone.db.models import Account, AccountAssociation, Member, Opportunity

NUMBERS = st.integers(0, 15)
MOST_ACCOUNTS, MOST_LEADS = 16, 8
FILE = Path(__file__)  # any file: the rows come from ``company.Tables``


class Everyday(Machine):
    """What people and machines do all day."""

    @rule(number=NUMBERS, territory=st.sampled_from(PRIMARY), who=st.sampled_from(["operator", "vera"]))
    def move(self, number: int, territory: str, who: str) -> None:
        """Somebody moves an account by hand; a locked one stays."""
        pk = self.account(number)
        if pk in self.book.locked:
            with pytest.raises(InvalidInputError) as caught:
                self.does(who, assign.move_accounts, [pk], territory=territory, reason="Wish")
            assert caught.value.code == "locked"
            return
        self.does(who, assign.move_accounts, [pk], territory=territory, reason="Wish")
        self.book.move(pk, territory)

    @rule(number=NUMBERS)
    def give_back(self, number: int) -> None:
        """Somebody gives an account back to the rules."""
        pk = self.account(number)
        if pk not in self.book.locked:
            self.does("operator", assign.move_accounts, [pk], territory=None, reason="")
            self.book.run([pk], keeps_manual=False)

    @rule(number=NUMBERS, days=st.sampled_from([None, None, 3]))
    def lock(self, number: int, days: int | None) -> None:
        """Somebody locks an account where it is."""
        pk = self.account(number)
        until = None if days is None else self.dial.today + timedelta(days=days)
        self.does("vera", assign.lock_accounts, [pk], reason="Key account", until=until)
        self.book.locks[pk] = until

    @rule(number=NUMBERS)
    def unlock(self, number: int) -> None:
        """Somebody unlocks an account; the next run may move it."""
        pk = self.account(number)
        self.does("vera", assign.unlock_accounts, [pk])
        self.book.locks.pop(pk, None)

    @rule(number=NUMBERS, state=st.sampled_from(STATES), cents=st.integers(0, 10**9), is_stale=st.booleans())
    def edit(self, number: int, state: str, cents: int, is_stale: bool) -> None:
        """Somebody edits an account as they saw it; who saw an old one is told what differs (promise 3)."""
        pk = self.account(number)
        row, version = self.book.accounts[pk], Account.objects.values_list("version", flat=True).get(pk=pk)
        new: dict[str, Any] = {"employees": cents % 500, "potential": Decimal(cents) / 100}
        if row["country"] == "US":
            new["state"] = state
        edit = {"table": "accounts", "record_id": pk, "values": new}
        differs = {name: value for name, value in new.items() if row[name] != value}
        if is_stale:
            with pytest.raises(ConflictError) as caught:
                self.does("operator", crm.update_record, **edit, version=version - 1)
            assert caught.value.code == "stale-version"
            assert caught.value.difference == {name: [value, row[name]] for name, value in differs.items()}
            return
        assert self.does("operator", crm.update_record, **edit, version=version) == bool(differs)
        row |= new
        if differs:
            self.book.run([pk])

    @precondition(lambda self: len(self.book.accounts) < MOST_ACCOUNTS)
    @rule(state=st.sampled_from(STATES), employees=st.integers(0, 500))
    def add(self, state: str, employees: int) -> None:
        """Somebody enters an account."""
        values = self._new(state, employees)
        pk = self.does("operator", crm.create_record, table="accounts", values=values)
        self.book.accounts[pk] = values
        self.book.created.add(pk)
        self.book.run([pk])

    def _new(self, state: str, employees: int) -> dict[str, Any]:
        key = f"N{len(self.book.accounts)}"
        return {
            "external_id": key, "name": f"New {key}", "country": "US", "state": state, "employees": employees,
            "potential": Decimal(employees) / 7 // Decimal("0.01") / 100, "revenue": Decimal(employees),
        }  # fmt: skip

    @rule(numbers=st.lists(NUMBERS, min_size=1, max_size=3, unique=True), state=st.sampled_from(STATES), employees=st.integers(0, 500), is_again=st.booleans())  # fmt: skip
    def import_accounts(self, numbers: list[int], state: str, employees: int, is_again: bool) -> None:
        """A file comes, perhaps twice: what it says again changes nothing (promise 8)."""
        pks = [
            self.account(number)
            for number in numbers
            if self.book.accounts[self.account(number)]["country"] == "US"
        ]
        rows = {
            pk: {"state": state, "employees": employees + place} for place, pk in enumerate(sorted(set(pks)))
        }
        lines = [self._line(self.book.accounts[pk] | new) for pk, new in rows.items()]
        comes = self._new(state, employees) if len(self.book.accounts) < MOST_ACCOUNTS else None
        lines += [self._line(comes)] if comes else []
        if not lines:
            return
        self.world.files.rows = lines
        changed = [pk for pk, new in rows.items() if (self.book.accounts[pk] | new) != self.book.accounts[pk]]
        report = self.does("operator", import_file, "accounts", FILE)
        assert (report.inserted, report.updated) == (int(comes is not None), len(changed)), report.as_dict()
        for pk, new in rows.items():
            self.book.accounts[pk] |= new
        if comes:
            pk = Account.objects.get(external_id=comes["external_id"]).pk
            comes["potential"] = comes["revenue"] = None
            self.book.accounts[pk] = comes
            self.book.created.add(pk)
            changed.append(pk)
        self.book.run(sorted(changed))
        if is_again:
            self.changes_nothing(import_file, "accounts", FILE, but={"merestone_importrun"})

    @staticmethod
    def _line(row: dict[str, Any]) -> dict[str, str]:
        return {name: str(row[name]) for name in ("external_id", "name", "country", "state", "employees")}

    def changes_nothing(self, act: Any, *args: Any, but: set[str] = frozenset(), **more: Any) -> None:  # type: ignore[assignment]
        """Do something that must leave every row as it is, and the log (but for the tables that count attempts)."""
        before = checks.Ledger()
        self.does("operator", act, *args, **more)
        assert [
            (
                key,
                old
                and {
                    name: (old[name], (new or {}).get(name))
                    for name in old
                    if old[name] != (new or {}).get(name)
                },
            )
            for key, (old, new) in before.read().items()
            if key[0] not in but
        ] == []

    @rule(numbers=st.none() | st.lists(NUMBERS, min_size=1, max_size=4), is_again=st.booleans())
    def run_rules(self, numbers: list[int] | None, is_again: bool) -> None:
        """The rules run, perhaps twice (promise 8)."""
        ids = None if numbers is None else [self.account(number) for number in numbers]
        self.does("vera", assign.run_rules, ids=ids)
        self.book.run(ids)
        if is_again:
            self.changes_nothing(assign.run_rules, ids=ids)

    @precondition(lambda self: len(self.book.leads) < MOST_LEADS)
    @rule(state=st.sampled_from(STATES))
    def lead_comes(self, state: str) -> None:
        """A lead comes in and is routed."""
        values = {"name": f"Lead {len(self.book.leads)}", "country": "US", "state": state, "status": "new"}
        pk = self.does("operator", crm.create_record, table="leads", values=values)
        self.book.lead_states[pk] = state
        self.read_leads()
        self.fits(pk)

    @rule(is_again=st.booleans())
    def route(self, is_again: bool) -> None:
        """Leads without owner are routed; those with one stay."""
        self.does("operator", route.route_leads)
        waiting = [pk for pk, (_, owner) in self.book.leads.items() if owner is None]
        self.read_leads()
        for pk in waiting:
            self.fits(pk)
        if is_again:
            self.changes_nothing(route.route_leads)

    def fits(self, pk: int) -> None:
        """A lead just routed is where the rules put it, with one of the people there, or waits."""
        record = {"external_id": "", "country": "US", "state": self.book.lead_states[pk], "employees": -1}
        winner, _ = matches(self.book.plan, record)
        territory, owner = self.book.leads[pk]
        assert territory == (winner and winner[0])
        assert owner is None or owner in self.book.members(str(territory))

    @rule(number=st.integers(0, 4), stage=st.sampled_from(["proposal", "won"]))
    def deal_moves(self, number: int, stage: str) -> None:
        """A deal goes on, or is won."""
        deal = sorted(self.book.deals)[number]
        version = Opportunity.objects.values_list("version", flat=True).get(pk=deal)
        self.does("operator", crm.update_record, table="opportunities", record_id=deal, values={"stage": stage}, version=version)  # fmt: skip
        (self.book.won.add if stage == "won" else self.book.won.discard)(deal)

    @precondition(lambda self: len(self.book.gone) < 2)
    @rule(who=st.sampled_from(SELLERS))
    def leaves(self, who: str) -> None:
        """Somebody's last day was yesterday: all they have goes to the successors of the plan, and nothing else moves."""
        if who in self.book.gone:
            return
        rep, yesterday = self.world.reps[who], self.dial.today - timedelta(days=1)
        departure = self.does("vera", people_changes.plan_departure, rep, last_day=yesterday)
        lines = people_changes.show(self.services, self.world.actor("vera"), departure).lines
        takes = {line.record: self.name(line.successor) for line in lines if line.kind == "accounts"}
        self.does("vera", people_changes.confirm, departure)
        self.book.leave(who, self._owners_now())
        theirs = {pk for pk, place in self.book.places.items() if place[1] == who}
        assert theirs == set(takes)
        rows = AccountAssociation.objects.filter(valid_to=None, is_primary=True, account_id__in=theirs)
        causes = dict(rows.values_list("account_id", "cause"))
        for pk in theirs:
            territory, _, cause = self.book.places[pk]
            assert causes[pk] in (cause, MANUAL)
            self.book.places[pk] = (territory, takes[pk], causes[pk])
        for pk, over in self.book.overlays.items():
            self.book.overlays[pk] = frozenset(
                (key, self.book.owner_of(key) if owner == who else owner) for key, owner in over
            )
            self.book.touched |= {pk} if self.book.overlays[pk] != over else set()
        self.book.touched |= theirs
        leads = self.leads_now()
        for pk, (_, owner) in self.book.leads.items():
            if owner == who:
                assert leads[pk][1] != who
                self.book.leads[pk] = leads[pk]
        deals = self.deals_now()
        for deal, owner in self.book.deals.items():
            if owner == who and deal not in self.book.won:
                assert deals[deal] != who
                self.book.deals[deal] = deals[deal]

    def _owners_now(self) -> dict[str, str]:
        """Return who owns the active plan's territories, of those who are there."""
        there = Q(ends_on=None) & (Q(rep__left_on=None) | Q(rep__left_on__gt=self.dial.today))
        rows = Member.objects.filter(there, node__model__state="active", role="owner")
        names = rows.order_by("-starts_on", "-rep__email").values_list("node__territory__key", "rep_id")
        return {key: str(self.name(rep)) for key, rep in names}

    @rule(who=st.sampled_from(SELLERS), days=st.integers(1, 5))
    def takes_leave(self, who: str, days: int) -> None:
        """Somebody is away: they stay owner of all they own."""
        first = self.dial.today
        if who not in self.book.gone:
            last = first + timedelta(days=days)
            self.does("vera", people_changes.enter_leave, self.world.reps[who], first_day=first, last_day=last, merge=True)  # fmt: skip

    @rule(days=st.integers(1, 4))
    def time_passes(self, days: int) -> None:
        """Days pass."""
        self.dial.turn(days * 86_400)
        self.book.pass_to(self.dial.today)
