"""What people are told: in the app, and by mail where mail is set up."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from merestone.app.policy import SYSTEM, Actor
from merestone.app.services import Services
from merestone.base.errors import UnavailableError

MAX_TEXT = 500
MAILS_AT_ONCE = 50


def tell(
    services: Services, user_ids: Collection[int | None], *, kind: str, text: str, url: str, key: str
) -> int:
    """Tell these users something, once per key and user; returns how many were not told before.

    The caller holds a transaction.

    Parameters
    ----------
    user_ids : collection of int or None
        None is nobody.
    kind : str
        What it is about, for those who filter: ``review``, ``challenge``, ``approval`` …
    text : str
        A sentence or two.
    url : str
        Where to look, from the root of the site.
    key : str
        What was told: the same key tells a user nothing new.
    """
    known = sorted({user_id for user_id in user_ids if user_id is not None})
    short = text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"
    return services.notices.tell(known, kind=kind, text=short, url=url, key=key, at=services.clock.now())


def mark_read(services: Services, actor: Actor, *, ids: Collection[int] | None = None) -> int:
    """Mark one's own notices (default: all) as read; returns how many were not."""
    if actor.user_id is None:
        return 0
    with services.records.transaction(actor, cause="read notices"):
        return services.notices.mark_read(
            actor.user_id, None if ids is None else sorted(ids), at=services.clock.now()
        )


def mail_out(services: Services) -> int:
    """Send what nobody has read yet by mail, where mail is set up; returns how many mails. For the worker.

    A notice is marked before it is sent: a worker that dies in between sends it never, not twice.
    """
    if not services.mail.is_set_up:
        return 0
    with services.records.transaction(SYSTEM, cause="mail notices"):
        waiting = services.notices.take_unmailed(at=services.clock.now(), limit=MAILS_AT_ONCE)
    failed = [one["id"] for one in waiting if not _sent(services, one)]
    if failed:
        with services.records.transaction(SYSTEM, cause="mail server did not answer"):
            services.notices.give_back(failed)
    return len(waiting) - len(failed)


def _sent(services: Services, notice: Mapping[str, Any]) -> bool:
    link = services.mail.link(notice["url"]) if notice["url"] else ""
    text = "\n\n".join(
        part for part in (f"Hello {notice['name'] or notice['email']},", notice["text"], link) if part
    )
    try:
        services.mail.send(notice["email"], subject=notice["text"].splitlines()[0][:120], text=text)
    except UnavailableError:
        return False
    return True
