"""All URLs: the API under /api/, the web face everywhere else."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from merestone.api import main as api

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", api.urls),
    path("", include("merestone.web.urls")),
]

handler403 = "merestone.web.problems.forbidden"
handler429 = "merestone.web.signin.limits.too_many"
handler404 = "merestone.web.problems.not_found"
handler500 = "merestone.web.problems.server_error"
