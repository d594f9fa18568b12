"""Pages being laid out: what is drawn is noted first, so that each page can say how many there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from reportlab.lib.pagesizes import A4, LETTER
from reportlab.pdfgen.canvas import Canvas

from merestone.connectors.handouts.hues import ACCENT, FAINT, INK, LINE, MUTED, WARN, WHITE
from merestone.connectors.handouts.lettering import BOLD, PLAIN, STRONG, fitted, width, wrapped, written

Draw = Callable[[Canvas], None]
MARGIN = 44.0
_FOOT = 34.0
SIZES = {"letter": LETTER, "a4": A4}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    share : float
        Of the table's width.
    is_number : bool
        Set to the right.
    """

    title: str
    share: float
    is_number: bool = False


@dataclass
class Page:
    """What is drawn on one page, in order."""

    draws: list[Draw] = field(default_factory=list)


class Pages:
    """Pages filled from top to bottom.

    Parameters
    ----------
    paper : str
        Of ``SIZES``.
    running : str
        What stands at the head of every page.
    foot : str
        What stands at its foot, before the number.
    """

    def __init__(self, *, paper: str, running: str, foot: str) -> None:
        self.width, self.height = SIZES[paper]
        self.room = self.width - 2 * MARGIN
        self.running, self.foot = running, foot
        self.pages: list[Page] = []
        self.y = 0.0

    @property
    def bottom(self) -> float:
        """Where the foot begins."""
        return MARGIN + 10

    def start(self) -> None:
        """Begin a page."""
        self.pages.append(Page())
        self.y = self.height - MARGIN - 16

    def note(self, draw: Draw) -> None:
        """Draw on the current page."""
        self.pages[-1].draws.append(draw)

    def need(self, high: float) -> None:
        """Begin a page unless there is room for so much."""
        if self.y - high < self.bottom:
            self.start()

    def space(self, high: float) -> None:
        """Leave room."""
        self.y -= high

    def text(
        self,
        words: str,
        font: str = PLAIN,
        size: float = 9.5,
        colour: Any = INK,
        *,
        x: float = MARGIN,
        room: float = 0.0,
    ) -> None:
        """Write a paragraph; it may go on on the next page."""
        for line in wrapped(words, font, size, room or self.room):
            self.need(size * 1.35)
            self.y -= size * 1.32
            self.note(_string(line, x, self.y + size * 0.3, font, size, colour))

    def led(self, lead: str, words: str, size: float = 9.5) -> None:
        """Write a paragraph that begins with strong words."""
        lead = written(lead, STRONG)
        start = width(lead, STRONG, size) + size * 0.3
        lines = wrapped(words, PLAIN, size, self.room - start)[:1]
        rest = written(words)[len(lines[0]) :].strip() if lines else ""
        self.need(size * 1.35)
        self.y -= size * 1.32
        self.note(_string(lead, MARGIN, self.y + size * 0.3, STRONG, size, INK))
        if lines:
            self.note(_string(lines[0], MARGIN + start, self.y + size * 0.3, PLAIN, size, INK))
        if rest:
            self.text(rest, size=size)
        self.space(2)

    def heading(self, words: str, note: str = "") -> None:
        """Write the head of a part, never alone at the end of a page."""
        self.need(64)
        self.space(20)
        y = self.y
        self.note(_string(fitted(words, STRONG, 12, self.room), MARGIN, y, STRONG, 12, ACCENT))
        if note:
            start = MARGIN + width(written(words, STRONG), STRONG, 12) + 8
            self.note(
                _string(fitted(note, PLAIN, 8.5, self.width - MARGIN - start), start, y, PLAIN, 8.5, MUTED)
            )
        self.space(5)

    def title(self, words: str, below: str, *, level: int, key: str) -> None:
        """Begin a page with a title, which stands in the bookmarks too."""
        self.start()
        self.note(lambda canvas: canvas.bookmarkPage(key))
        self.note(lambda canvas: canvas.addOutlineEntry(words[:120], key, level=level, closed=level > 0))
        for line in wrapped(words, BOLD, 22, self.room)[:2]:
            self.y -= 24
            self.note(_string(line, MARGIN, self.y, BOLD, 22, INK))
        self.space(4)
        self.text(below, size=10, colour=MUTED)

    def planned(self) -> None:
        """Say that nothing of it is live."""
        self.need(24)
        y = self.y - 20

        def draw(canvas: Canvas) -> None:
            canvas.setFillColor(FAINT)
            canvas.rect(MARGIN, y, self.room, 16, stroke=0, fill=1)
            canvas.setFillColor(WARN)
            canvas.rect(MARGIN, y, 3, 16, stroke=0, fill=1)

        self.note(draw)
        self.note(_string("Planned, not live.", MARGIN + 10, y + 4.8, STRONG, 9, WARN))
        start = MARGIN + 10 + width("Planned, not live. ", STRONG, 9)
        self.note(
            _string(
                "Nothing changes for anybody before the model is published.", start, y + 4.8, PLAIN, 9, INK
            )
        )
        self.y = y - 8

    def table(
        self,
        columns: Sequence[Column],
        rows: Sequence[Sequence[str]],
        *,
        size: float = 8.5,
        strong_first: bool = True,
    ) -> None:
        """Write a table; its head comes again on each page."""
        high = size * 1.6
        self._head(columns, size)
        for row in rows:
            if self.y - high < self.bottom:
                self.start()
                self._head(columns, size)
            self.y -= high
            self._cells(columns, row, size, fonts=(STRONG if strong_first else PLAIN, PLAIN), colour=INK)
            self.rule(self.y)

    def _head(self, columns: Sequence[Column], size: float) -> None:
        self.need(size * 5)
        self.y -= size * 1.7
        self._cells(columns, [one.title for one in columns], size - 0.5, fonts=(STRONG, STRONG), colour=MUTED)
        self.rule(self.y, INK, 0.6)

    def rule(self, y: float, colour: Any = LINE, thick: float = 0.4) -> None:
        """Draw a line across."""

        def draw(canvas: Canvas) -> None:
            canvas.setStrokeColor(colour)
            canvas.setLineWidth(thick)
            canvas.line(MARGIN, y, MARGIN + self.room, y)

        self.note(draw)

    def _cells(
        self,
        columns: Sequence[Column],
        row: Sequence[str],
        size: float,
        *,
        fonts: tuple[str, str],
        colour: Any,
    ) -> None:
        x, y = MARGIN, self.y + size * 0.42
        for at, (column, cell) in enumerate(zip(columns, row, strict=True)):
            wide = column.share * self.room
            font = fonts[0] if at == 0 else fonts[1]
            is_before_text = column.is_number and at + 1 < len(columns) and not columns[at + 1].is_number
            gap = 12 if is_before_text else 1 if column.is_number else 0
            shown = fitted(cell, font, size, wide - max(gap, 6))
            start = x + wide - width(shown, font, size) - gap if column.is_number else x
            if shown:
                self.note(_string(shown, start, y, font, size, colour))
            x += wide

    def draw(self, canvas: Canvas) -> None:
        """Draw all pages, each with its head and its foot."""
        n = len(self.pages)
        for number, page in enumerate(self.pages, start=1):
            head = self.height - MARGIN + 8
            end = "Planned, not live"
            start = self.width - MARGIN - width(end, STRONG, 8)
            _string(fitted(self.running, PLAIN, 8, start - MARGIN - 10), MARGIN, head, PLAIN, 8, MUTED)(
                canvas
            )
            _string(end, start, head, STRONG, 8, WARN)(canvas)
            for draw in page.draws:
                draw(canvas)
            words = f"{number} of {n}"
            start = self.width - MARGIN - width(words, STRONG, 8)
            _string(words, start, _FOOT, STRONG, 8, MUTED)(canvas)
            _string(fitted(self.foot, PLAIN, 8, start - MARGIN - 10), MARGIN, _FOOT, PLAIN, 8, MUTED)(canvas)
            canvas.showPage()


def _string(words: str, x: float, y: float, font: str, size: float, colour: Any) -> Draw:
    def draw(canvas: Canvas) -> None:
        canvas.setFillColor(colour)
        canvas.setFont(font, size)
        canvas.drawString(x, y, words)

    return draw


def index_bar(x: float, y: float, wide: float, index: float | None) -> Draw:
    """Return a bar for an index: the line in its middle is 100, its ends are 0 and 200."""

    def draw(canvas: Canvas) -> None:
        middle = x + wide / 2
        canvas.setFillColor(FAINT)
        canvas.rect(x, y, wide, 7, stroke=0, fill=1)
        if index is not None:
            end = x + wide * min(index, 200.0) / 200
            canvas.setFillColor(ACCENT if 80 <= index <= 120 else WARN)
            canvas.rect(min(middle, end), y, abs(end - middle), 7, stroke=0, fill=1)
            if index > 200:  # it goes on beyond the edge
                canvas.setFillColor(WHITE)
                canvas.rect(x + wide - 5, y, 1.5, 7, stroke=0, fill=1)
        canvas.setStrokeColor(INK)
        canvas.setLineWidth(0.7)
        canvas.line(middle, y - 2, middle, y + 9)

    return draw
