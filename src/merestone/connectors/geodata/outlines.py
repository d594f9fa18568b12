"""How units are drawn: the polygons of counties, and what states are called."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from merestone.base.errors import UsageError
from merestone.connectors.geodata.gazetteer import Gazetteer


class OutlineMap:
    """Implements ``app.ports_handouts.Outlines``.

    Parameters
    ----------
    gazetteer : Gazetteer
    """

    def __init__(self, gazetteer: Gazetteer) -> None:
        self._gazetteer = gazetteer

    def outlines(self, kind: str) -> Mapping[str, Any]:
        """Return unit id -> its polygon in degrees, of every unit of a kind."""
        if kind != "county":
            raise UsageError(f"'{kind[:40]}' is no kind of unit.", code="bad-choice", fix="Use county.")
        return self._counties

    def states(self) -> Mapping[str, str]:
        """Return state code -> its name."""
        return self._states

    @cached_property
    def _counties(self) -> Mapping[str, Any]:
        return self._gazetteer.county_shapes()

    @cached_property
    def _states(self) -> Mapping[str, str]:
        return self._gazetteer.state_names()
