"""Markdown of people as safe HTML: no raw HTML, no pictures, links to the web and to our own pages only, no styles."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from django.utils.safestring import SafeString, mark_safe

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_LINK = re.compile(r"(?:https?://|mailto:|/(?![/\\]|%5C)|#)[^\s\\]*", re.IGNORECASE)


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # pages without any must not wait for it

    parser = (
        MarkdownIt("commonmark", {"html": False})
        .enable("table")
        .disable(["image", "html_block", "html_inline"])
    )
    parser.validateLink = lambda url: bool(_LINK.fullmatch(url))  # type: ignore[method-assign]
    parser.add_render_rule("link_open", _link)
    parser.add_render_rule("th_open", _cell)
    parser.add_render_rule("td_open", _cell)
    parser.add_render_rule("heading_open", _heading)
    parser.add_render_rule("heading_close", _heading)
    return parser


def _link(self: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
    if not str(tokens[index].attrGet("href")).startswith(("/", "#")):
        tokens[index].attrSet("rel", "noopener noreferrer nofollow")
    return str(self.renderToken(tokens, index, options, env))


def _cell(self: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
    style = tokens[index].attrs.pop("style", "")  # the content security policy allows none
    if "right" in str(style):
        tokens[index].attrSet("class", "end")
    return str(self.renderToken(tokens, index, options, env))


def _heading(self: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    level = int(token.tag[1])
    token.tag = f"h{min(6, level + 2)}"  # the page has its title and its cards
    return str(self.renderToken(tokens, index, options, env))


def html_of(text: str) -> SafeString:
    """Return Markdown as HTML that is safe to show."""
    return mark_safe(_parser().render(text))  # noqa: S308 - the parser escapes everything
