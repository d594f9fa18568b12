"""URLs of the past, of quotas, and of comparisons."""

from __future__ import annotations

from django.urls import URLPattern, path

from merestone.web.views import compare, history
from merestone.web.views import map as map_views

urlpatterns: list[URLPattern] = [
    path("accounts/<int:record_id>/history/", history.account_history, name="account-history"),
    path("leads/<int:record_id>/history/", history.lead_history, name="lead-history"),
    path("opportunities/<int:record_id>/history/", history.opportunity_history, name="opportunity-history"),
    path("territories/<str:key>/history/", history.territory_history, name="territory-history"),
    path("models/<str:key>/whole/", history.whole_model, name="model-whole"),
    path("map/past.json", map_views.map_past, name="map-past"),
    path("compare/", compare.compare_page, name="compare"),
    path("compare/map.json", compare.compare_map, name="compare-map"),
    path("compare/export/<slug:what>/<slug:fmt>/", compare.compare_export, name="compare-export"),
    path("quotas/enter/", history.quotas_enter, name="quotas-enter"),
]
