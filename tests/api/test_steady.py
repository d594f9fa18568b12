"""What one call reads is of one state of the database, whatever is published meanwhile."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from tests.api.conftest import BASE, Caller, make_world
from tests.builders import add_accounts

from merestone.api.main import document
from merestone.app.services import Services

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


@pytest.fixture
def called(services: Services, settings: Any) -> Caller:
    """A planner of everything, with tables that others write to meanwhile."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return Caller(make_world(services).tokens["admin"])


@contextmanager
def somebody_writes(services: Services, *, after: str) -> Iterator[list[int]]:
    """Have another connection add an account once a statement that holds ``after`` was answered."""
    written: list[int] = []

    def add() -> None:
        try:
            written.extend(add_accounts(services, [{"external_id": "A-late", "state": "CA"}]))
        finally:
            connection.close()

    def watch(execute: Any, sql: str, *rest: Any) -> Any:
        answer = execute(sql, *rest)
        if after in sql and not written:
            other = threading.Thread(target=add, daemon=True)
            other.start()
            other.join()
        return answer

    with connection.execute_wrapper(watch):
        yield written


def n_accounts(called: Caller) -> tuple[int, int]:
    """Return how many accounts a list says there are, and how many it shows."""
    page = called.get("/accounts?count=true&limit=100").json()
    return page["total"], len(page["items"])


def test_what_is_written_while_a_call_reads_shows_at_the_next_call(
    services: Services, called: Caller
) -> None:
    before = n_accounts(called)
    with somebody_writes(services, after="merestone_account") as written:
        assert n_accounts(called) == before
    assert written
    assert n_accounts(called) == (before[0] + 1, before[1] + 1)


def test_every_call_that_only_reads_is_answered_and_leaves_the_state_it_read(called: Caller) -> None:
    paths = document()["paths"]
    asked = [path for path, operations in paths.items() if "get" in operations]
    assert len(asked) > 50
    broken = []
    for path in asked:
        url = re.sub(r"\{(\w+)\}", "1", path.removeprefix(BASE))
        answer = called.get(url)
        if answer.streaming:
            b"".join(answer.streaming_content)
        if answer.status_code >= 500 or connection.in_atomic_block or not connection.get_autocommit():
            broken.append(f"{url}: {answer.status_code}")
        connection.ensure_connection()
        with connection.cursor() as cursor:  # inside a state that was not left this would fail
            cursor.execute("BEGIN")
            cursor.execute("ROLLBACK")
    assert not broken
