"""The table contracts: which columns each table has, what they mean, and how files name them.

One registry feeds the importer's mapping, the exporter, the criteria language's fields, list columns and the docs.
Tables cross rooms as Arrow and obey these. Not here: how a database stores them (``db.models``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The type of a column's values; the criteria language knows the same ones."""

    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"
    DATE = "date"
    INSTANT = "instant"  # UTC date and time; the criteria language sees its date
    BOOLEAN = "boolean"
    LIST = "list"  # list of text; ';' between values in flat files
    LOCATION = "location"  # reserved for criteria over (latitude, longitude)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name : str
        Stable snake_case name, the same in files, API, criteria and exports.
    kind : Kind
        Type of the values.
    label : str
        Words on the screen.
    synonyms : tuple of str
        Other headers seen in real files, lower-case with single spaces.
    choices : tuple of str
        Allowed values; empty = free.
    required : bool
        A row without it is rejected on import of a new record.
    minimum : float or None
        Least allowed number.
    unit : str
        ``"h"``, ``"km"``; empty for counts and text.
    refers_to : str
        Table whose ``external_id`` (or ``email`` for reps) the value names.
    is_criterion : bool
        Usable in territory criteria.
    help : str
        One sentence on meaning.
    """

    name: str
    kind: Kind
    label: str
    synonyms: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    refers_to: str = ""
    is_criterion: bool = False
    help: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """The contract of one table: its columns in the order files show them."""

    name: str
    label: str
    columns: tuple[Column, ...]

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(column.name for column in self.columns)


LIFECYCLES = ("prospect", "customer", "churned", "inactive")
LEAD_STATUSES = ("new", "working", "nurturing", "qualified", "converted", "disqualified")
OPPORTUNITY_STAGES = ("prospecting", "qualification", "proposal", "negotiation", "won", "lost")
FORECAST_CATEGORIES = ("omitted", "pipeline", "best_case", "commit", "closed")
ACTIVITY_KINDS = ("call", "mail", "visit", "task", "note", "case")
CONTRACT_STATES = ("active", "renewed", "lost", "ended")
MEMBER_ROLES = ("owner", "manager", "specialist", "sdr", "csm", "backup")
CAUSES = ("lock", "named", "rule", "manual", "import", "design", "default")
MODEL_STATES = ("planning", "in_review", "scheduled", "active", "archived")
USER_ROLES = ("admin", "planner", "manager", "rep", "integration")
GEO_PRECISIONS = ("coordinates", "postal_code", "city", "state", "none")

_C, _K = Column, Kind

ACCOUNTS = Table(
    "accounts",
    "Accounts",
    (
        _C(
            "external_id",
            _K.TEXT,
            "ID",
            ("id", "account id", "account number", "customer id", "customer number", "crm id"),
            is_criterion=True,
            help="The id this account has where it comes from; unique.",
        ),
        _C(
            "name",
            _K.TEXT,
            "Name",
            (
                "account",
                "account name",
                "company",
                "company name",
                "customer",
                "organisation",
                "organization",
            ),
            required=True,
            is_criterion=True,
        ),
        _C(
            "parent",
            _K.TEXT,
            "Parent account",
            ("parent account", "parent id", "subsidiary of", "parent company"),
            refers_to="accounts",
            help="External id (or name) of the parent account.",
        ),
        _C(
            "domain",
            _K.TEXT,
            "Web domain",
            ("website", "website url", "url", "web", "homepage", "web site"),
            is_criterion=True,
            help="Bare domain, e.g. example.com.",
        ),
        _C("phone", _K.TEXT, "Phone", ("telephone", "phone number", "tel")),
        _C(
            "address",
            _K.TEXT,
            "Street address",
            ("address 1", "street", "street address", "billing street", "address line 1"),
        ),
        _C("city", _K.TEXT, "City", ("town", "billing city", "locality"), is_criterion=True),
        _C(
            "state",
            _K.TEXT,
            "State",
            ("state province", "state/province", "province", "region", "billing state"),
            is_criterion=True,
            help="ISO 3166-2 subdivision without the country prefix: CA, ON, BY.",
        ),
        _C(
            "postal_code",
            _K.TEXT,
            "Postal code",
            ("zip", "zip code", "zipcode", "postcode", "postal", "billing zip", "plz"),
            is_criterion=True,
        ),
        _C(
            "country",
            _K.TEXT,
            "Country",
            ("country code", "billing country", "office location", "nation"),
            is_criterion=True,
            help="ISO 3166-1 alpha-2 code.",
        ),
        _C("latitude", _K.NUMBER, "Latitude", ("lat",), minimum=-90, maximum=90, unit="°", is_criterion=True),
        _C(
            "longitude",
            _K.NUMBER,
            "Longitude",
            ("lon", "lng", "long"),
            minimum=-180,
            maximum=180,
            unit="°",
            is_criterion=True,
        ),
        _C(
            "geo_precision",
            _K.TEXT,
            "Location precision",
            (),
            choices=GEO_PRECISIONS,
            help="How the location was found.",
        ),
        _C(
            "county",
            _K.TEXT,
            "County (FIPS)",
            ("county fips", "fips", "fips code"),
            is_criterion=True,
            help="Five-digit county FIPS code, from the polygon the location falls in.",
        ),
        _C(
            "industry",
            _K.TEXT,
            "Industry",
            ("sector", "brewery type", "industry name", "vertical"),
            is_criterion=True,
        ),
        _C(
            "naics",
            _K.TEXT,
            "Industry code (NAICS)",
            ("industry code", "naics code", "sic", "sic code"),
            is_criterion=True,
        ),
        _C(
            "employees",
            _K.NUMBER,
            "Employees",
            ("number of employees", "employee count", "headcount", "company size", "staff"),
            minimum=0,
            is_criterion=True,
        ),
        _C(
            "revenue",
            _K.MONEY,
            "Annual revenue",
            ("annual revenue", "turnover", "sales"),
            minimum=0,
            is_criterion=True,
        ),
        _C(
            "potential",
            _K.MONEY,
            "Potential",
            ("sales potential", "revenue potential", "opportunity size"),
            minimum=0,
            is_criterion=True,
            help="Money this account could bring in a year.",
        ),
        _C(
            "currency",
            _K.TEXT,
            "Currency",
            ("currency code", "iso currency"),
            help="ISO 4217 code of the money in this row.",
        ),
        _C(
            "workload_hours",
            _K.NUMBER,
            "Workload",
            ("workload", "hours", "workload h"),
            minimum=0,
            unit="h",
            is_criterion=True,
            help="Hours a year this account needs.",
        ),
        _C(
            "products_of_interest",
            _K.LIST,
            "Products of interest",
            ("product interest", "interests", "products"),
            is_criterion=True,
        ),
        _C(
            "language",
            _K.TEXT,
            "Language",
            ("preferred language", "lang"),
            is_criterion=True,
            help="ISO 639-1 code.",
        ),
        _C(
            "lifecycle",
            _K.TEXT,
            "Lifecycle",
            ("status", "account status", "customer status", "lifecycle stage"),
            choices=LIFECYCLES,
            is_criterion=True,
        ),
        _C(
            "founded_year",
            _K.NUMBER,
            "Founded",
            ("year established", "founded", "year founded"),
            minimum=1000,
            maximum=2200,
            is_criterion=True,
        ),
        _C(
            "customer_since",
            _K.DATE,
            "Customer since",
            ("customer since date", "first order date"),
            is_criterion=True,
        ),
    ),
)

CONTACTS = Table(
    "contacts",
    "Contacts",
    (
        _C("external_id", _K.TEXT, "ID", ("id", "contact id")),
        _C(
            "account",
            _K.TEXT,
            "Account",
            ("account id", "company", "account name"),
            required=True,
            refers_to="accounts",
        ),
        _C("first_name", _K.TEXT, "First name", ("given name", "forename")),
        _C("last_name", _K.TEXT, "Last name", ("surname", "family name", "name"), required=True),
        _C("title", _K.TEXT, "Job title", ("job title", "position")),
        _C("email", _K.TEXT, "E-mail", ("e-mail", "mail", "email address")),
        _C("phone", _K.TEXT, "Phone", ("telephone", "mobile")),
        _C("language", _K.TEXT, "Language", ("lang",)),
        _C("is_decision_maker", _K.BOOLEAN, "Decision maker", ("decision maker",)),
    ),
)

LEADS = Table(
    "leads",
    "Leads",
    (
        _C("external_id", _K.TEXT, "ID", ("id", "lead id")),
        _C(
            "name",
            _K.TEXT,
            "Name",
            ("lead", "contact", "full name", "contact name"),
            required=True,
            is_criterion=True,
        ),
        _C(
            "company",
            _K.TEXT,
            "Company",
            ("account name", "organisation", "organization", "company name"),
            is_criterion=True,
        ),
        _C("account", _K.TEXT, "Account", ("account id",), refers_to="accounts"),
        _C("email", _K.TEXT, "E-mail", ("e-mail", "mail", "email address")),
        _C("phone", _K.TEXT, "Phone", ("telephone",)),
        _C("city", _K.TEXT, "City", ("town",), is_criterion=True),
        _C("state", _K.TEXT, "State", ("state province", "province", "region"), is_criterion=True),
        _C("postal_code", _K.TEXT, "Postal code", ("zip", "zip code", "postcode"), is_criterion=True),
        _C("country", _K.TEXT, "Country", ("country code",), is_criterion=True),
        _C("latitude", _K.NUMBER, "Latitude", ("lat",), minimum=-90, maximum=90, unit="°", is_criterion=True),
        _C(
            "longitude",
            _K.NUMBER,
            "Longitude",
            ("lon", "lng"),
            minimum=-180,
            maximum=180,
            unit="°",
            is_criterion=True,
        ),
        _C("geo_precision", _K.TEXT, "Location precision", (), choices=GEO_PRECISIONS),
        _C("county", _K.TEXT, "County (FIPS)", ("fips",), is_criterion=True),
        _C("industry", _K.TEXT, "Industry", ("sector",), is_criterion=True),
        _C("naics", _K.TEXT, "Industry code (NAICS)", ("naics code",), is_criterion=True),
        _C(
            "employees",
            _K.NUMBER,
            "Employees",
            ("number of employees", "company size"),
            minimum=0,
            is_criterion=True,
        ),
        _C("revenue", _K.MONEY, "Annual revenue", ("annual revenue",), minimum=0, is_criterion=True),
        _C("potential", _K.MONEY, "Potential", ("value", "estimated value"), minimum=0, is_criterion=True),
        _C("currency", _K.TEXT, "Currency", ("currency code",)),
        _C(
            "products_of_interest",
            _K.LIST,
            "Products of interest",
            ("product interest", "product"),
            is_criterion=True,
        ),
        _C("language", _K.TEXT, "Language", ("lang",), is_criterion=True),
        _C("source", _K.TEXT, "Source", ("lead source", "channel"), is_criterion=True),
        _C("status", _K.TEXT, "Status", ("lead status", "stage"), choices=LEAD_STATUSES, is_criterion=True),
        _C(
            "received_at",
            _K.INSTANT,
            "Received",
            ("created", "created at", "created date", "date"),
            is_criterion=True,
        ),
        _C("converted_at", _K.INSTANT, "Converted", ("converted", "converted date")),
        _C(
            "owner",
            _K.TEXT,
            "Owner",
            ("lead owner", "rep", "sales agent"),
            refers_to="reps",
            help="E-mail (or name) of the owning rep, when the file fixes it.",
        ),
    ),
)

OPPORTUNITIES = Table(
    "opportunities",
    "Opportunities",
    (
        _C("external_id", _K.TEXT, "ID", ("id", "opportunity id", "deal id")),
        _C("name", _K.TEXT, "Name", ("opportunity", "deal", "opportunity name", "deal name")),
        _C("account", _K.TEXT, "Account", ("account id", "account name", "company"), refers_to="accounts"),
        _C("product", _K.TEXT, "Product", ("product name", "sku"), refers_to="products"),
        _C(
            "owner",
            _K.TEXT,
            "Owner",
            ("sales agent", "rep", "opportunity owner", "salesperson"),
            refers_to="reps",
        ),
        _C(
            "stage",
            _K.TEXT,
            "Stage",
            ("deal stage", "status", "sales stage"),
            required=True,
            choices=OPPORTUNITY_STAGES,
        ),
        _C("forecast_category", _K.TEXT, "Forecast category", ("category",), choices=FORECAST_CATEGORIES),
        _C("amount", _K.MONEY, "Amount", ("close value", "value", "deal size", "deal value"), minimum=0),
        _C("currency", _K.TEXT, "Currency", ("currency code",)),
        _C(
            "probability",
            _K.NUMBER,
            "Probability",
            ("win probability",),
            minimum=0,
            maximum=1,
            help="Between 0 and 1.",
        ),
        _C(
            "opened_on",
            _K.DATE,
            "Opened",
            ("engage date", "created date", "open date", "created"),
            help="First day of the sales cycle.",
        ),
        _C("expected_close_on", _K.DATE, "Expected close", ("expected close date",)),
        _C("closed_on", _K.DATE, "Closed", ("close date", "closed date")),
    ),
)

REPS = Table(
    "reps",
    "Reps",
    (
        _C("external_id", _K.TEXT, "ID", ("id", "rep id", "employee id", "employee number")),
        _C("name", _K.TEXT, "Name", ("sales agent", "rep", "full name", "salesperson"), required=True),
        _C("email", _K.TEXT, "E-mail", ("e-mail", "mail", "email address")),
        _C(
            "manager",
            _K.TEXT,
            "Manager",
            ("manager name", "reports to"),
            help="E-mail or name of the manager; created as a rep when new.",
        ),
        _C("office", _K.TEXT, "Office", ("regional office", "office location", "region")),
        _C("home_city", _K.TEXT, "Home city", ("city",)),
        _C("home_state", _K.TEXT, "Home state", ("state",)),
        _C("home_postal_code", _K.TEXT, "Home postal code", ("postal code", "zip")),
        _C("home_country", _K.TEXT, "Home country", ("country",)),
        _C(
            "home_latitude",
            _K.NUMBER,
            "Home latitude",
            ("latitude", "lat"),
            minimum=-90,
            maximum=90,
            unit="°",
        ),
        _C(
            "home_longitude",
            _K.NUMBER,
            "Home longitude",
            ("longitude", "lon"),
            minimum=-180,
            maximum=180,
            unit="°",
        ),
        _C("languages", _K.LIST, "Languages", ("language",)),
        _C("industries", _K.LIST, "Industries", ("industry", "industry experience")),
        _C("skills", _K.LIST, "Skills", ("skill",)),
        _C("seniority", _K.TEXT, "Seniority", ("level",), choices=("junior", "mid", "senior", "principal")),
        _C(
            "capacity_hours",
            _K.NUMBER,
            "Capacity",
            ("capacity", "hours per year"),
            minimum=0,
            unit="h",
            help="Hours a year for accounts.",
        ),
        _C(
            "weekly_hours",
            _K.NUMBER,
            "Working hours a week",
            ("hours per week",),
            minimum=0,
            maximum=168,
            unit="h",
        ),
        _C("time_zone", _K.TEXT, "Time zone", ("timezone", "tz")),
        _C("hired_on", _K.DATE, "Hired", ("hire date", "start date")),
        _C("left_on", _K.DATE, "Left", ("end date", "leave date")),
    ),
)

PRODUCTS = Table(
    "products",
    "Products",
    (
        _C("external_id", _K.TEXT, "ID", ("id", "sku", "product id", "product code")),
        _C("name", _K.TEXT, "Name", ("product", "product name"), required=True),
        _C("family", _K.TEXT, "Family", ("series", "product family", "category")),
        _C("price", _K.MONEY, "List price", ("sales price", "list price", "unit price"), minimum=0),
        _C("currency", _K.TEXT, "Currency", ("currency code",)),
    ),
)

ACTIVITIES = Table(
    "activities",
    "Activities",
    (
        _C("external_id", _K.TEXT, "ID", ("id", "activity id")),
        _C("kind", _K.TEXT, "Kind", ("type", "activity type"), required=True, choices=ACTIVITY_KINDS),
        _C("account", _K.TEXT, "Account", ("account id", "account name", "company"), refers_to="accounts"),
        _C("lead", _K.TEXT, "Lead", ("lead id",), refers_to="leads"),
        _C("rep", _K.TEXT, "Rep", ("owner", "sales agent", "assigned to"), refers_to="reps"),
        _C("subject", _K.TEXT, "Subject", ("title", "summary"), required=True),
        _C("notes", _K.TEXT, "Notes", ("description", "comment", "body")),
        _C(
            "occurs_at",
            _K.INSTANT,
            "When",
            ("date", "due", "due date", "start", "activity date"),
            required=True,
        ),
        _C("minutes", _K.NUMBER, "Minutes", ("duration", "duration minutes"), minimum=0, unit="min"),
        _C("is_done", _K.BOOLEAN, "Done", ("done", "completed", "closed")),
    ),
)

CONTRACTS = Table(
    "contracts",
    "Contracts",
    (
        _C("external_id", _K.TEXT, "ID", ("id", "contract id", "contract number")),
        _C(
            "account",
            _K.TEXT,
            "Account",
            ("account id", "account name", "company"),
            required=True,
            refers_to="accounts",
        ),
        _C("product", _K.TEXT, "Product", ("product name", "sku"), refers_to="products"),
        _C("annual_value", _K.MONEY, "Annual value", ("value", "amount", "arr"), minimum=0),
        _C("currency", _K.TEXT, "Currency", ("currency code",)),
        _C("starts_on", _K.DATE, "Starts", ("start date", "start"), required=True),
        _C("ends_on", _K.DATE, "Ends", ("end date", "end", "renewal date"), required=True),
        _C("state", _K.TEXT, "State", ("status",), choices=CONTRACT_STATES),
    ),
)

TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (ACCOUNTS, CONTACTS, LEADS, OPPORTUNITIES, REPS, PRODUCTS, ACTIVITIES, CONTRACTS)
}
