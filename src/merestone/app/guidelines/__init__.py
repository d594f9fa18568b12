"""Rules of engagement and training: written for territories, read and done by their members."""

from merestone.app.guidelines.papers import acknowledge, remind, save_guidelines
from merestone.app.guidelines.reminders import tick
from merestone.app.guidelines.training import mark_done, remind_learners, retire_training, save_training

__all__ = [
    "acknowledge",
    "mark_done",
    "remind",
    "remind_learners",
    "retire_training",
    "save_guidelines",
    "save_training",
    "tick",
]
