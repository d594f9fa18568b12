"""Actions: rule runs, moves, explanations, routing, models, reports, files."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from tests import builders
from tests.api.conftest import BASE, Caller, World

from merestone.app import jobs
from merestone.app.policy import OPERATOR
from merestone.db.models import Job


def done(world: World, job_id: int) -> dict[str, Any]:
    """Do a queued job here, as the worker would."""
    job = Job.objects.get(pk=job_id)
    return jobs.run(world.services, OPERATOR, job.kind, job.payload, lambda done, total, message: None)


class TestAssignment:
    def test_a_rule_run_of_what_is_right_changes_nothing(self, world: World, planner: Caller) -> None:
        assert planner("POST", "/assign", {}).json() == {"accounts": 4, "changed": 0, "queued": 2}
        some = planner("POST", "/assign", {"ids": [world.accounts["west"]]})
        assert some.json() == {"accounts": 1, "changed": 0, "queued": 0}

    def test_a_move_stays_through_rule_runs_until_it_is_given_back(
        self, world: World, manager: Caller
    ) -> None:
        one = world.accounts["nowhere"]
        moved = manager("POST", f"/accounts/{one}/move", {"territory": "east", "reason": "Ben knows them"})
        assert moved.json() == {"accounts": 1, "changed": 1, "queued": 0}
        manager("POST", "/assign", {})
        account = manager.get(f"/accounts/{one}").json()
        assert (account["owner"], account["cause"]) == ("Ben", "manual")
        assert "Ben knows them" in account["reason"]["sentence"]
        manager("POST", f"/accounts/{one}/move", {"territory": None})
        assert manager.get(f"/accounts/{one}").json()["owner"] is None

    def test_many_move_at_once_or_none(self, world: World, manager: Caller) -> None:
        ids = [world.accounts["nowhere"], world.accounts["vacant"]]
        none = manager("POST", "/accounts/move", {"ids": [*ids, 999_999], "territory": "east", "reason": "x"})
        assert none.status_code == 404
        assert {row["owner"] for row in manager.items("/queue")} == {None}
        all_of_them = manager("POST", "/accounts/move", {"ids": ids, "territory": "east", "reason": "x"})
        assert all_of_them.json()["changed"] == 2
        assert manager.items("/queue") == []

    def test_a_move_from_where_the_account_is_no_more_is_refused(self, world: World, manager: Caller) -> None:
        one, other = world.accounts["nowhere"], world.accounts["vacant"]
        nowhere = {"territory": "us", "owner": None}
        asked = {"territory": "east", "reason": "x", "seen": nowhere}
        assert manager("POST", f"/accounts/{one}/move", asked).status_code == 200
        late = manager("POST", f"/accounts/{one}/move", {**asked, "territory": "vacant"})
        assert (late.status_code, late.json()["code"]) == (409, "places-changed")
        seen, now = late.json()["difference"][f"account {one}"]
        assert (seen, now["territory"]) == ({**nowhere, "owner_name": None}, "east")
        many = {"ids": [one, other], "territory": "east", "reason": "x", "seen": {one: nowhere}}
        assert manager("POST", "/accounts/move", many).status_code == 409

    @pytest.mark.parametrize(
        ("body", "where"),
        [
            ({"territory": "never", "reason": "x"}, "territory"),
            ({"territory": "east", "reason": " "}, "reason"),
            ({"reason": "x"}, "territory"),
        ],
    )
    def test_a_move_that_makes_no_sense_is_refused(
        self, world: World, manager: Caller, body: dict[str, Any], where: str
    ) -> None:
        response = manager("POST", f"/accounts/{world.accounts['west']}/move", body)
        assert response.status_code == 422
        assert response.json()["problems"][0]["where"] == where

    def test_a_rep_does_not_assign(self, world: World, rep: Caller) -> None:
        body = {"territory": "west", "reason": "mine"}
        assert rep("POST", f"/accounts/{world.accounts['west']}/move", body).status_code == 403
        assert rep("POST", "/assign", {}).status_code == 403

    def test_an_explanation_says_why_and_why_not(self, world: World, planner: Caller) -> None:
        answer = planner.get(f"/accounts/{world.accounts['west']}/explain?why_not=east").json()
        assert answer["winner"] == "west"
        assert answer["why_not"]["territory"] == "east"
        assert planner.get(f"/accounts/{world.accounts['west']}/explain?why_not=never").status_code == 404
        lead = planner.get(f"/leads/{world.leads['west']}/explain?why_not=east").json()
        for one in (answer, lead):
            [change] = one["why_not"]["record"]["changes"]
            assert (change["field"], change["from"], change["to"]) == ("state", "CA", "NY")
            ways = [edit["to"] for way in one["why_not"]["rules"] for edit in way["edits"]]
            assert "state in ('NY', 'MA', 'CA')" in ways

    def test_a_routed_lead_keeps_its_owner_however_often_it_is_routed(
        self, world: World, planner: Caller
    ) -> None:
        one = world.leads["west"]
        for _ in range(2):
            assert planner("POST", f"/leads/{one}/route").json() == {"leads": 0, "routed": 0, "queued": 0}
        assert planner.get(f"/leads/{one}").json()["owner"] == "Ana"


class TestModels:
    def test_a_document_goes_out_and_in_without_a_change(self, planner: Caller) -> None:
        document = planner.get("/models/m1/document").json()
        assert document["model"]["key"] == "m1"
        planning = document | {"model": document["model"] | {"key": "m2", "name": "Model two"}}
        assert planner("POST", "/models?dry_run=true", planning).json()["is_new"] is True
        assert planner("POST", "/models", planning).json() == {
            "key": "m2",
            "territories": 4,
            "changed": True,
            "failing_cases": [],
        }
        assert planner("POST", "/models", planning).json()["changed"] is False
        assert planner.get("/models/m2/document").json() == planning
        assert {row["key"] for row in planner.items("/models?state=planning")} == {"m2"}

    def test_an_active_model_is_not_edited(self, planner: Caller) -> None:
        document = planner.get("/models/m1/document").json()
        document["territories"][1]["where"] = "state = 'OR'"
        assert planner("POST", "/models", document).status_code == 409

    def test_all_that_is_wrong_with_a_document_comes_at_once(self, planner: Caller) -> None:
        bad = builders.document(
            [
                {"key": "a", "name": "A", "where": "stat = 'CA'"},
                {"key": "b", "name": "B", "where": "employees > 'x'"},
            ],
            key="bad",
        )
        response = planner("POST", "/models", bad)
        assert response.status_code == 422
        assert len(response.json()["problems"]) >= 2

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b'{"merestone": NaN}', b"[" * 100_000, b"\xff"])
    def test_what_is_no_json_object_is_refused(self, world: World, planner: Caller, body: bytes) -> None:
        response = planner.client.post(
            BASE + "/models", body, content_type="application/json", headers=planner.headers
        )
        assert (response.status_code, response.json()["code"]) == (400, "unreadable")

    def test_publishing_is_a_job(self, world: World, planner: Caller) -> None:
        document = planner.get("/models/m1/document").json()
        document["model"]["key"] = "m2"
        document["territories"][1]["where"] = "state in ('CA', 'WA', 'FL')"
        planner("POST", "/models", document)
        taken = planner("POST", "/models/m2/publish")
        assert taken.status_code == 202
        done(world, taken.json()["job"])
        assert planner.get(f"/accounts/{world.accounts['nowhere']}").json()["owner"] == "Ana"
        assert planner("POST", "/models/never/publish").status_code == 404

    def test_models_are_for_those_who_plan(self, manager: Caller) -> None:
        assert manager.get("/models/m1/document").status_code == 403
        assert manager("POST", "/models", {}).status_code == 403

    def test_a_territory_tells_its_rule_and_its_people(self, planner: Caller) -> None:
        west = planner.get("/territories/west").json()
        assert west["criteria"] == "state in ('CA', 'WA')"
        assert "state" in west["rule"].lower()
        assert [(member["rep"], member["role"]) for member in west["members"]] == [("Ana", "owner")]


class TestReports:
    def test_balance_sums_to_the_cent(self, planner: Caller) -> None:
        answer = planner.get("/balance").json()
        assert sum(float(row["potential"]) for row in answer["territories"]) == 10_000
        assert answer["spread"]["accounts"]["gini"] == 0
        (top,) = planner.get("/balance?depth=0").json()["territories"]
        assert (top["territory"], top["potential"]) == ("us", "10000.00")
        assert planner.get("/balance?under=us").status_code == 200

    def test_a_scorecard_per_territory(self, planner: Caller) -> None:
        card = planner.get("/scorecard?from=2026-01-01&to=2027-01-01").json()
        assert {"west", "east", "vacant"} <= {row["territory"] for row in card["territories"]}

    @pytest.mark.parametrize(
        "query",
        [
            "",
            "?from=2026-01-01",
            "?from=2026-01-01&to=2026-01-01",
            "?from=x&to=y",
            "?from=0001-01-01&to=9999-12-31",
        ],
    )
    def test_a_period_that_makes_no_sense_is_refused(self, planner: Caller, query: str) -> None:
        assert planner.get(f"/scorecard{query}").status_code == 400

    @pytest.mark.parametrize("query", ["?depth=-1", "?depth=x", "?under=never"])
    def test_a_level_that_makes_no_sense_is_refused(self, planner: Caller, query: str) -> None:
        assert planner.get(f"/balance{query}").status_code == 400


def upload(
    caller: Caller, content: bytes, *, name: str = "new.csv", table: str = "accounts", **more: str
) -> Any:
    """Upload a file."""
    data = {"file": SimpleUploadedFile(name, content), "table": table, **more}
    return caller.client.post(BASE + "/imports", data, headers=caller.headers)


FILE = b"ID,Name,State,Country,Employees\nN-1,Nova,CA,US,12\nN-2,Bad,CA,US,-3\nA-west,West Brewing,,,10\n"


class TestFiles:
    def test_a_file_is_previewed_applied_and_taken_back(self, world: World, planner: Caller) -> None:
        preview = upload(planner, FILE)
        assert preview.status_code == 201, preview.content
        report = preview.json()
        assert (report["rows"], report["accepted"], report["rejected"], report["unchanged"]) == (3, 1, 1, 1)
        run = report["run_id"]
        assert preview["Location"] == f"{BASE}/imports/{run}"
        assert len(planner.items("/accounts")) == 4, "a preview writes nothing"
        assert planner.get(f"/imports/{run}").json()["state"] == "previewed"
        (error,) = [row for row in planner.items(f"/imports/{run}/errors") if row["is_rejection"]]
        assert (error["row"], error["column"]) == (3, "Employees")
        done(world, planner("POST", f"/imports/{run}/apply").json()["job"])
        (nova,) = planner.items("/accounts?external_id=N-1")
        assert (nova["owner"], nova["employees"]) == ("Ana", 12)
        assert planner("POST", f"/imports/{run}/undo").json() == {"deleted": 1, "restored": 0}
        assert planner.items("/accounts?external_id=N-1") == []
        assert planner("POST", f"/imports/{run}/undo").status_code == 409

    def test_a_mapping_of_ones_own_is_used(self, planner: Caller) -> None:
        mapping = '{"columns": {"ID": "external_id", "Name": "name", "State": null, "Country": null, "Employees": null}}'
        report = upload(planner, FILE, mapping=mapping).json()
        assert (report["accepted"], report["rejected"], report["unchanged"]) == (2, 0, 1)

    @pytest.mark.parametrize(
        "mapping", ["{", "[]", "1", '{"columns": 3}', '{"columns": {"ID": 7}}', "[" * 100_000]
    )
    def test_a_mapping_that_is_none_is_refused(self, planner: Caller, mapping: str) -> None:
        assert upload(planner, FILE, mapping=mapping).status_code == 422

    def test_damaged_files_and_unknown_tables_are_refused(self, planner: Caller) -> None:
        assert upload(planner, b"PK\x03\x04 not a zip", name="x.xlsx").status_code in (400, 422)
        assert upload(planner, b"", name="x.csv").status_code in (400, 422)
        assert upload(planner, FILE, table="secrets").status_code == 400
        assert upload(planner, FILE, name="../../etc/passwd.csv").status_code == 201
        nothing = planner.client.post(BASE + "/imports", {"table": "accounts"}, headers=planner.headers)
        assert nothing.status_code == 422
        assert planner.items("/imports")[0]["file_name"] == "passwd.csv"

    def test_imports_are_for_those_who_import(self, world: World, planner: Caller, manager: Caller) -> None:
        assert upload(manager, FILE).status_code == 403
        run = upload(planner, FILE).json()["run_id"]
        assert manager("POST", f"/imports/{run}/apply").status_code == 403
        assert planner("POST", "/imports/999999/apply").status_code == 404

    @pytest.mark.parametrize("fmt", ["csv", "xlsx", "parquet"])
    def test_what_goes_out_comes_in_unchanged(self, planner: Caller, fmt: str) -> None:
        response = planner.get(f"/export/reps.{fmt}")
        assert response.status_code == 200
        assert response["Content-Disposition"] == f'attachment; filename="reps.{fmt}"'
        report = upload(planner, response.content, name=f"reps.{fmt}", table="reps").json()
        assert (report["rows"], report["unchanged"]) == (4, 4), report["errors"]

    def test_exports_follow_the_lists_filters(self, planner: Caller) -> None:
        text = planner.get("/export/accounts.csv?state=CA").content.decode("utf-8-sig")
        assert len(text.splitlines()) == 2
        assert planner.get("/export/accounts.csv?sate=CA").status_code == 400
        assert planner.get("/export/accounts.exe").status_code == 404
        assert planner.get("/export/secrets.csv").status_code == 404

    def test_an_export_is_a_file_that_can_be_read(self, planner: Caller) -> None:
        import pyarrow.parquet as pq

        table = pq.read_table(io.BytesIO(planner.get("/export/reps.parquet").content))
        assert table.num_rows == 4
