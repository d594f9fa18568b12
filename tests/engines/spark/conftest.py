"""One Spark session for the tests of the engine, on two cores; skipped where there is no pyspark or Java."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from merestone.engines.spark.session import open_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MASTER = "local[2]"


def why_not() -> str:
    """Return why Spark cannot run here; empty when it can."""
    if importlib.util.find_spec("pyspark") is None or importlib.util.find_spec("pandas") is None:
        return "pyspark is not installed (pip install 'merestone[spark]')"
    return "" if shutil.which("java") else "Java is not installed (apt install openjdk-17-jre-headless)"


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """The session; small, and with two partitions wherever there is a shuffle."""
    if reason := why_not():
        pytest.skip(reason)
    options = {
        "spark.sql.shuffle.partitions": "2",
        "spark.driver.memory": "1g",
        "spark.sql.session.timeZone": "Asia/Tokyo",
    }
    with open_session(MASTER, options) as session:
        yield session
