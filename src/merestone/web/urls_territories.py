"""URLs of the map, the territories, their balance and the scorecard."""

from __future__ import annotations

from django.urls import URLPattern, path

from merestone.web.views import analysis, rules, scorecard, territories
from merestone.web.views import map as map_views

urlpatterns: list[URLPattern] = [
    path("map/", map_views.map_page, name="map"),
    path("map/data.json", map_views.map_data, name="map-data"),
    path("map/accounts.json", map_views.map_accounts, name="map-accounts"),
    path("map/card/", map_views.map_card, name="map-card"),
    path("territories/", territories.tree_page, name="territories"),
    path("territories/<str:key>/", territories.detail_page, name="territory"),
    path("territories/<str:key>/scorecard/", scorecard.territory_scorecard, name="territory-scorecard"),
    path("balance/", territories.balance_page, name="balance"),
    path("models/<str:key>/", rules.model_page, name="model"),
    path("models/<str:key>/counts.json", rules.model_counts, name="model-counts"),
    path("models/<str:key>/analysis/", analysis.analysis_page, name="model-analysis"),
    path("models/<str:key>/analysis/result/", analysis.analysis_result, name="model-analysis-result"),
    path("models/<str:key>/clone/", rules.clone, name="model-clone"),
    path("models/<str:key>/new/", rules.territory_new, name="territory-new"),
    path("models/<str:key>/rules/<str:territory>/", rules.rule_page, name="model-rule"),
    path(
        "models/<str:key>/rules/<str:territory>/difference/",
        rules.rule_difference,
        name="model-rule-difference",
    ),
    path("models/<str:key>/rules/<str:territory>/remove/", rules.territory_remove, name="territory-remove"),
    path("scorecard/", scorecard.scorecard_page, name="scorecard"),
    path("scorecard/export/<slug:fmt>/", scorecard.scorecard_export, name="scorecard-export"),
]
