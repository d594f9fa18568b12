"""The grammar of the criteria language (LALR, contextual lexer) and the token scan that caps nesting.

``TEXTS`` takes a whole run of quoted texts as one token: lists of hundreds of postal codes are what makes rules long.
``NAME`` and double quotes stand where a value belongs only to give a better error than "unexpected token". The terminals
below also make up the shapes that ``shapes`` reads without the parser.
"""

from __future__ import annotations

import re
from functools import cache

from lark import Lark

NAME = "(?!(?:and|or|not|in|list|between|is|null|true|false|date)(?![a-z0-9_]))[a-z_][a-z0-9_]*"
NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,3})?(?![a-z0-9_.])"
STRING = "'[^']*(?:''[^']*)*'(?!')"
SPACE = r"[ \t\f\r\n]*"
TEXTS = rf"{STRING}(?:\s*,\s*{STRING})+"

GRAMMAR = rf"""
?start: or_
?or_: and_ (OR and_)*                -> any_of
?and_: not_ (AND not_)*              -> all_of
?not_: NOT not_                      -> negation
     | "(" or_ ")"                   -> group
     | criterion
criterion: NAME OP value                        -> comparison
     | NAME IN LIST "(" STRING RPAR             -> in_list
     | NAME NOT IN LIST "(" STRING RPAR         -> not_in_list
     | NAME IN "(" values RPAR                  -> in_values
     | NAME NOT IN "(" values RPAR              -> not_in_values
     | NAME BETWEEN value AND value             -> between
     | NAME NOT BETWEEN value AND value         -> not_between
     | NAME IS NULL                             -> is_null
     | NAME IS NOT NULL                         -> is_not_null
     | NAME "(" [values] RPAR                   -> call
values: _item ("," _item)*
_item: TEXTS | value
?value: STRING                       -> text
     | NUMBER                        -> number
     | TRUE                          -> true
     | FALSE                         -> false
     | DATE STRING                   -> day
     | NAME                          -> bare
     | QUOTED                        -> quoted

OR: "or"i
AND: "and"i
NOT: "not"i
IN: "in"i
LIST: "list"i
BETWEEN: "between"i
IS: "is"i
NULL: "null"i
TRUE: "true"i
FALSE: "false"i
DATE: "date"i
OP: "<>" | "!=" | "<=" | ">=" | "==" | "=" | "<" | ">"
RPAR: ")"
NAME: /{NAME}/i
NUMBER: /{NUMBER}/i
TEXTS.2: /{TEXTS}/
STRING: /{STRING}/
QUOTED: /"[^"\n]*"/
SPACE: /{SPACE[:-1]}+/
%ignore SPACE
"""

_NESTING = re.compile(r"'[^']*(?:''[^']*)*'|[()]|\b(?:not|and|or)\b", re.IGNORECASE)


@cache
def parser(transformer: type) -> Lark:
    """Return the parser that builds nodes with ``transformer`` while it reads; built once, safe to share."""
    return Lark(
        GRAMMAR, parser="lalr", lexer="contextual", transformer=transformer(), maybe_placeholders=True
    )


def first_too_deep(text: str, limit: int) -> int | None:
    """Return the offset at which ``(`` and ``not`` nest deeper than ``limit``, or None; takes linear time."""
    depth, outer = 0, [0]
    for token in _NESTING.finditer(text):
        word = token[0].lower()
        if word == "(":
            depth += 1
            outer.append(depth)
        elif word == ")":
            if len(outer) > 1:
                outer.pop()
            depth = outer[-1]
        elif word == "not":
            depth += 1
        elif word in ("and", "or"):
            depth = outer[-1]
        if depth > limit:
            return token.start()
    return None
