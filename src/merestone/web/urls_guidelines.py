"""URLs of rules of engagement and training."""

from __future__ import annotations

from django.urls import URLPattern, path

from merestone.web.views import guidelines, training

urlpatterns: list[URLPattern] = [
    path("guidelines/", guidelines.guidelines_page, name="guidelines"),
    path("guidelines/edit/", guidelines.guideline_edit, name="guideline-edit"),
    path("guidelines/<int:version_id>/", guidelines.guideline_page, name="guideline"),
    path(
        "guidelines/<int:version_id>/acknowledge/",
        guidelines.guideline_acknowledge,
        name="guideline-acknowledge",
    ),
    path("guidelines/<int:version_id>/remind/", guidelines.guideline_remind, name="guideline-remind"),
    path("training/", training.training_page, name="training"),
    path("training/new/", training.training_edit, name="training-new"),
    path("training/<int:item_id>/", training.training_item, name="training-item"),
    path("training/<int:item_id>/edit/", training.training_edit, name="training-edit"),
    path("training/<int:item_id>/done/", training.training_done, name="training-done"),
    path("training/<int:item_id>/retire/", training.training_retire, name="training-retire"),
    path("training/<int:item_id>/remind/", training.training_remind, name="training-remind"),
]
