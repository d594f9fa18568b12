"""YAML read as version 1.2 would, into plain data: ``NO`` and ``02134`` are text, and a small file stays small."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import yaml

from merestone.base.errors import InvalidInputError, Problem
from merestone.connectors.files.refusal import unreadable

MAX_NODES = 2_000_000  # values in a document, each alias counted as what it stands for
MAX_NESTING = 64

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(
    r"[-+]?(?:(?:0|[1-9][0-9]*)\.[0-9]*|\.[0-9]+|(?:0|[1-9][0-9]*)(?=[eE]))(?:[eE][-+]?[0-9]{1,3})?"
)


def _plain(text: str) -> Any:
    """Return what an unquoted word means; a number with leading zeros is text (a postal code)."""
    if text in _NULL:
        return None
    if text in _TRUTH:
        return _TRUTH[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text


def read_yaml(text: str) -> Any:
    """Return the plain data of YAML text.

    Raises
    ------
    InvalidInputError
        When it is not YAML, holds a tag, too much or the same name twice.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=loader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = f"The document is not YAML: {error.problem or error.context}."
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        fix = "Check indentation, quotes and brackets."
        raise unreadable([Problem("bad-yaml", message, fix, line=line, column=column)]) from None
    except yaml.YAMLError as error:
        shown = str(error).splitlines()[0]
        problem = Problem("bad-yaml", f"The document is not YAML: {shown}.", "Remove control characters.")
        raise unreadable([problem]) from None
    if builder.problems:
        raise unreadable(builder.problems)
    return builder.root


class _Open:
    """A collection being filled: the name that waits for its value, and how many values it holds in all."""

    def __init__(self, content: dict[str, Any] | list[Any], anchor: str | None, size: int) -> None:
        self.content, self.anchor, self.started_at = content, anchor, size
        self.name: str | None = None


class _Builder:
    """Builds plain data from parser events without recursion, counting what it holds."""

    def __init__(self) -> None:
        self.root: Any = None
        self.problems: list[Problem] = []
        self.n_documents = 0
        self.n_nodes = 0
        self.open: list[_Open] = []
        self.anchors: dict[str, tuple[Any, int]] = {}

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self.n_documents += 1
            if self.n_documents > 1:
                raise self.refusal(event, "many-documents", "There is more than one document in the file.")
        elif isinstance(event, yaml.ScalarEvent):
            self.check_tag(event)
            value = _plain(event.value) if event.implicit[0] and event.tag is None else event.value
            self.count(event, 1)
            self.remember(event.anchor, value, 1)
            self.put(event, value)
        elif isinstance(event, yaml.AliasEvent):
            value, size = self.alias(event)
            self.count(event, size)
            self.put(event, value)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self.start(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            done = self.open.pop()
            self.remember(done.anchor, done.content, self.n_nodes - done.started_at)

    def start(self, event: Any) -> None:
        self.check_tag(event)
        self.count(event, 1)
        content: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self.put(event, content)
        self.open.append(_Open(content, event.anchor, self.n_nodes - 1))
        if len(self.open) > MAX_NESTING:
            raise self.refusal(event, "document-too-deep", f"Values are nested more than {MAX_NESTING} deep.")

    def put(self, event: Any, value: Any) -> None:
        if not self.open:
            self.root = value
            return
        parent = self.open[-1]
        if isinstance(parent.content, list):
            parent.content.append(value)
        elif parent.name is None:
            parent.name = self.name(event, value, parent.content)
        else:
            parent.content[parent.name] = value
            parent.name = None

    def name(self, event: Any, value: Any, siblings: Mapping[str, Any]) -> str:
        if isinstance(value, dict | list):
            raise self.refusal(event, "bad-name", "A name must be a word, not a list or mapping.")
        # As written: 94002, true and null are names like any other.
        name = str(getattr(event, "value", value))
        if name in siblings:
            self.report(event, "duplicate-name", f"'{name}' is written twice in one mapping.", "Keep one.")
        return name

    def alias(self, event: Any) -> tuple[Any, int]:
        if event.anchor not in self.anchors:  # not yet defined, or a collection within itself
            raise self.refusal(event, "bad-alias", f"*{event.anchor} refers to nothing before it.")
        return self.anchors[event.anchor]

    def remember(self, anchor: str | None, value: Any, size: int) -> None:
        if anchor is not None:
            self.anchors[anchor] = (value, size)

    def count(self, event: Any, size: int) -> None:
        self.n_nodes += size
        if self.n_nodes > MAX_NODES:
            raise self.refusal(
                event, "document-too-large", f"The document holds more than {MAX_NODES:,} values."
            )

    def check_tag(self, event: Any) -> None:
        if event.tag is not None and event.tag not in ("!", "tag:yaml.org,2002:str"):
            self.report(event, "bad-tag", f"The tag {event.tag} is not allowed.", "Remove it.")

    def report(self, event: Any, code: str, message: str, fix: str) -> None:
        mark = event.start_mark
        self.problems.append(Problem(code, message, fix, line=mark.line + 1, column=mark.column + 1))

    def refusal(self, event: Any, code: str, message: str) -> InvalidInputError:
        self.report(event, code, message, "")
        return unreadable(self.problems)
