"""Every promise checked again on the live data: read-only, at one instant, in sets.

Most questions are for the database (``Evidence.checks``); here are those that need the rules, the documents and the
sums as the product shows them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from merestone.app.policy import Actor, Right
from merestone.app.ports_audit import BREACH, Check, Finding
from merestone.app.services import Services
from merestone.app.verify.content import content_checks, kept_checks
from merestone.app.verify.report import Answer, Report

__all__ = ["Answer", "Check", "Finding", "Report", "verify"]

SHOWN = 20
"""As many findings of one check are told; the others are counted."""

Progress = Callable[[int, int, str], None]


def verify(
    services: Services, actor: Actor, *, head: str | None = None, progress: Progress | None = None
) -> Report:
    """Check every promise on the live data.

    Parameters
    ----------
    head : str, optional
        Digest of the log's last seal as an earlier report gave it: it must still be in the chain.
    progress : callable, optional
        Called with (done, total, title) before each check.
    """
    actor.require(Right.READ_AUDIT)
    with services.evidence.at_one_instant():
        checks = [
            *services.evidence.checks(now=services.clock.now(), head=head),
            *content_checks(services),
        ]
        total = len(checks) + len(kept_checks(services))
        answers = _answers(checks, total=total, progress=progress)
        last, counts = services.evidence.head(), services.evidence.counts()
    # What is kept beside the database is compared at an instant of its own.
    answers += _answers(kept_checks(services), total=total, progress=progress, done=len(checks))
    return Report(tuple(answers), last, counts)


def _answers(
    checks: Sequence[Check], *, total: int, progress: Progress | None, done: int = 0
) -> list[Answer]:
    found = []
    for place, check in enumerate(checks, start=done):
        if progress is not None:
            progress(place, total, check.title)
        found.append(_answer(check))
    return found


def _answer(check: Check) -> Answer:
    begun = time.perf_counter()
    shown: list[Finding] = []
    n_breaches = n_notes = 0
    for finding in check.ask():
        n_breaches += finding.weight == BREACH
        n_notes += finding.weight != BREACH
        if len(shown) < SHOWN:
            shown.append(finding)
    seconds = time.perf_counter() - begun
    return Answer(check.rule, check.promise, check.title, tuple(shown), n_breaches, n_notes, seconds)
