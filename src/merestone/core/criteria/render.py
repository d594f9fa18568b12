"""Tree to text: ``render`` writes the canonical criterion (reading it gives the same tree), ``to_english`` a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from merestone.core.criteria import expression as ex
from merestone.core.criteria.fields import Field, FieldSet
from merestone.core.criteria.functions import FUNCTIONS
from merestone.core.criteria.values import fold
from merestone.core.model.columns import Kind

ValueLabels = Mapping[str, Mapping[str, str]]
MAX_SHOWN = 8  # values of a long list that the English names

# How tightly a node binds; brackets go around a looser node inside a tighter one.
_OR, _AND, _NOT = 0, 1, 2


def render(expr: ex.Expr) -> str:
    """Return ``expr`` as canonical text: lower-case words, one space, brackets only where they are needed."""
    return _render(expr, _OR)


def _render(expr: ex.Expr, within: int) -> str:
    match expr:
        case ex.Or(parts=parts):
            text, own = " or ".join(_render(part, _AND) for part in parts), _OR
        case ex.And(parts=parts):
            text, own = " and ".join(_render(part, _NOT) for part in parts), _AND
        case ex.Not(part=part):
            text, own = f"not {_render(part, _NOT)}", _NOT
        case _:
            return _leaf(expr)
    return f"({text})" if own < within else text


def _leaf(leaf: ex.Expr) -> str:
    match leaf:
        case ex.Comparison(field=field, op=op, value=value):
            return f"{field.name} {op} {literal_text(value)}"
        case ex.In(field=field, values=values, negated=negated):
            return f"{field.name} {'not ' if negated else ''}in ({', '.join(map(literal_text, values))})"
        case ex.InList(field=field, key=key, negated=negated):
            return f"{field.name} {'not ' if negated else ''}in list({literal_text(key)})"
        case ex.Between(field=field, low=low, high=high):
            return f"{field.name} between {literal_text(low)} and {literal_text(high)}"
        case ex.IsNull(field=field, negated=negated):
            return f"{field.name} is {'not ' if negated else ''}null"
        case ex.Call(name=name, arguments=arguments):
            return f"{name}({', '.join(map(_argument, arguments))})"
    raise AssertionError(leaf)


def _argument(argument: ex.FieldRef | ex.Literal) -> str:
    return argument.name if isinstance(argument, ex.FieldRef) else literal_text(argument)


def literal_text(literal: ex.Literal) -> str:
    """Return a value as it is written in the language."""
    value = literal.value
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return f"date '{value.isoformat()}'"
    return _number(value)


def _number(value: Decimal) -> str:
    """Write small numbers without exponent; huge or tiny ones keep it, so that no short text renders to a long one."""
    exponent = value.normalize().adjusted() if value else 0
    return f"{value:f}" if -20 < exponent < 30 else str(value)


# --- plain English ----------------------------------------------------------------------------------------------------


def to_english(expr: ex.Expr, fields: FieldSet, *, value_labels: ValueLabels | None = None) -> str:
    """Return ``expr`` as a plain English sentence without a full stop.

    Parameters
    ----------
    expr : Expr
        A checked tree.
    fields : FieldSet
        Gives fields their labels and units.
    value_labels : mapping, optional
        Field name to {value: words}, e.g. ``{"country": {"US": "United States"}}``; without case.
    """
    labels = {
        name: {fold(value): words for value, words in words_of.items()}
        for name, words_of in (value_labels or {}).items()
    }
    text = _English(fields, labels).sentence(expr)
    return text[:1].upper() + text[1:]


class _English:
    def __init__(self, fields: FieldSet, labels: ValueLabels) -> None:
        self.fields, self.labels = fields, labels

    def sentence(self, expr: ex.Expr) -> str:
        if isinstance(expr, ex.And):
            return "; ".join(self.phrase(part, is_inner=isinstance(part, ex.Or)) for part in expr.parts)
        return self.phrase(expr)

    def phrase(self, expr: ex.Expr, *, is_inner: bool = False) -> str:
        match expr:
            case ex.And(parts=parts):
                text = " and ".join(self.phrase(part, is_inner=True) for part in parts)
            case ex.Or(parts=parts):
                text = ", or ".join(self.phrase(part, is_inner=True) for part in parts)
                return f"either ({text})" if is_inner else f"either {text}"
            case ex.Not(part=part):
                return f"not ({self.phrase(part)})"
            case ex.Call():
                return self.call(expr)
            case _:
                return self.leaf(expr)
        return f"({text})" if is_inner else text

    def label(self, ref: ex.FieldRef) -> str:
        field = self.fields.get(ref.name)
        return _mid_sentence(field.label) if field else ref.name

    def leaf(self, leaf: Any) -> str:
        label = self.label(leaf.field)
        field = self.fields.get(leaf.field.name)
        match leaf:
            case ex.Comparison(op=op, value=value):
                words = _OPERATORS_OF_DATES if isinstance(value.value, date) else _OPERATORS
                return f"{label} {words[op]} {self.value(value, field)}"
            case ex.In(values=values, negated=negated):
                return f"{label} is {'not ' if negated else ''}{self.values(values, field)}"
            case ex.InList(key=key, negated=negated):
                return f"{label} is {'not ' if negated else ''}in the list {key.value}"
            case ex.Between(low=low, high=high):
                return f"{label} between {self.value(low, field)} and {self.value(high, field)}"
            case ex.IsNull(negated=negated):
                return f"{label} is {'known' if negated else 'missing'}"
        raise AssertionError(leaf)

    def call(self, call: ex.Call) -> str:
        field = None if call.field is None else self.fields.get(call.field.name)
        label = "" if call.field is None else self.label(call.field)
        function = FUNCTIONS.get(call.name)
        if function is None:
            return render(call)
        word = "and" if call.name == "has_all" else "or"
        singles = [self.value(value, field) for value in call.values]
        return function.english.format(
            *singles, field=label, values=self.values(call.values, field, word=word)
        )

    def values(self, values: Sequence[ex.Literal], field: Field | None, *, word: str = "or") -> str:
        shown = [self.value(value, field) for value in values[:MAX_SHOWN]]
        if len(values) > MAX_SHOWN:
            return f"one of {len(values):,} values ({', '.join(shown)}, …)"
        return f" {word} ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)

    def value(self, literal: ex.Literal, field: Field | None) -> str:
        value = literal.value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, Decimal):
            return _quantity(value, field)
        if isinstance(value, date):
            return f"{value.day} {value:%B %Y}"
        return self.labels.get(field.name, {}).get(fold(value), value) if field else value


_OPERATORS = {
    "=": "is",
    "<>": "is not",
    "<": "below",
    "<=": "at most",
    ">": "above",
    ">=": "at least",
}
_OPERATORS_OF_DATES = {"=": "is", "<>": "is not", "<": "before", "<=": "until", ">": "after", ">=": "from"}


def _mid_sentence(label: str) -> str:
    """Lower the first letter, unless the label starts with an abbreviation (``ID``)."""
    return label if label[:2].isupper() else label[:1].lower() + label[1:]


def _quantity(value: Decimal, field: Field | None) -> str:
    plain = field is None or field.kind is Kind.MONEY or field.name == "employees" or abs(value) >= 10_000
    text = f"{value:,f}" if plain and abs(value) < Decimal(10) ** 30 else str(value)
    if field is None or not field.unit:
        return text
    return f"{text}{'' if field.unit == '°' else ' '}{field.unit}"
