from pathlib import Path

from merestone.core.metrics.balance import Spread
from merestone.core.metrics.catalog import KPIS, SCORECARD_KPIS, SPREAD_MEASURES, Unit, reference_text
from merestone.core.metrics.scorecard import SCORECARD_SCHEMA

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "metrics.md"


def test_every_kpi_is_a_column_of_the_scorecard_with_its_parts() -> None:
    columns = set(SCORECARD_SCHEMA.names)
    assert set(KPIS) <= columns
    assert {part for kpi in SCORECARD_KPIS for part in (kpi.numerator, kpi.denominator) if part} <= columns


def test_keys_are_unique_and_all_kinds_of_the_issue_are_there() -> None:
    assert len(KPIS) == len(SCORECARD_KPIS)
    assert set(KPIS) >= {
        "lead_conversion",
        "win_rate",
        "sales_cycle_days",
        "average_deal_size",
        "customer_retention",
        "pipeline",
        "weighted_forecast",
    }


def test_only_money_adds_up_over_territories() -> None:
    assert {kpi.key for kpi in SCORECARD_KPIS if kpi.is_sum} == {"bookings", "pipeline", "weighted_forecast"}
    assert all(kpi.unit is Unit.MONEY for kpi in SCORECARD_KPIS if kpi.is_sum)


def test_every_spread_has_a_definition() -> None:
    defined = {measure.key for measure in SPREAD_MEASURES} - {"index"}
    assert defined == set(Spread("x", 0).as_dict()) - {"mean", "min", "max"}


def test_the_reference_page_is_the_catalog() -> None:
    # Anew: python -c "from merestone.core.metrics.catalog import reference_text as t; print(t(), end='')" > PAGE
    assert PAGE.read_text("utf-8") == reference_text()
