"""Saving what was entered at the EHR's FHIR server: each resource created once, and told how that went.

A resource is looked for by its identifier, then created with the same condition (``If-None-Exist``), so that sending
the form again saves nothing twice. One that is refused does not keep the others from being saved. What the server says
in words goes nowhere: only the status is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal, Protocol

import httpx

from cds_hooks.fhir_writer import Resource

FHIR_JSON = "application/fhir+json"
Fate = Literal["saved", "there-already", "refused", "not-known"]
_WHY: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "The sign-in has ended. Sign in again and save once more.",
    HTTPStatus.FORBIDDEN: "Your account, or this application, may not write such records. Copy the note in its place.",
    HTTPStatus.NOT_FOUND: "The record system does not take records of this kind. Copy the note in its place.",
    HTTPStatus.METHOD_NOT_ALLOWED: "The record system does not take records of this kind. Copy the note in its place.",
    HTTPStatus.PRECONDITION_FAILED: "Several records of this fact are there already.",
    HTTPStatus.TOO_MANY_REQUESTS: "The record system asks to wait. Save again in a minute.",
}
_REFUSED = "The record system refused it as not fitting its rules. Copy the note in its place."
_FAILED = "The record system failed. Save again: nothing is saved twice."
_UNREACHED = "The record system could not be reached, or did not answer. Save again: nothing is saved twice."


class Writer(Protocol):
    """A client bound to the FHIR base of the patient's record and to the authority of the user (httpx.AsyncClient)."""

    async def request(
        self, method: str, url: str, *, params: Any = None, json: Any = None, headers: Any = None
    ) -> httpx.Response:
        """Send one request; `url` is below the FHIR base."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedOne:
    """What became of one resource: its reference on the page, its `location` on the server, or `why` there is none."""

    reference: str
    fate: Fate
    location: str = ""
    why: str = ""

    @property
    def is_there(self) -> bool:
        """Whether the record holds it now."""
        return self.fate in ("saved", "there-already")


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of each resource, in order."""

    each: tuple[SavedOne, ...]

    @property
    def is_whole(self) -> bool:
        """Whether everything is in the record."""
        return all(one.is_there for one in self.each)

    def sentences(self) -> tuple[str, ...]:
        """What to tell the user: how many were saved, and why others were not, each reason once."""
        new = sum(one.fate == "saved" for one in self.each)
        old = sum(one.fate == "there-already" for one in self.each)
        told = [f"Saved to the record: {new} of {len(self.each)}."]
        if old:
            told.append(f"In the record already: {old}.")
        whys = dict.fromkeys(one.why for one in self.each if one.why)
        told += [f"Not saved: {sum(one.why == why for one in self.each)}. {why}" for why in whys]
        return tuple(told)


async def save(resources: Sequence[Resource], *, client: Writer) -> Saved:
    """Create each of `resources` at the server of `client`, unless it is there."""
    return Saved(tuple([await _save(resource, client) for resource in resources]))


async def _save(resource: Resource, client: Writer) -> SavedOne:
    kind = str(resource["resourceType"])
    reference = f"{kind}/{resource['id']}"
    try:
        found = await _found(resource, kind, client)
        if found:
            return SavedOne(reference=reference, fate="there-already", location=found)
        return await _create(resource, kind, reference, client)
    except httpx.HTTPError:
        return SavedOne(reference=reference, fate="not-known", why=_UNREACHED)


async def _found(resource: Resource, kind: str, client: Writer) -> str:
    """The ``Type/id`` of a saved copy. A server that cannot search by identifier may answer anything: look closely."""
    answer = await client.request("GET", kind, params={"identifier": _token(resource)}, headers={"Accept": FHIR_JSON})
    if answer.status_code != HTTPStatus.OK:
        return ""
    for entry in _objects(_json(answer).get("entry")):
        held = entry.get("resource")
        if not isinstance(held, dict) or held.get("resourceType") != kind or not isinstance(held.get("id"), str):
            continue
        if resource["identifier"][0] in _objects(held.get("identifier")):
            return f"{kind}/{held['id']}"
    return ""


async def _create(resource: Resource, kind: str, reference: str, client: Writer) -> SavedOne:
    body = {name: value for name, value in resource.items() if name != "id"}
    headers = {"Accept": FHIR_JSON, "Content-Type": FHIR_JSON, "If-None-Exist": f"identifier={_token(resource)}"}
    answer = await client.request("POST", kind, json=body, headers=headers)
    status = answer.status_code
    if status in (HTTPStatus.OK, HTTPStatus.CREATED):
        fate: Fate = "saved" if status == HTTPStatus.CREATED else "there-already"
        return SavedOne(reference=reference, fate=fate, location=_location(answer, kind))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return SavedOne(reference=reference, fate="not-known", why=_FAILED)
    return SavedOne(reference=reference, fate="refused", why=_WHY.get(status, _REFUSED))


def _token(resource: Resource) -> str:
    identifier = resource["identifier"][0]
    return f"{identifier['system']}|{identifier['value']}"


def _location(answer: httpx.Response, kind: str) -> str:
    """``Type/id`` from the Location header, else from the body; empty when the server says neither."""
    parts = answer.headers.get("Location", "").split("/_history/")[0].rstrip("/").split("/")
    if len(parts) > 1 and parts[-2] == kind:
        return f"{kind}/{parts[-1]}"
    made = _json(answer).get("id")
    return f"{kind}/{made}" if isinstance(made, str) else ""


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        read = answer.json()
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _objects(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
