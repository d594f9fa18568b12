"""Which header of a file means which column: the first guess, from headers and, where they say nothing, from values.

The mapping itself is in ``mapped``, what can be wrong with it in ``mapping_checks``; both are handed on here.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.exchange.choices import known_words
from merestone.app.exchange.custom import Custom, custom_columns
from merestone.app.exchange.mapped import Derived, HeaderMatch, Mapping
from merestone.app.exchange.mapping_checks import mapping_problems
from merestone.app.exchange.texts import fold
from merestone.core.model.columns import Column, Table

__all__ = ["Derived", "HeaderMatch", "Mapping", "guess_mapping", "header_key", "mapping_problems"]

_OWN_WORDS = {
    "accounts": ("account", "company", "customer", "billing", "organisation", "organization", "client"),
    "contacts": ("contact", "person"), "leads": ("lead", "contact"), "opportunities": ("opportunity", "deal"),
    "reps": ("rep", "agent", "employee", "user"), "products": ("product", "item"), "activities": ("activity", "task"),
    "contracts": ("contract",),
}  # fmt: skip
_LEAST_FUZZY = 0.84
_SAMPLE = 500
_BY_VALUES = {
    "email": re.compile(r"^[^@\s]+@[^@\s]+\.[a-z]{2,}$", re.I),
    "domain": re.compile(r"^(?:https?://|www\.)\S+$", re.I),
}
_TELLING = frozenset(
    {"closed", "permanently closed", "out of business", "planning", "former customer", "churned"}
)
"""Words that say how an account stands wherever they occur."""


def guess_mapping(
    headers: Sequence[str],
    table: Table,
    *,
    custom: Custom = (),
    samples: pa.Table | None = None,
) -> Mapping:
    """Return the likeliest meaning of each header; each column at most once.

    Parameters
    ----------
    headers : sequence of str
        As in the file.
    custom : mapping of key to kind, or columns
        Declared custom fields; their targets are ``custom.<key>``.
    samples : pyarrow.Table, optional
        The file's text columns (all rows: rare words count), looked at where a header says nothing.
    """
    columns = (*table.columns, *custom_columns(custom))
    scored = [
        (-confidence, at, place, how)
        for at, header in enumerate(headers)
        for place, column in enumerate(columns)
        for confidence, how in [_score(header, column, _OWN_WORDS.get(table.name, ()))]
        if confidence > 0
    ]
    chosen: dict[int, HeaderMatch] = {}
    taken: set[int] = set()
    for confidence, at, place, how in sorted(scored):
        if at not in chosen and place not in taken:
            taken.add(place)
            chosen[at] = HeaderMatch(headers[at], columns[place].name, -confidence, how)
    if samples is not None:
        free = [column for place, column in enumerate(columns) if place not in taken]
        _by_values(headers, free, samples, chosen)
    matches = tuple(
        chosen.get(at, HeaderMatch(header, None, 0.0, "none")) for at, header in enumerate(headers)
    )
    mapping = Mapping(table.name, matches)
    derived = _derive(mapping, table, samples) if samples is not None else {}
    return Mapping(table.name, matches, derived=derived)


def header_key(headers: Sequence[str]) -> str:
    """Return a key for files with the same headers, in any order, by which a saved mapping is found again."""
    said = "\x1f".join(sorted(fold(words_of(header)) for header in headers))
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def _score(header: str, column: Column, own_words: Iterable[str]) -> tuple[float, str]:
    said = fold(words_of(header))
    name = column.name.removeprefix("custom.")
    exact = {fold(words_of(name)), fold(column.label), fold(words_of(column.name))}
    synonyms = {fold(word) for word in column.synonyms}
    if said in exact:
        return 1.0, "exact"
    if said in synonyms:
        return 0.95, "synonym"
    first, _, rest = said.partition(" ")
    if first in own_words and rest:
        if rest in exact:
            return 0.9, "synonym"
        if rest in synonyms:
            return 0.85, "synonym"
    return _fuzzy(said, exact | synonyms)


def _fuzzy(said: str, words: Iterable[str]) -> tuple[float, str]:
    best = 0.0
    for word in words:
        # Numerals must agree: address 2 is not a misspelt address 1.
        if min(len(said), len(word)) >= 4 and re.findall(r"\d+", said) == re.findall(r"\d+", word):
            best = max(best, difflib.SequenceMatcher(None, said, word).ratio())
    return (round(best * 0.8, 3), "fuzzy") if best >= _LEAST_FUZZY else (0.0, "none")


def _by_values(
    headers: Sequence[str], free: Sequence[Column], samples: pa.Table, chosen: dict[int, HeaderMatch]
) -> None:
    names = {column.name for column in free}
    for at, header in enumerate(headers):
        if at in chosen or header not in samples.column_names:
            continue
        values = samples[header].drop_null().slice(0, _SAMPLE).to_pylist()
        for target, pattern in _BY_VALUES.items():
            fitting = sum(bool(pattern.match(value.strip())) for value in values)
            if target in names and values and fitting >= 0.8 * len(values):
                names.discard(target)
                chosen[at] = HeaderMatch(header, target, 0.5, "values")
                break


def _derive(mapping: Mapping, table: Table, samples: pa.Table) -> dict[str, Derived]:
    """Return the lifecycle read from a type column that also holds words such as ``closed``."""
    if "lifecycle" not in table.names or "lifecycle" in mapping.header_of:
        return {}
    words = known_words(table["lifecycle"].choices)
    free_text = {column.name for column in table.columns if not column.choices}
    for match in mapping.columns:
        if match.header not in samples.column_names or (match.target and match.target not in free_text):
            continue
        distinct = pc.unique(samples[match.header].drop_null())
        if not 2 <= len(distinct) <= 60:
            continue
        if any(fold(text) in _TELLING for text in distinct.to_pylist()):
            return {"lifecycle": Derived(match.header, {word: words[word] for word in sorted(_TELLING)})}
    return {}


def words_of(header: str) -> str:
    """Return a header with camel case and underscores as words: ``BillingZip`` is ``Billing Zip``."""
    return re.sub(r"(?<=[a-z\d])(?=[A-Z])|_", " ", header)
