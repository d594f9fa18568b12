"""Checks of an installation, for ``merestone doctor``."""

from __future__ import annotations

import sqlite3
import sys

from django.conf import settings
from django.contrib.staticfiles import finders
from django.db import connection
from django.db.utils import DatabaseError

from merestone.boot.sqlite import SAFE_VERSION

Check = tuple[str, bool, str]


def checks() -> list[Check]:
    """Return (check, is fine, detail)."""
    return [
        python(),
        sqlite(),
        database(),
        migrations(),
        assets("vendor/maplibre-gl/maplibre-gl.mjs"),
        geography(),
    ]


def python() -> Check:
    """Python is new enough."""
    return "Python", sys.version_info >= (3, 11), sys.version.split()[0]


def sqlite() -> Check:
    """The SQLite library is safe for concurrent writers."""
    is_fine = sqlite3.sqlite_version_info >= SAFE_VERSION or connection.vendor != "sqlite"
    detail = (
        sqlite3.sqlite_version
        if is_fine
        else f"{sqlite3.sqlite_version}: older than {SAFE_VERSION}; install pysqlite3"
    )
    return "SQLite library", is_fine, detail


def database() -> Check:
    """The database answers."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return "Database", False, str(error).strip()
    return "Database", True, f"{connection.vendor}, {settings.DATABASES['default']['NAME']}"


def migrations() -> Check:
    """No migration is pending."""
    from django.db.migrations.executor import MigrationExecutor

    try:
        executor = MigrationExecutor(connection)
    except DatabaseError:
        return "Schema", False, "not looked at: the database does not answer"
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return (
        "Schema",
        not pending,
        f"{len(pending)} migrations pending: run merestone migrate" if pending else "up to date",
    )


def assets(path: str) -> Check:
    """The front-end assets were built."""
    found = finders.find(path)
    return "Front-end assets", found is not None, "built" if found else "missing: run ./run setup"


def geography() -> Check:
    """The offline geography is there."""
    from merestone.connectors.geodata import Gazetteer

    try:
        n_places = Gazetteer().postal_codes().num_rows
    except FileNotFoundError as error:
        return "Geography", False, f"missing {error.filename}: run ./run setup"
    return "Geography", n_places > 30_000, f"{n_places:,} postal codes"
