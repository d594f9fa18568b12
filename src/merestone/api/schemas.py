"""The shapes of bodies and answers, made from the table contracts: one registry for files, lists, rules and the API."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, create_model
from pydantic import Field as Described

from merestone.api.fields import WHOLE, Field
from merestone.api.resources import Resource
from merestone.app import crm
from merestone.core.model.columns import TABLES, Column, Kind

INT32 = 2**31 - 1
MAX_NUMBER = 1e15
MONEY_PATTERN = r"^-?\d+\.\d{2}$"
OUT_TYPES: dict[Kind, Any] = {
    Kind.TEXT: str,
    Kind.NUMBER: float,
    Kind.MONEY: Annotated[str, Described(pattern=MONEY_PATTERN)],
    Kind.DATE: date,
    Kind.INSTANT: datetime,
    Kind.BOOLEAN: bool,
    Kind.LIST: list[str],
    Kind.LOCATION: Any,
}
REFERENCES: dict[str, dict[str, str]] = {
    "contacts": {"account_id": "accounts"},
    "leads": {"account_id": "accounts"},
    "opportunities": {
        "account_id": "accounts",
        "owner_id": "reps",
        "product_id": "products",
    },
    "activities": {
        "account_id": "accounts",
        "lead_id": "leads",
        "opportunity_id": "opportunities",
        "rep_id": "reps",
    },
    "contracts": {"account_id": "accounts", "product_id": "products"},
}
"""Per table: reference of a new record -> the table it points into."""
NEEDED_REFERENCES = {"contacts": {"account_id"}, "contracts": {"account_id"}}


def storable(text: str) -> str:
    """Return the text, or refuse characters that no database keeps."""
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("the text holds characters that cannot be kept (NUL or half a surrogate pair)")
    return text


Text = Annotated[str, AfterValidator(storable), Described(max_length=20_000)]
Key = Annotated[int, Described(ge=1, le=2**63 - 1)]


class Body(BaseModel):
    """A body: what it does not know is an error, not ignored."""

    model_config = ConfigDict(extra="forbid")


class Place(Schema):
    """One place a record had, and why."""

    territory: str | None = Described(description="Key of the territory; null: none matched.")
    territory_name: str | None
    owner_id: int | None
    owner: str | None
    model: str | None = Described(description="Key of the model that decided.")
    is_primary: bool
    cause: str
    reason: dict[str, Any] = Described(description="`sentence` says it for people; the rest are the facts.")
    valid_from: datetime
    valid_to: datetime | None = Described(description="Null: it still holds.")


class StageStep(Schema):
    """One step of an opportunity."""

    from_stage: str
    stage: str
    changed_at: datetime


class ProblemEntry(Schema):
    """One thing that is wrong."""

    code: str
    message: str
    fix: str | None = None
    where: str | None = None
    line: int | None = None
    column: int | None = None
    length: int | None = None


class ProblemDocument(Schema):
    """An error, RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    fix: str
    problems: list[ProblemEntry]
    difference: dict[str, Any] | None = Described(None, description="On conflicts: field -> [yours, theirs].")


def out_type(field: Field) -> Any:
    """Return the Python type of a field in answers."""
    if field.is_open:
        return Any
    kind: Any = OUT_TYPES[field.kind]
    if field.is_whole:
        kind = int
    return kind if not field.is_nullable else kind | None


def row_schema(resource: Resource) -> type[Schema]:
    """Return the schema of one row; `fields` may leave any out."""
    fields: dict[str, Any] = {
        field.name: (out_type(field), Described(None, description=_words(field))) for field in resource.fields
    }
    return create_model(f"{resource.schema_name}Row", __base__=Schema, __doc__=resource.help, **fields)


def page_schema(resource: Resource, row: type[Schema]) -> type[Schema]:
    """Return the schema of a page of rows."""
    fields: dict[str, Any] = {
        "items": (list[row], ...),  # type: ignore[valid-type]
        "next": (str | None, Described(..., description="Cursor of the next page; null on the last.")),
        "total": (int | None, Described(None, description="Rows in all, with `count=true`.")),
    }
    return create_model(f"{resource.schema_name}Page", __base__=Schema, **fields)


def detail_schema(resource: Resource, row: type[Schema]) -> type[Schema]:
    """Return the schema of one record with what belongs to it."""
    more: dict[str, dict[str, Any]] = {
        "accounts": {
            "reason": (dict[str, Any] | None, Described(None, description="Why it is where it is.")),
            "lock": (
                dict[str, Any] | None,
                Described(None, description="Until when it may not move, and why."),
            ),
            "history": (list[Place], Described(..., description="Every place it had, newest first.")),
        },
        "leads": {
            "reason": (dict[str, Any] | None, Described(None, description="Why it is where it is.")),
            "history": (list[Place], Described(..., description="Every place it had, newest first.")),
        },
        "opportunities": {
            "history": (list[StageStep], Described(..., description="Its stages, newest first."))
        },
    }
    return create_model(f"{resource.schema_name}Detail", __base__=row, **more.get(resource.name, {}))


def patch_schema(table: str, name: str) -> type[Body]:
    """Return the schema of a change: only what is given is written; null empties a field."""
    fields: dict[str, Any] = {
        column.name: (_emptiable(column), Described(None, description=_column_words(column)))
        for column in _editable(table)
    }
    return create_model(
        f"{name}Patch", __base__=Body, __doc__="What to change; null empties a field.", **fields
    )


def create_schema(table: str, name: str) -> type[Body]:
    """Return the schema of a new record."""
    fields: dict[str, Any] = {}
    for column in _editable(table):
        if column.required:
            fields[column.name] = (in_type(column), Described(..., description=_column_words(column)))
        else:
            fields[column.name] = (in_type(column) | None, Described(None, description=_column_words(column)))
    for reference, target in REFERENCES.get(table, {}).items():
        text = f"Id in /{target}."
        if reference in NEEDED_REFERENCES.get(table, ()):
            fields[reference] = (Key, Described(..., description=text))
        else:
            fields[reference] = (Key | None, Described(None, description=text))
    return create_model(f"{name}Create", __base__=Body, __doc__="A new record.", **fields)


def _emptiable(column: Column) -> Any:
    """Return the type of a column in changes: what has no empty value cannot be emptied."""
    has_empty = not (column.required or column.choices or column.kind is Kind.BOOLEAN)
    return in_type(column) | None if has_empty else in_type(column)


def _editable(table: str) -> list[Column]:
    return [column for column in TABLES[table] if column.name in crm.EDITABLE[table]]


def in_type(column: Column) -> Any:
    """Return the Python type of a column in bodies, with its limits."""
    if column.choices:
        return Literal[column.choices]
    given = {"ge": column.minimum, "le": column.maximum}
    limits: dict[str, Any] = {name: limit for name, limit in given.items() if limit is not None}
    if column.name in WHOLE:
        return Annotated[int, _within({"le": INT32} | {name: int(limit) for name, limit in limits.items()})]
    if column.kind is Kind.NUMBER:
        return Annotated[
            float, _within({"le": MAX_NUMBER, "ge": -MAX_NUMBER, "allow_inf_nan": False} | limits)
        ]
    if column.kind is Kind.MONEY:
        return Annotated[Decimal, _within(limits | {"max_digits": 17, "decimal_places": 2})]
    plain_types: dict[Kind, Any] = {
        Kind.DATE: date,
        Kind.INSTANT: AwareDatetime,
        Kind.BOOLEAN: bool,
        Kind.LIST: Annotated[list[Text], Described(max_length=200)],
    }
    return plain_types.get(column.kind, Text)


def _within(limits: dict[str, Any]) -> Any:
    return Described(**limits)


def _column_words(column: Column) -> str:
    unit = f" In {column.unit}." if column.unit else ""
    return (column.help or f"{column.label}.") + unit


def _words(field: Field) -> str:
    extra = f" One of {', '.join(field.choices)}." if field.choices else ""
    unit = f" In {field.unit}." if field.unit else ""
    return f"{field.help}{unit}{extra}"
