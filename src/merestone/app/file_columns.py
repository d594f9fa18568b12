"""Which column of a file is which field of the rules: by name or alias first, then as an import would guess.

Only the fields that the rules read are looked for, and the id; nothing else of the file is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from merestone.base.errors import InvalidInputError, Problem
from merestone.core.criteria.expression import leaves
from merestone.core.criteria.fields import ALIASES, FieldSet
from merestone.core.criteria.functions import FUNCTIONS
from merestone.core.model.columns import ACCOUNTS, LEADS, Kind, Table
from merestone.core.rules.ruleset import Ruleset

ID = "id"
EXTERNAL_ID = "external_id"
_QUOTED = re.compile(r"'[^']*'")
_WORD = re.compile(r"[a-z_][a-z0-9_]*")
_PLACES = frozenset(name for name, function in FUNCTIONS.items() if function.subject is Kind.LOCATION)


@dataclass(frozen=True)
class FileColumns:
    """What a file's headers mean.

    Parameters
    ----------
    header_of : mapping of str to str
        Field name -> header; ``id`` is always there.
    missing : tuple of str
        Fields the rules read that no header means: missing for every record.
    guessed : mapping of str to str
        Field name -> header where the header is only like the field's name.
    """

    header_of: Mapping[str, str]
    missing: tuple[str, ...] = ()
    guessed: Mapping[str, str] = field(default_factory=dict)


def fields_read(ruleset: Ruleset) -> tuple[str, ...]:
    """Return the names of the fields that the criteria read, in order of first use."""
    names: dict[str, None] = {}
    for rule in ruleset.rules:
        for leaf in () if rule.where is None else leaves(rule.where):
            if leaf.field is None:
                names.update({"latitude": None, "longitude": None})
            else:
                names[leaf.field.name] = None
    return tuple(dict.fromkeys(ruleset.fields[name].name for name in names))


def fields_named(wheres: Iterable[str], fields: FieldSet) -> tuple[str, ...]:
    """Return the names of the fields that criteria name, from their text alone, in order of first use.

    What is a name and stands outside quotes is a field, a function or a word of the language. So a file can be read
    before its rules are.
    """
    words: dict[str, None] = {}
    for where in wheres:
        words.update(dict.fromkeys(_WORD.findall(_QUOTED.sub(" ", where).lower())))
    names: dict[str, None] = {}
    for word in words:
        if word in _PLACES:
            names.update({"latitude": None, "longitude": None})
        elif (field := fields.get(word)) is not None:
            names[field.name] = None
    return tuple(names)


def match_headers(
    headers: Sequence[str], needed: Sequence[str], *, fields: FieldSet, name: str
) -> FileColumns:
    """Return which headers the rules' fields and the id are.

    Parameters
    ----------
    headers : sequence of str
        As in the file.
    needed : sequence of str
        Names of the fields that the rules read.
    fields : FieldSet
        The fields there are, custom ones among them.
    name : str
        The file's, for the message.

    Raises
    ------
    InvalidInputError
        ``no-id``: no header means an id.
    """
    found = _by_name(headers, needed, fields)
    open_fields = [field for field in needed if field not in found and field != EXTERNAL_ID]
    guessed: dict[str, tuple[str, str]] = {}
    if ID not in found and EXTERNAL_ID not in found:
        open_fields.append(EXTERNAL_ID)
    if open_fields:
        guessed = _guess(headers, open_fields, found, fields)
    fuzzy = {field_name: header for field_name, (header, how) in guessed.items() if how == "fuzzy"}
    found |= {field_name: header for field_name, (header, _) in guessed.items()}
    if ID not in found:
        if EXTERNAL_ID not in found:
            raise InvalidInputError(
                f"'{name}' has no column of ids.",
                [Problem("no-id", "No header means an id.", "Name it 'id'.")],
                code="no-id",
            )
        found[ID] = found.pop(EXTERNAL_ID)
    missing = tuple(field for field in needed if field not in found and field != EXTERNAL_ID)
    return FileColumns(found, missing, fuzzy)


def _by_name(headers: Sequence[str], needed: Iterable[str], fields: FieldSet) -> dict[str, str]:
    """Return the fields whose name or alias is a header, as written in criteria."""
    header_of = {_plain(header): header for header in reversed(headers)}
    found = {}
    for wanted in needed:
        if wanted == EXTERNAL_ID:
            continue
        words = [wanted, *aliases(wanted, fields)]
        header = next((header_of[word] for word in words if word in header_of), None)
        if header is not None:
            found[wanted] = header
    # Where both are there, the id is the file's own, and names are told by the external id.
    return found | {word: header_of[word] for word in (ID, EXTERNAL_ID) if word in header_of}


def aliases(name: str, fields: FieldSet) -> list[str]:
    """Return the other names of a field, without those that are a custom field's own."""
    own = {known.name for known in fields}
    return [alias for alias, target in ALIASES.items() if target == name and alias not in own]


def _plain(header: str) -> str:
    return "_".join(header.removeprefix("custom.").casefold().replace("-", " ").split())


def _guess(
    headers: Sequence[str], wanted: Sequence[str], found: Mapping[str, str], fields: FieldSet
) -> dict[str, tuple[str, str]]:
    """Return (header, how) for the wanted fields that an import would recognise among the other headers."""
    free = [header for header in headers if header not in set(found.values())]
    guessed: dict[str, tuple[str, str]] = {}
    custom = {known.name: str(known.kind) for known in fields if known.is_custom}
    for table in (ACCOUNTS, LEADS):
        for target, header, how in _guesses(free, table, custom):
            if target in wanted and target not in guessed:
                guessed[target] = (header, how)
    return guessed


def _guesses(
    headers: Sequence[str], table: Table, custom: Mapping[str, str]
) -> Iterable[tuple[str, str, str]]:
    # Guessing loads what most files, whose headers are the fields' names, do not need.
    from merestone.app.exchange.mapping import guess_mapping

    for match in guess_mapping(headers, table, custom=custom).columns:
        if match.target is not None:
            yield match.target.removeprefix("custom."), match.header, match.how
