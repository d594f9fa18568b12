"""From an API token to the actor who holds it."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import DatabaseError, connection, transaction

from merestone.app.admin import TOKEN_MARK, token_digest
from merestone.app.policy import Actor, Right
from merestone.db.models import ApiToken
from merestone.db.queries.actors import actor_of_user

logger = logging.getLogger(__name__)

PREFIX_LENGTH = len(TOKEN_MARK) + 8
USE_NOTED_EVERY = timedelta(minutes=1)
KNOWN_RIGHTS = {right.value: right for right in Right}


def actor_of_token(token: str, *, now: datetime) -> tuple[Actor, str] | None:
    """Return the actor a token stands for and the token's prefix; None when it is not valid (any more).

    The actor has the role of the token's user, limited to the token's scopes.
    """
    if not token.startswith(TOKEN_MARK) or "\x00" in token:
        return None
    row = ApiToken.objects.select_related("user").filter(prefix=token[:PREFIX_LENGTH]).first()
    # An unknown prefix is compared too, so that the answer takes as long.
    is_right = hmac.compare_digest(row.digest if row else "0" * 64, token_digest(token))
    if row is None or not is_right:
        return None
    if row.revoked_at is not None or row.expires_at <= now or not row.user.is_active:
        return None
    note_use(row, now=now)
    label = f"token:{row.name} ({row.user.email})"
    return replace(actor_of_user(row.user), scopes=scopes_of(row.scopes), label=label), row.prefix


def scopes_of(words: Iterable[str]) -> frozenset[Right]:
    """Return the rights a token is limited to; unknown words give nothing."""
    return frozenset(KNOWN_RIGHTS[word] for word in words if word in KNOWN_RIGHTS)


def note_use(row: ApiToken, *, now: datetime) -> None:
    """Keep when the token was last used, at most once a minute, and never at the cost of the request."""
    if row.last_used_at is not None and now - row.last_used_at < USE_NOTED_EVERY:
        return
    try:
        with _without_waiting(), transaction.atomic():
            ApiToken.objects.filter(pk=row.pk).update(last_used_at=now)  # the audit log leaves it out
    except DatabaseError:  # somebody writes just now: the next request notes it
        logger.debug("The use of token %s was not noted", row.prefix, exc_info=True)


class _without_waiting:  # noqa: N801 - reads as a phrase
    """On SQLite there is one writer: a read must not wait behind a long import to note its token."""

    def __enter__(self) -> None:
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA busy_timeout = 0")

    def __exit__(self, *_: object) -> None:
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA busy_timeout = 20000")
