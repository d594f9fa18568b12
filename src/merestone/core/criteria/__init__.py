"""The criteria language: which records belong to a territory.

``parse`` reads text, ``check`` finds every mistake against the fields, ``evaluate`` is the row oracle that all engines
must equal, ``render`` writes canonical text, ``to_english`` plain English. Logic is three-valued as in SQL: a missing
value makes a comparison unknown (``None``), and unknown does not match. Not here: polygons and distances, which the
caller passes in as ``areas``.
"""

from merestone.core.criteria.check import check, read
from merestone.core.criteria.evaluate import Outcome, Places, blame, evaluate, explain
from merestone.core.criteria.expression import Expr, count_criteria, fields_used, leaves
from merestone.core.criteria.fields import Field, FieldSet, standard_fields
from merestone.core.criteria.functions import FUNCTIONS, Function
from merestone.core.criteria.parse import MAX_DEPTH, MAX_LENGTH, parse
from merestone.core.criteria.render import render, to_english

__all__ = [
    "FUNCTIONS",
    "MAX_DEPTH",
    "MAX_LENGTH",
    "Expr",
    "Field",
    "FieldSet",
    "Function",
    "Outcome",
    "Places",
    "blame",
    "check",
    "count_criteria",
    "evaluate",
    "explain",
    "fields_used",
    "leaves",
    "parse",
    "read",
    "render",
    "standard_fields",
    "to_english",
]
