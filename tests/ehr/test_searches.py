"""What is asked of a FHIR server, in which order, and what after a refusal."""

from __future__ import annotations

import asyncio
from datetime import date

import httpx
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.routing import Mount

from cds_hooks.catalogue import queries
from cds_hooks.ehr.capability import Capability
from cds_hooks.ehr.failures import not_ok
from cds_hooks.ehr.rungs import next_rung
from cds_hooks.ehr.search_schema import SearchFile
from cds_hooks.ehr.searches import (
    ROOM,
    SHORT,
    Wanted,
    code_lists,
    ordered,
    require_variants,
    searches,
)
from cds_hooks.ehr.windows import within
from cds_hooks.on_need import needs
from cds_hooks.sandbox import ResourceStore, create_sandbox
from cds_hooks.sandbox.parameters import SEARCHABLE, reference_parameters
from mappings.load import load
from plugin.ingest import read_record

KNOWLEDGE = load()
VARIANTS = [(search, variant) for search in searches().values() for variant in search.variants]
CODES = ("http://loinc.org|44261-6", "http://loinc.org|70274-6")
WANTED = Wanted(codes=CODES, ids=("m1", "m2"))


def variant(key, name):
    return next(one for one in searches()[key].variants if one.id == name)


def asked(key, name, *, form="bare", needs=WANTED, **more):
    return variant(key, name).requests("p1", form, needs, **more)


def parameters(key, name, **more):
    return [{k: v for k, v in one.parameters.items() if k != "_count"} for one in asked(key, name, **more)]


# What there is to ask


def test_every_kind_of_data_has_its_searches():
    announced = {query.key: query.resource_type for query in queries(KNOWLEDGE)}
    on_need = {need.key: need.resource_type for need in needs(KNOWLEDGE)}
    ours = {key: one.resource_type for key, one in searches().items() if one.used_by == "hook"}
    assert ours == {**announced, **on_need, "medications": "Medication"}
    assert {key for key, one in searches().items() if one.used_by == "probe"} == {"encounters"}


@pytest.mark.parametrize("query", queries(KNOWLEDGE), ids=lambda query: query.key)
def test_the_first_variant_is_what_discovery_announces(query):
    codes = tuple(query.search("p1").get("code", "").split(","))
    [request] = searches()[query.key].variants[0].requests("p1", "bare", Wanted(codes=codes))
    if query.is_read:
        assert (request.resource_type, request.identifier, request.parameters) == ("Patient", "p1", {})
    else:
        assert request.parameters == {**query.search("p1"), "_count": "200"}


@pytest.mark.parametrize(("search", "one"), VARIANTS, ids=lambda value: getattr(value, "key", None) or value.id)
def test_only_parameters_of_fhir_are_used(search, one):
    assert set(one.parameters) <= set(SEARCHABLE[search.resource_type])
    followed = {f"{search.resource_type}:{parameter.name}" for parameter in reference_parameters(search.resource_type)}
    assert set(search.include) <= followed


# Which searches bring the source of a fact, by its kind; measures go by their codes.
READ_BY = {
    "patient": {"patient"},
    "order": set(),  # it comes with the call
    "condition": {"conditions"},
    "medication": {"medicationRequests", "dispenses", "statements", "administrations", "medications"},
    "assessment": {"conditions", "questionnaireResponses"},
    "failed": {
        *("medicationRequests", "dispenses", "statements", "administrations", "medications", "procedures"),
        *("scales", "outcomeScales", "questionnaireResponses", "conditions"),
    },
}


def codes_of(one):
    """``system|code`` of each code of a measure or an instrument."""
    total = one.total_codes if hasattr(one, "total_codes") else one.codes
    return {
        f"{KNOWLEDGE.uri_of(code.system)}|{code.code}"
        for code in (*total, *one.panel_codes, *(code for item in one.items for code in item.codes))
    }


def searches_for(codes, knowledge=KNOWLEDGE):
    """The searches that ask for one of `codes`."""
    announced = {query.key for query in queries(knowledge) if codes & set(query.codes)}
    return announced | {need.key for need in needs(knowledge) for part in need.parts if codes & set(part.codes)}


def searches_of_measure(name):
    """The searches that ask for the codes of a measure or an instrument."""
    measures, instruments = KNOWLEDGE.clinical.measures, KNOWLEDGE.instruments
    return searches_for(codes_of(measures[name] if name in measures else instruments[name]))


def sources_of(fact):
    """The searches that bring what `fact` is read from."""
    sui = KNOWLEDGE.clinical.suicidality
    if fact.kind == "measure":
        return searches_of_measure(fact.measure)
    found = set(READ_BY[fact.kind])
    if fact.id == "suicidality":
        found |= searches_of_measure(sui.screen.measure) | searches_of_measure(sui.item.instrument)
        found |= {key for word in sui.words for key in searches_of_measure(word.measure)}
    return found


def test_what_a_safety_rule_reads_is_waited_for():
    """Each row of the safety rules reads its facts from searches that are waited for to the hard end."""
    rows = [row for rule in KNOWLEDGE.clinical.safety.values() for row in rule.rows]
    facts = {test.fact: KNOWLEDGE.clinical.facts[test.fact] for row in rows for test in row.when}
    read = {name: sources_of(fact) for name, fact in facts.items()}
    nowhere = {name for name, sources in read.items() if not sources and facts[name].kind != "order"}
    assert nowhere == set(), "facts that no search brings"
    waits = {(name, key): searches()[key].wait for name, sources in read.items() for key in sources}
    assert {one for one, wait in waits.items() if wait != "hard"} == set()
    # What is told apart above is all that there is, and laboratory values are among it.
    assert {"laboratory", "scales", "outcomeScales", "administrations"} <= {key for _, key in waits}
    assert {key for key, one in searches().items() if one.wait == "soft"} == {"otherScales", "encounters"}


def test_what_shuts_a_gate_is_waited_for():
    """Every row of a modifier that can shut a gate; the others only put options into another order."""
    rows = KNOWLEDGE.clinical.modifiers.rows
    gating = {row.modifier for row in rows if row.gate is not None}
    facts = {
        test.fact: KNOWLEDGE.clinical.facts[test.fact] for row in rows if row.modifier in gating for test in row.when
    }
    read = {name: sources_of(fact) for name, fact in facts.items()}
    assert gating == {"PSY", "CAT", "MIX", "NCD"} and "outcomeScales" in read["moca"]
    assert {(name, key) for name, keys in read.items() for key in keys if searches()[key].wait != "hard"} == set()


def test_what_an_outcome_is_judged_by_is_waited_for():
    """Every code of every scale of outcome; and what is left to other scales is read into no score."""
    known = {one.id: searches_for(codes_of(one)) for one in KNOWLEDGE.instruments.values()}
    assert {key for keys in known.values() for key in keys} == {"scales", "outcomeScales"}
    assert {searches()[key].wait for keys in known.values() for key in keys} == {"hard"}
    [others] = [need for need in needs(KNOWLEDGE) if need.key == "otherScales"]
    assert {one.wait for one in searches().values() if one.key == "otherScales"} == {"soft"}
    codes = [code.partition("|") for part in others.parts for code in part.codes]
    record = read_record(
        [
            {
                "resourceType": "Observation",
                "id": code,
                "status": "final",
                "code": {"coding": [{"system": system, "code": code}]},
                "subject": {"reference": "Patient/p1"},
                "effectiveDateTime": "2026-10-01",
                "valueInteger": 3,
            }
            for system, _, code in codes
        ],
        knowledge=KNOWLEDGE,
        patient_id="p1",
    )
    assert codes and len(record.received) == len(codes)
    assert record.scores == ()


def test_a_sites_code_of_a_scale_that_safety_reads_is_waited_for(tmp_path):
    """Also one that stands for a code which itself is too unsure to be asked for."""
    signed = 'who: "Board"\nwhen: 2026-12-01\nwhy: "local codes"\n'
    (tmp_path / "site.yaml").write_text(
        'id: st-elsewhere\nname: "St Elsewhere"\naccepted_by: "Dr A. Example"\naccepted_on: 2026-12-01\n'
    )
    (tmp_path / "codes.yaml").write_text(
        f'{signed}scales:\n  - {{system: "urn:oid:2.999.7", code: "CSSRS", label: "C-SSRS", '
        'means: {system: loinc, code: "93374-7"}}\n'
    )
    assert searches_for({"urn:oid:2.999.7|CSSRS"}, load(site=tmp_path)) == {"outcomeScales"}


# Requests


def test_the_patient_stands_in_the_form_that_the_server_knows():
    assert parameters("conditions", "patient", form="bare") == [{"patient": "p1"}]
    assert parameters("conditions", "patient", form="typed") == [{"patient": "Patient/p1"}]
    assert parameters("conditions", "subject", form="bare") == [{"subject": "Patient/p1"}]
    assert parameters("patient", "search-id", form="typed") == [{"_id": "p1"}]


def test_an_id_with_a_comma_does_not_name_two_patients():
    [request] = variant("conditions", "patient").requests("p1,p2|$\\", "bare", Wanted())
    assert request.parameters["patient"] == r"p1\,p2\|\$\\"


def test_several_searches_can_make_one_answer():
    intents = parameters("medicationRequests", "patient-intent")[0]["intent"].split(",")
    assert [one["intent"] for one in parameters("medicationRequests", "each-intent")] == intents
    assert len(parameters("conditions", "category")) == 3


def test_codes_go_with_their_systems_or_bare_each_once():
    assert parameters("scales", "code") == [{"patient": "p1", "code": ",".join(CODES)}]
    bare = Wanted(codes=(*CODES, "urn:other|44261-6", "local"))
    assert parameters("scales", "code-bare", needs=bare)[0]["code"] == "44261-6,70274-6,local"


def test_long_lists_are_split_and_shorter_on_demand():
    many = Wanted(codes=tuple(f"http://loinc.org|{number}-0" for number in range(10_000, 10_100)))
    usual, short = asked("laboratory", "code", needs=many), asked("laboratory", "code", needs=many, room=SHORT)
    assert 1 < len(usual) < len(short)
    for requests, room in ((usual, ROOM), (short, SHORT)):
        listed = [one.parameters["code"] for one in requests]
        assert ",".join(listed).split(",") == list(many.codes)
        for one in requests:
            added = httpx.URL("https://ehr.example/fhir/Observation", params=dict(one.parameters))
            assert len(str(added)) <= room + 120


def test_the_window_is_asked_for_and_kept_for_afterwards():
    day = date(2024, 11, 22)
    [request] = asked("laboratory", "code", needs=Wanted(codes=CODES, since=day))
    assert request.parameters["date"] == "ge2024-11-22" and request.since == day
    [request] = asked("laboratory", "code")
    assert "date" not in request.parameters and request.since is None


@pytest.mark.parametrize(("key", "name"), [("scales", "code"), ("scales", "code-bare"), ("medications", "many")])
def test_a_search_by_list_refuses_to_ask_for_nothing(key, name):
    with pytest.raises(ValueError, match="none are given"):
        asked(key, name, needs=Wanted())
    with pytest.raises(ValueError, match="needs an id"):
        asked("medications", "read", needs=Wanted())


def test_medications_are_read_together_or_one_by_one():
    ids = tuple(f"m{number}" for number in range(70))
    together = asked("medications", "many", needs=Wanted(ids=ids))
    assert [len(one.parameters["_id"].split(",")) for one in together] == [30, 30, 10]
    assert [one.identifier for one in asked("medications", "read", needs=Wanted(ids=ids))] == list(ids)


def test_an_include_is_added_to_a_search_only():
    [request] = asked("dispenses", "patient")
    more = request.including(searches()["dispenses"].include)
    assert more.parameters == {**request.parameters, "_include": "MedicationDispense:medication"}
    assert request.including(()) is request
    [read] = asked("patient", "read")
    assert read.including(("Patient:link",)) is read


@given(st.lists(st.text("ab|:/-", min_size=1, max_size=30)), st.integers(1, 200))
def test_lists_hold_every_code_once_in_order_and_are_no_longer_than_they_may_be(codes, room):
    lists = code_lists(codes, room)
    assert [code for one in lists for code in one.split(",")] == codes
    for one in lists:
        size = len(str(httpx.QueryParams({"c": one}))) - len("c=")
        assert size <= room or "," not in one


RESOURCES = [
    {"resourceType": "Patient", "id": "p1"},
    {"resourceType": "Patient", "id": "p2"},
    *(
        {"resourceType": kind, "id": f"{kind}-{patient}", who: {"reference": f"Patient/{patient}"}, **more}
        for patient in ("p1", "p2")
        for kind, who, more in (
            ("MedicationRequest", "subject", {"intent": "order"}),
            ("MedicationDispense", "subject", {}),
            ("MedicationStatement", "subject", {}),
            ("MedicationAdministration", "subject", {"effectiveDateTime": "2026-01-01"}),
            ("QuestionnaireResponse", "subject", {}),
            ("Condition", "subject", {"category": [{"coding": [{"code": "encounter-diagnosis"}]}]}),
            ("AllergyIntolerance", "patient", {}),
            ("Procedure", "subject", {"performedDateTime": "2025"}),
            ("Encounter", "subject", {}),
        )
    ),
    *(
        {
            "resourceType": "Observation",
            "id": f"Observation-{category}",
            "subject": {"reference": "Patient/p1"},
            "category": [{"coding": [{"code": category}]}],
            "code": {"coding": [{"system": "http://loinc.org", "code": "44261-6"}]},
        }
        for category in ("survey", "laboratory")
    ),
    {"resourceType": "Medication", "id": "m1"},
    {"resourceType": "Medication", "id": "m2"},
]


@pytest.mark.parametrize("form", ["bare", "typed"])
@pytest.mark.parametrize("key", list(searches()))
def test_all_full_variants_bring_the_same_from_a_server_that_can_all(key, form):
    """And none brings anything of the other patient; a narrowing one brings part of it."""
    base = "https://ehr.example/fhir"
    app = Starlette(routes=[Mount("/fhir", create_sandbox(ResourceStore(RESOURCES), base_url=base))])

    async def brought(one):
        found = set()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as http:
            for request in one.requests("p1", form, WANTED):
                answer = await http.get(
                    f"{base}/{request.resource_type}" + (f"/{request.identifier}" if request.identifier else ""),
                    params=dict(request.parameters),
                )
                assert answer.status_code == 200
                body = answer.json()
                found |= {e["resource"]["id"] for e in body.get("entry", ())} if "type" in body else {body["id"]}
        return found

    search = searches()[key]
    whole = asyncio.run(brought(search.variants[0]))
    assert whole and not any(identifier.endswith("p2") for identifier in whole)
    for one in search.variants[1:]:
        found = asyncio.run(brought(one))
        assert found <= whole if one.narrows else found == whole, one.id


# Order


def listing(kind, *names):
    return Capability(searches={kind: frozenset(names)})


def order(key, capability=None, first=None, known=None):
    return [one.id for one in ordered(searches()[key], capability, first, known)]


def test_without_a_statement_the_file_has_the_order():
    assert order("medicationRequests") == ["patient-intent", "each-intent", "patient", "subject"]
    assert order("medicationRequests", listing("Condition", "subject")) == order("medicationRequests")


def test_a_statement_orders_and_forbids_nothing():
    assert order("medicationRequests", listing("MedicationRequest", "subject")) == [
        "subject",
        "patient-intent",
        "each-intent",
        "patient",
    ]
    assert order("medicationRequests", listing("MedicationRequest", "_id")) == order("medicationRequests")


def test_a_statement_never_puts_a_narrowing_variant_before_a_full_one():
    assert order("scales", listing("Observation", "patient", "category")) == order("scales")


def test_the_operator_comes_first_then_experience():
    assert order("scales", None, "all", "code-bare")[:3] == ["all", "code-bare", "code"]
    assert order("scales", None, None, "category")[0] == "category"
    assert order("scales", None, "no-such", "no-such") == order("scales")
    assert sorted(order("scales", None, "all", "all")) == sorted(order("scales"))


def test_an_operator_can_only_name_what_there_is():
    require_variants({"scales": "code-bare", "conditions": "category"})
    with pytest.raises(ValueError, match="no search 'scale'; use one of administrations"):
        require_variants({"scale": "code-bare"})
    with pytest.raises(ValueError, match="scales has no variant 'bare'; use one of code, code-bare"):
        require_variants({"scales": "bare"})


def test_medications_are_asked_for_together_only_where_the_server_says_it_can():
    assert order("medications") == ["read"]
    assert order("medications", listing("Medication", "code")) == ["read"]
    assert order("medications", listing("Medication", "_id")) == ["many", "read"]
    assert order("medications", None, "many") == ["many", "read"]


# After a refusal


@pytest.mark.parametrize(
    ("status", "posted", "shortened", "rung"),
    [
        (414, False, False, "post"),
        (431, False, False, "post"),
        (405, False, False, "post"),
        (404, True, False, "shorter"),
        (405, True, False, "shorter"),
        (413, True, False, "shorter"),
        (415, True, False, "shorter"),
        (414, True, True, "variant"),
        (405, True, True, "variant"),
        (400, False, False, "variant"),
        (400, True, False, "variant"),
        (404, False, False, "variant"),
        (422, False, False, "variant"),
        (501, False, False, "variant"),
        (401, False, False, "stop"),
        (403, False, False, "stop"),
        (403, True, False, "stop"),
        (410, False, False, "stop"),
        (429, False, False, "stop"),
        (500, False, False, "stop"),
        (503, True, False, "stop"),
    ],
)
def test_what_comes_after_a_refusal(status, posted, shortened, rung):
    assert next_rung(not_ok(status), posted=posted, shortened=shortened) == rung


def test_every_climb_ends_after_three_requests():
    for status in range(400, 600):
        posted = shortened = False
        for _ in range(3):
            rung = next_rung(not_ok(status), posted=posted, shortened=shortened)
            if rung in ("variant", "stop"):
                break
            posted, shortened = posted or rung == "post", shortened or rung == "shorter"
        assert rung in ("variant", "stop"), status


# Windows

SINCE = date(2024, 11, 22)


@pytest.mark.parametrize(
    ("resource", "inside"),
    [
        ({"effectiveDateTime": "2024-11-22"}, True),
        ({"effectiveDateTime": "2024-11-21T23:59:59Z"}, False),
        ({"effectiveDateTime": "2024-11-22T00:00:00"}, True),
        ({"effectiveDateTime": "2024-11"}, True),
        ({"effectiveDateTime": "2024-10"}, False),
        ({"effectiveDateTime": "2024"}, True),
        ({"effectiveDateTime": " 2023 "}, False),
        ({"effectiveDateTime": "2023-01-01", "issued": "2025-01-01T00:00:00Z"}, True),
        ({"effectiveDateTime": "2023-01-01", "issued": "2023-01-02T00:00:00Z"}, False),
        ({"effectivePeriod": {"start": "2020-01-01", "end": "2023-01-01"}}, False),
        ({"effectivePeriod": {"start": "2020-01-01"}}, True),
        ({"effectivePeriod": {"end": "2025"}}, True),
        ({"effectivePeriod": ["2020"]}, True),
        ({"effectiveTiming": {"event": ["2020-01-01"]}}, True),
        ({"effectiveDateTime": "01.02.2020"}, True),
        ({"effectiveDateTime": 2020}, True),
        ({"effectiveDateTime": ""}, True),
        ({}, True),
    ],
)
def test_only_what_is_older_by_every_date_lies_outside_a_window(resource, inside):
    assert within(resource, SINCE) is inside
    assert within(resource, None)


# The file

ONE = {"id": "patient", "source": "here", "parameters": {"patient": "{patient}"}}


def file(*variants, **more):
    search = {"resource_type": "Condition", "wait": "hard", "used_by": "hook", "variants": variants, **more}
    return {"sources": {"here": "a source"}, "count": 200, "searches": {"conditions": search}}


@pytest.mark.parametrize(
    ("spoiled", "said"),
    [
        (file({**ONE, "parameters": {"category": "all"}}), "names the patient"),
        (file({**ONE, "parameters": {"patient": "{patient}", "code": "{drug}"}}), "not filled in"),
        (file({**ONE, "parameters": {"patient": "{patient}", "code": "{codes}", "_id": "{ids}"}}), "use one of"),
        (file({**ONE, "parameters": None}), "either parameters or read"),
        (file({**ONE, "read": "{patient_id}"}), "either parameters or read"),
        (file({**ONE, "each": ("a",)}), "belong together"),
        (file({**ONE, "only_listed": True}), "open to every server"),
        (file(ONE, ONE), "an id of its own"),
        (file({**ONE, "source": "elsewhere"}), "no source elsewhere"),
        (file(ONE, include=("Observation:subject",)), "names the resource type"),
        (file(ONE, wait="long"), "hard"),
        ({**file(ONE), "sources": {"here": "a source", "unused": "one"}}, "nothing cites"),
    ],
)
def test_a_spoiled_file_is_refused(spoiled, said):
    with pytest.raises(ValidationError, match=said):
        TypeAdapter(SearchFile).validate_python(spoiled, strict=True)
    TypeAdapter(SearchFile).validate_python(file(ONE), strict=True)


def test_a_spoiled_file_names_itself_and_the_place(tmp_path, monkeypatch):
    import cds_hooks.ehr.searches as module

    (tmp_path / "searches.yaml").write_text(yaml.safe_dump({"sources": {}, "count": 200, "searches": 3}))
    monkeypatch.setattr(module, "files", lambda package: tmp_path)
    with pytest.raises(ValueError, match=r"searches\.yaml: searches: .* restore the file"):
        module.searches.__wrapped__()
