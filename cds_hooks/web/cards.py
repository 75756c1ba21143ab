"""A CDS Hooks card as HTML, as a client would show it: level, summary, source, detail, suggestions, links, reasons.

Takes the card as it is on the wire and trusts nothing in it: all text is escaped, Markdown goes through
`cds_hooks.web.markdown`, and an address that is not http or https stays text. The look is ``static/cards.css``, whose
classes all stand below ``.cds-card``. Each suggestion is an input with the suggestion's uuid, each reason for setting
the card aside a button with its code, for a page that acts on them; nothing is chosen beforehand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from cds_hooks.suggesting import AT_MOST_ONE
from cds_hooks.web.layout import ROOT
from cds_hooks.web.markdown import to_html

STYLE = "cards.css"
# Word and mark of each indicator: colour alone tells nothing to many.
_LEVELS: Mapping[str, tuple[str, str]] = {
    "info": ("Information", "i"),
    "warning": ("Warning", "!"),
    "critical": ("Critical", "!!"),
}
_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)
_TEMPLATES = Environment(
    loader=FileSystemLoader(ROOT / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """What the template reads of a card. One of `markdown`, safe HTML, and `plain`, text, holds the detail."""

    uuid: str
    level: str
    level_word: str
    mark: str
    summary: str
    source: Mapping[str, Any]
    markdown: Markup
    plain: str
    suggestions: tuple[Mapping[str, Any], ...]
    one_at_most: bool
    links: tuple[Mapping[str, Any], ...]
    reasons: tuple[Mapping[str, Any], ...]


def card_html(card: Mapping[str, Any], *, markdown: bool = True, heading: int = 3) -> Markup:
    """The card as one HTML element, its summary a heading of level `heading`; without `markdown` the detail is shown
    as it is written.
    """
    template = _TEMPLATES.get_template("card.html")
    return Markup(template.render(card=_view(card, markdown), heading=f"h{heading}", linked=_linked))  # noqa: S704 - autoescaped


def card_page(card: Mapping[str, Any], *, markdown: bool = True) -> str:
    """A page with the card alone, which needs no other file: what a picture is taken of."""
    style = Markup(Path(ROOT / "static" / STYLE).read_text(encoding="utf-8"))  # noqa: S704 - our own file
    body = card_html(card, markdown=markdown, heading=1)
    return _TEMPLATES.get_template("card_alone.html").render(title="Card", style=style, body=body)


def _view(card: Mapping[str, Any], markdown: bool) -> _View:
    level = card["indicator"] if card["indicator"] in _LEVELS else "info"
    word, mark = _LEVELS[level]
    detail = str(card.get("detail", ""))
    return _View(
        uuid=str(card.get("uuid", "")),
        level=level,
        level_word=word,
        mark=mark,
        summary=str(card["summary"]),
        source=card["source"],
        markdown=Markup(to_html(detail)) if markdown else Markup(),  # noqa: S704 - made safe there
        plain="" if markdown else detail,
        suggestions=tuple(card.get("suggestions", ())),
        one_at_most=card.get("selectionBehavior") == AT_MOST_ONE,
        links=tuple(card.get("links", ())),
        reasons=tuple(card.get("overrideReasons", ())),
    )


def _linked(named: Mapping[str, Any]) -> Markup:
    """A label as a link that opens apart and tells the target nothing; as text where the address is none to follow."""
    label, address = escape(named.get("label", "")), str(named.get("url", ""))
    if not _ADDRESS.fullmatch(address):
        return label
    return Markup('<a href="{}" rel="noopener noreferrer" target="_blank">{}</a>').format(address, label)
