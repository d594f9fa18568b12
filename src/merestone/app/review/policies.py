"""What a model's policies say of challenges and approvals, read and checked.

``TerritoryModel.policies`` holds, besides what others keep there::

    challenges:
      decide_days: 7                 # days after it is sent until which a challenge can be decided
      accept:                        # any of these accepts a challenge at once
        - {kinds: [keep], late_stage: true, effect_within: 0.05}
        - {kinds: [keep], owned_months: 24, effect_within: 0.05}
        - {managers_agree: true}
    approvals:
      depth: 0                       # each territory at this depth of the tree, by one of its managers
      by:                            # and by these
        - {user: vera@example.com, territory: west}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from merestone.base.errors import InvalidInputError, Problem

KINDS = ("keep", "give", "swap")
DECIDE_DAYS = 7
RULE_KEYS = ("kinds", "late_stage", "owned_months", "effect_within", "managers_agree")
CONDITIONS = ("late_stage", "owned_months", "managers_agree")


@dataclass(frozen=True, slots=True)
class AcceptRule:
    """What a challenge must fulfil, all of it, to be accepted without anybody deciding.

    Parameters
    ----------
    kinds : tuple of str
    late_stage : bool
        The account has an open opportunity in a late stage.
    owned_months : int or None
        The rep has owned the account for so many months.
    effect_within : float or None
        No side's potential or workload changes by more than this share of the mean.
    managers_agree : bool
        A manager of either side has spoken for it.
    """

    kinds: tuple[str, ...] = KINDS
    late_stage: bool = False
    owned_months: int | None = None
    effect_within: float | None = None
    managers_agree: bool = False


@dataclass(frozen=True, slots=True)
class ChallengePolicy:
    """How challenges are decided."""

    decide_days: int | None = DECIDE_DAYS
    accept: tuple[AcceptRule, ...] = ()


@dataclass(frozen=True, slots=True)
class ApprovalPolicy:
    """Which approvals a model needs.

    Parameters
    ----------
    depth : int or None
        Every territory at this depth needs one by its managers; None: none does.
    by : tuple of (str, str or None)
        E-mail of a user, and the territory they must approve; None: the whole model.
    """

    depth: int | None = None
    by: tuple[tuple[str, str | None], ...] = ()


def challenge_policy(policies: Mapping[str, Any]) -> ChallengePolicy:
    """Return what was checked before as a policy."""
    said = policies.get("challenges") or {}
    rules = tuple(
        AcceptRule(**{**rule, "kinds": tuple(rule.get("kinds", KINDS))}) for rule in said.get("accept", ())
    )
    return ChallengePolicy(said.get("decide_days", DECIDE_DAYS), rules)


def approval_policy(policies: Mapping[str, Any]) -> ApprovalPolicy:
    """Return what was checked before as a policy."""
    said = policies.get("approvals") or {}
    by = tuple((entry["user"].lower(), entry.get("territory")) for entry in said.get("by", ()))
    return ApprovalPolicy(said.get("depth"), by)


def check_policies(
    policies: Mapping[str, Any], *, territories: frozenset[str], users: frozenset[str]
) -> None:
    """Raise InvalidInputError with every problem of the parts about challenges and approvals.

    Parameters
    ----------
    territories : frozenset of str
        Keys the model has.
    users : frozenset of str
        E-mails, lower-case, of those who are active.
    """
    problems = [
        *_challenges(policies.get("challenges", {})),
        *_approvals(policies.get("approvals", {}), territories, users),
    ]
    if problems:
        raise InvalidInputError("The policies were not kept.", problems, code="bad-policy")


def _challenges(said: Any) -> Iterator[Problem]:
    where = "challenges"
    if not isinstance(said, Mapping):
        yield _bad(where, f"'{said}' is no policy.", "Write keys and values.")
        return
    yield from _unknown(said, ("decide_days", "accept"), where)
    days = said.get("decide_days")
    if days is not None and not _is_count(days):
        yield _bad(
            f"{where}/decide_days", f"'{days}' is no number of days.", "Write a whole number, 0 or more."
        )
    rules = said.get("accept", [])
    if not isinstance(rules, list | tuple):
        yield _bad(f"{where}/accept", "The rules are no list.", "Write a list of rules.")
        return
    for place, rule in enumerate(rules, start=1):
        yield from _rule(rule, f"{where}/accept/{place}")


def _rule(rule: Any, where: str) -> Iterator[Problem]:
    if not isinstance(rule, Mapping):
        yield _bad(where, f"'{rule}' is no rule.", "Write keys and values.")
        return
    yield from _unknown(rule, RULE_KEYS, where)
    kinds = rule.get("kinds", KINDS)
    if not isinstance(kinds, list | tuple) or not kinds or any(kind not in KINDS for kind in kinds):
        yield _bad(f"{where}/kinds", f"'{kinds}' are not kinds of challenges.", f"Known: {', '.join(KINDS)}.")
    for name in ("late_stage", "managers_agree"):
        if not isinstance(rule.get(name, False), bool):
            yield _bad(
                f"{where}/{name}", f"'{rule[name]}' is neither true nor false.", "Write true or false."
            )
    months, share = rule.get("owned_months"), rule.get("effect_within")
    if months is not None and not _is_count(months):
        yield _bad(f"{where}/owned_months", f"'{months}' is no number of months.", "Write a whole number.")
    if share is not None and (
        isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1
    ):
        yield _bad(f"{where}/effect_within", f"'{share}' is no share.", "Write a number between 0 and 1.")
    if not any(rule.get(name) for name in CONDITIONS):
        yield _bad(where, "The rule accepts whatever is small.", f"Say one of: {', '.join(CONDITIONS)}.")


def _approvals(said: Any, territories: frozenset[str], users: frozenset[str]) -> Iterator[Problem]:
    where = "approvals"
    if not isinstance(said, Mapping):
        yield _bad(where, f"'{said}' is no policy.", "Write keys and values.")
        return
    yield from _unknown(said, ("depth", "by"), where)
    depth = said.get("depth")
    if depth is not None and not _is_count(depth):
        yield _bad(f"{where}/depth", f"'{depth}' is no depth.", "Write 0 for the roots, 1 for those below.")
    by = said.get("by", [])
    if not isinstance(by, list | tuple):
        yield _bad(f"{where}/by", "The people are no list.", "Write a list of user and territory.")
        return
    for place, entry in enumerate(by, start=1):
        here = f"{where}/by/{place}"
        user = entry.get("user") if isinstance(entry, Mapping) else entry
        if not isinstance(user, str) or user.lower() not in users:
            yield _bad(here, f"There is no active user '{user}'.", "Name a user by e-mail.")
        elif (key := entry.get("territory")) is not None and key not in territories:
            yield _bad(
                here, f"There is no territory '{key}' in this model.", "Leave it out for the whole model."
            )


def _unknown(said: Mapping[str, Any], known: tuple[str, ...], where: str) -> Iterator[Problem]:
    for name in said:
        if name not in known:
            yield Problem(
                "unknown-key", f"'{name}' is not a setting here.", f"Known: {', '.join(known)}.", where=where
            )


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 10_000


def _bad(where: str, message: str, fix: str) -> Problem:
    return Problem("bad-policy", message, fix, where=where)
