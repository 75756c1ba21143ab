"""What of a card a client shows: how many cards, which links, whether one launches the app, Markdown or plain text."""

from __future__ import annotations

from dataclasses import dataclass

CARDS_AT_MOST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CardForm:
    """`cards_at_most` of the cards are sent, the most important first; without `links` a card has none; without
    `markdown` its detail is plain text. With `launches` a card links to the app too, and with `app_context` the link
    says what the card was about.
    """

    cards_at_most: int = CARDS_AT_MOST
    links: bool = True
    markdown: bool = True
    launches: bool = False
    app_context: bool = True
