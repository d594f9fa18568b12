"""Review of a model: what it does to me, and how the whole review stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from merestone.app.lifecycle import read_policies, set_policies
from merestone.app.policy import Right
from merestone.app.review import inviting, reminders
from merestone.app.review.approvals import approve, standings
from merestone.app.review.challenges import listed, refuse_closed
from merestone.app.review.seeing import MOVES, Picture, note_look, picture
from merestone.app.review.summary import reviews_of, summary
from merestone.app.review.viewing import Viewing, viewing
from merestone.app.review_start import start_review
from merestone.base.errors import ConflictError, InvalidInputError
from merestone.core.model.columns import Kind
from merestone.db.queries.company import company
from merestone.web.forms import challenge_policy
from merestone.web.request import WebRequest
from merestone.web.scoping import scoped
from merestone.web.tables.at_hand import Row, as_table, chosen, options_at_hand
from merestone.web.tables.columns import ListColumn
from merestone.web.tables.export import FORMATS, download
from merestone.web.tables.kind import Cell
from merestone.web.tables.query import SIZES, ListQuery, read_query

CHANGES = ("gained", "lost", "within", "overlay")
SPOKEN = (("gained", "Gained"), ("lost", "Lost"), ("within", "Moves within"), ("overlay", "Overlay"))
WHY = 130
_C = ListColumn


@dataclass(frozen=True, slots=True)
class Moves:
    """The list of moves, as lists are declared."""

    columns: tuple[ListColumn, ...] = (
        _C("name", "Account", link="account", is_default=True),
        _C("external_id", "External id"),
        _C("change", "For you", choices=CHANGES, spoken=SPOKEN, is_default=True),
        _C("from_name", "From territory", is_facet=True),
        _C("from_owner_name", "From", is_facet=True, is_default=True),
        _C("to_name", "To territory", is_facet=True),
        _C("to_owner_name", "To", is_facet=True, is_default=True),
        _C("revenue", "Revenue", Kind.MONEY),
        _C("potential", "Potential", Kind.MONEY, is_default=True),
        _C("workload_hours", "Workload", Kind.NUMBER, unit="h"),
        _C("open_amount", "Open", Kind.MONEY, help="In open opportunities", is_default=True),
        _C("why", "Why", is_default=True, is_wide=True, is_sortable=False),
    )
    search: tuple[str, ...] = ("name", "external_id", "why")
    order: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    title: str = "Accounts that move"
    singular: str = "account"

    hidden: tuple[str, ...] = ()

    @property
    def default_columns(self) -> tuple[ListColumn, ...]:
        """Columns shown unless the person chose others."""
        return tuple(
            column for column in self.columns if column.is_default and column.name not in self.hidden
        )


KIND = Moves()
OVERVIEW = Moves(hidden=("change",))
"""As those see it who plan: nothing is gained or lost by them."""
PLACES = {"from_owner_name": "from_name", "to_owner_name": "to_name"}
"""Columns of people -> the territory said below their name."""


@scoped("reviews")
@require_safe
def reviews_page(request: WebRequest) -> HttpResponse:
    """Show the reviews one was asked to, or all that are on for those who plan."""
    found = reviews_of(request.services, request.actor)
    return render(request, "review/reviews.html", {"title": "Reviews", "reviews": found})


@scoped("reviews")
@require_safe
def review_page(request: WebRequest, key: str) -> HttpResponse:
    """Show what a model does to whoever looks, and keep that they looked."""
    found = picture(request.services, request.actor, key)
    eyes = found.viewing
    note_look(request.services, eyes)
    query = read_query(OVERVIEW if eyes.sees_all else KIND, request.GET)
    rows = found.moves.to_pylist()
    matching = chosen(rows, query, KIND)
    page = min(query.page, max(1, -(-len(matching) // query.size)))
    start = (page - 1) * query.size
    context = frame_of(request, eyes, "moves") | {
        "title": eyes.model.name,
        "picture": found,
        "balance": [_weights(one, eyes) for one in sorted(found.balance, key=_change, reverse=True)],
        "totals": _totals(found),
        "query": query,
        "kind": KIND,
        "heads": [_head(column, query) for column in query.columns],
        "chips": [
            {"filter": one, "url": query.url(drop={key for key, _ in one.keys})} for one in query.filters
        ],
        "lines": _lines(request, found, matching[start : start + query.size], query),
        "total": len(matching),
        "first": start + 1 if matching else 0,
        "last": min(start + query.size, len(matching)),
        "previous": query.url(page=page - 1) if page > 1 else "",
        "next": query.url(page=page + 1) if start + query.size < len(matching) else "",
        "sizes": [(size, query.url(size=size)) for size in SIZES],
        "formats": FORMATS,
        "currency": company().currency,
        "can_challenge": _is_open(request, eyes),
    }
    return render(request, "review/review.html", context)


def _is_open(request: WebRequest, eyes: Viewing) -> bool:
    try:
        refuse_closed(request.services, eyes)
    except ConflictError:
        return False
    return True


def frame_of(request: WebRequest, eyes: Viewing, tab: str) -> dict[str, Any]:
    """Return what every page of a review shows: its name, its deadline, its tabs."""
    key = eyes.model.key
    tabs = [
        ("moves", "What changes", reverse("review", args=[key]), None),
        ("challenges", "Challenges", reverse("review-challenges", args=[key]), len(listed(request.services, request.actor, key))),
    ]  # fmt: skip
    demanded = [
        one
        for one in standings(request.services, eyes.model, eyes.document)
        if eyes.sees_all or one.demand.asks(request.actor.user_id)
    ]
    if demanded:
        n_missing = sum(1 for one in demanded if one.state != "approved")
        tabs.append(("approvals", "Approvals", reverse("review-approvals", args=[key]), n_missing))
    if eyes.sees_all:
        tabs.append(("summary", "How it stands", reverse("review-summary", args=[key]), None))
    last = eyes.model.review_ends_on
    return {
        "model": eyes.model,
        "eyes": eyes,
        "tabs": tabs,
        "tab": tab,
        "ends_on": last,
        "is_over": last is not None and request.services.clock.today() > last,
        "crumbs": [("Reviews", reverse("reviews")), (eyes.model.name, reverse("review", args=[key]))],
        "message": next((one["message"] for one in eyes.invitations if one["message"]), ""),
    }


def _weights(one: dict[str, Any], eyes: Viewing) -> dict[str, Any]:
    measures = [
        {
            "label": label,
            "is_money": name == "potential",
            "before": one["before"][name],
            "after": one["after"][name],
            "index_before": one["before"][f"{name}_index"],
            "index_after": one["after"][f"{name}_index"],
        }
        for name, label in (
            ("accounts", "Accounts"),
            ("potential", "Potential"),
            ("workload_hours", "Workload (h)"),
        )
    ]
    return {"name": one["name"], "is_me": one["rep"] == eyes.actor.rep_id, "measures": measures}


def _change(one: dict[str, Any]) -> float:
    """Return how much somebody's potential moves against the mean."""
    before, after = (one[side]["potential_index"] or 0.0 for side in ("before", "after"))
    return abs(float(after) - float(before))


def _totals(found: Picture) -> list[dict[str, Any]]:
    """Return accounts, potential and open money per kind of change that occurs; over all: who changes hands."""
    names = ["change", "from_owner_name", "to_owner_name", "potential", "open_amount"]
    rows = found.moves.select(names).to_pylist()
    if found.viewing.sees_all:
        hands = [row for row in rows if row["from_owner_name"] != row["to_owner_name"]]
        rest = [row for row in rows if row["from_owner_name"] == row["to_owner_name"]]
        return [_total("Go to somebody else", hands), _total("Change territory only", rest)] if rows else []
    grouped = [(change, label, [row for row in rows if row["change"] == change]) for change, label in SPOKEN]
    return [
        _total(label, mine, change=change)
        for change, label, mine in grouped
        if mine or change in ("gained", "lost")
    ]


def _total(label: str, rows: list[dict[str, Any]], *, change: str = "") -> dict[str, Any]:
    return {
        "label": label,
        "change": change,
        "accounts": len(rows),
        "potential": sum(row["potential"] or 0 for row in rows),
        "open": sum(row["open_amount"] or 0 for row in rows),
    }


def _head(column: ListColumn, query: ListQuery) -> dict[str, Any]:
    is_sorted, is_down = query.sort_name == column.name, query.sort.startswith("-")
    turned = "" if is_sorted and is_down else f"-{column.name}" if is_sorted else column.name
    return {
        "column": column,
        "url": query.url(sort=turned) if column.is_sortable else "",
        "aria": ("descending" if is_down else "ascending") if is_sorted else "",
        "icon": "down" if is_sorted and is_down else "up",
    }


def _lines(request: WebRequest, found: Picture, rows: list[Row], query: ListQuery) -> list[dict[str, Any]]:
    """Return the rows of the page; accounts one may open anyway are linked."""
    ids = [row["id"] for row in rows]
    seen = request.services.visibility.visible_ids(request.actor, "accounts", ids) if ids else set()
    currency = company().currency
    rep = found.viewing.actor.rep_id
    shown = {column.name for column in query.columns}
    return [
        {
            "id": row["id"],
            "name": row["name"],
            "asks": "keep" if rep is not None and found.loads.owner_now(row["id"]) == rep else "give",
            "places": {
                name: row[place] for name, place in PLACES.items() if row[place] and place not in shown
            },
            "is_mine_then": rep is not None and found.loads.owner_then(row["id"]) == rep,
            "cells": [
                Cell(column, _shown(column, row), row["id"] if row["id"] in seen else None, currency)
                for column in query.columns
            ],
        }
        for row in rows
    ]


def _shown(column: ListColumn, row: Row) -> Any:
    """Return a value as the list shows it: long reasons are whole on the account's own page and in exports."""
    value = row[column.path]
    return f"{value[: WHY - 1]}…" if column.name == "why" and len(value) > WHY else value


@scoped("reviews")
@require_safe
def review_filters(request: WebRequest, key: str) -> HttpResponse:
    """Return the form of filters."""
    query = read_query(KIND, request.GET)
    rows = picture(request.services, request.actor, key).moves.to_pylist()
    groups = []
    for column in KIND.columns:
        names = [column.name, *(f"{column.name}.{part}" for part in ("min", "max", "from", "to", "empty"))]
        groups.append(
            {
                "column": column,
                "is_active": any(request.GET.get(name) for name in names),
                "options": options_at_hand(column, rows) if column.has_options else [],
                "chosen": request.GET.getlist(column.name),
                "value": {
                    name.rpartition(".")[2] if "." in name else "text": request.GET.get(name, "")
                    for name in names
                },
            }
        )
    keep = [pair for pair in query.pairs if pair[0] in ("q", "sort", "cols", "size")]
    context = {"kind": KIND, "groups": groups, "keep": keep, "action": reverse("review", args=[key])}
    return render(request, "partials/filters.html", context)


@scoped("reviews")
@require_safe
def review_columns(request: WebRequest, key: str) -> HttpResponse:
    """Return the form of columns."""
    viewing(request.services, request.actor, key)
    query = read_query(KIND, request.GET)
    keep = [pair for pair in query.pairs if pair[0] not in ("cols", "page")]
    shown = {column.name for column in query.columns}
    context = {"kind": KIND, "keep": keep, "shown": shown, "action": reverse("review", args=[key])}
    return render(request, "partials/columns.html", context)


@scoped("reviews", right=Right.EXPORT)
@require_safe
def review_export(request: WebRequest, key: str, fmt: str) -> HttpResponse:
    """Return exactly the rows and columns shown, as a file."""
    if fmt not in FORMATS:
        raise Http404
    query = read_query(KIND, request.GET)
    rows = chosen(picture(request.services, request.actor, key).moves.to_pylist(), query, KIND)
    table = as_table(rows, query.columns, MOVES)
    labels = {column.name: column.label for column in query.columns}
    return download(request, table, name=f"review-{key}", fmt=fmt, labels=labels)  # type: ignore[return-value]


# --- approvals --------------------------------------------------------------------------------------------------------


@scoped("reviews")
@require_http_methods(["GET", "HEAD", "POST"])
def approvals_page(request: WebRequest, key: str) -> HttpResponse:
    """Show who has approved and who is missing; take one's own word."""
    eyes = viewing(request.services, request.actor, key)
    problems: list[Any] = []
    if request.method == "POST":
        territory = request.POST.get("territory") or None
        is_approved = request.POST.get("word") == "approve"
        try:
            done = approve(
                request.services, request.actor, key, territory, is_approved=is_approved, note=request.POST.get("note", "")
            )  # fmt: skip
        except InvalidInputError as error:
            problems = error.problems
        else:
            messages.success(request, "Approved." if done["state"] == "approved" else "Rejected.")
            return redirect("review-approvals", key)
    demanded = standings(request.services, eyes.model, eyes.document)
    mine = request.actor.user_id
    shown = [one for one in demanded if eyes.sees_all or one.demand.asks(mine)]
    if not shown and not eyes.sees_all:
        raise Http404
    context = frame_of(request, eyes, "approvals") | {
        "title": "Approvals",
        "standings": [{"one": one, "is_mine": one.demand.asks(mine)} for one in shown],
        "is_author": mine in request.services.reviews.authors(eyes.model.id),
        "problems": problems,
    }
    return render(request, "review/approvals.html", context, status=422 if problems else 200)


# --- for those who plan -----------------------------------------------------------------------------------------------


class Ask(forms.Form):
    """What is said to those who are asked."""

    ends_on = forms.DateField(
        label="Last day for challenges", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="In the company's time zone. Empty: no last day.",
    )  # fmt: skip
    depth = forms.TypedChoiceField(
        label="Approvals", required=False, coerce=int, empty_value=None,
        choices=[("", "None needed"), ("0", "Each root's manager"), ("1", "Each manager one level down")],
        help_text="Nobody approves a model they wrote or changed themselves.",
    )  # fmt: skip
    message = forms.CharField(
        label="Message", required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 4}),
        help_text="They read it on their page and in their mail.",
    )  # fmt: skip


@scoped("reviews", right=Right.PLAN)
@require_http_methods(["GET", "HEAD", "POST"])
def start_page(request: WebRequest, key: str) -> HttpResponse:
    """Choose whom to ask, and start the review; in review: ask more people."""
    eyes = viewing(request.services, request.actor, key)
    is_new = eyes.model.state == "planning"
    if not is_new and not eyes.is_open:
        raise Http404
    policies = read_policies(request.services, request.actor, key)
    approvals = policies.get("approvals") or {}
    usual = challenge_policy.initial_of(policies.get("challenges") or {})
    terms = (
        None if usual is None else challenge_policy.ChallengePolicyForm(request.POST or None, initial=usual)
    )
    first = {"ends_on": eyes.model.review_ends_on, "depth": approvals.get("depth")}
    form = Ask(request.POST or None, initial=first)
    problems: list[Any] = []
    if request.method == "POST" and form.is_valid() and (terms is None or terms.is_valid()):
        try:
            if terms is not None and terms.has_changed():
                changed = challenge_policy.policy_of(terms.cleaned_data)
                set_policies(request.services, request.actor, key, {"challenges": changed or None})
            n_told = _ask(request, key, form.cleaned_data, approvals, is_new=is_new)
        except InvalidInputError as error:
            problems = error.problems
        else:
            messages.success(
                request, f"{n_told} {'person was' if n_told == 1 else 'people were'} asked to look."
            )
            return redirect("review-summary", key)
    asked = {(one["user_id"], one["role"]) for one in request.services.reviews.invitations(eyes.model.id)}
    suggestions = inviting.suggested(request.services, request.actor, key)
    known = {one["user_id"] for one in suggestions}
    others = [one for one in request.services.reviews.people() if one.user_id not in known]
    context = frame_of(request, eyes, "start") | {
        "title": "Start a review" if is_new else "Ask more people",
        "form": form,
        "terms": terms,
        "n_rules": len((policies.get("challenges") or {}).get("accept") or ()),
        "picked": set(request.POST.getlist("guest")) if request.method == "POST" else None,
        "is_new": is_new,
        "problems": problems,
        "suggestions": [
            one
            | {
                "value": f"{one['user_id']}:{one['role']}:{one['territory'] or ''}",
                "is_asked": (one["user_id"], one["role"]) in asked,
                "territory_name": eyes.territory_name(one["territory"]) or "",
            }
            for one in suggestions
        ],
        "others": others,
        "territories": [(node.key, node.name) for node in eyes.document.tree],
    }
    is_wrong = bool(problems or form.errors or (terms is not None and terms.errors))
    return render(request, "review/start.html", context, status=422 if is_wrong else 200)


def _ask(
    request: WebRequest, key: str, said: dict[str, Any], approvals: dict[str, Any], *, is_new: bool
) -> int:
    guests = [guest for value in request.POST.getlist("guest") if (guest := _guest(value))]
    extra = _guest(
        f"{request.POST.get('other', '')}:{request.POST.get('role', '')}:{request.POST.get('part', '')}"
    )
    guests += [extra] if extra else []
    if said["depth"] != approvals.get("depth"):
        wanted = {
            name: value for name, value in (approvals | {"depth": said["depth"]}).items() if value is not None
        }
        set_policies(request.services, request.actor, key, {"approvals": wanted or None})
    if is_new:
        done = start_review(
            request.services, request.actor, key, guests, ends_on=said["ends_on"], message=said["message"]
        )
    else:
        done = inviting.invite(
            request.services, request.actor, key, guests, ends_on=said["ends_on"], message=said["message"]
        )
    return int(done["invited"])


def _guest(value: str) -> inviting.Guest | None:
    number, role, territory = (*value.split(":", 2), "", "")[:3]
    if not (number.isascii() and number.isdigit()):
        return None
    return inviting.Guest(int(number), role or "reviewer", territory or None)


@scoped("reviews", right=Right.PLAN)
@require_safe
def summary_page(request: WebRequest, key: str) -> HttpResponse:
    """Show who has looked, who challenged what, what is decided and approved; made to be printed."""
    eyes = viewing(request.services, request.actor, key)
    context = frame_of(request, eyes, "summary") | {
        "title": "How the review stands",
        "summary": summary(request.services, request.actor, key),
        "challenges": listed(request.services, request.actor, key),
    }
    return render(request, "review/summary.html", context)


@scoped("reviews", right=Right.PLAN)
@require_POST
def remind(request: WebRequest, key: str) -> HttpResponse:
    """Remind those who have not looked or said their word; nobody twice a day."""
    n_told = reminders.remind(request.services, request.actor, key)
    text = f"{n_told} reminded." if n_told else "Nobody is left to remind today."
    messages.success(request, text)
    return redirect("review-summary", key)


@scoped("reviews", right=Right.PLAN)
@require_POST
def uninvite(request: WebRequest, key: str, record_id: int) -> HttpResponse:
    """Take an invitation back."""
    inviting.uninvite(request.services, request.actor, key, [record_id])
    messages.success(request, "The invitation was taken back.")
    return redirect("review-summary", key)
