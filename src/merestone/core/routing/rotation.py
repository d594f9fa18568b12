"""Whose turn it is: fair turns with a proved bound.

Each lead is shared out on paper first: every eligible rep is *due* ``weight / sum of the eligible weights`` of it.
A rep's fair share is the sum of what was due to them; one rep then takes the lead. While the eligible reps and
weights stay the same, every rep is less than one lead away from the fair share after every single lead, and with
equal weights nobody is more than one lead ahead of another. Who joins, or was away, was due nothing meanwhile and so
meets neither a flood nor a drought. Not here: who is eligible (``eligibility``), the lock around a turn (``app``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from merestone.base.errors import UsageError

Weight = int | Fraction | Decimal


@dataclass(frozen=True, slots=True)
class RepTurn:
    """One rep's standing in a rotation, before the next lead.

    Parameters
    ----------
    rep : str
        E-mail; the last tie key.
    weight : int, Fraction or Decimal
        Relative share, above 0.
    taken : int
        Leads taken in this rotation so far.
    due : Fraction or None
        Fair share so far, in leads. ``None`` = these reps with these weights have shared all leads from the start.
    last_turn : int
        Number of the lead last taken, 1, 2, …; 0 = none yet.
    """

    rep: str
    weight: Weight = 1
    taken: int = 0
    due: Fraction | None = None
    last_turn: int = 0


def next_turn(eligible: Sequence[RepTurn]) -> str:
    """Return the rep who takes the next lead.

    With ``s`` the share of a rep in this lead, ``d`` what was due before and ``x`` the leads taken: of the reps who
    may take one without running a whole lead ahead (``x < d + s``), the one who would soonest be a whole lead behind,
    i.e. with the least ``(x + 1 - d) / s``. For a fixed set of reps this is the quota method of apportionment, which
    keeps ``|x - d| < 1`` at every step; as a schedule it is earliest deadline first over windows that always fit.
    Ties: the least ``last_turn``, then the least e-mail.

    With a changing set no rule that does not know the future can keep the bound; then nobody may be below the
    limit, and the most overdue takes the lead.

    Parameters
    ----------
    eligible : sequence of RepTurn
        In any order, each rep once.

    Raises
    ------
    UsageError
        If nobody is eligible, a rep occurs twice, a weight is not above 0, or only some have ``due``.

    References
    ----------
    Balinski, M. L., Young, H. P. (1975). The quota method of apportionment. American Mathematical Monthly 82(7),
    701-730. doi:10.1080/00029890.1975.11993911
    Tijdeman, R. (1980). The chairman assignment problem. Discrete Mathematics 32(3), 323-330.
    doi:10.1016/0012-365X(80)90269-1
    """
    _check(eligible)
    total = sum(Fraction(turn.weight) for turn in eligible)
    all_taken = sum(turn.taken for turn in eligible)

    def rank(turn: RepTurn) -> tuple[bool, Fraction, int, str]:
        share = Fraction(turn.weight) / total
        due = share * all_taken if turn.due is None else turn.due
        runs_ahead = turn.taken >= due + share
        return runs_ahead, (turn.taken + 1 - due) / share, turn.last_turn, turn.rep

    return min(eligible, key=rank).rep


@dataclass(frozen=True, slots=True)
class Rotation:
    """The turns of one pool of reps (a territory, say) so far; ``take`` gives the next state.

    Parameters
    ----------
    turns : mapping of str to RepTurn
        By rep, everybody who was ever eligible; the weights are those of the latest lead.
    n_taken : int
        Leads shared out so far.
    """

    turns: Mapping[str, RepTurn] = field(default_factory=dict)
    n_taken: int = 0

    def standing(self, weights: Mapping[str, Weight]) -> tuple[RepTurn, ...]:
        """Return the standing of these reps, with these weights; newcomers start with nothing due or taken."""
        blank = RepTurn("", due=Fraction(0))
        return tuple(
            replace(self.turns.get(rep, blank), rep=rep, weight=weight)
            for rep, weight in sorted(weights.items())
        )

    def take(self, weights: Mapping[str, Weight]) -> tuple[str, Rotation]:
        """Return the rep who takes the next lead, and the rotation afterwards.

        Parameters
        ----------
        weights : mapping of str to weight
            The reps eligible for this lead.
        """
        eligible = self.standing(weights)
        chosen = next_turn(eligible)
        total = sum(Fraction(turn.weight) for turn in eligible)
        turns = dict(self.turns)
        for turn in eligible:
            due = (turn.due or Fraction(0)) + Fraction(turn.weight) / total
            turns[turn.rep] = replace(turn, due=due)
        took = turns[chosen]
        turns[chosen] = replace(took, taken=took.taken + 1, last_turn=self.n_taken + 1)
        return chosen, Rotation(turns, self.n_taken + 1)

    def as_dict(self) -> dict[str, Any]:
        """Return the state as plain JSON values; ``from_dict`` reads it back exactly."""
        reps = {
            rep: {
                "weight": str(Fraction(turn.weight)),
                "taken": turn.taken,
                "due": str(turn.due or Fraction(0)),
                "last_turn": turn.last_turn,
            }
            for rep, turn in sorted(self.turns.items())
        }
        return {"n_taken": self.n_taken, "reps": reps}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Rotation:
        """Return the rotation that ``as_dict`` wrote; an empty mapping is a new one."""
        turns = {
            rep: RepTurn(
                rep,
                weight=Fraction(kept["weight"]),
                taken=int(kept["taken"]),
                due=Fraction(kept["due"]),
                last_turn=int(kept["last_turn"]),
            )
            for rep, kept in state.get("reps", {}).items()
        }
        return cls(turns, int(state.get("n_taken", 0)))


def _check(eligible: Sequence[RepTurn]) -> None:
    if not eligible:
        raise UsageError("Nobody is eligible for a turn.", code="nobody-eligible")
    reps = [turn.rep for turn in eligible]
    if len(set(reps)) < len(reps):
        twice = next(rep for rep in reps if reps.count(rep) > 1)
        raise UsageError(f"Rep '{twice}' occurs twice in one rotation.", code="duplicate-rep")
    for turn in eligible:
        if turn.weight <= 0:
            raise UsageError(
                f"The weight {turn.weight} of rep '{turn.rep}' is not above 0.", code="bad-weight"
            )
    if len({turn.due is None for turn in eligible}) > 1:
        raise UsageError(
            "Some reps of the rotation have a fair share so far and some none.", code="mixed-due"
        )
