"""What a file is, decided by its content; the suffix only helps where the content says nothing."""

from __future__ import annotations

import codecs
import csv
from collections import Counter
from pathlib import Path

from merestone.base.errors import InvalidInputError, Problem

DELIMITERS = (",", ";", "\t", "|")
DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OTHERS = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"GIF8", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"SQLite format 3", "an SQLite database"),
    (b"ARROW1", "an Arrow file"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"{\\rtf", "a rich-text document"),
)
_ENCODINGS = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "mac_roman"),
    *("shift_jis", "euc_jp", "euc_kr", "gb18030", "big5"),
)
_WESTERN = {"cp1250", "cp1252", "cp1254", "mac_roman"}
_SUFFIXES = {
    ".csv": "csv", ".tsv": "csv", ".tab": "csv", ".txt": "csv", ".xlsx": "xlsx", ".xlsm": "xlsx", ".xlsb": "xlsx",
    ".xls": "xls", ".ods": "ods", ".parquet": "parquet", ".pq": "parquet",
}  # fmt: skip


def refuse(code: str, message: str, fix: str = "", *, where: str = "") -> InvalidInputError:
    """Return the error for a file that cannot be read at all."""
    return InvalidInputError(message, [Problem(code, message, fix, where)], code=code, fix=fix)


def detect_format(path: Path, name: str) -> str:
    """Return ``csv``, ``zip``, ``xls`` or ``parquet`` for the content of a file.

    Raises
    ------
    InvalidInputError
        ``empty-file``, ``unknown-format``.
    """
    with path.open("rb") as file:
        head = file.read(4096)
    if not head.strip(b"\x00 \t\r\n"):
        raise refuse(
            "empty-file", f"The file {name!r} is empty.", "Choose a file with a header row and data."
        )
    if head.startswith(b"PK"):
        return "zip"
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return "xls"
    if head.startswith(b"PAR1"):
        return "parquet"
    _refuse_other_kinds(head, name)
    return "csv"


def wrong_suffix(name: str, fmt: str) -> Problem | None:
    """Return a note when the file's suffix promises another kind of content."""
    promised = _SUFFIXES.get(Path(name).suffix.lower(), "")
    if not promised or promised == fmt:
        return None
    kind = {"csv": "delimited text", "xlsx": "an Excel workbook", "xls": "an old Excel workbook"}.get(
        fmt, fmt
    )
    return Problem("wrong-suffix", f"The file {name!r} holds {kind}, whatever its name says; read as such.")


def detect_encoding(data: bytes, name: str) -> tuple[str, Problem | None]:
    """Return the encoding of a text file and a note when it had to be guessed.

    A byte-order mark decides; else valid UTF-8; else UTF-16 by its zero bytes; else the most likely code page.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return encoding, None
    head = data[:65536]
    zeros = head.count(0)
    if zeros * 4 > len(head):
        return _utf16_without_mark(head, name), None
    if zeros * 100 > len(head):
        raise _binary(name)
    if _is_utf8(data):
        return "utf-8", None
    encoding = _guess(data)
    note = Problem(
        "encoding-guessed",
        f"The file {name!r} is not UTF-8; it was read as {encoding}.",
        "Check names with accents, and name the encoding when they are wrong.",
    )
    return encoding, note


def detect_delimiter(sample: str, name: str) -> str:
    """Return the delimiter under which the first records agree best on a number of cells above one.

    Raises
    ------
    InvalidInputError
        ``wrong-delimiter`` when none fits but the header shows another one.
    """
    if sample[:4].lower() == "sep=" and len(sample) > 4 and sample[4] not in "\r\n":
        return sample[4]
    scores = {delimiter: _score(sample, delimiter) for delimiter in DELIMITERS}
    best = max(DELIMITERS, key=lambda delimiter: scores[delimiter])
    if scores[best] > (0.0, 0):
        return best
    lines = [line for line in sample.splitlines() if line.strip()][:20]
    for odd in "^~¦:#\x1f\x01":
        if lines and len({line.count(odd) for line in lines}) == 1 and lines[0].count(odd) >= 1:
            raise refuse(
                "wrong-delimiter",
                f"The cells of {name!r} seem to be separated by {odd!r}; found one column: {lines[0][:80]!r}.",
                f"Name the delimiter {odd!r}, or save the file with commas, semicolons, tabs or bars.",
                where="row 1",
            )
    return ","


def _score(sample: str, delimiter: str) -> tuple[float, int]:
    rows: list[int] = []
    try:
        for row in csv.reader(sample.splitlines(keepends=True), delimiter=delimiter):
            if row:
                rows.append(len(row))
            if len(rows) == 200:
                break
    except csv.Error:
        pass
    if not rows:
        return (0.0, 0)
    cells, n_rows = Counter(rows).most_common(1)[0]
    if cells < 2:
        cells, n_rows = rows[0], Counter(rows)[rows[0]]
    if cells < 2:
        return (0.0, 0)
    # The header's own count weighs as much as a fifth of the rows: prose in a notes column has commas too.
    agreement = n_rows / len(rows) + 0.2 * (rows[0] == cells)
    return (round(agreement, 1), cells)


def _is_utf8(data: bytes) -> bool:
    """Tell valid UTF-8, and damaged UTF-8: more good multi-byte characters than bad bytes."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("utf-8", "surrogateescape")
        bad = sum("\udc80" <= char <= "\udcff" for char in _rare(text))
        good = sum(char > "\x7f" for char in _rare(text)) - bad
        return good > bad
    return True


def _rare(text: str) -> str:
    return (
        text.encode("utf-8", "surrogatepass")
        .translate(None, bytes(range(128)))
        .decode("utf-8", "surrogatepass")
    )


def _guess(data: bytes) -> str:
    from charset_normalizer import from_bytes  # slow to import, rarely needed

    lines = [line for line in data[: 16 * 1024 * 1024].splitlines() if not line.isascii()][:400]
    best = from_bytes(b"\n".join(lines)[:60_000], cp_isolation=list(_ENCODINGS)).best()
    guess = best.encoding if best else "cp1252"
    if guess in _WESTERN:
        return "cp1252"
    return guess


def _utf16_without_mark(head: bytes, name: str) -> str:
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if head[:16].count(0) < 4:  # a plain header, then zero bytes
        raise _binary(name)
    if odd > 4 * even:
        return "utf-16-le"
    if even > 4 * odd:
        return "utf-16-be"
    raise _binary(name)


def _binary(name: str) -> InvalidInputError:
    return refuse(
        "unknown-format",
        f"The file {name!r} holds zero bytes: it is no text, Excel or Parquet file.",
        "Save it as CSV (UTF-8), Excel or Parquet.",
    )


def _refuse_other_kinds(head: bytes, name: str) -> None:
    kind = next((kind for magic, kind in _OTHERS if head.startswith(magic)), "")
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()[:200].lower()
    if start.startswith((b"<!doctype html", b"<html", b"<table")):
        kind = "a web page"
    elif start.startswith(b"<?xml"):
        kind = "an XML document"
    elif start.startswith((b'{"', b"[{", b"{\n", b"{ ")):
        kind = "a JSON document"
    if kind:
        raise refuse(
            "unknown-format",
            f"The file {name!r} is {kind}, not a table.",
            "Save it as CSV, Excel (.xlsx) or Parquet; unpack archives first.",
        )
