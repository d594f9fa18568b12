"""The pages of the reference say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.docs import codes
from tests.docs.pages import cells, first_column, section, text_of

import make_reference
import merestone
from merestone.core.rules import document
from merestone.core.rules.document import read_document

DOCUMENT_KEYS = {
    "top": document._TOP,
    "model": document._MODEL,
    "type": document._TYPE,
    "territory": document._TERRITORY,
    "member": document._MEMBER,
    "case": document._CASE,
}


@pytest.mark.parametrize("name", ["commands.md", "columns.md"])
def test_pages_made_from_the_code_are_up_to_date(name):
    assert text_of(name) == make_reference.pages()[name], "run .venv/bin/python scripts/make_reference.py"


def test_every_command_has_an_example():
    page = text_of("commands.md")
    assert page.count("\n## merestone ") == page.count("\nExample: `merestone ") > 10


def test_settings_are_those_the_program_reads():
    package = Path(merestone.__file__).parent
    read = {
        name
        for path in package.rglob("*.py")
        for name in re.findall(r"MERESTONE_[A-Z_]*[A-Z]", path.read_text(encoding="utf-8"))
    }
    assert set(first_column(text_of("settings.md"))) == read
    assert len(read) > 5


def test_every_error_code_is_told():
    told = {*first_column(text_of("errors.md")), *first_column(text_of("criteria.md"))}
    raised = codes.raised() | codes.choices()
    assert raised - told == set(), "add these codes to docs/reference/errors.md"
    assert len(raised) > 150


def test_every_told_error_code_is_in_the_source():
    told = first_column(text_of("errors.md"))
    assert set(told) - codes.literals() - codes.choices() == set()
    assert len(told) == len(set(told))


@pytest.mark.parametrize("part", DOCUMENT_KEYS)
def test_the_page_on_documents_names_every_key(part):
    rows = [
        cells(line)[0].strip("`")
        for line in section(text_of("model-document.md"), part).splitlines()[3:]
        if line
    ]
    assert sorted(rows) == sorted(DOCUMENT_KEYS[part])


def test_a_document_with_every_key_told_is_read():
    member = {"rep": "ana@example.com", "role": "owner", "from": "2027-01-01", "to": "2028-01-01"}
    territory = {
        "key": "us", "name": "United States", "parent": None, "type": "geo", "where": "country = 'US'", "priority": 100,
        "members": [member], "named": ["A-1"], "exclude": ["A-2"], "notes": "All of it.",
        "cases": [{"record": {"country": "US"}, "expect": "match"}], "guidelines": "Call first.", "acknowledge": True,
    }  # fmt: skip
    data = {
        "merestone": 1,
        "model": {"key": "fy27", "name": "FY27", "effective": "2027-01-01"},
        "fields": {"tier": "text"},
        "areas": {},
        "lists": {"top": ["a"]},
        "types": [{"key": "geo", "name": "Geography", "primary": True}],
        "territories": [territory],
        "policies": {"opportunities": {"policy": "follow"}},
        "guidelines": "Be kind.",
        "acknowledge": False,
    }
    assert set(data) == set(DOCUMENT_KEYS["top"])
    assert set(territory) == set(DOCUMENT_KEYS["territory"])
    assert read_document(data).territories[0].name == "United States"
