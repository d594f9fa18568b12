"""The file of a kept table: Arrow IPC behind a digest, mapped into memory; whatever is wrong with it, it is no file.

Files are written under another name and renamed: a reader has the old one or the new one, whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

MAGIC = b"MERESTONE-KEPT-1"
HEAD = 64  # the magic and the digest, padded: Arrow wants its buffers aligned
META = b"merestone"


def write_kept(path: Path, table: pa.Table, meta: Mapping[str, Any]) -> None:
    """Write a table with a few words about it; a folder that cannot be written to keeps none."""
    sink = pa.BufferOutputStream()
    described = table.replace_schema_metadata({META: json.dumps(meta).encode()})
    with pa.ipc.new_file(sink, described.schema) as writer:
        writer.write_table(described)
    body = sink.getvalue()
    head = (MAGIC + hashlib.sha256(body).digest()).ljust(HEAD, b"\0")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(head)
                file.write(body)
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)


def read_kept(path: Path) -> tuple[pa.Table, dict[str, Any]] | None:
    """Return a table and the words about it; None when there is no such file, or it is damaged or of another format."""
    try:
        whole = pa.memory_map(str(path)).read_buffer()
        head, body = whole.slice(0, HEAD).to_pybytes(), whole.slice(HEAD)
        if head != (MAGIC + hashlib.sha256(body).digest()).ljust(HEAD, b"\0"):
            return None
        table = pa.ipc.open_file(pa.BufferReader(body)).read_all()
        return table, json.loads(table.schema.metadata[META])
    except (OSError, pa.ArrowException, ValueError, KeyError, TypeError):
        return None
