"""What the planning workspace sends: read strictly, every mistake told with its place."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from merestone.base.errors import InvalidInputError, Problem, UsageError

MAX_BYTES = 4 << 20
MAX_UNITS = 100_000
Seen = Annotated[int, Field(ge=1, le=2**31 - 1)]
Number = Annotated[int, Field(ge=0, le=MAX_UNITS)]
Units = Annotated[list[Number], Field(max_length=MAX_UNITS)]
Measure = Annotated[str, Field(max_length=40)]
S = TypeVar("S", bound="Sent")


class Sent(BaseModel):
    """Something done, and the revision it was done to."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    seen: Seen


class Assign(Sent):
    """Give units to a territory; null: to nobody."""

    units: Units
    territory: Number | None


class Lock(Sent):
    """Keep units where they are, or let them go."""

    units: Units
    is_locked: bool


class Balance(BaseModel):
    """A measure that is to fall evenly."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    measure: Measure
    tolerance: Annotated[float, Field(ge=0, le=10)]


class Settings(Sent):
    """What a good plan is; what is not sent stays."""

    objective: Literal["inertia", "distance"] | None = None
    weight: Measure | None = None
    contiguous: bool | None = None
    balances: Annotated[list[Balance], Field(max_length=10)] | None = None


class Region(BaseModel):
    """Where something may change."""

    model_config = ConfigDict(extra="forbid")

    territories: Annotated[list[Number], Field(max_length=10_000)] | None = None
    units: Units | None = None


class Optimise(Sent):
    """What the optimiser is asked."""

    region: Literal["all"] | Region = "all"
    seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    homes: bool = False


def read_sent(kind: type[S], body: bytes) -> S:
    """Return what was sent; raises InvalidInputError with every mistake at once, UsageError for what is no JSON."""
    if len(body) > MAX_BYTES:
        raise UsageError("More was sent than a change can hold.", code="bad-json", fix="Reload the page.")
    try:
        return kind.model_validate(json.loads(body or b"{}"))
    except (ValueError, RecursionError) as error:
        if not isinstance(error, ValidationError):
            raise UsageError("What was sent is no JSON.", code="bad-json", fix="Reload the page.") from error
        problems = [_problem(one) for one in error.errors()[:20]]
        raise InvalidInputError("That cannot be done.", problems) from error


def _problem(one: Any) -> Problem:
    where = ".".join(map(str, one["loc"])) or "body"
    return Problem("bad-value", f"{where}: {one['msg']}.", "Reload the page.", where=where)
