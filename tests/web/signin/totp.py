"""Codes as an authenticator app makes them (RFC 6238)."""

from __future__ import annotations

import base64
import hmac
import struct
import time


def code_of(secret: str, *, steps: int = 0) -> str:
    """Return the code of a secret now, or some steps of 30 seconds later."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30 + steps), "sha1").digest()
    place = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[place : place + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"
