"""What can go wrong in a call to the sandbox; each is answered by an OperationOutcome without any input.

SandboxFault
├─ InvalidRequest        400  unreadable, or outside what the CapabilityStatement offers
│  └─ UnknownParameter   400  only under ``Prefer: handling=strict``; otherwise the parameter is ignored
├─ NoToken               401
├─ NotHere               404
├─ NotAllowed            405
├─ NotAcceptable         406  another format than JSON was asked for
├─ Deleted               410
├─ TooLarge              413
└─ WrongMedia            415  another format than JSON was sent
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class SandboxFault(Exception):  # noqa: N818 - a fault of the request, like HookFault
    """Base of the faults above. `diagnostics` is a whole text without anything received; `where` names the
    place.
    """

    status: ClassVar[int] = 500
    issue_code: ClassVar[str] = "exception"

    def __init__(
        self, diagnostics: str, *, where: str = "", headers: Mapping[str, str] | None = None, code: str = ""
    ) -> None:
        super().__init__(diagnostics)
        self.diagnostics = diagnostics
        self.where = where
        self.headers: Mapping[str, str] = headers or {}
        self.code = code or self.issue_code

    def outcome(self) -> dict[str, Any]:
        """The FHIR OperationOutcome of this fault."""
        issue: dict[str, Any] = {"severity": "error", "code": self.code, "diagnostics": self.diagnostics}
        if self.where:
            issue["expression"] = [self.where]
        return {"resourceType": "OperationOutcome", "issue": [issue]}


class InvalidRequest(SandboxFault):
    """The request cannot be read, or asks for something this server does not offer."""

    status = 400
    issue_code = "invalid"


class UnknownParameter(InvalidRequest):
    """A search parameter, sort key or include that the CapabilityStatement does not list."""

    issue_code = "not-supported"


class NoToken(SandboxFault):
    """The bearer token is missing or is not the one configured."""

    status = 401
    issue_code = "login"

    def __init__(self) -> None:
        super().__init__(
            "A bearer token is needed: send the header Authorization: Bearer <token>.",
            headers={"WWW-Authenticate": "Bearer"},
        )


class NotHere(SandboxFault):
    """Nothing is stored, or served, at this address."""

    status = 404
    issue_code = "not-found"


class NotAllowed(SandboxFault):
    """The address exists, the method does not; `allowed` lists those that do."""

    status = 405
    issue_code = "not-supported"

    def __init__(self, allowed: str, diagnostics: str = "This address does not answer the method used.") -> None:
        super().__init__(diagnostics, headers={"Allow": allowed})


class NotAcceptable(SandboxFault):
    """The client wants another format than JSON."""

    status = 406
    issue_code = "not-supported"


class Deleted(SandboxFault):
    """There was a resource at this address; it was deleted."""

    status = 410
    issue_code = "deleted"


class TooLarge(SandboxFault):
    """The body is larger than this server reads."""

    status = 413
    issue_code = "too-long"


class WrongMedia(SandboxFault):
    """The body is not of a media type this address reads."""

    status = 415
    issue_code = "not-supported"
