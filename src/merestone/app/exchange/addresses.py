"""Web, mail and phone addresses, lightly checked."""

from __future__ import annotations

import re

from merestone.app.exchange.texts import is_no_value
from merestone.app.exchange.values import Read

_HOST = re.compile(r"^(?=.{4,253}$)(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_](?:[\w-]{0,61}[^\W_])$")
_EMAIL = re.compile(r"^[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s.,;<>]{2,}$")
_PHONE_CHARS = re.compile(r"^[-+()\d\s./,;#*:xXextEXTloc&~]+$")

PLAIN_DOMAIN = (
    r"^(?:https?://)?(?:www\.)?((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,20})(?:/[^\s]*)?$"
)
"""Lower-case web addresses that need no second look; the host is group 1. ``read_domain`` agrees on them."""
PLAIN_PHONE = r"^\+?(?:[\s().-]*\d){4,20}$"
"""Phone numbers that need no second look."""


def read_domain(text: str) -> Read:
    """Return the bare host of a web address, without ``www.``; what is no address is left out with a warning."""
    if is_no_value(text):
        return Read()
    host = re.sub(r"^[a-z][a-z0-9+.-]*:/*", "", text.strip().lower())
    host = re.split(r"[/?#\\ ]", host, maxsplit=1)[0].rsplit("@", 1)[-1]
    host = host.split(":", 1)[0].strip(".")
    bare = host.removeprefix("www.").strip(".")
    host = bare if "." in bare else host  # www.com is somebody's domain
    if _HOST.match(host):
        return Read(host)
    return Read(
        code="bad-domain",
        message=f"{text[:80]!r} is no web address; left out.",
        fix="Write it as example.com.",
        is_error=False,
    )


def read_email(text: str) -> Read:
    """Return the mail address with its host in lower case."""
    if is_no_value(text):
        return Read()
    bare = re.sub(r"^.*<([^<>]+)>$", r"\1", text.strip()).removeprefix("mailto:")
    if not _EMAIL.match(bare):
        return Read(
            code="bad-email",
            message=f"{text[:80]!r} is no e-mail address.",
            fix="Write it as name@example.com.",
        )
    local, host = bare.rsplit("@", 1)
    return Read(f"{local}@{host.lower()}")


def read_phone(text: str) -> Read:
    """Return the phone number as written; one without enough digits is kept with a warning."""
    if is_no_value(text):
        return Read()
    if sum(char.isdigit() for char in text) >= 4 and _PHONE_CHARS.match(text):
        return Read(text)
    return Read(
        text,
        code="odd-phone",
        message=f"{text[:80]!r} does not look like a phone number; kept.",
        is_error=False,
    )
