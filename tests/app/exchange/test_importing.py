"""Files in and out on the real stores: round trips, re-runs, rivals, undo."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.builders import accounts_table, add_reps, places, publish

from merestone.app import crm
from merestone.app.exchange import exporting, importing
from merestone.app.exchange.problems import problem_table
from merestone.app.policy import OPERATOR
from merestone.app.services import Services
from merestone.base.errors import ConflictError
from merestone.connectors.files import LocalFiles
from merestone.connectors.files.reader import RawTable
from merestone.core.model.columns import TABLES
from merestone.db.models import Account, ImportRun, LeadAssociation, Opportunity, StageChange

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

FILES = {
    "reps": "name,email,manager,languages,hired on\nAna,ana@example.com,mia@example.com,en;es,2020-02-29\nBen,ben@example.com,mia@example.com,,\n",
    "products": 'sku,name,price\nP-1,Meter,"1,234.50"\nP-2,Gauge,\n',
    "accounts": (
        "id,name,parent,state,country,postal code,revenue,employees,products of interest,customer since\n"
        "A-1,@Alpha & Söhne,,CA,US,94016,$1.5M,12,P-1;P-2,2021-03-04\n"
        'A1,"Beta, the ""other"" one",A-1,NY,US,10001,,,,\n'
        "A-3,+Gamma,A-4,TX,US,,,,,\n"
        "A-4,Delta,,,FR,75001,,,,\n"
        ",No id GmbH,,,DE,10115,,,,\n"
    ),
    "contacts": "account,first name,last name,email\nA-1,Jo,Doe,jo@alpha.example\nA1,,Only,\n",
    "leads": (
        "id,name,company,state,country,received,owner\n"
        "L-1,Ann,Acme,CA,US,2026-01-05 10:00:00Z,ben@example.com\nL-2,Bob,Bolt,NY,US,2026-01-05 11:00:00Z,\n"
    ),
    "opportunities": (
        "id,account,product,owner,stage,amount,opened\n"
        "O-1,A-1,P-1,Ana,proposal,100.10,2026-01-01\nO-2,A1,,,won,5,2026-01-02\n"
    ),
    "activities": (
        "kind,account,lead,rep,subject,when,minutes,done\n"
        "call,A-1,,Ana,-Hello,2026-01-05 10:00:00Z,15,yes\nnote,,L-1,,About it,2026-01-06,,\n"
    ),
    "contracts": "id,account,product,value,starts,ends\nC-1,A-1,P-2,99.99,2026-01-01,2026-12-31\n",
}


class PlainFiles(LocalFiles):
    """Reads plain CSV here; the real reader takes a second to start its process."""

    def read_table(self, path: Path, *, sheet: str | None = None) -> RawTable:
        header, *lines = csv.reader(path.read_text(encoding="utf-8").splitlines())
        columns = zip(*([cell or None for cell in line] for line in lines), strict=True)
        table = pa.table([pa.array(column, pa.string()) for column in columns], names=header)
        numbers = pa.chunked_array([pa.array(range(2, len(lines) + 2), pa.int64())])
        return RawTable(table, numbers, problem_table())


@pytest.fixture
def plain(services: Services, tmp_path: Path) -> Services:
    """The services, with files that read fast."""
    return replace(services, files=PlainFiles(), data_dir=tmp_path)


@pytest.fixture
def load(plain: Services, tmp_path: Path) -> Any:
    """Import text as a CSV file."""

    def run(table: str, text: str, **options: Any) -> importing.ImportReport:
        path = tmp_path / f"{table}.csv"
        path.write_text(text, encoding="utf-8")
        return importing.import_file(plain, OPERATOR, table, path, **options)

    return run


@pytest.fixture
def company(services: Services, load: Any) -> None:
    """A company with a row or more in every table, and a published model."""
    for table in ("reps", "products", "accounts"):
        assert load(table, FILES[table]).rejected == 0
    publish(services)
    for table in ("contacts", "leads", "opportunities", "activities", "contracts"):
        assert load(table, FILES[table]).rejected == 0


def counts(report: importing.ImportReport) -> tuple[int, int, int, int]:
    return report.accepted, report.rejected, report.duplicates, report.unchanged


def stored(services: Services, table: str) -> list[Mapping[str, Any]]:
    return services.records.snapshot(table).to_pylist()


@pytest.mark.usefixtures("company")
@pytest.mark.parametrize(
    ("suffix", "tables"), [("csv", tuple(TABLES)), ("xlsx", ("accounts",)), ("parquet", ("activities",))]
)
def test_exports_are_unchanged_when_imported_again(
    services: Services, tmp_path: Path, suffix: str, tables: tuple[str, ...]
) -> None:
    for table in tables:
        path = tmp_path / f"{table}.{suffix}"
        n_rows = exporting.export_table(services, OPERATOR, table, path)
        before = stored(services, table)
        report = importing.import_file(services, OPERATOR, table, path)
        assert n_rows == len(before) > 0
        assert (table, report.rows, *counts(report)) == (table, n_rows, 0, 0, 0, n_rows)
        assert stored(services, table) == before


@pytest.mark.usefixtures("company")
def test_same_files_again_change_nothing(services: Services, load: Any) -> None:
    before = {table: stored(services, table) for table in TABLES}
    owned = [services.associations.history(table) for table in ("accounts", "leads")]
    for table in TABLES:
        report = load(table, FILES[table])
        assert (table, report.accepted, report.unchanged) == (table, 0, report.rows)
    assert {table: stored(services, table) for table in TABLES} == before
    assert [services.associations.history(table) for table in ("accounts", "leads")] == owned


@pytest.mark.usefixtures("company")
def test_ids_that_differ_in_punctuation_only_are_two_records(services: Services) -> None:
    parents = {row["external_id"]: row["parent"] for row in stored(services, "accounts")}
    assert parents == {"A-1": None, "A1": "A-1", "A-3": "A-4", "A-4": None, None: None}


@pytest.mark.parametrize("table", ["accounts", "leads"])
def test_two_imports_of_one_file_at_once_make_its_rows_once(
    services: Services, plain: Services, tmp_path: Path, table: str
) -> None:
    path = tmp_path / "file.csv"
    path.write_text("name,state,country\nAcme One,CA,US\nBolt Two,NY,US\n")
    rivals = [importing.prepare(plain, table, path) for _ in range(2)]  # both before either writes
    reports = [
        importing.write(services, OPERATOR, one, file_name="f", digest="", progress=importing.quiet)
        for one in rivals
    ]
    assert [counts(report) for report in reports] == [(2, 0, 0, 0), (0, 0, 0, 2)]
    assert len(stored(services, table)) == 2


def test_import_goes_by_what_was_edited_after_it_was_checked(
    services: Services, plain: Services, tmp_path: Path
) -> None:
    [record] = services_accounts(services, [{"name": "Acme", "employees": 5.0}])
    path = tmp_path / "file.csv"
    path.write_text("id,name,employees\nA0,Acme,7\n")
    prepared = importing.prepare(plain, "accounts", path)
    crm.update_record(
        services, OPERATOR, table="accounts", record_id=record, values={"employees": 7.0}, version=1
    )
    report = importing.write(services, OPERATOR, prepared, file_name="f", digest="", progress=importing.quiet)
    assert counts(report) == (0, 0, 0, 1)


def services_accounts(services: Services, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    with services.records.transaction(OPERATOR, cause="test"):
        return services.records.write("accounts", accounts_table(rows))["id"].to_pylist()


@pytest.mark.usefixtures("company")
def test_owner_named_in_the_file_keeps_the_lead(services: Services, load: Any) -> None:
    reps = {row["name"]: row["id"] for row in stored(services, "reps")}
    owned, routed = sorted(places(services, "leads").values(), key=str)
    assert {owned, routed} == {("east", reps["Ben"], "import"), ("east", reps["Ben"], "rule")}
    load("leads", "id,name,owner\nL-1,Ann,ana@example.com\nL-2,Bob,\n")
    assert set(places(services, "leads").values()) == {
        ("west", reps["Ana"], "import"),
        ("east", reps["Ben"], "rule"),
    }
    kept = LeadAssociation.objects.get(lead__external_id="L-1", valid_to=None)
    assert kept.reason["sentence"] == "The imported file names Ana as the owner, a member of West."


def test_owner_in_no_territory_is_told_and_the_lead_routed(services: Services, load: Any) -> None:
    reps = add_reps(services)
    publish(services)
    text = "id,name,state,country,owner\nL-1,Ann,CA,US,cal@example.com\n"
    for accepted in (1, 0):
        report = load("leads", text)
        assert report.accepted == accepted
        assert [warning["code"] for warning in report.warnings] == ["owner-without-territory"]
    assert list(places(services, "leads").values()) == [("west", reps["ana"], "rule")]


@pytest.mark.usefixtures("company")
def test_contract_that_ends_before_it_starts_is_one_rejected_row(services: Services, load: Any) -> None:
    report = load(
        "contracts",
        "id,account,starts,ends\nC-2,A-1,2026-05-01,2026-04-01\nC-3,A-1,2026-05-01,2027-05-01\n"
        "C-1,A-1,2027-01-01,\n",
    )
    assert {error["row"]: error["code"] for error in report.errors}[2] == "ends-before-start"
    assert report.accepted == 1
    assert [row["external_id"] for row in stored(services, "contracts")] == ["C-1", "C-3"]


@pytest.mark.usefixtures("company")
def test_deal_that_closed_before_it_opened_is_told_and_taken(load: Any) -> None:
    report = load("opportunities", "id,account,stage,closed\nO-1,A-1,won,2025-12-31\n")
    assert report.accepted == 1
    assert [warning["code"] for warning in report.warnings] == ["ends-before-start"]


class TestUndo:
    def test_takes_back_what_was_made_and_changed_and_adds_history(
        self, services: Services, load: Any
    ) -> None:
        reps = add_reps(services)
        publish(services)
        load("accounts", "id,name,state,country\nA-1,Alpha,CA,US\n")
        before = stored(services, "accounts")[0]
        report = load("accounts", "id,name,state,country\nA-1,Alpha,NY,US\nA-2,Beta,NY,US\n")
        result = importing.undo_import(services, OPERATOR, report.run_id)
        assert result == {"deleted": 1, "restored": 1}
        [after] = stored(services, "accounts")
        assert {**after, "version": 1} == {**before, "version": 1}
        assert places(services) == {before["id"]: ("west", reps["ana"], "rule")}
        history = services.associations.history("accounts").to_pylist()
        assert [row["territory"] for row in history] == ["west", "east", "west"]

    def test_twice_is_refused(self, services: Services, load: Any) -> None:
        report = load("accounts", "id,name\nA-1,Alpha\n")
        importing.undo_import(services, OPERATOR, report.run_id)
        with pytest.raises(ConflictError, match="undone, not applied"):
            importing.undo_import(services, OPERATOR, report.run_id)

    def test_is_refused_after_an_edit(self, services: Services, load: Any) -> None:
        report = load("accounts", "id,name\nA-1,Alpha\n")
        [row] = stored(services, "accounts")
        crm.update_record(
            services,
            OPERATOR,
            table="accounts",
            record_id=row["id"],
            values={"name": "Alfa"},
            version=row["version"],
        )
        with pytest.raises(ConflictError) as caught:
            importing.undo_import(services, OPERATOR, report.run_id)
        assert caught.value.code == "changed-since"
        assert stored(services, "accounts")[0]["name"] == "Alfa"

    def test_is_refused_when_others_built_on_it(self, services: Services, load: Any) -> None:
        report = load("accounts", "id,name\nA-1,Alpha\n")
        load("contacts", "account,last name\nA-1,Doe\n")
        with pytest.raises(ConflictError) as caught:
            importing.undo_import(services, OPERATOR, report.run_id)
        assert caught.value.code == "used-since"
        assert Account.objects.count() == 1

    @pytest.mark.usefixtures("company")
    def test_gives_opportunities_their_stage_back_and_keeps_the_stage_history(
        self, services: Services, load: Any
    ) -> None:
        report = load("opportunities", "id,account,stage,amount\nO-1,A-1,won,7\nO-9,A-1,won,7\n")
        importing.undo_import(services, OPERATOR, report.run_id)
        deal = Opportunity.objects.get(external_id="O-1")
        assert (deal.stage, str(deal.amount)) == ("proposal", "100.10")
        stages = StageChange.objects.filter(opportunity=deal).order_by("changed_at", "id")
        assert list(stages.values_list("from_stage", "stage")) == [
            ("", "proposal"),
            ("proposal", "won"),
            ("won", "proposal"),
        ]
        assert not Opportunity.objects.filter(external_id="O-9").exists()

    @pytest.mark.usefixtures("company")
    def test_restores_values_of_every_kind(self, services: Services, load: Any) -> None:
        before = stored(services, "accounts")[0]
        report = load(
            "accounts",
            "id,name,revenue,employees,products of interest,customer since\nA-1,Other,2.25,99,P-9,2022-01-01\n",
        )
        changed = stored(services, "accounts")[0]
        assert changed["customer_since"] == date(2022, 1, 1)
        importing.undo_import(services, OPERATOR, report.run_id)
        assert {**stored(services, "accounts")[0], "version": 0} == {**before, "version": 0}


def test_applying_a_previewed_run_again_reports_what_the_first_did(plain: Services, tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("id,name\nA-1,Alpha\n")
    run = importing.preview_import(plain, OPERATOR, "accounts", path, file_name="file.csv").run_id
    assert run is not None
    first = importing.apply_import(plain, OPERATOR, run)
    kept = ImportRun.objects.get(pk=run)
    again = importing.apply_import(plain, OPERATOR, run)
    assert again["accepted"] == first["accepted"] == 1
    assert ImportRun.objects.get(pk=run).transaction == kept.transaction
    assert importing.undo_import(plain, OPERATOR, run) == {"deleted": 1, "restored": 0}


def test_instants_come_back_to_the_microsecond(services: Services, load: Any) -> None:
    load("leads", "id,name,received\nL-1,Ann,2026-01-05T10:00:00.123456Z\n")
    [row] = stored(services, "leads")
    assert row["received_at"] == datetime.fromisoformat("2026-01-05T10:00:00.123456+00:00")
