"""The engines and files without Django or a database, for the commands that read and write files only."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from merestone.base.errors import UsageError

if TYPE_CHECKING:
    from merestone.app import ports
    from merestone.app.matching_files import Files

ENGINES = ("kernel", "duckdb", "spark")


class LocalServices:
    """What file commands need; nothing is loaded before it is asked for."""

    @cached_property
    def files(self) -> Files:
        """Reader and writer."""
        from merestone.connectors.files import LocalFiles

        return LocalFiles()

    @cached_property
    def gazetteer(self) -> ports.Gazetteer:
        """Names of countries and states."""
        from merestone.connectors.geodata import Gazetteer

        return Gazetteer()

    def engine(self, name: str) -> ports.Matcher:
        """Return an engine that matches tables in this process: ``kernel`` or ``duckdb``."""
        if name == "kernel":
            from merestone.engines.kernel import KernelMatcher

            return KernelMatcher(_cache())
        if name == "duckdb":
            from merestone.engines.duckdb import DuckdbMatcher

            return DuckdbMatcher()
        raise UsageError(
            f"'{name}' is no engine.", code="unknown-engine", fix=f"Use one of: {', '.join(ENGINES)}."
        )

    def cluster(self, master: str | None) -> ports.Cluster:
        """Return Spark on a master (None = where this program was submitted)."""
        from merestone.connectors.files.guard import guard, unguard
        from merestone.connectors.geodata import Gazetteer
        from merestone.engines.spark import SparkCluster

        return SparkCluster(
            self.engine("kernel"), master=master, gazetteer=Gazetteer, guard=guard, unguard=unguard
        )


def _cache() -> Path | None:
    """Return where rules made ready are kept for the next run, in the user's own cache; None where there is none."""
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # a user without a home
        return None
    return cache / "merestone" / "rules" if cache.is_absolute() else None


def local_services() -> LocalServices:
    """Return what file commands need."""
    return LocalServices()
