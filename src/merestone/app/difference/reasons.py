"""One sentence per move: which rule matches now, which no longer, and by which rank the winner wins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from merestone.app.assign import RANK_WORDS
from merestone.app.rulebook import RuleBook
from merestone.core.rules.ruleset import RANKS, Rule


class Move(NamedTuple):
    """What a sentence depends on; many accounts share one.

    Parameters
    ----------
    origin, target : str or None
        Territory keys; None = no territory.
    origin_owner, target_owner : int or None
        Rep ids.
    was, cause : str or None
        Why the account is where it is, and why it would be there.
    still_matches : bool
        The new rules still match it to ``origin``.
    matched_before : bool
        The old rules matched it to ``target`` already.
    won_before : bool
        The old rules would place it in ``target`` already.
    gained, lost : tuple of str
        Overlay territories.
    """

    origin: str | None
    target: str | None
    origin_owner: int | None
    target_owner: int | None
    was: str | None
    cause: str | None
    still_matches: bool
    matched_before: bool
    won_before: bool
    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reasons:
    """Writes the sentences of one difference.

    Parameters
    ----------
    old : RuleBook or None
        None = no model was active.
    new : RuleBook
    reps : dict of int to str
        Names by rep id.
    """

    old: RuleBook | None
    new: RuleBook
    reps: dict[int, str]

    def say(self, move: Move) -> str:
        """Return why an account moves, in whole sentences."""
        parts = []
        if move.origin != move.target:
            parts.append(self._territory(move))
        elif move.origin_owner != move.target_owner:
            parts.append(self._owner(move))
        parts += [f"{self._name(key)} matches it too." for key in move.gained]
        parts += [f"{self._name(key)} no longer matches it." for key in move.lost]
        return " ".join(parts) or "An overlay has another owner."

    def _territory(self, move: Move) -> str:
        if move.target is None:
            return f"{self._leaves(move)} No other territory matches, so it waits in the queue."
        if move.origin is None:
            return self._arrives(move)
        if move.was == "manual" and move.still_matches is False:
            return f"It was moved to {self._name(move.origin)} by hand; {self._arrives(move, within=True)}"
        if move.won_before:
            return f"{self._name(move.target)} matched it before as well, but it was not placed anew since."
        if not move.still_matches or move.cause == "named":
            gone = "" if move.cause == "named" else f"{self._leaves(move)} "
            return gone + self._arrives(move)
        return f"{self._arrives(move)} {self._outranks(move)}"

    def _leaves(self, move: Move) -> str:
        assert move.origin is not None
        name = self._name(move.origin)
        if move.origin not in self.new.rules:
            return f"{name} is not in “{self.new.document.name}”."
        if move.was == "named":
            return f"It is no longer named in {name}."
        if move.was == "manual":
            return f"It was moved to {name} by hand."
        clause = self.new.clause(move.origin)
        return f"{name} no longer matches: {clause}." if clause else f"{name} no longer matches."

    def _arrives(self, move: Move, *, within: bool = False) -> str:
        assert move.target is not None
        name, clause = self._name(move.target), self.new.clause(move.target)
        if move.cause == "named":
            return f"{'it' if within else 'It'} is named in {name}."
        verb = "matches" if move.matched_before else "now matches"
        return f"{name} {verb}: {clause}." if clause else f"{name} {verb}."

    def _outranks(self, move: Move) -> str:
        """Say by what the target goes before the origin, both of which match."""
        assert move.origin is not None
        assert move.target is not None
        rank = decided_by(self.new.rules[move.target], self.new.rules[move.origin])
        name = self._name(move.origin)
        if move.origin in self.new.ancestors(move.target):
            return f"It lies within {name}, which matches too."
        now = "now " if move.matched_before else ""
        return f"{name} matches too, but {self._name(move.target)} {now}wins because {RANK_WORDS[rank]}."

    def _owner(self, move: Move) -> str:
        name = "It" if move.target is None else self._name(move.target)
        if move.target_owner is None:
            return f"{name} has no owner in the new model, so the account waits in the queue."
        before = self.reps.get(move.origin_owner or 0)
        now = self.reps.get(move.target_owner, "Another rep")
        return f"{now} owns {name}" + (f" instead of {before}." if before else ".")

    def _name(self, key: str) -> str:
        if key in self.new.rules:
            return self.new.name(key)
        return self.old.name(key) if self.old is not None and key in self.old.rules else key


def decided_by(winner: Rule, loser: Rule) -> str:
    """Return the first element of the winning order in which two rules differ."""
    pairs = zip(RANKS[2:], winner.rank, loser.rank, strict=True)
    return next((name for name, left, right in pairs if left != right), "key")
