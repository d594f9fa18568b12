"""The bell: what one should know."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from merestone.app.notices import mark_read
from merestone.db.queries import review as queries
from merestone.web.request import WebRequest
from merestone.web.scoping import scoped

SIZE = 50


@scoped("own")
@require_http_methods(["GET", "HEAD", "POST"])
def notices_page(request: WebRequest) -> HttpResponse:
    """Show one's notices; posting marks all as read."""
    if request.method == "POST":
        mark_read(request.services, request.actor)
        return redirect("notices")
    pages = Paginator(queries.notices(request.actor), SIZE)
    page = pages.get_page(request.GET.get("page"))
    context = {"title": "Notices", "page": page, "n_unread": queries.n_unread(request.actor)}
    return render(request, "review/notices.html", context)


@scoped("own")
@require_POST
def follow(request: WebRequest, record_id: int) -> HttpResponse:
    """Mark a notice as read and go where it points."""
    found = queries.notices(request.actor).filter(pk=record_id).first()
    if found is None:
        raise Http404
    mark_read(request.services, request.actor, ids=[record_id])
    return redirect(found.url if found.url.startswith("/") and not found.url.startswith("//") else "notices")
