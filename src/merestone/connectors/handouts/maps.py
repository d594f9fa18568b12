"""Maps of hand-outs, drawn as vectors from the outlines of units.

Each map is on a plane of its own (Lambert's azimuthal equal-area projection about its middle). What lies far off, as
Alaska and Hawaii do, stands in a box of its own, at its own scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from reportlab.pdfgen.canvas import Canvas

from merestone.app.handout import Whole
from merestone.connectors.handouts.hues import ACCENT, INK, LAND, LINE, MUTED, WATER, WHITE, colours, paler
from merestone.connectors.handouts.lettering import PLAIN, SLANTED, STRONG, fitted, width, wrapped
from merestone.core.design.plane import Plane

Box = tuple[float, float, float, float]
"""Left, bottom, width, height, in points."""
_FAR = {"02": 1, "15": 2, "72": 3, "78": 3, "66": 4, "69": 4, "60": 4}
"""First digits of a county's code -> the box of its own it stands in."""
_REACH_M = 900_000.0  # the largest unit (Yukon-Koyukuk) reaches that far
_GRAIN_PT = 0.35  # finer than a printer's dot
_MILE_M, _KM_M = 1609.344, 1000.0
_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 250, 500, 1000)
MAX_DOTS = 1500


@dataclass(frozen=True, eq=False)
class Atlas:
    """The outlines of a scenario.

    Parameters
    ----------
    outlines : mapping of str to geometry
        Unit id -> polygon; also of units that are not in the scenario.
    """

    whole: Whole
    outlines: Mapping[str, Any]

    @cached_property
    def shapes(self) -> np.ndarray:
        """Polygons: of the scenario's units, then of all others; those without an area are empty."""
        found = np.array([self.outlines.get(key) for key in self.ids], dtype=object)
        found[shapely.get_dimensions(found) < 2] = shapely.Polygon()
        return found

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Ids of the shapes: the scenario's units, then all others."""
        here = set(self.whole.unit_ids)
        return (*self.whole.unit_ids, *sorted(key for key in self.outlines if key not in here))

    @cached_property
    def codes(self) -> np.ndarray:
        """State of each shape, as a number."""
        return np.array([int(key[:2]) if key[:2].isdigit() else 0 for key in self.ids])

    @cached_property
    def frames(self) -> np.ndarray:
        """In which box each shape stands; 0 for what lies together."""
        return np.array([_FAR.get(f"{code:02d}", 0) for code in self.codes.tolist()])

    @cached_property
    def plan(self) -> np.ndarray:
        """Territory of each shape; −1 nobody's, −2 not in the scenario."""
        found = np.full(len(self.shapes), -2)
        found[: len(self.whole.plan)] = self.whole.plan
        return found

    @cached_property
    def middles(self) -> np.ndarray:
        """A point in each shape, (n, 2) degrees."""
        has = ~shapely.is_empty(self.shapes)
        found = np.full((len(self.shapes), 2), np.nan)
        found[has] = shapely.get_coordinates(shapely.point_on_surface(self.shapes[has]))
        return found

    @cached_property
    def colours(self) -> list[Any]:
        """A colour for each territory."""
        return colours(len(self.whole.names), self.whole.touches)


@dataclass(frozen=True, eq=False)
class Subject:
    """What a map is about.

    Parameters
    ----------
    numbers : frozenset of int
        Territories drawn strong.
    names : mapping of int to str
        What is written on them.
    home : (lon, lat) or None
    home_label : str
    dots : (m, 2) float array
        Longitude and latitude of accounts.
    towns : sequence of (name, lon, lat)
    """

    numbers: frozenset[int]
    names: Mapping[int, str]
    home: tuple[float, float] | None = None
    home_label: str = ""
    dots: np.ndarray | None = None
    towns: Sequence[tuple[str, float, float]] = ()


def draw_map(canvas: Canvas, atlas: Atlas, subject: Subject, box: Box) -> None:
    """Draw a map into a box; without a unit to draw, the box says so."""
    left, bottom, wide, high = box
    mine = np.isin(atlas.plan, sorted(subject.numbers)) & ~shapely.is_empty(atlas.shapes)
    if not mine.any():
        canvas.setFillColor(WATER)
        canvas.rect(left, bottom, wide, high, stroke=0, fill=1)
        canvas.setFillColor(MUTED)
        canvas.setFont(SLANTED, 10)
        canvas.drawCentredString(left + wide / 2, bottom + high / 2, "No county is planned here.")
        return
    counts = np.bincount(atlas.frames[mine], minlength=5)
    main = 0 if counts[0] else int(counts.argmax())
    insets = [frame for frame in np.flatnonzero(counts).tolist() if frame != main]
    _Sheet(canvas, atlas, subject, box, main).draw()
    side = min(wide * 0.16, high * 0.36)
    for at, frame in enumerate(insets):
        place = (left + 5 + (side + 5) * at, bottom + 5, side, side * 0.78)
        _Sheet(canvas, atlas, subject, place, frame, is_inset=True).draw()


def _merged(shapes: np.ndarray) -> Any:
    """Return one shape of many; where an outline crosses itself after it was drawn more coarsely, it is mended first."""
    try:
        return shapely.coverage_union_all(shapes)
    except shapely.errors.GEOSException:
        return shapely.union_all(shapely.make_valid(shapes))


class _Sheet:
    """One frame of a map."""

    def __init__(
        self, canvas: Canvas, atlas: Atlas, subject: Subject, box: Box, frame: int, *, is_inset: bool = False
    ) -> None:
        self.canvas, self.atlas, self.subject, self.box, self.is_inset = canvas, atlas, subject, box, is_inset
        self.frame = frame
        strong = (
            np.isin(atlas.plan, sorted(subject.numbers))
            & (atlas.frames == frame)
            & ~shapely.is_empty(atlas.shapes)
        )
        middles = atlas.middles[strong]
        self.plane = Plane.about(middles[:, 1], middles[:, 0])
        own = shapely.transform(atlas.shapes[strong], self._flat)
        west, south, east, north = shapely.total_bounds(own)
        if not is_inset and subject.home is not None:
            west, south, east, north = self._with_home(west, south, east, north)
        _, _, wide, high = box
        margin = 0.04 if len(subject.numbers) > 1 else 0.14
        least = 40_000.0
        self.scale = min(
            wide * (1 - 2 * margin) / max(east - west, least),
            high * (1 - 2 * margin) / max(north - south, least),
        )
        self.middle = ((west + east) / 2, (south + north) / 2)
        self.taken: list[Box] = []

    def _with_home(
        self, west: float, south: float, east: float, north: float
    ) -> tuple[float, float, float, float]:
        """Widen a little for the home; one far off is not on the map."""
        assert self.subject.home is not None
        x, y = self._flat(np.array([self.subject.home]))[0]
        reach = 0.5 * max(east - west, north - south)
        if west - reach <= x <= east + reach and south - reach <= y <= north + reach:
            return min(west, x), min(south, y), max(east, x), max(north, y)
        return west, south, east, north

    def _flat(self, degrees: np.ndarray) -> np.ndarray:
        east, north = self.plane.project(degrees[:, 1], degrees[:, 0])
        return np.stack([east, north], axis=1)

    def points(self, degrees: np.ndarray) -> np.ndarray:
        """Return places on the page."""
        return self._page(self._flat(degrees))

    def _page(self, metres: np.ndarray) -> np.ndarray:
        left, bottom, wide, high = self.box
        middle = np.array([left + wide / 2, bottom + high / 2])
        return (metres - np.array(self.middle)) * self.scale + middle

    def draw(self) -> None:
        """Draw it all, from what lies below to what lies on top."""
        canvas, atlas, subject = self.canvas, self.atlas, self.subject
        left, bottom, wide, high = self.box
        canvas.saveState()
        clip = canvas.beginPath()
        clip.rect(left, bottom, wide, high)
        canvas.clipPath(clip, stroke=0, fill=0)
        canvas.setFillColor(WATER)
        canvas.rect(left, bottom, wide, high, stroke=0, fill=1)
        near = self._near()
        shapes = shapely.transform(atlas.shapes[near], lambda degrees: self._page(self._flat(degrees)))
        shapes = shapely.coverage_simplify(shapes, _GRAIN_PT)
        plan, states = atlas.plan[near], atlas.codes[near]
        window = (left - 3, bottom - 3, left + wide + 3, bottom + high + 3)
        merged: dict[int, Any] = {}
        for number in np.unique(plan).tolist():
            merged[number] = shapely.clip_by_rect(_merged(shapes[plan == number]), *window)
        several = len(subject.numbers) > 1
        for number, shape in merged.items():
            strong = number in subject.numbers
            fill = (
                LAND if number < 0 else atlas.colours[number] if strong else paler(atlas.colours[number], 0.7)
            )
            self._fill(shape, fill)
            self._line(shape, WHITE, 0.8)
        if not several:
            for shape in shapes[np.isin(plan, sorted(subject.numbers))]:
                self._line(shapely.clip_by_rect(shape, *window), WHITE, 0.3)
        for state in np.unique(states).tolist():
            shape = shapely.clip_by_rect(_merged(shapes[states == state]), *window)
            self._line(shape, MUTED, 0.35, dash=(2, 1.5))
        for number in sorted(subject.numbers & merged.keys()):
            self._line(merged[number], INK, 0.5 if several else 1.3)
        self._dots()
        self._home()
        self._labels(merged)
        self._towns()
        if not self.is_inset:
            self._bar()
        canvas.restoreState()
        canvas.setStrokeColor(LINE)
        canvas.setLineWidth(0.6)
        canvas.rect(left, bottom, wide, high, stroke=1, fill=0)

    def _near(self) -> np.ndarray:
        """Return the shapes that may reach into the box."""
        atlas = self.atlas
        metres = self._flat(np.nan_to_num(atlas.middles))
        _, _, wide, high = self.box
        away = np.abs(metres - np.array(self.middle))
        reach = _REACH_M if self.frame == 1 else 250_000.0
        inside = (away[:, 0] < wide / 2 / self.scale + reach) & (away[:, 1] < high / 2 / self.scale + reach)
        return np.flatnonzero(inside & ~shapely.is_empty(atlas.shapes))

    def _path(self, shape: Any) -> Any:
        path = self.canvas.beginPath()
        for part in shapely.get_parts(shape):
            if part.geom_type != "Polygon":
                continue
            for ring in (part.exterior, *part.interiors):
                points = np.round(shapely.get_coordinates(ring), 2).tolist()
                path.moveTo(*points[0])
                for point in points[1:-1]:
                    path.lineTo(*point)
                path.close()
        return path

    def _fill(self, shape: Any, colour: Any) -> None:
        self.canvas.setFillColor(colour)
        self.canvas.drawPath(self._path(shape), stroke=0, fill=1, fillMode=0)

    def _line(self, shape: Any, colour: Any, thick: float, *, dash: tuple[float, ...] = ()) -> None:
        canvas = self.canvas
        canvas.setStrokeColor(colour)
        canvas.setLineWidth(thick)
        canvas.setLineJoin(1)
        canvas.setDash(list(dash))
        canvas.drawPath(self._path(shape), stroke=1, fill=0)
        canvas.setDash([])

    def _dots(self) -> None:
        if self.subject.dots is None or not len(self.subject.dots):
            return
        self.canvas.setFillColor(INK)
        self.canvas.setFillAlpha(0.4)
        for x, y in np.round(self.points(self.subject.dots[:MAX_DOTS]), 1).tolist():
            if self._is_in(x, y):
                self.canvas.circle(x, y, 0.75, stroke=0, fill=1)
        self.canvas.setFillAlpha(1)

    def _is_in(self, x: float, y: float) -> bool:
        left, bottom, wide, high = self.box
        return left <= x <= left + wide and bottom <= y <= bottom + high

    def _home(self) -> None:
        if self.subject.home is None or self.is_inset:
            return
        x, y = self.points(np.array([self.subject.home]))[0].tolist()
        if not self._is_in(x, y):
            return
        canvas = self.canvas
        canvas.setFillColor(WHITE)
        canvas.circle(x, y, 5, stroke=0, fill=1)
        canvas.setFillColor(ACCENT)
        canvas.circle(x, y, 3.6, stroke=0, fill=1)
        self._text(self.subject.home_label, x, y, STRONG, 7.5, ACCENT, away=7)

    def _towns(self) -> None:
        if self.is_inset:
            return
        for name, lon, lat in self.subject.towns:
            x, y = self.points(np.array([[lon, lat]]))[0].tolist()
            if self._is_in(x, y) and self._text(name, x, y, PLAIN, 7, INK, away=3):
                self.canvas.setFillColor(INK)
                self.canvas.circle(x, y, 1.5, stroke=0, fill=1)

    def _text(
        self, text: str, x: float, y: float, font: str, size: float, colour: Any, *, away: float
    ) -> bool:
        """Write beside a point, right or left of it, where nothing stands yet; returns whether it could be."""
        text = fitted(text, font, size, 150)
        wide = width(text, font, size)
        for start in (x + away, x - away - wide):
            place = (start - 1, y - size * 0.45, wide + 2, size * 1.05)
            if self._is_free(place):
                self._halo(text, start, y - size * 0.33, font, size, colour)
                self.taken.append(place)
                return True
        return False

    def _halo(self, text: str, x: float, y: float, font: str, size: float, colour: Any) -> None:
        canvas = self.canvas
        for mode, ink in ((2, WHITE), (0, colour)):
            line = canvas.beginText(x, y)
            line.setFont(font, size)
            line.setTextRenderMode(mode)
            canvas.setStrokeColor(ink)
            canvas.setLineWidth(1.8)
            line.setFillColor(ink)
            line.textOut(text)
            line.setTextRenderMode(0)
            canvas.drawText(line)

    def _is_free(self, place: Box) -> bool:
        left, bottom, wide, high = self.box
        x, y, w, h = place
        if x < left + 2 or y < bottom + 2 or x + w > left + wide - 2 or y + h > bottom + high - 2:
            return False
        return all(x + w < a or a + c < x or y + h < b or b + d < y for a, b, c, d in self.taken)

    def _labels(self, merged: Mapping[int, Any]) -> None:
        several = len(self.subject.numbers) > 1
        order = sorted(
            (n for n in merged if n >= 0), key=lambda n: (n not in self.subject.numbers, -merged[n].area, n)
        )
        for number in order:
            strong = number in self.subject.numbers
            if strong and not several:
                continue
            font, size = (STRONG, 8.0) if strong else (SLANTED, 7.5)
            self._label(
                merged[number], self.subject.names.get(number, ""), font, size, INK if strong else MUTED
            )

    def _label(self, shape: Any, text: str, font: str, size: float, colour: Any) -> None:
        whole = shape if shapely.is_valid(shape) else shapely.make_valid(shape, method="structure")
        parts = [part for part in shapely.get_parts(whole) if part.geom_type == "Polygon"]
        if not parts or not text:
            return
        part = max(parts, key=lambda one: one.area)
        circle = shapely.maximum_inscribed_circle(part, tolerance=2.0)
        (x, y), _ = shapely.get_coordinates(circle)[:2]
        radius = circle.length
        lines = wrapped(text, font, size, max(70.0, radius * 2))[:3]
        if radius < size * 0.55 or (len(text) > 4 and radius < size * 0.9):
            return
        wide, high = max(width(line, font, size) for line in lines), size * 1.15 * len(lines)
        place = (x - wide / 2, y - high / 2, wide, high)
        if not self._is_free(place):
            return
        self.taken.append(place)
        for at, line in enumerate(lines):
            below = y + high / 2 - size * (0.95 + 1.15 * at)
            self._halo(line, x - width(line, font, size) / 2, below, font, size, colour)

    def _bar(self) -> None:
        """Draw the scale: miles above, kilometres below."""
        left, bottom, wide, _ = self.box
        canvas, most = self.canvas, wide * 0.2
        bars = []
        for metre, unit in ((_MILE_M, "mi"), (_KM_M, "km")):
            step = max((one for one in _STEPS if one * metre * self.scale <= most), default=1)
            bars.append((step * metre * self.scale, f"{step} {unit}"))
        room = max(long + 4 + width(words, PLAIN, 6.5) for long, words in bars)
        x, y = left + wide - room - 8, bottom + 13
        canvas.setFillColor(WHITE)
        canvas.setFillAlpha(0.8)
        canvas.rect(x - 4, y - 10, room + 8, 20, stroke=0, fill=1)
        canvas.setFillAlpha(1)
        canvas.setStrokeColor(INK)
        canvas.setFillColor(INK)
        canvas.setLineWidth(0.8)
        canvas.setFont(PLAIN, 6.5)
        for (long, words), end, rise in zip(bars, (4, -4), (2.5, -7), strict=True):
            canvas.line(x, y, x + long, y)
            canvas.line(x, y, x, y + end)
            canvas.line(x + long, y, x + long, y + end)
            canvas.drawString(x + long + 3, y + rise, words)
