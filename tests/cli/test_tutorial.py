"""The tutorial of ``docs/tutorials/breweries.md`` on the real files: every row accounted for, every account placed."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from merestone.app import assign, lifecycle, plans, report
from merestone.app.exchange import exporting, importing
from merestone.app.policy import OPERATOR
from merestone.app.services import Services
from merestone.connectors.files import LocalFiles
from merestone.db.models import Account, AccountAssociation, Lead, Opportunity, Rep, StageChange

pytestmark = [pytest.mark.django_db, pytest.mark.shared]

TUTORIAL = Path(__file__).resolve().parents[2] / "docs" / "tutorials" / "breweries"


@pytest.fixture
def services(db: Any) -> Services:
    """The services on the test database."""
    from merestone.boot.services import services

    return services()


def test_breweries_and_hardware_file_become_twelve_staffed_territories(
    services: Services, shared: Path
) -> None:
    breweries = shared / "data" / "breweries.csv"
    source = list(csv.DictReader(breweries.read_text(encoding="utf-8").splitlines(keepends=True)))
    loaded = importing.import_file(services, OPERATOR, "accounts", breweries)
    assert loaded.rows == len(source) == 11_822
    assert loaded.accepted + loaded.rejected + loaded.duplicates + loaded.unchanged == loaded.rows
    every_us_row_with_a_postal_code_is_placed(source)
    lifecycles_follow_the_type(source)
    assert importing.import_file(services, OPERATOR, "accounts", breweries).unchanged == loaded.accepted

    mapping = LocalFiles().read_document(TUTORIAL / "crm-accounts.yaml")
    crm = shared / "data" / "maven_crm"
    accounts = importing.import_file(services, OPERATOR, "accounts", crm / "accounts.csv", mapping=mapping)
    assert (accounts.rows, accounts.accepted) == (85, 85)
    acme = Account.objects.get(name="Acme Corporation")
    assert (acme.industry, acme.revenue) == ("technology", Decimal("1100040000.00"))
    assert importing.import_file(services, OPERATOR, "reps", crm / "sales_teams.csv").accepted == 35
    assert Rep.objects.count() == 35 + 6  # the managers are people too
    assert importing.import_file(services, OPERATOR, "products", crm / "products.csv").accepted == 7
    pipeline = importing.import_file(services, OPERATOR, "opportunities", crm / "sales_pipeline.csv")
    assert (pipeline.rows, pipeline.accepted, pipeline.rejected) == (8_800, 8_800, 0)
    assert Opportunity.objects.filter(account=None).count() == 1_425
    assert Opportunity.objects.filter(product=None).count() == 0  # 'GTXPro' is 'GTX Pro'
    assert Opportunity.objects.filter(stage="won").count() == 4_238
    assert StageChange.objects.count() >= 8_800

    document = LocalFiles().read_document(TUTORIAL / "territories.yaml")
    plans.apply_document(services, OPERATOR, document)
    lifecycle.publish(services, OPERATOR, "brewers")
    every_account_is_owned_or_queued()
    balance = report.balance_report(services, OPERATOR)
    rows = {row["territory"]: row["accounts"] for row in balance.table.to_pylist()}
    assert len([key for key in rows if key and key != "us"]) == 12
    assert min(rows[key] for key in rows if key and key != "us") > 200
    assert sum(rows.values()) == Account.objects.count() == 11_822 + 85
    assert assign.run_rules(services, OPERATOR)["changed"] == 0
    exported = exporting.exported_rows(services, OPERATOR, "accounts")
    assert exported.num_rows == 11_907
    assert Lead.objects.count() == 0


def every_us_row_with_a_postal_code_is_placed(source: list[dict[str, str]]) -> None:
    placed = dict(Account.objects.values_list("external_id", "geo_precision"))
    usable = [row["id"] for row in source if row["country"] == "United States" and row["postal_code"].strip()]
    lost = [row for row in usable if placed[row] == "none"]
    assert len(usable) > 8_000
    assert lost == []
    counties = Account.objects.filter(country="US").exclude(county="").count()
    assert counties / Account.objects.filter(country="US").count() > 0.99


def lifecycles_follow_the_type(source: list[dict[str, str]]) -> None:
    found = dict(Account.objects.values_list("external_id", "lifecycle"))
    for row in source:
        expected = {"closed": "inactive", "planning": "prospect"}.get(row["brewery_type"])
        assert expected is None or found[row["id"]] == expected


def every_account_is_owned_or_queued() -> None:
    current = AccountAssociation.objects.filter(valid_to=None, is_primary=True)
    assert current.count() == Account.objects.count() == current.values("account").distinct().count()
    assert current.exclude(owner=None).filter(territory=None).count() == 0
    reasons = current.values_list("reason", flat=True)[:200]
    assert all(json.loads(json.dumps(reason)).get("sentence") for reason in reasons)
