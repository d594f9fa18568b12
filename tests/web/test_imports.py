"""The import wizard from upload to undo."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

GOOD_AND_BAD = """Account Number;Company Name;State;Zip;Country;Employees
N-1;Quarry Optics;CO;80202;USA;120
N-2;Fern Labs;Texas;78701;US;-5
N-1;Quarry Optics;CO;80202;USA;120
"""


def upload(client: Client, text: str | bytes = GOOD_AND_BAD, *, name: str = "accounts.csv") -> Any:
    data = text.encode() if isinstance(text, str) else text
    return client.post("/imports/new/", {"table": "accounts", "file": SimpleUploadedFile(name, data)})


def columns_of(client: Client) -> dict[str, str]:
    """Return the columns form as it is shown."""
    rows = client.get("/imports/new/columns/").context["rows"]
    return {f"column-{row['place']}": row["match"].target or "" for row in rows}


def preview(client: Client) -> str:
    upload(client)
    return client.post("/imports/new/columns/", columns_of(client))["Location"]


def total(client: Client) -> int:
    return client.get("/accounts/").context["page"].total


def test_wizard_maps_checks_imports_and_undoes(planner: Client) -> None:
    assert upload(planner)["Location"] == "/imports/new/columns/"
    form = columns_of(planner)
    assert list(form.values()) == ["external_id", "name", "state", "postal_code", "country", "employees"]
    page = planner.post("/imports/new/columns/", form)["Location"]
    run = planner.get(page).context["run"]
    assert (run.n_rows, run.n_accepted, run.n_rejected, run.n_duplicates) == (3, 1, 1, 1)
    assert total(planner) == 4
    planner.post(f"{page}apply/")
    assert planner.get(page).context["run"].state == "applied"
    assert total(planner) == 5
    planner.post(f"{page}undo/")
    assert planner.get(page).context["run"].state == "undone"
    assert total(planner) == 4


def test_columns_left_out_that_every_row_needs_are_told(planner: Client) -> None:
    upload(planner)
    form = columns_of(planner) | {"column-1": ""}
    response = planner.post("/imports/new/columns/", form)
    assert response.status_code == 422
    assert [problem.code for problem in response.context["problems"]] == ["missing-required"]


def test_columns_can_be_changed_after_the_check(planner: Client) -> None:
    page = preview(planner)
    form = {
        f"column-{place}": name for place, name in enumerate(["external_id", "name", "state", "", "", ""])
    }
    assert planner.post(f"{page}mapping/", form)["Location"] == page
    run = planner.get(page).context["run"]
    assert (run.n_accepted, run.n_rejected) == (2, 0)


def test_rejected_rows_come_back_as_a_file(planner: Client) -> None:
    page = preview(planner)
    text = b"".join(planner.get(f"{page}rejected/csv/").streaming_content).decode()
    assert "Fern Labs" in text
    assert "Quarry Optics" not in text
    assert "errors" in text.splitlines()[0]


def test_file_that_is_no_table_is_told_at_once(planner: Client) -> None:
    response = upload(planner, b"\x00\x01\x02PK broken", name="accounts.xlsx")
    assert response.status_code == 422
    assert response.context["problem"].code
    assert total(planner) == 4


def test_missing_file_is_told(planner: Client) -> None:
    assert planner.post("/imports/new/", {"table": "accounts"}).status_code == 422


def test_long_file_goes_to_the_worker(planner: Client) -> None:
    rows = "\n".join(f"L-{number};Long {number};CA" for number in range(2_100))
    upload(planner, f"Account Number;Company Name;State\n{rows}\n")
    page = planner.post("/imports/new/columns/", columns_of(planner))["Location"]
    planner.post(f"{page}apply/")
    planner.post(f"{page}apply/")  # a second press queues nothing more
    jobs = planner.get("/jobs/").context["page"]
    assert jobs.total == 1
    assert "Waiting for the worker" in planner.get(f"{page}progress/").text
