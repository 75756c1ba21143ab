"""Calls whose envelope is unusual and legal, or faulty: hook, instance, context, authorization, extensions, media."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from cds_hooks.checking.calls import CLINICIAN, Call, context_of
from cds_hooks.checking.cases import Case, case
from cds_hooks.checking.patient import Invented
from cds_hooks.checking.target import JSON

_SHAPES: tuple[Any, ...] = ({"org.example.a": {"deep": [1, {"b": None}]}}, [{"url": "http://example.org/x"}], "text", 7)
_NO_SERVER: dict[str, Any] = {
    "access_token": "check-token",
    "token_type": "Bearer",
    "expires_in": 300,
    "scope": "patient/*.read",
    "subject": "check",
}
_MEDIA = {
    "application/json; charset=utf-8": "a charset",
    "application/fhir+json": "FHIR's media type",
    "text/plain": "text/plain",
}


def envelope_cases(call: Call, patient: Invented) -> Iterator[Case]:
    """All of them for one service."""
    yield from _faulty(call)
    yield from _wrong_hook(call, patient)
    yield from _legal(call)


def _faulty(call: Call) -> Iterator[Case]:
    yield case("hook-missing", "no hook", call.changed(hook=None), "RQ-02", "refuse")
    yield case("hook-number", "a number for hook", call.changed(hook=7), "RQ-02", "refuse")
    yield case("context-missing", "no context", call.changed(context=None), "RQ-08", "refuse")
    yield case("context-list", "a list for context", call.changed(context=[]), "RQ-08", "refuse")
    yield case("context-patient", "no patientId in the context", call.in_context(patientId=None), "RQ-08", "refuse")
    if call.hook.orders:
        absent = call.in_context(**{call.hook.orders: None})
        yield case("context-orders", f"no {call.hook.orders} in the context", absent, "RQ-08", "survive")
    yield case("instance-missing", "no hookInstance", call.changed(hookInstance=None), "RQ-03", "survive")


def _wrong_hook(call: Call, patient: Invented) -> Iterator[Case]:
    """A body for a hook that this service does not have, at its address."""
    mine = {call.service.hook, *call.service.other_hooks}
    for other in ("patient-view", "order-sign", "encounter-start"):
        if other not in mine:
            body = call.changed(hook=other, context=context_of(other, patient))
            yield case(f"hook-wrong-{other}", f"the hook {other} in the body", body, "RQ-02", "refuse")
            break
    yield case("hook-unknown", "a hook that nobody has", call.changed(hook="check-nothing"), "RQ-02", "refuse")


def _legal(call: Call) -> Iterator[Case]:
    for kind in call.hook.users[1:]:
        body = call.in_context(userId=f"{kind}/{CLINICIAN}")
        yield case(f"user-{kind}", f"a user of type {kind}", body, "PV-01", "answer")
    if "encounterId" in call.hook.optional and "encounterId" not in call.context:
        yield case("encounter", "an encounter", call.in_context(encounterId="check-encounter"), "PV-03", "answer")
    for number, shape in enumerate(_SHAPES):
        context = {**call.context, "extension": shape}
        body = call.changed(extension=shape, context=context)
        yield case(f"extension-{number}", f"extension of type {type(shape).__name__}", body, "RQ-10", "answer")
    body = call.changed(check_unknown={"a": [None]}, context={**call.context, "checkUnknown": [1]})
    yield case("unknown-members", "unknown members everywhere", body, "TR-10", "answer")
    yield case("instance-constant", "a hookInstance that is no UUID", call.changed(hookInstance="constant"), "FN-09")
    yield case("instance-again", "the same hookInstance again", call.changed(hookInstance="constant"), "FN-09")
    nobody = orjson.dumps({**call.changed(), "fhirAuthorization": None})
    yield case("authorization-null", "null for fhirAuthorization", nobody, "FA-01", "answer")
    homeless = call.changed(fhirServer=None, fhirAuthorization=_NO_SERVER)
    yield case("authorization-homeless", "fhirAuthorization without fhirServer", homeless, "RQ-05", "survive")
    unread = call.changed(
        fhirServer="https://ehr.invalid/fhir", fhirAuthorization={**_NO_SERVER, "expires_in": "300", "scope": 7}
    )
    yield case("authorization-texts", "texts for numbers in fhirAuthorization", unread, "FA-04")
    for media, said in _MEDIA.items():
        headers = {**JSON, "Content-Type": media}
        yield case(f"media-{said}", f"Content-Type with {said}", call.changed(), "TR-09", "answer", headers=headers)
    headers = {"Accept": "application/json"}
    yield case("media-none", "no Content-Type", call.changed(), "TR-09", "answer", headers=headers)
    yield case("method-get", "GET in place of POST", b"", "RQ-01", "refuse", method="GET")
