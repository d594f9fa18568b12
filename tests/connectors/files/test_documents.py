"""Model documents as files: both formats, references, hostile input, and text made for git."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.core.rules.documents import documents

from merestone.base.errors import InvalidInputError, NotFoundError
from merestone.connectors.files.documents import read_document_file, read_document_text, write_document_text
from merestone.core.rules import read_document, write_document

EXAMPLE = """\
merestone: 1
model: {key: fy27, name: FY27 North America, effective: 2027-01-01}
fields: {tier: text, score: number}
areas:
  bay: {type: Polygon, coordinates: [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
lists:
  bay-zips: ['94002', '94005']
types:
  - {key: geo, name: Geography, primary: true}
  - {key: ai, name: AI overlay, primary: false}
territories:
  - {key: us, name: United States, type: geo, where: "country = 'US'"}
  - key: us-west-smb
    parent: us
    where: "state in ('CA','OR','WA') and employees < 250"
    priority: 10
    members:
      - {rep: ana@example.com, role: owner, from: 2027-01-01}
    named: [A-1001]
    exclude: [A-2002]
    cases:
      - {record: {country: US, state: CA, employees: 20}, expect: match}
"""


def refused(text: str, **options: object) -> list[tuple[str, int | None, int | None]]:
    with pytest.raises(InvalidInputError) as caught:
        read_document_text(text, **options)  # type: ignore[arg-type]
    return [(problem.code, problem.line, problem.column) for problem in caught.value.problems]


def test_a_document_written_as_we_write_it_comes_back_to_the_letter():
    data = read_document_text(EXAMPLE)
    assert write_document_text(data) == EXAMPLE
    assert write_document_text(write_document(read_document(data))) == EXAMPLE


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=25, deadline=None)
@given(documents())
def test_every_document_survives_both_formats(document):
    data = write_document(document)
    for fmt in ("yaml", "json"):
        text = write_document_text(data, fmt=fmt)
        assert read_document_text(text, fmt=fmt) == data
        assert write_document_text(read_document_text(text, fmt=fmt), fmt=fmt) == text


_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**17), 10**17),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.sampled_from(
        [
            "no",
            "ON",
            "~",
            "02134",
            "1e3",
            "0x1F",
            "1_000",
            "12:30",
            "2026-01-31",
            ".inf",
            "- a",
            "a: b",
            "a #b",
            " a",
        ]
    ),
)
_values = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["notes", "types", "territories", "x y"]), _values, min_size=1))
def test_any_plain_data_survives_yaml(data):
    assert read_document_text(write_document_text(data)) == data


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_other_yaml_readers_see_the_same_text(text):
    written = write_document_text({"notes": text, "flow": {"a": [text]}})
    assert yaml.safe_load(written) == {"notes": text, "flow": {"a": [text]}}


def test_words_mean_what_sales_people_mean():
    text = "states: [NO, ON, yes, CA]\nzips: [02134, 94002, 1_000, 0x1F, 12:30]\nrest: [true, null, ~, 1.5, -3, 1e3, 2026-01-31]\nNO: 1\n"
    assert read_document_text(text) == {
        "states": ["NO", "ON", "yes", "CA"],
        "zips": ["02134", 94002, "1_000", "0x1F", "12:30"],
        "rest": [True, None, None, 1.5, -3, 1000.0, "2026-01-31"],
        "NO": 1,
    }


def test_long_lists_and_long_texts_make_readable_lines():
    data = {
        "merestone": 1,
        "lists": {"z": [str(number) for number in range(10_000, 10_025)]},
        "territories": [{"key": "a", "where": "country = 'US'\nand state = 'CA'", "notes": "One.\n\nTwo.\n"}],
    }
    text = write_document_text(data)
    assert read_document_text(text) == data
    assert max(map(len, text.splitlines())) <= 100
    assert "    where: |-\n      country = 'US'\n      and state = 'CA'\n" in text.replace(
        "  - key: a\n", "  - key: a\n"
    )
    assert not any(line != line.rstrip() for line in text.splitlines())


def test_adding_a_territory_adds_only_its_lines():
    data = read_document_text(EXAMPLE)
    more = data | {
        "territories": [data["territories"][0], {"key": "new", "where": "a = 1"}, *data["territories"][1:]]
    }
    old, new = (write_document_text(version).splitlines() for version in (data, more))
    assert [line for line in new if line not in old] == [
        "  - {key: new, where: a = 1}".replace("a = 1", "'a = 1'")
    ]
    assert len(new) == len(old) + 1


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: {x: 1, y: 2, x: 3}\na: 2\n", [("duplicate-name", 2, 17), ("duplicate-name", 3, 1)]),
        ("a: [1,\nb: 2\n", [("bad-yaml", 3, 1)]),
        ("a: 'x\n", [("bad-yaml", 2, 1)]),
        ("a: \x01", [("bad-yaml", None, None)]),
        ("a: 1\n---\nb: 1\n", [("many-documents", 2, 1)]),
        ("? [a]\n: 1\n", [("bad-name", 1, 3)]),
        ("a: !!python/object/apply:os.system [x]\n", [("bad-tag", 1, 4)]),
        ("a: &a [1, *a]\n", [("bad-alias", 1, 11)]),
        ("a: *b\n", [("bad-alias", 1, 4)]),
        ("", [("bad-document", None, None)]),
        ("- a\n", [("bad-document", None, None)]),
        ("[" * 100_000, [("document-too-deep", 1, 65)]),
        ("- " * 100_000, [("document-too-deep", 1, 129)]),
    ],
)
def test_wrong_yaml_is_refused_with_its_place(text, expected):
    assert refused(text) == expected


def test_aliases_are_read():
    assert read_document_text("a: &x [1, 2]\nb: *x\nc: &y z\nd: *y\n") == {
        "a": [1, 2],
        "b": [1, 2],
        "c": "z",
        "d": "z",
    }


def test_an_alias_bomb_is_refused():
    lines = ["a0: &a0 [" + ", ".join(["x"] * 10) + "]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 10) + "]" for n in range(1, 12)]
    ((code, line, _),) = refused("\n".join(lines))
    assert code == "document-too-large"
    assert line == 7  # the sixth tenfold passes two million values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1,}', [("bad-json", 1, 9)]),
        ('{"a": NaN}', [("bad-json", None, None)]),
        ('{"a": "\\ud800"}', [("bad-json", None, None)]),
        ("[" * 100_000, [("bad-json", None, None)]),
        ('{"a": 1, "a": 2, "b": {"c": 1, "c": 2}}', [("duplicate-name", None, None)] * 2),
        ("[]", [("bad-document", None, None)]),
    ],
)
def test_wrong_json_is_refused(text, expected):
    assert refused(text, fmt="json") == expected


# --- files ------------------------------------------------------------------------------------------------------------

SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "model"
    (root / "areas").mkdir(parents=True)
    (root / "lists").mkdir()
    (root / "areas/bay.geojson").write_text(json.dumps(SQUARE))
    (root / "lists/named.csv").write_text("\ufeffAccount ID;Name\nA-1;Acme\n\n A-2 ;'x'\n", encoding="utf-8")
    (root / "lists/plain.csv").write_text("94002\n02134\n")
    (tmp_path / "secret.json").write_text("{}")
    return root


def write(folder: Path, text: str, name: str = "model.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_references_are_read_in(folder):
    text = "areas: {bay: areas/bay.geojson, own: {type: Point}}\nlists: {a: lists/named.csv, b: lists/plain.csv, c: [x]}\n"
    assert read_document_file(write(folder, text)) == {
        "areas": {"bay": SQUARE, "own": {"type": "Point"}},
        "lists": {"a": ["A-1", "A-2"], "b": ["94002", "02134"], "c": ["x"]},
    }


def test_json_files_refer_to_files_too(folder):
    path = write(folder, json.dumps({"areas": {"bay": "areas/bay.geojson"}}), "model.json")
    assert read_document_file(path)["areas"]["bay"] == SQUARE


@pytest.mark.parametrize(
    "reference",
    [
        "../secret.json",
        "/etc/passwd",
        "areas/../../secret.json",
        "link.json",
        "C:\\x.json",
        "..\\secret.json",
    ],
)
def test_a_reference_may_not_leave_the_folder(folder, reference):
    (folder / "link.json").symlink_to(folder.parent / "secret.json")
    path = write(folder, json.dumps({"areas": {"bay": reference}}), "model.json")
    with pytest.raises(InvalidInputError) as caught:
        read_document_file(path)
    assert [(problem.code, problem.where) for problem in caught.value.problems] == [
        ("path-escape", "areas/bay")
    ]


def test_all_wrong_references_are_reported(folder):
    (folder / "areas/broken.geojson").write_text('{"type": ')
    (folder / "lists/latin.csv").write_bytes("Zürich\n".encode("latin-1"))
    text = "areas: {a: areas/none.geojson, b: areas/broken.geojson, c: areas}\nlists: {d: lists/latin.csv}\n"
    with pytest.raises(InvalidInputError) as caught:
        read_document_file(write(folder, text))
    assert [(problem.code, problem.where) for problem in caught.value.problems] == [
        ("missing-file", "areas/a"),
        ("bad-json", "areas/b"),
        ("unreadable-file", "areas/c"),
        ("bad-encoding", "lists/d"),
    ]


def test_text_without_a_folder_may_not_refer_to_files():
    assert refused("areas: {a: x.json}") == [("no-folder", None, None)]


def test_a_missing_document_is_told(tmp_path):
    with pytest.raises(NotFoundError, match="nothing"):
        read_document_file(tmp_path / "nothing.yaml")


def test_a_document_that_is_not_utf8_is_refused(tmp_path):
    path = tmp_path / "m.yaml"
    path.write_bytes(b"a: 1\nb: Z\xfcrich\n")
    with pytest.raises(InvalidInputError) as caught:
        read_document_file(path)
    assert (caught.value.problems[0].code, caught.value.problems[0].line) == ("bad-encoding", 2)


def test_a_huge_file_is_refused_unread(tmp_path):
    path = tmp_path / "m.yaml"
    with path.open("wb") as file:
        file.truncate(2_000_000_000)  # sparse
    with pytest.raises(InvalidInputError) as caught:
        read_document_file(path)
    assert caught.value.problems[0].code == "document-too-large"
