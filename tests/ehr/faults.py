"""How the faulty server fails: the faults, and what each makes of the answer that would have been right."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import orjson

Kind = Literal[
    "hang", "drip", "reset", "cut", "huge", "bomb", "endless", "repeating", "duplicate", "status", "malformed",
    "wrong-type", "wrong-patient", "everybodys", "outcome", "redirect",
]  # fmt: skip
OTHER_PATIENT = "somebody-else"
OUTCOME = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "exception", "diagnostics": "planned by a test"}],
}
_MEGABYTE = 1 << 20
_OPENING, _CLOSING = b'{"resourceType":"Bundle","type":"searchset","entry":[', b"]}"
_GZIP_HEADER = b"\x1f\x8b\x08" + bytes(6) + b"\xff"


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to fail.

    Of the transport: `hang` reads the request and never answers; `drip` sends one byte every 50 ms; `reset` resets the
    connection instead of answering; `cut` closes it in the middle of the answer; `huge` sends a Bundle without end;
    `bomb` sends an empty Bundle with `megabytes` of blanks in it, in a small gzip stream.

    Of the content: `status` answers with `status` and `headers`; `redirect` with 302 to `location`; `malformed` sends
    half of the JSON; `wrong-type` a resource of another type; `wrong-patient` the right ones about somebody else;
    `everybodys` those too, beside the right ones, with a link to itself that names no patient; `outcome` an
    OperationOutcome with an error, and status 200. Of the pages: `endless` links to one new empty page after another,
    `repeating` to the same entries under new addresses without end, `duplicate` once.

    With `times` the first so many requests fail, and the others are answered well.
    """

    kind: Kind
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    location: str = "https://elsewhere.example/fhir/Patient"
    megabytes: int = 64
    times: int | None = None


def bent(body: bytes, fault: Fault | None, patients: Iterable[str]) -> bytes:
    """The right answer `body`, spoilt by `fault`; `patients` are the ids that are made somebody else's."""
    match fault.kind if fault else None:
        case "malformed":
            return body[: len(body) // 2]
        case "wrong-type":
            basic = {"resourceType": "Basic", "id": "wrong", "code": {"text": "another type"}}
            bundle = orjson.loads(body).get("resourceType") == "Bundle"
            return orjson.dumps(searchset([{"resource": basic}]) if bundle else basic)
        case "wrong-patient":
            for patient in patients:
                body = body.replace(f'"Patient/{patient}"'.encode(), f'"Patient/{OTHER_PATIENT}"'.encode())
            document = orjson.loads(body)
            if document.get("resourceType") == "Patient":
                document["id"] = OTHER_PATIENT
            return orjson.dumps(document)
        case "everybodys" if orjson.loads(body).get("resourceType") == "Bundle":
            bundle = orjson.loads(body)
            others = orjson.loads(bent(body, Fault("wrong-patient"), patients)).get("entry", [])
            for entry in others:
                entry["resource"]["id"] = f"of-{OTHER_PATIENT}-{entry['resource']['id']}"
            itself = {"relation": "self", "url": "https://ehr.example/fhir/Any?_count=200"}
            return orjson.dumps({**searchset([*bundle.get("entry", []), *others]), "link": [itself]})
    return body


def page(whole: Mapping[str, Any], fault: Fault, number: int, following: str) -> dict[str, Any]:
    """Page `number`, from 0, of the answer `whole` when it is paged wrongly; `following` is a new address."""
    entries = [] if fault.kind == "endless" and number else whole.get("entry", [])
    if fault.kind == "duplicate" and number:
        return searchset(entries) | {"total": whole["total"]}
    return searchset(entries) | {"link": [{"relation": "next", "url": following}]}


def searchset(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """A search answer that does not say how many matches there are."""
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries}


def blanks() -> Iterator[bytes]:
    """A Bundle whose entries never come."""
    yield _OPENING
    while True:
        yield b" " * 65_536


def bomb(megabytes: int) -> Iterator[bytes]:
    """An empty Bundle with `megabytes` of blanks inside: a valid gzip stream of about 1 kB for each.

    After a full flush the compressor remembers nothing, so one compressed megabyte serves for all of them.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    yield _GZIP_HEADER + packer.compress(_OPENING) + packer.flush(zlib.Z_FULL_FLUSH)
    sum_, size = zlib.crc32(_OPENING), len(_OPENING)
    megabyte = b" " * _MEGABYTE
    packed = packer.compress(megabyte) + packer.flush(zlib.Z_FULL_FLUSH)
    for _ in range(megabytes):
        yield packed
        sum_, size = zlib.crc32(megabyte, sum_), size + _MEGABYTE
    sum_, size = zlib.crc32(_CLOSING, sum_), size + len(_CLOSING)
    yield packer.compress(_CLOSING) + packer.flush(zlib.Z_FINISH) + struct.pack("<II", sum_, size & 0xFFFFFFFF)
