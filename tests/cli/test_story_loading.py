"""`trd-cds stories load` with a token, without transactions, and past servers that send it elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import respx

from cds_hooks.clock import SystemClock
from cds_hooks.commands import story_loading
from cds_hooks.stories import load_stories
from mappings.load import load
from tests.cli.conftest import START, Spoken
from tests.planted import ACCESS_TOKEN

BASE = "https://ehr.example/fhir"
Load = Callable[..., Spoken]


class Ehr:
    """A server that says yes to everything, unless `instead` holds another answer for a method and address."""

    def __init__(self, router: respx.MockRouter) -> None:
        self.instead: dict[tuple[str, str], httpx.Response | Exception] = {}
        self.calls = router.calls
        for base in (BASE, "http://localhost:8080/fhir"):  # whatever else is asked for fails the test
            router.route(url__startswith=base).mock(side_effect=self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        planned = self.instead.get((request.method, str(request.url)), self.instead.get((request.method, "")))
        if isinstance(planned, Exception):
            raise planned
        return planned or httpx.Response(200, json={})


@pytest.fixture
def ehr() -> Iterator[Ehr]:
    with respx.mock(assert_all_called=False) as router:
        yield Ehr(router)


def _to(status: int, location: str) -> httpx.Response:
    return httpx.Response(status, headers={"Location": location})


@pytest.fixture
def token(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(f"{ACCESS_TOKEN}\n", encoding="ascii")
    return file


def test_one_transaction_for_each_patient(ehr: Ehr, trd: Load) -> None:
    spoken = trd("stories", "load", BASE)
    stories = load_stories(START, load())
    assert (spoken.status, spoken.out.split(",")[0]) == (0, f"{len(stories)} patients"), spoken.err
    assert [call.request.method for call in ehr.calls] == ["GET", *["POST"] * len(stories)]
    assert not any("authorization" in call.request.headers for call in ehr.calls)


def test_each_resource_comes_after_those_it_refers_to(ehr: Ehr, trd: Load) -> None:
    spoken = trd("stories", "load", BASE, "--each")
    assert spoken.status == 0, spoken.err
    held: set[str] = set()
    puts = [call.request for call in ehr.calls if call.request.method == "PUT"]
    names = {request.url.path.removeprefix("/fhir/") for request in puts}
    for request in puts:
        references = set(story_loading._references(json.loads(request.content))) & names
        assert references <= held
        held.add(request.url.path.removeprefix("/fhir/"))
    # Which visits fall together depends on the day.
    stories = load_stories(SystemClock().today("UTC"), load())
    expected = {f"{one['resourceType']}/{one['id']}" for story in stories for one in story.resources}
    assert held == expected
    assert len(puts) == len(expected)
    assert spoken.out.endswith(f" {len(expected)} resources on {BASE}\n")


@pytest.mark.parametrize("more", [(), ("--each",)])
def test_the_token_goes_with_every_request_and_into_no_output(
    more: tuple[str, ...], ehr: Ehr, trd: Load, token: Path
) -> None:
    spoken = trd("stories", "load", BASE, "--token-file", token, *more)
    assert spoken.status == 0
    assert {call.request.headers["authorization"] for call in ehr.calls} == {f"Bearer {ACCESS_TOKEN}"}
    assert ACCESS_TOKEN not in spoken.out + spoken.err


def test_a_token_needs_https_or_this_machine(ehr: Ehr, trd: Load, token: Path) -> None:
    spoken = trd("stories", "load", "http://ehr.example/fhir", "--token-file", token)
    assert (spoken.status, len(ehr.calls)) == (2, 0)
    assert "https://" in spoken.err
    assert trd("stories", "load", "http://localhost:8080/fhir", "--token-file", token).status == 0


@pytest.mark.parametrize("content", [b"", b"two words", b"line\nline", "tökén".encode(), None])
def test_a_file_without_one_token_is_refused(content: bytes | None, ehr: Ehr, trd: Load, token: Path) -> None:
    token.unlink() if content is None else token.write_bytes(content)
    spoken = trd("stories", "load", BASE, "--token-file", token)
    assert (spoken.status, len(ehr.calls)) == (2, 0)
    assert "--token-file" in spoken.err
    assert "words" not in spoken.err


@pytest.mark.parametrize(
    "location",
    ["https://elsewhere.example/fhir", "http://ehr.example/fhir/metadata", "https://ehr.example:8443/fhir/metadata"],
)
def test_nothing_is_sent_to_another_origin(location: str, ehr: Ehr, trd: Load, token: Path) -> None:
    ehr.instead["GET", f"{BASE}/metadata"] = _to(307, location)
    spoken = trd("stories", "load", BASE, "--token-file", token)
    assert (spoken.status, len(ehr.calls)) == (2, 1)
    assert "redirects elsewhere (307)" in spoken.err
    assert location not in spoken.err


def test_a_redirect_inside_the_origin_keeps_the_body_or_ends_the_loading(ehr: Ehr, trd: Load) -> None:
    ehr.instead["POST", BASE] = _to(307, f"{BASE}/")
    assert trd("stories", "load", BASE).status == 0
    sent = [call.request for call in ehr.calls if call.request.method == "POST"]
    assert {request.url.path for request in sent} == {"/fhir", "/fhir/"}
    assert all(json.loads(request.content)["type"] == "transaction" for request in sent)
    # A browser would go on with GET and lose the patient.
    ehr.instead["POST", BASE] = _to(302, f"{BASE}/")
    assert "redirects elsewhere (302)" in trd("stories", "load", BASE).err


def test_redirects_in_a_circle_end(ehr: Ehr, trd: Load) -> None:
    ehr.instead["GET", f"{BASE}/metadata"] = _to(308, f"{BASE}/metadata")
    spoken = trd("stories", "load", BASE)
    assert (spoken.status, len(ehr.calls)) == (2, 4)


@pytest.mark.parametrize("status", [401, 403])
def test_a_login_is_told_at_once_with_the_remedy(status: int, ehr: Ehr, trd: Load) -> None:
    ehr.instead["GET", f"{BASE}/metadata"] = httpx.Response(status)
    spoken = trd("stories", "load", BASE)
    assert (spoken.status, len(ehr.calls)) == (2, 1)
    assert "--token-file" in spoken.err


@pytest.mark.parametrize(
    ("more", "method", "remedy"), [((), "POST", "--each"), (("--each",), "PUT", "client-assigned ids")]
)
def test_a_refusal_is_told_by_its_status(more: tuple[str, ...], method: str, remedy: str, ehr: Ehr, trd: Load) -> None:
    ehr.instead[method, ""] = httpx.Response(422, text="the server's own words")
    spoken = trd("stories", "load", BASE, *more)
    assert spoken.status == 2
    assert "status 422" in spoken.err
    assert remedy in spoken.err
    assert "own words" not in spoken.err


def test_a_server_that_goes_away_is_told(ehr: Ehr, trd: Load) -> None:
    ehr.instead["POST", BASE] = httpx.ReadError("gone")
    spoken = trd("stories", "load", BASE)
    assert spoken.status == 2
    assert "run it again" in spoken.err


def test_a_password_in_the_address_is_refused(ehr: Ehr, trd: Load) -> None:
    spoken = trd("stories", "load", "https://user:secret@ehr.example/fhir")
    assert (spoken.status, len(ehr.calls)) == (2, 0)
    assert "secret" not in spoken.err
