"""Collects the error codes from the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import merestone

PACKAGE = Path(merestone.__file__).parent
CODE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
HELPERS = {"refuse", "_refusal", "refusal", "report", "_range_issue", "_tell", "_problem_at"}
"""Functions of ours that take a code as their first text."""
LEFT_OUT = ("db/migrations", "web", "boot/demo")


def sources() -> Iterator[ast.Module]:
    """Yield the modules whose errors reach a person."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if not path.relative_to(PACKAGE).as_posix().startswith(LEFT_OUT):
            yield ast.parse(path.read_text(encoding="utf-8"))


def raised() -> set[str]:
    """Return every code that stands where a code belongs."""
    return {code for module in sources() for node in ast.walk(module) for code in _codes(node)}


def literals() -> set[str]:
    """Return every text of the source."""
    return {
        node.value
        for module in sources()
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def choices() -> set[str]:
    """Return the codes made of ``what``: ``unknown-field-type`` from ``what="field type"``."""
    whats = {
        keyword.value.value
        for module in sources()
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "choice"
        for keyword in node.keywords
        if keyword.arg == "what" and isinstance(keyword.value, ast.Constant)
    }
    return {f"unknown-{what.replace(' ', '-')}" for what in whats}


def _codes(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call):
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        given = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
        if name == "Problem" or name in HELPERS:
            given += node.args[:1] if name == "Problem" else _first_text(node.args)
        for value in given:
            yield from _texts(value)
    elif isinstance(node, ast.ClassDef):
        for one in node.body:
            if (
                isinstance(one, ast.Assign)
                and isinstance(one.targets[0], ast.Name)
                and one.targets[0].id == "code"
            ):
                yield from _texts(one.value)


def _first_text(arguments: list[ast.expr]) -> list[ast.expr]:
    texts = [one for one in arguments if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return [one for one in texts[:1] if "-" in str(one.value)]  # type: ignore[attr-defined]


def _texts(value: ast.expr) -> Iterator[str]:
    """Yield the texts an expression can be: itself, or both arms of a condition."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str) and CODE.fullmatch(value.value):
        yield value.value
    elif isinstance(value, ast.IfExp):
        yield from _texts(value.body)
        yield from _texts(value.orelse)
