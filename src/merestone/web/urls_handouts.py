"""URLs of hand-outs."""

from __future__ import annotations

from django.urls import URLPattern, path

from merestone.web.views import handouts

urlpatterns: list[URLPattern] = [
    path("planning/<str:key>/hand-outs/", handouts.handouts_page, name="planning-handouts"),
    path("planning/<str:key>/hand-outs/<slug:fmt>/", handouts.handout, name="planning-handout"),
]
