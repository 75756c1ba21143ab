"""docs/openapi.yaml against the application: every address is in it, every answer is as it says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from cds_hooks.catalogue import SERVICES
from mappings.load import Knowledge
from tests.edge.conftest import call
from tests.fuzz.corpus import corpus
from tests.fuzz.doors import Door, Doors, Said, doors
from tests.fuzz.openapi import answer_fits, described

# Pages for people, behind a login of their own (docs/governance.md, docs/smart.md, docs/snapshots.md).
_FOR_PEOPLE = ("/governance", "/app", "/basis", "/intended-use", "/source-attributes", "/snapshot")
_METHODS = {"get", "post"}


@pytest.fixture(scope="module")
def opened(knowledge: Knowledge) -> Iterator[Doors]:
    with doors(knowledge) as made:
        yield made


def routes(found: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Method and path of everything that answers."""
    for route in found:
        inner = getattr(route, "original_router", None) or (route if hasattr(route, "routes") else None)
        if inner is not None:
            yield from routes(inner.routes)
        else:
            yield from ((method.lower(), route.path) for method in route.methods or () if method.lower() in _METHODS)


def test_every_address_for_programs_is_described_and_no_other(opened: Doors) -> None:
    apps: tuple[Any, ...] = (opened.open.app, opened.signed.app)
    answering = {one for app in apps for one in routes(app.routes) if not one[1].startswith(_FOR_PEOPLE)}
    told = {(method, path) for path, item in described()["paths"].items() for method in item if method in _METHODS}
    assert told == answering


def test_every_schema_is_one() -> None:
    for schema in described()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def fitting(door: Door, method: str, path: str, body: bytes = b"") -> Said:
    said = door.call(method.upper(), path, body)
    assert list(answer_fits(path, method, said)) == []
    return said


@pytest.mark.parametrize(
    "path", ["/cds-services", "/schema/assessment-1.json", "/health", "/health/live", "/health/ready"]
)
def test_what_everybody_may_read_is_as_described(opened: Doors, path: str) -> None:
    assert fitting(opened.open, "get", path).status == 200


def test_answers_to_real_requests_are_as_described(opened: Doors) -> None:
    statuses = {
        fitting(opened.open, "post", f"/cds-services/{service}", orjson.dumps(body)).status
        for service, body in corpus().requests
        if service.removeprefix("trd-") in ("order-select", "order-sign", "patient-view")
    }
    assert {200, 412} <= statuses


def test_errors_are_as_described(opened: Doors) -> None:
    service = next(iter(SERVICES))
    good = orjson.dumps(call())
    for path, body, status in (
        (f"/cds-services/{service}", b"{", 400),
        ("/cds-services/none", good, 404),
        (f"/cds-services/{service}/feedback", b'{"feedback": []}', 400),
        (f"/cds-services/{service}/feedback", b'{"feedback": [{"card": "c", "outcome": "accepted"}]}', 503),
    ):
        assert fitting(opened.open, "post", path, body).status == status
    assert fitting(opened.signed, "post", f"/cds-services/{service}", good).status == 401


def test_an_answer_that_is_not_as_described_is_found(opened: Doors) -> None:
    path = "/cds-services"
    said = fitting(opened.open, "get", path)
    assert list(answer_fits(path, "get", replace(said, status=500)))
    assert list(answer_fits(path, "get", replace(said, status=418)))
    assert list(answer_fits(path, "get", replace(said, body=b'{"services": [{}]}')))
    assert list(answer_fits(path, "get", replace(said, headers={"content-type": "text/html"})))
    assert list(answer_fits(path, "get", replace(said, body=b"")))
    assert list(answer_fits("/nowhere", "get", said))


@pytest.mark.services
def test_schemathesis_and_atheris_find_nothing_in_a_short_run(tmp_path: Path) -> None:
    """Needs what make fuzz installs."""
    for module, target, runs in (("openapi_part", "openapi", 150), ("atheris_part", "bodies", 300)):
        out = tmp_path / f"{module}.json"
        command = [sys.executable, "-m", f"tests.fuzz.{module}", target, "--runs", str(runs), "--seed", "3",
                   "--findings", str(tmp_path / "findings"), "--out", str(out)]  # fmt: skip
        subprocess.run(  # noqa: S603 - ours
            command, check=True, capture_output=True, cwd=Path(__file__).parents[2]
        )
        told = orjson.loads(out.read_bytes())
        assert told["findings"] == []
        assert told["inputs"] >= runs
