"""The life of territory models: states, publishing, schedules, policies for open work, undo."""

from merestone.app.lifecycle.handover import end_stays
from merestone.app.lifecycle.policies import read_policies, set_policies, work_policy
from merestone.app.lifecycle.publishing import publish, publish_document
from merestone.app.lifecycle.schedule import instant_of, publish_due, publish_scheduled, schedule
from merestone.app.lifecycle.states import (
    NEXT,
    allowed,
    allowed_to,
    archive,
    cancel,
    events,
    life_of,
    life_of_part,
    publications,
    send_back,
    submit,
)
from merestone.app.lifecycle.undoing import last_publication, preview_undo, undo
from merestone.app.model_hash import content_hash, subtree_hash

__all__ = [
    "NEXT",
    "allowed",
    "allowed_to",
    "archive",
    "cancel",
    "content_hash",
    "end_stays",
    "events",
    "instant_of",
    "last_publication",
    "life_of",
    "life_of_part",
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
    "subtree_hash",
    "undo",
    "work_policy",
]
