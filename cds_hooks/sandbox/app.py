"""The sandbox as an ASGI application: FHIR R4 read, search, compartment and ``$everything``, to be mounted
anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cds_hooks.sandbox import bundles, compartment, paging, writing
from cds_hooks.sandbox.capability import capability_statement
from cds_hooks.sandbox.criteria import Place
from cds_hooks.sandbox.faults import (
    Deleted,
    InvalidRequest,
    NotAllowed,
    NotHere,
    SandboxFault,
    UnknownParameter,
    WrongMedia,
)
from cds_hooks.sandbox.parameters import SEARCHABLE
from cds_hooks.sandbox.protocol import FhirProtocol, answer, answer_fault, is_json, media_type, read_body
from cds_hooks.sandbox.query import is_strict, read_query
from cds_hooks.sandbox.search import search
from cds_hooks.sandbox.store import Held, ResourceStore

Pairs = list[tuple[str, str]]


def create_sandbox(
    store: ResourceStore,
    *,
    base_url: str | Callable[[], str],
    token: str | None = None,
    page_size: int = 50,
    writable: bool = False,
) -> Starlette:
    """A FHIR R4 server over `store`, an ASGI application to mount at the path that `base_url` ends in.

    `base_url` is the address clients see (``http://127.0.0.1:8000/fhir``), or a callable that knows it by the
    time of the first call. `token` is a bearer token that every call but ``metadata`` must bring. `page_size`
    is the number of matches on a page when the client names none. `writable` opens create, update, delete,
    batch and transaction. Raises ValueError for a page size below one.
    """
    if page_size < 1:
        raise ValueError("a page holds at least one resource")
    sandbox = _Sandbox(store, base_url, page_size=page_size, writable=writable, guarded=token is not None)
    app = Starlette(
        routes=[
            Route("/metadata", sandbox.metadata, methods=["GET"]),
            Route("/", sandbox.bundle, methods=["POST"]),
            Route("/{kind}/_search", sandbox.search_by_form, methods=["POST"]),
            Route("/Patient/{id}/$everything", sandbox.everything, methods=["GET"]),
            Route("/Patient/{id}/{kind}", sandbox.search_compartment, methods=["GET"]),
            Route("/{kind}/{id}", sandbox.read, methods=["GET"]),
            Route("/{kind}/{id}", sandbox.update, methods=["PUT"]),
            Route("/{kind}/{id}", sandbox.delete, methods=["DELETE"]),
            Route("/{kind}", sandbox.search, methods=["GET"]),
            Route("/{kind}", sandbox.create, methods=["POST"]),
        ],
        middleware=[Middleware(FhirProtocol, token=token)],
        exception_handlers={HTTPException: _answer_routing, SandboxFault: _answer_fault},
    )
    app.router.redirect_slashes = False
    return app


class _Sandbox:
    """The routes over one store."""

    def __init__(
        self,
        store: ResourceStore,
        base_url: str | Callable[[], str],
        *,
        page_size: int,
        writable: bool,
        guarded: bool,
    ) -> None:
        self._store = store
        self._base_url = base_url
        self._page_size = page_size
        self._writable = writable
        self._guarded = guarded

    @property
    def _base(self) -> str:
        return (self._base_url() if callable(self._base_url) else self._base_url).rstrip("/")

    async def metadata(self, request: Request) -> Response:
        statement = capability_statement(self._store, base=self._base, writable=self._writable, guarded=self._guarded)
        return answer(statement, request)

    async def read(self, request: Request) -> Response:
        held = self._held(request.path_params["kind"], request.path_params["id"])
        return answer(orjson.Fragment(held.encoded), request, headers=_version(held))

    async def search(self, request: Request) -> Response:
        kind = request.path_params["kind"]
        return self._search(request, kind, _pairs(request), path=kind)

    async def search_by_form(self, request: Request) -> Response:
        kind = request.path_params["kind"]
        body = await read_body(request)
        if body and media_type(request.headers) != "application/x-www-form-urlencoded":
            raise WrongMedia("A search by POST has a body of type application/x-www-form-urlencoded.")
        return self._search(request, kind, _pairs(request) + _decoded(body), path=kind)

    async def search_compartment(self, request: Request) -> Response:
        kind, patient = request.path_params["kind"], request.path_params["id"]
        path = f"Patient/{patient}/{kind}"
        if "patient" not in SEARCHABLE.get(kind, {}):
            raise NotHere("No such type belongs to a patient here.", code="not-supported")
        self._held("Patient", patient)
        return self._search(request, kind, _pairs(request), path=path, patient=patient)

    async def everything(self, request: Request) -> Response:
        place = Place(self._store, self._base)
        owned = compartment.owned_by(self._held("Patient", request.path_params["id"]), place)
        used: Pairs = []
        count, offset = self._page_size, 0
        for name, value in _pairs(request):
            if name == "_count" and value:
                count = max(1, paging.read_count(value))
            elif name == "_type" and value:
                owned = [held for held in owned if held.kind in value.split(",")]
            elif name == "_page":
                offset = paging.read_offset(value)
                continue
            elif name in ("_format", "_pretty"):
                continue
            elif is_strict(request.headers):
                raise UnknownParameter("Of the parameters of $everything, _count and _type are offered.")
            else:
                continue
            used.append((name, value))
        address = f"{self._base}/Patient/{request.path_params['id']}/$everything"
        page = owned[offset : offset + count]
        links = paging.links(address, tuple(used), offset=offset, count=count, total=len(owned))
        others = compartment.referred_to(page, place)
        return answer(bundles.everything(page, others, base=self._base, total=len(owned), links=links), request)

    async def bundle(self, request: Request) -> Response:
        self._need_writable("OPTIONS")
        return answer(writing.process(self._store, await _json(request), self._base), request)

    async def create(self, request: Request) -> Response:
        kind = request.path_params["kind"]
        self._need_writable("GET, HEAD, OPTIONS")
        body = await _json(request)
        resource_id = self._store.fresh_id(kind)
        named = {**body, "id": resource_id} if isinstance(body, dict) else body
        return self._put(request, kind, resource_id, named)

    async def update(self, request: Request) -> Response:
        self._need_writable("GET, HEAD, OPTIONS")
        return self._put(request, request.path_params["kind"], request.path_params["id"], await _json(request))

    async def delete(self, request: Request) -> Response:
        self._need_writable("GET, HEAD, OPTIONS")
        self._store.remove(request.path_params["kind"], request.path_params["id"])
        return Response(status_code=204)

    def _put(self, request: Request, kind: str, resource_id: str, body: Any) -> Response:
        created = self._store.put(writing.checked(body, kind, resource_id))
        held = self._held(kind, resource_id)
        headers = _version(held) | {"Location": f"{self._base}/{kind}/{resource_id}"}
        return answer(orjson.Fragment(held.encoded), request, status=201 if created else 200, headers=headers)

    def _search(self, request: Request, kind: str, pairs: Pairs, *, path: str, patient: str | None = None) -> Response:
        if kind not in SEARCHABLE:
            raise NotHere(
                "No resources of such a type can be searched here; /metadata lists those that can.",
                code="not-supported",
            )
        place = Place(self._store, self._base)
        query = read_query(kind, pairs, place, strict=is_strict(request.headers), page_size=self._page_size)
        if patient is not None:
            query = query.within_patient(patient, place)
        return answer(bundles.searchset(search(query, place), query, base=self._base, path=path), request)

    def _held(self, kind: str, resource_id: str) -> Held:
        held = self._store.find(kind, resource_id)
        if held is not None:
            return held
        if self._store.was_deleted(kind, resource_id):
            raise Deleted("The resource that was at this address has been deleted.")
        raise NotHere("There is no resource of this type and id.")

    def _need_writable(self, allowed: str) -> None:
        if not self._writable:
            raise NotAllowed(allowed, "This sandbox is read-only.")


def _pairs(request: Request) -> Pairs:
    return list(request.query_params.multi_items())


def _decoded(body: bytes) -> Pairs:
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, errors="strict")
    except ValueError:
        raise InvalidRequest("The form cannot be decoded: it must be UTF-8, URL-encoded.", code="structure") from None


async def _json(request: Request) -> Any:
    if not is_json(media_type(request.headers)):
        raise WrongMedia("Only JSON is read: send application/fhir+json.")
    try:
        return orjson.loads(await read_body(request))
    except orjson.JSONDecodeError:
        raise InvalidRequest("The body is not JSON.", code="structure") from None


def _version(held: Held) -> dict[str, str]:
    meta = held.document.get("meta")
    version = meta.get("versionId") if isinstance(meta, dict) else None
    return {"ETag": f'W/"{version}"'} if isinstance(version, str) and version.isalnum() else {}


async def _answer_fault(request: Request, fault: Exception) -> Response:
    return answer_fault(fault if isinstance(fault, SandboxFault) else SandboxFault("The sandbox failed."))


async def _answer_routing(request: Request, error: Exception) -> Response:
    """What the router itself refuses: an address that does not exist, or a method it does not answer."""
    if isinstance(error, HTTPException) and error.status_code == 405:
        return answer_fault(NotAllowed((error.headers or {}).get("Allow", "")))
    return answer_fault(NotHere("Nothing is served at this address; /metadata lists what is."))
