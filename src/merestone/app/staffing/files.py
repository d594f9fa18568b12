"""``staff`` on files: a plan with its units, the people, and out comes who has which territory and why."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from merestone.app.design_sheets import Columns, Opened, read_sheet
from merestone.app.staffing.told import line_of, whole_of
from merestone.base.errors import InvalidInputError, Problem, UsageError
from merestone.core.design import checks
from merestone.core.design.asked import Sheet
from merestone.core.design.staffing import VACANT, Openings, Staff, Terms, staff_territories
from merestone.core.design.staffing_words import Telling
from merestone.core.routing.successors import People

if TYPE_CHECKING:
    from merestone.app.matching_files import Local, Sink

METRES, DEGREES = ("x", "y"), ("lon", "lat")
PLACES = (*METRES, *DEGREES)
WORDS = {
    "language": ("language", "languages"),
    "industry": ("industry", "industries"),
    "skills": ("skills", "skill", "products_of_interest"),
}
MONEY = ("potential", "revenue")
NOBODY = "-"


@dataclass(frozen=True, slots=True)
class StaffingFiles:
    """What is staffed, by whom.

    Parameters
    ----------
    plan : Path
        ``id`` and ``territory`` per unit.
    reps : Path
    units : Path, optional
        The units' places, words and money, by ``id``; the plan's own columns when absent.
    weight : str, optional
        Column of the units that distance and words count for.
    """

    plan: Path
    reps: Path
    units: Path | None = None
    weight: str | None = None


@dataclass(frozen=True, slots=True)
class Wishes:
    """The words of a call: names as written.

    Parameters
    ----------
    terms : Terms
        Without choices.
    fixed, forbidden : sequence of (str, str)
        Territory and person; ``-`` as the person of a fixed one keeps it vacant.
    most : int
        Territories one person takes, where the people's file has no column ``territories``.
    why_not : (str, str), optional
        Territory and person somebody asks about.
    """

    terms: Terms = field(default_factory=Terms)
    fixed: Sequence[tuple[str, str]] = ()
    forbidden: Sequence[tuple[str, str]] = ()
    most: int = 1
    why_not: tuple[str, str] | None = None


def staff_files(local: Local, files: StaffingFiles, wishes: Wishes, sink: Sink) -> dict[str, Any]:
    """Write a row per territory; returns the whole, every territory's line and, when asked, why not somebody.

    Raises
    ------
    InvalidInputError
        All that is wrong in the files, and every name that is not known.
    """
    wrong: list[Problem] = []
    opened = _opened(local, files, wrong)
    plan, reps = opened["plan"].sheet, opened["reps"].sheet
    if plan is None or reps is None:
        raise InvalidInputError("Nobody can be assigned from this.", wrong)
    units = opened["units"].sheet if "units" in opened else plan
    if units is None:
        raise InvalidInputError("Nobody can be assigned from this.", wrong)
    is_plane = _has_both(units, reps, METRES)
    staff = _staff(reps, wishes.most, wrong, is_plane=is_plane)
    openings = _openings(plan, units, reps, files, staff.names, wrong)
    if wrong:
        raise InvalidInputError("Nobody can be assigned from this.", wrong)
    terms = _terms(wishes, openings, staff)
    telling = Telling(staff_territories(openings, staff, terms))
    lines = [_by_name(line_of(telling, at)) for at in range(len(openings.keys))]
    sink.write(table_of(lines))
    sink.commit()
    found: dict[str, Any] = _by_name(whole_of(telling)) | {"lines": lines}
    if wishes.why_not is not None:
        pairs = _pairs([wishes.why_not], openings, staff, option="--why-not", wrong=wrong)
        if wrong:
            raise InvalidInputError("Nothing can be said of that.", wrong)
        found["why_not"] = telling.why_not(*pairs[0])
    return found


def _by_name(told: dict[str, Any]) -> dict[str, Any]:
    """Return what is told with people called as the file calls them, not by number."""
    found = {
        key: _by_name(value)
        if isinstance(value, dict)
        else [_by_name(one) if isinstance(one, dict) else one for one in value]
        if isinstance(value, list)
        else value
        for key, value in told.items()
    }
    return found | {"rep": found["rep_name"]} if "rep_name" in found else found


def table_of(lines: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Return lines as a table: territory, rep, score, reasons, runner-up and what the whole would lose by it."""
    rows = []
    for line in lines:
        second = line["runner_up"] or {}
        rows.append(
            {
                "territory": line["territory"],
                "rep": line["rep_name"],
                "score": line["score"],
                "reasons": "; ".join(line["reasons"]),
                "runner_up": second.get("rep_name"),
                "runner_up_score": second.get("score"),
                "runner_up_lost": second.get("lost"),
                "runner_up_vacancies": second.get("vacancies"),
                "is_fixed": line["is_fixed"],
            }
            | {f"points_{name}": value for name, value in line["parts"].items()}
        )
    names = list(dict.fromkeys(name for row in rows for name in row))
    texts = {"territory", "rep", "reasons", "runner_up"}
    kinds = {name: pa.string() if name in texts else pa.float64() for name in names}
    kinds |= {"is_fixed": pa.bool_(), "runner_up_vacancies": pa.int64()}
    return pa.table({name: pa.array([row.get(name) for row in rows], kinds[name]) for name in names})


def _opened(local: Local, files: StaffingFiles, wrong: list[Problem]) -> dict[str, Opened]:
    words = tuple(name for names in WORDS.values() for name in names)
    numbers = (*PLACES, *MONEY, *((files.weight,) if files.weight else ()))
    has_units = files.units is not None
    of_units = Columns(("id", "owner", *words), numbers, ("id", *((files.weight,) if files.weight else ())))
    of_plan = Columns(
        ("id", "territory", *(() if has_units else ("owner", *words))),
        () if has_units else numbers,
        ("id", "territory", *(() if has_units or not files.weight else (files.weight,))),
    )
    of_reps = Columns(("id", "name", "seniority", *words), (*PLACES, "attainment", "territories"))
    wanted = {"plan": (files.plan, of_plan), "reps": (files.reps, of_reps)}
    if files.units is not None:
        wanted["units"] = (files.units, of_units)
    with ExitStack() as stack:
        sources = {
            name: stack.enter_context(closing(local.files.open_records(path)))
            for name, (path, _) in wanted.items()
        }
        return {
            name: read_sheet(source, wanted[name][1], name=wanted[name][0].name, wrong=wrong)
            for name, source in sources.items()
        }


def _staff(reps: Sheet, most: int, wrong: list[Problem], *, is_plane: bool) -> Staff:
    given = [name for name in reps.texts.get("name", ()) if name]
    has_names = len(set(given)) == reps.length or (given and "id" not in reps.texts)
    column = "name" if has_names else "id"
    if column not in reps.texts:
        wrong.append(
            Problem(
                "missing-column",
                f"'{reps.name}' has no column 'name' or 'id'.",
                "Name each person.",
                reps.name,
            )
        )
    else:
        wrong += checks.ids(reps, column)
    names = tuple(name or "" for name in reps.texts.get(column, [""] * reps.length))
    nothing = np.full(reps.length, np.nan)
    takes = reps.numbers.get("territories", nothing)
    takes = np.where(np.isnan(takes), most, takes)
    odd = np.flatnonzero((takes < 0) | (takes != np.round(takes)))
    wrong += checks.wrong_rows(
        reps, odd, code="bad-number", one="takes no whole number of territories",
        many="take no whole number of territories", fix="Write 1, 2, … in the column 'territories', or 0.",
    )  # fmt: skip
    x, y = METRES if is_plane else DEGREES
    words = {kind: _words(reps, kind) for kind in WORDS}
    people = People(
        ids=tuple(range(reps.length)),
        load=np.zeros(reps.length),
        capacity=nothing,
        latitude=reps.numbers.get(y, nothing),
        longitude=reps.numbers.get(x, nothing),
        languages=tuple(words["language"]),
        industries=tuple(words["industry"]),
        skills=tuple(words["skills"]),
        seniority=tuple(text or "" for text in reps.texts.get("seniority", [""] * reps.length)),
        territories=tuple(frozenset() for _ in names),
    )
    return Staff(people, names, reps.numbers.get("attainment", nothing), takes.astype(np.int64))


def _openings(
    plan: Sheet,
    units: Sheet,
    reps: Sheet,
    files: StaffingFiles,
    names: Sequence[str],
    wrong: list[Problem],
) -> Openings:
    wrong += checks.ids(plan)
    at = np.arange(plan.length)
    if units is not plan:
        wrong += checks.ids(units)
        place = {id_: row for row, id_ in enumerate(units.texts["id"])}
        at = np.array([place.get(id_, -1) for id_ in plan.texts["id"]], dtype=np.int64)
        strange = np.flatnonzero(at < 0)
        wrong += checks.wrong_rows(
            plan, strange, code="unknown-unit", one="is of no unit", many="are of no units",
            fix=f"Add them to '{units.name}'.", values=(str(plan.texts["id"][int(row)]) for row in strange),
        )  # fmt: skip
    placed = np.array([bool(text) for text in plan.texts["territory"]]) & (at >= 0)
    at = at[placed]
    keys = sorted({str(text) for text in plan.texts["territory"] if text}, key=_natural)
    code = {key: number for number, key in enumerate(keys)}
    of_unit = [text for text, is_placed in zip(plan.texts["territory"], placed, strict=True) if is_placed]
    if not keys:
        wrong.append(
            Problem("missing-value", f"'{plan.name}' names no territory.", "Fill the column.", plan.name)
        )
    kinds = [names for names in (METRES, DEGREES) if _has_both(units, reps, names)]
    has_places = any(_has(units, pair) for pair in (METRES, DEGREES))
    has_homes = any(_has(reps, pair) for pair in (METRES, DEGREES))
    if has_places and has_homes and not kinds:
        wrong.append(
            Problem("coordinates-differ", f"'{units.name}' and '{reps.name}' have no coordinates of one kind.", "Give both x and y, or both lon and lat.", reps.name)
        )  # fmt: skip
    return Openings(
        keys=tuple(keys),
        names=tuple(keys),
        territory=np.array([code[text or ""] for text in of_unit], dtype=np.int64),
        weight=_amounts(units, files.weight, at, wrong),
        latitude=_place(units, reps, at, 1),
        longitude=_place(units, reps, at, 0),
        language=_taken(_words(units, "language"), at),
        industry=_taken(_words(units, "industry"), at),
        skills=_taken(_words(units, "skills"), at),
        potential=_column(units, "potential", at),
        revenue=_column(units, "revenue", at),
        owner=_owners(units, at, names),
        is_plane=_has_both(units, reps, METRES),
    )


def _has(sheet: Sheet, names: tuple[str, str]) -> bool:
    return all(name in sheet.numbers for name in names)


def _has_both(units: Sheet, reps: Sheet, names: tuple[str, str]) -> bool:
    return _has(units, names) and _has(reps, names)


def _place(units: Sheet, reps: Sheet, at: np.ndarray, axis: int) -> np.ndarray:
    for names in (METRES, DEGREES):
        if _has_both(units, reps, names):
            return np.asarray(units.numbers[names[axis]][at])
    return np.full(len(at), np.nan)


def _column(sheet: Sheet, name: str, at: np.ndarray) -> np.ndarray:
    return np.asarray(sheet.numbers[name][at]) if name in sheet.numbers else np.full(len(at), np.nan)


def _amounts(sheet: Sheet, name: str | None, at: np.ndarray, wrong: list[Problem]) -> np.ndarray:
    if name is None or name not in sheet.numbers:
        return np.ones(len(at))
    wrong += checks.amounts(sheet, name, sheet.texts["id"], needs_total=False)
    return np.asarray(np.nan_to_num(sheet.numbers[name][at]))


def _owners(sheet: Sheet, at: np.ndarray, names: Sequence[str]) -> np.ndarray:
    code = {name.casefold(): place for place, name in enumerate(names)}
    owners = sheet.texts.get("owner")
    if owners is None:
        return np.full(len(at), VACANT)
    return np.array([code.get((owners[int(row)] or "").casefold(), VACANT) for row in at], dtype=np.int64)


def _words(sheet: Sheet, kind: str) -> list[frozenset[str]]:
    column = next((sheet.texts[name] for name in WORDS[kind] if name in sheet.texts), [None] * sheet.length)
    return [frozenset(part.strip().casefold() for part in re.split(r"[;,|]", text or "") if part.strip()) for text in column]  # fmt: skip


def _taken(words: list[frozenset[str]], at: np.ndarray) -> list[frozenset[str]]:
    return [words[int(row)] for row in at]


def _natural(text: str) -> tuple[tuple[bool, int, str], ...]:
    """Return what sorts ``T2`` before ``T10``."""
    return tuple(
        (part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", text)
    )


def _terms(wishes: Wishes, openings: Openings, staff: Staff) -> Terms:
    wrong: list[Problem] = []
    fixed = _pairs(wishes.fixed, openings, staff, option="--fix", wrong=wrong, may_be_nobody=True)
    forbidden = _pairs(wishes.forbidden, openings, staff, option="--forbid", wrong=wrong)
    seen: dict[int, int] = {}
    for territory, person in fixed:
        if seen.setdefault(territory, person) != person:
            wrong.append(Problem("bad-choice", f"--fix gives '{openings.keys[territory]}' to two people.", "Choose one."))  # fmt: skip
        if (territory, person) in forbidden:
            wrong.append(Problem("bad-choice", f"'{staff.names[person]}' is both fixed and forbidden in '{openings.keys[territory]}'.", "Keep one of the two."))  # fmt: skip
    if wrong:
        raise InvalidInputError("Nobody can be assigned like this.", wrong)
    return replace(wishes.terms, fixed=seen, forbidden=frozenset(forbidden))


def _pairs(
    wanted: Sequence[tuple[str, str]],
    openings: Openings,
    staff: Staff,
    *,
    option: str,
    wrong: list[Problem],
    may_be_nobody: bool = False,
) -> list[tuple[int, int]]:
    territories = {key.casefold(): at for at, key in enumerate(openings.keys)}
    people = {name.casefold(): at for at, name in enumerate(staff.names)}
    if may_be_nobody:
        people.setdefault(NOBODY, VACANT)
    found = []
    for territory, person in wanted:
        if territory.casefold() not in territories:
            wrong.append(Problem("unknown-territory", f"{option} names '{territory[:60]}', which is no territory of the plan.", "Use the plan's names."))  # fmt: skip
        elif person.casefold() not in people:
            wrong.append(Problem("unknown-rep", f"{option} names '{person[:60]}', who is not among the people.", "Use the names of --reps."))  # fmt: skip
        else:
            found.append((territories[territory.casefold()], people[person.casefold()]))
    return found


def read_pair(text: str, option: str) -> tuple[str, str]:
    """Return what ``TERRITORY=PERSON`` names; UsageError when it has another form."""
    territory, mark, person = text.rpartition("=")
    if not (mark and territory.strip() and person.strip()):
        raise UsageError(f"{option} '{text}' names no territory and person.", fix="Write TERRITORY=PERSON.")
    return territory.strip(), person.strip()


def read_numbers(texts: Sequence[str], option: str) -> dict[str, float]:
    """Return what ``NAME:NUMBER`` says, several with commas between; UsageError when it has another form."""
    found = {}
    for part in ",".join(texts).split(","):
        name, mark, number = part.partition(":")
        try:
            found[name.strip()] = float(number)
        except ValueError:
            mark = ""
        if not mark:
            raise UsageError(f"{option} '{part}' is no name and number.", fix="Write NAME:NUMBER.")
    return found
