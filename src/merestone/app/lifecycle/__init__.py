"""The life of territory models: states, publishing, schedules, policies for open work, undo."""

from merestone.app.lifecycle.handover import end_stays
from merestone.app.lifecycle.policies import read_policies, set_policies, work_policy
from merestone.app.lifecycle.publishing import publish, publish_document
from merestone.app.lifecycle.schedule import instant_of, publish_due, publish_scheduled, schedule
from merestone.app.lifecycle.states import (
    NEXT,
    allowed,
    archive,
    cancel,
    events,
    life_of,
    publications,
    send_back,
    submit,
)
from merestone.app.lifecycle.undoing import last_publication, preview_undo, undo

__all__ = [
    "NEXT",
    "allowed",
    "archive",
    "cancel",
    "end_stays",
    "events",
    "instant_of",
    "last_publication",
    "life_of",
    "preview_undo",
    "publications",
    "publish",
    "publish_document",
    "publish_due",
    "publish_scheduled",
    "read_policies",
    "schedule",
    "send_back",
    "set_policies",
    "submit",
    "undo",
    "work_policy",
]
