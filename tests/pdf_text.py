"""The text of a PDF as reportlab writes it: enough to say what stands on which page."""

from __future__ import annotations

import base64
import re
import zlib

_OBJECT = re.compile(rb"(\d+) 0 obj\b(.*?)\bendobj", re.DOTALL)
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\n?endstream", re.DOTALL)
_SHOWN = re.compile(rb"/(F\d+\+\d+) [\d.]+ Tf|\(((?:[^()\\]|\\.)*)\) Tj", re.DOTALL)
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def pages_of(data: bytes) -> list[str]:
    """Return what is written on each page, a string a line, in the order it is drawn."""
    objects = {int(number): body for number, body in _OBJECT.findall(data)}
    found = []
    for body in objects.values():
        if b"/Type /Page\n" not in body + b"\n" and not re.search(rb"/Type /Page\b(?!s)", body):
            continue
        (content,) = re.findall(rb"/Contents (\d+) 0 R", body)
        fonts = _fonts(objects, body)
        found.append("\n".join(_lines(_stream(objects[int(content)]), fonts)))
    return found


def _stream(body: bytes) -> bytes:
    match = _STREAM.search(body)
    assert match is not None
    content = match[1]
    if b"/ASCII85Decode" in body:
        content = base64.a85decode(content.strip().removesuffix(b"~>"))
    return zlib.decompress(content) if b"/FlateDecode" in body else content


def _fonts(objects: dict[int, bytes], page: bytes) -> dict[bytes, dict[int, str]]:
    where = re.search(rb"/Font (\d+) 0 R", page)
    held = objects[int(where[1])] if where else page
    found = {}
    for name, number in re.findall(rb"/(F\d+\+\d+) (\d+) 0 R", held):
        (told,) = re.findall(rb"/ToUnicode (\d+) 0 R", objects[int(number)])
        found[name] = _letters(_stream(objects[int(told)]).decode())
    return found


def _letters(told: str) -> dict[int, str]:
    pairs = re.findall(r"^<(\w{2})> <(\w{4,})>$", told, flags=re.MULTILINE)
    return {int(code, 16): bytes.fromhex(text).decode("utf-16-be") for code, text in pairs}


def _lines(content: bytes, fonts: dict[bytes, dict[int, str]]) -> list[str]:
    letters: dict[int, str] = {}
    lines = []
    for font, shown in _SHOWN.findall(content):
        if font:
            letters = fonts[font]
        else:
            codes = re.sub(rb"\\([0-7]{3}|.)", _unescaped, shown, flags=re.DOTALL)
            lines.append("".join(letters.get(code, "�") for code in codes))
    return lines


def _unescaped(match: re.Match[bytes]) -> bytes:
    code = match[1]
    return bytes([int(code, 8)]) if code.isdigit() else _ESCAPES.get(code, code)
