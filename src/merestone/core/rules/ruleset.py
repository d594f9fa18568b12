"""Compiled rules and the winner: which territory a record belongs to, and why the others lost.

A territory matches when its criterion holds, its parent matches and the record is not excluded here or above. Among
primary matches named accounts come first, then the least (priority, −depth, −criteria on the path, key). A territory
without criterion hands on what its parent matches and wins only by name. Every engine equals ``match_record``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

from merestone.base.errors import InvalidInputError
from merestone.core.criteria import Expr, FieldSet, Outcome, blame, count_criteria, parse
from merestone.core.criteria.values import fold, read_value
from merestone.core.geo import NO_AREAS, Areas, read_areas
from merestone.core.model.columns import Kind
from merestone.core.model.territory import TerritoryModelDocument, TerritoryNode
from merestone.core.rules.document import document_fields

# What decided between the winner and the runner-up; "only" when there was no runner-up.
RANKS = ("only", "named", "priority", "depth", "criteria", "key")


@dataclass(frozen=True)
class Rule:
    """One territory, compiled.

    Parameters
    ----------
    key, name, type : str
        As in the document.
    is_primary : bool
        Its type is primary.
    parent : int or None
        Position of the parent among the rules.
    depth : int
        Steps from the root.
    where : Expr or None
        None = grouping node.
    priority : int
        The least wins.
    n_criteria : int
        Criteria along the path from the root.
    named, exclude : frozenset of str
        Folded external ids.
    """

    key: str
    name: str
    type: str
    is_primary: bool
    parent: int | None
    depth: int
    where: Expr | None
    priority: int
    n_criteria: int
    named: frozenset[str] = frozenset()
    exclude: frozenset[str] = frozenset()

    @property
    def rank(self) -> tuple[int, int, int, str]:
        """The winning order; the least wins."""
        return self.priority, -self.depth, -self.n_criteria, self.key


@dataclass(frozen=True)
class Ruleset:
    """The rules of one document, parents before children, ready to match.

    Parameters
    ----------
    key : str
        The model's key.
    rules : tuple of Rule
        Depth first, parents before children.
    fields : FieldSet
        Kinds of the fields.
    lists : mapping of str to tuple of str
        Named lists.
    areas : Areas
        Named areas.
    """

    key: str
    rules: tuple[Rule, ...]
    fields: FieldSet
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    areas: Areas = NO_AREAS

    def position(self, key: str) -> int:
        """Return the position of the rule of this territory key."""
        return next(index for index, rule in enumerate(self.rules) if rule.key == key)


def compile_ruleset(document: TerritoryModelDocument, *, fields: FieldSet | None = None) -> Ruleset:
    """Return the rules of a document that ``read_document`` accepted.

    Parameters
    ----------
    document : TerritoryModelDocument
        Checked; a criterion that cannot be read raises ``InvalidInputError``.
    fields : FieldSet, optional
        Fields known beside the document's own; the built-in ones when omitted.
    """
    areas, problems = read_areas(document.areas)
    if problems:
        raise InvalidInputError("The areas of the document cannot be read.", problems, code="bad-area")
    primary = {kind.key for kind in document.types if kind.is_primary}
    positions: dict[str, int] = {}
    rules: list[Rule] = []
    for node in document.tree:
        positions[node.key] = len(rules)
        parent = positions.get(node.parent) if node.parent is not None else None
        rules.append(_compile(node, parent, rules, is_primary=node.type in primary))
    return Ruleset(
        document.key, tuple(rules), document_fields(document, fields=fields), document.lists, areas
    )


def _compile(node: TerritoryNode, parent: int | None, rules: Sequence[Rule], *, is_primary: bool) -> Rule:
    where = None if node.where is None else parse(node.where)
    above = rules[parent] if parent is not None else None
    return _shared(
        Rule(
            node.key,
            node.name,
            node.type,
            is_primary,
            parent,
            above.depth + 1 if above else 0,
            where,
            node.priority,
            count_criteria(where) + (above.n_criteria if above else 0),
            frozenset(map(fold, node.named)) if node.named else _NOBODY,
            frozenset(map(fold, node.exclude)) if node.exclude else _NOBODY,
        )
    )


_NOBODY: frozenset[str] = frozenset()
_SHARED: WeakValueDictionary[tuple[Any, ...], Rule] = WeakValueDictionary()


def _shared(rule: Rule) -> Rule:
    """Return the same rule of another version, as long as somebody holds that: versions are compared by identity first.

    Trees count by identity too: equal ones may be written differently.
    """
    said = (
        rule.key, rule.name, rule.type, rule.is_primary, rule.parent, rule.depth, id(rule.where), rule.priority,
        rule.n_criteria, rule.named, rule.exclude,
    )  # fmt: skip
    return _SHARED.setdefault(said, rule)


@dataclass(frozen=True)
class Considered:
    """One territory that a record came by.

    Parameters
    ----------
    territory : str
        Its key.
    outcome : str
        ``won``, ``lost``, ``overlay``, ``passed`` (a grouping node handed it on), ``excluded``, ``missed``.
    cause : str or None
        ``named`` or ``rule`` where it matched.
    lost_by : str or None
        Which element of the winning order it lost by.
    criterion : Outcome or None
        Of a miss: the first criterion that kept the record out.
    """

    territory: str
    outcome: str
    cause: str | None = None
    lost_by: str | None = None
    criterion: Outcome | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values without empty entries."""
        data: dict[str, Any] = {"territory": self.territory, "outcome": self.outcome}
        data |= {"cause": self.cause} if self.cause else {}
        data |= {"lost_by": self.lost_by} if self.lost_by else {}
        return data | ({"because": self.criterion.as_dict()} if self.criterion else {})


@dataclass(frozen=True)
class RecordMatch:
    """What the rules say about one record.

    Parameters
    ----------
    winner : str or None
        Key of the primary territory; None = the unassigned queue.
    cause : str or None
        ``named`` or ``rule``.
    rank : str or None
        One of ``RANKS``: what put the winner before the runner-up.
    matches : tuple of str
        Primary matches, the winner first, in winning order.
    overlays : tuple of str
        Overlay matches in winning order.
    considered : tuple of Considered
        Every territory it came by, parents before children; nothing below a miss.
    """

    winner: str | None
    cause: str | None
    rank: str | None
    matches: tuple[str, ...]
    overlays: tuple[str, ...]
    considered: tuple[Considered, ...] = ()

    @property
    def runner_up(self) -> str | None:
        """The match that would win without the winner."""
        return self.matches[1] if len(self.matches) > 1 else None

    @property
    def trace(self) -> dict[str, Any]:
        """The whole story as JSON values."""
        return {
            "winner": self.winner,
            "cause": self.cause,
            "decided_by": self.rank,
            "considered": [entry.as_dict() for entry in self.considered],
        }


def record_key(record: Mapping[str, Any]) -> str | None:
    """Return the folded external id by which accounts are named and excluded; None when it is missing.

    A record without a field ``external_id``, as a file may be, is known by its ``id``; where both are there, ``id`` is
    the database's own and names nothing.
    """
    value = read_value(Kind.TEXT, record["external_id"] if "external_id" in record else record.get("id"))
    return fold(str(value)) if value is not None else None


def match_record(ruleset: Ruleset, record: Mapping[str, Any]) -> RecordMatch:
    """Return where one record belongs and why: the row oracle of matching.

    Parameters
    ----------
    ruleset : Ruleset
        Compiled rules.
    record : mapping
        Field name (or alias) to value; ``external_id`` (without it ``id``) finds named and excluded accounts.
    """
    states = _states(ruleset, record)
    order = sorted(
        (
            (_claim(rule, state), rule)
            for rule, state in zip(ruleset.rules, states, strict=True)
            if _claim(rule, state)
        ),
        key=lambda claim: (claim[0] != "named", claim[1].rank),
    )
    primary = [(cause, rule) for cause, rule in order if rule.is_primary]
    overlays = tuple(rule.key for _, rule in order if not rule.is_primary)
    winner = primary[0] if primary else None
    rank = None if winner is None else (_decided_by(winner, primary[1]) if len(primary) > 1 else "only")
    return RecordMatch(
        winner[1].key if winner else None,
        winner[0] if winner else None,
        rank,
        tuple(rule.key for _, rule in primary),
        overlays,
        tuple(_story(ruleset, states, winner)),
    )


@dataclass(frozen=True)
class _State:
    """How one rule stands to the record; ``is_reached`` is False below a parent that does not match."""

    is_reached: bool
    matches: bool
    is_named: bool
    is_excluded: bool
    criterion: Outcome | None = None


def _states(ruleset: Ruleset, record: Mapping[str, Any]) -> list[_State]:
    key = record_key(record)
    states: list[_State] = []
    for rule in ruleset.rules:
        is_excluded = key in rule.exclude
        is_named = key in rule.named and not is_excluded
        is_reached = rule.parent is None or states[rule.parent].matches
        criterion = None
        if is_reached and not is_excluded and rule.where is not None:
            criterion = blame(
                rule.where, record, fields=ruleset.fields, lists=ruleset.lists, areas=ruleset.areas
            )
        matches = is_reached and not is_excluded and criterion is None
        states.append(_State(is_reached, matches, is_named, is_excluded, criterion))
    return states


def _claim(rule: Rule, state: _State) -> str | None:
    """Return why the rule claims the record, or None; a grouping node claims nothing but what it names."""
    if state.is_named:
        return "named"
    return "rule" if state.matches and rule.where is not None else None


def _decided_by(winner: tuple[str | None, Rule], loser: tuple[str | None, Rule]) -> str:
    """Return the first element of the winning order in which the two differ."""
    if winner[0] != loser[0]:
        return "named"
    pairs = zip(RANKS[2:], winner[1].rank, loser[1].rank, strict=True)
    return next(name for name, left, right in pairs if left != right)


def _story(
    ruleset: Ruleset, states: Sequence[_State], winner: tuple[str | None, Rule] | None
) -> Iterator[Considered]:
    for rule, state in zip(ruleset.rules, states, strict=True):
        claim = _claim(rule, state)
        if claim and winner and rule is winner[1]:
            yield Considered(rule.key, "won", claim)
        elif claim and not rule.is_primary:
            yield Considered(rule.key, "overlay", claim)
        elif claim and winner:
            yield Considered(rule.key, "lost", claim, _decided_by(winner, (claim, rule)))
        elif state.is_reached and state.is_excluded:
            yield Considered(rule.key, "excluded")
        elif state.matches:
            yield Considered(rule.key, "passed")
        elif state.is_reached:
            yield Considered(rule.key, "missed", criterion=state.criterion)
