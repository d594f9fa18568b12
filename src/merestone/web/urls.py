"""The routes of the web face. Every view states its scope (``web.scoping``); a test refuses one without."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from merestone.web import (
    urls_guidelines,
    urls_handouts,
    urls_history,
    urls_models,
    urls_people_changes,
    urls_planning,
    urls_review,
    urls_sign_in,
    urls_staffing,
    urls_territories,
)
from merestone.web.tables.catalog import KINDS
from merestone.web.views import (
    access,
    accounts,
    audit,
    home,
    imports,
    records,
    saved_views,
    search,
    session,
    users,
    why,
)
from merestone.web.views.lists import list_urls

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("theme/", session.theme, name="theme"),
    path("profile/", session.profile, name="profile"),
    path("tokens/", session.tokens, name="tokens"),
    path("tokens/<slug:prefix>/revoke/", session.token_revoke, name="token-revoke"),
    path("accounts/new/", records.create("account"), name="account-new"),
    path("accounts/<int:record_id>/", accounts.account, name="account"),
    path("accounts/<int:record_id>/edit/", records.edit("account"), name="account-edit"),
    path("accounts/<int:record_id>/why/", why.account_why, name="account-why"),
    path("accounts/<int:record_id>/move/", accounts.move, name="account-move"),
    path("accounts/<int:record_id>/lock/", accounts.lock, name="account-lock"),
    path("accounts/<int:record_id>/contact/", accounts.add_contact, name="account-contact"),
    path("accounts/<int:record_id>/opportunity/", accounts.add_opportunity, name="account-opportunity"),
    path(
        "accounts/<int:record_id>/activity/",
        accounts.log_activity,
        {"table": "accounts"},
        name="account-activity",
    ),
    path("leads/new/", records.create("lead"), name="lead-new"),
    path("leads/<int:record_id>/", records.lead, name="lead"),
    path("leads/<int:record_id>/why/", why.lead_why, name="lead-why"),
    path("leads/<int:record_id>/edit/", records.edit("lead"), name="lead-edit"),
    path("leads/<int:record_id>/activity/", accounts.log_activity, {"table": "leads"}, name="lead-activity"),
    path("opportunities/<int:record_id>/", records.opportunity, name="opportunity"),
    path("opportunities/<int:record_id>/edit/", records.edit("opportunity"), name="opportunity-edit"),
    path("contacts/<int:record_id>/", records.contact, name="contact"),
    path("contacts/<int:record_id>/edit/", records.edit("contact"), name="contact-edit"),
    path("reps/<int:record_id>/", records.rep, name="rep"),
    path("reps/<int:record_id>/edit/", records.edit("rep"), name="rep-edit"),
    path("imports/new/", imports.new, name="import-new"),
    path("imports/new/columns/", imports.columns, name="import-columns"),
    path("imports/<int:record_id>/", imports.show, name="import"),
    path("imports/<int:record_id>/mapping/", imports.remap, name="import-mapping"),
    path("imports/<int:record_id>/apply/", imports.apply, name="import-apply"),
    path("imports/<int:record_id>/progress/", imports.progress, name="import-progress"),
    path("imports/<int:record_id>/undo/", imports.undo, name="import-undo"),
    path("imports/<int:record_id>/rejected/<slug:fmt>/", imports.rejected, name="import-rejected"),
    path("users/new/", users.new, name="user-new"),
    path("users/<int:record_id>/", users.edit, name="user"),
    path("access/", access.overview, name="access"),
    path("access/people/<int:record_id>/", access.person, name="access-person"),
    path("access/grants/<int:record_id>/end/", access.end, name="grant-end"),
    path("access/why/", access.why, name="access-why"),
    path("settings/", users.company_settings, name="settings"),
    path("audit/", audit.log, name="audit"),
    path("audit/export/<slug:fmt>/", audit.export, name="audit-export"),
    path("search/", search.search, name="search"),
    path("views/save/<slug:kind>/", saved_views.save, name="view-save"),
    path("views/<int:view_id>/delete/", saved_views.delete, name="view-delete"),
]
for kind in KINDS.values():
    urlpatterns += list_urls(kind)
urlpatterns += urls_sign_in.urlpatterns
urlpatterns += urls_models.urlpatterns
urlpatterns += urls_people_changes.urlpatterns
urlpatterns += urls_planning.urlpatterns
urlpatterns += urls_handouts.urlpatterns
urlpatterns += urls_staffing.urlpatterns
urlpatterns += urls_guidelines.urlpatterns
urlpatterns += urls_territories.urlpatterns
urlpatterns += urls_history.urlpatterns
urlpatterns += urls_review.urlpatterns
