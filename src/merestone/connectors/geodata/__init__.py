"""Places without a network: postal codes, counties, states and countries, from data packaged at build time."""

from merestone.connectors.geodata.gazetteer import ATTRIBUTION, Gazetteer
from merestone.connectors.geodata.outlines import OutlineMap
from merestone.connectors.geodata.units import UnitMap

__all__ = ["ATTRIBUTION", "Gazetteer", "OutlineMap", "UnitMap"]
