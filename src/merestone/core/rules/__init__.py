"""Rule documents: read and write them, compile them, and say where a record belongs and why.

The row oracle ``match_record`` is the truth that every engine equals. Not here: files, storage, people's rights.
"""

from merestone.core.rules.cases import run_cases
from merestone.core.rules.document import document_fields, read_document, write_document
from merestone.core.rules.ruleset import (
    RANKS,
    Considered,
    RecordMatch,
    Rule,
    Ruleset,
    compile_ruleset,
    match_record,
)

__all__ = [
    "RANKS",
    "Considered",
    "RecordMatch",
    "Rule",
    "Ruleset",
    "compile_ruleset",
    "document_fields",
    "match_record",
    "read_document",
    "run_cases",
    "write_document",
]
