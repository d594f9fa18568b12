"""Model documents as files: YAML or JSON in, with the files they refer to; stable, git-friendly text out.

YAML is read as version 1.2 would: ``NO`` and ``ON`` are text, and so is ``02134``. Dates stay text. Names used twice
in one mapping are an error, and aliases may not blow a small file up.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import yaml

from merestone.base.errors import InvalidInputError, NotFoundError, Problem, UsageError
from merestone.connectors.files.yaml_text import yaml_text
from merestone.core.model.columns import TABLES

MAX_BYTES = 50_000_000
MAX_NODES = 2_000_000  # values in a document, each alias counted as what it stands for
MAX_NESTING = 64

Format = Literal["yaml", "json"]


def read_document_file(path: str | Path) -> dict[str, Any]:
    """Return the plain data of a model document, with the files its areas and lists name read in.

    Parameters
    ----------
    path : str or Path
        A ``.json`` file, else YAML. References are relative to its folder and may not leave it.

    Raises
    ------
    NotFoundError
        When there is no such file.
    InvalidInputError
        When the text is not YAML or JSON, too large, repeats a name, or refers to a file that cannot be read.
    """
    path = Path(path)
    text = _read_text(path, path.name)
    return read_document_text(
        text, fmt="json" if path.suffix.lower() == ".json" else "yaml", folder=path.parent
    )


def read_document_text(text: str, *, fmt: Format = "yaml", folder: Path | None = None) -> dict[str, Any]:
    """Return the plain data of a model document given as text.

    Parameters
    ----------
    text : str
        YAML or JSON.
    fmt : str
        ``"yaml"`` (which reads most JSON too) or ``"json"``.
    folder : Path, optional
        Where referenced files lie; without it a reference is an error (an upload has no neighbours).
    """
    if len(text) > MAX_BYTES:
        raise _too_large("The document")
    data = _read_json(text, "The document") if fmt == "json" else _read_yaml(text)
    if not isinstance(data, dict):
        problem = Problem("bad-document", "The document is not a mapping.", "Start it with 'merestone: 1'.")
        raise _invalid([problem])
    problems: list[Problem] = []
    for section, read in (("areas", _read_area), ("lists", _read_list)):
        _resolve(data, section, read, folder=folder, problems=problems)
    if problems:
        raise _invalid(problems)
    return data


def write_document_text(data: Mapping[str, Any], *, fmt: Format = "yaml") -> str:
    """Return a model document as text: stable order, one territory per block, a final line break.

    Parameters
    ----------
    data : mapping
        JSON values, as ``core.rules.write_document`` gives them.
    fmt : str
        ``"yaml"`` or ``"json"``.
    """
    if fmt == "json":
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    if fmt == "yaml":
        return yaml_text(data)
    raise UsageError(f"'{fmt}' is not a document format.", fix="Use yaml or json.")


def _invalid(problems: list[Problem]) -> InvalidInputError:
    return InvalidInputError("The model document cannot be read.", problems, code="bad-document")


def _too_large(name: str) -> InvalidInputError:
    message = f"{name} is larger than {MAX_BYTES // 1_000_000} MB."
    return _invalid([Problem("document-too-large", message, "Split it, or simplify its areas.")])


def _read_text(path: Path, name: str) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _too_large(name)
        if not path.is_file():  # reading a pipe or a device might never end
            raise _invalid([Problem("unreadable-file", f"{name} is not a file.", "Check the path.")])
        raw = path.read_bytes()
    except FileNotFoundError:
        raise NotFoundError(f"There is no file {name}.", fix="Check the path.") from None
    except OSError as error:
        raise _invalid([Problem("unreadable-file", f"{name} cannot be read: {error.strerror}.")]) from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problem = Problem(
            "bad-encoding", f"{name} is not UTF-8 text.", "Save it as UTF-8.", line=line, column=1
        )
        raise _invalid([problem]) from None


# --- JSON -------------------------------------------------------------------------------------------------------------


_SURROGATE = re.compile(r"\\u[dD][89abcdefABCDEF]")


def _read_json(text: str, name: str) -> Any:
    repeated: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        entries = dict(items)
        if len(entries) < len(items):
            seen: set[str] = set()
            repeated.extend(key for key, _ in items if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        return entries

    try:
        data = json.loads(text, object_pairs_hook=pairs, parse_constant=_no_constant)
        if _SURROGATE.search(text):  # half a letter: only an escape can write one
            json.dumps(data, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        problem = Problem(
            "bad-json", f"{name} is not JSON: {error.msg}.", line=error.lineno, column=error.colno
        )
        raise _invalid([problem]) from None
    except (RecursionError, UnicodeEncodeError, ValueError) as error:
        nested = isinstance(error, RecursionError)
        message = (
            f"{name} is nested too deeply."
            if nested
            else f"{name} holds a value that is not allowed in JSON."
        )
        raise _invalid([Problem("bad-json", message)]) from None
    if repeated:
        raise _invalid(
            [Problem("duplicate-name", f"'{key}' is written twice.", "Keep one.") for key in repeated]
        )
    return data


def _no_constant(word: str) -> None:
    raise ValueError(word)


# --- YAML -------------------------------------------------------------------------------------------------------------

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


def _read_yaml(text: str) -> Any:
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
        raise _invalid([Problem("bad-yaml", message, fix, line=line, column=column)]) from None
    except yaml.YAMLError as error:
        shown = str(error).splitlines()[0]
        problem = Problem("bad-yaml", f"The document is not YAML: {shown}.", "Remove control characters.")
        raise _invalid([problem]) from None
    if builder.problems:
        raise _invalid(builder.problems)
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
        return _invalid(self.problems)


# --- referenced files -------------------------------------------------------------------------------------------------


def _resolve(
    data: dict[str, Any], section: str, read: Any, *, folder: Path | None, problems: list[Problem]
) -> None:
    """Replace each text in ``data[section]`` by the content of the file it names."""
    entries = data.get(section)
    if not isinstance(entries, dict):
        return
    data[section] = dict(entries)
    for key, reference in entries.items():
        if not isinstance(reference, str):
            continue
        where = f"{section}/{key}"
        try:
            data[section][key] = read(_inside(folder, reference), reference)
        except NotFoundError as error:
            problems.append(Problem("missing-file", error.message, error.fix, where))
        except InvalidInputError as error:
            problems += [
                Problem(problem.code, problem.message, problem.fix, where, problem.line, problem.column)
                for problem in error.problems
            ]


def _inside(folder: Path | None, reference: str) -> Path:
    """Return the referenced path, which must lie within ``folder`` also after following links."""
    if folder is None:
        problem = Problem(
            "no-folder", f"{reference} is a file reference.", "Put its content into the document."
        )
        raise _invalid([problem])
    outside = Problem(
        "path-escape", f"{reference} lies outside the document's folder.", "Use a path below it."
    )
    parts = PurePosixPath(reference.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or ":" in reference or "\0" in reference:
        raise _invalid([outside])
    root = folder.resolve()
    path = (root / parts).resolve()
    if not path.is_relative_to(root):
        raise _invalid([outside])
    return path


def _read_area(path: Path, name: str) -> Any:
    return _read_json(_read_text(path, name), name)


# What the first row of a list's file may hold to be a header.
_HEADERS = {"value", "values", "key", "keys", "code", "codes"} | {
    word.casefold().replace("_", " ")
    for table in TABLES.values()
    for column in table
    for word in (column.name, column.label, *column.synonyms)
}


def _read_list(path: Path, name: str) -> list[str]:
    """Return the first column of a CSV; its first row is a header when it holds the name of a field."""
    text = _read_text(path, name)
    first_line = text.partition("\n")[0]
    delimiter = max(",;\t", key=first_line.count)
    try:
        rows = [
            row[0].strip() for row in csv.reader(io.StringIO(text), delimiter=delimiter, strict=True) if row
        ]
    except csv.Error as error:
        raise _invalid([Problem("bad-csv", f"{name} is not a CSV file: {error}.")]) from None
    values = [value for value in rows if value]
    has_header = bool(values) and values[0].casefold().replace("_", " ") in _HEADERS
    return values[1:] if has_header else values
