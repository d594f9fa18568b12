"""Model documents as files: YAML or JSON in, with the files they refer to; stable, git-friendly text out.

YAML is read as version 1.2 would: ``NO`` and ``ON`` are text, and so is ``02134``. Dates stay text. Names used twice
in one mapping are an error, and aliases may not blow a small file up.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from merestone.base.errors import InvalidInputError, NotFoundError, Problem, UsageError
from merestone.connectors.files.refusal import unreadable
from merestone.connectors.files.yaml_text import yaml_text
from merestone.core.model.columns import TABLES

MAX_BYTES = 50_000_000

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
        raise unreadable([problem])
    problems: list[Problem] = []
    for section, read in (("areas", _read_area), ("lists", _read_list)):
        _resolve(data, section, read, folder=folder, problems=problems)
    if problems:
        raise unreadable(problems)
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


def _too_large(name: str) -> InvalidInputError:
    message = f"{name} is larger than {MAX_BYTES // 1_000_000} MB."
    return unreadable([Problem("document-too-large", message, "Split it, or simplify its areas.")])


def _read_text(path: Path, name: str) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _too_large(name)
        if not path.is_file():  # reading a pipe or a device might never end
            raise unreadable([Problem("unreadable-file", f"{name} is not a file.", "Check the path.")])
        raw = path.read_bytes()
    except FileNotFoundError:
        raise NotFoundError(f"There is no file {name}.", fix="Check the path.") from None
    except OSError as error:
        raise unreadable([Problem("unreadable-file", f"{name} cannot be read: {error.strerror}.")]) from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problem = Problem(
            "bad-encoding", f"{name} is not UTF-8 text.", "Save it as UTF-8.", line=line, column=1
        )
        raise unreadable([problem]) from None


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
        raise unreadable([problem]) from None
    except (RecursionError, UnicodeEncodeError, ValueError) as error:
        nested = isinstance(error, RecursionError)
        message = (
            f"{name} is nested too deeply."
            if nested
            else f"{name} holds a value that is not allowed in JSON."
        )
        raise unreadable([Problem("bad-json", message)]) from None
    if repeated:
        raise unreadable(
            [Problem("duplicate-name", f"'{key}' is written twice.", "Keep one.") for key in repeated]
        )
    return data


def _no_constant(word: str) -> None:
    raise ValueError(word)


def _read_yaml(text: str) -> Any:
    from merestone.connectors.files.yaml_data import read_yaml  # a document in JSON need not wait for it

    return read_yaml(text)


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
        raise unreadable([problem])
    outside = Problem(
        "path-escape", f"{reference} lies outside the document's folder.", "Use a path below it."
    )
    parts = PurePosixPath(reference.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or ":" in reference or "\0" in reference:
        raise unreadable([outside])
    root = folder.resolve()
    path = (root / parts).resolve()
    if not path.is_relative_to(root):
        raise unreadable([outside])
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
        raise unreadable([Problem("bad-csv", f"{name} is not a CSV file: {error}.")]) from None
    values = [value for value in rows if value]
    has_header = bool(values) and values[0].casefold().replace("_", " ") in _HEADERS
    return values[1:] if has_header else values
