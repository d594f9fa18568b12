"""URLs of staffing a model."""

from __future__ import annotations

from django.urls import URLPattern, path

from merestone.web.views import staffing

urlpatterns: list[URLPattern] = [
    path("models/<str:key>/staffing/", staffing.staffing_page, name="model-staffing"),
    path("models/<str:key>/staffing/<str:territory>/", staffing.choice_page, name="model-staffing-choice"),
]
