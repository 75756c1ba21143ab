"""All cards of the gallery: each case as each client profile gets it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from cds_hooks.gallery.cases import Case, Cases
from cds_hooks.gallery.told import card_for, tell
from cds_hooks.trust.behaviour import Behaviour
from cds_hooks.web.cards import card_page
from mappings.load import Knowledge

# The profile that the others are told against: it comes first and is shown in full.
FIRST = "generic"
NOT_SHOWN = ""


@dataclass(frozen=True, slots=True)
class Look:
    """What a client gets: the `document`, the card as JSON text, and the `page` that a picture is taken of.

    Both are empty for a client that shows so few cards that this one is not among them.
    """

    document: str = field(repr=False)
    page: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Shown:
    """A case with its `looks` by profile, the first profile first; `summary` and `indicator` of its card, and the
    `kinds` of all cards of the answer in their order.
    """

    case: Case
    summary: str
    indicator: str
    kinds: tuple[str, ...]
    looks: Mapping[str, Look]

    def document_of(self, profile: str) -> str:
        """The first profile that gets the very same card, `profile` itself if none before it; NOT_SHOWN without."""
        return self._first(profile, "document")

    def picture_of(self, profile: str) -> str:
        """The first profile whose card looks the same, as `document_of`. The same card always does."""
        return self._first(profile, "page")

    def _first(self, profile: str, part: str) -> str:
        mine = getattr(self.looks[profile], part)
        if not mine:
            return NOT_SHOWN
        return next(name for name, look in self.looks.items() if getattr(look, part) == mine)


def shown(cases: Cases, knowledge: Knowledge, profiles: Mapping[str, Behaviour]) -> tuple[Shown, ...]:
    """Every case for every profile. Raises NoSuchCardError for a case from which no card of its kind arises."""
    ordered = dict(sorted(profiles.items(), key=lambda item: item[0] != FIRST))
    return tuple(_shown(case, cases, knowledge, ordered) for case in cases.cases)


def _shown(case: Case, cases: Cases, knowledge: Knowledge, profiles: Mapping[str, Behaviour]) -> Shown:
    told = tell(case, cases, knowledge)
    draft = told.drafts[told.place]
    looks = {name: _look(card_for(told, client, knowledge), client) for name, client in profiles.items()}
    return Shown(case, draft.summary, draft.indicator, tuple(one.kind for one in told.drafts), looks)


def _look(card: Mapping[str, Any] | None, client: Behaviour) -> Look:
    if card is None:
        return Look("", "")
    document = orjson.dumps(card, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
    return Look(document, card_page(card, markdown=client.markdown == "gfm"))
