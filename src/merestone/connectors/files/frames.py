"""What a reading process and its reader say to each other: frames of a kind, a length and that many bytes.

``J`` is a JSON value, ``B`` one batch of rows as an Arrow IPC stream of its own. The length comes first, so that the
receiver reads a batch into one buffer and uses it where it lies.
"""

from __future__ import annotations

import json
import os
import select
import struct
import time
from typing import Any

import pyarrow as pa

_HEAD = struct.Struct("<cQ")


class Ended(Exception):
    """The other side closed the pipe."""


class Silent(Exception):
    """The other side said nothing for too long."""


class TooLong(Exception):
    """The other side announced more than it may send."""


def send_json(pipe: int, value: Any) -> None:
    """Send a JSON value."""
    _send(pipe, b"J", json.dumps(value).encode())


def send_batch(pipe: int, batch: pa.RecordBatch) -> None:
    """Send rows."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    _send(pipe, b"B", memoryview(sink.getvalue()))


def _send(pipe: int, kind: bytes, body: bytes | memoryview) -> None:
    _write(pipe, _HEAD.pack(kind, len(body)))
    _write(pipe, body)


def _write(pipe: int, data: bytes | memoryview) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(pipe, rest) :]


def receive(pipe: int, *, seconds: float | None = None, most_bytes: int = 1 << 32) -> Any:
    """Return the next frame: a JSON value, or a table for a batch.

    Raises
    ------
    Ended, Silent, TooLong
        The pipe was closed, nothing came for ``seconds``, or a frame is longer than ``most_bytes``.
    """
    kind, length = _HEAD.unpack(_read(pipe, _HEAD.size, seconds))
    if length > most_bytes:
        raise TooLong
    body = _read(pipe, length, seconds)
    if kind == b"J":
        return json.loads(body)
    with pa.ipc.open_stream(pa.py_buffer(body)) as reader:
        return reader.read_all()


def _read(pipe: int, n_bytes: int, seconds: float | None) -> bytearray:
    body = bytearray(n_bytes)
    rest = memoryview(body)
    while rest:
        _wait(pipe, seconds)
        n_read = os.readv(pipe, [rest])
        if not n_read:
            raise Ended
        rest = rest[n_read:]
    return body


def _wait(pipe: int, seconds: float | None) -> None:
    if seconds is None:
        return
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    until = time.monotonic() + seconds
    while not poll.poll(max(0.0, until - time.monotonic()) * 1000):
        if time.monotonic() >= until:
            raise Silent
