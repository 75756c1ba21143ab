"""Hostile chart text through every field of a call, over HTTP: nothing of it becomes markup, length or direction."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from mappings.load import load
from tests.edge.test_card_text import OURS, READER
from tests.edge.test_whole_answers import dispense, score

MARK = "zqmark"
LARGEST_ANSWER = 100_000
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
LIVE = re.compile(r"(?i)(?<!\\)<\s*[a-z/!?]|://|\bwww\.|(?<!\\)\]\(")
PAYLOADS = {
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "markdown": "# h\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> q\n\n```\nx\n```\n***\n1. a\n[x](javascript:alert(1))",
    "links and images": "[x](https://evil.example) ![y](https://evil.example/y.png) <https://evil.example>"
    " www.evil.example me@evil.example",
    "controls": "\x01\x07\x1b[31m\x7f\x85\u2028x",
    "direction": "\u202egnp.exe\u202c\u2066x\u2069\u200f\ufeff",
    "100 kB": "x " * 50_000,
    "100 kB in a word": "<" * 100_000,
    "newlines": "\n\n- a\r\n\r\n\tb\n" * 20,
    "backticks": "` `` ``` ~~~ \\` \\\\",
    "braces": "{0} {drug} {{x}} %s %(x)s ${x} {{7*7}}",
}


def planted(value: Any, text: str) -> Any:
    """A resource with `text` in every field for people, and in fields that it did not have."""
    if isinstance(value, list):
        return [planted(item, text) for item in value]
    if not isinstance(value, dict):
        return value
    made = {name: planted(item, text) for name, item in value.items()}
    if "coding" in made:
        made["text"] = text
    if "code" in made and isinstance(made["code"], str) and "system" in made:
        made["display"] = text
    if "reference" in made:
        made["display"] = text
    if "timing" in made:
        made |= {"text": text, "patientInstruction": text}
    if "resourceType" in made:
        made |= {
            "note": [{"text": text, "authorString": text}],
            "text": {"status": "generated", "div": f"<div>{text}</div>"},
            "statusReason": [{"text": text}] if made["resourceType"] == "MedicationRequest" else None,
            "statusReasonCodeableConcept": {"text": text},
            "recorder": {"reference": "Practitioner/r", "display": text},
            "requester": {"reference": "Practitioner/r", "display": text},
            "performer": [{"actor": {"display": text}, "reference": "Practitioner/r", "display": text}],
            "encounter": {"reference": "Encounter/e", "display": text},
            "identifier": [{"system": "urn:x", "value": text}],
            "valueString": text if made["resourceType"] == "Observation" and "valueQuantity" not in made else None,
        }
    return {name: item for name, item in made.items() if item is not None}


def record() -> dict[str, list[dict[str, Any]]]:
    """Two failed trials, and beside them what cards quote: conditions, allergies, laboratory, a screen, a procedure."""
    subject = {"reference": "Patient/p1"}
    active = {"coding": [{"code": "active"}]}

    def condition(identifier: str, code: str) -> dict[str, Any]:
        concept = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code}]}
        return {
            "resourceType": "Condition",
            "id": identifier,
            "subject": subject,
            "clinicalStatus": active,
            "code": concept,
            "onsetDateTime": "2026-04-01",
        }

    def allergy(identifier: str, **coded: Any) -> dict[str, Any]:
        return {
            "resourceType": "AllergyIntolerance",
            "id": identifier,
            "patient": subject,
            "clinicalStatus": active,
            "code": coded,
        }

    tms = {
        "resourceType": "Procedure",
        "id": "t1",
        "status": "completed",
        "subject": subject,
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "999"}]},
        "performedDateTime": "2026-01-01",
    }
    rxnorm = "http://www.nlm.nih.gov/research/umls/rxnorm"
    return {
        "conditions": [condition("c1", "F33.1"), condition("c2", "G47.33"), condition("c3", "F10.20")],
        "allergies": [allergy("a1", coding=[{"system": rxnorm, "code": "36437"}]), allergy("a2", text="unknown")],
        "dispenses": [
            dispense("d1", "312938", "2026-04-10", 90),
            dispense("d2", "313586", "2026-07-12", 90, tablets=2),
            dispense("d3", "313586", "2026-10-10", 60, tablets=2),
        ],
        "scales": [
            score("s1", 19, "2026-04-08"),
            score("s2", 18, "2026-07-05"),
            score("s3", 18, "2026-07-12"),
            score("s4", 17, "2026-10-01"),
            score("s5", 17, "2026-11-20"),
        ],
        "procedures": [tms],
    }


def strings(value: Any) -> Iterator[str]:
    """Every string of an answer, names of members included."""
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from strings(item)


def fired(clinic: Any, making: Any, text: str, *, hook: str = "order-select", everywhere: bool = True) -> Any:
    """The answer to a call in which `text` stands in every field for people, and in ids and references of the call."""
    prefetch = {key: making.bundle(*(planted(one, text) for one in held)) for key, held in record().items()}
    body = making.call(hook, prefetch=making.prefetch(**prefetch))
    drafts = body["context"].get("draftOrders")
    if drafts is not None:
        drafts["entry"] = [{"resource": planted(making.order(), text)}]
    if everywhere:
        body["context"] |= {"userId": f"Practitioner/{text}", "encounterId": text}
        body["hookInstance"] = text
        body["extension"] = {"com.example": text}
    # What a call of 100 kB strings weighs.
    return clinic(max_body_bytes=200_000_000).fire(body)


def assert_harmless(answer: dict[str, Any]) -> None:
    assert len(json.dumps(answer)) < LARGEST_ANSWER
    for text in strings({"cards": answer["cards"]}):
        assert not UNSEEN.search(text.replace("\n", "")), "control characters and directions stay out"
    for card in answer["cards"]:
        assert len(card["summary"]) < 140
        types = {
            kind
            for token in READER.parse(card["detail"])
            for kind in (token.type, *(child.type for child in token.children or ()))
        }
        assert types <= OURS
        assert all(line.startswith("- ") for line in card["detail"].splitlines())
        assert not LIVE.search(card["detail"])
        labels = [card["summary"], card["source"]["label"], *(one["label"] for one in card.get("suggestions", []))]
        assert not any("<" in label or "\n" in label for label in labels)


@pytest.mark.proves("CA-03", "FN-11")
@pytest.mark.parametrize("hook", ["order-select", "order-sign", "patient-view"])
@pytest.mark.parametrize("text", PAYLOADS.values(), ids=list(PAYLOADS))
def test_hostile_text_in_every_field_stays_text(clinic, making, text, hook):
    answer = fired(clinic, making, f"{MARK} {text}", hook=hook, everywhere=hook != "patient-view")
    assert answer.status_code == 200
    assert answer.json()["cards"]
    assert_harmless(answer.json())
    # The first line of defence: what people wrote into the chart is read and not repeated.
    assert MARK not in answer.text


@pytest.mark.parametrize("text", ["<b>", "../../x", "a b", "'\"><svg onload=1>", "x" * 100_000, "a\u202eb"])
def test_hostile_ids_of_resources_are_not_repeated(clinic, making, text):
    held = {
        key: making.bundle(*({**one, "id": f"{text}{n}"} for n, one in enumerate(resources)))
        for key, resources in record().items()
    }
    answer = clinic().fire(making.call(prefetch=making.prefetch(**held)))
    assert answer.status_code == 200
    assert answer.json()["cards"]
    assert_harmless(answer.json())
    assert not any(text in one for one in strings(answer.json()))


@pytest.mark.parametrize("text", PAYLOADS.values(), ids=list(PAYLOADS))
def test_hostile_text_that_a_sentence_failed_to_escape_stays_text(clinic, making, card_drafts, text):
    """The second line: a draft that quotes the chart as it is, in every field."""
    quoted = f"{MARK} {text}"
    card_drafts(
        count=3, summary=quoted, detail=(quoted, text, f"**{quoted}**"), source_label=quoted, uses=(quoted, text)
    )
    answer = clinic().fire(making.call())
    assert MARK in answer.text
    assert len(answer.json()["cards"]) == 3
    assert_harmless(answer.json())


def test_an_answer_without_hostile_text_has_the_same_cards(clinic, making):
    plain, hostile = (fired(clinic, making, text).json()["cards"] for text in (MARK, f"{MARK} {PAYLOADS['html']}"))
    assert [card["source"]["topic"] for card in plain] == [card["source"]["topic"] for card in hostile]
    assert [card["summary"] for card in plain] == [card["summary"] for card in hostile]


def test_no_knowledge_of_ours_needs_what_is_taken_out():
    """What the gate would change in our own sentences it would change on every card."""
    for sentence in load().sentences.values():
        assert not UNSEEN.search(sentence.text)
        assert not LIVE.search(sentence.text)
