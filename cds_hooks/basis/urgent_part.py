"""What stands on top of the page: recorded acute danger, hard stops of drafted orders, gates.

The very sentences of the cards on the same matters, from the same functions, so that page and card cannot differ.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from cds_hooks.basis.citations import Register, Why
from cds_hooks.basis.telling import line
from plugin.advice.card_draft import CardDraft
from plugin.advice.safety_cards import gate_cards, safety_card, stop_cards, unchecked_card
from plugin.advice.wording import Wording
from plugin.assessment import Assessment

_LEVELS = {"critical": "Critical", "warning": "Warning", "info": "Information"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One urgent matter: its level as a class and as a word, what it says, what it rests on."""

    level: str
    word: str
    summary: str
    lines: tuple[Markup, ...]
    basis: Why


def notices_of(assessment: Assessment, words: Wording, register: Register) -> tuple[Notice, ...]:
    """Danger first, then hard stops, then gates, then stops that could not be checked."""
    cards: list[CardDraft | None] = [safety_card(assessment, words), *stop_cards(assessment, words)]
    cards += [*gate_cards(assessment, words), unchecked_card(assessment, words)]
    said = words.say("as-of", date=assessment.as_of)  # the page says it once, above
    return tuple(_notice(card, register, said) for card in cards if card is not None)


def _notice(card: CardDraft, register: Register, said: str) -> Notice:
    return Notice(
        level=card.indicator,
        word=_LEVELS[card.indicator],
        summary=card.summary,
        lines=tuple(line(text) for text in card.detail if text != said),
        basis=register.statement("Records and sources", rule=", ".join(card.rules), uses=card.uses, cites=card.cites),
    )
