"""Mail through the server named in ``MERESTONE_MAIL``; links in it begin with ``MERESTONE_URL``."""

from __future__ import annotations

import os

from django.conf import settings
from django.core.mail import EmailMessage

from merestone.base.errors import UnavailableError


class ServerMail:
    """Implements ``app.ports_review.Mail``."""

    @property
    def is_set_up(self) -> bool:
        """Whether there is a mail server."""
        return bool(settings.HAS_MAIL)

    def link(self, path: str) -> str:
        """Return the whole address of a page; its path alone where ``MERESTONE_URL`` does not say where we are."""
        return f"{os.environ.get('MERESTONE_URL', '').rstrip('/')}{path}"

    def send(self, to: str, *, subject: str, text: str) -> None:
        """Send one mail; UnavailableError when the server does not take it."""
        try:
            EmailMessage(" ".join(subject.split()), text, to=[to]).send()
        except OSError as error:  # SMTP's errors are such
            raise UnavailableError(
                f"The mail server did not take a mail: {error}.", code="mail-refused"
            ) from error
