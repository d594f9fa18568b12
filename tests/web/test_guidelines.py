"""Pages of rules of engagement and training."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from merestone.app import guidelines
from merestone.app.policy import OPERATOR
from merestone.web.markdown import html_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "[x](data:text/html,hi)",
        "[x](//evil.example)",
        "[x](/\\evil.example)",
        "![x](https://evil.example/pixel.png)",
        "<img src=x onerror=alert(1)>",
        "<javascript:alert(1)>",
    ],
)
def test_markdown_gives_no_script_no_picture_and_no_strange_link(text: str) -> None:
    html = html_of(text)
    assert not any(word in html for word in ("<script", "<img", 'href="javascript', 'href="data', 'href="//', 'href="/\\', 'href="/%5C'))  # fmt: skip


def test_markdown_has_no_styles_and_marks_links_out() -> None:
    html = html_of("# A\n\n| a |\n|--:|\n| 1 |\n\n[x](https://example.com) [y](/territories/)")
    assert "style=" not in html
    assert '<td class="end">' in html
    assert "<h3>A</h3>" in html
    assert html.count("noopener") == 1


def test_rep_reads_confirms_and_is_asked_no_more(company, as_role: Callable[[str], Client]) -> None:
    made = guidelines.save_guidelines(company.services, OPERATOR, "# Be kind", territory="us")
    rep = as_role("rep")
    assert b"Rules of engagement: United States" in rep.get("/").content
    assert b"<h3>Be kind</h3>" in rep.get(f"/guidelines/{made}/").content
    assert rep.post(f"/guidelines/{made}/acknowledge/").status_code == 302
    assert b"Rules of engagement: United States" not in rep.get("/").content
    page = as_role("manager").get(f"/guidelines/{made}/").content.decode()
    assert "1 of 2" in page
    assert "Who has read it" not in rep.get(f"/guidelines/{made}/").content.decode()


def test_text_of_a_hidden_territory_answers_as_one_that_is_not_there(
    company, as_role: Callable[[str], Client]
) -> None:
    made = guidelines.save_guidelines(company.services, OPERATOR, "East", territory="east")
    rep = as_role("rep")
    hidden, missing = rep.get(f"/guidelines/{made}/"), rep.get("/guidelines/99999/")
    assert hidden.status_code == missing.status_code == 404
    assert rep.get("/guidelines/edit/?territory=east").status_code == 404
    assert rep.post(f"/guidelines/{made}/acknowledge/").status_code == 404


def test_planner_writes_versions_and_compares_them(company, as_role: Callable[[str], Client]) -> None:
    planner = as_role("planner")
    url = "/guidelines/edit/?territory=west"
    first = planner.post(url, {"text": "One", "must_be_acknowledged": "on", "base": "0"})
    assert first.status_code == 302
    assert planner.post(url, {"text": "Other", "base": "0"}).status_code == 409
    version = int(first["Location"].rstrip("/").rpartition("/")[2])
    second = planner.post(url, {"text": "Two", "must_be_acknowledged": "on", "base": str(version)})
    page = planner.get(f"{second['Location']}?against=1").content.decode()
    assert "Version 2 against version 1" in page
    assert 'class="gone"' in page
    assert as_role("rep").get(url).status_code == 403


def test_training_is_made_done_and_shown_to_the_manager(company, as_role: Callable[[str], Client]) -> None:
    planner, rep = as_role("planner"), as_role("rep")
    made = planner.post("/training/new/", {"title": "Prices", "territory": "us", "due_on": "2020-01-01"})
    assert made.status_code == 302, made.content
    assert b"Prices" in rep.get("/").content
    assert "overdue" in as_role("manager").get("/training/").content.decode()
    assert rep.post(made["Location"] + "done/").status_code == 302
    assert b"Prices" not in rep.get("/").content
    assert rep.get("/training/new/").status_code == 403
    for page in ("/guidelines/", "/training/", made["Location"]):
        assert as_role("planner").get(page).status_code == 200
