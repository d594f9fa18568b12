"""Writing a model document as YAML made for git: short things on one line, one territory per block.

Quotes stand wherever any YAML version could read a word as something else. What is written is read back unchanged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_WIDTH = 100
_PER_LINE = 10  # values of a long list on a line, so that a change touches few lines
_PLAIN = re.compile(r"[A-Za-z_](?:[A-Za-z0-9_ .@/+-]*[A-Za-z0-9_@/+-])?")
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"))
_DAY_KEYS = ("effective", "from", "to")  # read as dates however they are written
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BLOCK_KEYS = ("members", "cases")


def yaml_text(data: Mapping[str, Any]) -> str:
    """Return a model document as YAML text with a final line break."""
    return "".join(f"{line}\n" for name, value in data.items() for line in _section(name, value))


def _section(name: str, value: Any) -> Iterator[str]:
    if name == "territories" and isinstance(value, list) and value:
        yield "territories:"
        for territory in value:
            yield from _territory(territory)
    elif name == "types" and isinstance(value, list) and value:
        yield from _items("types", value, indent="")
    elif name in ("lists", "areas", "policies") and isinstance(value, Mapping) and value:
        yield f"{name}:"
        for key, items in value.items():
            yield from _entry(key, items, indent="  ")
    else:
        yield from _entry(name, value, indent="")


def _territory(territory: Any) -> Iterator[str]:
    line = f"  - {flow(territory)}"
    is_short = len(line) <= _WIDTH and isinstance(territory, Mapping)
    if (
        not isinstance(territory, Mapping)
        or not territory
        or (is_short and not territory.keys() & {*_BLOCK_KEYS, "notes", "guidelines"})
    ):
        yield line
        return
    lead = "  - "
    for name, value in territory.items():
        if name in _BLOCK_KEYS and isinstance(value, list) and value:
            lines = _items(name, value, indent="    ")
        else:
            lines = _entry(name, value, indent="    ")
        for text in lines:
            yield (lead + text[4:]).rstrip()
            lead = "    "


def _items(name: str, items: list[Any], *, indent: str) -> Iterator[str]:
    yield f"{indent}{scalar(name)}:"
    for item in items:
        yield f"{indent}  - {flow(item)}"


def _entry(name: str, value: Any, *, indent: str) -> Iterator[str]:
    lead = f"{indent}{scalar(name)}:"
    if isinstance(value, str) and _is_block(value):
        yield f"{lead} {'|' if value.endswith(chr(10)) else '|-'}"
        for text in value.removesuffix("\n").split("\n"):
            yield f"{indent}  {text}" if text else ""
        return
    line = f"{lead} {_value(name, value)}"
    if len(line) <= _WIDTH or not isinstance(value, list):
        yield line
        return
    yield f"{lead} ["
    for start in range(0, len(value), _PER_LINE):
        yield f"{indent}  {', '.join(map(flow, value[start : start + _PER_LINE]))},"
    yield f"{indent}]"


def _is_block(text: str) -> bool:
    """Return whether text of several lines can stand as a literal block and come back the same."""
    lines = text.removesuffix("\n").split("\n")
    if len(lines) < 2 or not lines[0] or not lines[-1] or lines[0][0] == " ":
        return False
    return all(line.isprintable() and line == line.rstrip() for line in lines)


def flow(value: Any) -> str:
    """Return any JSON value on one line."""
    if isinstance(value, str):
        return scalar(value)
    if isinstance(value, Mapping):
        return (
            "{"
            + ", ".join(f"{scalar(str(name))}: {_value(name, item)}" for name, item in value.items())
            + "}"
        )
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    return json.dumps(value)


def _value(name: str, value: Any) -> str:
    is_day = name in _DAY_KEYS and isinstance(value, str) and _DAY.fullmatch(value)
    return str(value) if is_day else flow(value)


def scalar(text: str) -> str:
    """Return text, in quotes when it could be read as anything else."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    if "'" not in text and "\\" not in text and text.isprintable():
        return f"'{text}'"
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    code = ord(character)
    if character == "\n":
        return "\\n"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
