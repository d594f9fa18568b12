"""A rule as text, as a builder tree and in plain English, with every problem and, where there is one, its fix."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from merestone.app.plans import load_model
from merestone.app.policy import Actor, Right
from merestone.app.rulebook import company_fields
from merestone.app.rulework.places import value_labels
from merestone.app.rulework.tree import tree_of
from merestone.app.services import Services
from merestone.base.errors import Problem
from merestone.core.criteria import FieldSet, read, render, standard_fields, to_english
from merestone.core.criteria import expression as ex
from merestone.core.criteria.render import literal_text
from merestone.core.model.territory import TerritoryModelDocument
from merestone.core.rules.document import document_fields

MAX_FIXES = 20  # problems of one rule that are tried for a fix: each costs a reading
_QUOTED = re.compile(r"'((?:[^']|'')*)'")


def read_rule(services: Services, actor: Actor, text: str, *, model: str | None = None) -> dict[str, Any]:
    """Return what a text says.

    Parameters
    ----------
    text : str
        A criterion; blank = a grouping node.
    model : str, optional
        Key of the model whose own fields, lists and areas it may use; the active one when omitted.

    Returns
    -------
    dict
        ``text`` (canonical; as given when it cannot be read), ``tree`` and ``english`` (None and empty then), and
        ``problems``: ``code``, ``message``, ``fix``, ``line``, ``column``, ``length``, and ``replacement``, the text
        that mends it at its place, where that is sure to help.
    """
    actor.require(Right.MANAGE_RULES)
    document = None
    if model is not None or services.models.active() is not None:
        document = load_model(services, actor, model)[1]
    return reading_of(services, text, document)


def reading_of(services: Services, text: str, document: TerritoryModelDocument | None) -> dict[str, Any]:
    """Return the same for a document at hand."""
    if not text.strip():
        return {"text": "", "tree": None, "english": "", "problems": []}
    fields = company_fields(services.records) if services is not None else standard_fields()
    known: dict[str, Any] = {}
    if document is not None:
        fields = document_fields(document, fields=fields)
        known = {"lists": document.lists, "areas": document.areas}
    expr, problems = read(text, fields, **known)
    return {
        "text": text if expr is None else render(expr),
        "tree": None if expr is None else tree_of(expr),
        "english": ""
        if expr is None
        else to_english(expr, fields, value_labels=value_labels(services, expr)),
        "problems": [
            _told(text, problem, fields, known if place < MAX_FIXES else None, n=len(problems), expr=expr)
            for place, problem in enumerate(problems)
        ],
    }


def _told(
    text: str,
    problem: Problem,
    fields: FieldSet,
    known: Mapping[str, Any] | None,
    *,
    n: int,
    expr: ex.Expr | None,
) -> dict[str, Any]:
    told = problem.as_dict()
    if known is None:
        return told
    for candidate in _candidates(problem, expr):
        mended = replaced(text, problem, candidate)
        if mended is not None and _is_better(mended, fields, known, n=n, was_read=expr is not None):
            return told | {"replacement": candidate}
    return told


def _is_better(text: str, fields: FieldSet, known: Mapping[str, Any], *, n: int, was_read: bool) -> bool:
    """Return whether a mended text has fewer problems, or can be read where it could not."""
    expr, problems = read(text, fields, **known)
    return expr is not None and (len(problems) < n or not was_read)


def replaced(text: str, problem: Problem, replacement: str) -> str | None:
    """Return the text with another text at a problem's place; None when it names no place."""
    if problem.line is None or problem.column is None:
        return None
    lines = text.split("\n")
    if problem.line > len(lines):
        return None
    start = sum(len(line) + 1 for line in lines[: problem.line - 1]) + problem.column - 1
    end = min(len(text), start + (problem.length or 1))
    return text[:start] + replacement + text[end:]


def _candidates(problem: Problem, expr: ex.Expr | None) -> Iterator[str]:
    """Yield what may stand at the problem's place instead; the caller tries each."""
    fix = problem.fix
    leaf = _leaf_at(expr, problem)
    if fix.startswith("Did you mean") and (found := _QUOTED.search(fix)):
        name = found[1]
        if isinstance(leaf, ex.Call) and problem.code == "unknown-function":
            yield render(ex.Call(name, leaf.arguments))
        yield name
        yield "'" + name.replace("'", "''") + "'"
    elif problem.code in ("unquoted-text", "double-quotes", "wrong-type") and (found := _QUOTED.search(fix)):
        yield found[0]
        yield f"date {found[0]}"
    if problem.code == "wrong-type" and (found := re.match(r"Write (-?[\d.eE+]+) without quotes", fix)):
        yield found[1]
    if isinstance(leaf, ex.Between) and problem.code == "empty-between":
        yield render(ex.Between(leaf.field, leaf.high, leaf.low))
    if isinstance(leaf, ex.Comparison | ex.In) and fix.startswith("Write has_any"):
        values = leaf.values if isinstance(leaf, ex.In) else (leaf.value,)
        call = render(ex.Call("has_any", (leaf.field, *values)))
        is_not = leaf.negated if isinstance(leaf, ex.In) else leaf.op == "<>"
        yield f"not {call}" if is_not else call
    if problem.code == "wrong-operator" and isinstance(leaf, ex.Comparison):
        yield f"{leaf.field.name} = {literal_text(leaf.value)}"
    if problem.code == "bad-character":
        yield from ("'", "")
    if problem.code == "incomplete-criteria" and "bracket" in fix:
        yield from (" )", ")")


def _leaf_at(expr: ex.Expr | None, problem: Problem) -> ex.Leaf | None:
    if expr is None:
        return None
    place = (problem.line, problem.column)
    return next((leaf for leaf in ex.leaves(expr) if leaf.position[:2] == place), None)
