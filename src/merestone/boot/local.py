"""The engines and files without Django or a database, for the commands that read and write files only."""

from __future__ import annotations

from dataclasses import dataclass

from merestone.app import ports


@dataclass(frozen=True, slots=True)
class LocalServices:
    """What file commands need."""

    matcher: ports.Matcher
    files: ports.Files
    gazetteer: ports.Gazetteer


def local_services() -> LocalServices:
    """Return matcher, files and gazetteer."""
    from merestone.connectors.files import LocalFiles
    from merestone.connectors.geodata import Gazetteer
    from merestone.engines.kernel import KernelMatcher

    return LocalServices(matcher=KernelMatcher(), files=LocalFiles(), gazetteer=Gazetteer())
