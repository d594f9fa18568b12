"""A scenario as rules: each territory's criterion before and after, what they would move, and writing them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from merestone.app import scenarios
from merestone.app.policy import Right
from merestone.base.errors import ConflictError, InvalidInputError, MerestoneError, UsageError
from merestone.db.queries.company import company
from merestone.web.request import WebRequest
from merestone.web.scoping import scoped
from merestone.web.views.planning import scenario_frame, status_of, told_problems
from merestone.web.views.planning_lines import NOUNS
from merestone.web.views.rules import MAX_MOVES, MAX_PAIRS

LONG = 6
"""Lists of more units than this are folded."""
_LIST = re.compile(r"\b(county) (?:(not in|in) \(([^()]*)\)|(!=|=) ('[^']*'))", re.IGNORECASE)
Part = dict[str, Any]


@scoped("territories", right=Right.PLAN)
@require_http_methods(["GET", "HEAD", "POST"])
def rules_page(request: WebRequest, key: str) -> HttpResponse:
    """Show a scenario as rules; write exactly what was looked at."""
    error: MerestoneError | None = None
    if request.method == "POST":
        try:
            done = _write(request, key)
        except (ConflictError, InvalidInputError, UsageError) as refused:
            error = refused
        else:
            what = "The plan is in the rules of" if done["written"] else "The rules said this already in"
            messages.success(
                request, f"{what} {done['model']['name']}. Nothing is live until the model is published."
            )
            return redirect("model", done["model"]["key"])
    row = scenarios.summary(request.services, request.actor, key)
    context = {
        "title": "Write as rules",
        "lede": f"What the rules of {row['model']['name']} would say, so that every account goes where the plan has it.",
        **scenario_frame(row, "rules"),
        "currency": company().currency,
        "nouns": NOUNS.get(row["unit_kind"], ("unit", "units")),
        "noun": NOUNS.get(row["unit_kind"], ("unit", "units"))[1],
    }
    try:
        made = scenarios.write_rules(request.services, request.actor, key, limit=MAX_PAIRS * MAX_MOVES)
    except (ConflictError, InvalidInputError, UsageError) as refused:
        context |= told_problems(refused, "There are no rules to show.")
        return render(request, "planning/rules.html", context, status=status_of(refused))
    names = _names(request, key)
    rules = [
        rule | {"before": parts_of(rule["before"], names), "after": parts_of(rule["after"], names)}
        for rule in made["rules"]
    ]
    context |= {
        "made": made,
        "changed": [rule for rule in rules if rule["is_changed"]],
        "n_same": sum(not rule["is_changed"] for rule in rules),
        "strays": _strays(made),
        "failing": _failing(made),
        "difference": _difference(made["difference"]),
        **told_problems(error, "The rules were not written."),
    }
    return render(request, "planning/rules.html", context, status=status_of(error))


def _write(request: WebRequest, key: str) -> dict[str, Any]:
    seen, fingerprint = request.POST.get("seen", ""), request.POST.get("fingerprint", "")
    if not (seen.isascii() and seen.isdigit() and len(seen) < 10) or not fingerprint:
        raise UsageError(
            "Nothing says which rules were looked at.", fix="Look at them below, then write them."
        )
    return scenarios.write_rules(
        request.services, request.actor, key, preview=False, seen=int(seen), fingerprint=fingerprint
    )


def _names(request: WebRequest, key: str) -> dict[str, str]:
    units = scenarios.read(request.services, request.actor, key)["units"]
    columns = (units["id"], units["name"], units["state"])
    return {unit: f"{name}, {state}" for unit, name, state in zip(*columns, strict=True)}


def parts_of(where: str | None, names: Mapping[str, str]) -> list[Part]:
    """Return a criterion in parts: text as it is, short lists of units with their names, and long ones folded.

    Parameters
    ----------
    names : mapping of str to str
        Unit -> what people call it.
    """
    parts: list[Part] = []
    at = 0
    for found in _LIST.finditer(where or ""):
        units = [unit.strip().strip("'\"") for unit in (found[3] or found[5]).split(",")]
        called = sorted(names.get(unit, unit) for unit in units)
        if text := (where or "")[at : found.start()].strip():
            parts.append({"text": text})
        if len(units) > LONG:
            parts.append({"text": f"{found[1]} {found[2]}", "n": len(units), "units": called})
        else:
            parts.append({"text": found[0], "called": [] if called == units else called})
        at = found.end()
    if text := (where or "")[at:].strip():
        parts.append({"text": text})
    return parts


def _strays(made: Mapping[str, Any]) -> list[dict[str, Any]]:
    names = {rule["territory"]: rule["name"] for rule in made["rules"]}
    return [
        one | {"gets": names.get(one["gets"], one["gets"]), "wanted": names.get(one["wanted"], one["wanted"])}
        for one in made["strays"]
    ]


def _failing(made: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the cases that would fail, each with the territory whose they are."""
    names = {rule["territory"]: rule["name"] for rule in made["rules"]}
    found = []
    for one in made["failing_cases"]:
        steps = one.get("where", "").split("/")
        key = steps[1] if len(steps) > 1 and steps[0] == "territories" else ""
        found.append(one | {"territory": names.get(key, key)})
    return found


def _difference(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a difference as the partial shows it: pairs, the most accounts first, each with its first moves."""
    moves: dict[tuple[str | None, str | None], list[dict[str, Any]]] = {}
    for row in found["rows"]:
        listed = moves.setdefault((row["from_territory"], row["to_territory"]), [])
        if len(listed) < MAX_MOVES:
            listed.append(row)
    pairs = found["pairs"]
    shown = [pair | {"moves": moves.get((pair["from_territory"], pair["to_territory"]), [])} for pair in pairs[:MAX_PAIRS]]  # fmt: skip
    return {
        "against": "saved",
        "summary": found["summary"],
        "pairs": [pair | {"n_more": pair["accounts"] - len(pair["moves"])} for pair in shown],
        "n_more_pairs": max(0, len(pairs) - MAX_PAIRS),
        "n_held": found["summary"]["held"],
    }
