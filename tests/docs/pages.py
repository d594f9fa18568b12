"""Reads the documentation's pages."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def text_of(name: str) -> str:
    """Return a page of the reference."""
    return (DOCS / "reference" / name).read_text(encoding="utf-8")


def first_column(text: str) -> list[str]:
    """Return the words in backticks in the first column of a page's tables, in order."""
    return [
        word
        for line in text.splitlines()
        if line.startswith("| `")
        for word in re.findall(r"`([^`]+)`", cells(line)[0])
    ]


def cells(line: str) -> list[str]:
    """Return the cells of a table's line."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def section(text: str, name: str) -> str:
    """Return the part of a page between its ``keys`` marks."""
    return text.split(f"<!-- keys: {name} -->")[1].split("<!-- /keys -->")[0]
