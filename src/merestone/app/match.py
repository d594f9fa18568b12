"""Starts ``match``: a file is on its way before the program has loaded what matches it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from merestone.base.memory import collecting_paused

if TYPE_CHECKING:
    from merestone.app import ports
    from merestone.app.matching_files import Local


def match_files(
    local: Local,
    *,
    rules: Path,
    records: str | Path,
    out: str | Path,
    all_matches: bool = False,
    engine: str = "kernel",
    master: str | None = None,
    strict: bool = False,
    progress: ports.Progress | None = None,
) -> dict[str, Any]:
    """Write ``id``, ``territory`` (empty = unassigned queue) and more per record; returns the counts and what was odd.

    Parameters
    ----------
    rules, records, out : Path
        Model document; CSV, Parquet, JSON or Excel file with a column of ids; the file to write, by its suffix.
    all_matches : bool
        Write ``id``, ``territory``, ``is_winner``, ``is_overlay`` per match instead.
    engine : str
        ``kernel``, ``duckdb`` or ``spark``; all give the same.
    master : str, optional
        Of the Spark cluster.
    strict : bool
        Refuse a file with cells that cannot be read as their kind, instead of counting them as missing.
    progress : callable, optional
        Told (records done, records in all or 0, text).

    Raises
    ------
    InvalidInputError
        The rules or the file cannot be read; with ``strict``, every bad cell.
    """
    if engine == "spark":
        from merestone.app.matching_files import match_on_cluster

        return match_on_cluster(
            local,
            rules=rules,
            records=str(records),
            out=str(out),
            all_matches=all_matches,
            master=master,
            progress=progress,
        )
    with closing(local.files.open_records(Path(records))) as source:
        with collecting_paused():
            from merestone.app.matching_files import match_opened  # loads while the file's reader starts

        return match_opened(
            local,
            source,
            rules=rules,
            name=Path(records).name,
            out=out,
            all_matches=all_matches,
            engine=engine,
            strict=strict,
            progress=progress,
        )
