"""Cards as they leave: lengths, static topics, nothing empty, nothing undefined."""

from __future__ import annotations

import json
from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cds_hooks.render import OVERRIDE_SYSTEM, PROVENANCE, TOPIC_SYSTEM, Provenance, render, response, shortened
from cds_hooks.wire import Card, HookResponse, to_wire
from plugin.advice.policy import CardDraft


def draft(**changed):
    fields = {
        "kind": "trd-status",
        "summary": "Criteria met",
        "detail": ("first", "- second", "third\nwith a break", " "),
        "indicator": "warning",
        "source_label": "Definition",
        "override_reasons": ("history-incomplete", "other-indication"),
    }
    return CardDraft(**{**fields, **changed})


def wire(knowledge, *drafts):
    provenance = Provenance(
        engine="1", knowledge="2", content_hash="sha256:3", definition="4", as_of=date(2026, 11, 22)
    )
    cards = tuple(one.card for one in render(drafts, knowledge=knowledge, base_url="https://cds.example/trd"))
    return to_wire(response(cards, provenance))


@given(st.text())
@pytest.mark.proves("CA-02", "INF-06", "FN-15")
def test_a_summary_is_always_below_140_on_one_line(text):
    short = shortened(text)
    assert len(short) < 140
    assert "\n" not in short


@given(st.text(alphabet=st.characters(exclude_categories=["C"])))
def test_a_summary_that_fits_is_not_changed(text):
    if len(" ".join(text.split())) < 140:
        assert shortened(text).split() == text.split()


@pytest.mark.parametrize(("length", "cut"), [(139, False), (140, True), (141, True)])
@pytest.mark.proves("CA-02")
def test_the_bound_is_strict(length, cut):
    text = ("word " * 40)[:length].rstrip().ljust(length, "x")
    assert len(text) == length
    assert (shortened(text) != text) is cut
    assert len(shortened(text)) <= 139


def test_a_cut_falls_between_words():
    text = "Treatment-resistant depression criteria met " + "venlafaxine " * 20
    assert shortened(text).removesuffix("…").split()[-1] == "venlafaxine"
    assert len(shortened("x" * 400)) == 139


@pytest.mark.proves(
    "CA-01", "CA-03", "CA-04", "CA-05", "CA-06", "CA-11", "CA-12", "CO-01", "CO-02", "SO-01", "SO-02", "SO-04",
    "INF-06", "INF-08", "CA-15",
)  # fmt: skip
def test_a_card(knowledge):
    (card,) = wire(knowledge, draft())["cards"]
    assert UUID(card.pop("uuid")).version == 4
    assert card == {
        "summary": "Criteria met",
        "detail": "- first\n- second\n- third with a break",
        "indicator": "warning",
        "source": {
            "label": "Definition",
            "url": "https://cds.example/trd/intended-use",
            "topic": {
                "code": "trdstatus",
                "system": TOPIC_SYSTEM,
                "display": "Treatment-resistant depression status",
            },
        },
        "overrideReasons": [
            {"code": reason.code, "system": OVERRIDE_SYSTEM, "display": reason.display}
            for reason in knowledge.override_reasons
            if reason.code in ("history-incomplete", "other-indication")
        ],
        "links": [
            {
                "label": "What this decision support rests on",
                "url": "https://cds.example/trd/source-attributes",
                "type": "absolute",
            }
        ],
    }


@pytest.mark.proves("TR-02", "TR-03", "TR-04", "TR-05", "INF-07", "CA-06")
def test_what_is_empty_is_left_out(knowledge):
    sent = wire(knowledge, draft(detail=(), override_reasons=()))
    (card,) = sent["cards"]
    assert set(card) == {"uuid", "summary", "indicator", "source", "links"}
    assert to_wire(HookResponse(cards=())) == {"cards": []}


@pytest.mark.proves("CA-17", "EX-01", "EX-02")
def test_provenance_goes_with_cards_only(knowledge):
    assert wire(knowledge, draft())["extension"] == {
        PROVENANCE: {
            "engine": "1",
            "knowledge": "2",
            "knowledgeHash": "sha256:3",
            "definition": "4",
            "asOf": "2026-11-22",
        }
    }
    assert wire(knowledge) == {"cards": []}


def test_three_cards_at_most_the_first_ones(knowledge):
    shown = [card["summary"] for card in wire(knowledge, *(draft(summary=f"Card {n}") for n in range(5)))["cards"]]
    assert shown == ["Card 0", "Card 1", "Card 2"]


@pytest.mark.proves("EP-25")
def test_topics_are_static_and_uuids_are_not(knowledge):
    first, second = (wire(knowledge, draft())["cards"][0] for _ in range(2))
    assert first["source"]["topic"] == second["source"]["topic"]
    assert first["uuid"] != second["uuid"]


@pytest.mark.parametrize(
    "bad",
    [
        {"summary": "x" * 140},
        {"summary": ""},
        {"summary": "  "},
        {"indicator": "success"},
        {"name": "x"},
        {"source": {"label": "x"}},
        {"overrideReasons": [{"code": "x"}]},
        {"suggestions": []},
    ],
)
@pytest.mark.proves("CA-02", "CA-04", "CA-12", "CA-18", "TR-05", "CO-01")
def test_what_is_not_defined_cannot_leave(knowledge, bad):
    card = render((draft(),), knowledge=knowledge, base_url="https://cds.example")[0].card
    with pytest.raises(ValidationError):
        Card.model_validate({**card.model_dump(), **bad})


def test_an_unknown_override_reason_is_our_fault(knowledge):
    with pytest.raises(KeyError):
        wire(knowledge, draft(override_reasons=("invented",)))


def walk(value):
    yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walk(item)


@pytest.mark.proves("TR-02", "TR-03", "RS-03", "SY-03", "SU-07", "RS-01", "SY-01", "TR-04")
def test_no_null_and_no_empty_in_any_answer(clinic, making, card_drafts):
    card_drafts(count=2)
    service = clinic()
    for answer in (service.fire(making.call()), service.send("GET", "/cds-services"), service.send("GET", "/health")):
        assert all(item is not None and item not in ("", [], {}) for item in walk(answer.json()))
    answer = service.fire(making.call()).json()
    assert set(answer) == {"cards", "extension"}
    assert "systemActions" not in json.dumps(answer)
