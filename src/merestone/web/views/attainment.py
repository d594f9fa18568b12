"""Attainment: what was won in the running quarter against the quotas, by who owned what at the time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from merestone.app.policy import Actor
from merestone.app.report import scorecard_report
from merestone.app.services import Services
from merestone.base.interval import Interval
from merestone.db.queries import home as queries
from merestone.db.queries.company import company
from merestone.web.views.periods import months_before, quarter_start

ZERO = Decimal("0.00")
FULL_BAR = 1.5  # the bar of a territory is full at one and a half times its quota


@dataclass(frozen=True, slots=True)
class Goal:
    """What a territory (or all of them) won, and was to win."""

    key: str
    name: str
    won: Decimal
    quota: Decimal
    par: float

    @property
    def share(self) -> float | None:
        """Won ÷ quota; None without a quota."""
        return float(self.won / self.quota) if self.quota else None

    @property
    def bar(self) -> float:
        """How much of the bar is filled."""
        return min(1.0, (self.share or 0.0) / FULL_BAR)

    @property
    def par_mark(self) -> float:
        """Where on the bar the elapsed share of the quarter lies."""
        return self.par / FULL_BAR

    @property
    def is_behind(self) -> bool:
        """Whether less is won than the elapsed share of the quota."""
        return self.share is not None and self.share < self.par

    @property
    def words(self) -> str:
        """The bar in words."""
        share = self.share or 0.0
        return f"{self.name}: {share:.1%} of quota, par {self.par:.1%}".replace("%", " %")


@dataclass(frozen=True, slots=True)
class Attainment:
    """The running quarter.

    Parameters
    ----------
    start, last_day : date
        The quarter.
    par : float
        The elapsed share of the quarter, today included.
    goals : tuple of Goal
        Territories with a quota, the furthest behind first.
    won : dict
        Territory key -> won so far, of every territory with or without a quota.
    all_won : Decimal
        Won in everything the actor sees; ``n_won`` deals.
    """

    start: date
    last_day: date
    par: float
    goals: tuple[Goal, ...]
    won: dict[str | None, Decimal]
    all_won: Decimal
    n_won: int

    @property
    def total(self) -> Goal:
        """All territories with a quota together."""
        won = sum((goal.won for goal in self.goals), ZERO)
        return Goal("", "All", won, sum((goal.quota for goal in self.goals), ZERO), self.par)

    @property
    def n_behind(self) -> int:
        """How many territories are behind par."""
        return sum(goal.is_behind for goal in self.goals)


def attainment(services: Services, actor: Actor, *, names: Mapping[str, str]) -> Attainment:
    """Return the attainment so far of the territories an actor sees."""
    today = services.clock.today()
    start = quarter_start(today)
    end = months_before(start, -3)
    tomorrow = today + timedelta(days=1)
    par = (tomorrow - start).days / (end - start).days
    card = scorecard_report(services, actor, period=Interval(start, tomorrow))
    card = card.select(["territory", "bookings", "won"])
    won = {row["territory"]: row["bookings"] or ZERO for row in card.to_pylist()}
    quotas = queries.quotas_on(actor, today, currency=company().currency)
    goals = [Goal(key, names.get(key, key), won.get(key, ZERO), quota, par) for key, quota in quotas.items()]
    return Attainment(
        start=start,
        last_day=end - timedelta(days=1),
        par=par,
        goals=tuple(sorted(goals, key=lambda goal: (goal.share or 0.0, goal.name))),
        won=won,
        all_won=sum(won.values(), ZERO),
        n_won=sum(card["won"].to_pylist()),
    )
