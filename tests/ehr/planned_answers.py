"""What a failing FHIR server answers, over whatever transport: the embedded sandbox's answer, spoilt as planned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx
import orjson

from cds_hooks.fhir_writer import Resource
from cds_hooks.sandbox import ResourceStore, create_sandbox
from tests.ehr import faults
from tests.ehr.faults import OUTCOME, Fault

_PASSED_ON = ("accept", "content-type")
_PAGE = "planned-page"


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it was read: method, target as sent, headers by lower-case name, body."""

    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def kind(self) -> str:
        """The resource type asked for, or ``metadata``; empty outside the base."""
        path = urlsplit(self.target).path
        return path.removeprefix("/fhir/").split("/", 1)[0] if path.startswith("/fhir/") else ""


class PlannedAnswers:
    """Answers from `resources`, and what goes wrong: `plan`, by the name that `named` gives a request.

    `base` tells the address that links are made with; it is asked with every answer.
    """

    def __init__(
        self,
        resources: Iterable[Resource],
        plan: Mapping[str, Fault] | None = None,
        *,
        base: Callable[[], str],
        page_size: int = 50,
        named: Callable[[Seen], str] = lambda seen: seen.kind,
    ) -> None:
        self.plan = dict(plan or {})
        self._base = base
        self._named = named
        self._failed: dict[str, int] = {}
        store = ResourceStore(resources)
        self._patients = [held.id for held in store.of_kind("Patient")]
        app = create_sandbox(store, base_url=base, page_size=page_size)
        self._sandbox = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://sandbox")

    async def aclose(self) -> None:
        """Call at the end."""
        await self._sandbox.aclose()

    def due(self, seen: Seen) -> Fault | None:
        """The fault that `seen` meets. Call once for each request: faults may be counted."""
        name = self._named(seen)
        fault = self.plan.get(name)
        if fault is None:
            return None
        failed = self._failed[name] = self._failed.get(name, 0) + 1
        return None if fault.times is not None and failed > fault.times else fault

    async def content(self, seen: Seen, fault: Fault | None) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of an answer that is sent whole; a fault of the transport spoils none of them."""
        address = httpx.URL(seen.target.removeprefix("/fhir"))
        match fault:
            case Fault(kind="status"):
                return fault.status, fault.headers, orjson.dumps(OUTCOME)
            case Fault(kind="redirect"):
                return HTTPStatus.FOUND, {"Location": fault.location}, b""
            case Fault(kind="outcome"):
                return HTTPStatus.OK, {}, orjson.dumps(OUTCOME)
            case Fault(kind="endless" | "repeating" | "duplicate") if "/" not in str(address.path).strip("/"):
                number = int(address.params.get(_PAGE, "0"))
                plain = address.copy_remove_param(_PAGE)
                status, whole = await self._right(seen, plain.copy_merge_params({"_count": "1000"}))
                following = f"{self._base()}{plain.copy_merge_params({_PAGE: str(number + 1)})}"
                return status, {}, orjson.dumps(faults.page(orjson.loads(whole), fault, number, following))
        status, body = await self._right(seen, address)
        return status, {}, faults.bent(body, fault, self._patients)

    async def _right(self, seen: Seen, address: httpx.URL) -> tuple[int, bytes]:
        """Status and body of the sandbox's answer."""
        headers = {name: value for name, value in seen.headers.items() if name in _PASSED_ON}
        answer = await self._sandbox.request(seen.method, address, content=seen.body, headers=headers)
        return answer.status_code, answer.content
