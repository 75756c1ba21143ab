"""Behind a proxy's path: what a client and a browser do at the public address works, whether it is stripped or kept."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, RedirectResponse, StreamingResponse
from starlette.routing import Route

from benchmarks.serving_process import Installation
from cds_hooks.commands.recording import prepare_records
from cds_hooks.commands.serving import application
from cds_hooks.commands.surroundings import read_settings
from cds_hooks.path_prefix import PathPrefix, prefix_of
from tests.running.conftest import signing

PUBLIC = "https://hospital.example/trd"
PREFIX = "/trd"


class Proxy(httpx.AsyncBaseTransport):
    """What stands between the public address and the service."""

    def __init__(self, app: Callable[..., object], *, strips: bool) -> None:
        self._inside = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
        self._strips = strips

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass on what is below the path; answer the rest as a server that knows nothing of us."""
        path = request.url.raw_path.decode()
        if not path.startswith(PREFIX + "/"):
            return httpx.Response(404, request=request)
        if self._strips:
            request.url = request.url.copy_with(raw_path=path.removeprefix(PREFIX).encode())
        return await self._inside.handle_async_request(request)


@pytest.fixture
def installed(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    for name, value in {**installation.environment, "TRD_CDS_BASE_URL": PUBLIC}.items():
        if name.startswith("TRD_CDS_"):
            monkeypatch.setenv(name, value)
    prepare_records(read_settings())
    yield installation


@asynccontextmanager
async def public(strips: bool) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=Proxy(application(), strips=strips), base_url=PUBLIC) as client:
        yield client


@pytest.mark.parametrize("strips", [True, False], ids=["stripped", "kept"])
def test_everything_works_at_the_public_address(strips: bool, installed: Installation) -> None:
    request = signing()  # made by a loop of its own

    async def run() -> None:
        async with public(strips) as client:
            services = (await client.get("/cds-services")).json()["services"]
            assert all(f"{PUBLIC}/intended-use" in one["usageRequirements"] for one in services)
            endpoint = f"{PUBLIC}/cds-services/{services[1]['id']}"

            async def post(address: str, body: dict[str, object], audience: str) -> httpx.Response:
                headers = {"Authorization": f"Bearer {installed.token(audience)}"}
                return await client.post(address, json=body, headers=headers)

            answer = await post(endpoint, request, endpoint)
            assert answer.status_code == 200
            card = answer.json()["cards"][0]
            links = [link["url"] for link in card.get("links", [])] + [card["source"]["url"]]
            ours = [link for link in links if "hospital.example" in link]
            assert ours
            for link in ours:
                assert (await client.get(link)).status_code == 200, link
            item = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": "2026-11-22T10:00:00Z"}
            told = await post(f"{endpoint}/feedback", {"feedback": [item]}, f"{endpoint}/feedback")
            assert told.status_code == 200
            inside = "https://127.0.0.1:8000/cds-services/trd-order-sign"
            assert (await post(endpoint, request, inside)).status_code == 401, "tokens are for the public address"
            for address in ("/health", "/health/live", "/health/ready"):
                assert (await client.get(address)).status_code == 200
            assert (await client.get("/elsewhere")).status_code == 404

            page = await client.get("/intended-use")
            assert int(page.headers["content-length"]) == len(page.content)
            written = re.findall(r'(?:href|src)="(/[^"]*)"', page.text)
            assert any(address.startswith(f"{PREFIX}/static/") for address in written)
            for address in written:
                assert (await client.get(f"https://hospital.example{address}")).status_code == 200, address

    asyncio.run(run())


def test_a_machine_beside_it_needs_no_path(installed: Installation) -> None:
    async def run() -> int:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=application()), base_url="http://127.0.0.1:8000"
        ) as client:
            return (await client.get("/health/live")).status_code

    assert asyncio.run(run()) == 200


@pytest.mark.parametrize(
    ("base", "prefix"),
    [("https://h.example", ""), ("https://h.example/", ""), ("https://h.example/a/b", "/a/b")],
)
def test_the_path_is_that_of_the_public_address(base: str, prefix: str) -> None:
    assert prefix_of(base) == prefix


def test_a_page_in_pieces_and_redirects_are_put_below_the_path() -> None:
    elsewhere = '<a href="//other.example/d"></a><a href="https://e.example/f"></a>'
    text = f'<a href="/a">/b</a><form action="/c"></form>{elsewhere}'

    async def pieces() -> AsyncIterator[str]:
        for start in range(0, len(text), 7):
            yield text[start : start + 7]

    async def streamed(_: object) -> StreamingResponse:
        return StreamingResponse(pieces(), media_type="text/html")

    async def page(_: object) -> HTMLResponse:
        return HTMLResponse(text)

    async def moved(request: object) -> RedirectResponse:
        return RedirectResponse("/page", status_code=303)

    async def away(request: object) -> RedirectResponse:
        return RedirectResponse("//other.example/page", status_code=303)

    routes = [Route("/streamed", streamed), Route("/page", page), Route("/moved", moved), Route("/away", away)]
    app = PathPrefix(Starlette(routes=routes), PREFIX)
    expected = text.replace('href="/a"', 'href="/trd/a"').replace('action="/c"', 'action="/trd/c"')

    async def run() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://inside") as client:
            assert (await client.get("/trd/streamed")).text == expected
            assert (await client.get("/page")).text == expected
            head = await client.head("/trd/page")
            assert head.content == b""
            assert (await client.get("/trd/moved")).headers["location"] == "/trd/page"
            assert (await client.get("/away")).headers["location"] == "//other.example/page"
            assert (await client.get("/trdpage")).status_code == 404, "another word is not the path"

    asyncio.run(run())
