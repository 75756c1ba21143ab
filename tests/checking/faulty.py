"""A small CDS Hooks service without faults, and the faults that other services have, each to be turned on alone.

It needs the medications of a patient, by prefetch or from the client's FHIR server, and says in one card what it read.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import orjson
from starlette.types import Receive, Scope, Send

Answer = dict[str, Any]
Change = Callable[[Answer], Any]
TEMPLATES = {
    "patient": "Patient/{{context.patientId}}",
    "medications": "MedicationRequest?patient={{context.patientId}}",
    "scores": "Observation?patient={{context.patientId}}&category=survey",
}
REASON = {"code": "not-now", "system": "https://small.example/reasons", "display": "Not now"}
NEEDED = {"order-sign": ("userId", "patientId", "draftOrders"), "patient-view": ("userId", "patientId")}


class Refused(Exception):  # noqa: N818 - an answer
    def __init__(self, status: int) -> None:
        self.status = status


def entry(hook: str, **more: Any) -> Answer:
    return {
        "hook": hook,
        "id": f"small-{hook}",
        "title": "Small",
        "description": "Says what was read.",
        "prefetch": dict(TEMPLATES),
        **more,
    }


def card(orders: list[Answer]) -> Answer:
    created = {
        "resourceType": "MedicationRequest",
        "status": "draft",
        "intent": "proposal",
        "subject": {"reference": "Patient/p"},
        "medicationCodeableConcept": {"text": "another"},
    }
    actions = [{"type": "create", "description": "Draft another", "resource": created}]
    suggestions = [{"uuid": str(uuid4()), "label": "Another", "actions": actions}]
    if orders:
        dropped = {"type": "delete", "description": "Drop it", "resourceId": f"MedicationRequest/{orders[0].get('id')}"}
        suggestions.append({"uuid": str(uuid4()), "label": "Without", "actions": [dropped]})
    return {
        "uuid": str(uuid4()),
        "summary": "Medications were read",
        "detail": "- some",
        "indicator": "info",
        "source": {
            "label": "Small",
            "url": "https://small.example/",
            "topic": {"code": "read", "system": "https://small.example/topics"},
        },
        "suggestions": suggestions,
        "selectionBehavior": "at-most-one",
        "overrideReasons": [dict(REASON)],
        "links": [{"label": "More", "url": "https://small.example/more", "type": "absolute"}],
    }


class Small:
    """The service as an ASGI application. `faults` are words used below; `change` spoils every answer of 200."""

    def __init__(
        self,
        *faults: str,
        change: Change = lambda answer: answer,
        discovery: Change = lambda answer: answer,
        verify: Callable[[str, str], bool] | None = None,
    ) -> None:
        self.faults, self.change, self.discovery, self.verify = set(faults), change, discovery, verify
        self.posts = 0
        self.path = "/cds/cds-discovery" if "discovery-elsewhere" in self.faults else "/cds-services"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        status, content, more = await self.answered(method, path, headers, body)
        media = b"text/json" if "media-type" in self.faults else b"application/json"
        written = content if isinstance(content, bytes) else json.dumps(content).encode()
        origin = [(b"access-control-allow-origin", headers["origin"].encode())] if "origin" in headers else []
        if "no-cors-on-errors" in self.faults and status != 200:
            origin = []
        await send(
            {"type": "http.response.start", "status": status, "headers": [(b"content-type", media), *origin, *more]}
        )
        await send({"type": "http.response.body", "body": written})

    async def answered(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, Any, list[tuple[bytes, bytes]]]:
        if method == "OPTIONS":
            if "preflight-login" in self.faults:
                return 401, b"", []
            allowed = [(b"access-control-allow-methods", b"GET, POST")]
            return 200, b"", [*allowed, (b"access-control-allow-headers", b"authorization, content-type")]
        try:
            if method == "GET" and path == self.path:
                return 200, self.discovery({"services": [entry(hook) for hook in NEEDED]}), []
            return 200, await self.posted(method, path, headers, body), []
        except Refused as refused:
            content: Any = {
                "resourceType": "OperationOutcome",
                "issue": [{"severity": "error", "code": "invalid", "diagnostics": "No."}],
            }
            if "stack-trace" in self.faults:
                content = {"error": 'Traceback (most recent call last):\n  File "a.py", line 3'}
            if "echo" in self.faults:
                content = {"error": body.decode("utf-8", "replace")}
            return refused.status, b"" if refused.status == 401 else content, []
        except Exception:
            if "empty-on-failure" in self.faults:
                return 200, {"cards": []}, []
            return 500, {"error": "internal"}, []

    async def posted(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Any:
        path = path.removeprefix("/cds") if "discovery-elsewhere" in self.faults else path
        steps = path.strip("/").split("/")
        if method != "POST":
            raise Refused(405)
        self.posts += 1
        if "throttles" in self.faults and self.posts > 20:
            raise Refused(429)
        if len(steps) < 2 or steps[0] != "cds-services" or steps[1] not in {f"small-{hook}" for hook in NEEDED}:
            raise Refused(404)
        token = headers.get("authorization", "").removeprefix("Bearer ")
        if self.verify is not None and not self.verify(token, path):
            raise Refused(401)
        if len(body) > 1_000_000:
            if "crash-on-large" in self.faults:
                raise MemoryError
            raise Refused(413)
        try:
            request = orjson.loads(body)
        except orjson.JSONDecodeError:
            if "crash-on-junk" in self.faults:
                raise
            if "empty-on-failure" in self.faults:
                return {"cards": []}
            raise Refused(400) from None
        if not isinstance(request, dict):
            raise Refused(400)
        if steps[2:] == ["feedback"]:
            return self.feedback(request)
        return self.change({"cards": await self.cards(request, steps[1].removeprefix("small-"))})

    def feedback(self, request: Answer) -> Any:
        if "no-feedback" in self.faults:
            raise Refused(404)
        if "feedback-crash" in self.faults:
            return [one["overrideReason"]["reason"]["display"] for one in request["feedback"]]
        if not isinstance(request.get("feedback"), list):
            raise Refused(400)
        return {}

    async def cards(self, request: Answer, hook: str) -> list[Answer]:
        context = request.get("context")
        if request.get("hook") != hook and "any-hook" not in self.faults:
            raise Refused(400)
        if not isinstance(context, dict) and "empty-on-failure" in self.faults:
            return []
        if not isinstance(context, dict):
            raise Refused(400)
        needed = ("patientId",) if "any-hook" in self.faults else NEEDED[hook]
        if any(name not in context for name in needed):
            raise Refused(400)
        if not isinstance(request.get("hookInstance"), str) and "hookInstance" in request:
            raise Refused(400)
        self.strictly(request, context)
        patient, medications = await self.data(request, context)
        if patient != context["patientId"] and "mixes-patients" not in self.faults:
            raise Refused(412)
        drafts = context.get("draftOrders")
        entries = drafts.get("entry", []) if isinstance(drafts, dict) else []
        orders = [one["resource"] for one in entries if isinstance(one, dict) and isinstance(one.get("resource"), dict)]
        return [card(orders)] if medications is not None else []

    def strictly(self, request: Answer, context: Answer) -> None:
        """Faults of services that type what they should only look at."""
        known = {"hook", "hookInstance", "context", "prefetch", "fhirServer", "fhirAuthorization", "extension"}
        if "refuses-unknown" in self.faults and request.keys() - known:
            raise Refused(422)
        if "refuses-extension" in self.faults and "extension" in request:
            raise Refused(400)
        if "short-ids" in self.faults:
            for one in context.get("draftOrders", {}).get("entry", []):
                if len(one["resource"].get("id", "")) > 64:
                    raise Refused(422)
        if "strict-fhir" in self.faults:
            for one in context.get("draftOrders", {}).get("entry", []):
                one["resource"]["category"] = [each["coding"] for each in one["resource"].get("category", [])]
        if "clinicians-only" in self.faults and not str(context.get("userId")).startswith("Practitioner"):
            raise Refused(400)
        if "uuid-only" in self.faults and len(str(request.get("hookInstance"))) != 36:
            raise Refused(400)

    async def data(self, request: Answer, context: Answer) -> tuple[str, Any]:
        """The patient's id and what is known of medications; None for nothing, where a fault hides that."""
        sent = request.get("prefetch") or {}
        if "crash-without-prefetch" in self.faults:
            sent = request["prefetch"]
            return sent["patient"]["id"], sent["medications"].get("entry", [])
        if "reads-outcomes" in self.faults:
            return context["patientId"], [
                one["resource"] for one in (sent.get("medications") or {}).get("entry", [])
            ] or None
        person, medications = sent.get("patient"), sent.get("medications", "absent")
        if "crash-on-null" in self.faults and medications is None:
            return context["patientId"], medications["entry"]
        if isinstance(medications, dict):
            if "crash-on-empty" in self.faults and medications["resourceType"] == "Bundle":
                return context["patientId"], medications["entry"][0:]
            if "crash-on-outcome" in self.faults and medications["resourceType"] == "OperationOutcome":
                return context["patientId"], medications["entry"]
            if "silent-when-paged" in self.faults and "next" in str(medications.get("link")):
                return context["patientId"], None
        patient = person.get("id", "") if isinstance(person, dict) and person["resourceType"] == "Patient" else None
        if self.lacks(medications):
            medications = await self.pulled(request, context)
        if medications is None and "medications" in sent and sent["medications"] is None:
            return patient or context["patientId"], []
        if medications is None and "silent-without-data" not in self.faults:
            raise Refused(412)
        return patient or context["patientId"], medications

    @staticmethod
    def lacks(medications: Any) -> bool:
        if medications is None:
            return False
        if not isinstance(medications, dict) or medications.get("resourceType") != "Bundle":
            return True
        if any(one["relation"] == "next" for one in medications.get("link", [])):
            return True
        entries = [one for one in medications.get("entry", []) if isinstance(one, dict)]
        kinds = {(one.get("resource") or {}).get("resourceType") for one in entries}
        return "OperationOutcome" in kinds and medications.get("total") != 0

    async def pulled(self, request: Answer, context: Answer) -> Any:
        """Every page of the medications; None where they cannot be had."""
        server, granted = request.get("fhirServer"), request.get("fhirAuthorization")
        if not isinstance(server, str) or not server.startswith("http://127.0.0.1") or not isinstance(granted, dict):
            return None
        headers = {} if "no-token" in self.faults else {"Authorization": f"Bearer {granted['access_token']}"}
        limit = "" if "everybody" in self.faults else f"?patient={context['patientId']}"
        link: str | None = f"{server}/MedicationRequest{limit}"
        found: list[Any] = []
        away = "follows-anywhere" in self.faults
        async with httpx.AsyncClient(
            headers=headers, timeout=30 if "waits" in self.faults else 5, trust_env=False
        ) as http:
            while link is not None:
                try:
                    answer = await http.get(link)
                    if away and answer.is_redirect:
                        await http.get(answer.headers["location"])
                except httpx.TransportError:
                    return None
                if not answer.is_success:
                    if "crash-on-refusal" in self.faults:
                        answer.raise_for_status()
                    return None
                bundle = answer.json()
                found += bundle.get("entry", [])
                links = [one["url"] for one in bundle.get("link", []) if one["relation"] == "next"]
                if "first-page" in self.faults or not links:
                    return found
                if not links[0].startswith(server) and not away:
                    return None
                link = links[0]
                await asyncio.sleep(0)
        return found
