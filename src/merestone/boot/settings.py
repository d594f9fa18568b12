"""Django settings, from the environment.

``MERESTONE_DATA_DIR``  folder of the embedded database and files (default ``./var``)
``MERESTONE_DATABASE``  database URL; default: SQLite in the data folder; ``postgresql://user:secret@host:5432/name``
``MERESTONE_SECRET_KEY``  default: made once and kept in the data folder
``MERESTONE_HOSTS``  comma-separated host names the server answers to
``MERESTONE_DEBUG``  ``1`` for tracebacks in the browser
``MERESTONE_HTTPS``  ``1`` when served behind TLS: secure cookies and HSTS
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from merestone.base.errors import UsageError
from merestone.boot.sign_in_settings import *  # noqa: F403
from merestone.boot.sign_in_settings import mail_settings, read_single_sign_on
from merestone.boot.sqlite import use_safe_sqlite

use_safe_sqlite()

PACKAGE = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("MERESTONE_DATA_DIR", "var")).resolve()


def database_settings(url: str | None) -> dict[str, Any]:
    """Return Django's settings for a database URL.

    Raises
    ------
    UsageError
        If the URL is none, or the scheme is neither ``sqlite`` nor ``postgresql``.
    """
    parts = urlsplit(url or f"sqlite:///{DATA_DIR / 'merestone.sqlite3'}")
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": unquote(parts.path[1:] if parts.path.startswith("//") else parts.path),
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 60,  # a large import writes for half a minute
                "init_command": (
                    "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;"
                    " PRAGMA temp_store=MEMORY; PRAGMA cache_size=-65536; PRAGMA mmap_size=268435456"
                ),
            },
        }
    if parts.scheme in ("postgresql", "postgres"):
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.lstrip("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": unquote(parts.hostname or ""),
            "PORT": port_of(url or "") or "",
            "CONN_HEALTH_CHECKS": True,
            "CONN_MAX_AGE": 60,
        }
    raise UsageError(
        f"'{parts.scheme}' is not a database scheme Merestone knows."
        if parts.scheme
        else f"'{url}' is not a database URL.",
        code="bad-database-url",
        fix="Use sqlite:///path or postgresql://user:secret@host:5432/name.",
    )


def port_of(url: str) -> int | None:
    """Return the port of a URL; UsageError when it is none."""
    try:
        return urlsplit(url).port
    except ValueError as error:
        raise UsageError(
            "The port in the database URL is not a number between 1 and 65535.", code="bad-database-url"
        ) from error


def kept_secret() -> str:
    """Return the secret key of this data folder, made on first use, readable by its owner only."""
    path = DATA_DIR / "secret_key"
    if not path.exists():
        DATA_DIR.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text()
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(50))
    return path.read_text()


DATABASES = {"default": database_settings(os.environ.get("MERESTONE_DATABASE"))}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file: in memory, the threads of a test's server would share one connection, which none of them may.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
DEMO_SIGN_INS = json.loads(os.environ.get("MERESTONE_DEMO_SIGN_INS", "[]"))  # set by `merestone demo` alone
SECRET_KEY = os.environ.get("MERESTONE_SECRET_KEY") or kept_secret()
DEBUG = os.environ.get("MERESTONE_DEBUG") == "1"
ALLOWED_HOSTS = os.environ.get("MERESTONE_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
IS_HTTPS = os.environ.get("MERESTONE_HTTPS") == "1"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django_htmx",
    "django_tasks",
    "django_tasks_db",
    "merestone.db",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "merestone.boot.middleware.ServicesMiddleware",
]
ROOT_URLCONF = "merestone.boot.urls"
WSGI_APPLICATION = "merestone.boot.server.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PACKAGE / "web" / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "builtins": ["merestone.web.tags"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "merestone.web.context.page",
            ],
        },
    }
]

AUTH_USER_MODEL = "merestone.User"
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/sign-in/"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

SINGLE_SIGN_ON = read_single_sign_on(DATA_DIR)
globals().update(
    mail_settings(os.environ.get("MERESTONE_MAIL", ""), os.environ.get("MERESTONE_MAIL_FROM", ""))
)

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "/static/"
STATICFILES_DIRS = [PACKAGE / "web" / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31536000 if IS_HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_HTTPS else None
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default"]}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": os.environ.get("MERESTONE_LOG_LEVEL", "WARNING")},
}
