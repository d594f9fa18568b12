"""Planning: a model's tree, and the editor of one territory's rule with builder, live count and difference."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from merestone.app import plan_edits, plans, rulework
from merestone.app.access.places import trimmed
from merestone.app.difference import Difference, preview
from merestone.app.lifecycle import NEXT
from merestone.app.policy import Right
from merestone.app.rulebook import rule_book
from merestone.base.errors import ConflictError, InvalidInputError, MerestoneError, Problem
from merestone.core.model.columns import MODEL_STATES
from merestone.core.model.territory import DEFAULT_PRIORITY, TerritoryModelDocument, TerritoryNode
from merestone.core.rules.reading import MAX_PRIORITY
from merestone.db.queries import territories as queries
from merestone.db.queries.company import company
from merestone.web.request import WebRequest
from merestone.web.scoping import scoped

MAX_RULE = 200_000  # characters that are looked at; the language itself allows fewer
MAX_PAIRS, MAX_MOVES = 30, 50
EDITABLE = ("planning", "in_review")
STALE = "Somebody else changed this territory while you were editing."
Content = dict[str, Any]


# --- a model ----------------------------------------------------------------------------------------------------------


@scoped("territories", right=Right.MANAGE_RULES)
@require_safe
def model_page(request: WebRequest, key: str) -> HttpResponse:
    """Show the tree of one model with its rules, searchable; each territory leads to its rule."""
    found = queries.model_tree(request.actor, key)
    if found is None:
        raise Http404
    model, rows = found
    loaded = request.services.models.load(key)
    book = rule_book(request.services, loaded[1]) if loaded else None
    parents = {row.parent for row in rows}
    owners = _owners(request, loaded[1]) if loaded else {}
    lines = [
        {
            "row": row,
            "rule": book.english(row.key) if book else "",
            "has_children": row.key in parents,
            "owner": ", ".join(row.owners) or owners.get(row.key, ""),
        }
        for row in rows
    ]
    wanted = request.GET.get("q", "").strip()[:200]
    context = {
        "title": model.name,
        "crumbs": [("Territories", reverse("territories")), ("Models", reverse("models"))],
        "model": model,
        "rows": _like(lines, wanted),
        "n_rows": len(lines),
        "wanted": wanted,
        "difference": queries.differences(request.actor, [key])[key],
        "counts_url": reverse("model-counts", args=[key]) if request.actor.can(Right.MANAGE_RULES) else "",
        "steps": states_of(model.state),
        "next": NEXT[model.state],
        "may_plan": request.actor.can(Right.PLAN),
        "may_staff": request.actor.can(Right.MANAGE_MEMBERS),
        "may_edit": model.state in EDITABLE,
    }
    return render(request, "rules/model.html", context)


def states_of(state: str) -> list[Content]:
    """Return the states of a model's life as steps, with the one it is in."""
    place = MODEL_STATES.index(state)
    return [
        {"label": one.replace("_", " ").capitalize(), "is_now": n == place, "is_done": n < place}
        for n, one in enumerate(MODEL_STATES)
    ]


def _owners(request: WebRequest, document: TerritoryModelDocument) -> dict[str, str]:
    """Return territory key -> the owner's name on the model's first day (as the document calls them, if unknown)."""
    today = request.services.clock.today()
    day = max(document.effective or today, today)
    reps = request.services.models.reps()
    names = dict(zip(reps["label"].to_pylist(), reps["rep_name"].to_pylist(), strict=True))
    owners = ((node.key, node.owner_on(day)) for node in document.territories)
    return {key: names.get(owner.lower(), owner) for key, owner in owners if owner}


def _like(lines: list[dict[str, Any]], wanted: str) -> list[dict[str, Any]]:
    """Return the lines that hold the words looked for, with everything above them."""
    if not wanted:
        return lines
    words = wanted.casefold().split()

    def holds(line: dict[str, Any]) -> bool:
        row = line["row"]
        text = f"{row.name} {row.key} {line['rule']} {line['owner']}".casefold()
        return all(word in text for word in words)

    paths = [line["row"].path for line in lines if holds(line)]
    return [line for line in lines if any(path.startswith(line["row"].path) for path in paths)]


@scoped("accounts", right=Right.MANAGE_RULES)
@require_safe
def model_counts(request: WebRequest, key: str) -> HttpResponse:
    """Return how many accounts each territory of a model matches and wins, as JSON."""
    return JsonResponse(rulework.count_territories(request.services, request.actor, model=key))


@scoped("territories", right=Right.PLAN)
@require_POST
def clone(request: WebRequest, key: str) -> HttpResponse:
    """Copy a model into a planning model and open it."""
    made = plan_edits.clone_model(request.services, request.actor, key)
    messages.success(request, f"Copied into “{made['name']}”. Change it as you like; nothing moves until it is published.")  # fmt: skip
    return redirect("model", made["key"])


# --- a territory's rule -----------------------------------------------------------------------------------------------


@scoped("territories", right=Right.MANAGE_RULES)
@require_http_methods(["GET", "HEAD", "POST"])
def rule_page(request: WebRequest, key: str, territory: str) -> HttpResponseBase:
    """Show and change one territory of a model: its rule, its place, its named accounts, its cases."""
    document = _document(request, key)
    saved = plan_edits.read_territory(request.services, request.actor, key, territory)
    if request.method != "POST":
        return _editor(request, document, saved, content=saved)
    problems, content = _content(request, saved)
    act = request.POST.get("action", "check")
    if act in ("save", "plan") and not problems:
        answered = _try(lambda: _saved(request, key, saved, content, act), content)
        if not isinstance(answered, dict):
            return answered
        problems, content = answered["problems"], answered["content"]
        if answered.get("is_stale"):
            return _conflict(request, key, territory, content)
    difference = None
    if act == "preview" and not problems:
        difference = _difference(request, key, territory, content)
    return _editor(
        request,
        document,
        saved,
        content=saved | content,
        problems=problems,
        difference=difference,
        status=422 if problems else 200,
    )


def _document(request: WebRequest, key: str) -> TerritoryModelDocument:
    """Return as much of a model as the actor may look into."""
    return trimmed(request.services, request.actor, plans.load_model(request.services, request.actor, key)[1])


def _saved(request: WebRequest, key: str, saved: Content, content: Content, act: str) -> HttpResponse:
    """Save the changes, into a copy of the model when it is not in planning, and say so."""
    changes = {name: value for name, value in content.items() if value != saved[name]}
    fingerprint = request.POST.get("fingerprint", "")
    model = key
    if act == "plan":
        if changes:  # what would be refused is refused before there is a copy
            plan_edits.changed_document(request.services, request.actor, key, saved["key"], changes)
        made = plan_edits.clone_model(request.services, request.actor, key)
        model, fingerprint = made["key"], saved["fingerprint"]
        messages.success(request, f"You are planning in “{made['name']}”, a copy. Nothing moves until it is published.")  # fmt: skip
    if changes or act == "save":
        answer = plan_edits.edit_territory(
            request.services, request.actor, model, saved["key"], changes, fingerprint=fingerprint
        )
        if act == "save":
            words = "Saved. Nothing moves until the model is published." if answer["changed"] else "Nothing was changed."  # fmt: skip
            messages.success(request, words)
    return redirect("model-rule", model, saved["key"])


def _try(
    act: Callable[[], HttpResponse],
    content: Content,
) -> HttpResponse | dict[str, Any]:
    """Return what an act answers, or the problems that kept it from being done."""
    try:
        return act()
    except InvalidInputError as error:
        return {"problems": error.problems or [_as_problem(error)], "content": content}
    except ConflictError as error:
        return {
            "problems": [_as_problem(error)],
            "content": content,
            "is_stale": error.code == "stale-version",
        }


def _as_problem(error: MerestoneError) -> Problem:
    return Problem(error.code, error.message, error.fix)


def _conflict(request: WebRequest, key: str, territory: str, content: Content) -> HttpResponse:
    """Show the editor with what was typed, what is there now, and saving meaning to replace it."""
    document = _document(request, key)
    now = plan_edits.read_territory(request.services, request.actor, key, territory)
    theirs = [
        {"field": name, "yours": _words(value), "theirs": _words(now[name])}
        for name, value in content.items()
        if value != now[name]
    ]
    return _editor(request, document, now, content=now | content, theirs=theirs, status=409)


def _words(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)} entries" if value else "none"
    return "–" if value in (None, "") else str(value)


def _content(request: WebRequest, saved: Content) -> tuple[list[Problem], Content]:
    """Return what the form says, and what cannot be read of it."""
    post = request.POST
    problems: list[Problem] = []
    where = post.get("where", "")[: MAX_RULE + 1].replace("\r\n", "\n")
    content: Content = {
        "name": (post.get("name") or "").strip() or saved["name"],
        "where": where if where.strip() else None,
        "named": _lines(post.get("named"), saved["named"]),
        "exclude": _lines(post.get("exclude"), saved["exclude"]),
        "notes": str(post.get("notes", saved["notes"])).replace("\r\n", "\n"),
        "parent": post.get("parent", saved["parent"] or "") or None,
        "type": post.get("type", saved["type"]),
        "priority": saved["priority"],
        "cases": saved["cases"],
    }
    if "priority" in post:
        if re.fullmatch(r"\s*[+-]?[0-9]{1,12}\s*", post["priority"]):
            content["priority"] = int(post["priority"])
        else:
            problems.append(Problem("wrong-type", f"'{post['priority'][:40]}' is not a whole number.", "Write e.g. 100.", where="priority"))  # fmt: skip
    if post.get("cases"):
        try:
            content["cases"] = _list_of(json.loads(post["cases"]))
        except (ValueError, RecursionError):
            problems.append(Problem("wrong-shape", "The cases cannot be read.", where="cases"))
    return problems, content


def _list_of(data: Any) -> list[Any]:
    if not isinstance(data, list):
        raise ValueError("no list")
    return data


def _lines(text: str | None, otherwise: list[str]) -> list[str]:
    if text is None:
        return otherwise
    return list(dict.fromkeys(part for line in text.splitlines() if (part := line.strip())))


def _editor(
    request: WebRequest,
    document: TerritoryModelDocument,
    saved: Content,
    *,
    content: Content,
    problems: Iterable[Problem] = (),
    theirs: Iterable[Mapping[str, str]] = (),
    difference: Mapping[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    book = rule_book(request.services, document)
    where = content["where"] or ""
    reading = rulework.read_rule(request.services, request.actor, where[:MAX_RULE], model=document.key)
    path = [node for node in document.tree.path(saved["key"]) if node.key != saved["key"]]
    own = f"territories/{saved['key']}/where"
    below = {node.key for node in document.tree.subtree(saved["key"])}
    is_planning = saved["state"] in EDITABLE
    moves = saved["parent"] is None or saved["parent"] in document.tree.nodes  # else it stays where it hangs
    context = {
        "title": content["name"],
        "crumbs": [
            ("Models", reverse("models")),
            (document.name, reverse("model", args=[document.key])),
            *[(node.name, reverse("model-rule", args=[document.key, node.key])) for node in path],
        ],
        "document": document,
        "saved": saved,
        "content": content,
        "reading": reading,
        "path": [{"key": node.key, "name": node.name, "english": book.english(node.key)} for node in path],
        "type_name": next((kind.name for kind in document.types if kind.key == content["type"]), ""),
        "parents": [line for line in _indented(document) if moves and line[0].key not in below],
        "is_planning": is_planning,
        "problems": [problem for problem in problems if problem.where != own],
        "theirs": list(theirs),
        "count": _count(request, document.key, saved["key"], where, reading) if request.method == "POST" else None,
        "cases_json": json.dumps(content["cases"]),
        "cases": _cases(request, document.key, saved["key"], where, content["cases"]),
        "difference": difference,
        "currency": company().currency,
        "config": _config(document, saved),
        "max_priority": MAX_PRIORITY,
    }  # fmt: skip
    return render(request, "rules/rule.html", context, status=status)


def _indented(document: TerritoryModelDocument) -> list[tuple[TerritoryNode, str]]:
    """Return the territories in tree order, each with the blanks that show its depth in a list of choices."""
    depths: dict[str | None, int] = {None: -1}
    lines = []
    for node in document.tree:
        depths[node.key] = depths[node.parent] + 1
        lines.append((node, "\u2003" * depths[node.key]))
    return lines


def _config(document: TerritoryModelDocument, saved: Content) -> dict[str, Any]:
    """Return what the page's module needs to know."""
    return {
        "model": document.key,
        "territory": saved["key"],
        "name": saved["name"],
        "currency": company().currency,
        "isPlanning": saved["state"] in EDITABLE,
        "urls": {
            "api": "/api/v1/",
            "account": reverse("account", args=[0]),
            "counties": static("vendor/geo/counties-10m.json"),
            "topojson": static("vendor/topojson-client/index.js"),
            "icons": static("img/icons.svg"),
        },
    }


def _count(
    request: WebRequest, model: str, territory: str, where: str, reading: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return the counts of a rule that can be read; for browsers without scripts."""
    if reading["problems"]:
        return None
    found = rulework.count_matches(
        request.services,
        request.actor,
        model=model,
        territory=territory,
        where=where,
        parts=frozenset(("wins", "examples")),
    )
    return found | {"others": found["matches"] - found["wins"] + found["won_by_name"]}


def _cases(
    request: WebRequest, model: str, territory: str, where: str, cases: list[Any]
) -> list[dict[str, Any]]:
    try:
        return rulework.try_cases(
            request.services, request.actor, model=model, territory=territory, where=where, cases=cases
        )
    except InvalidInputError:  # told when it is saved
        return []


# --- what would move --------------------------------------------------------------------------------------------------


@scoped("accounts", right=Right.MANAGE_RULES)
@require_POST
def rule_difference(request: WebRequest, key: str, territory: str) -> HttpResponse:
    """Return what would move with the rule as it stands in the form: from whom to whom, and why; a fragment."""
    saved = plan_edits.read_territory(request.services, request.actor, key, territory)
    problems, content = _content(request, saved)
    context: dict[str, Any] = {"problems": problems}
    if not problems:
        try:
            context["difference"] = _difference(request, key, territory, content)
        except InvalidInputError as error:
            context["problems"] = error.problems or [_as_problem(error)]
    return render(request, "rules/difference.html", context | {"currency": company().currency})


def _difference(request: WebRequest, key: str, territory: str, content: Content) -> dict[str, Any]:
    """Return the difference of the edited model to the saved one, or to where the accounts are now."""
    against = "now" if request.POST.get("against") == "now" else "saved"
    new = plan_edits.changed_document(request.services, request.actor, key, territory, content)
    base = None if against == "now" else key
    found = preview(request.services, request.actor, new, base=base)
    return {"against": against, **_shown(found)}


def _shown(found: Difference) -> dict[str, Any]:
    """Return a difference as the page shows it: pairs, largest first, each with its largest accounts."""
    moves: dict[tuple[str | None, str | None], list[dict[str, Any]]] = {}
    pairs = found.pairs.to_pylist()
    wanted = {(pair["from_territory"], pair["to_territory"]) for pair in pairs[:MAX_PAIRS]}
    columns = ["id", "name", "from_territory", "to_territory", "from_owner_name", "to_owner_name", "revenue", "why"]  # fmt: skip
    for row in found.rows.select(columns).to_pylist():
        pair = (row["from_territory"], row["to_territory"])
        if pair in wanted and len(moves.setdefault(pair, [])) < MAX_MOVES:
            moves[pair].append(row)
    return {
        "summary": found.summary,
        "pairs": [
            pair
            | {
                "moves": (shown := moves.get((pair["from_territory"], pair["to_territory"]), [])),
                "n_more": pair["accounts"] - len(shown),
            }
            for pair in pairs[:MAX_PAIRS]
        ],
        "n_more_pairs": max(0, len(pairs) - MAX_PAIRS),
        "n_held": found.held.num_rows,
    }


# --- adding and removing ----------------------------------------------------------------------------------------------


@scoped("territories", right=Right.PLAN)
@require_http_methods(["GET", "HEAD", "POST"])
def territory_new(request: WebRequest, key: str) -> HttpResponse:
    """Add a territory to a planning model."""
    document = _document(request, key)
    entry: Content = {
        "key": request.POST.get("key", "").strip(),
        "name": request.POST.get("name", "").strip(),
        "parent": (request.POST.get("parent") or request.GET.get("parent") or "").strip() or None,
        "type": request.POST.get("type") or None,
        "where": request.POST.get("where", "")[: MAX_RULE + 1],
        "priority": DEFAULT_PRIORITY,
    }
    problems: list[Problem] = []
    if request.method == "POST":
        given = {name: value for name, value in entry.items() if value is not None and value != ""}
        try:
            plan_edits.add_territory(request.services, request.actor, key, given)
        except InvalidInputError as error:
            problems = error.problems or [_as_problem(error)]
        except ConflictError as error:
            problems = [_as_problem(error)]
        else:
            messages.success(request, f"Added “{entry['name'] or entry['key']}”.")
            return redirect("model-rule", key, entry["key"])
    context = {
        "title": "New territory",
        "crumbs": [("Models", reverse("models")), (document.name, reverse("model", args=[key]))],
        "document": document,
        "entry": entry,
        "parents": _indented(document),
        "problems": problems,
    }
    return render(request, "rules/new.html", context, status=422 if problems else 200)


@scoped("territories", right=Right.PLAN)
@require_http_methods(["GET", "HEAD", "POST"])
def territory_remove(request: WebRequest, key: str, territory: str) -> HttpResponse:
    """Ask what becomes of the territories below, then remove one from a planning model."""
    document = _document(request, key)
    saved = plan_edits.read_territory(request.services, request.actor, key, territory)
    if request.method == "POST":
        plan_edits.remove_territory(
            request.services,
            request.actor,
            key,
            territory,
            children=request.POST.get("children", "refuse"),
            fingerprint=request.POST.get("fingerprint"),
        )
        messages.success(request, f"Removed “{saved['name']}” from the plan.")
        return redirect("model", key)
    below = document.tree.subtree(territory)[1:]
    context = {
        "title": f"Remove {saved['name']}",
        "crumbs": [
            ("Models", reverse("models")),
            (document.name, reverse("model", args=[key])),
            (saved["name"], reverse("model-rule", args=[key, territory])),
        ],
        "document": document,
        "saved": saved,
        "below": below,
        "parent": next((node for node in document.territories if node.key == saved["parent"]), None),
    }
    return render(request, "rules/remove.html", context)
