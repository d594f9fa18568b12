"""Every list of the API: its rows (already scoped to the actor), fields, search and rights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from merestone.api.fields import ID, PLACE, TIMES, VERSION, Field, from_contract, number, open_json
from merestone.app.policy import Actor, Right
from merestone.core.model.columns import MODEL_STATES, TABLES, USER_ROLES, Kind
from merestone.db.queries import lists, scope, territories


@dataclass(frozen=True, slots=True)
class Resource:
    """One list and its details.

    Parameters
    ----------
    name : str
        Path segment.
    scope : str
        Whose rows it shows: the name of the scoped queryset.
    rows : callable
        The scoped queryset of ``db.queries``.
    search : tuple of str
        Paths ``q`` looks in.
    table : str
        Table contract behind it; empty when there is none.
    has_custom : bool
        Whether the customer may declare fields on it.
    """

    name: str
    singular: str
    scope: str
    rows: Callable[[Actor], Any]
    fields: tuple[Field, ...]
    search: tuple[str, ...]
    help: str
    right: Right = Right.SEE
    table: str = ""
    has_custom: bool = False
    has_detail: bool = True

    def field(self, name: str) -> Field | None:
        """Return a field by name."""
        return next((field for field in self.fields if field.name == name), None)

    @property
    def schema_name(self) -> str:
        """Name of its schemas in the OpenAPI document."""
        return self.singular.title().replace(" ", "")


CUSTOM = open_json("custom", "The customer's own fields by key; filter by `custom.<key>`.")


def _is_visible_rep(actor: Actor) -> Any:
    # The scoped queryset is DISTINCT over a join; as a subquery it can be ordered by anything.
    rows = scope.reps(actor)
    return rows.model._default_manager.filter(pk__in=rows.order_by().values("pk"))


def _record(
    name: str,
    singular: str,
    rows: Callable[[Actor], Any],
    *,
    search: tuple[str, ...],
    text: str,
    fields: tuple[Field, ...] | None = None,
    more: tuple[Field, ...] = (),
    has_custom: bool = False,
) -> Resource:
    body = from_contract(name) if fields is None else fields
    custom = (CUSTOM,) if has_custom else ()
    return Resource(
        name,
        singular,
        name,
        rows,
        (ID, VERSION, *body, *more, *custom, *TIMES),
        search,
        text,
        table=name if name in TABLES else "",
        has_custom=has_custom,
    )


ACCOUNTS = _record(
    "accounts",
    "account",
    scope.accounts,
    search=("name", "external_id", "domain", "city"),
    text="Companies and sites, each with its territory and owner.",
    more=PLACE,
    has_custom=True,
)
LEADS = _record(
    "leads",
    "lead",
    scope.leads,
    search=("name", "company", "email", "external_id"),
    text="People and companies that may want to buy.",
    fields=from_contract("leads", skip=("owner",)),
    more=(*PLACE, Field("touched_at", Kind.INSTANT, "Last activity of its owner.")),
    has_custom=True,
)
OPPORTUNITIES = _record(
    "opportunities",
    "opportunity",
    scope.opportunities,
    search=("name", "account__name", "external_id"),
    text="Possible sales, open until won or lost.",
)
ACTIVITIES = _record(
    "activities",
    "activity",
    scope.activities,
    search=("subject", "account__name", "lead__name", "notes"),
    text="Calls, mails, visits, tasks, notes and service cases.",
    more=(number("opportunity_id", "Opportunity it belongs to."),),
)
CONTACTS = _record(
    "contacts",
    "contact",
    scope.contacts,
    search=("last_name", "first_name", "email", "account__name"),
    text="The people at accounts.",
)
CONTRACTS = _record(
    "contracts",
    "contract",
    scope.contracts,
    search=("account__name", "external_id", "product__name"),
    text="What customers have bought for a time.",
)
REPS = _record(
    "reps",
    "rep",
    _is_visible_rep,
    search=("name", "email", "office", "home_city"),
    text="The people who sell.",
    fields=from_contract("reps", skip=("manager",)),
    more=(
        number("manager_id", "Rep they report to."),
        Field("manager", help="Their manager's name.", source="manager__name"),
    ),
)
PRODUCTS = _record(
    "products",
    "product",
    lists.products,
    search=("name", "family", "external_id"),
    text="What the company sells.",
)
QUEUE = Resource(
    "queue",
    "queued account",
    "accounts",
    scope.queue,
    ACCOUNTS.fields,
    ACCOUNTS.search,
    "The unassigned queue: accounts without an owner.",
    table="accounts",
    has_custom=True,
    has_detail=False,
)
CLAIMS = Resource(
    "claims",
    "claim",
    "claims",
    scope.claims,
    (
        ID,
        VERSION,
        number("account_id", "Account in dispute."),
        Field("account", help="Its name.", source="account__name"),
        number("claimant_id", "Rep who claims it."),
        Field("claimant", help="Their name.", source="claimant__name"),
        number("holder_id", "Rep who holds it."),
        Field("holder", help="Their name.", source="holder__name"),
        Field("reason", help="What the claim rests on."),
        Field("state", help="Where the case stands.", choices=("open", "upheld", "rejected")),
        Field("opened_at", Kind.INSTANT, "When it was opened."),
        Field("due_on", Kind.DATE, "Day by which it must be decided."),
        Field("decided_at", Kind.INSTANT, "When it was decided."),
        Field("decision", help="What was decided, and why."),
        *TIMES,
    ),
    ("account__name", "claimant__name", "holder__name", "reason"),
    "Disputes over who owns an account.",
)
IMPORTS = Resource(
    "imports",
    "import",
    "imports",
    lists.imports,
    (
        ID,
        Field("table", help="What was imported.", choices=tuple(TABLES)),
        Field("file_name", help="Name of the file."),
        Field("file_sha256", help="Its SHA-256."),
        Field("state", help="How far it is.", choices=("previewed", "applied", "undone", "failed")),
        number("n_rows", "Rows of the file."),
        number("n_accepted", "Rows written, or to be written."),
        number("n_rejected", "Rows refused."),
        number("n_duplicates", "Rows that repeat another."),
        number("n_unchanged", "Rows that change nothing."),
        open_json("mapping", "Which header goes to which column."),
        open_json("notes", "What was noticed about the file."),
        Field("created_by", help="E-mail of who uploaded it.", source="created_by__email"),
        Field("created_at", Kind.INSTANT, "When it was uploaded."),
        Field("applied_at", Kind.INSTANT, "When it was written."),
        Field("undone_at", Kind.INSTANT, "When it was taken back."),
    ),
    ("file_name", "table"),
    "Files taken in, with what was wrong in them.",
    right=Right.IMPORT,
)
JOBS = Resource(
    "jobs",
    "job",
    "jobs",
    lists.jobs,
    (
        ID,
        Field("kind", help="What is done."),
        Field("state", help="How far it is.", choices=("queued", "running", "done", "failed", "cancelled")),
        number("done_steps", "Steps done."),
        number("total_steps", "Steps in all."),
        Field("message", help="What it does now."),
        Field("error", help="Why it failed.", is_sortable=False),
        open_json("result", "What came out."),
        number("attempts", "How often it was tried."),
        Field("created_by", help="E-mail of who asked for it.", source="created_by__email"),
        Field("created_at", Kind.INSTANT, "When it was asked for."),
        Field("started_at", Kind.INSTANT, "When it began."),
        Field("finished_at", Kind.INSTANT, "When it ended."),
    ),
    ("kind", "message"),
    "Long work done in the background.",
)
AUDIT = Resource(
    "audit",
    "audit entry",
    "audit",
    lists.audit_entries,
    (
        ID,
        Field("at", Kind.INSTANT, "When."),
        Field("actor", help="Who."),
        Field("cause", help="Why."),
        Field("transaction", help="What was done together."),
        Field("table_name", help="Table of the row."),
        number("row_id", "Id of the row."),
        Field("operation", help="I: created, U: changed, D: deleted.", choices=("I", "U", "D")),
        open_json("changes", "Field -> [old, new], money in hundredths."),
    ),
    ("actor", "cause", "table_name"),
    "Every changed field of every row.",
    right=Right.READ_AUDIT,
    has_detail=False,
)
MODELS = Resource(
    "models",
    "model",
    "models",
    territories.models,
    (
        ID,
        VERSION,
        Field("key", help="Its key."),
        Field("name", help="Its name."),
        Field("state", help="Where it is in its life.", choices=MODEL_STATES),
        Field("effective_on", Kind.DATE, "First day it is meant for."),
        number("n_territories", "Territories in it."),
        Field("activated_at", Kind.INSTANT, "When it was published."),
        Field("archived_at", Kind.INSTANT, "When another took its place."),
        *TIMES,
    ),
    ("key", "name"),
    "Territory models, for those who plan.",
    right=Right.MANAGE_RULES,
    has_detail=False,
)
USERS = Resource(
    "users",
    "user",
    "users",
    lists.users,
    (
        ID,
        Field("name", help="Name."),
        Field("email", help="E-mail, to sign in with."),
        Field("role", help="Role.", choices=USER_ROLES),
        Field("is_active", Kind.BOOLEAN, "May sign in.", is_sortable=False),
        Field("last_login", Kind.INSTANT, "Last sign-in."),
        Field("created_at", Kind.INSTANT, "Since when."),
        Field("time_zone", help="Zone of times on their screen; empty: the company's."),
    ),
    ("name", "email"),
    "Who may sign in.",
    right=Right.MANAGE_USERS,
    has_detail=False,
)

RESOURCES: dict[str, Resource] = {
    resource.name: resource
    for resource in (
        ACCOUNTS, LEADS, OPPORTUNITIES, ACTIVITIES, CONTACTS, CONTRACTS, REPS, PRODUCTS, QUEUE, CLAIMS, IMPORTS, JOBS,
        AUDIT, MODELS, USERS,
    )
}  # fmt: skip
