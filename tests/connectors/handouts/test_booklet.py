"""Hand-outs as PDF: what stands on which page, names in all Latin letters, and the same bytes every time."""

from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO

import pytest
from tests.pdf_text import pages_of

from merestone.app.handout import HandOut
from merestone.connectors.handouts import HandOutWriter
from merestone.connectors.handouts.lettering import PLAIN, fitted, width, wrapped, written


def pdf(writer: HandOutWriter, hand_out: HandOut, paper: str = "letter") -> bytes:
    target = BytesIO()
    writer.write(hand_out, target, fmt="pdf", paper=paper)
    return target.getvalue()


@pytest.fixture(scope="module")
def data(writer: HandOutWriter, hand_out: HandOut) -> bytes:
    """The whole scenario as PDF."""
    return pdf(writer, hand_out)


@pytest.fixture(scope="module")
def pages(data: bytes) -> list[str]:
    """What is written on each page."""
    return pages_of(data)


def test_every_page_says_which_it_is_and_that_nothing_is_live(pages: list[str]) -> None:
    assert len(pages) > 4
    for number, page in enumerate(pages, start=1):
        lines = page.splitlines()
        assert f"{number} of {len(pages)}" in lines
        assert "Planned, not live" in lines


def test_cover_comes_first_then_managers_with_their_territories_then_the_rest(pages: list[str]) -> None:
    titles = ("Spring “tour”", "Territories of Mia Müller", "Ohio", "Empty")
    at = [next(n for n, page in enumerate(pages) if title in page.splitlines()[2:5]) for title in titles]
    assert at == sorted(at)
    rest = next(
        n for n, page in enumerate(pages) if "The territory with the longest name" in page.split("\n")[2]
    )
    assert rest > at[-1]


def test_names_in_all_latin_letters_are_written_as_they_are(pages: list[str]) -> None:
    text = "\n".join(pages)
    for name in ("Łódź Tools & Ägypten GmbH", "Owner: Ana Őrsi · Manager: Mia Müller", "=cmd|'/C calc'!A0"):
        assert name in text
    assert "�" not in text
    assert "?? Trading" in text


def test_long_tables_are_cut_and_say_how_many_more_there_are(pages: list[str]) -> None:
    text = "\n".join(pages)
    assert "and 60 more, see the workbook" in text  # 100 accounts, 40 shown
    assert "and 5 more, see the workbook" in text  # 30 leave, 25 shown
    assert "and 4 more, see the workbook" in text  # 12 places, 8 shown


def test_where_reads_like_a_sentence(pages: list[str]) -> None:
    ohio = next(page for page in pages if "All of" in page.splitlines())
    lines = ohio.splitlines()
    assert lines[lines.index("All of") + 1] == "Ohio"
    assert lines[lines.index("In Indiana:") + 1] == "Allen, Adams"


def test_a_territory_without_a_county_says_so(pages: list[str]) -> None:
    empty = next(page for page in pages if "Empty" in page.splitlines()[2:5])
    for words in ("No county is planned here.", "No county.", "No account."):
        assert words in empty


def test_the_same_content_gives_the_same_bytes(writer: HandOutWriter, hand_out: HandOut, data: bytes) -> None:
    assert pdf(writer, hand_out) == data


def test_document_has_title_language_date_bookmarks_and_only_embedded_fonts(data: bytes) -> None:
    assert b"/Lang (en)" in data
    assert b"/DisplayDocTitle true" in data
    assert b"/CreationDate (D:20261124093000" in data
    assert (
        len(re.findall(rb"/Title \(", data)) == 1 + 5
    )  # the document, the cover, a manager, three territories
    assert data.count(b"/FontFile2") == data.count(b"/FontDescriptor /") + data.count(
        b"/Type /FontDescriptor"
    )
    assert b"/Helvetica" not in data


def test_nothing_is_written_beyond_the_edge(writer: HandOutWriter, hand_out: HandOut) -> None:
    for paper, wide in (("letter", 612), ("a4", 595)):
        data = pdf(writer, hand_out, paper)
        assert re.search(rb"/MediaBox \[ 0 0 " + str(wide).encode(), data)


def test_one_territory_has_no_cover_and_no_manager(writer: HandOutWriter, hand_out: HandOut) -> None:
    one = replace(hand_out, scope="territory", part="Ohio", sheets=hand_out.sheets[:1])
    pages = pages_of(pdf(writer, one))
    assert "Ohio" in pages[0].splitlines()[2]
    assert "Territories of" not in "\n".join(pages)


def test_letters_without_a_glyph_become_the_nearest_that_has_one() -> None:
    assert written("Łódź ő ș ß Ελλάς Жук") == "Łódź ő ș ß Ελλάς Жук"
    assert written("a\u0308  b\n") == "ä b"
    assert written("ḧ") == "h"
    assert written("漢") == "?"
    assert written("a\u200bb") == "ab"


def test_text_is_never_wider_than_its_room() -> None:
    for text in ("short", "W" * 300, "many words " * 40, "", "漢" * 50):
        for room in (20.0, 75.0, 300.0):
            assert width(fitted(text, PLAIN, 9, room), PLAIN, 9) <= room
            assert all(width(line, PLAIN, 9) <= room for line in wrapped(text, PLAIN, 9, room))
