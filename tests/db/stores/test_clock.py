"""The company's clock."""

from __future__ import annotations

from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import pytest

from merestone.db.models import Company
from merestone.db.stores.clock import CompanyClock

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def test_now_is_utc():
    assert CompanyClock().now().tzinfo is UTC


def test_today_is_the_day_where_the_company_is():
    clock = CompanyClock()
    Company.objects.create(
        time_zone="Pacific/Kiritimati"
    )  # UTC+14: a day ahead of the zone below at any time
    east = clock.today()
    Company.objects.update(time_zone="Etc/GMT+12")
    west = clock.today()
    assert east - west in (timedelta(days=1), timedelta(days=2))
    assert clock.now().astimezone(ZoneInfo("Etc/GMT+12")).date() == clock.today()
