"""Saving what was entered at the EHR's FHIR server: each resource created once, and told how that went.

A resource is looked for by its identifier, then created with the same condition (``If-None-Exist``), so that sending
the form again saves nothing twice. One that is refused does not keep the others from being saved. What the server says
in words goes nowhere: only the status is read. All of it together has one end; what an answer would have told is then
not known, which is never told as "not saved".
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal, Protocol

import httpx

from cds_hooks.fhir_writer import Resource

FHIR_JSON = "application/fhir+json"
SECONDS = 8.0
Fate = Literal["saved", "there-already", "refused", "not-sent", "not-known"]
_WHY: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "The sign-in has ended. Sign in again and save once more.",
    HTTPStatus.FORBIDDEN: "Your account, or this application, may not write such records. Copy the note in its place.",
    HTTPStatus.NOT_FOUND: "The record system does not take records of this kind. Copy the note in its place.",
    HTTPStatus.METHOD_NOT_ALLOWED: "The record system does not take records of this kind. Copy the note in its place.",
    HTTPStatus.PRECONDITION_FAILED: "Several records of this fact are there already.",
    HTTPStatus.TOO_MANY_REQUESTS: "The record system asks to wait. Save again in a minute.",
}
_UNCLEAR = frozenset({HTTPStatus.REQUEST_TIMEOUT})  # it may have been kept, as with any 5xx
_REFUSED = "The record system refused it as not fitting its rules. Copy the note in its place."
_NOT_SENT = "The record system could not be reached, or did not answer. Save again: nothing is saved twice."
_NO_TIME = "There was no time left to send it. Save again: nothing is saved twice."
_NOT_KNOWN = "The record system failed, or did not say what became of it. Look in the chart before saving again."


class Writer(Protocol):
    """A client bound to the FHIR base of the patient's record and to the authority of the user (httpx.AsyncClient)."""

    async def request(
        self, method: str, url: str, *, params: Any = None, json: Any = None, headers: Any = None
    ) -> httpx.Response:
        """Send one request; `url` is below the FHIR base."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedOne:
    """What became of one resource: its reference on the page, its `location` on the server, or `why` there is none.

    ``not-sent``: nothing was sent that could have created it. ``not-known``: it was sent, and perhaps saved.
    """

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
        """What to tell the user: how many were saved, and what became of the others, each reason once."""
        new = sum(one.fate == "saved" for one in self.each)
        old = sum(one.fate == "there-already" for one in self.each)
        told = [f"Saved to the record: {new} of {len(self.each)}."]
        if old:
            told.append(f"In the record already: {old}.")
        for why in dict.fromkeys(one.why for one in self.each if one.why):
            these = [one for one in self.each if one.why == why]
            perhaps = any(one.fate == "not-known" for one in these)
            told.append(f"{'Not known whether saved' if perhaps else 'Not saved'}: {len(these)}. {why}")
        return tuple(told)


async def save(resources: Sequence[Resource], *, client: Writer, seconds: float = SECONDS) -> Saved:
    """Create each of `resources` at the server of `client`, unless it is there, all within `seconds`."""
    ends = asyncio.get_running_loop().time() + seconds
    return Saved(tuple([await _save(resource, client, ends) for resource in resources]))


async def _save(resource: Resource, client: Writer, ends: float) -> SavedOne:
    """One resource; `ends` is a time of the event loop."""
    kind = str(resource["resourceType"])
    reference = f"{kind}/{resource['id']}"
    sent = False
    try:
        async with asyncio.timeout_at(ends):
            _require_time(ends)
            found = await _found(resource, kind, client)
            if found:
                return SavedOne(reference=reference, fate="there-already", location=found)
            _require_time(ends)
            sent = True
            return await _create(resource, kind, reference, client)
    except httpx.HTTPError:
        why = _NOT_KNOWN if sent else _NOT_SENT
    except TimeoutError:
        why = _NOT_KNOWN if sent else _NO_TIME
    return SavedOne(reference=reference, fate="not-known" if sent else "not-sent", why=why)


def _require_time(ends: float) -> None:
    """TimeoutError when it is over; by itself a timeout ends only what waits."""
    if asyncio.get_running_loop().time() >= ends:
        raise TimeoutError


async def _found(resource: Resource, kind: str, client: Writer) -> str:
    """The ``Type/id`` of a saved copy. A server that cannot search by identifier may answer anything: look closely."""
    # By patient too: a token for one patient need not allow more, and servers may refuse what could find others.
    wanted = {"patient": str(resource["subject"]["reference"]).removeprefix("Patient/"), "identifier": _token(resource)}
    answer = await client.request("GET", kind, params=wanted, headers={"Accept": FHIR_JSON})
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
    if status < HTTPStatus.MULTIPLE_CHOICES or status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _UNCLEAR:
        return SavedOne(reference=reference, fate="not-known", why=_NOT_KNOWN)
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
