"""URLs of planning: scenarios side by side, the workspace of one, and the pages around it."""

from __future__ import annotations

from django.urls import URLPattern, path

from merestone.web.views import planning, planning_compare, planning_rules, planning_workspace

urlpatterns: list[URLPattern] = [
    path("planning/", planning.planning_page, name="planning"),
    path("planning/new/", planning.new_page, name="planning-new"),
    path("planning/<str:key>/", planning_workspace.workspace_page, name="planning-scenario"),
    path("planning/<str:key>/data.json", planning_workspace.data, name="planning-data"),
    path("planning/<str:key>/job/", planning_workspace.job, name="planning-job"),
    path("planning/<str:key>/act/<slug:verb>/", planning_workspace.act, name="planning-act"),
    path("planning/<str:key>/under-way/", planning.under_way, name="planning-under-way"),
    path("planning/<str:key>/rename/", planning.rename, name="planning-rename"),
    path("planning/<str:key>/delete/", planning.delete, name="planning-delete"),
    path("planning/<str:key>/steps/", planning.steps_page, name="planning-steps"),
    path("planning/<str:key>/compare/", planning_compare.compare_page, name="planning-compare"),
    path(
        "planning/<str:key>/compare/<slug:what>/<slug:fmt>/",
        planning_compare.compare_export,
        name="planning-compare-export",
    ),
    path("planning/<str:key>/rules/", planning_rules.rules_page, name="planning-rules"),
]
