"""Which entries of the audit log somebody wants to see, the same on every face."""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from merestone.base.errors import InvalidInputError, Problem

OPERATIONS = {"I": "created", "U": "changed", "D": "deleted"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Filters of the audit log; what is empty does not count.

    Parameters
    ----------
    actor, cause : str
        Text that occurs in them.
    table : str
        Name of a table.
    record : int or None
        Id of a row of the table; for accounts, leads and opportunities with their places and owners.
    field : str
        A field that changed.
    operation : str
        ``I``, ``U`` or ``D``.
    transaction : str
        What was done together.
    since, until : datetime or None
        Half-open.
    """

    actor: str = ""
    cause: str = ""
    table: str = ""
    record: int | None = None
    field: str = ""
    operation: str = ""
    transaction: str = ""
    since: datetime | None = None
    until: datetime | None = None


def read_wanted(asked: Mapping[str, str], *, zone: str) -> Wanted:
    """Return the filters that words ask for: ``actor``, ``cause``, ``table``, ``record``, ``field``, ``did``,
    ``transaction``, ``from``, ``to`` (days, both included, in the zone; or instants).

    Raises
    ------
    InvalidInputError
        With every word that makes no sense.
    """
    problems: list[Problem] = []
    words = {name: str(value).replace("\x00", "").strip()[:200] for name, value in asked.items()}
    record = words.get("record", "")
    if record and not (record.isascii() and record.isdigit() and len(record) < 19):
        problems.append(Problem("bad-value", f"'{record}' is not the id of a record.", where="record"))
        record = ""
    operation = words.get("did", "").upper()[:1]
    if operation and operation not in OPERATIONS:
        problems.append(
            Problem(
                "bad-value", f"'{words['did']}' is not what happens to a row.", "Use I, U or D.", where="did"
            )
        )
        operation = ""
    since = _instant(words, "from", zone, problems)
    until = _instant(words, "to", zone, problems)
    if problems:
        raise InvalidInputError("The audit log cannot be asked this.", problems)
    return Wanted(
        actor=words.get("actor", ""),
        cause=words.get("cause", ""),
        table=words.get("table", ""),
        record=int(record) if record else None,
        field=words.get("field", ""),
        operation=operation,
        transaction=words.get("transaction", ""),
        since=since,
        until=until,
    )


def _instant(words: Mapping[str, str], name: str, zone: str, problems: list[Problem]) -> datetime | None:
    text = words.get(name, "")
    if not text:
        return None
    try:
        if len(text) == 10:
            day = date.fromisoformat(text) + timedelta(days=name == "to")
            return datetime.combine(day, time(), zoneinfo.ZoneInfo(zone))
        instant = datetime.fromisoformat(text)
        return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        problems.append(
            Problem("bad-value", f"'{text}' is not a day or an instant.", "Write 2026-05-31.", where=name)
        )
        return None
