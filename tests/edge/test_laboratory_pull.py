"""What is asked for only once it matters: laboratory values, other scales, doses given on a ward (decision 1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import MappingProxyType
from urllib.parse import parse_qs

import httpx
import pytest

from cds_hooks.app import create_app
from cds_hooks.catalogue import queries
from cds_hooks.clock import FixedClock
from cds_hooks.ehr.searches import searches
from cds_hooks.on_need import needs
from cds_hooks.settings import Settings
from mappings.decision_tables import FactTest
from mappings.load import load
from mappings.values import Code, parts
from plugin.record import LABORATORY, OTHER_SCALES, OUTCOME_SCALES, Read
from tests.edge.test_fhir_reading import FAULTS, SlowTransport
from tests.ehr.idle_loop import run

DAY = date(2026, 11, 22)
TSH = "http://loinc.org|3016-3"
ADMINISTRATION = "MedicationAdministration"
OUR_CODES = "CodeSystem/trd-instruments"


@pytest.fixture
def fire(clinic, told, making):
    """One call of order-select with every announced key sent; gives the service and the response."""

    def run(hook="order-select", server=None, token=True, prefetch=None, **settings):
        service = clinic(server, **settings)
        body = making.call(hook, prefetch=making.prefetch() if prefetch is None else prefetch)
        return service, service.fire(making.with_token(body) if token else body)

    return run


def lab(value=9.8, code="3016-3", unit="m[IU]/L", identifier="tsh", patient="p1"):
    return {
        "resourceType": "Observation",
        "id": identifier,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": "2026-10-01",
        "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
    }


def asked(chart, path="Observation"):
    return [parse_qs(r.url.query.decode()) for r in chart.requests if r.url.path.endswith(f"/{path}")]


def by_code(chart, code, answer, otherwise):
    """Answer searches that ask for `code` with `answer`, other searches for Observations with `otherwise`."""
    chart.answers["Observation"] = lambda request: httpx.Response(
        200, json=answer if code in parse_qs(request.url.query.decode())["code"][0] else otherwise
    )


@pytest.mark.proves("PF-24", "FA-12")
@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
def test_an_order_of_concern_asks_for_them_and_discovery_does_not(fire, told, chart, making, hook):
    by_code(chart, TSH, making.bundle(lab()), making.bundle())
    service, response = fire(hook)
    assert response.status_code == 200
    on_need = (LABORATORY, OUTCOME_SCALES, OTHER_SCALES, ADMINISTRATION)
    assert [told.read(name) for name in on_need] == [Read.COMPLETE] * 4
    assert told.considered["thyroid"] == "evidence"
    assert all(r.headers["Authorization"] == "Bearer opaque-token-1" for r in chart.requests)
    assert set(chart.paths) == {"MedicationAdministration", "Observation"}
    announced = service.send("GET", "/cds-services").text
    assert "3016-3" not in announced
    assert ADMINISTRATION not in announced


def test_an_ehr_is_not_asked_for_codes_that_only_our_synthetic_patients_have(knowledge):
    def asked(**manner):
        return {code for need in needs(knowledge, **manner) for part in need.parts for code in part.codes}

    ours = {code for code in asked(ours=True) if OUR_CODES in code}
    assert f"https://trd-cds.github.io/fhir/{OUR_CODES}|shaps-total-likert" in ours
    assert asked() == asked(ours=True) - ours


@pytest.mark.proves("PF-24")
def test_nothing_of_concern_asks_for_nothing(clinic, chart, making):
    body = making.with_token(making.call())
    body["context"]["draftOrders"]["entry"] = [{"resource": making.order(code="197361")}]  # amlodipine
    service = clinic()
    assert service.fire(body).json() == {"cards": []}
    assert service.log[-1]["outcome"] == "nothing-of-concern"
    assert chart.requests == []


@pytest.mark.parametrize(("code", "matters"), [("312941", True), ("197361", False)], ids=["sertraline", "amlodipine"])
@pytest.mark.parametrize("by_reference", [False, True])
def test_opening_a_record_asks_where_the_history_names_a_judged_drug(
    fire, told, chart, making, code, matters, by_reference
):
    order = making.order("old", code, status="completed")
    if by_reference:
        named = order.pop("medicationCodeableConcept")
        chart.says("Medication/m1", {"resourceType": "Medication", "id": "m1", "code": named})
        order["medicationReference"] = {"reference": "Medication/m1"}
    service, response = fire("patient-view", prefetch=making.prefetch(medicationRequests=making.bundle(order)))
    assert response.status_code == 200
    assert bool(asked(chart)) is matters
    assert bool(asked(chart, ADMINISTRATION)) is matters
    assert told.read(LABORATORY) is (Read.COMPLETE if matters else None)
    assert "gaps" not in service.log[-1]


def test_opening_a_record_without_a_judged_drug_uses_what_was_sent(fire, told, chart, making):
    _, response = fire("patient-view", prefetch=making.prefetch(laboratory=making.bundle(lab())))
    assert response.status_code == 200
    assert chart.requests == []
    assert told.read(LABORATORY) is Read.COMPLETE
    assert told.read(OTHER_SCALES) is None


@pytest.mark.proves("PF-24", "PF-20")
@pytest.mark.parametrize("sent", [None, "empty", "result"])
def test_what_was_sent_under_its_own_key_is_not_asked_for(fire, told, chart, making, sent):
    value = {None: None, "empty": making.bundle(), "result": making.bundle(lab())}[sent]
    fire(prefetch=making.prefetch(**{**making.nothing_needed(), "laboratory": value}))
    assert chart.requests == []
    assert told.read(LABORATORY) is Read.COMPLETE
    assert told.considered.get("thyroid") == ("evidence" if sent == "result" else "gap")


def test_a_first_page_that_was_sent_is_followed(fire, told, chart, making):
    first = making.bundle(lab(), link=[{"relation": "next", "url": f"{making.fhir}/pages/1"}], total=2)
    chart.says("pages/1", making.bundle(lab(identifier="second"), total=2))
    fire(prefetch=making.prefetch(**{**making.nothing_needed(), "laboratory": first}))
    assert chart.paths == ["pages/1"]
    assert told.read(LABORATORY) is Read.COMPLETE
    assert [r["id"] for r in told.resources if r["resourceType"] == "Observation"] == ["tsh", "second"]


@pytest.mark.parametrize("form", ["outcome", "one resource"])
def test_what_was_sent_and_is_no_answer_is_asked_for(fire, told, chart, making, form):
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
    by_code(chart, TSH, making.bundle(lab(), lab(identifier="second")), making.bundle())
    value = outcome if form == "outcome" else lab()
    fire(prefetch=making.prefetch(**{**making.nothing_needed(), "laboratory": value}))
    assert len(asked(chart)) == 2
    assert told.read(LABORATORY) is Read.COMPLETE
    assert [r["id"] for r in told.resources if r["resourceType"] == "Observation"] == ["tsh", "second"]


def test_under_another_key_it_is_used_and_asked_for_all_the_same(fire, told, making):
    fire(prefetch=making.prefetch(labs=making.bundle(lab())))
    assert told.read(LABORATORY) is Read.COMPLETE
    assert told.considered["thyroid"] == "evidence"


def test_under_another_key_without_a_server_its_completeness_is_unknown(fire, told, making):
    fire(token=False, prefetch=making.prefetch(labs=making.bundle(lab(value=2.0))), fhir_servers=())
    assert told.read(LABORATORY) is Read.UNKNOWN
    assert "thyroid" not in told.considered


def test_without_a_server_it_is_a_gap_and_nothing_is_called_missing(fire, told, making):
    service, response = fire(token=False)
    assert response.status_code == 200
    assert told.read(LABORATORY) is Read.UNREAD
    assert told.read(OTHER_SCALES) is Read.UNREAD
    assert told.read(ADMINISTRATION) is None
    assert {LABORATORY, OUTCOME_SCALES, OTHER_SCALES} <= {gap.what for gap in told.assessment.gaps}
    assert "thyroid" not in told.considered
    assert set(service.log[-1]["gaps"]) == {LABORATORY, OUTCOME_SCALES, OTHER_SCALES}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failing_search_is_a_gap_and_never_an_error(fire, told, chart, fault):
    FAULTS[fault](chart, "Observation")
    service, response = fire()
    assert response.status_code == 200
    assert told.read(LABORATORY) is Read.UNREAD
    assert told.read("Observation") is Read.COMPLETE
    why = told.availability[LABORATORY].why
    assert why and "p1" not in why and "https" not in why
    assert {gap.what: gap.why for gap in told.assessment.gaps}[LABORATORY] == why
    assert "thyroid" not in told.considered
    assert set(service.log[-1]["gaps"]) == {LABORATORY, OUTCOME_SCALES, OTHER_SCALES}


def test_one_failing_search_of_two_is_partial(fire, told, chart, making):
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
    by_code(chart, TSH, making.bundle(), outcome)
    fire()
    assert told.read(LABORATORY) is Read.PARTIAL
    assert told.read(OTHER_SCALES) is Read.UNREAD
    assert "thyroid" not in told.considered, "no 'never measured' without a complete search"


def test_pages_are_followed_within_the_server_only(fire, told, chart, making):
    by_code(
        chart,
        TSH,
        making.bundle(lab(), link=[{"relation": "next", "url": "https://evil.example/fhir/pages/1"}]),
        making.bundle(link=[{"relation": "next", "url": "pages/2"}]),
    )
    chart.says("pages/2", making.bundle())
    fire()
    assert told.read(LABORATORY) is Read.PARTIAL
    assert told.read(OTHER_SCALES) is Read.COMPLETE
    assert {request.url.host for request in chart.requests} == {"ehr.example"}


def test_limits_hold_here_too(fire, told, chart, making):
    by_code(chart, TSH, making.bundle(lab(), link=[{"relation": "next", "url": "pages/0"}]), making.bundle())
    for number in range(9):
        more = making.bundle(lab(identifier=f"t{number}"), link=[{"relation": "next", "url": f"pages/{number + 1}"}])
        chart.says(f"pages/{number}", more)
    fire(max_pages=3)
    assert told.read(LABORATORY) is Read.PARTIAL
    assert sum(path.startswith("pages/") for path in chart.paths) == 3


@pytest.mark.parametrize("route", ["read", "sent"])
@pytest.mark.parametrize("hook", ["order-select", "patient-view"])
def test_a_result_of_another_patient_ends_the_call(fire, chart, making, route, hook):
    strange = making.bundle(lab(patient="p2"))
    sent = making.prefetch(medicationRequests=making.bundle(making.order("old", status="completed")))
    if route == "read":
        by_code(chart, TSH, strange, making.bundle())
        _, response = fire(hook, prefetch=sent)
    else:
        _, response = fire(hook, prefetch={**sent, "laboratory": strange})
    assert response.status_code == 412
    assert "p2" not in response.text


def test_a_server_that_is_not_listed_is_not_asked(fire, told, chart):
    _, response = fire(fhir_servers=("https://other.example/fhir",))
    assert response.status_code == 200
    assert chart.requests == []
    assert told.read(LABORATORY) is Read.UNREAD


@pytest.mark.parametrize("path", ["/Observation", f"/{ADMINISTRATION}"])
def test_the_one_deadline_bounds_these_searches(clinic, told, chart, making, knowledge, path):
    service = clinic()
    service.runner = run  # only the path that never answers takes time
    service.app = create_app(
        settings=Settings(open_mode=True, fhir_servers=(making.fhir,), soft_budget_seconds=0.2, deadline_seconds=0.2),
        knowledge=knowledge,
        clock=FixedClock(making.now),
        http=httpx.AsyncClient(transport=SlowTransport(chart, path)),
        registry=None,
    )
    assert service.fire(making.with_token(making.call())).status_code == 200
    assert 0 < service.seconds < 2
    assert told.read(LABORATORY if path == "/Observation" else ADMINISTRATION) is Read.UNREAD


@pytest.mark.parametrize("status", [400, 403, 404, 405, 501])
def test_administrations_that_are_not_offered_are_no_gap(fire, told, chart, status):
    chart.says(ADMINISTRATION, {"resourceType": "OperationOutcome"}, status)
    service, response = fire()
    assert response.status_code == 200
    assert told.read(ADMINISTRATION) is None
    assert "gaps" not in service.log[-1]


@pytest.mark.parametrize("status", [401, 429, 500])
def test_administrations_that_could_not_be_read_are_a_gap(fire, told, chart, status):
    chart.says(ADMINISTRATION, {}, status)
    service, response = fire()
    assert response.status_code == 200
    assert told.read(ADMINISTRATION) is Read.UNREAD
    assert service.log[-1]["gaps"] == [ADMINISTRATION]


def given(**more):
    return {
        "resourceType": ADMINISTRATION,
        "id": "a1",
        "status": "completed",
        "subject": {"reference": "Patient/p1"},
        "medicationReference": {"reference": "Medication/m1"},
        "effectiveDateTime": "2026-10-01",
        **more,
    }


def test_administrations_not_offered_but_sent_otherwise_are_used(fire, told, chart, making):
    chart.says(ADMINISTRATION, {}, 404)
    ward = given(medicationReference={"display": "sertraline 50 MG Oral Tablet"})
    fire(prefetch=making.prefetch(ward=making.bundle(ward)))
    assert told.read(ADMINISTRATION) is Read.UNKNOWN


@pytest.mark.parametrize("hook", ["order-select", "patient-view"])
@pytest.mark.parametrize(("status", "read"), [(200, Read.COMPLETE), (404, Read.PARTIAL)])
def test_the_drugs_of_administrations_are_read_by_reference(fire, told, chart, making, hook, status, read):
    chart.says(ADMINISTRATION, making.bundle(given()))
    named = making.order()["medicationCodeableConcept"]
    chart.says("Medication/m1", {"resourceType": "Medication", "id": "m1", "code": named}, status)
    fire(hook, prefetch=making.prefetch(medicationRequests=making.bundle(making.order("old", status="completed"))))
    assert told.read(ADMINISTRATION) is read
    assert any(r["resourceType"] == "Medication" for r in told.resources) is (status == 200)


@pytest.mark.proves("QY-10")
def test_every_search_fits_an_address_even_at_a_long_base(knowledge):
    base = "https://" + "b" * 242
    for need in needs(knowledge):
        for one in asked_by(need, "p" * 64):
            address = httpx.URL(f"{base}/{one.resource_type}", params=dict(one.parameters))
            assert len(str(address)) < 1_900, (need.key, len(str(address)))


def asked_by(need, patient_id="p1"):
    """The requests of the first way to ask for `need`."""
    first = searches()[need.key].variants[0]
    return [one for wanted in need.wanted(DAY) for one in first.requests(patient_id, "bare", wanted)]


def codes_of(knowledge, key):
    [need] = [need for need in needs(knowledge) if need.key == key]
    return [token for one in asked_by(need) for token in one.parameters["code"].split(",")]


def with_codes(knowledge, measure, *codes):
    """The knowledge with these codes for one measure."""
    measures = dict(knowledge.clinical.measures)
    measures[measure] = measures[measure].model_copy(update={"codes": codes})
    return replace(knowledge, clinical=replace(knowledge.clinical, measures=MappingProxyType(measures)))


def test_codes_come_from_the_knowledge_and_unsure_ones_are_not_asked_for(knowledge):
    codes = [Code(system="loinc", code="1-1"), Code(system="loinc", code="2-2", confidence="low")]
    asked_for = codes_of(with_codes(knowledge, "tsh", *codes), "laboratory")
    assert "http://loinc.org|1-1" in asked_for
    assert not {"http://loinc.org|2-2", TSH} & set(asked_for)
    assert len(asked_for) == len(set(asked_for))


def test_scales_on_need_are_those_no_template_names_and_that_a_server_can_know(knowledge):
    of_outcome, rest = codes_of(knowledge, "outcomeScales"), codes_of(knowledge, "otherScales")
    assert not set(of_outcome) & set(rest)
    others = [*of_outcome, *rest]
    announced = {f"http://loinc.org|{scale.code}" for scale in knowledge.prefetch.scales}
    assert not set(others) & announced
    assert all(token.startswith("http://loinc.org|") for token in others), "no code of this project"
    listed = {
        f"http://loinc.org|{code.code}"
        for scale in knowledge.instruments.values()
        for code in (*scale.total_codes, *scale.panel_codes)
        if code.system == "loinc" and code.confidence != "low"
    }
    assert listed <= announced | set(others)
    assert {"http://loinc.org|89209-1", "http://loinc.org|99046-5", "http://loinc.org|55758-7"} <= set(of_outcome)
    assert {"http://loinc.org|75626-2", "http://loinc.org|69725-0"} <= set(rest)


BDI = "http://loinc.org|89209-1"


@pytest.mark.parametrize("own", [False, True], ids=["old-key-only", "both-keys"])
def test_scales_of_outcome_under_the_old_key_are_read_and_asked_for_all_the_same(fire, told, chart, making, own):
    """Nothing shows by which meaning of the key it was sent: what came counts, and what may lack is looked for."""
    score = lab(value=30, code="89209-1", unit="{score}", identifier="bdi")
    by_code(
        chart, BDI, making.bundle(lab(value=28, code="89209-1", unit="{score}", identifier="later")), making.bundle()
    )
    sent = {**making.nothing_needed(), "otherScales": making.bundle(score)}
    fire(prefetch=making.prefetch(**{key: value for key, value in sent.items() if own or key != "outcomeScales"}))
    assert [BDI in one["code"][0] for one in asked(chart)] == ([] if own else [True])
    observed = {r["id"] for r in told.resources if r["resourceType"] == "Observation"}
    assert observed == ({"bdi"} if own else {"bdi", "later"})
    assert told.read(OUTCOME_SCALES) is told.read(OTHER_SCALES) is Read.COMPLETE


def test_under_the_old_key_and_without_a_server_the_others_count_as_never_to_be_had(fire, told, making):
    score = lab(value=30, code="89209-1", unit="{score}", identifier="bdi")
    sent = {key: value for key, value in making.nothing_needed().items() if key != "outcomeScales"}
    fire(token=False, prefetch=making.prefetch(**{**sent, "otherScales": making.bundle(score)}))
    assert told.read(OUTCOME_SCALES) is Read.UNREAD and not told.availability[OUTCOME_SCALES].feed
    assert [s.instrument for s in told.assessment.record.scores] == ["bdi-ii"]
    assert not told.assessment.record.lacks_scores


def test_a_long_list_is_split_and_nothing_is_lost(knowledge):
    many = [Code(system="loinc", code=f"{number}-0") for number in range(10_000, 10_200)]
    longer = with_codes(knowledge, "tsh", *many)
    [need] = [need for need in needs(longer) if need.key == "laboratory"]
    found = asked_by(need)
    assert len(found) > 4
    tokens = [token for one in found for token in one.parameters["code"].split(",")]
    assert {f"http://loinc.org|{code.code}" for code in many} <= set(tokens)
    assert len(tokens) == len(set(tokens))
    for one in found:
        assert len(str(httpx.URL("https://ehr.example/fhir/Observation", params=dict(one.parameters)))) < 1_900


def test_kinds_without_any_code_ask_for_nothing_rather_than_everything(knowledge):
    bare = {
        key: one.model_copy(update={"codes": (), "panel_codes": (), "items": ()})
        for key, one in knowledge.clinical.measures.items()
    }
    bare_knowledge = replace(knowledge, clinical=replace(knowledge.clinical, measures=MappingProxyType(bare)))
    [laboratory] = [need for need in needs(bare_knowledge) if need.key == "laboratory"]
    assert laboratory.wanted(DAY) == ()


def test_no_window_is_shorter_than_what_a_table_looks_back(knowledge):
    """A search that reaches less far than a rule would make an old value look as if there were none."""
    reach = {
        kind: None if search.window_days is None else search.window_days.on(DAY).amount
        for need in knowledge.prefetch.on_need
        for search in need.searches
        for kind in search.kinds
    }
    facts, measures = knowledge.clinical.facts, knowledge.clinical.measures
    seen = 0
    for content in knowledge.files.values():
        for place, test in parts(content):
            measure = measures.get(facts[test.fact].measure or "") if isinstance(test, FactTest) else None
            if measure is None or reach.get(measure.kind) is None:
                continue
            seen += 1
            assert test.window_days is not None, place
            assert test.window_days.on(DAY).amount <= reach[measure.kind], place
    assert seen


def test_every_measure_that_may_be_called_missing_is_asked_for(knowledge):
    asked_for = set(codes_of(knowledge, "laboratory"))
    facts, measures = knowledge.clinical.facts, knowledge.clinical.measures
    gaps = [
        measures[facts[test.fact].measure]
        for check in knowledge.clinical.pseudo_resistance.checks
        for row in check.rows
        if row.shows == "gap"
        for test in row.when
        if test.op == "unknown"
    ]
    assert gaps
    for measure in gaps:
        assert {f"http://loinc.org|{code.code}" for code in measure.codes} & asked_for, measure.id


def test_keys_of_needs_are_none_of_those_announced(knowledge, making):
    assert not {need.key for need in needs(knowledge)} & {query.key for query in queries(knowledge)}
    assert tuple(need.key for need in needs(knowledge)) == tuple(making.nothing_needed())


def test_a_sites_own_code_of_a_laboratory_value_is_asked_for_beside(tmp_path):
    signed = 'who: "Board"\nwhen: 2026-12-01\nwhy: "local laboratory"\n'
    (tmp_path / "site.yaml").write_text(
        'id: st-elsewhere\nname: "St Elsewhere"\naccepted_by: "Dr A. Example"\naccepted_on: 2026-12-01\n'
    )
    (tmp_path / "codes.yaml").write_text(
        f'{signed}scales:\n  - {{system: "urn:oid:2.999.7", code: "TSH2", label: "TSH", '
        'means: {system: loinc, code: "3016-3"}}\n'
    )
    asked_for = codes_of(load(site=tmp_path), "laboratory")
    assert {TSH, "urn:oid:2.999.7|TSH2"} <= set(asked_for)
