"""URLs of reviews, challenges, approvals and notices."""

from __future__ import annotations

from django.urls import URLPattern, path

from merestone.web.views import challenges, notices, review

urlpatterns: list[URLPattern] = [
    path("review/", review.reviews_page, name="reviews"),
    path("review/<str:key>/", review.review_page, name="review"),
    path("review/<str:key>/filters/", review.review_filters, name="review-filters"),
    path("review/<str:key>/columns/", review.review_columns, name="review-columns"),
    path("review/<str:key>/export/<slug:fmt>/", review.review_export, name="review-export"),
    path("review/<str:key>/start/", review.start_page, name="review-start"),
    path("review/<str:key>/summary/", review.summary_page, name="review-summary"),
    path("review/<str:key>/remind/", review.remind, name="review-remind"),
    path("review/<str:key>/uninvite/<int:record_id>/", review.uninvite, name="review-uninvite"),
    path("review/<str:key>/approvals/", review.approvals_page, name="review-approvals"),
    path("review/<str:key>/challenges/", challenges.challenges_page, name="review-challenges"),
    path(
        "review/<str:key>/challenges/new/<int:account_id>/",
        challenges.challenge_new,
        name="review-challenge-new",
    ),
    path("review/<str:key>/challenges/<int:record_id>/", challenges.challenge_page, name="review-challenge"),
    path(
        "review/<str:key>/challenges/<int:record_id>/decide/",
        challenges.challenge_decide,
        name="review-decide",
    ),
    path("notices/", notices.notices_page, name="notices"),
    path("notices/<int:record_id>/", notices.follow, name="notice"),
]
