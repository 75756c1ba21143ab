"""`trd-cds check` on a real socket: text, files, exit status, refusals; nothing that a service says is repeated."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
import uvicorn

from cds_hooks.__main__ import run
from cds_hooks.checking.document import Report
from mappings.file_schemas import schema_text
from tests.checking.faulty import Answer, Small

SECRET = "Zsecretvalue"
SCHEMA = Path(__file__).parents[2] / "docs" / "schema" / "check.schema.json"
Check = Callable[..., tuple[int, str, str]]


@contextmanager
def served(app: Any) -> Iterator[str]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(100)
        config = uvicorn.Config(app, lifespan="off", log_level="critical", access_log=False, ws="none")
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def check(capfdbinary: pytest.CaptureFixture[bytes]) -> Check:
    def call(*arguments: object) -> tuple[int, str, str]:
        status = run(["check", *(str(argument) for argument in arguments)])
        captured = capfdbinary.readouterr()
        return status, captured.out.decode(), captured.err.decode()

    return call


def telling(answer: Answer) -> Answer:
    """Spoils an answer with what might be a patient's."""
    for card in answer["cards"]:
        card["summary"] = SECRET * 20
        card["indicator"] = SECRET
        card[f"{SECRET} 1"] = SECRET
        card["suggestions"][0]["actions"][0]["resource"]["status"] = [SECRET]
    return answer


def test_faults_end_with_status_1_and_reports_hold_nothing_of_the_answers(check: Check, tmp_path: Path) -> None:
    files = {name: tmp_path / f"check.{name}" for name in ("json", "junit", "html")}
    options = [part for name, file in files.items() for part in (f"--{name}", file)]
    example = tmp_path / "call.json"
    with served(Small(change=telling)) as base:
        status, out, err = check(base, "--calls", 1, "--service", "small-patient-view", *options)
    assert status == 1
    assert "[CA-02 SHALL]" in out
    assert out.index("Faults:") < out.index("Not judged:") < out.index("Kept:")
    assert out.splitlines()[-1].startswith("Not clean:")
    texts = [out, err, *(file.read_text(encoding="utf-8") for file in files.values())]
    assert not any(SECRET in text for text in texts)
    document = Report.model_validate_json(files["json"].read_text(encoding="utf-8"))
    told = json.loads(files["json"].read_text(encoding="utf-8"))
    schema = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    schema.validate(told)
    for spoilt in ({**told, "more": 1}, {**told, "login": "maybe"}, {**told, "requests": "many"}):
        assert not schema.is_valid(spoilt)
    del told["breaches"]
    assert not schema.is_valid(told)
    assert {"CA-02", "CA-04", "TR-06", "CA-18"} <= {one.id for one in document.of("fault")}
    suite = ElementTree.fromstring(files["junit"].read_text(encoding="utf-8"))  # noqa: S314 - written just now
    assert int(suite.attrib["failures"]) == len(suite.findall("testcase/failure"))
    assert int(suite.attrib["skipped"]) == len(suite.findall("testcase/skipped"))
    assert int(suite.attrib["tests"]) == len(suite.findall("testcase"))
    page = files["html"].read_text(encoding="utf-8")
    assert "CA-02" in page
    assert "<script" not in page
    assert "http-equiv" in page
    assert not example.exists()


def test_the_published_schema_is_that_of_the_document() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema_text("check", Report), (
        "run trd-cds knowledge schema --write docs/schema"
    )


@pytest.mark.deep
def test_a_clean_service_ends_with_status_0(check: Check) -> None:
    with served(Small()) as base:
        status, out, _ = check(f"{base}/cds-services/", "--calls", 1, "--service", "small-patient-view")
    assert status == 0, out
    assert "Faults: none" in out
    assert "open mode" in out


def test_an_example_is_sent_in_place_of_the_invented_call(check: Check, tmp_path: Path) -> None:
    file = tmp_path / "call.json"
    context = {"userId": "Practitioner/a", "patientId": "mine"}
    prefetch = {"patient": {"resourceType": "Patient", "id": "mine"}, "medications": {"resourceType": "Bundle"}}
    body = {"hook": "patient-view", "hookInstance": "x", "context": context, "prefetch": prefetch}
    file.write_text(json.dumps(body), encoding="utf-8")
    with served(Small("mixes-patients")) as base:
        status, out, _ = check(base, "--calls", 1, "--service", "small-patient-view", "--example", file)
    assert status == 1
    assert "FN-12" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "BASE_URL"),
        (("ftp://service.example",), "BASE_URL"),
        (("https://user:secret@service.example",), "BASE_URL"),
        (("http://169.254.169.254/latest",), "BASE_URL"),
        (("http://127.0.0.1:9",), "BASE_URL"),
        (("http://127.0.0.1:9", "--profile", "3.0"), "--profile"),
        (("http://127.0.0.1:9", "--only", "XX-01"), "--only"),
        (("http://127.0.0.1:9", "--listen", "here"), "--listen"),
        (("http://127.0.0.1:9", "--fhir-url", "x"), "--fhir-url"),
        (("http://127.0.0.1:9", "--example", "/nowhere.json"), "--example"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(check: Check, arguments: tuple[str, ...], said: str) -> None:
    status, out, err = check(*arguments)
    assert status == 2
    assert out == ""
    last = err.strip().splitlines()[-1]
    assert last.startswith(f"trd-cds: {said}: ")
    assert "secret" not in last


def test_the_list_names_every_requirement_with_what_it_counts_for(check: Check) -> None:
    status, out, _ = check("--list", "--profile", "epic")
    assert status == 0
    [line] = [line for line in out.splitlines() if line.startswith("EP-22")]
    assert " fault " in line
