"""Which header of a file means which column, and what else is known about the file: constants, words, scales.

A mapping is guessed once, shown, corrected, saved and used again. Each header feeds one column and each column has one
header; a second meaning of a header (a type ``closed`` that also says that the account is inactive) is a ``Derived``.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from merestone.base.errors import InvalidInputError, Problem

_KEYS = {"table", "columns", "constants", "values", "scale", "dates", "derived"}


@dataclass(frozen=True, slots=True)
class HeaderMatch:
    """What one header of the file means.

    Parameters
    ----------
    target : str or None
        Column name; null when the header is not imported.
    confidence : float
        Between 0 and 1.
    how : str
        ``exact``, ``synonym``, ``fuzzy``, ``values``, ``saved``, ``chosen`` or ``none``.
    """

    header: str
    target: str | None
    confidence: float = 1.0
    how: str = "saved"


@dataclass(frozen=True, slots=True)
class Derived:
    """A column read from a header that also means something else.

    Parameters
    ----------
    values : mapping of str to str
        Text in the file -> value; texts that are not named give ``otherwise``.
    otherwise : str
        Empty for no value.
    """

    header: str
    values: Map[str, str] = field(default_factory=dict)
    otherwise: str = ""


@dataclass(frozen=True, slots=True)
class Mapping:
    """How a file's columns become a table's columns.

    Parameters
    ----------
    table : str
        Name of the table.
    columns : tuple of HeaderMatch
        One per header, in the file's order.
    constants : mapping
        Column -> text used where the file has none.
    values : mapping
        Column -> {text in the file: text to read instead}, compared without case and accents.
    scale : mapping
        Column -> factor, for numbers and money given in thousands or millions.
    dates : mapping
        Column -> ``dmy`` or ``mdy`` where the file does not show it.
    derived : mapping
        Column -> Derived.
    """

    table: str
    columns: tuple[HeaderMatch, ...] = ()
    constants: Map[str, str] = field(default_factory=dict)
    values: Map[str, Map[str, str]] = field(default_factory=dict)
    scale: Map[str, Decimal] = field(default_factory=dict)
    dates: Map[str, str] = field(default_factory=dict)
    derived: Map[str, Derived] = field(default_factory=dict)

    @property
    def header_of(self) -> dict[str, str]:
        """Column -> the header that feeds it (the first, should there be several)."""
        found: dict[str, str] = {}
        for match in self.columns:
            if match.target:
                found.setdefault(match.target, match.header)
        return found

    @property
    def targets(self) -> tuple[str, ...]:
        """All columns that get a value: mapped, constant or derived."""
        return tuple(dict.fromkeys([*self.header_of, *self.constants, *self.derived]))

    def with_target(self, header: str, target: str | None) -> Mapping:
        """Return the mapping with one header's meaning chosen by a person."""
        chosen = HeaderMatch(header, target or None, 1.0, "chosen" if target else "none")
        columns = tuple(chosen if match.header == header else match for match in self.columns)
        return replace(self, columns=columns)

    def for_headers(self, headers: Sequence[str]) -> Mapping:
        """Return the mapping for a file's headers: those it does not know are not imported, nor those gone."""
        known = {match.header: match for match in self.columns}
        blank = HeaderMatch("", None, 0.0, "none")
        columns = tuple(known.get(header, replace(blank, header=header)) for header in headers)
        return replace(self, columns=columns)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values: what ``--mapping FILE`` holds and the database keeps."""
        data: dict[str, Any] = {"table": self.table}
        data["columns"] = {match.header: match.target for match in self.columns}
        if self.constants:
            data["constants"] = dict(self.constants)
        if self.values:
            data["values"] = {target: dict(words) for target, words in self.values.items()}
        if self.scale:
            data["scale"] = {target: _plain(factor) for target, factor in self.scale.items()}
        if self.dates:
            data["dates"] = dict(self.dates)
        if self.derived:
            data["derived"] = {
                target: {"header": rule.header, "values": dict(rule.values), "otherwise": rule.otherwise}
                for target, rule in self.derived.items()
            }
        return data

    @classmethod
    def from_dict(cls, data: Map[str, Any]) -> Mapping:
        """Return the mapping of plain values; ``columns`` may also be a list of ``{header, target}``.

        Raises
        ------
        InvalidInputError
            With every part that has the wrong form.
        """
        problems = _wrong_forms(data)
        if problems:
            raise InvalidInputError("The mapping cannot be read.", problems, code="bad-mapping")
        columns = data.get("columns") or {}
        pairs = (
            columns.items() if isinstance(columns, Map) else [(c["header"], c.get("target")) for c in columns]
        )
        return cls(
            table=str(data.get("table", "")),
            columns=tuple(
                HeaderMatch(str(header), str(target) if target else None, 1.0, "saved" if target else "none")
                for header, target in pairs
            ),
            constants={key: str(value) for key, value in (data.get("constants") or {}).items()},
            values={
                target: {str(word): str(value) for word, value in words.items()}
                for target, words in (data.get("values") or {}).items()
            },
            scale={target: Decimal(str(factor)) for target, factor in (data.get("scale") or {}).items()},
            dates={target: str(order) for target, order in (data.get("dates") or {}).items()},
            derived={
                target: Derived(
                    str(rule["header"]),
                    {str(word): str(value) for word, value in (rule.get("values") or {}).items()},
                    str(rule.get("otherwise") or ""),
                )
                for target, rule in (data.get("derived") or {}).items()
            },
        )


def _plain(factor: Decimal) -> int | str:
    return int(factor) if factor == factor.to_integral_value() else str(factor)


def _wrong_forms(data: Any) -> list[Problem]:
    def wrong(where: str, message: str, fix: str) -> Problem:
        return Problem("bad-mapping", message, fix, where)

    if not isinstance(data, Map):
        return [wrong("", "A mapping is a set of named parts.", f"Give any of: {', '.join(sorted(_KEYS))}.")]
    problems = [
        wrong(str(key), f"A mapping has no part {key!r}.", f"Use one of: {', '.join(sorted(_KEYS))}.")
        for key in data
        if key not in _KEYS
    ]
    columns = data.get("columns") or {}
    if isinstance(columns, list):
        bad = [item for item in columns if not isinstance(item, Map) or "header" not in item]
        problems += [
            wrong("columns", f"{item!r} names no header.", "Write {header: …, target: …}.") for item in bad
        ]
    elif not isinstance(columns, Map):
        problems.append(
            wrong("columns", "The columns are not pairs of header and column.", "Write HEADER: column.")
        )
    for part in ("constants", "values", "scale", "dates", "derived"):
        if not isinstance(data.get(part) or {}, Map):
            problems.append(wrong(part, f"The part {part!r} is not a set of names.", "Write column: value."))
            continue
        for target, value in (data.get(part) or {}).items():
            problems += _wrong_value(part, str(target), value, wrong)
    return problems


def _wrong_value(part: str, target: str, value: Any, wrong: Any) -> list[Problem]:
    where = f"{part}/{target}"
    if part == "values" and not isinstance(value, Map):
        return [wrong(where, f"{value!r} is no list of words.", "Write {text in the file: value}.")]
    if part == "derived" and not (
        isinstance(value, Map) and value.get("header") and isinstance(value.get("values") or {}, Map)
    ):
        return [
            wrong(where, f"{value!r} does not say where it comes from.", "Write {header: …, values: {…}}.")
        ]
    if part == "scale":
        try:
            factor = Decimal(str(value))
        except InvalidOperation:
            factor = Decimal(0)
        if not factor.is_finite() or factor <= 0:
            return [wrong(where, f"{value!r} is no factor.", "Write a number above zero, e.g. 1000000.")]
    return []
