"""The words other systems use for our choices, and yes and no."""

from __future__ import annotations

from collections.abc import Mapping

from merestone.app.exchange.texts import fold, is_no_value, nearest
from merestone.app.exchange.values import Read
from merestone.core.model import columns as c

SYNONYMS: Mapping[tuple[str, ...], Mapping[str, str]] = {
    c.LIFECYCLES: {
        "closed": "inactive", "out of business": "inactive", "dormant": "inactive", "archived": "inactive",
        "not active": "inactive", "permanently closed": "inactive", "planning": "prospect", "planned": "prospect",
        "lead": "prospect", "target": "prospect", "potential": "prospect", "potential customer": "prospect",
        "suspect": "prospect", "active": "customer", "client": "customer", "current": "customer",
        "existing": "customer", "active customer": "customer", "existing customer": "customer", "lost": "churned",
        "former": "churned", "former customer": "churned", "ex customer": "churned", "cancelled": "churned",
        "canceled": "churned",
    },
    c.LEAD_STATUSES: {
        "open": "new", "not contacted": "new", "open not contacted": "new", "attempted": "working",
        "contacted": "working", "working contacted": "working", "in progress": "working", "nurture": "nurturing",
        "recycled": "nurturing", "sql": "qualified", "sales qualified": "qualified", "mql": "qualified",
        "closed converted": "converted", "customer": "converted", "won": "converted", "unqualified": "disqualified",
        "closed not converted": "disqualified", "junk": "disqualified", "lost": "disqualified", "dead": "disqualified",
    },
    c.OPPORTUNITY_STAGES: {
        "new": "prospecting", "open": "prospecting", "lead": "prospecting", "prospect": "prospecting",
        "engaging": "qualification", "engaged": "qualification", "qualified": "qualification",
        "qualifying": "qualification", "discovery": "qualification", "needs analysis": "qualification",
        "demo": "qualification", "quote": "proposal", "proposal price quote": "proposal", "proposal sent": "proposal",
        "value proposition": "proposal", "negotiating": "negotiation", "negotiation review": "negotiation",
        "contract sent": "negotiation", "verbal": "negotiation", "closed won": "won", "win": "won", "closedwon": "won",
        "closed lost": "lost", "closedlost": "lost", "lose": "lost", "abandoned": "lost",
    },
    c.FORECAST_CATEGORIES: {
        "best": "best_case", "upside": "best_case", "committed": "commit", "won": "closed", "omit": "omitted",
    },
    c.ACTIVITY_KINDS: {
        "phone": "call", "phone call": "call", "outbound call": "call", "email": "mail", "e mail": "mail",
        "meeting": "visit", "event": "visit", "appointment": "visit", "on site": "visit", "to do": "task",
        "todo": "task", "comment": "note", "ticket": "case", "service case": "case", "service request": "case",
    },
    c.CONTRACT_STATES: {
        "current": "active", "in force": "active", "activated": "active", "renewal": "renewed", "churned": "lost",
        "cancelled": "lost", "canceled": "lost", "terminated": "lost", "expired": "ended", "closed": "ended",
    },
    ("junior", "mid", "senior", "principal"): {
        "associate": "junior", "entry": "junior", "intermediate": "mid", "middle": "mid", "medior": "mid",
        "lead": "principal", "staff": "principal", "sr": "senior", "jr": "junior",
    },
}  # fmt: skip
_YES = frozenset(
    ["true", "t", "yes", "y", "1", "x", "on", "ja", "j", "oui", "o", "si", "s", "wahr", "vrai", "done", "✓"]
)
_NO = frozenset(["false", "f", "no", "n", "0", "off", "nein", "non", "falsch", "faux"])


def label_of(choice: str) -> str:
    """Return a choice in words: ``best_case`` is ``Best case``."""
    return choice.replace("_", " ").capitalize()


def known_words(choices: tuple[str, ...]) -> dict[str, str]:
    """Return folded text -> choice, for the values, their labels and their synonyms."""
    words = dict(SYNONYMS.get(choices, {}))
    words.update({fold(choice): choice for choice in choices})
    return words


def read_choice(text: str, choices: tuple[str, ...]) -> Read:
    """Return the choice a text means; the nearest one is the fix."""
    if is_no_value(text):
        return Read()
    words = known_words(choices)
    found = words.get(fold(text))
    if found:
        return Read(found)
    near = nearest(text, words)
    hint = f"Did you mean {words[fold(near)]!r}? " if near else ""
    return Read(
        code="unknown-choice",
        message=f"{text[:80]!r} is none of the values known here.",
        fix=f"{hint}Use one of: {', '.join(choices)}.",
    )


def read_boolean(text: str) -> Read:
    """Return true or false for the words of a few languages."""
    word = fold(text) or text.strip()
    if word in _YES:
        return Read(True)
    if word in _NO:
        return Read(False)
    if is_no_value(text):
        return Read()
    return Read(
        code="bad-boolean", message=f"{text[:80]!r} is neither yes nor no.", fix="Write true or false."
    )
