"""The life of models as rules: plans made, edited, reviewed, approved, scheduled, published, undone, put away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from tests.proofs.machines.company import LEAVES, STATES, Plan, below, document_of
from tests.proofs.machines.everyday import NUMBERS, Everyday

from merestone.app import lifecycle, plan_edits, plans
from merestone.app.model_hash import content_hash
from merestone.app.review.approvals import approve
from merestone.app.review.inviting import Guest
from merestone.app.review_start import start_review
from merestone.base.errors import ConflictError, ForbiddenError, MerestoneError
from merestone.db.models import AccountAssociation, LeadAssociation, TerritoryModel

MOST_MODELS = 7
EDITABLE = ("planning", "in_review")
PLANNERS = st.sampled_from(["vera", "paul"])
POLICIES: dict[str, tuple[tuple[str, str | None], ...]] = {
    "none": (),
    "parts": (("mia", "us"), ("eve", "eu")),
    "whole": (("paul", None),),
}
EDITS = st.one_of(
    st.tuples(st.just("state"), st.sampled_from(STATES), st.sampled_from(LEAVES[:3])),
    st.tuples(
        st.just("owner"),
        st.sampled_from(["ana", "ben", "cal", "dee", None]),
        st.sampled_from((*LEAVES, "large")),
    ),
    st.tuples(st.just("name"), NUMBERS, st.sampled_from(LEAVES)),
    st.tuples(st.just("exclude"), NUMBERS, st.sampled_from(LEAVES)),
    st.tuples(st.just("priority"), st.sampled_from([10, 100, 200]), st.sampled_from(LEAVES)),
    st.tuples(st.just("size"), st.sampled_from([50, 100, 400]), st.just("large")),
)


@dataclass
class Life:
    """What the book knows of a model beyond its plan."""

    authors: set[str]
    policy: str = "none"
    words: dict[tuple[str, str | None], Any] = field(default_factory=dict)
    """Approvals that hold: (who, of what) -> what it said then."""
    due: Any = None
    seen: tuple[int, str] | None = None
    """Version and content as somebody looked at them last."""
    is_seen_true: bool = False
    """Whether nobody changed anything since."""
    published: Any = None


@dataclass
class Publication:
    """A change of the active model: how all stood before it."""

    key: str
    previous: str
    before: dict[str, Any]
    moved: set[int]


def part(plan: Plan, territory: str | None) -> Any:
    """Return what a plan says of a territory and all below."""
    keys = plan if territory is None else below(plan, territory)
    return {key: plan[key] for key in keys}


class Lifetime(Everyday):
    """Models that live, while the everyday goes on."""

    def __init__(self, world: Any) -> None:
        super().__init__(world)
        self.lives: dict[str, Life] = {"m0": Life(set())}
        self.done: list[Publication] = []

    # --- What edits do ---

    def edited(self, plan: Plan, edit: tuple[str, Any, str]) -> Plan:
        """Return the plan after an edit."""
        what, value, key = edit
        node = plan[key]
        if what == "state":
            found = dict(plan)
            for leaf in LEAVES[:3]:
                values = [one for one in plan[leaf].rule[1] if one != value]
                if leaf == key:
                    values = sorted({*values, value})
                if values:
                    found[leaf] = replace(plan[leaf], rule=("state", tuple(values)))
            return found
        if what == "owner":
            owner = None if value in self.book.gone else value
            since = max((end for _, _, end in node.former), default=None) if owner else None
            return {**plan, key: replace(node, owner=owner, since=since)}
        if what in ("name", "exclude"):
            one = frozenset([self.book.accounts[self.account(value)]["external_id"]])
            cleared = {
                pk: replace(other, named=other.named - one, excluded=other.excluded - one)
                for pk, other in plan.items()
            }
            there = cleared[key]
            if (what == "name" and one <= node.named) or (what == "exclude" and one <= node.excluded):
                return cleared
            return {
                **cleared,
                key: replace(there, named=there.named | one)
                if what == "name"
                else replace(there, excluded=there.excluded | one),
            }
        if what == "priority":
            return {**plan, key: replace(node, priority=value)}
        return {**plan, key: replace(node, rule=("employees", (value,)))}

    def model(self, number: int, states: tuple[str, ...] = ()) -> str:
        """Return a model by its number, of those in some states if there are any."""
        keys = sorted(key for key, state in self.book.states.items() if not states or state in states)
        keys = keys or sorted(self.book.states)
        return keys[number % len(keys)]

    def refused(
        self, code: str, name: str, act: Callable[..., Any], *args: Any, **more: Any
    ) -> ConflictError:
        """Do something that must be refused as a conflict; nothing is written."""
        with pytest.raises(ConflictError) as caught:
            self.does(name, act, *args, **more)
        assert caught.value.code == code, caught.value
        return caught.value

    def changed(self, key: str, plan: Plan, who: str) -> None:
        """Note a plan's new content: approvals of what it touches are void (promise 2)."""
        old = self.book.plans.get(key)
        self.book.plans[key] = plan
        life = self.lives[key]
        life.authors.add(who)
        life.is_seen_true = False
        if old is not None:
            life.words = {
                (name, territory): said
                for (name, territory), said in life.words.items()
                if part(plan, territory) == said
            }

    def lacks(self, key: str) -> bool:
        """Return whether an approval is missing: by nobody who wrote it, of what it says now."""
        life, plan = self.lives[key], self.book.plans[key]
        return any(
            name in life.authors or life.words.get((name, territory)) != part(plan, territory)
            for name, territory in POLICIES[life.policy]
        )

    # --- Plans ---

    @precondition(lambda self: len(self.book.states) < MOST_MODELS)
    @rule(number=NUMBERS, who=PLANNERS)
    def clone(self, number: int, who: str) -> None:
        """Somebody copies a model."""
        origin, key = self.model(number), f"m{len(self.book.states)}"
        self.does(who, plan_edits.clone_model, origin, new_key=key)
        self.book.plans[key], self.book.states[key] = dict(self.book.plans[origin]), "planning"
        self.lives[key] = Life({who}, policy=self.lives[origin].policy)

    @rule(number=NUMBERS, edits=st.lists(EDITS, min_size=1, max_size=2), who=PLANNERS, is_again=st.booleans())
    def apply(self, number: int, edits: list[Any], who: str, is_again: bool) -> None:
        """Somebody applies a document to a model, or of a new one; applied again it changes nothing."""
        is_new = len(self.book.states) < 3
        key = f"m{len(self.book.states)}" if is_new else self.model(number)
        plan = self.book.plan if is_new else self.book.plans[key]
        for edit in edits:
            plan = self.edited(plan, edit)
        document = document_of(key, plan)
        if not is_new and self.book.states[key] not in EDITABLE:
            if plan != self.book.plans[key]:
                self.refused("model-not-in-planning", who, plans.apply_document, document)
            return
        told = self.does(who, plans.apply_document, document)
        if is_new:
            self.book.states[key] = "planning"
            self.lives[key] = Life({who})
        if told["changed"]:
            self.changed(key, plan, who)
        if is_again:
            self.changes_nothing(plans.apply_document, document)

    @rule(number=NUMBERS, edit=EDITS.filter(lambda edit: edit[0] in ("priority", "size")), who=PLANNERS, is_stale=st.booleans())  # fmt: skip
    def edit_territory(self, number: int, edit: Any, who: str, is_stale: bool) -> None:
        """Somebody edits a territory as they saw it; who saw an old one is told what differs (promise 3)."""
        key, territory = self.model(number), edit[2]
        plan = self.edited(self.book.plans[key], edit)
        changes = {"priority": plan[territory].priority, "where": plan[territory].where}
        seen = plan_edits.read_territory(self.services, self.world.actor(who), key, territory)
        mark = "0" * 32 if is_stale else seen["fingerprint"]
        if self.book.states[key] not in EDITABLE:
            self.refused(
                "model-not-in-planning",
                who,
                plan_edits.edit_territory,
                key,
                territory,
                changes,
                fingerprint=mark,
            )
            return
        if is_stale:
            error = self.refused(
                "stale-version", who, plan_edits.edit_territory, key, territory, changes, fingerprint=mark
            )
            assert error.difference == {
                name: [new, seen[name]] for name, new in changes.items() if new != seen[name]
            }
            return
        told = self.does(who, plan_edits.edit_territory, key, territory, changes, fingerprint=mark)
        assert told["changed"] == (plan != self.book.plans[key])
        if told["changed"]:
            self.changed(key, plan, who)

    # --- Review ---

    @rule(number=NUMBERS, policy=st.sampled_from(sorted(POLICIES)), who=PLANNERS)
    def ask_for_approvals(self, number: int, policy: str, who: str) -> None:
        """Somebody says who must approve."""
        key = self.model(number, EDITABLE)
        by = [
            {"user": f"{name}@example.com", **({"territory": territory} if territory else {})}
            for name, territory in POLICIES[policy]
        ]
        changes = {"approvals": {"by": by} if by else None}
        if self.book.states[key] not in EDITABLE:
            self.refused("model-not-in-planning", who, lifecycle.set_policies, key, changes)
            return
        self.does(who, lifecycle.set_policies, key, changes)
        if self.lives[key].policy != policy:
            self.lives[key].policy, self.lives[key].is_seen_true = policy, False

    @rule(number=NUMBERS, step=st.sampled_from(["submit", "return", "archive", "cancel"]), who=PLANNERS)
    def step(self, number: int, step: str, who: str) -> None:
        """Somebody brings a model into another state, where that is legal."""
        origins = {
            "submit": ("planning",),
            "return": ("in_review",),
            "archive": EDITABLE,
            "cancel": ("scheduled",),
        }[step]
        acts = {"return": lifecycle.send_back, "archive": lifecycle.archive, "cancel": lifecycle.cancel}
        key = self.model(number, origins if step != "archive" else ())
        if step == "submit":
            users = self.world.users
            guests = [Guest(users["mia"], "approver", "us"), Guest(users["eve"], "approver", "eu"), Guest(users["paul"], "approver")]  # fmt: skip
            act, args = start_review, (key, guests)
        else:
            act, args = acts[step], (key,)
        if self.book.states[key] not in origins:
            self.refused("illegal-step", who, act, *args)
            return
        self.does(who, act, *args)
        self.book.states[key] = {"submit": "in_review", "archive": "archived"}.get(step, "planning")
        self.lives[key].is_seen_true = False

    @rule(
        number=NUMBERS,
        by=st.sampled_from([("mia", "us"), ("eve", "eu"), ("paul", None), ("vera", None), ("mia", "eu")]),
    )
    def approve(self, number: int, by: tuple[str, str | None]) -> None:
        """Somebody approves; nobody their own work, nobody unasked (promise 2)."""
        name, territory = by
        key = self.model(number, ("in_review",))
        life = self.lives[key]
        if by in POLICIES[life.policy] and name not in life.authors and self.book.states[key] == "in_review":
            self.does(name, approve, key, territory, is_approved=True)
            life.words[by] = part(self.book.plans[key], territory)
            return
        with pytest.raises(MerestoneError) as caught:
            self.does(name, approve, key, territory, is_approved=True)
        if self.book.states[key] == "in_review" and name in life.authors:
            assert isinstance(caught.value, ForbiddenError)
            assert caught.value.code == "own-work"

    # --- In force ---

    @rule(number=NUMBERS)
    def look(self, number: int) -> None:
        """Somebody looks at a model, to publish what they saw."""
        key = self.model(number, (*EDITABLE, "scheduled"))
        life = lifecycle.life_of(self.services, self.world.actor("vera"), key)
        loaded = self.services.models.load(key)
        assert loaded is not None
        self.lives[key].seen = (life.version, content_hash(loaded[1]))
        self.lives[key].is_seen_true = True

    @rule(number=NUMBERS, who=PLANNERS, is_as_seen=st.booleans(), is_again=st.booleans())
    def publish(self, number: int, who: str, is_as_seen: bool, is_again: bool) -> None:
        """Somebody publishes a model, perhaps as they saw it: exactly what is approved, or nothing (promises 2, 3, 8)."""
        key = self.model(number, (*EDITABLE, "scheduled", "active"))
        if key == self.book.active:
            self.changes_nothing(lifecycle.publish, key)
            return
        life, more = self.lives[key], {}
        if is_as_seen and life.seen is not None:
            more = {"version": life.seen[0], "content": life.seen[1]}
        if self.book.states[key] == "archived":
            self.refused("illegal-step" if not more or life.is_seen_true else "stale-version", who, lifecycle.publish, key, **more)  # fmt: skip
        elif more and not life.is_seen_true:
            self.refused("stale-version", who, lifecycle.publish, key, **more)
        elif self.lacks(key):
            error = self.refused("not-approved", who, lifecycle.publish, key, **more)
            assert error.difference
        else:
            self.comes_into_force(key, lambda: self.does(who, lifecycle.publish, key, **more))
            if is_again:
                self.changes_nothing(lifecycle.publish, key)

    @precondition(lambda self: len(self.book.states) < MOST_MODELS)
    @rule(edits=st.lists(EDITS, min_size=1, max_size=3), who=PLANNERS)
    def put(self, edits: list[Any], who: str) -> None:
        """Somebody changes a copy of what is in force, and publishes it at once."""
        plan, key = self.book.plan, f"m{len(self.book.states)}"
        for edit in edits:
            plan = self.edited(plan, edit)
        self.does(who, plans.apply_document, document_of(key, plan))
        self.book.plans[key], self.book.states[key], self.lives[key] = plan, "planning", Life({who})
        self.comes_into_force(key, lambda: self.does(who, lifecycle.publish, key))

    def comes_into_force(self, key: str, act: Callable[[], Any]) -> None:
        """Publish, and note what comes of it."""
        before, previous = self.standing(), self.book.active
        act()
        self.book.publish(key)
        self.read_leads()
        after = self.standing()
        moved = {pk for pk in before["accounts"] if before["accounts"][pk] != after["accounts"][pk]}
        self.done.append(Publication(key, previous, before, moved))
        # What is in force is what the book's plan says, to the last field.
        active = self.services.models.active()
        assert active is not None
        own = plans.read_whole(self.services, document_of(key, self.book.plan))[0]
        assert (active[1].key, content_hash(active[1])) == (key, content_hash(own))

    def standing(self) -> dict[str, Any]:
        """Return everything an undo restores, with every cause and reason."""
        found: dict[str, Any] = {"deals": dict(self.deals_now())}
        for word, model in (("account", AccountAssociation), ("lead", LeadAssociation)):
            rows: dict[int, set[Any]] = {}
            names = (f"{word}_id", "territory_id", "owner_id", "is_primary", "cause", "reason")
            for record, *rest, reason in model.objects.filter(valid_to=None).values_list(*names):
                rows.setdefault(record, set()).add((*rest, str(sorted(reason.items()))))
            found[f"{word}s"] = rows
        return found

    @rule(number=NUMBERS, hours=st.integers(1, 60), who=PLANNERS)
    def schedule(self, number: int, hours: int, who: str) -> None:
        """Somebody schedules a model."""
        key, at = self.model(number, EDITABLE), self.dial.at + timedelta(hours=hours)
        if self.book.states[key] not in EDITABLE:
            self.refused("illegal-step", who, lifecycle.schedule, key, effective=at)
        elif self.lacks(key):
            self.refused("not-approved", who, lifecycle.schedule, key, effective=at)
        else:
            self.does(who, lifecycle.schedule, key, effective=at)
            self.book.states[key], self.lives[key].due, self.lives[key].is_seen_true = "scheduled", at, False

    @rule(hours=st.integers(1, 60))
    def worker_wakes(self, hours: int) -> None:
        """Hours pass, and the worker publishes what is due, the earliest first; woken again it does nothing."""
        self.dial.turn(hours * 3600)
        self.book.pass_to(self.dial.today)
        due = sorted(
            (self.lives[key].due, key)
            for key, state in self.book.states.items()
            if state == "scheduled" and self.lives[key].due <= self.dial.at
        )
        assert self.services.lifecycle.due(self.dial.at) == [key for _, key in due]
        self.actors.add("system")
        for _, key in due:
            self.dial.turn(1)
            self.comes_into_force(key, lambda key=key: lifecycle.publish_scheduled(self.services, key))
        assert lifecycle.publish_due(self.services) == []

    @precondition(lambda self: self.done)
    @rule(who=PLANNERS, is_stale=st.booleans())
    def undo(self, who: str, is_stale: bool) -> None:
        """Somebody undoes the last publication: all is as before, to the bit, but for what was changed since (5)."""
        last = self.done[-1]
        book = self.book
        seen = lifecycle.preview_undo(self.services, self.world.actor(who))
        told = {
            table: {one["id"] for one in rows}
            for table, rows in seen["changed"].items()
            if isinstance(rows, list)
        }
        kept = told.get("accounts", set())
        changed = book.touched - book.created
        assert changed <= kept <= changed | book.locked | book.retold
        if is_stale:
            self.refused("not-the-last", who, lifecycle.undo, publication=seen["publication"]["id"] - 1)
            return
        if told:
            error = self.refused("changed-since", who, lifecycle.undo)
            assert error.difference == seen["changed"]
        before = self.standing()
        self.does(who, lifecycle.undo, keep_later=True)
        now = self.standing()
        for word in ("accounts", "leads"):
            for pk, rows in last.before[word].items():
                expected = before[word][pk] if pk in told.get(word, ()) else rows
                if any(self.name(row[1]) in self.book.gone for row in expected):
                    # Who has left gets nothing back; the territories do.
                    assert {row[0] for row in now[word][pk]} == {row[0] for row in expected}, pk
                else:
                    assert now[word][pk] == expected, pk
        for deal in now["deals"]:
            if deal not in told.get("opportunities", ()):
                assert now["deals"][deal] in (last.before["deals"][deal], before["deals"][deal])
        self._take_back(last, created=set(book.created))
        moved = {pk for pk in before["accounts"] if before["accounts"][pk] != now["accounts"][pk]}
        self.done.append(Publication(last.previous, last.key, before, moved))

    def _take_back(self, last: Publication, *, created: set[int]) -> None:
        """Let the book say what an undo came to: new accounts by rule, the others as just found equal to before."""
        book = self.book
        book.states[last.key], book.states[last.previous], book.active = "archived", "active", last.previous
        self.ledger.read_places(book, self.world.names, but=created)
        book.run(sorted(created))
        book.leads = self.leads_now()
        book.deals = self.deals_now()
        book.touched, book.retold, book.created = set(), set(), set()
        for key in (last.key, last.previous):
            self.lives[key].is_seen_true = False

    @rule(ago=st.integers(0, 30), seconds=st.integers(0, 50_000))
    def look_back(self, ago: int, seconds: int) -> None:
        """Who had what then is what the book said then, and what the log replayed says (promise 5)."""
        page = self.journal[max(0, len(self.journal) - 1 - ago)]
        when = min(page.at + timedelta(seconds=seconds), page.until)
        shown = self.services.history.as_of("accounts", when)
        primary = {
            row["record"]: (row["territory"], self.name(row["owner"]))
            for row in shown.to_pylist()
            if row["is_primary"]
        }
        assert primary == {pk: place[:2] for pk, place in page.places.items()}
        self.check_replay(page, shown)

    def check_replay(self, page: Any, shown: Any) -> None:
        """Compare an answer with the log, replayed on how all stood when the example began."""
        from tests.proofs.machines import checks

        rows = checks.replayed(self.base, "accountassociation", since=self.base_entry, until=page.entry)
        opened = {
            (row["account_id"], row["territory_id"], row["owner_id"], row["is_primary"])
            for row in rows.values()
            if row["valid_to"] is None
        }
        ids = {row["key"]: pk for pk, row in self.ledger.table("territory").items()}
        assert opened == {
            (row["record"], ids.get(row["territory"]), row["owner"], row["is_primary"])
            for row in shown.to_pylist()
        }

    @rule()
    def add_up(self) -> None:
        """Every surface tells the same model, and the same sums to the cent (promises 2 and 7)."""
        from tests.proofs.machines import surfaces

        assert surfaces.disagreements(self.services, self.book) == []
        states = dict(TerritoryModel.objects.values_list("key", "state"))
        assert states == self.book.states
