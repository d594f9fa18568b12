"""The tests inside a document: records with what is expected of a territory."""

from __future__ import annotations

from collections.abc import Iterator

from merestone.base.errors import Problem
from merestone.core.criteria import FieldSet
from merestone.core.model.territory import Case, TerritoryModelDocument, TerritoryNode
from merestone.core.rules.ruleset import Considered, RecordMatch, Ruleset, compile_ruleset, match_record

_MATCHING = ("won", "lost", "overlay", "passed")


def run_cases(document: TerritoryModelDocument, *, fields: FieldSet | None = None) -> list[Problem]:
    """Run the cases of a document and return a problem for each one that fails.

    Parameters
    ----------
    document : TerritoryModelDocument
        Checked by ``read_document``.
    fields : FieldSet, optional
        Fields known beside the document's own.
    """
    if not any(node.cases for node in document.territories):
        return []
    ruleset = compile_ruleset(document, fields=fields)
    return [
        problem
        for node in document.territories
        for number, case in enumerate(node.cases, start=1)
        for problem in _failures(ruleset, node, case, where=f"territories/{node.key}/cases/{number}")
    ]


def _failures(ruleset: Ruleset, node: TerritoryNode, case: Case, *, where: str) -> Iterator[Problem]:
    unknown = [
        name for name in case.record if name not in ruleset.fields and name not in ("id", "external_id")
    ]
    for name in unknown:
        near = ruleset.fields.nearest(name)
        fix = f"Did you mean '{near}'?" if near else "See the list of fields."
        yield Problem("unknown-field", f"There is no field '{name}'.", fix, where)
    match = match_record(ruleset, case.record)
    found = next((entry for entry in match.considered if entry.territory == node.key), None)
    does_match = found is not None and found.outcome in _MATCHING
    is_met = {"match": does_match, "no-match": not does_match, "win": match.winner == node.key}[case.expect]
    if not is_met:
        yield Problem("case-failed", _told(case, match, found), "Change the rule or the case.", where)


def _told(case: Case, match: RecordMatch, found: Considered | None) -> str:
    expected = {"match": "should match", "no-match": "should not match", "win": "should win"}[case.expect]
    if found is None:
        return f"The territory {expected}, but its parent does not match the record."
    if found.criterion is not None:
        missing = f" ({', '.join(found.criterion.missing)} missing)" if found.criterion.missing else ""
        because = f"{found.criterion.text} {found.criterion.as_dict()['outcome']}{missing}"
        return f"The territory {expected}, but {because}."
    if found.outcome == "excluded":
        return f"The territory {expected}, but the record is excluded."
    if case.expect == "win":
        return f"The territory {expected}, but {match.winner or 'the unassigned queue'} does."
    return f"The territory {expected}, but it does match."
