"""URLs of leave, cover, ramps, departures and their calendar."""

from __future__ import annotations

from django.urls import URLPattern, path

from merestone.web.views import people_changes as views

urlpatterns: list[URLPattern] = [
    path("reps/<int:record_id>/changes/", views.rep_changes, name="rep-changes"),
    path("reps/<int:record_id>/changes/leave/", views.enter_leave, name="rep-leave"),
    path(
        "reps/<int:record_id>/changes/leave/<int:leave_id>/cancel/",
        views.cancel_leave,
        name="rep-leave-cancel",
    ),
    path("reps/<int:record_id>/changes/cover/", views.start_cover, name="rep-cover"),
    path("reps/<int:record_id>/changes/cover/<int:cover_id>/end/", views.end_cover, name="rep-cover-end"),
    path("reps/<int:record_id>/changes/ramp/", views.set_ramp, name="rep-ramp"),
    path("reps/<int:record_id>/changes/departure/", views.plan_departure, name="rep-departure"),
    path("departures/<int:record_id>/", views.departure_page, name="departure"),
    path("departures/<int:record_id>/apply/", views.departure_apply, name="departure-apply"),
    path("departures/<int:record_id>/again/", views.departure_again, name="departure-again"),
    path("departures/<int:record_id>/undo/", views.departure_undo, name="departure-undo"),
    path("people/calendar/", views.calendar, name="people-calendar"),
]
