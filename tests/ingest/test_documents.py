from __future__ import annotations

import json
from typing import Any

import pytest

from plugin.ingest import UnusableInput, resources_of, resources_of_text
from tests.ingest.shorthand import order, patient, total


def bundle(*entries: Any, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "collection", "entry": list(entries), **more}


def entry(resource: Any, **more: Any) -> dict[str, Any]:
    return {"resource": resource, **more}


CONTAINED = order(contained=[{"resourceType": "Medication", "id": "m"}])


@pytest.mark.parametrize(
    ("document", "ids"),
    [
        (bundle(entry(patient()), entry(order())), ["p1", "o1"]),
        (bundle(entry(bundle(entry(patient()))), entry(bundle(entry(order()), type="searchset"))), ["p1", "o1"]),
        ({"resourceType": "Bundle", "type": "searchset", "total": 0}, []),
        (bundle(), []),
        (bundle({"response": {"status": "204"}}), []),
        ([patient(), bundle(entry(order()))], ["p1", "o1"]),
        (patient(), ["p1"]),
        (CONTAINED, ["o1"]),
    ],
)
@pytest.mark.parametrize("written", [json.dumps, lambda d: "\ufeff\n " + json.dumps(d, indent=1) + "\n"])
def test_shapes_of_a_document(document: Any, ids: list[str], written: Any) -> None:
    assert [resource["id"] for resource in resources_of(document)] == ids
    assert [resource["id"] for resource in resources_of_text(written(document))] == ids


def test_contained_resources_stay_with_their_parent() -> None:
    assert resources_of(bundle(entry(CONTAINED))) == [CONTAINED]


def test_ndjson() -> None:
    text = "\n".join(json.dumps(resource) for resource in (patient(), order(), total("t", 3))) + "\n\n"
    assert [resource["id"] for resource in resources_of_text(text)] == ["p1", "o1", "t"]
    windows = text.replace("\n", "\r\n")
    assert [resource["id"] for resource in resources_of_text(windows)] == ["p1", "o1", "t"]


def test_a_line_separator_inside_a_string_is_no_line_end() -> None:
    lines = [json.dumps({**patient(), "language": "a\u2028b"}, ensure_ascii=False), json.dumps(order())]
    assert len(resources_of_text("\n".join(lines))) == 2


def test_an_address_gives_the_id() -> None:
    nameless = {key: value for key, value in patient().items() if key != "id"}
    (resource,) = resources_of(bundle(entry(nameless, fullUrl="urn:uuid:5b1e")))
    assert resource["id"] == "5b1e"


def test_references_to_an_address_follow_the_resource() -> None:
    found = resources_of(
        bundle(
            entry(patient(), fullUrl="urn:uuid:aaaa"),
            entry(order(subject={"reference": "urn:uuid:aaaa"}), fullUrl="urn:uuid:bbbb"),
            entry(total("t", 3, basedOn=[{"reference": "urn:uuid:bbbb"}, {"reference": "urn:uuid:cccc"}])),
        )
    )
    assert found[1]["subject"] == {"reference": "Patient/p1"}
    assert found[2]["basedOn"] == [{"reference": "MedicationRequest/o1"}, {"reference": "urn:uuid:cccc"}]


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (5, "document"),
        ("x", "document"),
        (None, "document"),
        ({}, "document.resourceType"),
        ({"resourceType": 0.5}, "document.resourceType"),
        ([patient(), 7], "document[1]"),
        ({"resourceType": "Bundle", "entry": {"resource": {}}}, "document.entry"),
    ],
)
def test_unusable_documents_name_place_and_remedy(document: Any, place: str) -> None:
    with pytest.raises(UnusableInput) as caught:
        resources_of(document)
    assert caught.value.place == place
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "line 1"),
        (" \n ", "line 1"),
        ("hello", "line 1 column 1"),
        ('\n\n{"resourceType": "Patient",', "line 3 column 28"),
        ('{"resourceType": "Patient"}\n{"resourceType": "Pat', "line 2"),
        ('{"resourceType": "Patient"}\n\n5', "line 3"),
        ("[" * 100_000, "line 1"),
    ],
)
def test_unusable_texts_name_the_line(text: str, place: str) -> None:
    with pytest.raises(UnusableInput) as caught:
        resources_of_text(text)
    assert caught.value.place == place


def test_messages_do_not_quote_the_input() -> None:
    with pytest.raises(UnusableInput) as caught:
        resources_of_text('{"name": "Ana Test" oops')
    assert "Ana" not in str(caught.value)


def test_a_number_no_program_can_hold_is_unusable_input_like_any_other() -> None:
    with pytest.raises(UnusableInput) as caught:
        resources_of_text('\n{"resourceType": "Patient", "id": ' + "1" * 5_000 + "}")
    assert caught.value.place == "line 2"
    assert caught.value.remedy


def test_an_address_that_repeats_the_id_changes_nothing() -> None:
    told = [patient(), order(subject={"reference": "urn:uuid:p1"})]
    assert resources_of(bundle(*(entry(each, fullUrl=f"urn:uuid:{each['id']}") for each in told))) == told


def test_a_resource_nested_beyond_measure_keeps_what_lies_below_unread() -> None:
    deep: dict[str, Any] = {"reference": "urn:uuid:aaaa"}
    for _ in range(200):
        deep = {"extension": [deep]}
    found = resources_of(
        bundle(entry(patient(), fullUrl="urn:uuid:aaaa"), entry(order(subject={"reference": "urn:uuid:aaaa"}, **deep)))
    )
    assert found[1]["subject"] == {"reference": "Patient/p1"}
    inner = found[1]["extension"]
    while isinstance(inner, list):
        inner = inner[0].get("extension", inner[0])
    assert inner == {"reference": "urn:uuid:aaaa"}
