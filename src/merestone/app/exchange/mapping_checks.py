"""What is wrong with a mapping for a table and a file: all of it at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Map

from merestone.app.exchange.custom import Custom, custom_columns
from merestone.app.exchange.mapped import Mapping
from merestone.app.exchange.texts import nearest
from merestone.base.errors import Problem
from merestone.core.model.columns import Column, Kind, Table


def mapping_problems(
    mapping: Mapping, headers: Sequence[str] | None, table: Table, *, custom: Custom = ()
) -> list[Problem]:
    """Return all that is wrong with a mapping for a table and, when given, a file's headers.

    Codes: ``unknown-target``, ``header-mapped-twice``, ``target-mapped-twice``, ``missing-required``,
    ``missing-header``, ``bad-scale``, ``bad-date-order``.
    """
    known = {column.name: column for column in (*table.columns, *custom_columns(custom))}
    return [
        *_unknown_targets(mapping, known),
        *_twice(mapping),
        *_missing_required(mapping, table),
        *_missing_headers(mapping, headers),
        *_bad_settings(mapping, known),
    ]


def _unknown_targets(mapping: Mapping, known: Map[str, Column]) -> list[Problem]:
    named: list[tuple[str, str]] = [(m.target, f"columns/{m.header}") for m in mapping.columns if m.target]
    for part in ("constants", "values", "scale", "dates", "derived"):
        named += [(target, f"{part}/{target}") for target in getattr(mapping, part)]
    problems = []
    for target, where in named:
        if target not in known:
            near = nearest(target, known)
            fix = f"Did you mean {near!r}?" if near else f"Use one of: {', '.join(known)}."
            problems.append(Problem("unknown-target", f"There is no column {target!r}.", fix, where))
    return problems


def _twice(mapping: Mapping) -> list[Problem]:
    problems = []
    by_header = Counter(match.header for match in mapping.columns if match.target)
    for header, count in by_header.items():
        if count > 1:
            problems.append(
                Problem(
                    "header-mapped-twice",
                    f"The header {header!r} is mapped to {count} columns.",
                    "Keep one, and derive the other (part 'derived').",
                    f"columns/{header}",
                )
            )
    by_target = Counter(match.target for match in mapping.columns if match.target)
    for target, count in by_target.items():
        if count > 1:
            headers = [match.header for match in mapping.columns if match.target == target]
            said = ", ".join(map(repr, headers))
            problems.append(
                Problem(
                    "target-mapped-twice",
                    f"The column {target!r} is fed by {count} headers: {said}.",
                    "Keep one of them.",
                    f"columns/{headers[1]}",
                )
            )
    return problems


def _missing_required(mapping: Mapping, table: Table) -> list[Problem]:
    return [
        Problem(
            "missing-required",
            f"No header is mapped to {column.name!r} ({column.label}), which every new row needs.",
            f"Map a header to {column.name!r}, or give a constant.",
            "columns",
        )
        for column in table.columns
        if column.required and column.name not in mapping.targets
    ]


def _missing_headers(mapping: Mapping, headers: Sequence[str] | None) -> list[Problem]:
    if headers is None:
        return []
    wanted = [m.header for m in mapping.columns if m.target] + [
        rule.header for rule in mapping.derived.values()
    ]
    problems = []
    for header in dict.fromkeys(wanted):
        if header not in headers:
            near = nearest(header, headers)
            fix = (
                f"Did you mean {near!r}?" if near else "Remove it from the mapping, or choose the right file."
            )
            problems.append(
                Problem("missing-header", f"The file has no header {header!r}.", fix, f"columns/{header}")
            )
    return problems


def _bad_settings(mapping: Mapping, known: Map[str, Column]) -> Iterable[Problem]:
    for target in mapping.scale:
        if target in known and known[target].kind not in (Kind.NUMBER, Kind.MONEY):
            yield Problem(
                "bad-scale", f"{target!r} is no number, so it has no scale.", "Remove it.", f"scale/{target}"
            )
    for target, order in mapping.dates.items():
        if order not in ("dmy", "mdy"):
            yield Problem(
                "bad-date-order", f"{order!r} is no order of dates.", "Write dmy or mdy.", f"dates/{target}"
            )
