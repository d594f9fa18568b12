"""The lists of who owned what on a day, and of quotas."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from merestone.app.history import drop_quotas, read_moment
from merestone.app.history.moments import day_of
from merestone.app.policy import Right
from merestone.core.model.columns import CAUSES, Kind
from merestone.db.queries import history
from merestone.web.forms.bulk import ActorForm
from merestone.web.tables.columns import ListColumn
from merestone.web.tables.kind import BulkAction, Empty, ListKind

_C = ListColumn
OWNER = _C(
    "owner", "Owner", source="owner_shown", is_facet=True, link="rep", link_id="owner_link", is_default=True
)
TERRITORY = _C("territory", "Territory", source="territory_shown", is_facet=True, is_default=True)
DATES = (
    _C("since", "From", Kind.INSTANT, source="valid_from", is_default=True),
    _C("until", "To", Kind.INSTANT, source="valid_to", is_default=True, help="Empty: until further notice."),
)
REASONS = (
    _C("cause", "Assigned by", choices=CAUSES, is_badge=True, is_default=True),
    _C("model", "Model", source="model_shown", is_facet=True, is_default=True),
)
NOTHING_THEN = Empty(
    "Nothing was there then",
    "No record you can see had a place on that day, as far as this database knew.",
)


def ask_moments(kind: ListKind, request: Any) -> ListKind:
    """Return the kind with the rows of the day a request asks about, as known on another."""
    table = kind.name.removeprefix("owned-")
    services, asked = request.services, request.GET
    today = services.clock.today()
    on = read_moment(services, asked.get("on") or today.isoformat())
    known = read_moment(services, asked["known"], name="known") if asked.get("known") else None
    ids = None
    if known is not None:
        ids = services.history.as_of(table, on, known=known)["id"].to_pylist()
    day = day_of(services, on)
    words = {
        "on": day,
        "is_today": day == today,
        "known": day_of(services, known) if known else None,
        "today": today,
        "tables": [(f"owned-{name}", name.capitalize()) for name in ("accounts", "leads", "opportunities")],
    }
    return replace(kind, rows=lambda actor: history.owned_on(actor, table, on, ids=ids), asked=words)


def _owned(table: str, singular: str, columns: tuple[ListColumn, ...]) -> ListKind:
    return ListKind(
        name=f"owned-{table}",
        title="Who owned what",
        singular=singular,
        scope=table,
        lede="A day of the past, and what was known of it when. Of what you may see today.",
        rows=lambda actor: history.owned_on(actor, table, read_no_moment()),
        columns=columns,
        search=("record_name", "record_key"),
        order=("record_name",),
        empty=NOTHING_THEN,
        keeps=("on", "known"),
        ask=ask_moments,
        bar="history/bar.html",
    )


def read_no_moment() -> Any:
    """Fail: a list of the past is never read without asking for its day."""
    raise AssertionError("the day is read by ask_moments")


def _record(label: str, route: str) -> tuple[ListColumn, ...]:
    return (
        _C("name", label, source="record_name", link=route, link_id="record_id", is_default=True),
        _C("id", "External id", source="record_key"),
    )


OWNED = (
    _owned("accounts", "account", (*_record("Account", "account"), TERRITORY, OWNER, *REASONS, *DATES)),
    _owned("leads", "lead", (*_record("Lead", "lead"), TERRITORY, OWNER, *REASONS, *DATES)),
    _owned(
        "opportunities",
        "opportunity",
        (
            *_record("Opportunity", "opportunity"),
            _C("account", "Account", source="account_name", is_default=True),
            OWNER,
            *REASONS,
            *DATES,
        ),
    ),
)


def _drop(request: Any, ids: list[int], _: dict[str, Any]) -> str:
    n = drop_quotas(request.services, request.actor, ids)
    return f"{n} {'quota is' if n == 1 else 'quotas are'} deleted."


def ask_quotas(kind: ListKind, request: Any) -> ListKind:
    """Return the list of quotas with what its bar shows."""
    today: date = request.services.clock.today()
    return replace(kind, asked={"can_enter": request.actor.can(Right.PLAN), "today": today})


QUOTAS = ListKind(
    name="quotas",
    title="Quotas",
    singular="quota",
    scope="territories",
    lede="What each territory is to win, period by period.",
    rows=history.quotas,
    columns=(
        _C("territory", "Territory", source="territory__name", is_facet=True, link="territory",
           link_id="territory__key", is_default=True),
        _C("key", "Key", source="territory__key"),
        _C("starts_on", "From", Kind.DATE, is_default=True),
        _C("ends_on", "To", Kind.DATE, is_default=True, help="First day after the period."),
        _C("amount", "Quota", Kind.MONEY, is_default=True),
        _C("currency", "Currency", is_facet=True),
    ),
    search=("territory__name", "territory__key"),
    order=("-starts_on", "territory__name"),
    empty=Empty(
        "No quotas yet",
        "Say what each territory is to win; attainment is measured against it.",
        "Enter quotas",
        "quotas-enter",
        Right.PLAN,
    ),
    create="quotas-enter",
    create_right=Right.PLAN,
    ask=ask_quotas,
    bar="history/quota_bar.html",
    actions=(
        BulkAction("delete", "Delete", "close", Right.PLAN, ActorForm, _drop,
                   help="What was there before stays in the audit log."),
    ),
)  # fmt: skip
