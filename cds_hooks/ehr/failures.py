"""How a request to the client's FHIR server can end badly, in words and names that may be shown and counted.

A reason (`why`) is one of a closed set of sentences of ours. It holds no address, token, id or content, because it
reaches the clinician's card, the log and the answer to the client.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal, get_args

Outcome = Literal[
    "ok", "refused", "not-found", "client-error", "server-error", "redirected", "timeout", "unreachable", "unusable",
    "cut-off", "throttled", "too-large", "refused-address", "not-asked",
]  # fmt: skip
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
# Why an address was not called, for the operator's log.
Refused = Literal["not-listed", "not-an-address", "private-address", "link-elsewhere", "redirected"]
REFUSALS: tuple[Refused, ...] = get_args(Refused)

ASKS_TO_WAIT = "the FHIR server answered {} and asks to wait longer than there is time"
CUT_OFF = "the time allowed for reading ran out"
LEFT_IN_PEACE = "the FHIR server failed several times just now and is left in peace for a moment"
NOT_LIMITED = "the FHIR server did not limit its answer to the patient"
NOT_IN_TIME = "the FHIR server did not answer in time"
NOT_PERMITTED = "the FHIR server's name leads to an address that may not be called"
NOT_REACHABLE = "the FHIR server is not reachable"
NOT_WAITED_FOR = "it took longer than this kind of data is waited for"
OUT_OF_SCOPE = "the access token's scope does not cover it"
TOO_LARGE = "the FHIR server's answer is larger than the service reads"
# Statuses of a moment: too many requests, or a server (or what stands before it) that cannot answer now.
_OF_A_MOMENT = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


class FhirFailure(Exception):  # noqa: N818 - expected, and turned into a gap
    """A request that gave nothing usable.

    `why` is a short reason without patient data, `status` the server's HTTP status where that was the reason,
    `outcome` what is counted, `wait` the seconds that the server asked to wait (``Retry-After``), `refused` why an
    address was not called. `unanswered` is true where the connection was lost before an answer began, `ignored` where
    the server answered something else than it was asked.
    """

    def __init__(
        self,
        why: str,
        status: int | None = None,
        *,
        outcome: Outcome = "unusable",
        wait: float | None = None,
        refused: Refused | None = None,
        unanswered: bool = False,
        ignored: bool = False,
    ) -> None:
        super().__init__(why)
        self.why = why
        self.status = status
        self.outcome: Outcome = outcome
        self.wait = wait
        self.refused: Refused | None = refused
        self.unanswered = unanswered
        self.ignored = ignored

    @property
    def again(self) -> bool:
        """Whether the same request may succeed a moment later: everything asked is a read and changes nothing."""
        return self.unanswered or self.status in _OF_A_MOMENT

    @property
    def ill(self) -> bool:
        """Whether the server itself seems unwell, and not only this request.

        A 500 is no such sign: servers answer it to one search that they cannot do, and do the others.
        """
        if self.status == HTTPStatus.TOO_MANY_REQUESTS:
            return False
        return self.outcome in {"timeout", "unreachable"} or self.status in _OF_A_MOMENT


def not_ok(status: int, wait: float | None = None) -> FhirFailure:
    """The failure that an HTTP `status` other than 200 means; `wait` is its ``Retry-After`` in seconds, which is
    heeded where asking again makes sense.

    >>> not_ok(403).why
    'the FHIR server refused access (403)'
    >>> not_ok(503).again, not_ok(500).again
    (True, False)
    """
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return FhirFailure(f"the FHIR server refused access ({status})", status, outcome="refused")
    if 300 <= status < 400:
        why = f"the FHIR server redirected elsewhere, which is not followed ({status})"
        return FhirFailure(why, status, outcome="redirected", refused="redirected")
    outcome: Outcome = "unusable"
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        outcome = "not-found"
    elif status == HTTPStatus.TOO_MANY_REQUESTS:
        outcome = "throttled"
    elif 400 <= status < 500:
        outcome = "client-error"
    elif status >= 500:
        outcome = "server-error"
    return FhirFailure(
        f"the FHIR server answered {status}", status, outcome=outcome, wait=wait if status in _OF_A_MOMENT else None
    )
