"""Markdown to HTML without trusting its author: no raw HTML, no images, links marked as leading outside.

CDS Hooks clients render a card's `detail` as GitHub Flavored Markdown; some pass raw HTML through. We must not.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping, Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

_ADDRESS = re.compile(r"https?://[^/\s]", re.IGNORECASE)


class _Renderer(RendererHTML):
    """HTML whose links open apart and tell the target nothing."""

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: MutableMapping[str, Any]) -> str:
        """Mark a link as leading outside; addresses that are not http or https never get here."""
        tokens[idx].attrSet("rel", "noopener noreferrer")
        tokens[idx].attrSet("target", "_blank")
        return self.renderToken(tokens, idx, options, env)


class _Reader(MarkdownIt):
    """Makes links of web addresses and no others: of any other scheme a browser may start a program of the machine."""

    def validateLink(self, url: str) -> bool:  # noqa: N802 - the library's name
        """Whether `url` may become a link; else it stays text."""
        return _ADDRESS.match(url) is not None


_READER = _Reader("commonmark", {"html": False}, renderer_cls=_Renderer).enable("table").disable("image")


def to_html(text: str) -> str:
    """`text` as HTML that is safe to put into a page; markup in it is shown, not obeyed."""
    return str(_READER.render(text))
