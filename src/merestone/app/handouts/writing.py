"""Hand-outs as files, and what the files are called."""

from __future__ import annotations

import re
import unicodedata
import zipfile
from dataclasses import replace
from io import BytesIO
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from merestone.app.handout import FORMATS, PAPERS, HandOut
from merestone.app.services import Services
from merestone.base.errors import UsageError

_LONGEST = 80


def write(
    services: Services, hand_out: HandOut, target: BinaryIO, *, fmt: str = "pdf", paper: str = PAPERS[0]
) -> None:
    """Write a hand-out as a file.

    Raises
    ------
    UsageError
        ``unknown-format``; ``bad-choice`` for a paper there is none of.
    """
    if fmt not in FORMATS:
        raise UsageError(
            f"'{fmt[:40]}' is no format of hand-outs.",
            code="unknown-format",
            fix=f"Use {', '.join(FORMATS)}.",
        )
    if paper not in PAPERS:
        raise UsageError(f"'{paper[:40]}' is no paper.", code="bad-choice", fix=f"Use {' or '.join(PAPERS)}.")
    services.hand_outs.write(hand_out, target, fmt=fmt, paper=paper)


def file_name(hand_out: HandOut, fmt: str) -> str:
    """Return a name for the file: of the scenario, the part and the day, in letters every system takes."""
    words = [hand_out.key] if hand_out.scope == "all" else [hand_out.key, hand_out.part]
    text = unicodedata.normalize("NFKD", "-".join(words)).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", text).strip("-")[:_LONGEST].strip("-") or "hand-out"
    return f"{slug}-{hand_out.made_on:%Y-%m-%d}.{fmt}"


def write_each(services: Services, hand_out: HandOut, target: BinaryIO, *, paper: str = PAPERS[0]) -> None:
    """Write a zip archive: a PDF and a workbook for each territory of a hand-out, each without the others' accounts.

    Raises
    ------
    UsageError
        ``bad-choice`` for a paper there is none of.
    """
    moment = hand_out.made_on.timetuple()[:6]
    with zipfile.ZipFile(target, "w") as archive:
        for position, sheet in enumerate(hand_out.sheets):
            alone = only(hand_out, position)
            for fmt in FORMATS:
                buffer = BytesIO()
                write(services, alone, buffer, fmt=fmt, paper=paper)
                name = zipfile.ZipInfo(f"{sheet.number + 1:03d}-{file_name(alone, fmt)}", date_time=moment)
                archive.writestr(name, buffer.getvalue())  # both kinds are compressed already


def only(hand_out: HandOut, position: int) -> HandOut:
    """Return the hand-out of one territory of a larger one."""
    sheet = hand_out.sheets[position]
    rows = np.concatenate([sheet.rows, sheet.leaving])
    n = len(sheet.rows)
    alone = replace(sheet, rows=np.arange(n), leaving=np.arange(n, len(rows)))
    return replace(
        hand_out,
        scope="territory",
        part=sheet.name,
        sheets=(alone,),
        managers=(),
        accounts=hand_out.accounts.take(pa.array(rows, pa.int64())),
    )
