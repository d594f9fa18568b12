"""A hand-out as a workbook: typed columns under a header that stays, with filters; text that no spreadsheet runs.

Sheets: Overview, Territories, Counties, Accounts, Moves. What the PDF cuts short stands here whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xlsxwriter

from merestone.app.handout import HandOut
from merestone.connectors.handouts.words import TITLES, day, lead, measure_title, moment

Guard = Callable[[pa.ChunkedArray], pa.ChunkedArray]
TEXT, WHOLE, MONEY, HOURS, INDEX, SHARE, YES_NO = (
    "text",
    "whole",
    "money",
    "hours",
    "index",
    "share",
    "yes-no",
)
_PATTERNS = {WHOLE: "#,##0", MONEY: "#,##0.00", HOURS: "#,##0.0", INDEX: "0.0", SHARE: "0.0%"}
_WIDTHS = {TEXT: 24, WHOLE: 12, MONEY: 18, HOURS: 12, INDEX: 10, SHARE: 10, YES_NO: 10}
_KINDS = {"accounts": WHOLE, "potential": MONEY, "revenue": MONEY, "workload": HOURS}


@dataclass(frozen=True)
class _Column:
    title: str
    kind: str
    values: Sequence[Any]
    width: int = 0


def write_workbook(hand_out: HandOut, target: BinaryIO, *, guard: Guard) -> None:
    """Write the workbook; the same hand-out gives the same bytes."""
    options = {
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "constant_memory": True,
    }
    with xlsxwriter.Workbook(target, options) as book:
        created = hand_out.made_on.replace(tzinfo=None, microsecond=0)
        book.set_properties(
            {"title": f"{lead(hand_out)}: {hand_out.part}", "subject": hand_out.name, "created": created}
        )
        sheets = _Sheets(book, guard)
        _overview(sheets, hand_out)
        sheets.add("Territories", _territories(hand_out))
        sheets.add("Counties", _counties(hand_out))
        sheets.add("Accounts", _accounts(hand_out))
        sheets.add("Moves", _moves(hand_out))


class _Sheets:
    """A workbook being written."""

    def __init__(self, book: Any, guard: Guard) -> None:
        self.book, self._guard = book, guard
        self.bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        self.large = book.add_format({"bold": True, "font_size": 16})
        self.wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        self.styles = {kind: book.add_format({"num_format": pattern}) for kind, pattern in _PATTERNS.items()}

    def safe(self, texts: Sequence[str | None]) -> list[str]:
        """Return texts that nothing runs, of a length a cell holds."""
        column = pa.chunked_array([pa.array([text or "" for text in texts], pa.string())])
        return [text[:32_767] for text in self._guard(column).to_pylist()]

    def add(self, name: str, columns: Sequence[_Column]) -> None:
        page = self.book.add_worksheet(name)
        _printed(page)
        for at, column in enumerate(columns):
            page.set_column(at, at, column.width or _WIDTHS[column.kind])
        for at, column in enumerate(columns):
            page.write_string(0, at, column.title, self.bold)
        page.freeze_panes(1, 1)
        page.repeat_rows(0)
        cells = [self.safe(one.values) if one.kind == TEXT else one.values for one in columns]
        n = len(cells[0])
        for row, values in enumerate(zip(*cells, strict=True), start=1):
            for at, value in enumerate(values):
                self.cell(page, row, at, value, columns[at].kind)
        page.autofilter(0, 0, max(1, n), len(columns) - 1)

    def cell(self, page: Any, row: int, at: int, value: Any, kind: str) -> None:
        """Write one cell, typed."""
        if value is None or value == "":
            return
        if kind == TEXT:
            page.write_string(row, at, value)
        elif kind == YES_NO:
            page.write_string(row, at, "yes" if value else "no")
        else:
            page.write_number(row, at, value, self.styles[kind])


def _printed(page: Any) -> None:
    page.set_landscape()
    page.fit_to_pages(1, 0)
    page.set_footer("&L&A&R&P of &N")


def _overview(sheets: _Sheets, hand_out: HandOut) -> None:
    page = sheets.book.add_worksheet("Overview")
    _printed(page)
    page.set_column(0, 0, 26)
    page.set_column(1, 5, 20)
    facts = [
        (lead(hand_out), hand_out.part),
        ("Scenario", hand_out.name),
        ("Model", hand_out.model_name),
        ("State", "Planned, not live: nothing changes before the model is published."),
        ("Takes effect", "not said yet" if hand_out.effective is None else day(hand_out.effective)),
        ("Accounts as of", moment(hand_out.made_on)),
        ("Territories", f"{len(hand_out.sheets):,} of {len(hand_out.whole.names):,}"),
        (
            "Not counted",
            f"{hand_out.n_fixed:,} locked or placed by name, {hand_out.n_without:,} in no county",
        ),
        ("Currency", hand_out.currency),
    ]
    values = sheets.safe([value for _, value in facts])
    for row, ((label, _), value) in enumerate(zip(facts, values, strict=True)):
        page.write_string(row, 0, label, sheets.bold)
        page.write_string(row, 1, value, sheets.large if row == 0 else None)
    top = len(facts) + 1
    titles = (
        "Measure",
        "Here, planned",
        "Here, today",
        "Change",
        "Whole scenario",
        "Changes territory",
        "Share",
    )
    for at, title in enumerate(titles):
        page.write_string(top, at, title, sheets.bold)
    for row, one in enumerate(hand_out.measures, start=top + 1):
        kind = _KINDS[one.key]
        sums = [next(s for s in sheet.sums if s.measure == one.key) for sheet in hand_out.sheets]
        planned, today = sum(s.planned for s in sums), sum(s.today for s in sums)
        total, moved = hand_out.total[one.key], hand_out.moved[one.key]
        page.write_string(row, 0, measure_title(one))
        for at, number in enumerate((planned, today, planned - today, total, moved), start=1):
            page.write_number(row, at, round(number, 2), sheets.styles[kind])
        if total:
            page.write_number(row, 6, moved / total, sheets.styles[SHARE])


def _territories(hand_out: HandOut) -> list[_Column]:
    sheets = hand_out.sheets
    found = [
        _Column("Territory", TEXT, [one.name for one in sheets], 30),
        _Column("Key", TEXT, [one.key for one in sheets]),
        _Column("Owner", TEXT, [one.owner for one in sheets]),
        _Column("Manager", TEXT, [", ".join(one.managers) for one in sheets]),
        _Column("Counties", WHOLE, [one.n_units for one in sheets]),
        _Column("In one piece", YES_NO, [one.is_connected for one in sheets]),
    ]
    for at, one in enumerate(hand_out.measures):
        title, kind = measure_title(one), _KINDS[one.key]
        found += [
            _Column(title, kind, [sheet.sums[at].planned for sheet in sheets]),
            _Column(f"{TITLES[one.key]}, index", INDEX, [sheet.sums[at].index for sheet in sheets]),
            _Column(f"{title}, today", kind, [sheet.sums[at].today for sheet in sheets]),
        ]
    return [
        *found,
        _Column("Accounts that stay", WHOLE, [one.n_stay for one in sheets]),
        _Column("Accounts that come", WHOLE, [len(one.rows) - one.n_stay for one in sheets]),
        _Column("Accounts that leave", WHOLE, [len(one.leaving) for one in sheets]),
    ]


def _counties(hand_out: HandOut) -> list[_Column]:
    whole = hand_out.whole
    chosen = np.array([one.number for one in hand_out.sheets])
    plan, live = np.array(whole.plan), np.array(whole.live)
    units = np.flatnonzero(np.isin(plan, chosen))
    units = units[np.lexsort((units, np.array(whole.unit_states)[units], plan[units]))].tolist()
    mine = hand_out.accounts.filter(pc.is_in(hand_out.accounts["planned"], value_set=pa.array(chosen)))
    counties = np.asarray(pc.index_in(mine["county"], value_set=pa.array(whole.unit_ids, pa.string())))
    n = len(whole.unit_ids)
    sums = {
        key: np.bincount(counties, np.asarray(mine[key]), minlength=n)
        for key in ("potential", "revenue", "workload")
    }
    sums["accounts"] = np.bincount(counties, minlength=n)
    names = (*whole.names, "")
    return [
        _Column("County", TEXT, [whole.unit_names[unit] for unit in units]),
        _Column("State", TEXT, [whole.unit_states[unit] for unit in units], 8),
        _Column("County code", TEXT, [whole.unit_ids[unit] for unit in units], 12),
        _Column("Territory", TEXT, [names[plan[unit]] for unit in units], 30),
        _Column("Owner", TEXT, [whole.owners[plan[unit]] for unit in units]),
        _Column("Most accounts today in", TEXT, [names[live[unit]] for unit in units], 30),
        *(
            _Column(measure_title(one), _KINDS[one.key], [round(float(sums[one.key][unit]), 2) for unit in units])
            for one in hand_out.measures
        ),
    ]  # fmt: skip


def _accounts(hand_out: HandOut) -> list[_Column]:
    rows = hand_out.accounts
    names = dict(zip(hand_out.whole.unit_ids, hand_out.whole.unit_names, strict=True))
    ids = [
        text or str(number)
        for text, number in zip(_list(rows, "external_id"), _list(rows, "id"), strict=True)
    ]
    return [
        _Column("Account", TEXT, ids, 14),
        _Column("Name", TEXT, _list(rows, "name"), 34),
        _Column("City", TEXT, _list(rows, "city"), 20),
        _Column("State", TEXT, _list(rows, "state"), 8),
        _Column("County", TEXT, [names.get(unit) for unit in _list(rows, "county")], 20),
        _Column("Territory", TEXT, _list(rows, "territory"), 28),
        _Column("Owner", TEXT, _list(rows, "owner")),
        _Column("Territory today", TEXT, _list(rows, "territory_today"), 28),
        _Column("Owner today", TEXT, _list(rows, "owner_today")),
        _Column("Moves", YES_NO, _list(rows, "moves")),
        _Column("New owner", YES_NO, _list(rows, "new_owner")),
        *(
            _Column(measure_title(one), _KINDS[one.key], np.round(np.asarray(rows[one.key]), 2).tolist())
            for one in hand_out.measures
            if one.key in rows.column_names
        ),
    ]  # fmt: skip


def _moves(hand_out: HandOut) -> list[_Column]:
    sides = ["territory_today", "owner_today", "territory", "owner"]
    moved = hand_out.accounts.filter(hand_out.accounts["moves"])
    sums = ["potential", "revenue", "workload"]
    found = moved.group_by(sides, use_threads=False).aggregate(
        [([], "count_all"), *((key, "sum") for key in sums)]
    )
    found = found.sort_by([("count_all", "descending"), *((side, "ascending") for side in sides)])
    amounts = {"accounts": _list(found, "count_all")}
    amounts |= {key: np.round(np.asarray(found[f"{key}_sum"], float), 2).tolist() for key in sums}
    return [
        _Column("From territory", TEXT, _list(found, "territory_today"), 30),
        _Column("From owner", TEXT, _list(found, "owner_today")),
        _Column("To territory", TEXT, _list(found, "territory"), 30),
        _Column("To owner", TEXT, _list(found, "owner")),
        *(_Column(measure_title(one), _KINDS[one.key], amounts[one.key]) for one in hand_out.measures),
    ]


def _list(rows: pa.Table, name: str) -> Sequence[Any]:
    values: Iterable[Any] = rows[name].to_pylist()
    return list(values)
