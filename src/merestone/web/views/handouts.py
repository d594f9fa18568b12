"""Hand-outs of a scenario: choosing for whom, and the files."""

from __future__ import annotations

import tempfile
from typing import Any

from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from merestone.app import handouts, scenarios
from merestone.app.policy import Right
from merestone.web.request import WebRequest
from merestone.web.scoping import scoped
from merestone.web.views.planning import scenario_frame

TYPES = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}
PAPER_LABELS = {"letter": "US Letter", "a4": "A4"}
_IN_MEMORY = 4 * 1024 * 1024


@scoped("territories", right=Right.PLAN)
@require_safe
def handouts_page(request: WebRequest, key: str) -> HttpResponse:
    """Show what can be handed out: all, the territories of a manager, one territory."""
    found = handouts.choices(request.services, request.actor, key)
    row = scenarios.summary(request.services, request.actor, key)
    paper = _paper(request)
    context: dict[str, Any] = {
        "title": "Hand-outs",
        "lede": "What each territory and each manager should know of this plan, to print or to open in a spreadsheet.",
        **scenario_frame(row, "handouts"),
        "territories": found["territories"],
        "managers": found["managers"],
        "paper": paper,
        "papers": [(one, PAPER_LABELS[one]) for one in handouts.PAPERS],
    }
    return render(request, "planning/handouts.html", context)


@scoped("territories", right=Right.PLAN)
@require_safe
def handout(request: WebRequest, key: str, fmt: str) -> FileResponse:
    """Give a hand-out as a file (``zip``: files of each territory): ``?territory=`` or ``?manager=`` for a part, ``?paper=`` for PDF."""
    if fmt not in TYPES:
        raise Http404
    manager = request.GET.get("manager", "")
    if manager and not (manager.isascii() and manager.isdigit() and len(manager) < 19):
        raise Http404
    found = handouts.make(
        request.services,
        request.actor,
        key,
        territory=request.GET.get("territory") or None,
        manager=int(manager) if manager else None,
    )
    # Sent in pieces, from the disk when it is large; closed and gone when it was sent.
    target = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
    if fmt == "zip":
        handouts.write_each(request.services, found, target, paper=_paper(request))  # type: ignore[arg-type]
    else:
        handouts.write(request.services, found, target, fmt=fmt, paper=_paper(request))  # type: ignore[arg-type]
    target.seek(0)
    response = FileResponse(
        target, as_attachment=True, filename=handouts.file_name(found, fmt), content_type=TYPES[fmt]
    )
    response["Cache-Control"] = "private, no-store"
    return response


def _paper(request: WebRequest) -> str:
    wanted = request.GET.get("paper", "")
    return wanted if wanted in handouts.PAPERS else handouts.PAPERS[0]
