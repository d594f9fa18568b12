"""People come, go and are away: leave, cover, departures with their plans, ramps of joiners."""

from merestone.app.people_changes.absences import cancel_leave, enter_leave
from merestone.app.people_changes.applying import confirm, undo
from merestone.app.people_changes.choosing import choose, take_suggestions
from merestone.app.people_changes.covering import end_cover, start_cover
from merestone.app.people_changes.due import next_due, run_due
from merestone.app.people_changes.joiners import set_ramp
from merestone.app.people_changes.planning import plan_departure
from merestone.app.people_changes.showing import Balance, Plan, plan_table, show

__all__ = [
    "Balance",
    "Plan",
    "cancel_leave",
    "choose",
    "confirm",
    "end_cover",
    "enter_leave",
    "next_due",
    "plan_departure",
    "plan_table",
    "run_due",
    "set_ramp",
    "show",
    "start_cover",
    "take_suggestions",
    "undo",
]
