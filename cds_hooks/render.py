"""From what the reasoning wants said to cards on the wire.

The drafts come with sentences complete and chart text escaped (`plugin.advice.escape`). Here they get what
only the wire needs: lengths, uuids, static topic codes, override reasons, absolute addresses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID, uuid4

from cds_hooks.proposals import ProposedOrder
from cds_hooks.suggesting import Ordering, suggested
from cds_hooks.wire import SUMMARY_BELOW, Action, Card, Coding, HookResponse, Source, Suggestion
from mappings.load import Knowledge
from plugin.advice import CardDraft

# An identifier for ever, not an address that anything fetches (decisions 13 and 28).
CANONICAL_BASE = "https://trd-cds.github.io"
TOPIC_SYSTEM = f"{CANONICAL_BASE}/fhir/CodeSystem/card-topics"
OVERRIDE_SYSTEM = f"{CANONICAL_BASE}/fhir/CodeSystem/override-reasons"
PROVENANCE = "io.github.trd-cds.provenance"
EVIDENCE = "io.github.trd-cds.evidence"
CARDS_AT_MOST = 3
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What a set of cards rests on: versions, content hash, definition and day of judgement."""

    engine: str
    knowledge: str
    content_hash: str
    definition: str
    as_of: date
    site: str | None = None


@dataclass(frozen=True, slots=True)
class Rendered:
    """A card with the draft it came from, and what each of its suggestions proposes, by the suggestion's uuid."""

    card: Card
    draft: CardDraft
    offers: Mapping[str, str]


def render(
    drafts: Sequence[CardDraft],
    *,
    knowledge: Knowledge,
    base_url: str,
    ordering: Ordering | None = None,
    demo: bool = False,
    new_uuid: Callable[[], UUID] = uuid4,
) -> tuple[Rendered, ...]:
    """The cards for `drafts`, most important first as given, at most `CARDS_AT_MOST`.

    `base_url` is the public address of this deployment, to which every link points. With `ordering` the cards carry
    suggestions (`cds_hooks.suggesting`); with `demo` each says that it is a demonstration. Raises KeyError when a
    draft names an override reason that the knowledge does not hold: a fault of ours.
    """
    displays = {reason.code: reason.display for reason in knowledge.override_reasons}
    topics = {draft.kind: knowledge.sentences[f"topic-{draft.kind}"].text for draft in drafts}
    shown = drafts[:CARDS_AT_MOST]
    rendered = []
    for draft in shown:
        card = _card(_as_demo(draft, knowledge) if demo else draft, displays, topics, base_url, new_uuid)
        offers: Mapping[str, str] = {}
        if ordering is not None:
            card, offers = _with_suggestions(card, *suggested(draft, ordering, knowledge), new_uuid)
        rendered.append(Rendered(card, draft, offers))
    return tuple(rendered)


def _as_demo(draft: CardDraft, knowledge: Knowledge) -> CardDraft:
    """The draft with the notice that this is a demonstration: first on the card, and beside its source."""
    said = knowledge.sentences
    label = f"{draft.source_label} ({said['demo-source'].text})"
    return replace(draft, detail=(said["demo-notice"].text, *draft.detail), source_label=label)


def response(cards: tuple[Card, ...], provenance: Provenance | None = None) -> HookResponse:
    """The answer with `cards`; `provenance` goes along as an extension when there are any."""
    if not cards or provenance is None:
        return HookResponse(cards=cards)
    said = {
        "engine": provenance.engine,
        "knowledge": provenance.knowledge,
        "knowledgeHash": provenance.content_hash,
        "definition": provenance.definition,
        "asOf": provenance.as_of.isoformat(),
    }
    if provenance.site is not None:
        said["site"] = provenance.site
    return HookResponse(cards=cards, extension={PROVENANCE: said})


def shortened(text: str, below: int = SUMMARY_BELOW) -> str:
    """`text` on one line with fewer than `below` characters, cut at a word with an ellipsis where it is
    longer.

    >>> shortened("Two adequate trials failed", below=14)
    'Two adequate…'
    """
    line = _BLANKS.sub(" ", text).strip()
    if len(line) < below:
        return line
    room = line[: below - 2]
    # A word longer than the room is cut inside: better than nothing at all.
    whole = room if line[below - 2] == " " or " " not in room else room[: room.rindex(" ")]
    return whole.rstrip(" ,;:–-") + "…"


def _card(
    draft: CardDraft, displays: dict[str, str], topics: dict[str, str], base_url: str, new_uuid: Callable[[], UUID]
) -> Card:
    return Card.model_validate(
        {
            "uuid": str(new_uuid()),
            "summary": shortened(draft.summary),
            "detail": _as_list(draft.detail),
            "indicator": draft.indicator,
            "source": Source(
                label=draft.source_label,
                url=f"{base_url}/intended-use",
                topic=Coding(code=topic_code(draft.kind), system=TOPIC_SYSTEM, display=topics[draft.kind]),
            ),
            "overrideReasons": tuple(
                Coding(code=code, system=OVERRIDE_SYSTEM, display=displays[code]) for code in draft.override_reasons
            ),
            "extension": {EVIDENCE: {"uses": draft.uses}} if draft.uses else None,
        }
    )


def _with_suggestions(
    card: Card, selection: str, orders: Sequence[ProposedOrder], new_uuid: Callable[[], UUID]
) -> tuple[Card, Mapping[str, str]]:
    if not orders:
        return card, {}
    suggestions = tuple(
        Suggestion(
            label=order.description,
            uuid=str(new_uuid()),
            actions=(Action(description=order.description, resource=order.resource),),
        )
        for order in orders
    )
    offers = {one.uuid: order.proposes for one, order in zip(suggestions, orders, strict=True)}
    whole = Card.model_validate({**card.model_dump(), "suggestions": suggestions, "selectionBehavior": selection})
    return whole, offers


def _as_list(lines: Sequence[str]) -> str | None:
    """Markdown list, one item a line: clients differ in what else they render (no tables, no raw HTML)."""
    items = (_BLANKS.sub(" ", line).strip().removeprefix("- ") for line in lines)
    return "\n".join(f"- {item}" for item in items if item) or None


def topic_code(kind: str) -> str:
    """The static topic code of a kind of card: letters and digits only, as the strictest known client asks."""
    return kind.replace("-", "")
