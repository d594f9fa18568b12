"""What a reading process and its reader say to each other: frames of a kind, a length and that many bytes.

``J`` is a JSON value, ``B`` one batch of rows as an Arrow IPC stream of its own. The length comes first, so that the
receiver reads a batch into one buffer and uses it where it lies. They talk over a pair of sockets and not over pipes:
only of a socket can many bytes be read in one call, and a thread that calls often waits often for the interpreter.
"""

from __future__ import annotations

import json
import socket
import struct
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import pyarrow as pa

_HEAD = struct.Struct("<cQ")
_AT_ONCE = 8 * 1024 * 1024  # bytes; less than any time-out takes


class Ended(Exception):
    """The other side closed the line."""


class Silent(Exception):
    """The other side said nothing for too long."""


class TooLong(Exception):
    """The other side announced more than it may send."""


def pair() -> tuple[socket.socket, socket.socket]:
    """Return the two ends of a line."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)


def wait_at_most(line: socket.socket, seconds: float) -> None:
    """Let ``receive`` give up on a line that says nothing for so long."""
    line.setsockopt(
        socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", *divmod(round(seconds * 1e6), 1_000_000))
    )


def send_json(line: socket.socket, value: Any) -> None:
    """Send a JSON value; BrokenPipeError or ConnectionResetError when nobody listens."""
    body = json.dumps(value).encode()
    line.sendall(_HEAD.pack(b"J", len(body)) + body)


def send_batch(line: socket.socket, batch: pa.RecordBatch) -> None:
    """Send rows, from where they lie."""
    import pyarrow as pa

    measured = pa.MockOutputStream()
    _write(measured, batch)
    with line.makefile("wb") as file:
        file.write(_HEAD.pack(b"B", measured.size()))
        _write(file, batch)


def _write(sink: pa.NativeFile | BinaryIO, batch: pa.RecordBatch) -> None:
    import pyarrow as pa

    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)


def receive(line: socket.socket, *, most_bytes: int = 1 << 32) -> Any:
    """Return the next frame: a JSON value, or a table for a batch.

    Raises
    ------
    Ended, Silent, TooLong
        The line was closed, nothing came for too long, or a frame is longer than ``most_bytes``.
    """
    kind, length = _HEAD.unpack(_filled(line, bytearray(_HEAD.size)))
    if length > most_bytes:
        raise TooLong
    if kind == b"J":
        return json.loads(_filled(line, bytearray(length)))
    import pyarrow as pa  # who only asks for a file need not wait for it

    body = _filled(line, pa.allocate_buffer(length))
    with pa.ipc.open_stream(body) as reader:
        return reader.read_all()


def _filled(line: socket.socket, body: Any) -> Any:
    rest = memoryview(body)
    while rest:
        try:
            n_read = line.recv_into(rest[:_AT_ONCE], flags=socket.MSG_WAITALL)
        except BlockingIOError:
            raise Silent from None
        except ConnectionError:
            raise Ended from None
        if not n_read:
            raise Ended
        rest = rest[n_read:]
    return body
