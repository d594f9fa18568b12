"""Colours of territories on paper: those that touch differ in hue, as they do on the screen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from reportlab.lib.colors import Color

HUES = ((250, 0.11), (62, 0.12), (165, 0.1), (325, 0.11), (95, 0.12), (215, 0.09), (30, 0.12), (290, 0.11))
"""Degrees in OKLCH, and how much colour each bears; spread around blue and orange, which all eyes tell apart."""
SHADES = (0.76, 0.66, 0.84)
INK, MUTED, LINE, FAINT = (
    Color(*(part / 255 for part in rgb))
    for rgb in ((24, 36, 39), (84, 97, 100), (208, 214, 215), (243, 246, 246))
)
ACCENT, WARN = (Color(*(part / 255 for part in rgb)) for rgb in ((22, 96, 108), (150, 74, 12)))
WHITE, LAND, WATER = (
    Color(*(part / 255 for part in rgb)) for rgb in ((255, 255, 255), (236, 235, 229), (244, 248, 249))
)


def colours(n: int, touches: Sequence[tuple[int, int]]) -> list[Color]:
    """Return a colour for each of ``n`` territories; of two that touch never the same hue while there are enough."""
    others: list[set[int]] = [set() for _ in range(n)]
    for a, b in touches:
        others[a].add(b)
        others[b].add(a)
    hues, uses = [-1] * n, [0] * len(HUES)
    for place in sorted(range(n), key=lambda one: (-len(others[one]), one)):
        taken = [sum(hues[one] == hue for one in others[place]) for hue in range(len(HUES))]
        hues[place] = min(range(len(HUES)), key=lambda hue: (taken[hue], uses[hue], hue))
        uses[hues[place]] += 1
    seen = [0] * len(HUES)
    found = []
    for hue in hues:
        found.append(of_hue(*HUES[hue], SHADES[seen[hue] % len(SHADES)]))
        seen[hue] += 1
    return found


def of_hue(degrees: float, chroma: float, lightness: float) -> Color:
    """Return a colour of OKLCH.

    References
    ----------
    B. Ottosson (2020), A perceptual color space for image processing, https://bottosson.github.io/posts/oklab/.
    """
    a, b = chroma * np.cos(np.radians(degrees)), chroma * np.sin(np.radians(degrees))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3
    linear = np.array(
        [
            4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * middle + 1.707614701 * short,
        ]
    )
    linear = np.clip(linear, 0, 1)
    light = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return Color(*(round(float(part), 3) for part in light))


def paler(colour: Color, share: float) -> Color:
    """Return a colour mixed with white: ``share`` of white."""
    return Color(*(round(part + (1 - part) * share, 3) for part in (colour.red, colour.green, colour.blue)))
