"""A slice of the fuzzing run, the same inputs every time, and that its oracle finds what is wrong."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from mappings.load import Knowledge
from plugin.ingest import read_record
from plugin.ingest.directions import Directions
from tests.fuzz.corpus import corpus
from tests.fuzz.doors import Doors, Said, doors
from tests.fuzz.findings import Findings, read_finding
from tests.fuzz.oracle import answer_faults, decode_faults, direction_faults, record_faults
from tests.fuzz.planting import Planted
from tests.fuzz.run import replay, small_run
from tests.fuzz.targets import Fuzzed, Target, targets
from tests.fuzz.watching import Memory, Tally, judged

PLANTED = Planted.of(5)
Change = Callable[[Said], Said]


@pytest.fixture(scope="module")
def opened(knowledge: Knowledge) -> Iterator[Doors]:
    with doors(knowledge) as made:
        yield made


def hold(seed: int, count: int, folder: Path) -> None:
    run = small_run(seed, count, folder)
    assert run.findings.told() == []
    assert all(tally.inputs for tally in run.tallies.values())
    assert run.inputs > 0.9 * count
    assert {200, 400} <= set(run.statuses["hooks"])


def test_a_slice_of_the_run(tmp_path: Path) -> None:
    hold(5, 900, tmp_path)


@pytest.mark.deep
def test_a_longer_slice(tmp_path: Path) -> None:
    hold(6, 30_000, tmp_path)


def test_the_same_seed_gives_the_same_input(knowledge: Knowledge, opened: Doors) -> None:
    once, again = (targets(Fuzzed(knowledge, opened, PLANTED)) for _ in range(2))
    for one, other in zip(once, again, strict=True):
        assert one.written(one.at(7, 3)) == other.written(other.at(7, 3))
        assert one.written(one.at(7, 3)) != one.written(one.at(8, 3)), one.name


def test_most_calls_get_past_the_envelope(knowledge: Knowledge, opened: Doors) -> None:
    """Otherwise nothing behind it would be fuzzed."""
    fuzzed = Fuzzed(knowledge, opened, PLANTED)
    target = next(one for one in targets(fuzzed) if one.name == "hooks")
    for number in range(60):
        list(target.judge(target.at(1, number)))
    assert fuzzed.statuses["hooks"][200] >= 20


def answered(opened: Doors) -> Said:
    """A good answer with cards: two failed trials and another order."""
    service, body = max(
        ((service, body) for service, body in corpus().requests if service == "trd-order-sign"),
        key=lambda one: len(json.dumps(one[1])),
    )
    said = opened.open.call("POST", f"/cds-services/{service}", PLANTED.into(orjson.dumps(body)))
    assert orjson.loads(said.body)["cards"]
    return said


def with_body(change: Callable[[Any], object]) -> Change:
    def changed(said: Said) -> Said:
        answer = orjson.loads(said.body)
        change(answer)
        return replace(said, body=orjson.dumps(answer))

    return changed


def with_line(**changed: Any) -> Change:
    return lambda said: replace(said, logged=(json.dumps({**said.line, **changed}),))


def no_cards(said: Said) -> Said:
    return with_body(lambda answer: answer.update(cards=[]))(said)


BARE = {"resourceType": "MedicationRequest"}
SPOILT: list[tuple[str, Change]] = [
    ("status", lambda said: replace(said, status=500)),
    ("after the hard budget", lambda said: replace(said, waited=1.7)),
    ("the secret in a log line", with_line(outcome=PLANTED.secret)),
    ("the token in a log line", lambda said: replace(said, logged=(*said.logged, f'{{"event": "{PLANTED.token}"}}'))),
    ("the secret in a log line", lambda said: replace(said, headers={**said.headers, "x": PLANTED.secret})),
    ("the secret in an error", lambda said: replace(said, status=400, body=f'{{"a": "{PLANTED.secret}"}}'.encode())),
    ("the token in an answer", with_body(lambda answer: answer["cards"][0].update(detail=PLANTED.token))),
    ("no log line", lambda said: replace(said, logged=())),
    ("with a fault", with_line(fault="KeyError")),
    ("no correlation id", lambda said: replace(said, headers={})),
    ("members that no answer has", with_body(lambda answer: answer.update(systemActions=[]))),
    ("a null", with_body(lambda answer: answer["cards"][0].update(detail=None))),
    ("more than three", with_body(lambda answer: answer.update(cards=[*answer["cards"], *answer["cards"]] * 3))),
    ("no cards and no reason", lambda said: with_line(outcome="lost")(no_cards(said))),
    ("cards were counted", no_cards),
    ("two cards of one uuid", with_body(lambda answer: answer.update(cards=answer["cards"][:1] * 2))),
    ("rules: summary", with_body(lambda answer: answer["cards"][0].update(summary="x" * 140))),
    ("rules: indicator", with_body(lambda answer: answer["cards"][0].update(indicator="hard-stop"))),
    ("rules: source", with_body(lambda answer: answer["cards"][0]["source"].update(url="x"))),
    ("rules: topic", with_body(lambda answer: answer["cards"][0]["source"].pop("topic"))),
    ("rules: links", with_body(lambda answer: answer["cards"][0]["links"][0].update(url="https://x/?patient=1"))),
    ("rules: markup", with_body(lambda answer: answer["cards"][0].update(detail="<script>"))),
    ("rules: override", with_body(lambda answer: answer["cards"][0].update(overrideReasons=[{"code": "a"}]))),
    ("a suggestion against", with_body(lambda answer: answer["cards"][0].update(suggestions=[{"label": "x"}]))),
    ("an action against", with_body(lambda answer: suggest(answer, type="create"))),
    ("no valid FHIR", with_body(lambda answer: suggest(answer, type="create", description="x", resource=BARE))),
    ("names no resource", with_body(lambda answer: suggest(answer, type="delete", description="x"))),
]  # fmt: skip


def suggest(answer: Any, **action: Any) -> None:
    answer["cards"][0]["suggestions"] = [{"label": "x", "uuid": "x", "actions": [action]}]


@pytest.mark.parametrize(("what", "spoil"), SPOILT)
def test_a_spoilt_answer_is_found(opened: Doors, what: str, spoil: Change) -> None:
    good = answered(opened)
    assert list(answer_faults(good, "open", PLANTED)) == []
    assert any(what in fault for fault in answer_faults(spoil(copy.deepcopy(good)), "open", PLANTED))


def test_a_body_taken_apart_otherwise_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b'{"hook": "x", "prefetch": {"a": 1}}'
    assert list(decode_faults(body)) == []
    monkeypatch.setattr("tests.fuzz.oracle.decode", lambda _: {"hook": "y"})
    assert list(decode_faults(body)) == ["a body says something else when it is taken apart"]
    assert list(decode_faults(b"{")) == ["a body that is no JSON object was taken"]


def test_a_record_that_loses_something_is_found(knowledge: Knowledge) -> None:
    record = read_record(list(corpus().charts[0]), knowledge=knowledge)
    assert list(record_faults(record)) == []
    assert list(record_faults(replace(record, medications=()))) != []


def test_directions_read_in_two_ways_are_found(knowledge: Knowledge) -> None:
    limits = next(words.limits for words in knowledge.directions.values() if words.limits is not None)
    said = Directions(understood=True)
    assert list(direction_faults(said, said, limits)) == []
    assert list(direction_faults(said, replace(said, total_mg=1.0), limits)) == ["read twice, read differently"]


def test_an_exception_is_a_finding_that_can_be_replayed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], knowledge: Knowledge, opened: Doors
) -> None:
    def fall(_: Any) -> Iterator[str]:
        raise KeyError("told to nobody")

    findings = Findings(tmp_path, 5, PLANTED)
    value = [{"resourceType": "Patient", "id": PLANTED.secret, "n": float("inf"), "raw": b"\xff"}]
    target = Target("records", 0, lambda _: value, fall, "")
    assert judged(target, value, 12, findings, Tally()) == ["KeyError at test_slice.py:fall"]
    [file] = tmp_path.iterdir()
    assert PLANTED.secret not in file.read_text(encoding="utf-8")
    finding = read_finding(file)
    assert (finding["number"], finding["input"][0]["raw"]) == (12, b"\xff")
    file.write_text(file.read_text(encoding="utf-8").replace(', "raw": {"base64": "/w=="}', ""), encoding="utf-8")
    assert replay(file) == 0  # the records are read; only the made-up judge fell
    assert "nothing is wrong" in capsys.readouterr().out


def test_memory_that_grows_is_told() -> None:
    level = Memory([(10_000 * turn, 200.0) for turn in range(1, 101)])
    growing = Memory([(10_000 * turn, 200.0 + turn) for turn in range(1, 101)])
    assert level.told()["bounded"] is True
    assert growing.told()["bounded"] is False
