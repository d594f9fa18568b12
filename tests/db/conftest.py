"""What the tests of the stores share; all of them run on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from merestone.app.policy import OPERATOR
from merestone.db.stores.associations import AssociationStore
from merestone.db.stores.models import ModelStore
from merestone.db.stores.records import RecordStore


@pytest.fixture
def records() -> RecordStore:
    """The store of CRM tables."""
    return RecordStore()


@pytest.fixture
def associations() -> AssociationStore:
    """The store of associations."""
    return AssociationStore()


@pytest.fixture
def models() -> ModelStore:
    """The store of territory models."""
    return ModelStore()


@pytest.fixture
def writing(records: RecordStore) -> Callable[[], AbstractContextManager[str]]:
    """Open a transaction of the operator."""
    return lambda: records.transaction(OPERATOR, cause="test")


@pytest.fixture
def n_queries() -> Callable[[Callable[[], Any]], int]:
    """Count the statements a call sends."""

    def count(call: Callable[[], Any]) -> int:
        with CaptureQueriesContext(connection) as captured:
            call()
        return len(captured)

    return count
