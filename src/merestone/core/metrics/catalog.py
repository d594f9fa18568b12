"""What each figure means: the definitions that the pages, the API and the reference show.

The one rule: a figure is shown under a name of this catalog or not at all, and its definition is the sentence here.
All periods are half-open, ``[start, end)``. Not here: the arithmetic (``scorecard``, ``balance``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """What a figure counts in."""

    PERCENT = "percent"  # kept as a share between 0 and 1, shown times 100
    DAYS = "days"
    MONEY = "money"
    COUNT = "count"
    RATIO = "ratio"


class Direction(StrEnum):
    """Which way is good."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Kpi:
    """One figure of the scorecard.

    Parameters
    ----------
    key : str
        Stable name, the column of the scorecard.
    label : str
        Words on the screen.
    definition : str
        One or two sentences, shown beside the figure.
    formula : str
        The arithmetic in symbols.
    unit : Unit
        What it counts in.
    good : Direction
        Which way is good.
    grain : str
        What one counted thing is.
    attributed : str
        At which moment the owner counts.
    numerator, denominator : str
        Columns of the scorecard it is made of; empty when the figure is a plain sum.
    """

    key: str
    label: str
    definition: str
    formula: str
    unit: Unit
    good: Direction
    grain: str
    attributed: str
    numerator: str = ""
    denominator: str = ""

    @property
    def is_sum(self) -> bool:
        """True when figures of territories add up to the figure of the company."""
        return not self.numerator


@dataclass(frozen=True, slots=True)
class SpreadMeasure:
    """One way to say how unevenly a measure falls on territories."""

    key: str
    label: str
    definition: str
    formula: str
    unit: Unit


_AT_CLOSE = "Who owned the account at the end of the day the opportunity closed."
_AT_END = "Who owned the account at the last moment of the period."

SCORECARD_KPIS: tuple[Kpi, ...] = (
    Kpi(
        "lead_conversion",
        "Lead conversion",
        "Of the leads created in the period, the share that has converted before the period's end.",
        "leads created in [start, end) and converted before end ÷ leads created in [start, end)",
        Unit.PERCENT,
        Direction.UP,
        "lead",
        "Who owned the lead when it was created, else who first got it before the period's end.",
        "leads_converted",
        "leads_created",
    ),
    Kpi(
        "win_rate",
        "Win rate",
        "Of the opportunities closed in the period, the share that was won, by number.",
        "won ÷ (won + lost), closed_on in [start, end)",
        Unit.PERCENT,
        Direction.UP,
        "opportunity",
        _AT_CLOSE,
        "won",
        "closed",
    ),
    Kpi(
        "sales_cycle_days",
        "Sales cycle",
        "The median number of days from opening to closing of the opportunities won in the period; those without an "
        "opening day, or with one after closing, are left out.",
        "median(closed_on − opened_on), won, closed_on in [start, end)",
        Unit.DAYS,
        Direction.DOWN,
        "won opportunity",
        _AT_CLOSE,
        "sales_cycle_samples",
    ),
    Kpi(
        "average_deal_size",
        "Average deal size",
        "The mean amount of the opportunities won in the period, rounded to the cent; those without an amount are "
        "left out.",
        "Σ amount ÷ number with an amount, won, closed_on in [start, end)",
        Unit.MONEY,
        Direction.UP,
        "won opportunity",
        _AT_CLOSE,
        "bookings",
        "won_with_amount",
    ),
    Kpi(
        "bookings",
        "Bookings",
        "The amount of the opportunities won in the period.",
        "Σ amount, won, closed_on in [start, end)",
        Unit.MONEY,
        Direction.UP,
        "won opportunity",
        _AT_CLOSE,
    ),
    Kpi(
        "customer_retention",
        "Customer retention",
        "Of the customers with a contract on the first day of the period, the share that has one, the same or "
        "another, on the day the period ends. A contract runs from its start up to, not including, its end.",
        "customers with a contract on start and on end ÷ customers with a contract on start",
        Unit.PERCENT,
        Direction.UP,
        "customer (account)",
        "Who owned the account at the first moment of the period.",
        "customers_retained",
        "customers_at_start",
    ),
    Kpi(
        "pipeline",
        "Pipeline",
        "The amount of the opportunities open at the end of the period: opened before it, and not closed before it.",
        "Σ amount, opened_on < end, not (won or lost before end)",
        Unit.MONEY,
        Direction.UP,
        "open opportunity",
        _AT_END,
    ),
    Kpi(
        "weighted_forecast",
        "Weighted forecast",
        "The pipeline with each amount times its probability, rounded to the cent per opportunity; those without a "
        "probability, or with the forecast category omitted, count nothing.",
        "Σ round(amount × probability, 2), open at end, category ≠ omitted",
        Unit.MONEY,
        Direction.UP,
        "open opportunity",
        _AT_END,
    ),
)

SPREAD_MEASURES: tuple[SpreadMeasure, ...] = (
    SpreadMeasure(
        "index",
        "Index",
        "A territory's sum with the mean of all territories set to 100.",
        "100 × x ÷ mean",
        Unit.RATIO,
    ),
    SpreadMeasure(
        "max_deviation",
        "Greatest deviation",
        "The greatest distance of a territory from the mean, as a share of the mean.",
        "max |x − mean| ÷ mean",
        Unit.PERCENT,
    ),
    SpreadMeasure(
        "cv",
        "Coefficient of variation",
        "The standard deviation over all territories as a share of the mean (Pearson 1896).",
        "√(Σ (x − mean)² ÷ n) ÷ mean",
        Unit.PERCENT,
    ),
    SpreadMeasure(
        "gini",
        "Gini coefficient",
        "Half the mean difference of all pairs of territories, as a share of the mean: 0 when all are equal, "
        "(n − 1) ÷ n when one has everything (Gini 1912).",
        "Σᵢ Σⱼ |xᵢ − xⱼ| ÷ (2 n² mean)",
        Unit.RATIO,
    ),
)

KPIS: dict[str, Kpi] = {kpi.key: kpi for kpi in SCORECARD_KPIS}


def reference_text() -> str:
    """Return the reference page of all metrics as Markdown; ``docs/reference/metrics.md`` is this text."""
    lines = [
        "# Metrics",
        "",
        "This page is made from `merestone.core.metrics.catalog`; a test keeps the two equal.",
        "",
        "Periods are half-open: the start is inside, the end is not. A day is a day in the company's time zone. Each",
        "figure belongs to **who owned what at the time**; what nobody owned then is in the row of the unassigned",
        "queue. The rows of all territories with that row are the company, to the cent. On a higher level of the tree",
        "shares are made anew from the counts, and medians from all the days: never from the figures below.",
        "",
        "## Scorecard",
    ]
    for kpi in SCORECARD_KPIS:
        lines += [
            "",
            f"### {kpi.label} (`{kpi.key}`)",
            "",
            kpi.definition,
            "",
            f"- Formula: {kpi.formula}",
            f"- Unit: {kpi.unit}; good is {kpi.good}",
            f"- Counts: each {kpi.grain}",
            f"- Belongs to: {kpi.attributed[0].lower()}{kpi.attributed[1:]}",
        ]
    lines += [
        "",
        "## Balance",
        "",
        "Per territory: the number of accounts and the sums of potential, workload hours and revenue. The unassigned",
        "queue has its own sums, but no part in the mean or in what follows. A territory without accounts counts.",
    ]
    for measure in SPREAD_MEASURES:
        lines += [
            "",
            f"### {measure.label} (`{measure.key}`)",
            "",
            measure.definition,
            "",
            f"- Formula: {measure.formula}",
            f"- Unit: {measure.unit}",
        ]
    return "\n".join([*lines, ""])
