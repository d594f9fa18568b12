"""The whole trace of one record: every territory it came by, criterion by criterion, with its own values beside them.

It tells more than ``RecordMatch.trace`` under the same keys, as JSON values only. Outcomes are those of ``match_record``;
here they are only unfolded. Not here: what would have to change (``flip``, ``relax``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from merestone.core.criteria import Expr, Outcome, evaluate, explain, leaves, to_english
from merestone.core.criteria import expression as ex
from merestone.core.rules.choices import World
from merestone.core.rules.flip import json_value, path_positions
from merestone.core.rules.ruleset import RecordMatch, Rule, Ruleset, match_record, record_key

_WORDS = {True: "held", False: "failed", None: "unknown"}


def trace_record(
    ruleset: Ruleset, record: Mapping[str, Any], *, match: RecordMatch | None = None
) -> dict[str, Any]:
    """Return why a record is where the rules put it.

    Parameters
    ----------
    ruleset : Ruleset
        Compiled rules.
    record : mapping
        As for ``match_record``.
    match : RecordMatch, optional
        Its answer, when it is there already.

    Returns
    -------
    dict
        ``winner``, ``cause``, ``decided_by``, ``runner_up``, ``matches``, ``overlays``, ``path`` (keys from the root to the
        winner) and ``considered``: per territory what ``Considered`` says and what ``rule_trace`` adds.
    """
    match = match or match_record(ruleset, record)
    position = {rule.key: number for number, rule in enumerate(ruleset.rules)}
    return {
        "winner": match.winner,
        "cause": match.cause,
        "decided_by": match.rank,
        "runner_up": match.runner_up,
        "matches": list(match.matches),
        "overlays": list(match.overlays),
        "path": path_keys(ruleset, match.winner) if match.winner else [],
        "considered": [
            {**entry.as_dict(), **rule_trace(ruleset, record, position[entry.territory])}
            for entry in match.considered
        ],
    }


def path_keys(ruleset: Ruleset, key: str) -> list[str]:
    """Return the keys from the root down to a territory."""
    return [ruleset.rules[at].key for at in path_positions(ruleset, ruleset.position(key))]


def trace_path(ruleset: Ruleset, record: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the steps from the root down to a territory, those below one that failed too.

    Each step has what ``rule_trace`` says and ``step``: ``held``, ``failed``, ``unknown``, ``group`` (no criteria) or
    ``excluded``.
    """
    steps = []
    for at in path_positions(ruleset, ruleset.position(key)):
        entry = rule_trace(ruleset, record, at)
        steps.append({**entry, "step": _step(ruleset, record, ruleset.rules[at])})
    return steps


def _step(ruleset: Ruleset, record: Mapping[str, Any], rule: Rule) -> str:
    if record_key(record) in rule.exclude:
        return "excluded"
    if rule.where is None:
        return "group"
    truth = evaluate(rule.where, record, fields=ruleset.fields, lists=ruleset.lists, areas=ruleset.areas)
    return _WORDS[truth]


def rule_trace(ruleset: Ruleset, record: Mapping[str, Any], position: int) -> dict[str, Any]:
    """Return what one territory asks of a record and what the record has.

    Returns
    -------
    dict
        ``territory``, ``parent``, ``depth``, ``is_primary``, ``is_group``, ``priority``, ``n_criteria``, ``is_named``,
        ``is_excluded`` and ``criteria``: per comparison or function ``criterion``, ``outcome`` (held, failed, unknown),
        ``needs`` (the same without its field), ``english``, ``values`` (the record's own, by field), ``missing`` (fields without
        value, when unknown) and ``within`` (and, or, not: what it stands in).
    """
    rule = ruleset.rules[position]
    own = record_key(record)
    return {
        "territory": rule.key,
        "parent": None if rule.parent is None else ruleset.rules[rule.parent].key,
        "depth": rule.depth,
        "is_primary": rule.is_primary,
        "is_group": rule.where is None,
        "priority": rule.priority,
        "n_criteria": rule.n_criteria,
        "is_named": own in rule.named,
        "is_excluded": own in rule.exclude,
        "criteria": [] if rule.where is None else _criteria(ruleset, record, rule.where),
    }


def _criteria(ruleset: Ruleset, record: Mapping[str, Any], where: Expr) -> list[dict[str, Any]]:
    world = World(ruleset.fields, ruleset.lists, ruleset.areas)
    outcomes = explain(where, record, fields=ruleset.fields, lists=ruleset.lists, areas=ruleset.areas)
    return [
        _criterion(world, record, leaf, outcome, within)
        for leaf, within, outcome in zip(leaves(where), _within(where), outcomes, strict=True)
    ]


def _criterion(
    world: World, record: Mapping[str, Any], leaf: ex.Leaf, outcome: Outcome, within: str
) -> dict[str, Any]:
    names = world.names(leaf) if leaf.field is None else (world.fields[leaf.field.name].name,)
    written = "" if leaf.field is None or isinstance(leaf, ex.Call) else f"{leaf.field.name} "
    return {
        **outcome.as_dict(),
        "needs": outcome.text.removeprefix(written),
        "english": to_english(leaf, world.fields),
        "values": dict(zip(names, map(json_value, world.read(record, names)), strict=True)),
        "within": within,
    }


def _within(expr: Expr, inside: str = "and") -> Iterator[str]:
    """Yield for each leaf whether it has to hold, is one of several ways, or stands under a ``not``."""
    if isinstance(expr, ex.Not):
        yield from _within(expr.part, "not")
    elif isinstance(expr, ex.And | ex.Or):
        is_choice = isinstance(expr, ex.Or) and inside == "and"
        for part in expr.parts:
            yield from _within(part, "or" if is_choice else inside)
    else:
        yield inside
