"""Writing rules: fields and values on offer, text and builder in step, live counts, problems beside the rule."""

from merestone.app.rulework.counting import count_matches, count_territories
from merestone.app.rulework.fields import rule_fields
from merestone.app.rulework.problems import problems_of, try_cases
from merestone.app.rulework.reading import read_rule
from merestone.app.rulework.tree import tree_of, write_rule
from merestone.app.rulework.values import suggest_values

__all__ = [
    "count_matches",
    "count_territories",
    "problems_of",
    "read_rule",
    "rule_fields",
    "suggest_values",
    "tree_of",
    "try_cases",
    "write_rule",
]
