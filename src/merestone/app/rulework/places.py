"""Words for codes: what countries and states are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from merestone.app.services import Services
from merestone.core.criteria import expression as ex

_SMALL = frozenset(("and", "of", "the", "du", "da", "de"))


def country_labels(services: Services) -> dict[str, str]:
    """Return ISO 3166-1 alpha-2 -> name."""
    return _turned_round(services.gazetteer.country_lookup())


def state_labels(services: Services, country: str) -> dict[str, str]:
    """Return the ISO 3166-2 suffixes of a country -> names."""
    return _turned_round(services.gazetteer.subdivision_lookup(country))


def _turned_round(lookup: Mapping[str, str]) -> dict[str, str]:
    """Return code -> the first name it was given; the lookup's names are folded."""
    labels: dict[str, str] = {}
    for name, code in lookup.items():
        if name.upper() != code:
            labels.setdefault(code, " ".join(_capital(word) for word in name.split()))
    return labels


def _capital(word: str) -> str:
    return word if word in _SMALL else word[:1].upper() + word[1:]


def value_labels(services: Services, expr: ex.Expr) -> dict[str, Mapping[str, str]]:
    """Return the words of the countries and states a criterion names; states are those of the countries it names, else
    of the company's own country."""
    used = {leaf.field.name for leaf in ex.leaves(expr) if leaf.field is not None}
    labels: dict[str, Mapping[str, str]] = {}
    if "country" in used:
        labels["country"] = country_labels(services)
    if "state" in used:
        labels["state"] = state_labels(services, _country_named(expr) or "US")
    return labels


def _country_named(expr: ex.Expr) -> str | None:
    """Return the one country a criterion names, if it names one."""
    named = {str(value) for leaf in ex.leaves(expr) for value in _values(leaf, "country")}
    return named.pop().upper() if len(named) == 1 else None


def _values(leaf: Any, name: str) -> list[Any]:
    if leaf.field is None or leaf.field.name != name:
        return []
    if isinstance(leaf, ex.Comparison):
        return [leaf.value.value]
    return [value.value for value in leaf.values] if isinstance(leaf, ex.In) else []
