"""A small company as it should be: what publishing, importing, moving and rule runs come to, one after the other.

Written from the promises, not from the product: plain dictionaries, one account at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

Place = tuple[str | None, str | None]
"""Territory and owner."""
Outcome = tuple[str, object]
"""``done`` with how much changed, or ``conflict`` with its code."""

MANUAL, RULE = "manual", "rule"
TERRITORY_OF = {"CA": "west", "WA": "west", "NY": "east", "MA": "east", "TX": "vacant"}
TEAM = ("ana", "ben", "cal")
SEATS = ("west", "east", "vacant")


def owners_of(variant: int) -> dict[str, str]:
    """Return territory -> owner in a model: in each of the three variants everybody sits elsewhere."""
    return {seat: TEAM[(place + variant) % len(TEAM)] for place, seat in enumerate(SEATS)}


@dataclass
class Spell:
    """One association an account was given."""

    place: Place
    cause: str
    model: str


@dataclass
class Company:
    """Accounts, their places, and the models.

    Parameters
    ----------
    states : dict
        Account -> the state it lies in, which the rules ask.
    variants : dict
        Model -> who sits where in it.
    life : dict
        Model -> its state.
    opened : dict
        Account -> the associations it was given since ``forget``.
    """

    states: dict[str, str]
    active: str
    variants: dict[str, int]
    life: dict[str, str]
    places: dict[str, Place] = field(default_factory=dict)
    causes: dict[str, str] = field(default_factory=dict)
    opened: dict[str, list[Spell]] = field(default_factory=dict)
    publications: int = 0
    imports: int = 0
    before: Company | None = field(default=None, compare=False, repr=False)

    def forget(self) -> None:
        """Begin a new round."""
        self.opened, self.publications, self.imports = {}, 0, 0

    def ruled(self, account: str, model: str | None = None) -> Place:
        """Return where the rules of a model put an account."""
        territory = TERRITORY_OF.get(self.states[account], "us")  # the top has a manager and no owner
        return territory, owners_of(self.variants[model or self.active]).get(territory)

    def moves(self, model: str) -> dict[str, tuple[Place, Place]]:
        """Return what publishing a model would move, from where to where."""
        both = {account: (self.places[account], self.ruled(account, model)) for account in self.states}
        return {account: pair for account, pair in both.items() if pair[0] != pair[1]}

    def publish(self, model: str, *, seen: object = None) -> Outcome:
        """Make a model the active one, unless something else would move than what was seen."""
        if model == self.active:
            return "done", 0
        if seen is not None and seen != self.moves(model):
            return "conflict", "difference-changed"
        self.before = replace(self, places=dict(self.places), causes=dict(self.causes), before=None)
        self.life[self.active], self.life[model] = "archived", "active"
        self.active = model
        self.publications += 1
        return "done", self._place(self.states, keep_manual=False)

    def undo(self) -> Outcome:
        """Put everything where it was before the last publication; nothing else has changed since."""
        assert self.before is not None
        last, self.before = (
            self.before,
            replace(self, places=dict(self.places), causes=dict(self.causes), before=None),
        )
        self.life[self.active], self.life[last.active] = "archived", "active"
        self.active = last.active
        self.publications += 1
        for account, place in last.places.items():
            self._put(account, place, last.causes[account])
        return "done", None

    def take_in(self, states: dict[str, str]) -> Outcome:
        """Import where accounts lie."""
        changed = {account: state for account, state in states.items() if self.states[account] != state}
        self.states |= changed
        self.imports += 1
        self._place(changed, keep_manual=True)
        return "done", len(changed)

    def move(self, account: str, territory: str, *, seen: Place) -> Outcome:
        """Move an account by hand, unless it is somewhere else than where it was seen."""
        if self.places[account] != seen:
            return "conflict", "places-changed"
        owner = owners_of(self.variants[self.active]).get(territory)
        return "done", int(self._put(account, (territory, owner), MANUAL))

    def run(self) -> Outcome:
        """Put every account where the rules say, but for those moved by hand."""
        return "done", self._place(self.states, keep_manual=True)

    def _place(self, accounts: dict[str, str], *, keep_manual: bool) -> int:
        free = [one for one in accounts if not (keep_manual and self.causes[one] == MANUAL)]
        return sum(self._put(account, self.ruled(account), RULE) for account in free)

    def _put(self, account: str, place: Place, cause: str) -> bool:
        if self.places.get(account) != place:
            self.places[account], self.causes[account] = place, cause
            self.opened.setdefault(account, []).append(Spell(place, cause, self.active))
            return True
        if place[1] is None and account in self.opened:  # who waits is told anew why
            self.opened[account][-1].model = self.active
        return False
