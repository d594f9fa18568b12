"""The reference in a browser, from files of our own: nothing is fetched from elsewhere."""

from __future__ import annotations

from functools import cache
from pathlib import Path as FilePath

import ninja
from django.http import HttpRequest, HttpResponse

from merestone.api.errors import not_there

ASSETS = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
}
FOLDER = FilePath(ninja.__file__).parent / "static" / "ninja"
START = """SwaggerUIBundle({
  url: "openapi.json", dom_id: "#reference", deepLinking: true, validatorUrl: null, docExpansion: "none",
  presets: [SwaggerUIBundle.presets.apis], defaultModelsExpandDepth: 0,
  requestInterceptor: (request) => {
    const cookie = document.cookie.split("; ").find((one) => one.startsWith("csrftoken="));
    if (cookie) request.headers["X-CSRFToken"] = cookie.slice("csrftoken=".length);
    return request;
  },
});
"""
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>API reference · Merestone</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<noscript><p>The reference needs JavaScript; the same content is in <a href="openapi.json">openapi.json</a>.</p></noscript>
<main id="reference"></main>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page(_request: HttpRequest) -> HttpResponse:
    """Return the page."""
    response = HttpResponse(PAGE)
    response["Content-Security-Policy"] = POLICY
    return response


def asset(_request: HttpRequest, name: str) -> HttpResponse:
    """Return one of the page's files."""
    if name == "start.js":
        return HttpResponse(START, content_type="text/javascript; charset=utf-8")
    if name not in ASSETS:
        return not_there()
    response = HttpResponse(_content(name), content_type=ASSETS[name])
    response["Cache-Control"] = "public, max-age=86400"
    return response


@cache
def _content(name: str) -> bytes:
    # A source map is not shipped: drop the reference to it.
    return (
        (FOLDER / name).read_bytes().split(b"\n//# sourceMappingURL=")[0].split(b"\n/*# sourceMappingURL=")[0]
    )
