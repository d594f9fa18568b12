"""The font of hand-outs: Source Sans Pro (SIL Open Font License 1.1), of which the glyphs used are embedded.

It has Latin with all its accents, Greek and Cyrillic. What it lacks is written by its nearest base letter, else as a
question mark; a black box never stands in a name. The workbook has every letter as it is.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from importlib import resources

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

PLAIN, STRONG, BOLD, SLANTED = "merestone-plain", "merestone-strong", "merestone-bold", "merestone-slanted"
_FILES = {PLAIN: "Regular", STRONG: "Semibold", BOLD: "Bold", SLANTED: "It"}
_DOTS = "…"


@cache
def glyphs() -> dict[str, frozenset[int]]:
    """Register the fonts once a process; returns font -> the characters it has."""
    found = {}
    folder = resources.files("font_source_sans_pro") / "files"
    for name, file in _FILES.items():
        with resources.as_file(folder / f"SourceSansPro-{file}.ttf") as path:
            font = TTFont(name, str(path))
        pdfmetrics.registerFont(font)
        found[name] = frozenset(font.face.charToGlyph)
    return found


def written(text: str, font: str = PLAIN) -> str:
    """Return a text in letters the font has, without line breaks and marks that nobody sees."""
    known = glyphs()[font]
    composed = unicodedata.normalize("NFC", " ".join(text.split()))
    if all(ord(letter) in known for letter in composed):
        return composed
    return "".join(_written(letter, known) for letter in composed if unicodedata.category(letter) != "Cf")


def _written(letter: str, known: frozenset[int]) -> str:
    if ord(letter) in known:
        return letter
    parts = [one for one in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(one)]
    usable = "".join(one for one in parts if ord(one) in known)
    return usable or "?"


def width(text: str, font: str, size: float) -> float:
    """Return how wide a text is, in points."""
    glyphs()
    return float(pdfmetrics.stringWidth(text, font, size))


def fitted(text: str, font: str, size: float, room: float) -> str:
    """Return a text that is no wider than there is room: cut, and with dots, where it has to be."""
    whole = written(text, font)
    if width(whole, font, size) <= room:
        return whole
    low, high = 0, len(whole)
    while low < high:
        middle = (low + high + 1) // 2
        if width(whole[:middle].rstrip() + _DOTS, font, size) <= room:
            low = middle
        else:
            high = middle - 1
    return whole[:low].rstrip() + _DOTS


def wrapped(text: str, font: str, size: float, room: float) -> list[str]:
    """Return a text in lines; a word longer than a line is cut."""
    lines: list[str] = []
    line = ""
    for word in written(text, font).split(" "):
        longer = f"{line} {word}" if line else word
        if width(longer, font, size) <= room:
            line = longer
            continue
        if line:
            lines.append(line)
        line = fitted(word, font, size, room)
    return [*lines, line] if line else lines
