"""The whole analysis of a ruleset, and the quick one of a single territory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property

from merestone.base.errors import NotFoundError
from merestone.core.rules.analyse.cover import Budget, BudgetSpentError
from merestone.core.rules.analyse.findings import Finding, Part, Progress, RuleAnalysis, graver
from merestone.core.rules.analyse.gaps import Gap, GapSearch, inner_rules, told_gap
from merestone.core.rules.analyse.impossible import idle_criteria, impossible_rule, impossible_rules
from merestone.core.rules.analyse.neighbours import Neighbours
from merestone.core.rules.analyse.overlaps import is_formal, overlap, overlapping_pairs, partners
from merestone.core.rules.analyse.shadowed import shadowed_rule
from merestone.core.rules.analyse.space import Space
from merestone.core.rules.ruleset import Ruleset

DEFAULT_BUDGET = 8_000_000  # boxes looked at in each part: some seconds
RULE_BUDGET = 200_000  # for one territory: a fraction of a second
MOST_LISTED = 50  # findings of a kind told one by one
_SHARE = 200  # no single question takes more than one part in so many
_WEIGHED = 1_000  # overlaps from which those to list are chosen
_MOST_GAPS = 24  # of one territory


class Analyser:
    """Answers questions about one ruleset; what they share is made once.

    Parameters
    ----------
    ruleset : Ruleset
    budget : int
        Boxes to look at in each part of the whole analysis.
    most : int
        Findings listed of each kind; the others are counted.
    """

    def __init__(self, ruleset: Ruleset, *, budget: int = DEFAULT_BUDGET, most: int = MOST_LISTED) -> None:
        self.ruleset, self.budget, self.most = ruleset, budget, most

    @cached_property
    def space(self) -> Space:
        """The rules as boxes."""
        return Space(self.ruleset)

    @cached_property
    def neighbours(self) -> Neighbours:
        """What may meet what."""
        return Neighbours(self.space)

    # --- everything

    def everything(self, *, progress: Progress | None = None) -> RuleAnalysis:
        """Return all that can be said about the rules alone."""
        steps: list[tuple[str, Callable[[], tuple[list[Finding], Part]]]] = [
            ("Looking for rules that cannot match", self.impossible),
            ("Looking for rules that cannot win", self.shadowed),
            ("Looking for overlaps", self.overlaps),
            ("Looking for gaps", self.gaps),
            ("Looking for criteria that say nothing new", self.redundant),
        ]
        findings: list[Finding] = []
        parts: list[Part] = []
        for done, (message, step) in enumerate(steps):
            if progress is not None:
                progress(done, len(steps), message)
            own, part = step()
            findings += own
            parts.append(part)
        if progress is not None:
            progress(len(steps), len(steps), "Done")
        return RuleAnalysis(tuple(graver(findings)), tuple(parts))

    def impossible(self) -> tuple[list[Finding], Part]:
        """Return the rules that no record can match."""
        found = impossible_rules(self.space)
        told = [impossible_rule(self.space, position) for position in found[: self.most]]
        return told, Part("impossible", self.space.is_exact, len(found), min(len(found), self.most))

    def shadowed(self) -> tuple[list[Finding], Part]:
        """Return the leaves that can never win."""
        budget = Budget(self.budget)
        found: list[Finding] = []
        n_open = 0
        for position in self.space.leaves:
            own = budget.part(max(self.budget // _SHARE, 1))
            try:
                finding = shadowed_rule(self.space, self.neighbours, position, budget=own)
                found += [finding] if finding is not None else []
            except BudgetSpentError:
                n_open += 1
            budget.spent += own.spent
        part = Part(
            "shadowed", n_open == 0, len(found), min(len(found), self.most), budget.spent, budget.limit
        )
        return found[: self.most], part

    def overlaps(self) -> tuple[list[Finding], Part]:
        """Return the pairs of leaves that overlap: those that only the key decides first."""
        pairs = overlapping_pairs(self.space, self.neighbours, kept=max(_WEIGHED, self.most))
        budget = Budget(self.budget)
        found: list[Finding] = []
        for weighed in (pairs.by_key, pairs.by_rank):
            # What can only be on paper comes last.
            listed = sorted(
                weighed[: max(_WEIGHED, self.most)].tolist(), key=lambda pair: is_formal(self.space, *pair)
            )
            for first, second in listed[: self.most]:
                own = budget.part(max(self.budget // _SHARE, 1))
                finding = overlap(self.space, self.neighbours, first, second, budget=own)
                found += [finding] if finding is not None else []
                budget.spent += own.spent
        n_found = len(pairs.by_key) + pairs.n_by_rank
        return found, Part("overlaps", True, n_found, len(found), budget.spent, budget.limit)

    def gaps(self) -> tuple[list[Finding], Part]:
        """Return the regions that no leaf covers."""
        part = self._gap_search[1]
        told = [told_gap(self.space, gap) for gap in self.listed_gaps()]
        return told, replace(part, n_listed=len(told))

    def listed_gaps(self) -> list[Gap]:
        """Return the gaps that are told one by one: of records with every value, then of records without one."""
        found = self._gap_search[0]
        values = [gap for gap in found if not gap.missing][: self.most]
        return [*values, *[gap for gap in found if gap.missing][: self.most]]

    @cached_property
    def _gap_search(self) -> tuple[list[Gap], Part]:
        """All gaps found, the largest first."""
        budget = Budget(self.budget)
        found: list[Gap] = []
        is_complete = True
        inner = sorted(
            inner_rules(self.space), key=lambda at: -1 if at is None else self.space.rules[at].depth
        )
        for inside in inner:
            if budget.spent >= budget.limit:
                is_complete = False
                break
            search = GapSearch(self.space, self.neighbours, inside)
            budget.spent += search.price
            own = budget.part(max(self.budget // min(_SHARE, 2 * len(inner)), 1))
            gaps, is_all = search.gaps(budget=own, most=_MOST_GAPS)
            found += gaps
            is_complete &= is_all
            budget.spent += own.spent
        found.sort(key=lambda gap: (gap.inside is not None, gap.size))
        return found, Part("gaps", is_complete, len(found), len(found), budget.spent, budget.limit)

    def redundant(self) -> tuple[list[Finding], Part]:
        """Return the criteria that say nothing new."""
        budget = Budget(self.budget)
        found = [
            finding
            for position in range(len(self.space.rules))
            for finding in idle_criteria(self.space, position, budget=budget)
        ]
        return found[: self.most], Part("redundant", True, len(found), min(len(found), self.most))

    # --- one territory

    def rule(self, key: str, *, budget: int = RULE_BUDGET, most: int = 20) -> list[Finding]:
        """Return what is wrong with one territory: impossible, shadowed, overlapping, saying nothing new.

        Raises
        ------
        NotFoundError
            When there is no territory of this key.
        """
        position = next((at for at, rule in enumerate(self.ruleset.rules) if rule.key == key), None)
        if position is None:
            raise NotFoundError(f"There is no territory '{key}'.")
        if position not in self.space.boxes_of:
            return [impossible_rule(self.space, position)]
        allowed = Budget(budget)
        found: list[Finding] = []
        try:
            found += idle_criteria(self.space, position, budget=allowed)
            found += self._problems_of_leaf(position, allowed, most) if position in self.space.leaves else []
        except BudgetSpentError:
            pass
        return graver(found)

    def _problems_of_leaf(self, position: int, budget: Budget, most: int) -> list[Finding]:
        found: list[Finding] = []
        shadow = shadowed_rule(self.space, self.neighbours, position, budget=budget.part(budget.limit // 4))
        found += [shadow] if shadow is not None else []
        rank = self.space.rules[position].rank[:3]
        others = sorted(
            partners(self.space, self.neighbours, position).tolist(),
            key=lambda other: self.space.rules[other].rank[:3] != rank,
        )
        for other in others[:most]:
            own = budget.part(budget.limit // 20)
            finding = overlap(self.space, self.neighbours, position, other, budget=own)
            found += [finding] if finding is not None else []
        return found


def analyse_rules(
    ruleset: Ruleset,
    *,
    budget: int = DEFAULT_BUDGET,
    most: int = MOST_LISTED,
    progress: Progress | None = None,
) -> RuleAnalysis:
    """Return what the rules alone say: impossible and shadowed rules, overlaps, gaps, idle criteria.

    Parameters
    ----------
    ruleset : Ruleset
    budget : int
        Boxes to look at in each part; past it the part says that it is not complete.
    most : int
        Findings listed of each kind; the others are counted.
    progress : callable, optional
        Called with (done, total, message).
    """
    return Analyser(ruleset, budget=budget, most=most).everything(progress=progress)


def analyse_rule(ruleset: Ruleset, key: str, *, budget: int = RULE_BUDGET) -> list[Finding]:
    """Return the problems of one territory, the gravest first (see ``Analyser.rule``; keep one for several keys)."""
    return Analyser(ruleset).rule(key, budget=budget)
