"""Settings of signing in: allauth, the cache its limits are counted in, mail, single sign-on.

``MERESTONE_SSO_FILE``  TOML or JSON file about the provider (default ``single-sign-on.toml`` in the data folder)
``MERESTONE_SSO_ISSUER``, ``MERESTONE_SSO_CLIENT_ID``, ``MERESTONE_SSO_CLIENT_SECRET``  go before the file
``MERESTONE_MAIL``  URL of the mail server: ``smtp://user:secret@host:587`` (STARTTLS) or ``smtps://…:465``
``MERESTONE_MAIL_FROM``  sender of mails
``MERESTONE_PROXIES``  number of proxies in front that add to ``X-Forwarded-For`` (default 0: none is believed)
"""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from merestone.app.single_sign_on import SingleSignOn, single_sign_on
from merestone.base.errors import UsageError

FROM_ENVIRONMENT = {
    "issuer": "MERESTONE_SSO_ISSUER",
    "client_id": "MERESTONE_SSO_CLIENT_ID",
    "client_secret": "MERESTONE_SSO_CLIENT_SECRET",
}


def read_single_sign_on(data_dir: Path) -> SingleSignOn | None:
    """Return the provider the file and the environment describe; None when neither names one.

    Raises
    ------
    UsageError
        If the file cannot be read.
    InvalidInputError
        If what it says is not right.
    """
    named = os.environ.get("MERESTONE_SSO_FILE")
    path = Path(named) if named else data_dir / "single-sign-on.toml"
    document: dict[str, Any] = _document(path) if named or path.exists() else {}
    document |= {key: value for key, name in FROM_ENVIRONMENT.items() if (value := os.environ.get(name))}
    return single_sign_on(document) if document else None


def _document(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"The file about single sign-on '{path}' cannot be read: {error}.", code="bad-sso-file"
        ) from error
    if not isinstance(found, dict):
        raise UsageError(f"The file about single sign-on '{path}' holds no table.", code="bad-sso-file")
    return found


def mail_settings(url: str, sender: str) -> dict[str, Any]:
    """Return Django's settings for a mail server; without one nothing is sent.

    Raises
    ------
    UsageError
        If the URL is none of a mail server.
    """
    if not url:
        return {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"}
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or port == -1:
        raise UsageError(
            "MERESTONE_MAIL is not the URL of a mail server.",
            code="bad-mail-url",
            fix="Use smtp://user:secret@host:587 or smtps://user:secret@host:465.",
        )
    is_local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port or (465 if parts.scheme == "smtps" else 587),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp" and not is_local,
        "EMAIL_TIMEOUT": 20,
        "DEFAULT_FROM_EMAIL": sender or f"merestone@{parts.hostname}",
    }


def n_proxies(text: str) -> int:
    """Return the number of proxies in front; UsageError when the text is no such number."""
    if not text.isascii() or not text.isdigit():
        raise UsageError(
            f"MERESTONE_PROXIES is '{text}', not a number of proxies.",
            code="bad-proxies",
            fix="Use 0, 1 or 2.",
        )
    return int(text)


HAS_MAIL = bool(os.environ.get("MERESTONE_MAIL"))

# Limits are counted in the database: every worker process and every server sees the same counts, they survive a restart,
# and adding is one atomic insert. A file cache is shared on one machine only, and its `add` can be raced.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "merestone_cacheentry",
        "OPTIONS": {"MAX_ENTRIES": 50_000},
    }
}
AUTHENTICATION_BACKENDS = ["merestone.web.signin.backend.PasswordBackend"]

ACCOUNT_ADAPTER = "merestone.web.signin.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_EMAIL_NOTIFICATIONS = HAS_MAIL
ACCOUNT_EMAIL_SUBJECT_PREFIX = "Merestone: "
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
ACCOUNT_RATE_LIMITS = {
    # The first is for an office behind one address, the second for one account, known or not.
    "login_failed": "30/5m/ip,5/5m/key",
    "reset_password": "20/h/ip,3/h/key",
}
PASSWORD_RESET_TIMEOUT = 24 * 3600
ALLAUTH_TRUSTED_PROXY_COUNT = n_proxies(os.environ.get("MERESTONE_PROXIES", "0"))

MFA_ADAPTER = "merestone.web.signin.adapters.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Merestone"
MFA_TOTP_TOLERANCE = 1
MFA_RECOVERY_CODES_SHOW_ONCE = True

SESSION_COOKIE_AGE = 24 * 3600  # without "remember me": until the browser closes, and a day at most
REMEMBERED_SECONDS = 30 * 24 * 3600
