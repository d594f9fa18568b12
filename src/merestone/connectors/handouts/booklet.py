"""A hand-out as a PDF: a cover for all, a summary for each manager, and for each territory what its owner takes along.

The same hand-out gives the same bytes. Tables show the largest and say how many more there are; the workbook has all.
"""

from __future__ import annotations

from calendar import timegm
from collections.abc import Sequence
from functools import partial
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from reportlab.pdfbase import pdfdoc
from reportlab.pdfgen.canvas import Canvas

from merestone.app.handout import Exchange, HandOut, ManagerSheet, Sum, TerritorySheet
from merestone.connectors.handouts.hues import INK, MUTED
from merestone.connectors.handouts.lettering import PLAIN, STRONG, glyphs, width, written
from merestone.connectors.handouts.maps import Atlas, Subject, draw_map
from merestone.connectors.handouts.pages import MARGIN, Column, Pages, index_bar
from merestone.connectors.handouts.words import (
    TITLES,
    amount,
    change,
    count,
    day,
    listed,
    moment,
    money,
    places,
    whole_number,
)  # fmt: skip

MOST_ACCOUNTS, MOST_LEAVING, MOST_EXCHANGES, MOST_TOWNS = 40, 25, 8, 6
"""Rows of a table on paper, and towns named on a map."""
_MOST_DOTS = 1500


def write_booklet(hand_out: HandOut, target: BinaryIO, *, atlas: Atlas, paper: str) -> None:
    """Write the PDF."""
    glyphs()
    booklet = _Booklet(hand_out, atlas, paper)
    booklet.lay_out()
    pages = booklet.pages
    canvas = Canvas(
        target,
        pagesize=(pages.width, pages.height),
        pageCompression=1,
        invariant=1,
        pdfVersion=(1, 7),
        lang="en",
        initialFontName=PLAIN,
    )
    title = {"all": "All territories", "manager": f"Territories of {hand_out.part}"}.get(
        hand_out.scope, hand_out.part
    )
    canvas.setTitle(f"{title} · {hand_out.name}")
    canvas.setSubject(f"{hand_out.model_name}: planned, not live")
    canvas.setAuthor("Merestone")
    canvas.setCreator("Merestone")
    document = canvas._doc
    document._timeStamp.YMDhms = hand_out.made_on.utctimetuple()[:6]
    document._timeStamp.t = timegm(hand_out.made_on.utctimetuple())
    canvas.setViewerPreference("DisplayDocTitle", "true")
    if len(hand_out.sheets) > 1:
        canvas.showOutline()
    pages.draw(canvas)
    document.Catalog.PageLayout = pdfdoc.PDFName("OneColumn")
    canvas.save()


class _Booklet:
    def __init__(self, hand_out: HandOut, atlas: Atlas, paper: str) -> None:
        self.hand_out, self.atlas = hand_out, atlas
        self.pages = Pages(
            paper=paper,
            running=f"{hand_out.name} · {hand_out.model_name}",
            foot=f"Accounts as of {moment(hand_out.made_on)} · Merestone",
        )
        self.units = {one.key: one.unit for one in hand_out.measures}
        self.columns = {
            name: hand_out.accounts[name].to_pylist()
            for name in ("name", "city", "state", "territory", "owner", "territory_today", "owner_today", "moves", "new_owner")
        }  # fmt: skip
        self.places = np.stack(
            [np.asarray(hand_out.accounts[name], float) for name in ("longitude", "latitude")], axis=1
        )

    def lay_out(self) -> None:
        hand_out = self.hand_out
        if hand_out.scope == "all":
            self._cover()
        done: set[int] = set()
        for manager in hand_out.managers if hand_out.scope != "territory" else ():
            self._manager(manager)
            for position in manager.sheets:
                if position not in done:
                    done.add(position)
                    self._territory(hand_out.sheets[position], level=1)
        for position, sheet in enumerate(hand_out.sheets):
            if position not in done:
                self._territory(sheet, level=0)

    # -- the parts

    def _cover(self) -> None:
        hand_out, pages = self.hand_out, self.pages
        pages.title(hand_out.name, self._about(), level=0, key="cover")
        pages.planned()
        numbers = frozenset(range(len(hand_out.whole.names)))
        labels = {number: str(number + 1) for number in numbers}
        self._map(Subject(numbers, labels), high=330)
        moved, total = hand_out.moved["accounts"], hand_out.total["accounts"]
        share = f" ({moved / total:.1%})" if total else ""
        pages.space(6)
        pages.text(
            f"{count(len(hand_out.sheets), 'territory', 'territories')} with {whole_number(total)} accounts;"
            f" {whole_number(moved)} of them{share} would be in another territory than today. {self._not_counted()}"
        )
        self._overview("Territories", hand_out.sheets)

    def _manager(self, manager: ManagerSheet) -> None:
        hand_out, pages = self.hand_out, self.pages
        sheets = [hand_out.sheets[position] for position in manager.sheets]
        n = count(len(sheets), "territory", "territories")
        pages.title(
            f"Territories of {manager.name}", f"{n} · {self._about()}", level=0, key=f"manager-{manager.rep}"
        )
        pages.planned()
        numbers = frozenset(one.number for one in sheets)
        labels = {
            number: f"{number + 1}" if number in numbers else name
            for number, name in enumerate(hand_out.whole.names)
        }
        self._map(Subject(numbers, labels), high=250)
        self._sums(manager.sums, "mean territory here; 100 is the mean of all")
        self._overview("The territories", sheets)
        between = (
            f"{count(manager.n_between, 'account')} move{'s' if manager.n_between == 1 else ''} between them."
        )
        self._exchanges(manager.comes, manager.goes, between if len(sheets) > 1 else "")

    def _territory(self, sheet: TerritorySheet, *, level: int) -> None:
        pages = self.pages
        owner = f"Owner: {sheet.owner}" if sheet.owner else "No owner yet"
        manager = f" · Manager: {listed(sheet.managers)}" if sheet.managers else ""
        pages.title(sheet.name, f"{owner}{manager}", level=level, key=f"territory-{sheet.number}")
        pages.text(self._about(), size=8.5, colour=MUTED)
        pages.planned()
        self._map(self._subject(sheet), high=280)
        self._sums(sheet.sums, "100 is the mean of all territories")
        self._where(sheet)
        arrives, leaves = len(sheet.rows) - sheet.n_stay, len(sheet.leaving)
        told = f"{count(sheet.n_stay, 'account')} stay, {arrives:,} come, {leaves:,} leave."
        self._exchanges(sheet.comes, sheet.goes, told)
        self._accounts(sheet)
        self._leaving(sheet)

    # -- the pieces

    def _about(self) -> str:
        hand_out = self.hand_out
        start = (
            "" if hand_out.effective is None else f" · takes effect {day(hand_out.effective)} at the earliest"
        )
        return f"Scenario “{hand_out.name}” of {hand_out.model_name}{start}"

    def _not_counted(self) -> str:
        hand_out = self.hand_out
        told = f"Not counted: {whole_number(hand_out.n_fixed)} locked or placed by name, {whole_number(hand_out.n_without)} in no county."
        if hand_out.is_stale:
            told += " Accounts or the model changed since the scenario was drawn; sums on the planning page may differ."
        return told

    def _map(self, subject: Subject, *, high: float) -> None:
        pages = self.pages
        pages.need(high + 8)
        box = (MARGIN, pages.y - high - 2, pages.room, high)
        pages.note(partial(draw_map, atlas=self.atlas, subject=subject, box=box))
        pages.y -= high + 6

    def _subject(self, sheet: TerritorySheet) -> Subject:
        points = self.places[sheet.rows]
        points = points[~np.isnan(points).any(axis=1)]
        label = f"Home of {sheet.owner}" if sheet.owner else ""
        names = dict(enumerate(self.hand_out.whole.names))
        return Subject(
            frozenset([sheet.number]), names, sheet.home, label, points[:_MOST_DOTS], self._towns(sheet.rows)
        )

    def _towns(self, rows: np.ndarray) -> list[tuple[str, float, float]]:
        """Return the towns with most accounts, where those accounts are."""
        if not len(rows):
            return []
        table = pa.table(
            {
                "city": [self.columns["city"][row] for row in rows.tolist()],
                "state": [self.columns["state"][row] for row in rows.tolist()],
                "lon": self.places[rows, 0],
                "lat": self.places[rows, 1],
            }
        )
        found = table.filter(pc.is_finite(table["lat"])).group_by(["city", "state"], use_threads=False)
        towns = found.aggregate([([], "count_all"), ("lon", "mean"), ("lat", "mean")]).to_pylist()
        towns = [one for one in towns if one["city"]]
        towns.sort(key=lambda one: (-one["count_all"], one["city"], one["state"] or ""))
        return [(one["city"], one["lon_mean"], one["lat_mean"]) for one in towns[:MOST_TOWNS]]

    def _sums(self, sums: Sequence[Sum], what: str) -> None:
        pages = self.pages
        pages.heading("In numbers", f"index: {what}")
        left, wide = MARGIN, pages.room
        heads = (("Planned", 0.40), ("Today", 0.55), ("Change", 0.70), ("Index", 0.78))
        pages.space(10)
        for words, end in heads:
            start = left + wide * end - width(words, STRONG, 8)
            pages.note(partial(_write, words=words, x=start, y=pages.y, font=STRONG, size=8.0, colour=MUTED))
        pages.rule(pages.y - 4, INK, 0.6)
        pages.space(4)
        for one in sums:
            pages.space(15)
            unit = self.units[one.measure]
            index = "–" if one.index is None else f"{one.index:,.0f}"
            cells = (
                amount(one.planned, unit),
                amount(one.today, unit),
                change(one.planned - one.today, unit),
                index,
            )
            pages.note(
                partial(
                    _write, words=TITLES[one.measure], x=left, y=pages.y, font=STRONG, size=9.5, colour=INK
                )
            )
            for (_, end), text in zip(heads, cells, strict=True):
                words = written(text)
                start = left + wide * end - width(words, PLAIN, 9.5)
                pages.note(partial(_write, words=words, x=start, y=pages.y, font=PLAIN, size=9.5, colour=INK))
            pages.note(index_bar(left + wide * 0.81, pages.y - 0.5, wide * 0.19, one.index))
            pages.rule(pages.y - 4.5)
        pages.space(8)

    def _where(self, sheet: TerritorySheet) -> None:
        pieces = "" if sheet.is_connected else ", not in one piece"
        self.pages.heading("Where", f"{count(sheet.n_units, 'county', 'counties')}{pieces}")
        if not sheet.places:
            self.pages.text("No county.", colour=MUTED)
        for lead, words in places(sheet.places):
            self.pages.led(lead, words)

    def _exchanges(self, comes: Sequence[Exchange], goes: Sequence[Exchange], told: str) -> None:
        self.pages.heading("Against today", told)
        for title, found in (("Comes from", comes), ("Goes to", goes)):
            if not found:
                self.pages.text(
                    "Nothing leaves." if title == "Goes to" else "Nothing comes.", colour=MUTED, size=9
                )
                continue
            columns = [
                Column(title, 0.36), Column("Owner", 0.24), Column("Accounts", 0.12, True),
                Column("Potential", 0.14, True), Column("Annual revenue", 0.14, True),
            ]  # fmt: skip
            currency = self.hand_out.currency
            rows = [
                (one.territory, one.owner or "–", whole_number(one.accounts), money(one.potential, currency), money(one.revenue, currency))
                for one in found[:MOST_EXCHANGES]
            ]  # fmt: skip
            self.pages.table(columns, rows)
            self._more(len(found) - MOST_EXCHANGES)
            self.pages.space(4)

    def _more(self, n: int) -> None:
        if n > 0:
            self.pages.text(f"and {n:,} more, see the workbook", size=8.5, colour=MUTED)

    def _accounts(self, sheet: TerritorySheet) -> None:
        n = len(sheet.rows)
        note = (
            f"{min(n, MOST_ACCOUNTS)} of {n:,}, by potential"
            if n > MOST_ACCOUNTS
            else f"all {n:,}, by potential"
        )
        self.pages.heading("The largest accounts", note if n else "")
        if not n:
            self.pages.text("No account.", colour=MUTED)
            return
        self._table(sheet.rows[:MOST_ACCOUNTS], "New to you?", self._from)
        self._more(n - MOST_ACCOUNTS)

    def _leaving(self, sheet: TerritorySheet) -> None:
        n = len(sheet.leaving)
        if not n:
            return
        note = (
            f"{min(n, MOST_LEAVING)} of {n:,}, by potential"
            if n > MOST_LEAVING
            else f"all {n:,}, by potential"
        )
        self.pages.heading("Accounts that leave", note)
        self._table(sheet.leaving[:MOST_LEAVING], "Goes to", self._to)
        self._more(n - MOST_LEAVING)

    def _table(self, rows: np.ndarray, last: str, words: Any) -> None:
        columns = [
            Column("Account", 0.30), Column("City", 0.18), Column("Potential", 0.10, True),
            Column("Revenue", 0.12, True), Column(last, 0.30),
        ]  # fmt: skip
        found, currency = self.columns, self.hand_out.currency
        taken = pa.array(rows)
        potential, revenue = (
            self.hand_out.accounts[name].take(taken).to_pylist() for name in ("potential", "revenue")
        )
        self.pages.table(
            columns,
            [
                (
                    found["name"][row] or "–",
                    ", ".join(part for part in (found["city"][row], found["state"][row]) if part),
                    money(potential[at], currency),
                    money(revenue[at], currency),
                    words(row),
                )
                for at, row in enumerate(rows.tolist())
            ],
            strong_first=False,
        )

    def _from(self, row: int) -> str:
        """Return from whom an account comes; nothing when it stays with whom it is."""
        found = self.columns
        if found["new_owner"][row]:
            before = found["owner_today"][row] or found["territory_today"][row]
            return f"new, from {before}" if before != "Nobody" else "new, nobody’s today"
        return f"yours, from {found['territory_today'][row]}" if found["moves"][row] else ""

    def _to(self, row: int) -> str:
        found = self.columns
        owner = found["owner"][row]
        return f"{owner}, {found['territory'][row]}" if owner else found["territory"][row]

    def _overview(self, title: str, sheets: Sequence[TerritorySheet]) -> None:
        self.pages.heading(
            title, "index: 100 is the mean of all territories; the numbers are those on the map"
        )
        currency = self.hand_out.currency
        columns = [
            Column("No.", 0.06, True), Column("Territory", 0.26), Column("Owner", 0.20), Column("Accounts", 0.09, True),
            Column("Potential", 0.11, True), Column("Index", 0.07, True), Column("Load index", 0.09, True),
            Column("Come", 0.06, True), Column("Leave", 0.06, True),
        ]  # fmt: skip
        rows = []
        for sheet in sheets:
            sums = {one.measure: one for one in sheet.sums}
            rows.append(
                (
                    str(sheet.number + 1),
                    sheet.name,
                    sheet.owner or "–",
                    whole_number(sums["accounts"].planned),
                    money(sums["potential"].planned, currency),
                    _index(sums["potential"]),
                    _index(sums["workload"]),
                    f"{len(sheet.rows) - sheet.n_stay:,}",
                    f"{len(sheet.leaving):,}",
                )
            )
        self.pages.table(columns, rows, strong_first=False)
        self.pages.space(4)


def _index(one: Sum) -> str:
    return "–" if one.index is None else f"{one.index:,.0f}"


def _write(canvas: Canvas, *, words: str, x: float, y: float, font: str, size: float, colour: Any) -> None:
    canvas.setFillColor(colour)
    canvas.setFont(font, size)
    canvas.drawString(x, y, words)
