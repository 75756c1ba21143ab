"""Calling an ASGI application in tests, without a port and without an event loop of the test's own."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from fhir.resources.R4B.operationoutcome import OperationOutcome
from starlette.applications import Starlette
from starlette.routing import Mount

from cds_hooks.sandbox import ResourceStore, create_sandbox
from tests.sandbox.probe_resources import RESOURCES

ORIGIN = "http://ehr.test"
BASE = f"{ORIGIN}/fhir"


def call(app: Any, method: str, url: str, **options: Any) -> httpx.Response:
    """The answer of `app` to one request; `url` is absolute or below the FHIR base."""

    async def one() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            address = url if url.startswith(("http", "/")) else f"/fhir/{url}"
            return await client.request(method, address, **options)

    return asyncio.run(one())


def get(app: Any, url: str, **options: Any) -> httpx.Response:
    """The answer to a GET."""
    return call(app, "GET", url, **options)


def entries(bundle: dict[str, Any], mode: str) -> list[str]:
    """``Type/id`` of the entries of a Bundle that are in it as `mode` says."""
    found = [entry for entry in bundle.get("entry", []) if entry["search"]["mode"] == mode]
    return [f"{entry['resource']['resourceType']}/{entry['resource']['id']}" for entry in found]


def link(bundle: dict[str, Any], relation: str) -> str | None:
    """The address of a link of a Bundle, or None."""
    return next((one["url"] for one in bundle["link"] if one["relation"] == relation), None)


def walk_pages(app: Any, first: httpx.Response) -> list[dict[str, Any]]:
    """All pages from `first` on, by the next links."""
    pages = [first.json()]
    while (following := link(pages[-1], "next")) is not None:
        assert len(pages) < 100, "the next links never end"
        answer = get(app, following)
        assert answer.status_code == 200, answer.text
        pages.append(answer.json())
    return pages


def served(resources: list[dict[str, Any]] | None = None, **options: Any) -> Any:
    """A sandbox mounted at the FHIR base, over the probe resources unless others are given."""
    store = ResourceStore(RESOURCES if resources is None else resources)
    return Starlette(routes=[Mount("/fhir", create_sandbox(store, **{"base_url": BASE, **options}))])


def outcome(answer: Any) -> dict[str, Any]:
    """The issue of an answer that must be a valid OperationOutcome with CORS and without what was asked."""
    assert answer.headers["content-type"] == "application/fhir+json"
    assert answer.headers["access-control-allow-origin"]
    OperationOutcome.model_validate(answer.json())
    issue: dict[str, Any] = answer.json()["issue"][0]
    return issue
