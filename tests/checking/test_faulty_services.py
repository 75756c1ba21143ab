"""A service without faults is clean, and each known fault of other services is found under its requirement."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from cds_hooks.checking.document import Report
from tests.checking.conftest import Judge
from tests.checking.faulty import Answer, Small, entry

ORDER_SIGN = {"services": ("small-order-sign",)}


def faults(report: Report) -> set[str]:
    return {one.id for one in report.of("fault")}


def found(report: Report) -> set[str]:
    return {one.id for one in report.breaches}


@pytest.mark.proves("FN-30")
@pytest.mark.parametrize(
    "profile", ["2.0.1", *(pytest.param(one, marks=pytest.mark.deep) for one in ("1.0", "inferno"))]
)
def test_a_service_without_faults_is_clean(judged: Judge, profile: str) -> None:
    change: Callable[[Answer], Answer] = lambda answer: answer  # noqa: E731
    if profile == "1.0":
        change = as_in_1_0
    services = ("small-order-sign", *(("small-patient-view",) if profile == "2.0.1" else ()))
    report = judged(Small(change=change), profile=profile, origin="https://ehr.example", services=services)
    assert [one for one in report.breaches if one.severity != "note"] == []
    assert {one.cards for one in report.services} == {1}
    assert {"RS-01", "PF-18", "FN-12", "RQ-02", "HK-07", "CS-01"} <= {one.id for one in report.kept}
    assert ("FB-05" in {one.id for one in report.kept}) == (profile != "1.0")
    open_mode = {one.id: one.why for one in report.not_judged}
    assert {"SE-03", "JW-08", "JW-13"} <= set(open_mode)
    assert "open mode" in open_mode["JW-08"]


def as_in_1_0(answer: Answer) -> Answer:
    """Deletes name the id in resource."""
    for card in answer["cards"]:
        for suggestion in card["suggestions"]:
            for action in suggestion["actions"]:
                if action["type"] == "delete":
                    action["resource"] = action.pop("resourceId")
    return answer


@pytest.mark.proves("FN-30")
@pytest.mark.parametrize(
    ("fault", "requirement"),
    [
        ("crash-without-prefetch", "PF-03"),
        pytest.param("crash-on-null", "PF-13", marks=pytest.mark.deep),
        pytest.param("crash-on-empty", "PF-14", marks=pytest.mark.deep),
        pytest.param("crash-on-outcome", "PF-10", marks=pytest.mark.deep),
        pytest.param("crash-on-large", "RS-05", marks=pytest.mark.deep),
        ("any-hook", "RQ-02"),
        ("empty-on-failure", "RQ-08"),
        pytest.param("crash-on-junk", "RS-05", marks=pytest.mark.deep),
        ("silent-without-data", "PF-18"),
        pytest.param("reads-outcomes", "PF-12", marks=pytest.mark.deep),
        pytest.param("mixes-patients", "FN-12", marks=pytest.mark.deep),
        pytest.param("refuses-unknown", "TR-10", marks=pytest.mark.deep),
        pytest.param("refuses-extension", "RQ-10", marks=pytest.mark.deep),
        pytest.param("short-ids", "HK-07", marks=pytest.mark.deep),
        pytest.param("strict-fhir", "FN-02", marks=pytest.mark.deep),
        pytest.param("uuid-only", "FN-09", marks=pytest.mark.deep),
        pytest.param("stack-trace", "MI-17", marks=pytest.mark.deep),
        pytest.param("echo", "MI-17", marks=pytest.mark.deep),
        pytest.param("media-type", "TR-01", marks=pytest.mark.deep),
        pytest.param("feedback-crash", "FB-07", marks=pytest.mark.deep),
    ],
)
def test_a_known_fault_is_found(judged: Judge, fault: str, requirement: str) -> None:
    report = judged(Small(fault), **ORDER_SIGN)
    assert requirement in faults(report)
    assert not report.clean


def test_a_first_page_taken_for_an_empty_record_is_found(judged: Judge) -> None:
    assert "PF-17" in found(judged(Small("silent-when-paged"), **ORDER_SIGN))


def test_slow_answers_are_found(judged: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cds_hooks.checking.latency._GUIDANCE", 0.0)
    [slow] = [one for one in judged(Small(), **ORDER_SIGN).breaches if one.id == "RS-07"]
    assert (slow.severity, slow.sent) == ("warning", ("conforming calls",))


def test_a_service_that_knows_clinicians_only_is_found(judged: Judge) -> None:
    assert "PV-01" in faults(judged(Small("clinicians-only"), services=("small-patient-view",)))


def test_silence_on_an_unusable_body_is_found(judged: Judge) -> None:
    report = judged(Small("empty-on-failure"), **ORDER_SIGN)
    assert {"RS-05", "TR-07", "RQ-08"} <= found(report)


def test_discovery_elsewhere_is_found_and_the_services_are_judged_all_the_same(judged: Judge) -> None:
    report = judged(Small("discovery-elsewhere"))
    [one] = [one for one in report.of("fault") if one.id == "DI-01"]
    assert "/cds/cds-discovery" in one.problem
    assert [one.status for one in report.services] == [200, 200]


def test_no_discovery_at_all_is_a_fault_and_nothing_else_is_claimed(judged: Judge) -> None:
    async def nothing(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    report = judged(nothing)
    assert "DI-01" in faults(report)
    assert {"RS-01", "CA-02", "PF-03"} <= {one.id for one in report.not_judged}


@pytest.mark.parametrize(
    ("change", "requirement"),
    [
        (lambda said: {**said, "services": None}, "DI-03"),
        (lambda said: {"services": [{**entry("order-sign"), "hook": ""}]}, "DI-05"),
        (lambda said: {"services": [entry("order-sign", description=None)]}, "DI-07"),
        (lambda said: {"services": [entry("order-sign", id="a/b")]}, "DI-08"),
        (lambda said: {"services": [entry("order-sign"), entry("order-sign")]}, "DI-08"),
        (lambda said: {"services": [entry("order-sign", id="small-nobody")]}, "RS-01"),
        (lambda said: {"services": [entry("order-sign", prefetch=["Patient"])]}, "DI-09"),
        (lambda said: {"services": [entry("order-sign", usageRequirements=[1])]}, "DI-10"),
        (lambda said: {"services": [entry("order-sign", Title="x")]}, "CA-18"),
    ],
)
def test_a_fault_of_discovery_is_found(judged: Judge, change: Callable[[Answer], Any], requirement: str) -> None:
    def cut(said: Answer) -> Any:
        return change(copy.deepcopy(said))

    assert requirement in faults(judged(Small(discovery=cut)))


@pytest.mark.parametrize(
    ("fault", "requirement", "severity"),
    [
        ("no-token", "FA-11", "fault"),
        ("everybody", "FA-15", "fault"),
        ("follows-anywhere", "FA-14", "fault"),
        ("crash-on-refusal", "FA-08", "fault"),
        ("silent-without-data", "MI-06", "fault"),
        ("first-page", "PF-15", "warning"),
    ],
)
def test_a_fault_of_reading_from_the_fhir_server_is_found(
    judged: Judge, fault: str, requirement: str, severity: str
) -> None:
    report = judged(Small(fault), **ORDER_SIGN)
    assert requirement in {one.id for one in report.breaches if one.severity == severity}


def test_a_service_that_does_not_call_the_server_is_not_judged_for_it(judged: Judge) -> None:
    report = judged(Small(), fhir_url="https://ehr.invalid/fhir", **ORDER_SIGN)
    left = {one.id: one.why for one in report.not_judged}
    assert "did not call" in left["FA-11"]
    assert "did not call" in left["MI-06"]


def test_browsers_need_headers_on_errors_and_preflights_without_login(judged: Judge) -> None:
    origin = "https://ehr.example"
    assert "CS-02" in found(judged(Small("no-cors-on-errors"), origin=origin, **ORDER_SIGN))
    assert "CS-02" in found(judged(Small("preflight-login"), **ORDER_SIGN))


def test_feedback_that_is_not_supported_is_noted_and_not_judged(judged: Judge) -> None:
    report = judged(Small("no-feedback"), **ORDER_SIGN)
    assert [one.severity for one in report.breaches if one.id == "FB-01"] == ["note"]
    assert "FB-05" in {one.id for one in report.not_judged}


def test_strict_makes_warnings_faults_and_only_limits_the_report(judged: Judge) -> None:
    report = judged(Small("first-page"), strict=True, only=("PF-15",), **ORDER_SIGN)
    assert faults(report) == {"PF-15"}
    assert {one.id for one in (*report.breaches, *report.kept, *report.not_judged)} == {"PF-15"}


def test_a_service_that_waits_for_ever_is_found(judged: Judge) -> None:
    report = judged(Small("waits"), seconds=1.5, slow_seconds=3, **ORDER_SIGN)
    [slow] = [one for one in report.of("fault") if one.id == "FA-08"]
    assert slow.sent == ("a slow FHIR server",)


def test_a_service_that_limits_calls_is_judged_no_further(judged: Judge) -> None:
    report = judged(Small("throttles"), **ORDER_SIGN)
    assert report.clean
    assert [one.severity for one in report.breaches if one.id == "RS-05"] == ["warning"]
    assert "429" in {one.id: one.why for one in report.not_judged}["FB-05"]


def test_plain_http_beyond_this_machine_is_a_warning(judged: Judge) -> None:
    report = judged(Small(), base="http://service.test", only=("TR-01",), **ORDER_SIGN)
    assert [(one.id, one.severity, one.where) for one in report.breaches] == [("TR-01", "warning", "BASE_URL")]
