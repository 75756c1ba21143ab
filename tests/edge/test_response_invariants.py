"""HL7's invariants of a response, and what else of the specification FHIRPath can say, on every card for every client.

The expressions of cds-resp-1 to cds-resp-7 are those of HL7's logical model of the response, typed anew; an engine
that knows nothing of this project evaluates them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fhirpathpy import compile as compiled

from tests.edge.every_card import CLIENTS, answer_for, every_answer, made_up, told

# Where an expression stands, what it is called, and what it says.
INVARIANTS = [
    (
        "card",
        "cds-resp-1",
        "(selectionBehavior = 'at-most-one') implies suggestions.where(isRecommended).count() <= 1",
    ),
    ("action", "cds-resp-2", "(type = 'delete') implies (resourceId.exists() and resource.empty())"),
    ("link", "cds-resp-3", "(type != 'smart') implies (appContext.empty())"),
    ("card", "cds-resp-4", "overrideReasons.all(display.exists())"),
    ("suggestion", "cds-resp-5", "actions.all(description.exists())"),
    ("card", "cds-resp-6", "suggestions.exists() implies selectionBehavior.exists()"),
    (
        "suggestion",
        "cds-resp-7",
        "actionSelectionBehavior.empty() or actionSelectionBehavior = 'all' or actionSelectionBehavior = 'any' "
        "or actionSelectionBehavior = 'at-most-one'",
    ),
    ("card", "CA-01", "uuid.matches('^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')"),
    ("card", "CA-02", "summary.exists() and summary.length() < 140 and summary.length() > 0"),
    ("card", "CA-04", "indicator = 'info' or indicator = 'warning' or indicator = 'critical'"),
    ("card", "CA-05", "source.label.exists() and source.label.length() > 0"),
    ("card", "CA-08", "selectionBehavior.empty() or selectionBehavior = 'at-most-one' or selectionBehavior = 'any'"),
    ("card", "SO-02", "source.url.matches('^https?://')"),
    ("card", "SO-04", "source.topic.code.matches('^[A-Za-z0-9]{1,100}$') and source.topic.system.exists()"),
    ("card", "CO-01", "overrideReasons.all(code.exists() and system.exists())"),
    ("suggestion", "SU-01", "label.exists() and label.length() > 0"),
    ("suggestion", "SU-02", "uuid.exists()"),
    ("suggestion", "SU-03", "isRecommended.empty()"),
    ("suggestion", "SU-04", "actions.exists()"),
    ("suggestion", "SU-07", "actionSelectionBehavior.empty()"),
    ("action", "AC-01", "type = 'create' or type = 'update' or type = 'delete'"),
    ("action", "AC-02", "description.exists() and description.length() > 0"),
    ("action", "AC-03", "(type = 'create') implies (resource.resourceType.exists() and resource.id.empty())"),
    ("action", "AC-04", "(type = 'update') implies (resource.resourceType.exists() and resource.id.exists())"),
    ("action", "AC-06", "(type = 'delete') implies resourceId.matches('^[A-Za-z]+/[A-Za-z0-9._-]+$')"),
    ("link", "LK-01", "label.exists() and label.length() > 0"),
    ("link", "LK-02", "url.matches('^https?://[^?#]+$')"),
    ("link", "LK-03", "type = 'absolute' or type = 'smart'"),
    ("link", "LK-07", "autolaunchable.empty()"),
]
HOLDS: dict[str, Callable[[Any], list[Any]]] = {name: compiled(expression) for _, name, expression in INVARIANTS}


def parts(answer: dict[str, Any], where: str) -> Iterator[Any]:
    """All cards, suggestions, actions or links of an answer."""
    for card in answer["cards"]:
        suggestions = card.get("suggestions", [])
        yield from {
            "card": [card],
            "suggestion": suggestions,
            "action": [action for one in suggestions for action in one["actions"]],
            "link": card.get("links", []),
        }[where]


def broken(answer: dict[str, Any]) -> list[str]:
    """The names of the invariants that do not hold."""
    return [name for where, name, _ in INVARIANTS for part in parts(answer, where) if HOLDS[name](part) != [True]]


@pytest.mark.proves(
    "CA-07", "CA-08", "SU-01", "AC-01", "AC-02", "AC-03", "AC-04", "LK-01", "LK-02", "LK-03", "LK-04", "CA-01",
    "SU-02", "SU-03", "SU-04", "SU-07", "SO-02", "SO-04", "CO-01", "AC-06", "LK-07", "INF-09", "INF-06", "CA-02",
    "CA-04", "CA-05", "CA-12", "EP-25", "INF-08",
)  # fmt: skip
@pytest.mark.parametrize("client", CLIENTS.values(), ids=list(CLIENTS))
def test_every_answer_keeps_the_invariants(client):
    seen = 0
    for _, judged, drafts in every_answer():
        answer = answer_for(client, judged, drafts)
        assert broken(answer) == []
        assert set(answer) <= {"cards"}, "systemActions are never sent"
        seen += len(answer["cards"])
    assert seen


def whole() -> dict[str, Any]:
    """An answer with a suggestion, an override reason and a link, of which every invariant speaks."""
    judged, _ = told("two failed trials")
    return answer_for(CLIENTS["generic"], judged, (made_up("trd-options"),))


Spoil = Callable[[dict[str, Any]], Any]
FIRST: Callable[[dict[str, Any]], dict[str, Any]] = lambda card: card["suggestions"][0]  # noqa: E731
SPOILT: list[tuple[str, Spoil]] = [
    ("cds-resp-1", lambda card: [one.update(isRecommended=True) for one in card["suggestions"]]),
    ("cds-resp-2", lambda card: FIRST(card)["actions"][0].update(type="delete")),
    ("cds-resp-3", lambda card: card["links"][0].update(appContext="x")),
    ("cds-resp-4", lambda card: card["overrideReasons"][0].pop("display")),
    ("cds-resp-5", lambda card: FIRST(card)["actions"][0].pop("description")),
    ("cds-resp-6", lambda card: card.pop("selectionBehavior")),
    ("cds-resp-7", lambda card: FIRST(card).update(actionSelectionBehavior="one")),
    ("CA-01", lambda card: card.update(uuid="1")),
    ("CA-02", lambda card: card.update(summary="x" * 140)),
    ("CA-02", lambda card: card.pop("summary")),
    ("CA-04", lambda card: card.update(indicator="success")),
    ("CA-05", lambda card: card["source"].pop("label")),
    ("CA-08", lambda card: card.update(selectionBehavior="all")),
    ("SO-02", lambda card: card["source"].update(url="/intended-use")),
    ("SO-04", lambda card: card["source"]["topic"].update(code="trd-options")),
    ("CO-01", lambda card: card["overrideReasons"][0].pop("system")),
    ("SU-01", lambda card: FIRST(card).pop("label")),
    ("SU-02", lambda card: FIRST(card).pop("uuid")),
    ("SU-03", lambda card: FIRST(card).update(isRecommended=False)),
    ("SU-04", lambda card: FIRST(card).update(actions=[])),
    ("SU-07", lambda card: FIRST(card).update(actionSelectionBehavior="any")),
    ("AC-01", lambda card: FIRST(card)["actions"][0].update(type="CREATE")),
    ("AC-02", lambda card: FIRST(card)["actions"][0].update(description="")),
    ("AC-03", lambda card: FIRST(card)["actions"][0]["resource"].update(id="x")),
    ("AC-04", lambda card: FIRST(card)["actions"][0].update(type="update")),
    ("AC-06", lambda card: FIRST(card)["actions"][0].update(type="delete", resourceId="x")),
    ("LK-01", lambda card: card["links"][0].pop("label")),
    ("LK-02", lambda card: card["links"][0].update(url="https://cds.example/trd?patient=p")),
    ("LK-03", lambda card: card["links"][0].update(type="app")),
    ("LK-07", lambda card: card["links"][0].update(autolaunchable=True)),
]


@pytest.mark.proves(
    "CA-07", "CA-08", "SU-01", "AC-01", "AC-02", "AC-03", "AC-04", "LK-01", "LK-02", "LK-03", "LK-04", "CA-01",
    "SU-02", "SU-03", "SU-04", "SU-07", "SO-02", "SO-04", "CO-01", "AC-06", "LK-07", "INF-09", "INF-06", "CA-02",
    "CA-04", "CA-05", "CA-12", "EP-25", "INF-08",
)  # fmt: skip
@pytest.mark.parametrize(("name", "spoil"), SPOILT)
def test_an_answer_that_breaks_an_invariant_is_found(name, spoil):
    answer = whole()
    assert broken(answer) == []
    spoilt = copy.deepcopy(answer)
    spoil(spoilt["cards"][0])
    assert name in broken(spoilt)


def test_every_invariant_was_broken_once():
    assert {name for name, _ in SPOILT} == set(HOLDS)
