"""Names of countries and states in a file, read as their codes; a value that some rule means as written stays.

Matching is not importing: a place that is no known name is a place of the company's own, and nothing to complain about.
The gazetteer is asked only about words that look like names, and opened only then.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from merestone.core.criteria import expression as ex
from merestone.core.criteria.evaluate import evaluate, list_values
from merestone.core.criteria.values import fold
from merestone.core.model.columns import Kind
from merestone.core.rules.ruleset import Ruleset

_COUNTRY_NAME = re.compile(r"\s*(?:\D{3,}|uk|u\.?k\.?|u\.s\.?)\s*", re.IGNORECASE)
_STATE_NAME = re.compile(r"\s*\D{4,}\s*")


class Meant:
    """The values of one field that the rules' criteria mean as written.

    Parameters
    ----------
    ruleset : Ruleset
        The rules.
    name : str
        The field.
    """

    def __init__(self, ruleset: Ruleset, name: str) -> None:
        self.ruleset, self.name = ruleset, name
        self.words: set[Any] = set()
        self.tests: list[ex.Leaf] = []
        self.is_ordered = False
        field = ruleset.fields[name]
        for rule in ruleset.rules:
            for leaf in () if rule.where is None else ex.leaves(rule.where):
                if leaf.field is not None and ruleset.fields[leaf.field.name] is field:
                    self._add(leaf)

    def _add(self, leaf: ex.Leaf) -> None:
        if isinstance(leaf, ex.In):
            self.words.update(fold(str(literal.value)) for literal in leaf.values)
        elif isinstance(leaf, ex.InList):
            self.words |= list_values(self.ruleset.lists, str(leaf.key.value), Kind.TEXT)
        elif isinstance(leaf, ex.Comparison) and leaf.op in ("=", "<>"):
            self.words.add(fold(str(leaf.value.value)))
        elif isinstance(leaf, ex.Call):
            self.tests.append(leaf)
        elif not isinstance(leaf, ex.IsNull):
            self.is_ordered = True  # text order is an order of what is written

    def __call__(self, value: str) -> bool:
        """Tell whether some criterion on the field is about this value as it is written."""
        if self.is_ordered or fold(value) in self.words:
            return True
        record = {self.name: value}
        return any(evaluate(leaf, record, fields=self.ruleset.fields) for leaf in self.tests)


class PlaceNames:
    """Reads the countries and states of a file's batches.

    Parameters
    ----------
    rules : callable
        Returns the rules, whose own words are not translated; called when a word looks like a name, as is
    lookup : callable
        Returns the gazetteer.
    """

    def __init__(self, rules: Callable[[], Ruleset], lookup: Callable[[], Any]) -> None:
        self.rules, self.lookup = rules, lookup
        self.read_as: dict[str, dict[str, str]] = {"country": {}, "state": {}}
        self._countries: dict[str, str] = {}
        self._states: dict[tuple[str | None, str], str] = {}
        self._meant: dict[str, Meant] = {}
        self._places: Any = None

    def read(self, table: pa.Table) -> pa.Table:
        """Return the table with recognised names of countries and states as codes."""
        if "country" in table.column_names:
            table = self._read_countries(table)
        return self._read_states(table) if "state" in table.column_names else table

    def _read_countries(self, table: pa.Table) -> pa.Table:
        codes = _codes(table["country"])
        if codes is None:
            return table
        words = codes.dictionary.to_pylist()
        read = [word if word is None else self._country(word) for word in words]
        return table if read == words else _replace(table, "country", _recoded(codes, read))

    def _country(self, word: str) -> str:
        if word not in self._countries:
            self._countries[word] = self._ask_country(word)
        return self._countries[word]

    def _ask_country(self, word: str) -> str:
        if not _COUNTRY_NAME.fullmatch(word) or self._is_meant("country", word):
            return word
        found = self.places.country(word.strip())
        return self._note("country", word, found.value) if found.value and not found.code else word

    def _read_states(self, table: pa.Table) -> pa.Table:
        codes = _codes(table["state"])
        if codes is None:
            return table
        words = codes.dictionary.to_pylist()
        names = [code for code, word in enumerate(words) if word and self._may_be_state(word)]
        if not names:
            return table
        states = codes.dictionary_decode().cast(pa.string())
        mask = pc.is_in(codes.indices, value_set=pa.array(names, codes.indices.type))
        where = table["country"] if "country" in table.column_names else None
        read = self._states_of(states.filter(mask), None if where is None else _decoded(where).filter(mask))
        changed = pc.replace_with_mask(states, pc.fill_null(mask, False), read)
        return _replace(table, "state", changed.dictionary_encode())

    def _may_be_state(self, word: str) -> bool:
        return bool(_STATE_NAME.fullmatch(word)) and not self._is_meant("state", word)

    def _states_of(self, states: pa.Array, countries: pa.Array | None) -> pa.Array:
        """Return the codes of the states named, each pair of country and state read once."""
        if countries is None:
            pairs = states.dictionary_encode()
            read = [self._state(word, None) for word in pairs.dictionary.to_pylist()]
        else:
            joined = pc.binary_join_element_wise(pc.fill_null(countries, ""), states, "\x1f")
            pairs = joined.dictionary_encode()
            split = (pair.partition("\x1f") for pair in pairs.dictionary.to_pylist())
            read = [self._state(word, country) for country, _, word in split]
        return pa.array(read, states.type).take(pairs.indices)

    def _state(self, word: str, country: str | None) -> str:
        """Return the code of a state; of the United States where the file has no countries at all."""
        key = (country, word)
        if key not in self._states:
            asked = "US" if country is None else country.strip().upper()
            found = self.places.state(word.strip(), asked) if asked else None
            is_known = found is not None and found.value and found.value != word.strip() and not found.code
            self._states[key] = self._note("state", word, found.value) if found and is_known else word
        return self._states[key]

    def _note(self, field: str, word: str, code: str) -> str:
        self.read_as[field].setdefault(word, code)
        return code

    def _is_meant(self, field: str, word: str) -> bool:
        if field not in self._meant:
            self._meant[field] = Meant(self.rules(), field)
        return self._meant[field](word)

    @property
    def places(self) -> Any:
        """What names places, loaded on first use."""
        if self._places is None:
            from merestone.app.exchange.places import Places

            self._places = Places(self.lookup())
        return self._places


def _codes(column: pa.ChunkedArray) -> pa.DictionaryArray | None:
    """Return a text column as codes; None for one that is no text."""
    array = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    stored = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
    if not (pa.types.is_string(stored) or pa.types.is_large_string(stored)) or not len(array):
        return None
    return array if pa.types.is_dictionary(array.type) else array.dictionary_encode()


def _decoded(column: pa.ChunkedArray) -> pa.Array:
    array = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    array = array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
    return array.cast(pa.string())


def _recoded(codes: pa.DictionaryArray, words: list[str | None]) -> pa.DictionaryArray:
    """Return the codes with other words, of which several may now be the same."""
    again = pa.array(words, codes.dictionary.type).dictionary_encode()
    return pa.DictionaryArray.from_arrays(again.indices.take(codes.indices), again.dictionary)


def _replace(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, column)
