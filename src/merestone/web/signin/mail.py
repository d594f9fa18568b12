"""Mail, sent beside the answer: how long a mail server takes must not tell whether an e-mail is known."""

from __future__ import annotations

import logging
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

logger = logging.getLogger(__name__)

_pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mail")
_under_way: set[Future[None]] = set()


def send_later(message: Any) -> None:
    """Send a rendered message soon; a mail server that fails is noted in the log."""
    sending = _pool.submit(_send, message)
    _under_way.add(sending)
    sending.add_done_callback(_under_way.discard)


def finish() -> None:
    """Wait until all is sent."""
    wait(set(_under_way))


def _send(message: Any) -> None:
    try:
        message.send()
    except OSError:
        logger.warning("A mail was not sent: %s", message.subject, exc_info=True)
