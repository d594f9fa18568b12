"""The API: its routes under /api/v1/, its OpenAPI document, and problems for whatever goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, re_path
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI
from ninja.responses import Response

from merestone import __version__
from merestone.api import errors
from merestone.api.routes import (
    access,
    analysis,
    assignment,
    audit,
    difference,
    docs,
    files,
    guidelines,
    handouts,
    history,
    lifecycle,
    people,
    people_changes,
    records,
    reports,
    review,
    rules,
    scenarios,
    staffing,
    territories,
)
from merestone.api.routing import router
from merestone.api.schemas import ProblemDocument
from merestone.db.queries import steady

DESCRIPTION = """Everything the pages show and do, for programs.

Send `Authorization: Bearer mst_…`. Lists take filters by field (`state=CA`, `employees__gte=50`,
`lifecycle__in=prospect,customer`) and come in pages: follow `next` as `cursor` until it is null. Writes need the `ETag`
last read as `If-Match`. Errors are `application/problem+json`. Money is a decimal string, times are UTC.
"""

api = NinjaAPI(
    title="Merestone",
    version=__version__,
    description=DESCRIPTION,
    urls_namespace="api",
    openapi_url="/openapi.json",
    docs_url=None,
)
errors.install(api)
MODULES = (
    access,
    records,
    audit,
    assignment,
    territories,
    lifecycle,
    difference,
    history,
    rules,
    analysis,
    guidelines,
    reports,
    files,
    people,
    people_changes,
    staffing,
    review,
    scenarios,
    handouts,
)  # importing them declares their routes
api.add_router("", router)


def openapi(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """Return the OpenAPI document."""
    return Response(document())


def document() -> dict[str, Any]:
    """Return the OpenAPI document as plain data."""
    schema = api.get_openapi_schema(path_prefix="/api/v1/")
    problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    parts = problem.pop("$defs", {})
    schema["components"]["schemas"] |= {**parts, "ProblemDocument": problem}
    return schema


def as_problems(view: Callable[..., Any]) -> Callable[..., Any]:
    """Return the view with HEAD answered like GET, and with refusals of the framework as problems."""

    @csrf_exempt  # sessions are checked where the actor is found; tokens need no check
    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.method == "HEAD":
            request.method = "GET"
        try:
            response = view(request, *args, **kwargs)
        except Http404:
            return errors.not_there()
        finally:
            steady.leave()  # what a safe request reads is of one state, from when it is known who asks
        if response.status_code == 405:
            return errors.not_allowed(", ".join(sorted(response.get("Allow", "").split(", "))))
        return response

    return answered


def nothing_here(request: HttpRequest, **_: Any) -> HttpResponse:  # noqa: ARG001
    """Return the 404 for addresses the API does not have."""
    return errors.not_there()


def _urls() -> list[URLPattern]:
    pages = [
        path("openapi.json", openapi, name="openapi"),
        path("docs", docs.page, name="docs"),
        path("docs/<str:name>", docs.asset, name="docs-asset"),
    ]
    operations = [one for one in api.urls[0] if isinstance(one, URLPattern) and one.name != "openapi-json"]
    found = [*pages, *operations, re_path(r"^", nothing_here, name="nothing-here")]
    for pattern in found:
        pattern.callback = as_problems(pattern.callback)
    return found


urls = (_urls(), "ninja", "api")
