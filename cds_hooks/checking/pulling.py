"""Calls without data but with a FHIR server to ask: what the service asks there, with which token, and what it makes of
a server that refuses, fails, is slow, or leads elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from secrets import token_urlsafe
from urllib.parse import parse_qs

import orjson

from cds_hooks.checking.cases import Case
from cds_hooks.checking.findings import Findings
from cds_hooks.checking.firing import Fired, Firing, judge_body
from cds_hooks.checking.listening import Asked, Ehr, Manner
from cds_hooks.checking.refusals import judge_refusal
from cds_hooks.checking.requirements import Severity

ROWS = ("PF-19", "FA-08", "FA-11", "FA-14", "FA-15", "MI-06")
NOT_CALLED = (
    "the service did not call the checker's FHIR server: it reads by prefetch alone, cannot reach the address, or does "
    "not allow it (list it there; --listen and --fhir-url choose it)"
)
FAR = "the second origin can be reached from this machine only, and the service is on another"
_ORDER: tuple[tuple[Manner, str], ...] = (
    ("right", "no prefetch, a FHIR server with a token"),
    ("paged", "a FHIR server that answers in pages of one"),
    ("link-away", "a FHIR server whose next links lead to another origin"),
    ("redirect", "a FHIR server that redirects to another origin"),
    ("404", "a FHIR server that answers 404"),
    ("403", "a FHIR server that answers 403"),
    ("401", "a FHIR server that answers 401"),
    ("slow", "a slow FHIR server"),
    ("500", "a FHIR server that answers 500"),
)
_REFUSING = ("401", "403", "404")
_FAILING = (*_REFUSING, "500", "slow", "redirect")
# Searches that name what they want by id need not name the patient.
_BY_ID = ("_id", "identifier")


async def judge_pulling(ehr: Ehr, firing: Firing, called: Sequence[Fired], findings: Findings) -> None:
    """All manners, each at every service of `called`, one call at a time."""
    if not called:
        return
    pulls: list[tuple[Fired, bool]] = []
    for manner, sent in _ORDER:
        if manner == "right":
            pulls = [(one, bool(await _pull(ehr, firing, one, manner, sent, findings))) for one in called]
            pulls = [(one, cards) for one, cards in pulls if one.call.service.id in ehr.able]
            if not pulls:
                findings.not_judged(NOT_CALLED, *ROWS)
                return
            continue
        for one, with_cards in pulls:
            cards = await _pull(ehr, firing, one, manner, sent, findings)
            if not with_cards or not ehr.asked or manner not in _FAILING:
                continue
            findings.judged("MI-06")
            if cards is not None:
                about = {"where": "cards", "sent": sent, "service": one.call.service.id}
                problem = "is empty, as if there were nothing to say, though nothing could be read"
                findings.need(bool(cards), "MI-06", problem, **about)


async def _pull(
    ehr: Ehr, firing: Firing, fired: Fired, manner: Manner, sent: str, findings: Findings
) -> list[object] | None:
    """One call; its cards, None where it was not answered 200."""
    token = f"check-{token_urlsafe()}"
    ehr.begin(manner, token)
    call = fired.call
    body = call.changed(
        prefetch=None,
        fhirServer=ehr.fhir_url,
        fhirAuthorization={
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "patient/*.read patient/*.rs user/*.read",
            "subject": "trd-cds-check",
            "patient": call.patient_id,
        },
    )
    case = Case(id=f"pull-{manner}", sent=sent, content=orjson.dumps(body), requirement="PF-19")
    reply = await firing.send(call, case)
    about = {"sent": sent, "service": call.service.id}
    if ehr.asked and manner == "right":
        ehr.able.append(call.service.id)
        findings.judged("PF-19")
    for one in ehr.asked:
        _judge_asked(one, token, call.patient_id, findings, about)
    if ehr.asked:
        leaked = any(token in one for one in ehr.away)
        if leaked or ehr.is_near:
            findings.need(not leaked, "FA-14", "sent the token to another origin", **about)
        else:
            findings.not_judged(FAR, "FA-14")
        if reply.crashed:
            said = reply.said or f"answered {reply.status}"
            severity: Severity = "fault" if manner in (*_REFUSING, "right", "paged") or reply.failure else "warning"
            findings.broken("FA-08", f"{said}; 200 or 412 was due", severity=severity, **about)
        findings.judged("FA-08")
        if manner == "paged" and ehr.next_links:
            findings.need(ehr.followed(), "PF-15", "no next link of a search was followed", **about)
    judge_refusal(reply, findings, **about)
    if reply.status != 200:
        return None
    cards = judge_body(reply, call, findings, sent)
    return None if cards is None else list(cards)


def _judge_asked(asked: Asked, token: str, patient: str, findings: Findings, about: dict[str, str]) -> None:
    findings.need(asked.authorization == f"Bearer {token}", "FA-11", "a request came without the token", **about)
    path, _, query = asked.target.partition("?")
    searching = asked.method == "POST" and path.endswith("_search")
    if not findings.need(asked.method == "GET" or searching, "FA-15", "a request would change data", **about):
        return
    names = parse_qs(query) | (parse_qs(asked.form) if searching else {})
    steps = path.split("/")
    read = len(steps) > 1 and not searching
    own = steps != ["Patient", patient] and steps[0] == "Patient" and read
    findings.need(not own, "FA-15", "another patient was read", **about)
    limited = read or patient in str(names) or any(name in names for name in _BY_ID) or "page" in str(names).lower()
    findings.need(limited, "FA-15", "a search was not limited to the patient", **about)
