"""The engines and files without Django or a database, for the commands that read and write files only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from merestone.app import ports


@dataclass(frozen=True, slots=True)
class LocalServices:
    """What file commands need; ``cluster`` opens Spark on a master (None = where this program was submitted)."""

    matcher: ports.Matcher
    files: ports.Files
    gazetteer: ports.Gazetteer
    cluster: Callable[[str | None], ports.Cluster]


def local_services() -> LocalServices:
    """Return matcher, files, gazetteer and the way to a cluster."""
    from merestone.connectors.files import LocalFiles
    from merestone.connectors.geodata import Gazetteer
    from merestone.engines.kernel import KernelMatcher

    matcher = KernelMatcher()

    def cluster(master: str | None) -> ports.Cluster:
        from merestone.connectors.files.guard import guard, unguard
        from merestone.engines.spark import SparkCluster

        return SparkCluster(matcher, master=master, guard=guard, unguard=unguard)

    return LocalServices(matcher, LocalFiles(), Gazetteer(), cluster)
