"""What a builder may offer: fields, operators by kind, functions. One table; a page holds no copy of it."""

from __future__ import annotations

from typing import Any

from merestone.app.plans import load_model
from merestone.app.policy import Actor, Right
from merestone.app.rulebook import company_fields
from merestone.app.services import Services
from merestone.core.criteria import FUNCTIONS, Field, FieldSet, Function, standard_fields
from merestone.core.criteria.fields import ALIASES
from merestone.core.model.columns import Kind
from merestone.core.rules.document import document_fields

_ORDERED = (Kind.TEXT, Kind.NUMBER, Kind.MONEY, Kind.DATE, Kind.INSTANT)
_SINGLE = (*_ORDERED, Kind.BOOLEAN)
_ALL = (*_SINGLE, Kind.LIST)
# op, words, words for dates (None: the same), how many values, kinds it takes
_OPERATORS: tuple[tuple[str, str, str | None, str, tuple[Kind, ...]], ...] = (
    ("=", "is", None, "one", _SINGLE),
    ("<>", "is not", None, "one", _SINGLE),
    ("in", "is one of", None, "many", (Kind.TEXT, Kind.NUMBER, Kind.MONEY, Kind.DATE, Kind.INSTANT)),
    ("not in", "is none of", None, "many", (Kind.TEXT, Kind.NUMBER, Kind.MONEY, Kind.DATE, Kind.INSTANT)),
    (">=", "at least", "from", "one", _ORDERED),
    ("<=", "at most", "until", "one", _ORDERED),
    (">", "above", "after", "one", _ORDERED),
    ("<", "below", "before", "one", _ORDERED),
    ("between", "between", None, "two", _ORDERED),
    ("in list", "is in list", None, "list", (Kind.TEXT, Kind.NUMBER, Kind.MONEY)),
    ("not in list", "is not in list", None, "list", (Kind.TEXT, Kind.NUMBER, Kind.MONEY)),
    ("is null", "is missing", None, "none", _ALL),
    ("is not null", "is known", None, "none", _ALL),
)
_PLACES = ("city", "state", "postal_code", "country", "county", "latitude", "longitude")
_FUNCTION_WORDS = {
    "starts_with": "starts with",
    "contains": "contains",
    "matches": "matches the pattern",
    "has_any": "include any of",
    "has_all": "include all of",
    "within_km": "within a distance of a point",
    "in_area": "in the area",
}


def rule_fields(services: Services, actor: Actor, *, model: str | None = None) -> dict[str, Any]:
    """Return everything a builder offers.

    Parameters
    ----------
    model : str, optional
        Key of the model whose own fields, lists and areas come too; the active one when omitted, if there is one.

    Returns
    -------
    dict
        ``fields`` (``name``, ``label``, ``kind``, ``unit``, ``choices``, ``group``, ``aliases``, ``operators``),
        ``operators`` (``op``, ``label``, ``date_label``, ``takes``), ``functions`` (``name``, ``label``, ``signature``,
        ``description``, ``example``, ``subject``, ``arguments``, ``takes``), ``lists`` and ``areas`` of the model.
    """
    actor.require(Right.MANAGE_RULES)
    document = None
    if model is not None or services.models.active() is not None:
        document = load_model(services, actor, model)[1]
    fields = company_fields(services.records)
    if document is not None:
        fields = document_fields(document, fields=fields)
    return {
        "fields": [_field(field, fields) for field in fields],
        "operators": [
            {"op": op, "label": words, "date_label": dated or words, "takes": takes}
            for op, words, dated, takes, _ in _OPERATORS
        ],
        "functions": [_function(function) for function in FUNCTIONS.values()],
        "lists": [] if document is None else [{"key": key, "n": len(items)} for key, items in document.lists.items()],
        "areas": [] if document is None else list(document.areas),
    }  # fmt: skip


def _field(field: Field, fields: FieldSet) -> dict[str, Any]:
    operators = [op for op, _, _, _, kinds in _OPERATORS if field.kind in kinds]
    operators[-2:-2] = [name for name, function in FUNCTIONS.items() if function.subject is field.kind]
    if field.kind is Kind.LIST:  # the functions are what a list is for
        operators.sort(key=lambda op: op not in FUNCTIONS)
    return {
        "name": field.name,
        "label": field.label,
        "kind": field.kind.value,
        "unit": field.unit,
        "choices": list(field.choices),
        "group": _group(field),
        "aliases": [
            alias for alias, name in ALIASES.items() if name == field.name and fields.get(alias) is field
        ],
        "operators": operators,
    }


def _group(field: Field) -> str:
    if field.is_custom:
        return "Your own fields"
    if field.name in _PLACES:
        return "Place"
    if field.name in standard_fields("accounts"):
        return "Account" if field.name in ("external_id", "name", "domain", "lifecycle") else "Firmographics"
    return "Leads only"


def _function(function: Function) -> dict[str, Any]:
    return {
        "name": function.name,
        "label": _FUNCTION_WORDS.get(function.name, function.name.replace("_", " ")),
        "signature": function.signature,
        "description": function.description,
        "example": function.example,
        "subject": function.subject.value,
        "takes": "many" if function.is_variadic else "arguments",
        "arguments": [
            {"name": one.name, "kind": one.kind.value, "minimum": one.minimum, "maximum": one.maximum}
            for one in function.arguments
        ],
    }
