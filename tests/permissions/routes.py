"""Every route of the web face and the API, and what it is about.

A route whose parameters are all known is classified by its address. When you add one that is not, the matrix fails and
says so; add it here, in one of the three tables, and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.urls import URLPattern, URLResolver

RECORDS = frozenset(
    {
        "accounts", "leads", "opportunities", "contacts", "contracts", "activities", "claims", "reps", "departures",
    }
)  # fmt: skip
"""First part of an address -> `record_id` is a record of this table, in every relation to who asks."""

CONSTANTS: dict[str, str] = {
    "verb": "undo",
    "fmt": "csv",
    "kind": "accounts",
    "action": "set-lifecycle",
    "prefix": "mst_00000000",
    "name": "nothing",
    "view_id": "999999",
    "session_id": "999999",
    "pk": "999999",
    "account_id": "999999",
    "invitation": "999999",
    "what": "moves",
    "uidb36": "0",
}
"""Parameter -> what is asked for: for parameters that name no record of a territory (a format, one's own things).

A number of something private may be 999999: then the matrix proves only that nothing comes of it.
"""

PARTS: dict[str, str] = {
    "version_id": "guidelines",
    "item_id": "training",
    "number": "challenges",
    "leave_id": "leave",
    "cover_id": "covers",
    "other_id": "leave or covers",
}
"""Parameter -> records that are tried in every relation: texts and lessons of its territory, what is asked about its
account, the days off and the cover of its rep."""
SUBJECTS: dict[str, str] = {
    "guidelines/{version_id}": "paper:guidelines",
    "training/{item_id}": "paper:training",
    "review/{key}/challenges/{number}": "challenge",
    "reviews/{key}/challenges/{number}": "challenge",
    "imports/{record_id}": "company",
    "jobs/{record_id}": "company",
    "products/{record_id}": "company",
    "quotas/{record_id}": "company",
    "users/{record_id}": "company",
    "access/people/{record_id}": "company",
    "access/grants/{record_id}": "company",
    "grants/{record_id}": "company",
    "notices/{record_id}": "company",
    "scenarios/{key}": "company",
    "planning/{key}": "company",
    "territories/{key}": "territory",
    "models/{key}/whole": "stage",
    "models/{key}": "model",
    "review/{key}": "stage",
    "reviews/{key}": "stage",
    "sign-in/link/{key}": "page",
    "sign-in/new-password/": "page",
}
"""Beginning of an address -> what it is about: ``record:TABLE``, ``territory`` (of the active model), ``model``,
``stage`` (a model, in some states of its life only), ``company`` (no territory has it: only the right counts),
``page`` (nothing in particular)."""
STATEFUL = (
    "departures/{record_id}/again", "guidelines/{version_id}/", "training/{item_id}/", "api/v1/training/{item_id}/",
    "api/v1/guidelines/{version_id}/",
)  # fmt: skip
"""Beginnings of addresses that are there in some states of the record only, or for some of those who see it."""
WRITES = ("remind", "edit", "retire")
"""Last parts of addresses of texts and lessons that are for those who write them, or lead those they are for."""
SEEN_BY: dict[str, str] = {"departures": "manage-members"}
"""Table -> the right that shows its records, where that is not ``see``."""

ADVICE = """These routes are not classified, so nobody knows who may see what they show:
  {routes}
Add to tests/permissions/routes.py: the beginning of the address to SUBJECTS, or its parameters to CONSTANTS."""


@dataclass(frozen=True)
class Route:
    """One address with one method.

    Parameters
    ----------
    template : str
        ``accounts/{record_id}/move/``; of the API with ``api/v1/`` before it.
    right : str
        What the program says one needs for it; empty for public pages.
    subject : str
        One of those of ``SUBJECTS``, or ``planned``: a territory of any model.
    """

    face: str
    method: str
    template: str
    right: str
    subject: str

    @property
    def is_safe(self) -> bool:
        """Whether it only reads."""
        return self.method == "GET"

    @property
    def may_be_empty(self) -> bool:
        """Whether there may be nothing there even for those who see the record it is about."""
        names = re.findall(r"\{(\w+)\}", self.template)
        if self.subject == "stage" or self.template.startswith(STATEFUL):
            return True
        return any(CONSTANTS.get(name) == "999999" for name in names)

    @property
    def part(self) -> str | None:
        """The records one of its parameters is a number of; None when none is."""
        for name in re.findall(r"\{(\w+)\}", self.template):
            if name == "other_id":
                return "covers" if "/covers/" in self.template else "leave"
            if name in PARTS:
                return PARTS[name]
        return None

    def url(self, **values: Any) -> str:
        """Return an address."""
        if "part" in values:
            values |= dict.fromkeys(PARTS, values.pop("part"))
        known = {
            **CONSTANTS,
            **dict.fromkeys(PARTS, "999999"),
            "key": "nothing",
            "record_id": "999999",
            **values,
        }
        return "/" + re.sub(r"\{(\w+)\}", lambda found: str(known[found[1]]), self.template)


def subject_of(template: str) -> str | None:
    """Return what an address is about; None when nobody knows."""
    names = re.findall(r"\{(\w+)\}", template)
    address = template.removeprefix("api/v1/")
    if address.startswith("models/{key}") and "territory" in names:
        return "planned" if set(names) <= {"key", "territory", *CONSTANTS} else None
    for beginning, subject in SUBJECTS.items():
        if address.startswith(beginning):
            rest = set(names) - {"key", "record_id"}
            return subject if rest <= CONSTANTS.keys() | PARTS.keys() else None
    if "record_id" in names:
        table = address.split("/")[0]
        rest = set(names) - {"record_id"}
        return f"record:{table}" if table in RECORDS and rest <= CONSTANTS.keys() | PARTS.keys() else None
    return "page" if set(names) <= CONSTANTS.keys() else None


def web_routes() -> Iterator[Route]:
    """Yield GET and POST of every address of the resolver."""
    from merestone.web import urls

    for template, pattern in _patterns(urls.urlpatterns, ""):
        view: Any = pattern.callback
        right = "" if getattr(view, "scope", None) == "public" else getattr(view, "right", "see")
        for method in ("GET", "POST"):
            yield Route("web", method, template, right, subject_of(template) or "")


def _patterns(entries: list[Any], prefix: str) -> Iterator[tuple[str, URLPattern]]:
    for entry in entries:
        text = prefix + _template(str(entry.pattern))
        if isinstance(entry, URLResolver):
            yield from _patterns(entry.url_patterns, text)
        else:
            yield text, entry


def _template(pattern: str) -> str:
    text = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", pattern))
    return text.removeprefix("^").removesuffix("$")


def api_routes() -> Iterator[Route]:
    """Yield every operation of the OpenAPI document."""
    from merestone.api.main import document

    for path, operations in document()["paths"].items():
        template = path.lstrip("/")
        for method, operation in operations.items():
            yield Route(
                "api", method.upper(), template, operation.get("x-right", "see"), subject_of(template) or ""
            )


@cache
def all_routes() -> tuple[Route, ...]:
    """Return every route there is, those that answer at the same address once."""
    return tuple(dict.fromkeys([*web_routes(), *api_routes()]))
