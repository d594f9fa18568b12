"""Taking values out of plain data: each method returns something usable and notes what was wrong with it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any

from merestone.base.errors import Problem
from merestone.core.criteria.fields import is_field_name
from merestone.core.criteria.nearest import Suggestions

KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_KEY_FIX = "Use letters, digits, '-', '_' and '.', starting with a letter or digit, at most 80."
MAX_PRIORITY = 1_000_000_000
MAX_DEPTH = 8
MAX_PROBLEMS = 10_000  # of one document; nobody reads more
_MAX_SHOWN = 120  # characters of a name in a message or place
# What no database keeps as text.
_UNKEEPABLE = re.compile("[\0\ud800-\udfff]")


class Reader:
    """Collects the problems met while reading one document, and where its names are looked up."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.suggestions = Suggestions()

    def report(self, code: str, where: str, message: str, fix: str = "") -> None:
        """Note one problem at ``where``."""
        if len(self.problems) <= MAX_PROBLEMS:
            self.problems.append(Problem(code, message, fix, where))

    def place(self, section: str, item: Any, index: int) -> str:
        """Return how to call an item of a list: by its key, else by its number."""
        key = item.get("key") if isinstance(item, Mapping) else None
        is_short = _is_integer(key) or isinstance(key, str)
        return f"{section}/{_short(key) if is_short else index + 1}"

    def mapping(self, data: Any, where: str, *, known: Collection[str] | None = None) -> dict[str, Any]:
        """Return a mapping (empty for None); with ``known``, other names are reported and left out."""
        if data is None:
            return {}
        if not isinstance(data, Mapping):
            self.report(
                "wrong-shape",
                where,
                f"{_show(data)} is not a mapping.",
                "Write names and values: {name: value}.",
            )
            return {}
        entries = {name if isinstance(name, str) else str(name): value for name, value in data.items()}
        if known is None or entries.keys() <= set(known):
            return entries
        for name in entries:
            if name not in known:
                near = self.suggestions.nearest(name, known, what=f"keys {known}")
                fix = f"Did you mean '{near}'?" if near else f"Known here: {', '.join(known)}."
                self.report("unknown-key", where, f"'{_short(name)}' is not a known key.", fix)
        return {name: value for name, value in entries.items() if name in known}

    def sequence(self, data: Any, where: str) -> list[Any]:
        """Return a list (empty for None)."""
        if data is None:
            return []
        if not isinstance(data, list | tuple):
            self.report("wrong-shape", where, f"{_show(data)} is not a list.", "Write a list: [a, b].")
            return []
        return list(data)

    def key(self, data: Any, where: str) -> str:
        """Return a key; empty when wrong."""
        if data is None:
            self.report("missing-key", where, "A key is missing.", _KEY_FIX)
            return ""
        text = str(data) if isinstance(data, str) or _is_integer(data) else ""
        if not KEY.fullmatch(text):
            self.report("bad-key", where, f"{_show(data)} is not a key.", _KEY_FIX)
            return ""
        return text

    def field_name(self, name: str, where: str) -> bool:
        """Return whether ``name`` can be a custom field."""
        if is_field_name(name):
            return True
        fix = "Use lower-case letters, digits and '_', starting with a letter, and no word of the criteria language."
        self.report("bad-field-name", where, f"'{_short(name)}' is not a field name.", fix)
        return False

    def text(self, data: Any, where: str) -> str:
        """Return trimmed text; numbers are taken as written, anything else is reported."""
        text = self.optional_text(data, where)
        if text is None and (data is None or (isinstance(data, str) and not data.strip())):
            self.report("missing-value", where, "A text is missing.", "Write it, or leave the key out.")
        return text or ""

    def optional_text(self, data: Any, where: str, *, is_raw: bool = False) -> str | None:
        """Return text or None; ``is_raw`` keeps blanks around it and an empty text."""
        if data is None:
            return None
        if isinstance(data, str):
            return data if is_raw else self.keepable(data.strip(), where) or None
        if _is_integer(data) or isinstance(data, float):
            return str(data)
        self.report("wrong-type", where, f"{_show(data)} is not text.", "Write it in quotes.")
        return None

    def keepable(self, text: str, where: str) -> str:
        """Return ``text``, or nothing when it holds what no database keeps."""
        if text.isprintable() or not _UNKEEPABLE.search(text):
            return text
        message = f"The text holds a NUL character or half a character: {text[:40]!a}."
        self.report("bad-character", where, message, "Remove it.")
        return ""

    def texts(self, data: Any, where: str) -> tuple[str, ...]:
        """Return a list of distinct texts."""
        if not data:
            return () if data is None or isinstance(data, list | tuple) else tuple(self.sequence(data, where))
        found = [
            item if _is_plain(item) else self.text(item, f"{where}/{index + 1}")
            for index, item in enumerate(self.sequence(data, where))
        ]
        return tuple(dict.fromkeys(item for item in found if item))

    def json(self, data: Any, where: str, *, depth: int = 0) -> Any:
        """Return a value any database keeps as JSON: dates as ISO text; what is none is reported."""
        if isinstance(data, Mapping | list | tuple) and depth >= MAX_DEPTH:
            self.report("wrong-shape", where, "This is nested too deeply.", "Write it flatter.")
            return None
        if isinstance(data, Mapping):
            return {
                self.keepable(str(name), where): self.json(value, f"{where}/{_short(name)}", depth=depth + 1)
                for name, value in data.items()
            }
        if isinstance(data, list | tuple):
            return [
                self.json(item, f"{where}/{place}", depth=depth + 1)
                for place, item in enumerate(data, start=1)
            ]
        if isinstance(data, date):
            return data.isoformat()
        if isinstance(data, str):
            return self.keepable(data, where)
        is_number = isinstance(data, int | float) and abs(data) <= MAX_PRIORITY
        if data is None or isinstance(data, bool) or is_number:  # a number that is none is in no range
            return data
        self.report(
            "wrong-type", where, f"{_show(data)} is no value here.", "Write a text or a number in range."
        )
        return None

    def truth(self, data: Any, where: str) -> bool:
        """Return true or false."""
        if not isinstance(data, bool):
            self.report("wrong-type", where, f"{_show(data)} is not true or false.", "Write true or false.")
            return True
        return data

    def integer(self, data: Any, where: str) -> int:
        """Return a whole number within ±``MAX_PRIORITY``."""
        if not _is_integer(data) or abs(data) > MAX_PRIORITY:
            self.report(
                "wrong-type", where, f"{_show(data)} is not a whole number in range.", "Write e.g. 10."
            )
            return 0
        return int(data)

    def day(self, data: Any, where: str) -> date | None:
        """Return a date from a date or ISO text; None for None."""
        if data is None:
            return None
        if isinstance(data, date) and not isinstance(data, datetime):
            return data
        try:
            if isinstance(data, str) and len(data.strip()) == 10:
                return date.fromisoformat(data.strip())
        except ValueError:
            pass
        self.report(
            "bad-date", where, f"{_show(data)} is not a date.", "Write a day of the calendar as YYYY-MM-DD."
        )
        return None

    def choice(self, data: Any, where: str, *, choices: Collection[str], what: str) -> str | None:
        """Return one of ``choices``, or None when it is none of them."""
        if isinstance(data, str) and data in choices:
            return data
        near = self.suggestions.nearest(_show(data).strip("'"), choices, what=what)
        fix = f"Did you mean '{near}'?" if near else f"Use one of: {', '.join(choices)}."
        self.report(f"unknown-{what.replace(' ', '-')}", where, f"{_show(data)} is not a {what}.", fix)
        return None


def _is_integer(data: Any) -> bool:
    return isinstance(data, int) and not isinstance(data, bool)


def _is_plain(data: Any) -> bool:
    """Return whether ``data`` is text that needs no reading, as most of long lists is."""
    return isinstance(data, str) and data.isalnum()


def _show(data: Any) -> str:
    if isinstance(data, str):
        text = f"'{data[:60]}'"
    else:
        try:
            text = str(data)
        except (ValueError, RecursionError):  # thousands of digits, or of brackets
            text = f"a huge {type(data).__name__}"
    return text if len(text) <= 60 else text[:57] + "…"


def _short(name: Any) -> str:
    text = name if isinstance(name, str) else _show(name)
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"
