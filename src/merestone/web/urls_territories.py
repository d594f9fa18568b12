"""URLs of the map, the territories, their balance and the scorecard."""

from __future__ import annotations

from django.urls import URLPattern, path

from merestone.web.views import map as map_views
from merestone.web.views import scorecard, territories

urlpatterns: list[URLPattern] = [
    path("map/", map_views.map_page, name="map"),
    path("map/data.json", map_views.map_data, name="map-data"),
    path("map/accounts.json", map_views.map_accounts, name="map-accounts"),
    path("map/card/", map_views.map_card, name="map-card"),
    path("territories/", territories.tree_page, name="territories"),
    path("territories/<slug:key>/", territories.detail_page, name="territory"),
    path("territories/<slug:key>/scorecard/", scorecard.territory_scorecard, name="territory-scorecard"),
    path("balance/", territories.balance_page, name="balance"),
    path("models/", territories.models_page, name="models"),
    path("models/<slug:key>/", territories.model_page, name="model"),
    path("scorecard/", scorecard.scorecard_page, name="scorecard"),
    path("scorecard/export/<slug:fmt>/", scorecard.scorecard_export, name="scorecard-export"),
]
