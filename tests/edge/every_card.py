"""Every kind of card before every client profile: what tests of the wire are held against.

Real drafts come from told cases; beside them stands one made-up draft of every kind that the knowledge has a topic for,
with all options and measures offered, so that a new kind is tested from the day it gets its topic.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from cds_hooks.caller import card_form, order_style
from cds_hooks.render import Rendered, render, response
from cds_hooks.suggesting import Ordering
from cds_hooks.trust.behaviour import Behaviour
from cds_hooks.trust.profiles import client_profiles
from cds_hooks.wire import to_wire
from plugin import Assessment
from plugin.advice.card_draft import CardDraft
from tests.reasoning.test_next_step_cards import KNOWLEDGE, PLAN, cards

BASE = "https://cds.example/trd"
MEASURES = ("phq9", "gad7", "hscrp", "isi")
_PLAIN = {"markdown": "plain", "links": False, "cards_at_most": 1}
CLIENTS: Mapping[str, Behaviour] = {
    **client_profiles(),
    "at-most-one, many actions": client_profiles()["generic"].model_copy(
        update={"selection_behavior": "at-most-one", "actions_per_suggestion": 10}
    ),
    "epic without Markdown": client_profiles()["epic"].model_copy(update=_PLAIN),
}
STORIES: Mapping[str, dict[str, Any]] = {
    "two failed trials": {},
    "recorded danger": {"answers": [PLAN]},
    "a drug that failed": {"draft": "sertraline 50 mg daily"},
    "bipolar": {"conditions": ["F31.9 active confirmed, onset day 0"]},
    "psychosis": {"conditions": ["F33.3 active confirmed, onset day 10"]},
    "one trial": {"medications": []},
    "Europe": {"jurisdiction": "eu"},
}


@cache
def told(name: str) -> tuple[Assessment, tuple[CardDraft, ...]]:
    """The assessment and the real card drafts of a story."""
    held: list[Assessment] = []

    def keep(judged: Assessment) -> Assessment:
        held.append(judged)
        return judged

    drafts = cards(change=keep, **STORIES[name])
    return held[0], tuple(drafts.values())


def kinds() -> list[str]:
    """Every kind of card that the knowledge knows."""
    return sorted(name.removeprefix("topic-") for name in KNOWLEDGE.sentences if name.startswith("topic-"))


def made_up(kind: str, **changed: Any) -> CardDraft:
    """A draft of a kind with everything offered that may be offered in the first story."""
    judged, _ = told("two failed trials")
    listed = tuple(option.id for option in judged.next_step.options.listed)
    fields: dict[str, Any] = {
        "kind": kind,
        "summary": f"Said of {kind}",
        "detail": ("**sertraline**: 200 mg a day", r"a \<b\> of the record", "Last line."),
        "indicator": "info",
        "source_label": "Source",
        "uses": ("Observation/a", "Condition/c"),
        "override_reasons": tuple(reason.code for reason in KNOWLEDGE.override_reasons),
        "offers": listed,
        "collects": MEASURES,
        **changed,
    }
    return CardDraft(**fields)


def every_answer() -> Iterator[tuple[str, Assessment, tuple[CardDraft, ...]]]:
    """Named answers: those of the stories, and one made-up card of each kind; one with two cards that both offer."""
    for name in STORIES:
        yield name, *told(name)
    judged, _ = told("two failed trials")
    for kind in kinds():
        yield kind, judged, (made_up(kind),)
    yield "two offering cards", judged, (made_up("trd-options"), made_up("trd-status"))


def ordering_for(client: Behaviour, judged: Assessment, **changed: Any) -> Ordering:
    """What orders for a client need."""
    made = Ordering(
        assessment=judged,
        patient_id="p",
        encounter="Encounter/now",
        selection=client.selection_behavior,
        style=order_style(client),
    )
    return replace(made, **changed)


def rendered_for(
    client: Behaviour, judged: Assessment, said: tuple[CardDraft, ...], **changed: Any
) -> tuple[Rendered, ...]:
    """The cards as this client gets them."""
    return render(
        said,
        knowledge=KNOWLEDGE,
        base_url=BASE,
        ordering=ordering_for(client, judged, **changed),
        form=card_form(client),
    )


def answer_for(client: Behaviour, judged: Assessment, said: tuple[CardDraft, ...], **changed: Any) -> dict[str, Any]:
    """The whole answer on the wire."""
    return to_wire(response(tuple(one.card for one in rendered_for(client, judged, said, **changed))))


def actions_of(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All actions of an answer."""
    return [
        action
        for card in answer["cards"]
        for suggestion in card.get("suggestions", [])
        for action in suggestion["actions"]
    ]
