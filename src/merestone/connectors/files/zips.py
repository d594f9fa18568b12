"""Looks into zip-based files before any parser does: bombs, locked members, documents with entities."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from merestone.connectors.files.limits import MIB, Limits
from merestone.connectors.files.sniff import refuse

_VALUED = re.compile(rb'<c r="([A-Z]{1,3})(\d{1,7})"[^>]*(?<!/)>')
_ERROR = re.compile(
    rb'<c r="([A-Z]{1,3})(\d{1,7})"[^>]*\bt="e"[^>]*>(?:<f[^>]*>[^<]*</f>|<f[^>]*/>)?<v>([^<]*)</v>'
)
_UNCOMPUTED = re.compile(
    rb'<c r="([A-Z]{1,3})(\d{1,7})"[^>]*>(?:<f[^>]*>([^<]*)</f>|<f[^>]*/>)(?:<v></v>|<v/>)?</c>'
)
_CHUNK = MIB
_LONGEST_CELL = 8 * MIB


@dataclass
class SheetScan:
    """What a sheet's XML says before it is loaded.

    Parameters
    ----------
    first_column, last_column, last_row : int
        0-based column and 1-based row bounds of the cells with content.
    errors : dict
        (row, column) of cells whose value is an error such as ``#REF!``.
    uncomputed : dict
        (row, column) of formulas without a computed value.
    n_formulas : int
        Formulas with a computed value.
    """

    first_column: int = 1 << 20
    last_column: int = -1
    last_row: int = 0
    errors: dict[tuple[int, int], str] = field(default_factory=dict)
    uncomputed: dict[tuple[int, int], str] = field(default_factory=dict)
    n_formulas: int = 0


def open_checked(path: Path, name: str, limits: Limits) -> zipfile.ZipFile:
    """Return the opened archive after its table of contents passed the limits.

    Raises
    ------
    InvalidInputError
        ``unreadable-file``, ``encrypted-file``, ``zip-bomb``, ``unsafe-xml``.
    """
    try:
        archive = zipfile.ZipFile(path)
        members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise refuse(
            "unreadable-file",
            f"The file {name!r} is damaged or incomplete: {error}.",
            "Download or export it again.",
        ) from error
    if len(members) > limits.zip_members:
        raise _bomb(name, f"it packs {len(members):,} files, at most {limits.zip_members:,} are read")
    if any(member.flag_bits & 1 for member in members):
        raise encrypted(name)
    unpacked = sum(member.file_size for member in members)
    packed = max(1, sum(member.compress_size for member in members))
    if unpacked > limits.unpacked_bytes:
        raise _bomb(
            name,
            f"it unpacks to {unpacked / MIB:,.0f} MiB, at most {limits.unpacked_bytes / MIB:,.0f} are read",
        )
    if unpacked > 64 * MIB and unpacked / packed > limits.unpack_ratio:
        raise _bomb(
            name,
            f"it unpacks to {unpacked // packed:,} times its size, at most {limits.unpack_ratio} is read",
        )
    _refuse_entities(archive, members, name)
    return archive


def encrypted(name: str) -> Exception:
    """Return the error for a file locked by a password."""
    return refuse(
        "encrypted-file",
        f"The file {name!r} is protected by a password.",
        "Open it, remove the password (File, Info, Protect), and save it again.",
    )


def _bomb(name: str, why: str) -> Exception:
    return refuse(
        "zip-bomb",
        f"The file {name!r} was not opened: {why}.",
        "Keep only the sheet with the data, or save that sheet as CSV.",
    )


def _refuse_entities(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], name: str) -> None:
    for member in members:
        if not member.filename.lower().endswith((".xml", ".rels")):
            continue
        try:
            with archive.open(member) as file:
                head = file.read(4096)
        except (
            zipfile.BadZipFile,
            OSError,
            NotImplementedError,
            ValueError,
            EOFError,
            RuntimeError,
        ) as error:
            raise refuse(
                "unreadable-file",
                f"The part {member.filename!r} of {name!r} is damaged: {error}.",
                "Download or export it again.",
            ) from error
        except Exception as error:  # zlib.error and lzma.LZMAError share no parent
            raise refuse(
                "unreadable-file", f"The part {member.filename!r} of {name!r} is damaged: {error}."
            ) from error
        if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
            raise refuse(
                "unsafe-xml",
                f"The part {member.filename!r} of {name!r} defines XML entities, which no spreadsheet program writes.",
                "Open it in a spreadsheet program and save it again.",
            )


def sheet_paths(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return the member of each sheet of an xlsx workbook by the sheet's name."""
    book = ElementTree.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314 - entities were refused
    rels = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
    targets = {rel.get("Id", ""): rel.get("Target", "") for rel in rels}
    paths = {}
    for element in book.iter():
        if not element.tag.endswith("}sheet"):
            continue
        rid = next((value for key, value in element.attrib.items() if key.endswith("}id")), "")
        target = targets.get(rid, "")
        paths[element.get("name", "")] = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    return paths


def scan_sheet(archive: zipfile.ZipFile, member: str, *, name: str, limits: Limits) -> SheetScan:
    """Return what a sheet spans and which of its cells hold no value, in one pass over its XML."""
    scan = SheetScan()
    size, carry = 0, b""
    with archive.open(member) as file:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            if size > limits.unpacked_bytes:
                raise _bomb(name, "a sheet unpacks to more than the file says")
            data = carry + chunk
            start, end = data.rfind(b"<c "), data.rfind(b"</c>")
            cut = start if start > end else (end + 4 if end >= 0 else max(0, len(data) - 16))
            if start > end and len(data) - start > _LONGEST_CELL:
                raise refuse(
                    "cell-too-long",
                    f"A cell of {name!r} is longer than {limits.cell_chars:,} characters.",
                    "Shorten it.",
                )
            _scan_cells(data[:cut], scan)
            carry = data[cut:]
            if start <= end and len(carry) > _LONGEST_CELL:
                carry = carry[-16:]
    _scan_cells(carry, scan)
    return scan


def _scan_cells(data: bytes, scan: SheetScan) -> None:
    cells = _VALUED.findall(data)
    if not cells:
        return
    columns = {_index(column) for column in {column for column, _ in cells}}
    scan.first_column = min(scan.first_column, *columns)
    scan.last_column = max(scan.last_column, *columns)
    scan.last_row = max(scan.last_row, max(int(row) for row in {row for _, row in cells}))
    if b'"e"' in data:
        for column, row, value in _ERROR.findall(data):
            scan.errors[int(row), _index(column)] = value.decode("utf-8", "replace")
    if b"<f" in data:
        found = _UNCOMPUTED.findall(data)
        scan.n_formulas += data.count(b"<f>") + data.count(b"<f ") - len(found)
        for column, row, formula in found:
            scan.uncomputed[int(row), _index(column)] = "=" + formula.decode("utf-8", "replace")


def _index(letters: bytes) -> int:
    index = 0
    for letter in letters:
        index = index * 26 + letter - 64
    return index - 1
