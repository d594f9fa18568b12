"""Proofs about rules: gaps, overlaps, rules that can never match or never win, criteria that say nothing new.

Rules become boxes in the space of records (``space``); questions become coverings of boxes by boxes (``cover``), which
are decided exactly unless the work allowed runs out, and then the answer says so. What depends on text searches, circles
and areas is ``proved`` by an example or else only ``possible``. Not here: accounts in bulk (``app.analyse``).
"""

from merestone.core.rules.analyse.analyser import (
    DEFAULT_BUDGET,
    MOST_LISTED,
    Analyser,
    analyse_rule,
    analyse_rules,
)
from merestone.core.rules.analyse.findings import KINDS, SEVERITIES, Finding, Part, RuleAnalysis

__all__ = [
    "DEFAULT_BUDGET",
    "KINDS",
    "MOST_LISTED",
    "SEVERITIES",
    "Analyser",
    "Finding",
    "Part",
    "RuleAnalysis",
    "analyse_rule",
    "analyse_rules",
]
