"""What all tests share: the shared data folder, a PostgreSQL server, a browser, and the account of skipped tests.

Django's own test database is SQLite. `./run test` runs the suite a second time on PostgreSQL, with the tests marked
``both_databases`` or ``postgres`` only; ``django_db`` marks and fixtures are the same in both.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

import postgres_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# How fast a test runs says nothing about whether it holds.
# By hand the examples are drawn anew each time, to find what is wrong; a merge is judged on the same ones each time.
hypothesis.settings.register_profile("suite", deadline=None, derandomize=os.environ.get("CI") == "true")
hypothesis.settings.load_profile("suite")

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("MERESTONE_SHARED") or ROOT.parent / "shared")
RUNS_ON_POSTGRESQL = os.environ.get("MERESTONE_DATABASE", "").startswith("postgres")
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-angle=swiftshader",  # WebGL in software, for the map
    "--enable-unsafe-swiftshader",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what belongs to this run, and skip what this machine cannot do."""
    only = os.environ.get("MERESTONE_TEST_ONLY")
    if only in {"sqlite", "postgresql"}:
        kept = [item for item in items if only in _databases(item)]
        config.hook.pytest_deselected(items=[item for item in items if only not in _databases(item)])
        items[:] = kept
    needs = {
        "shared": "" if SHARED.is_dir() else f"no shared data folder at {SHARED.name}/ beside the clone",
        "e2e": "" if shutil.which("chromium") else "chromium is not installed (apt install chromium)",
        "postgres": "" if RUNS_ON_POSTGRESQL else "runs on PostgreSQL only, and there is no server to run on",
    }
    for item in items:
        for marker, reason in needs.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def _databases(item: pytest.Item) -> set[str]:
    # A module may be for both and one test of it for one only.
    if item.get_closest_marker("postgres"):
        return {"postgresql"}
    if item.get_closest_marker("sqlite"):
        return {"sqlite"}
    return {"sqlite", "postgresql"} if item.get_closest_marker("both_databases") else {"sqlite"}


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Leave the reasons of all skips where `./run test` adds them up."""
    report = os.environ.get("MERESTONE_TEST_REPORT")
    if not report:
        return
    reasons: Counter[str] = Counter()
    for skipped in terminalreporter.stats.get("skipped", []):
        words = skipped.longrepr[2] if isinstance(skipped.longrepr, tuple) else str(skipped.longrepr)
        reasons[words.removeprefix("Skipped: ")] += 1
    Path(report).write_text(json.dumps(reasons))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared real data; the test is skipped where there is none."""
    if not SHARED.is_dir():
        pytest.skip(f"no shared data folder at {SHARED.name}/ beside the clone")
    return SHARED


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a PostgreSQL server whose user may create databases, whatever database Django's tests are on."""
    if given := os.environ.get("MERESTONE_TEST_POSTGRES_URL"):
        yield given
        return
    if reason := postgres_server.why_not():
        pytest.skip(reason)
    with postgres_server.private_server() as url:
        yield url


@pytest.fixture(scope="session", autouse=True)
def _flush_lifts_the_audit_triggers() -> Iterator[None]:
    """Let Django empty the tables after a transactional test; the audit log refuses it otherwise.

    The migrate signal at the end of the flush makes the triggers anew.
    """
    from django.db import connection

    from merestone.db import audit

    operations = type(connection.ops)
    flush = operations.sql_flush

    def lift_and_flush(self: Any, *args: Any, **options: Any) -> list[str]:
        return [*audit.drop_statements(self.connection.alias), *flush(self, *args, **options)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operations, "sql_flush", lift_and_flush)
        yield


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One headless Chromium for the session, with WebGL in software."""
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("chromium is not installed (apt install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Playwright keeps an event loop running in this thread, where Django would refuse its synchronous ORM.
        before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
        chromium = playwright.chromium.launch(executable_path=executable, args=list(CHROMIUM_FLAGS))
        yield chromium
        chromium.close()
        if before is None:
            del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page of 1440 × 900 in a context of its own."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    yield context.new_page()
    context.close()
