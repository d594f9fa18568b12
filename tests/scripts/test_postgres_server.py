"""The private server of the tests."""

from __future__ import annotations

import psycopg
import pytest


def test_server_accepts_its_url_and_may_create_databases(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        may_create, encoding = connection.execute(
            "select rolcreatedb or rolsuper, current_setting('server_encoding') from pg_roles where rolname = current_user"
        ).fetchone()
    assert may_create
    assert encoding == "UTF8"


def test_server_refuses_a_wrong_password(postgres_url: str) -> None:
    wrong = psycopg.conninfo.make_conninfo(postgres_url, password="wrong")
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(wrong)
