"""From a list of units to a short criterion: whole states by name, most of a state by what is missing, the rest listed.

The criterion holds for exactly the units given, among those of the map; what it says of records without a unit is up to
the words it uses: ``state = 'NV'`` takes them, a list of counties does not.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from merestone.core.criteria import expression as ex
from merestone.core.criteria.render import render

NOTHING = "none"
"""No unit has this id: the criterion of a territory without units."""
_WORTH = 2
"""A state is told by what is missing when that is shorter by at least so many units."""


def compact(
    units: Mapping[str, Sequence[str]],
    held: Collection[str],
    *,
    field: str = "county",
    by_name: Collection[str] = (),
    prefixes: Mapping[str, str] | None = None,
    within: str | None = None,
) -> str:
    """Return the criterion of some units.

    Parameters
    ----------
    units : mapping of str to sequence of str
        State -> its units.
    held : collection of str
        The units it shall hold for.
    field : str
        That says in which unit a record lies.
    by_name : collection of str
        States that ``state = …`` tells exactly: no record of theirs lies in another state's unit, nor the other way.
    prefixes : mapping of str to str
        State -> how the ids of its units, and of no others, begin: for whole states that cannot be told by name.
    within : str, optional
        The one state all records lie in, because of what is asked above.
    """
    wanted, starts = set(held), prefixes or {}
    whole: list[str] = []
    lacking: dict[str, list[str]] = {}
    listed: list[str] = []
    for state in sorted(units):
        here = [unit for unit in units[state] if unit in wanted]
        missing = [unit for unit in units[state] if unit not in wanted]
        can_be_told = state in by_name or state in starts
        if here and can_be_told and not missing:
            whole.append(state)
        elif can_be_told and len(missing) + _WORTH <= len(here):
            lacking[state] = missing
        else:
            listed += here
    if list(lacking) == [within] and not whole and not listed:
        return render(_in(field, sorted(lacking[str(within)]), negated=True))
    terms = _states(whole, field, by_name, starts)
    for part in _states(list(lacking), field, by_name, starts):
        states = _told(part, lacking, by_name, starts)
        without = sorted(unit for state in states for unit in lacking[state])
        terms.append(ex.And((part, _in(field, without, negated=True))))
    if listed:
        terms.append(_in(field, sorted(listed)))
    if not terms:
        return render(_in(field, [NOTHING]))
    return render(terms[0] if len(terms) == 1 else ex.Or(tuple(terms)))


def _states(
    states: Sequence[str], field: str, by_name: Collection[str], starts: Mapping[str, str]
) -> list[ex.Expr]:
    """Return criteria of whole states: one of those told by name, one of those told by how ids begin."""
    named = [state for state in states if state in by_name]
    begun = [starts[state] for state in states if state not in by_name]
    found: list[ex.Expr] = [_in("state", named)] if named else []
    if begun:
        found.append(ex.Call("starts_with", (ex.FieldRef(field), *map(ex.Literal, begun))))
    return found


def _told(
    part: ex.Expr, states: Collection[str], by_name: Collection[str], starts: Mapping[str, str]
) -> list[str]:
    """Return which of the states a criterion of ``_states`` tells."""
    is_by_prefix = isinstance(part, ex.Call)
    return [state for state in states if (state not in by_name and state in starts) == is_by_prefix]


def _in(field: str, values: Sequence[str], *, negated: bool = False) -> ex.Expr:
    name = ex.FieldRef(field)
    if len(values) == 1:
        return ex.Comparison(name, "<>" if negated else "=", ex.Literal(values[0]))
    return ex.In(name, tuple(map(ex.Literal, values)), negated)
