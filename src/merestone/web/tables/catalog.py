"""Every list of the product."""

from __future__ import annotations

from merestone.app.policy import Right
from merestone.core.model.columns import CAUSES, Kind
from merestone.db.queries import lists, scope
from merestone.web.tables.actions import EDIT_ACCOUNTS, EDIT_LEADS, MOVE_ACCOUNTS
from merestone.web.tables.columns import ListColumn, from_contract
from merestone.web.tables.kind import Empty, ListKind
from merestone.web.tables.owned import OWNED, QUOTAS
from merestone.web.tables.people_changes import PEOPLE_CHANGES

_C = ListColumn

PLACE = (
    _C("territory", "Territory", source="territory_name", is_facet=True, is_default=True),
    _C("owner", "Owner", source="owner_name", is_facet=True, link="rep", link_id="owner_id", is_default=True),
    _C("cause", "Assigned by", choices=CAUSES, is_badge=True, help="Why the record is where it is."),
    _C("since", "Owner since", Kind.INSTANT),
)
FACETS: dict[str, dict[str, object]] = {
    "state": {"is_facet": True},
    "country": {"is_facet": True},
    "industry": {"is_facet": True},
    "currency": {"is_facet": True},
    "language": {"is_facet": True},
}


def _custom(table: str) -> tuple[ListColumn, ...]:
    """Return the customer's own fields as columns."""
    kinds = {"text": Kind.TEXT, "number": Kind.NUMBER, "money": Kind.NUMBER}
    return tuple(
        _C(
            f"custom.{field.key}", field.label, kinds.get(field.kind, Kind.TEXT), source=f"custom__{field.key}",
            choices=tuple(field.choices or ()), is_sortable=field.kind in ("text", "number", "money", "date"),
            is_filterable=field.kind in ("text", "number", "money"),
        )
        for field in lists.custom_fields(table)
    )  # fmt: skip


def _custom_of_accounts() -> tuple[ListColumn, ...]:
    return _custom("accounts")


def _custom_of_leads() -> tuple[ListColumn, ...]:
    return _custom("leads")


ACCOUNT_COLUMNS = from_contract(
    "accounts",
    skip=("geo_precision",),
    default=("name", "city", "state", "industry", "lifecycle", "potential", "workload_hours"),
    name={"link": "account"},
    **FACETS,
)
ACCOUNTS = ListKind(
    name="accounts",
    title="Accounts",
    singular="account",
    scope="accounts",
    lede="Companies and sites you sell to or want to.",
    rows=scope.accounts,
    columns=(ACCOUNT_COLUMNS[1], *PLACE[:2], ACCOUNT_COLUMNS[0], *ACCOUNT_COLUMNS[2:], *PLACE[2:]),
    search=("name", "external_id", "domain", "city"),
    order=("name",),
    table="accounts",
    custom=_custom_of_accounts,
    create="account-new",
    actions=(MOVE_ACCOUNTS, EDIT_ACCOUNTS),
    empty=Empty(
        "No accounts yet",
        "Bring in the companies you sell to from a CSV, Excel or Parquet file; columns are matched for you.",
        "Import accounts",
        "import-new",
        Right.IMPORT,
    ),
)
UNASSIGNED = ListKind(
    name="unassigned",
    title="Unassigned queue",
    singular="account",
    scope="accounts",
    lede="Accounts without an owner: no territory matched, or the territory has nobody. Nothing is ever nowhere.",
    rows=scope.queue,
    columns=tuple(column for column in ACCOUNTS.columns if column.name != "owner"),
    search=ACCOUNTS.search,
    order=("since",),
    table="accounts",
    custom=_custom_of_accounts,
    actions=(MOVE_ACCOUNTS, EDIT_ACCOUNTS),
    empty=Empty(
        "The queue is empty",
        "Every account you can see has an owner. Well kept.",
        "See all accounts",
        "accounts",
    ),
)
LEADS = ListKind(
    name="leads",
    title="Leads",
    singular="lead",
    scope="leads",
    lede="People and companies that may want to buy.",
    rows=scope.leads,
    columns=(
        *from_contract(
            "leads",
            skip=("geo_precision", "latitude", "longitude", "owner"),
            default=("name", "company", "state", "source", "status", "received_at"),
            name={"link": "lead"},
            source={"is_facet": True},
            **FACETS,
        ),
        *PLACE,
        _C("touched_at", "Last touch", Kind.INSTANT, is_default=True),
    ),
    search=("name", "company", "email", "external_id"),
    order=("-received_at",),
    table="leads",
    custom=_custom_of_leads,
    create="lead-new",
    create_right=Right.WORK_LEADS,
    actions=(EDIT_LEADS,),
    empty=Empty(
        "No leads yet",
        "Leads arrive by import, through the API, or one by one.",
        "Import leads",
        "import-new",
        Right.IMPORT,
    ),
)
OPPORTUNITIES = ListKind(
    name="opportunities",
    title="Opportunities",
    singular="opportunity",
    scope="opportunities",
    lede="Possible sales, open until won or lost.",
    rows=scope.opportunities,
    columns=from_contract(
        "opportunities",
        default=(
            "name",
            "account",
            "owner",
            "stage",
            "amount",
            "probability",
            "expected_close_on",
            "closed_on",
        ),
        name={"link": "opportunity"},
        account={"link": "account"},
        product={"link": "", "is_facet": True},
        owner={"is_facet": True},
        currency={"is_facet": True},
    ),
    search=("name", "account__name", "external_id"),
    order=("-opened_on",),
    table="opportunities",
    empty=Empty(
        "No opportunities yet",
        "Open one from an account, or import your pipeline.",
        "Go to accounts",
        "accounts",
    ),
)
ACTIVITIES = ListKind(
    name="activities",
    title="Activities",
    singular="activity",
    scope="activities",
    lede="Calls, mails, visits, tasks, notes and service cases.",
    rows=scope.activities,
    columns=from_contract(
        "activities",
        default=("subject", "kind", "account", "lead", "rep", "occurs_at", "is_done"),
        account={"link": "account"},
        lead={"link": "lead"},
        rep={"is_facet": True},
        notes={"is_wide": True},
    ),
    search=("subject", "account__name", "lead__name", "notes"),
    order=("-occurs_at",),
    table="activities",
    empty=Empty(
        "No activities yet", "Log a call or a visit from an account's page.", "Go to accounts", "accounts"
    ),
)
CONTACTS = ListKind(
    name="contacts",
    title="Contacts",
    singular="contact",
    scope="contacts",
    lede="The people at your accounts.",
    rows=scope.contacts,
    columns=from_contract(
        "contacts",
        default=("last_name", "first_name", "title", "account", "email", "phone", "is_decision_maker"),
        last_name={"link": "contact"},
        account={"link": "account"},
        language={"is_facet": True},
    ),
    search=("last_name", "first_name", "email", "account__name"),
    order=("last_name", "first_name"),
    table="contacts",
    empty=Empty(
        "No contacts yet", "Add people from an account's page, or import them.", "Go to accounts", "accounts"
    ),
)
CONTRACTS = ListKind(
    name="contracts",
    title="Contracts",
    singular="contract",
    scope="contracts",
    lede="What customers have bought for a time; each end is a renewal.",
    rows=scope.contracts,
    columns=from_contract(
        "contracts",
        default=("external_id", "account", "product", "annual_value", "starts_on", "ends_on", "state"),
        account={"link": "account"},
        product={"link": "", "is_facet": True},
    ),
    search=("account__name", "external_id", "product__name"),
    order=("ends_on",),
    table="contracts",
    empty=Empty(
        "No contracts yet",
        "Import contracts to see renewals coming.",
        "Import contracts",
        "import-new",
        Right.IMPORT,
    ),
)
REPS = ListKind(
    name="reps",
    title="Reps",
    singular="rep",
    scope="reps",
    lede="The people who sell.",
    rows=scope.reps,
    columns=from_contract(
        "reps",
        skip=("home_latitude", "home_longitude"),
        default=(
            "name",
            "office",
            "home_city",
            "home_state",
            "seniority",
            "languages",
            "skills",
            "capacity_hours",
        ),
        name={"link": "rep"},
        manager={"source": "manager__name", "link": "rep", "link_id": "manager_id"},
        home_state={"is_facet": True},
        office={"is_facet": True},
        seniority={"is_badge": False},
    ),
    search=("name", "email", "office", "home_city"),
    order=("name",),
    table="reps",
    empty=Empty(
        "No reps yet",
        "Import your sales team to staff territories.",
        "Import reps",
        "import-new",
        Right.IMPORT,
    ),
)
CLAIMS = ListKind(
    name="claims",
    title="Claims",
    singular="claim",
    scope="claims",
    lede="Disputes over who owns an account, each with its deadline.",
    rows=scope.claims,
    columns=(
        _C(
            "account",
            "Account",
            source="account__name",
            link="account",
            link_id="account_id",
            is_default=True,
        ),
        _C(
            "claimant",
            "Claimed by",
            source="claimant__name",
            link="rep",
            link_id="claimant_id",
            is_facet=True,
            is_default=True,
        ),
        _C(
            "holder",
            "Held by",
            source="holder__name",
            link="rep",
            link_id="holder_id",
            is_facet=True,
            is_default=True,
        ),
        _C("reason", "Reason", is_wide=True, is_default=True),
        _C("state", "State", choices=("open", "upheld", "rejected"), is_badge=True, is_default=True),
        _C("opened_at", "Opened", Kind.INSTANT, is_default=True),
        _C("due_on", "Due", Kind.DATE, is_default=True),
        _C("decided_at", "Decided", Kind.INSTANT),
        _C("decision", "Decision", is_wide=True),
    ),
    search=("account__name", "claimant__name", "holder__name", "reason"),
    order=("-opened_at",),
    empty=Empty("No claims", "Nobody disputes an account at the moment."),
)
PRODUCTS = ListKind(
    name="products",
    title="Products",
    singular="product",
    scope="products",
    lede="What the company sells.",
    rows=lists.products,
    columns=from_contract(
        "products",
        default=("name", "external_id", "family", "price"),
        family={"is_facet": True},
        currency={"is_facet": True},
    ),
    search=("name", "family", "external_id"),
    order=("family", "name"),
    table="products",
    empty=Empty("No products yet", "Import your price list.", "Import products", "import-new", Right.IMPORT),
)
IMPORTS = ListKind(
    name="imports",
    title="Imports",
    singular="import",
    scope="imports",
    lede="Files taken in: what was accepted, what was not, and the way back.",
    right=Right.IMPORT,
    rows=lists.imports,
    columns=(
        _C("file_name", "File", link="import", is_default=True),
        _C("table", "Records", is_facet=True, is_default=True),
        _C(
            "state",
            "State",
            choices=("previewed", "applied", "undone", "failed"),
            is_badge=True,
            is_default=True,
        ),
        _C("n_rows", "Rows", Kind.NUMBER, is_default=True),
        _C("n_accepted", "Accepted", Kind.NUMBER, is_default=True),
        _C("n_rejected", "Rejected", Kind.NUMBER, is_default=True),
        _C("n_duplicates", "Duplicates", Kind.NUMBER, is_default=True),
        _C("n_unchanged", "Unchanged", Kind.NUMBER),
        _C("created_by", "By", source="created_by__email", is_facet=True, is_default=True),
        _C("created_at", "When", Kind.INSTANT, is_default=True),
        _C("applied_at", "Applied", Kind.INSTANT),
    ),
    search=("file_name", "table"),
    order=("-created_at",),
    create="import-new",
    create_right=Right.IMPORT,
    empty=Empty(
        "No imports yet",
        "Start with your accounts; the wizard shows every problem before anything is saved.",
        "New import",
        "import-new",
        Right.IMPORT,
    ),
)
JOBS = ListKind(
    name="jobs",
    title="Jobs",
    singular="job",
    scope="jobs",
    lede="Long work done in the background.",
    rows=lists.jobs,
    columns=(
        _C("kind", "Work", is_facet=True, is_default=True),
        _C(
            "state",
            "State",
            choices=("queued", "running", "done", "failed", "cancelled"),
            is_badge=True,
            is_default=True,
        ),
        _C("done_steps", "Done", Kind.NUMBER, is_default=True),
        _C("total_steps", "Of", Kind.NUMBER, is_default=True),
        _C("message", "Message", is_wide=True, is_default=True),
        _C("attempts", "Attempts", Kind.NUMBER),
        _C("created_by", "By", source="created_by__email", is_facet=True),
        _C("created_at", "Asked", Kind.INSTANT, is_default=True),
        _C("finished_at", "Finished", Kind.INSTANT, is_default=True),
        _C("error", "Error", is_wide=True),
    ),
    search=("kind", "message"),
    order=("-created_at",),
    empty=Empty("No jobs", "Large imports and rule runs will show here while they work."),
)
USERS = ListKind(
    name="users",
    title="Users",
    singular="user",
    scope="users",
    lede="Who may sign in, and what they may do.",
    right=Right.MANAGE_USERS,
    rows=lists.users,
    columns=(
        _C("name", "Name", link="user", is_default=True),
        _C("email", "E-mail", is_default=True),
        _C(
            "role",
            "Role",
            choices=("admin", "planner", "manager", "rep", "integration"),
            is_badge=True,
            is_default=True,
        ),
        _C("is_active", "Active", Kind.BOOLEAN, is_default=True),
        _C("last_login", "Last sign-in", Kind.INSTANT, is_default=True),
        _C("created_at", "Since", Kind.INSTANT, is_default=True),
        _C("time_zone", "Time zone"),
    ),
    search=("name", "email"),
    order=("name", "email"),
    create="user-new",
    create_right=Right.MANAGE_USERS,
    empty=Empty("No users", "Add the first one.", "Add user", "user-new", Right.MANAGE_USERS),
)

KINDS: dict[str, ListKind] = {
    kind.name: kind
    for kind in (
        ACCOUNTS, UNASSIGNED, LEADS, OPPORTUNITIES, ACTIVITIES, CONTACTS, CONTRACTS, REPS, CLAIMS, PRODUCTS, IMPORTS,
        JOBS, USERS, *OWNED, QUOTAS, *PEOPLE_CHANGES,
    )
}  # fmt: skip
