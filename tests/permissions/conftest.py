"""The one company of these tests, made once a module and taken back at its end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from django.test import override_settings
from tests.permissions.world import World, build


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """The company; nothing that is asked of it lasts."""
    from merestone.boot.services import services

    quick = {"STATIC_ROOT": None, "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"]}
    with django_db_blocker.unblock(), override_settings(**quick):
        block = transaction.atomic()
        block._from_testcase = True  # use cases open transactions that must be outermost otherwise
        with block:
            assert django_settings.STATIC_ROOT is None
            yield build(services())
            transaction.set_rollback(True)
