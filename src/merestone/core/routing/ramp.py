"""How much of a full load a joiner carries.

The one rule: the share grows by the same amount every day, from the day of hire until the ramp's weeks are over. It is
told in steps of 5 %, rounded down and never below one step, so that what is added up over months stays exact and small.
"""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

STEPS = 20
FULL = Fraction(1)


def ramp_share(hired_on: date | None, ramp_weeks: int | None, on: date) -> Fraction:
    """Return the share of a full load on a day, in (0, 1].

    With ``n = 7 * ramp_weeks`` days of ramp, day ``d`` (0 on the day of hire) carries ``(d + 1) / (n + 1)``, rounded
    down to a whole twentieth; day ``n`` is the first with the full load. Before the day of hire it is one twentieth.

    Parameters
    ----------
    hired_on : date or None
        Null: for ever here, full load.
    ramp_weeks : int or None
        Weeks until full load; null or 0: full at once.
    """
    until = full_from(hired_on, ramp_weeks)
    if hired_on is None or until is None or on >= until:
        return FULL
    n_days, worked = (until - hired_on).days, max((on - hired_on).days, 0)
    return Fraction(max(1, (worked + 1) * STEPS // (n_days + 1)), STEPS)


def full_from(hired_on: date | None, ramp_weeks: int | None) -> date | None:
    """Return the first day with the full load; None for somebody who has no ramp."""
    if hired_on is None or not ramp_weeks:
        return None
    return hired_on + timedelta(weeks=ramp_weeks)
