"""URLs of the models' lives."""

from __future__ import annotations

from django.urls import URLPattern, path

from merestone.web.views import models

urlpatterns: list[URLPattern] = [
    path("models/", models.models_page, name="models"),
    path("models/<str:key>/life/", models.life_page, name="model-life"),
    path("models/<str:key>/policies/", models.policies_page, name="model-policies"),
    path("publications/", models.publications_page, name="publications"),
    path("publications/undo/", models.undo_page, name="undo-publication"),
]
