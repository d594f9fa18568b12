"""What a reading process and its reader say to each other."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator

import pyarrow as pa
import pytest

from merestone.connectors.files import frames


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a line that waits no longer than a moment."""
    ends = frames.pair()
    with ends[0], ends[1]:
        frames.wait_at_most(ends[1], 0.05)
        yield ends


def test_values_and_batches_arrive_as_sent(line: tuple[socket.socket, socket.socket]) -> None:
    table = pa.table({"a": range(300_000), "b": pa.array(["x", None, "y"] * 100_000).dictionary_encode()})
    frames.wait_at_most(line[1], 30)

    def send() -> None:
        frames.send_json(line[0], {"part": 0.5})
        for batch in table.to_batches():
            frames.send_batch(line[0], batch)
        frames.send_json(line[0], {"end": True})

    sender = threading.Thread(target=send)
    sender.start()
    assert frames.receive(line[1]) == {"part": 0.5}
    assert frames.receive(line[1]).equals(table)
    assert frames.receive(line[1]) == {"end": True}
    sender.join()


def test_a_line_that_is_closed_has_ended(line: tuple[socket.socket, socket.socket]) -> None:
    line[0].sendall(struct.pack("<cQ", b"J", 100) + b"only some")
    line[0].close()
    with pytest.raises(frames.Ended):
        frames.receive(line[1])


def test_a_line_closed_with_words_unheard_has_ended(line: tuple[socket.socket, socket.socket]) -> None:
    frames.send_json(line[1], "never heard")
    line[0].close()
    with pytest.raises(frames.Ended):
        frames.receive(line[1])
    with pytest.raises(ConnectionError):
        frames.send_json(line[1], "to nobody")


@pytest.mark.parametrize("said", [b"", b"J", struct.pack("<cQ", b"J", 100) + b"only some"])
def test_a_line_that_stays_open_and_silent_is_given_up(
    line: tuple[socket.socket, socket.socket], said: bytes
) -> None:
    line[0].sendall(said)
    with pytest.raises(frames.Silent):
        frames.receive(line[1])


def test_more_than_may_come_is_refused_before_it_is_read(line: tuple[socket.socket, socket.socket]) -> None:
    line[0].sendall(struct.pack("<cQ", b"B", 1 << 60))
    with pytest.raises(frames.TooLong):
        frames.receive(line[1], most_bytes=1 << 20)
