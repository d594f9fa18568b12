"""The routes of the web face. Every view states its scope (``web.scoping``); a test refuses one without."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from merestone.web.tables.catalog import KINDS
from merestone.web.views import home, saved_views, search, session
from merestone.web.views.lists import list_urls

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("sign-in/", session.sign_in, name="sign-in"),
    path("sign-out/", session.sign_out, name="sign-out"),
    path("theme/", session.theme, name="theme"),
    path("profile/", session.profile, name="profile"),
    path("tokens/", session.tokens, name="tokens"),
    path("tokens/<slug:prefix>/revoke/", session.token_revoke, name="token-revoke"),
    path("search/", search.search, name="search"),
    path("views/save/<slug:kind>/", saved_views.save, name="view-save"),
    path("views/<int:view_id>/delete/", saved_views.delete, name="view-delete"),
]
for kind in KINDS.values():
    urlpatterns += list_urls(kind)
for route, place in {
    "account": "accounts/<int:record_id>/",
    "lead": "leads/<int:record_id>/",
    "opportunity": "opportunities/<int:record_id>/",
    "contact": "contacts/<int:record_id>/",
    "rep": "reps/<int:record_id>/",
    "import": "imports/<int:record_id>/",
    "user": "users/<int:record_id>/",
    "account-new": "accounts/new/",
    "lead-new": "leads/new/",
    "opportunity-new": "opportunities/new/",
    "import-new": "imports/new/",
    "user-new": "users/new/",
}.items():
    urlpatterns.append(path(place, home.home, name=route))
