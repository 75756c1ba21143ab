"""Each thing that can be wrong with an answer is found under its requirement; a good answer has none."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.checking.calls import Call, Service
from cds_hooks.checking.cards import AnswerJudge
from cds_hooks.checking.findings import Findings
from cds_hooks.checking.hooks import hooks
from cds_hooks.checking.judging import KNOWN
from cds_hooks.checking.patient import MARKER, invent
from cds_hooks.checking.requirements import profiles
from cds_hooks.checking.strict_json import NotStrict, read_strictly
from tests.checking.faulty import Answer, card

DRAFT = {"resourceType": "MedicationRequest", "id": "d1"}
CALL = Call(
    service=Service(id="s", hook="order-sign", path="/cds-services/s", templates={}),
    hook=hooks()["order-sign"],
    patient_id="patient-77",
    body={"context": {"draftOrders": {"entry": [{"resource": DRAFT}]}}},
)


def good() -> Answer:
    return {"cards": [card([DRAFT])]}


def breaches(answer: Any, profile: str = "2.0.1") -> dict[str, str]:
    """Severity by requirement."""
    findings = Findings(profiles()[profile])
    AnswerJudge(findings, CALL, "a test").judge(answer)
    return {one.requirement.id: one.severity for one in reversed(findings.breaches)}


def test_a_good_answer_has_no_breach() -> None:
    assert breaches(good()) == {}
    assert breaches({"cards": []}) == {}


def first(answer: Answer) -> Answer:
    return answer["cards"][0]


def setting(path: str, value: Any) -> Callable[[Answer], None]:
    """Sets a place like ``suggestions.0.label`` of the first card; `...` removes it."""

    def change(answer: Answer) -> None:
        held: Any = first(answer)
        *steps, last = [int(step) if step.isdecimal() else step for step in path.split(".")]
        for step in steps:
            held = held[step]
        if value is ...:
            del held[last]
        else:
            held[last] = value

    return change


ACTION = "suggestions.0.actions.0"
CASES: list[tuple[str, Any, str]] = [
    ("summary", "x" * 140, "CA-02"),
    ("summary", ..., "CA-02"),
    ("summary", "  ", "TR-05"),
    ("detail", "a <b>bold</b> word", "CA-03"),
    ("detail", None, "TR-02"),
    ("indicator", "success", "CA-04"),
    ("indicator", ..., "CA-04"),
    ("source", ..., "CA-05"),
    ("source.label", "", "CA-05"),
    ("source.url", "/relative", "SO-02"),
    ("source.topic", {"code": "a"}, "CO-01"),
    ("uuid", ..., "CA-01"),
    ("uuid", "no-uuid", "CA-01"),
    ("links", [], "TR-03"),
    ("name", "x", "CA-18"),
    ("extension", [{"url": "x"}], "EX-01"),
    ("selectionBehavior", ..., "CA-07"),
    ("selectionBehavior", "one-or-more", "CA-08"),
    ("overrideReasons.0.display", ..., "CA-12"),
    ("overrideReasons.0.system", ..., "CO-01"),
    ("suggestions.0.label", ..., "SU-01"),
    ("suggestions.0.uuid", ..., "SU-02"),
    ("suggestions.0.isRecommended", "yes", "SU-03"),
    ("suggestions.0.actionSelectionBehavior", "any", "SU-07"),
    ("suggestions.0.actions", [], "TR-03"),
    (f"{ACTION}.type", "CREATE", "AC-01"),
    (f"{ACTION}.description", ..., "AC-02"),
    (f"{ACTION}.resource", "MedicationRequest/1", "AC-03"),
    (f"{ACTION}.resource.status", 7, "TR-06"),
    (f"{ACTION}.type", "update", "AC-04"),
    ("suggestions.1.actions.0.resourceId", ..., "AC-06"),
    ("suggestions.1.actions.0.resourceId", "MedicationRequest/other", "AC-06"),
    ("links.0.label", ..., "LK-01"),
    ("links.0.url", "more", "LK-02"),
    ("links.0.url", "https://small.example/?p=patient-77", "LK-02"),
    ("links.0.type", "relative", "LK-03"),
    ("links.0.appContext", "x", "LK-04"),
    ("links.0.autolaunchable", "yes", "LK-07"),
]


@pytest.mark.parametrize(("path", "value", "requirement"), CASES)
def test_a_fault_of_a_card_is_found(path: str, value: Any, requirement: str) -> None:
    answer = good()
    setting(path, value)(answer)
    assert requirement in breaches(answer)


def test_139_characters_are_few_enough() -> None:
    answer = good()
    setting("summary", "x" * 139)(answer)
    assert breaches(answer) == {}


def test_no_two_cards_or_suggestions_share_a_uuid() -> None:
    answer = good()
    answer["cards"].append(copy.deepcopy(first(answer)))
    assert {"CA-01", "SU-02"} <= set(breaches(answer))


def test_two_recommendations_need_any() -> None:
    answer = good()
    for one in first(answer)["suggestions"]:
        one["isRecommended"] = True
    assert breaches(answer) == {"SU-03": "fault"}
    first(answer)["selectionBehavior"] = "any"
    assert breaches(answer) == {}


@pytest.mark.parametrize("answer", [[], None, {}, {"cards": None}, {"cards": {}}, {"cards": ["x"]}, "cards"])
def test_what_is_no_answer_is_found(answer: Any) -> None:
    assert breaches(answer)["RS-01"] == "fault"


def test_system_actions_are_judged_as_actions_and_noted() -> None:
    answer = {**good(), "systemActions": [{"type": "create"}]}
    assert breaches(answer) == {"AC-02": "fault", "AC-03": "fault", "SY-03": "note"}


def profile_cases() -> Iterator[tuple[str, Callable[[Answer], None], str]]:
    def two_actions(answer: Answer) -> None:
        actions = first(answer)["suggestions"][0]["actions"]
        actions.append(copy.deepcopy(actions[0]))

    yield "1.0", setting("selectionBehavior", "any"), "CA-10"
    yield "1.0", lambda _: None, "AC-07"
    yield "epic", lambda _: None, "EP-22"
    yield "epic", two_actions, "EP-21"
    yield "epic", setting("source.topic.code", "not-plain"), "EP-25"
    yield "inferno", setting("source.topic", ...), "INF-06"
    yield "inferno", setting("overrideReasons.0.display", ...), "INF-08"
    yield "inferno", setting("suggestions.1.actions.0.resourceId", "MedicationRequest/other"), "INF-10"
    yield "inferno", lambda _: None, "INF-11"


@pytest.mark.parametrize(("profile", "change", "requirement"), list(profile_cases()))
def test_a_profile_asks_for_more(profile: str, change: Callable[[Answer], None], requirement: str) -> None:
    answer = good()
    change(answer)
    assert requirement in breaches(answer, profile)
    assert requirement not in breaches(answer)


NOTHING_RIGHT: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1.5,
        10**30,
        "",
        "  ",
        "x",
        "\ud800",
        "http://[",
        "Type/id",
        [],
        [[]],
        [True],
        [None],
        ["x"],
    ),
    *([{}], {}, {"a": 1}, {"resourceType": "Bundle"}, {"resourceType": [1]}, {"resourceType": "Nope", "id": {}}),
)


def whole() -> Answer:
    """An answer with everything that the specification defines, allowed or not."""
    answer = good()
    one = first(answer)
    one["extension"] = {"a": {}}
    one["source"]["icon"] = "https://small.example/icon.png"
    one["source"]["topic"]["display"] = "Read"
    changed = {"type": "update", "description": "Change it", "resource": {**DRAFT, "status": "draft"}}
    one["suggestions"][0].update(isRecommended=True, actionSelectionBehavior="any")
    one["suggestions"][0]["actions"].append(changed)
    one["suggestions"][1]["actions"][0]["resource"] = "d1"
    one["links"][0].update(type="smart", appContext="a", autolaunchable=True)
    one["overrideReasons"][0].update(version="1", userSelected=True)
    return {**answer, "systemActions": [changed], "extension": {}}


def places(value: Any) -> Iterator[tuple[str | int, ...]]:
    """The way to everything in a JSON value, itself first."""
    yield ()
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in members:
        yield from ((name, *rest) for rest in places(inner))


def spoilt(value: Any, place: Sequence[str | int], by: Any) -> Any:
    """A copy of `value` with something else at one place."""
    if not place:
        return by
    changed = copy.copy(value)
    changed[place[0]] = spoilt(value[place[0]], place[1:], by)
    return changed


@pytest.mark.parametrize("place", list(places(whole())), ids=lambda place: ".".join(map(str, place)) or "answer")
def test_whatever_stands_anywhere_is_judged_without_a_crash(place: tuple[str | int, ...]) -> None:
    answer = whole()
    for by in NOTHING_RIGHT:
        for profile in profiles():
            breaches(spoilt(answer, place, by), profile)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(sorted(frozenset().union(*KNOWN.values()))), inner, max_size=4)
        ),
        max_leaves=15,
    )
)
def test_any_json_is_judged_without_a_crash(answer: Any) -> None:
    breaches(answer)
    breaches({"cards": [answer]})


@pytest.mark.parametrize(
    "body", [b'{"a":1,"a":2}', b"[NaN]", b'"\xff"', b"{,}", b"", b"[" * 100_000, b"[" * 101 + b"]" * 101]
)
def test_json_that_a_strict_reader_refuses(body: bytes) -> None:
    with pytest.raises(NotStrict):
        read_strictly(body)


def test_nothing_the_service_wrote_is_repeated() -> None:
    secret = f"{MARKER} born 1980"
    answer = good()
    first(answer)[secret] = secret
    first(answer)["indicator"] = secret
    first(answer)["links"][0]["type"] = secret
    findings = Findings(profiles()["2.0.1"])
    AnswerJudge(findings, CALL, "a test").judge(answer)
    assert {one.requirement.id for one in findings.breaches} == {"CA-18", "CA-04", "LK-03"}
    assert not any(MARKER in f"{one.problem}{one.where}" for one in findings.breaches)


def test_the_invented_patient_is_the_same_each_time() -> None:
    day = date(2026, 11, 23)
    assert invent(day).resources == invent(day).resources
    assert MARKER in str(invent(day).of_type("Patient"))


def test_nesting_that_no_answer_needs_is_refused_and_any_other_is_read() -> None:
    assert read_strictly(b"[" * 100 + b"]" * 100) is not None
    with pytest.raises(NotStrict, match="nested too deep"):
        read_strictly(b'{"a":' * 101 + b"1" + b"}" * 101)
