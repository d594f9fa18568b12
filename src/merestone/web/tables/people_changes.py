"""The lists of people changes: departures, the lines of their plans, leave, cover."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

from django import forms
from django.http import Http404, QueryDict

from merestone.app import people_changes as changes
from merestone.app.policy import Right
from merestone.core.model.columns import Kind
from merestone.db.queries import people_changes as queries
from merestone.db.queries import scope
from merestone.web.forms.bulk import ActorForm
from merestone.web.request import WebRequest
from merestone.web.tables.columns import ListColumn
from merestone.web.tables.kind import BulkAction, Empty, ListKind

_C = ListColumn
KIND_WORDS = (
    ("accounts", "Account"),
    ("leads", "Lead"),
    ("opportunities", "Opportunity"),
    ("activities", "Activity"),
    ("territories", "Territory"),
)
NOBODY, SUGGESTED = "nobody", "suggested"


class ChooseSuccessor(ActorForm):
    """Who takes over what is chosen."""

    successor = forms.ChoiceField(
        label="Taken over by", help_text="Only for these; the plan says who is suggested and why."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["successor"]
        assert isinstance(field, forms.ChoiceField)
        people = queries.choosable(self.actor, on=scope.day(self.actor))
        field.choices = [
            ("", "Choose …"),
            (SUGGESTED, "Whoever is suggested for each"),
            (NOBODY, "Nobody: the unassigned queue"),
            *[(str(pk), name) for pk, name in people.values_list("pk", "name")],
        ]


def choose_successor(request: WebRequest, ids: list[int], data: dict[str, Any]) -> str:
    """Give the chosen lines to somebody, plan by plan."""
    by_plan: defaultdict[int, list[int]] = defaultdict(list)
    for line, plan in queries.handovers(request.actor).filter(pk__in=ids).values_list("pk", "departure_id"):
        by_plan[plan].append(line)
    word, n_lines = data["successor"], 0
    for plan, lines in by_plan.items():
        if word == SUGGESTED:
            n_lines += changes.take_suggestions(request.services, request.actor, plan, lines=lines)
        else:
            rep = None if word == NOBODY else int(word)
            n_lines += changes.choose(request.services, request.actor, plan, lines=lines, successor=rep)
    return f"{n_lines:,} line{'s' if n_lines != 1 else ''} of the plan changed."


def ask_departure(kind: ListKind, request: WebRequest) -> ListKind:
    """Return the list of one departure's lines, or of all when none is named."""
    if request is None:
        return kind
    query = QueryDict(request.POST.get("query", "").lstrip("?")) if request.method == "POST" else request.GET
    wanted = query.get("departure", "")
    if not wanted:
        return kind
    row = (
        queries.departures(request.actor).filter(pk=int(wanted)).first()
        if wanted.isdecimal() and len(wanted) < 12
        else None
    )
    if row is None:
        raise Http404
    actions = kind.actions if row.state == "draft" else ()
    return replace(
        kind,
        rows=lambda actor: queries.handovers(actor).filter(departure_id=row.pk),
        actions=actions,
        asked={"departure": row},
    )


def _person(name: str, label: str, **more: Any) -> _C:
    return _C(name, label, source=f"{name}__name", link="rep", link_id=f"{name}_id", is_facet=True, **more)


HANDOVERS = ListKind(
    name="handovers",
    title="Handovers",
    singular="line",
    scope="reps",
    lede="Who takes over what when somebody leaves, line by line.",
    right=Right.MANAGE_MEMBERS,
    rows=queries.handovers,
    columns=(
        _C("name", "What", is_default=True),
        _C(
            "kind",
            "Kind",
            choices=tuple(kind for kind, _ in KIND_WORDS),
            spoken=KIND_WORDS,
            is_default=True,
        ),
        _person("successor", "Taken over by", is_default=True),
        _C("why", "Why", is_wide=True, is_default=True),
        _C("points", "Points", Kind.NUMBER, help="Of 100, for the one suggested.", is_default=True),
        _person("runner_up", "Runner-up", is_default=True),
        _C("runner_up_points", "Runner-up's points", Kind.NUMBER),
        _C("why_not", "For the runner-up", is_wide=True),
        _C("place", "Territory", is_facet=True),
        _C("workload_hours", "Workload", Kind.NUMBER, unit="h", is_default=True),
        _C("potential", "Potential", Kind.MONEY),
        _C("n_open", "Open work", Kind.NUMBER, help="Opportunities and activities that come along."),
        _person("suggested", "Suggested"),
        _C("is_by_hand", "By hand", Kind.BOOLEAN),
        _C(
            "leaver",
            "Leaves",
            source="departure__rep__name",
            link="rep",
            link_id="departure__rep_id",
            is_facet=True,
        ),
    ),
    search=("name", "place", "successor__name"),
    order=("-workload_hours", "kind", "name"),
    keeps=("departure",),
    ask=ask_departure,
    bar="people_changes/handovers_bar.html",
    actions=(
        BulkAction(
            "choose",
            "Choose who takes over",
            "people",
            Right.MANAGE_MEMBERS,
            ChooseSuccessor,
            choose_successor,
            "Nothing changes hands before the plan is applied.",
        ),
    ),
    empty=Empty("No plan", "Plan a departure on a rep's page, under Changes.", "Reps", "reps"),
)
DEPARTURES = ListKind(
    name="departures",
    title="Departures",
    singular="departure",
    scope="reps",
    lede="Who leaves, when, and what became of their accounts.",
    right=Right.MANAGE_MEMBERS,
    rows=queries.departures,
    columns=(
        _C("rep", "Who", source="rep__name", link="departure", link_id="id", is_default=True),
        _C("last_day", "Last day", Kind.DATE, is_default=True),
        _C(
            "state",
            "State",
            choices=("draft", "scheduled", "done", "cancelled"),
            is_badge=True,
            is_default=True,
        ),
        _C("deactivates", "Ends sign-in", Kind.BOOLEAN, is_default=True),
        _C("note", "Note", is_wide=True, is_default=True),
        _C("created_at", "Planned", Kind.INSTANT, is_default=True),
        _C("done_at", "Done", Kind.INSTANT, is_default=True),
    ),
    search=("rep__name", "note"),
    order=("-last_day",),
    empty=Empty("Nobody leaves", "Plan a departure on a rep's page, under Changes.", "Reps", "reps"),
)
LEAVE = ListKind(
    name="leave",
    title="Leave",
    singular="leave",
    scope="reps",
    lede="Days away: out of rotation, still owner.",
    right=Right.ASSIGN,
    rows=queries.leave,
    columns=(
        _C(
            "rep",
            "Who",
            source="rep__name",
            link="rep-changes",
            link_id="rep_id",
            is_facet=True,
            is_default=True,
        ),
        _C("starts_on", "First day", Kind.DATE, is_default=True),
        _C("ends_on", "First day back", Kind.DATE, is_default=True),
        _C("starts_at_noon", "From noon", Kind.BOOLEAN),
        _C("ends_at_noon", "Back at noon", Kind.BOOLEAN),
        _C("said", "Reason", is_wide=True, is_default=True),
    ),
    search=("rep__name",),
    order=("-starts_on",),
    empty=Empty("Nobody is away", "Enter leave on a rep's page, under Changes.", "Reps", "reps"),
)
COVERS = ListKind(
    name="covers",
    title="Cover",
    singular="cover",
    scope="reps",
    lede="Who stands in for whom; the rep stays owner.",
    right=Right.ASSIGN,
    rows=queries.covers,
    columns=(
        _C(
            "rep",
            "For",
            source="rep__name",
            link="rep-changes",
            link_id="rep_id",
            is_facet=True,
            is_default=True,
        ),
        _C(
            "cover",
            "Stands in",
            source="cover__name",
            link="rep",
            link_id="cover_id",
            is_facet=True,
            is_default=True,
        ),
        _C(
            "account",
            "Account",
            source="account__name",
            link="account",
            link_id="account_id",
            is_default=True,
        ),
        _C("starts_on", "First day", Kind.DATE, is_default=True),
        _C("ends_on", "First day without", Kind.DATE, is_default=True),
        _C("said", "Reason", is_wide=True, is_default=True),
    ),
    search=("rep__name", "cover__name", "account__name"),
    order=("-starts_on",),
    empty=Empty("Nobody stands in", "Enter cover on a rep's page, under Changes.", "Reps", "reps"),
)
PEOPLE_CHANGES = (HANDOVERS, DEPARTURES, LEAVE, COVERS)
