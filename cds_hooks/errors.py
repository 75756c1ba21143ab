"""What can go wrong in a call, and the one place where each fault gets its HTTP status and body.

    HookFault                       status  meaning
    ├─ BadRequest                   400     body unreadable, or something required is missing or misshapen
    │  └─ WrongHook                 400     the body's hook is not the one this service answers
    ├─ NotAuthenticated             401     any authentication fault; no reason is given, no body
    ├─ UnknownService               404     no service has this id
    ├─ WrongMethod                  405
    ├─ Unprocessable                412     the data cannot be used or had
    │  ├─ PatientMismatch           412     data of another patient came along
    │  └─ EssentialDataMissing      412     patient or medication history unobtainable by both routes
    ├─ BodyTooLarge                 413
    ├─ TooManyCalls                 429     the client is over its calls a minute; says when to come back
    ├─ TooBusy                      503     more calls than can be answered while a clinician waits
    │  └─ Overloaded                503     the same, told before the call was looked at
    ├─ RecordsUnavailable           503     the database does not answer
    └─ OwnFault                     500     ours; carries a correlation id, never an empty card list

Every body but that of 401 is a FHIR OperationOutcome that says what is wrong, where, and how to mend it. None
repeats anything received: texts are constants, places are field names of the protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import orjson
from starlette.responses import Response


class HookFault(Exception):  # noqa: N818 - a fault of the client is not our error
    """Base of all faults with an answer. `what` and `remedy` are full sentences without patient data.

    `where` is a FHIRPath-like place in the request (``context.draftOrders``), empty when there is none.
    """

    status: ClassVar[int] = 500
    issue_code: ClassVar[str] = "exception"

    def __init__(self, what: str, remedy: str = "", *, where: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.where = where

    @property
    def headers(self) -> Mapping[str, str]:
        """Extra response headers."""
        return {}


class BadRequest(HookFault):
    """The body cannot be read, or something required is missing or misshapen."""

    status = 400
    issue_code = "structure"


class WrongHook(BadRequest):
    """The hook named in the body is not the one this service answers."""

    issue_code = "not-supported"


class NotAuthenticated(HookFault):
    """The client did not prove who it is. The answer never says which check failed.

    `check` is a word of ours for the check that did, for the operator's log only.
    """

    status = 401
    issue_code = "login"

    def __init__(self, check: str = "") -> None:
        super().__init__("The client is not authenticated.")
        self.check = check

    @property
    def headers(self) -> Mapping[str, str]:
        """The challenge that RFC 6750 asks for, without a reason."""
        return {"WWW-Authenticate": "Bearer"}


class UnknownService(HookFault):
    """No service has this id, or no page this address."""

    status = 404
    issue_code = "not-found"


class WrongMethod(HookFault):
    """The address exists, the method does not."""

    status = 405
    issue_code = "not-supported"

    def __init__(self, allowed: str) -> None:
        super().__init__(
            "This address does not answer the method used.",
            "Services and feedback take POST; discovery takes GET.",
        )
        self.allowed = allowed

    @property
    def headers(self) -> Mapping[str, str]:
        """The methods this address answers, where known."""
        return {"Allow": self.allowed} if self.allowed else {}


class Unprocessable(HookFault):
    """The request is well formed, but its data cannot be used or had."""

    status = 412
    issue_code = "processing"


class PatientMismatch(Unprocessable):
    """Data of another patient came along: nothing is computed, so that no two patients are ever mixed."""

    issue_code = "conflict"


class EssentialDataMissing(Unprocessable):
    """The patient or the medication history is unobtainable by prefetch and by FHIR access."""

    issue_code = "incomplete"


class BodyTooLarge(HookFault):
    """The body exceeds the configured size."""

    status = 413
    issue_code = "too-long"


class TooManyCalls(HookFault):
    """The client calls more often than its registry entry allows; `seconds` from now it may call again."""

    status = 429
    issue_code = "throttled"

    def __init__(self, seconds: int) -> None:
        super().__init__(
            "The client calls more often than agreed. This is not a statement about the patient.",
            "Wait as Retry-After says, and ask the operator for a higher limit if this comes back.",
        )
        self.seconds = seconds

    @property
    def headers(self) -> Mapping[str, str]:
        """When to come back, in seconds."""
        return {"Retry-After": str(self.seconds)}


class TooBusy(HookFault):
    """More calls wait to read from a FHIR server than can be answered while a clinician waits; `seconds` from now there
    may be room.
    """

    status = 503
    issue_code = "transient"

    def __init__(self, seconds: int = 2) -> None:
        super().__init__(
            "The service is busy and gives no advice on this call. This is not a statement about the patient.",
            "Try again as Retry-After says; if this comes back, ask the operator for more workers.",
        )
        self.seconds = seconds

    @property
    def headers(self) -> Mapping[str, str]:
        """When to come back, in seconds."""
        return {"Retry-After": str(self.seconds)}


class Overloaded(TooBusy):
    """More calls have come than this process can answer in time: this one is refused before it is looked at."""


class RecordsUnavailable(HookFault):
    """The database does not answer: used tokens cannot be told, and nothing could be acknowledged for good."""

    status = 503
    issue_code = "transient"

    def __init__(self) -> None:
        super().__init__(
            "The service cannot keep its records at the moment, and gives no advice without them. "
            "This is not a statement about the patient.",
            "Try again shortly; feedback that was not acknowledged should be sent again.",
        )

    @property
    def headers(self) -> Mapping[str, str]:
        """When to come back, in seconds."""
        return {"Retry-After": "5"}


class OwnFault(HookFault):
    """Our own fault. `correlation_id` finds the log line; it is random and says nothing about the patient."""

    def __init__(self, correlation_id: str) -> None:
        super().__init__(
            "The service failed while working on this call. This is not a statement about the patient.",
            f"Report correlation id {correlation_id} to the operator of this service.",
        )
        self.correlation_id = correlation_id


def operation_outcome(fault: HookFault) -> dict[str, Any]:
    """The FHIR R4 OperationOutcome that describes `fault`."""
    text = " ".join(part for part in (fault.what, fault.remedy) if part)
    issue: dict[str, Any] = {"severity": "error", "code": fault.issue_code, "diagnostics": text}
    if fault.where:
        issue["expression"] = [fault.where]
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def respond(fault: HookFault) -> Response:
    """The HTTP answer to `fault`."""
    if isinstance(fault, NotAuthenticated):
        return Response(status_code=fault.status, headers=dict(fault.headers))
    return Response(
        orjson.dumps(operation_outcome(fault)),
        status_code=fault.status,
        headers=dict(fault.headers),
        media_type="application/json",
    )
