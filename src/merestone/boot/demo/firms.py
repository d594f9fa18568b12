"""What firms are like, accounts and leads alike: industry, size, potential, what they are after."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from merestone.boot.demo.geography import HUBS
from merestone.boot.demo.industries import INDUSTRIES
from merestone.boot.demo.products import PRODUCTS
from merestone.boot.demo.words import LEGAL_FORMS

_HUB_PULL = 7.0
_NOT_PLAIN = re.compile("[^a-z0-9]+")


def draw_industries(hub: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return an industry per account; a hub pulls its own sectors."""
    shares = np.array([entry.share for entry in INDUSTRIES])
    chosen = np.empty(len(hub), dtype=np.int64)
    for number_ in range(-1, len(HUBS)):
        here = np.flatnonzero(hub == number_)
        pull = np.ones(len(INDUSTRIES))
        if number_ >= 0:
            pull = np.array(
                [_HUB_PULL if e.naics.startswith(HUBS[number_].sectors) else 1.0 for e in INDUSTRIES]
            )
        weights = shares * pull
        chosen[here] = rng.choice(len(INDUSTRIES), size=len(here), p=weights / weights.sum())
    return chosen


def draw_employees(industry: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
    medians = np.array([entry.employees for entry in INDUSTRIES], dtype=float)[industry]
    return np.maximum(1, np.round(medians * rng.lognormal(0, 0.95, len(industry))))


def draw_potential(
    industry: NDArray[np.int64], employees: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return cents a year: the industry's median, larger with size, lognormal around it."""
    median = np.array([entry.potential for entry in INDUSTRIES], dtype=float)[industry]
    size = np.array([entry.employees for entry in INDUSTRIES], dtype=float)[industry]
    dollars = median * (employees / size) ** 0.45 * rng.lognormal(-0.15, 0.6, len(industry))
    return np.round(np.maximum(dollars, 250) * 100).astype(np.int64)


def draw_interests(industry: NDArray[np.int64], rng: np.random.Generator) -> list[list[str]]:
    """Return one to three products, mostly of the families an industry buys."""
    by_family: dict[str, list[str]] = {}
    for sku, _, family, _ in PRODUCTS:
        by_family.setdefault(family, []).append(sku)
    wanted = [[sku for family in entry.families for sku in by_family[family]] for entry in INDUSTRIES]
    counts = rng.choice((0, 1, 2, 3), size=len(industry), p=(0.15, 0.4, 0.3, 0.15))
    picks = rng.integers(0, 1_000, (len(industry), 3))
    return [
        sorted({wanted[kind][pick % len(wanted[kind])] for pick in row[:count]})
        for kind, count, row in zip(industry, counts, picks, strict=True)
    ]


def bare_name(name: str) -> str:
    """Return a name without its legal form."""
    for form in LEGAL_FORMS:
        if form and name.endswith(f" {form}"):
            return name.removesuffix(f" {form}")
    return name


def slug(name: str) -> str:
    """Return a name as a part of a web domain: lower-case ASCII letters, digits and single hyphens."""
    return _NOT_PLAIN.sub("-", name.lower())[:60].strip("-")
