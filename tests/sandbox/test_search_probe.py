"""The same graded searches put to our sandbox and to a second FHIR server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from sekmet.config import Settings, SimulatorSettings  # type: ignore[import-untyped]  # ships no types
from sekmet.main import create_app  # type: ignore[import-untyped]  # ships no types
from starlette.applications import Starlette
from starlette.routing import Mount

from cds_hooks.clock import SystemClock
from cds_hooks.sandbox import ResourceStore, create_sandbox
from tests.sandbox.probe_resources import RESOURCES
from tests.sandbox.search_probe import PROBES, Probe
from tests.sandbox.serving import BASE, call, entries, get, link, walk_pages


def load(app: Any) -> None:
    """Put the resources into a server by one transaction."""
    transaction = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": f"{BASE}/{one['resourceType']}/{one['id']}",
                "resource": one,
                "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"},
            }
            for one in RESOURCES
        ],
    }
    answer = call(app, "POST", "/fhir/", json=transaction)
    assert answer.status_code == 200, answer.text
    assert {entry["response"]["status"][:3] for entry in answer.json()["entry"]} == {"201"}


@pytest.fixture(scope="module")
def ours() -> Any:
    store = ResourceStore(clock=SystemClock())
    app = Starlette(routes=[Mount("/fhir", create_sandbox(store, base_url=BASE, writable=True))])
    load(app)
    return app


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    directory: Path = tmp_path_factory.mktemp("second-server")
    app = create_app(
        Settings(
            base_url=BASE,
            data_dir=str(directory),
            db_path=str(directory / "fhir.db"),
            simulator=SimulatorSettings(enabled=False),
        )
    )
    load(app)
    yield app


@pytest.fixture(params=["ours", "second"])
def server(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def test_the_resources_are_valid_fhir() -> None:
    for resource in RESOURCES:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)


def test_the_probe_is_large_enough() -> None:
    assert len(PROBES) >= 32
    assert len({(probe.search, *probe.form.items()) for probe in PROBES}) == len(PROBES)


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.search)
def test_search(server: Any, probe: Probe) -> None:
    search = probe.search.format(base=BASE)
    first = call(server, "POST", search, data=probe.form) if probe.form else get(server, search)
    assert first.status_code == 200, first.text
    pages = walk_pages(server, first)

    matches = [one for page in pages for one in entries(page, "match")]
    expected = [f"{probe.kind}/{one}" for one in probe.expected]
    assert matches == expected if probe.ordered else sorted(matches) == sorted(expected)
    assert sorted(one for page in pages for one in entries(page, "include")) == sorted(probe.included)
    assert len(pages) == probe.pages
    for page in pages:
        assert page["type"] == "searchset"
        assert page["total"] == len(probe.expected)
        assert link(page, "self") is not None


def test_a_count_without_resources(server: Any) -> None:
    bundle = get(server, "Observation?patient=p1&_summary=count").json()
    assert bundle["total"] == 5
    assert "entry" not in bundle


def test_an_empty_answer_omits_the_entry(server: Any) -> None:
    bundle = get(server, "Observation?patient=nobody").json()
    assert bundle["total"] == 0
    assert "entry" not in bundle


def test_an_unknown_parameter_is_an_error_only_when_asked_for(server: Any) -> None:
    search = "Observation?patient=p1&favourite-colour=blue"
    strict = get(server, search, headers={"Prefer": "handling=strict"})
    assert strict.status_code == 400
    assert strict.json()["resourceType"] == "OperationOutcome"
    lenient = get(server, search)
    assert lenient.status_code == 200
    assert lenient.json()["total"] == 5
