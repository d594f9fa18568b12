"""Saving and deleting views of lists."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from merestone.app import desk
from merestone.db.queries import lists
from merestone.web.forms.bulk import SaveView
from merestone.web.problems import one
from merestone.web.request import WebRequest
from merestone.web.scoping import scoped
from merestone.web.tables.catalog import KINDS


@scoped("own")
@require_POST
def save(request: WebRequest, kind: str) -> HttpResponse:
    """Keep the list's present URL under a name."""
    if kind not in KINDS:
        raise Http404
    form = SaveView(request.POST)
    if not form.is_valid():
        messages.error(request, "A view needs a name.")
        return redirect(kind)
    data = form.cleaned_data
    desk.save_view(request.services, request.actor, table=kind, **data)
    messages.success(request, f"Saved as “{data['name']}”.")
    return redirect(f"{reverse(kind)}?{data['query']}")


@scoped("own")
@require_POST
def delete(request: WebRequest, view_id: int) -> HttpResponse:
    """Delete one's own view."""
    mine = one(lists.own_views(request.actor), pk=view_id)
    desk.delete_view(request.services, request.actor, view_id=view_id)
    messages.success(request, f"“{mine.name}” is deleted.")
    return redirect(mine.table if mine.table in KINDS else "home")
