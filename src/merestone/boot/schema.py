"""Keeps a database's schema up to date."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from merestone.db.stores.failures import translated

LOCK = 0x4D45_5253_4D49  # our own number among the server's advisory locks


def bring_up_to_date() -> bool:
    """Run pending migrations; returns whether there were any. Costs one query when there are none.

    Raises
    ------
    UnavailableError
        If the database does not answer.
    """
    with translated():
        if not pending():
            return False
        with alone():
            if pending():  # somebody else may have done it while we waited
                call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
    return True


def pending() -> bool:
    """Return whether migrations are to be run."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other process migrates: a server and a worker often start at the same moment."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            try:
                yield
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
        return
    with (settings.DATA_DIR / "migrate.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
