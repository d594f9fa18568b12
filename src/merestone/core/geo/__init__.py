"""Where things are: great-circle distance and named areas. Not here: files, projections, maps."""

from merestone.core.geo.areas import NO_AREAS, Areas, read_area, read_areas
from merestone.core.geo.distance import EARTH_RADIUS_KM, distance_km

__all__ = ["EARTH_RADIUS_KM", "NO_AREAS", "Areas", "distance_km", "read_area", "read_areas"]
