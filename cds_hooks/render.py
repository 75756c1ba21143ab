"""From what the reasoning wants said to cards on the wire.

The drafts come with sentences complete and chart text escaped (`plugin.advice.policy.escape`). Here they get what
only the wire needs: lengths, uuids, static topic codes, override reasons, absolute addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from cds_hooks import card_text
from cds_hooks.card_form import CARDS_AT_MOST, CardForm
from cds_hooks.draft_changes import is_sane
from cds_hooks.suggesting import Offer, Offered, Ordering, suggested
from cds_hooks.wire import SUMMARY_BELOW, Card, Coding, HookResponse, Link, Source, Suggestion
from mappings.load import Knowledge
from plugin.advice.policy import CardDraft

# An identifier for ever, not an address that anything fetches (decisions 13 and 28).
CANONICAL_BASE = "https://trd-cds.github.io"
TOPIC_SYSTEM = f"{CANONICAL_BASE}/fhir/CodeSystem/card-topics"
OVERRIDE_SYSTEM = f"{CANONICAL_BASE}/fhir/CodeSystem/override-reasons"
PROVENANCE = "io.github.trd-cds.provenance"
_USES_AT_MOST = 500
LAUNCH_PATH = "/app/launch"


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
    form: CardForm | None = None,
    provenance: Provenance | None = None,
    demo: bool = False,
    app_context: str = "",
    new_uuid: Callable[[], UUID] = uuid4,
) -> tuple[Rendered, ...]:
    """The cards for `drafts`, most important first as given, as many as `form` allows and `CARDS_AT_MOST` at most;
    give `advise` the same number, or a hard stop may be cut without a word.

    `base_url` is the public address of this deployment, to which every link points. With `ordering` the cards carry
    suggestions (`cds_hooks.suggesting`); `form` is what the client shows; `provenance` goes along with each card, its
    rules, sources and resources added; with `demo` each card says that it is a demonstration; `app_context` is what
    the app is told when it is launched from a card, by clients that hand it over. Raises KeyError when a
    draft names an override reason that the knowledge does not hold: a fault of ours.
    """
    form = form or CardForm()
    displays = {reason.code: reason.display for reason in knowledge.override_reasons}
    # A bound and no choice: `plugin.advice.policy.advise` has already named on the last card what must not be cut.
    shown = drafts[: min(form.cards_at_most, CARDS_AT_MOST)]
    offered = suggested(shown, ordering, knowledge) if ordering is not None else [Offered() for _ in shown]
    rendered = []
    for draft, offers in zip(shown, offered, strict=True):
        # The last line is the day and that nothing is validated: it stays the last.
        written = replace(draft, detail=(*draft.detail[:-1], *offers.notes, *draft.detail[-1:]))
        suggestions = tuple(_suggestion(offer, new_uuid) for offer in offers.offers)
        card = Card(
            uuid=str(new_uuid()),
            **_written(
                _as_demo(written, knowledge) if demo else written, knowledge, displays, base_url, form, provenance
            ),
            suggestions=suggestions,
            selectionBehavior=offers.selection if suggestions else None,
            links=_links(knowledge, base_url, form, app_context),
        )
        proposed = {one.uuid: offer.proposes for one, offer in zip(suggestions, offers.offers, strict=True)}
        rendered.append(Rendered(card, draft, proposed))
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
    return HookResponse(cards=cards, extension={PROVENANCE: _versions(provenance)})


def _versions(provenance: Provenance) -> dict[str, str]:
    """What is the same for every card of an answer."""
    said = {
        "engine": provenance.engine,
        "knowledge": provenance.knowledge,
        "knowledgeHash": provenance.content_hash,
        "definition": provenance.definition,
        "asOf": provenance.as_of.isoformat(),
    }
    return said if provenance.site is None else {**said, "site": provenance.site}


def _extension(
    draft: CardDraft, uses: tuple[str, ...], provenance: Provenance | None
) -> dict[str, dict[str, str | tuple[str, ...]]] | None:
    """Rule ids, keys of the bibliography at /source-attributes, references and versions; no value of a patient."""
    behind = {"rules": draft.rules, "sources": draft.cites, "resources": uses}
    said: dict[str, str | tuple[str, ...]] = {name: ids for name, ids in behind.items() if ids}
    if provenance is not None:
        said |= _versions(provenance)
    return {PROVENANCE: said} if said else None


def shortened(text: str, below: int = SUMMARY_BELOW) -> str:
    """`text` on one line with fewer than `below` characters, cut at a word with an ellipsis where it is
    longer.

    >>> shortened("Two adequate trials failed", below=14)
    'Two adequate…'
    """
    line = card_text.one_line(text)
    if len(line) < below:
        return line
    room = line[: below - 2]
    # A word longer than the room is cut inside: better than nothing at all.
    whole = room if line[below - 2] == " " or " " not in room else room[: room.rindex(" ")]
    return whole.rstrip(" ,;:–-") + "…"


def _written(
    draft: CardDraft,
    knowledge: Knowledge,
    displays: Mapping[str, str],
    base_url: str,
    form: CardForm,
    provenance: Provenance | None,
) -> dict[str, Any]:
    """The attributes of a card that its draft decides."""
    topic = knowledge.sentences[f"topic-{draft.kind}"].text
    uses = tuple(use for use in draft.uses if is_sane(use))[:_USES_AT_MOST]
    return {
        "summary": shortened(card_text.label(draft.summary)),
        "detail": card_text.detail(draft.detail, markdown=form.markdown),
        "indicator": draft.indicator,
        "source": Source(
            label=card_text.label(draft.source_label),
            url=f"{base_url}/intended-use",
            topic=Coding(code=topic_code(draft.kind), system=TOPIC_SYSTEM, display=topic),
        ),
        "overrideReasons": tuple(
            Coding(code=code, system=OVERRIDE_SYSTEM, display=displays[code]) for code in draft.override_reasons
        ),
        "extension": _extension(draft, uses, provenance),
    }


def _links(knowledge: Knowledge, base_url: str, form: CardForm, app_context: str) -> tuple[Link, ...]:
    """The same on every card: what the decision support rests on and, for clients that launch it, the app.

    The app has one address, because EHRs show only links that were listed there before.
    """
    if not form.links:
        return ()
    page = Link(label=knowledge.sentences["link-source-attributes"].text, url=f"{base_url}/source-attributes")
    if not form.launches:
        return (page,)
    app = Link(
        label=knowledge.sentences["link-smart-app"].text,
        url=f"{base_url}{LAUNCH_PATH}",
        type="smart",
        appContext=(app_context or None) if form.app_context else None,
    )
    return page, app


def _suggestion(offer: Offer, new_uuid: Callable[[], UUID]) -> Suggestion:
    return Suggestion(label=card_text.label(offer.label), uuid=str(new_uuid()), actions=offer.actions)


def topic_code(kind: str) -> str:
    """The static topic code of a kind of card: letters and digits only, as the strictest known client asks."""
    return kind.replace("-", "")
