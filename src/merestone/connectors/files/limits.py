"""How much an uploaded file may ask of this machine."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one file; whatever passes one of them is refused with a clear error.

    Parameters
    ----------
    file_bytes : int
        Size of the file itself.
    unpacked_bytes : int
        Sum over the members of a zip-based file (xlsx, ods), and the size of what the parser may hand back.
    unpack_ratio : int
        Unpacked by packed size, looked at only above 64 MiB unpacked.
    zip_members, columns, rows : int
        Counts.
    cells : int
        Rows times columns that a sheet spans, empty cells included.
    cell_chars : int
        Length of one cell in characters.
    memory_bytes : int
        Address space of the process that parses.
    cpu_seconds, wall_seconds : int
        Time of that process.
    """

    file_bytes: int = 512 * MIB
    unpacked_bytes: int = 2048 * MIB
    unpack_ratio: int = 100
    zip_members: int = 2_000
    columns: int = 1_000
    rows: int = 2_000_000
    cells: int = 60_000_000
    cell_chars: int = 100_000
    memory_bytes: int = 4096 * MIB
    cpu_seconds: int = 120
    wall_seconds: int = 180
