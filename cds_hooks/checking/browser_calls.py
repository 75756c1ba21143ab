"""What a client in a browser needs: preflights without a token, and the headers on every answer."""

from __future__ import annotations

import orjson

from cds_hooks.checking.calls import Call
from cds_hooks.checking.findings import Findings
from cds_hooks.checking.target import JSON, Reply, Target

UNKNOWN = "https://check.invalid"
NO_ORIGIN = "which origins are listed cannot be seen from outside: name a listed one with --origin"
_WANTED = "authorization,content-type"


async def judge_browser(target: Target, discovery: str, call: Call | None, findings: Findings, *, origin: str) -> None:
    """Preflights for discovery and for the service of `call`. Without a listed `origin` only a demand for a token, or
    a crash, can be judged.
    """
    places = [(discovery, "GET"), *([(call.service.path, "POST")] if call else [])]
    if call:
        places.append((f"{call.service.path}/feedback", "POST"))
    for path, method in places:
        headers = {
            "Origin": origin or UNKNOWN,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": _WANTED,
        }
        reply = await target.send("OPTIONS", path, headers=headers)
        about = {"sent": f"a preflight for {method}", "service": call.service.id if call else ""}
        passes = not reply.crashed and reply.status not in ((401, 403) if origin else (401,))
        findings.need(passes, "CS-02", reply.said or f"is answered {reply.status}", where="OPTIONS", **about)
        if origin:
            _headers(reply, origin, method, findings, about)
    if not origin:
        findings.not_judged(NO_ORIGIN, "CS-01")
        return
    if call:
        for sent, body in (("a call from a browser", orjson.dumps(call.changed())), ("a faulty call from one", b"{")):
            reply = await target.send("POST", call.service.path, content=body, headers={**JSON, "Origin": origin})
            row = "CS-01" if reply.ok else "CS-02"
            allowed = _allows(reply, origin)
            problem = "lacks Access-Control-Allow-Origin"
            findings.need(allowed, row, problem, where="headers", sent=sent, service=call.service.id)


def _headers(reply: Reply, origin: str, method: str, findings: Findings, about: dict[str, str]) -> None:
    findings.need(_allows(reply, origin), "CS-01", "lacks Access-Control-Allow-Origin", where="OPTIONS", **about)
    methods = {one.strip().upper() for one in reply.headers.get("access-control-allow-methods", "").split(",")}
    findings.need(method in methods or method == "GET", "CS-01", f"does not allow {method}", where="OPTIONS", **about)
    allowed = {one.strip().lower() for one in reply.headers.get("access-control-allow-headers", "").split(",")}
    for name in _WANTED.split(","):
        findings.need(
            name in allowed or "*" in allowed, "CS-01", f"does not allow the header {name}", where="OPTIONS", **about
        )


def _allows(reply: Reply, origin: str) -> bool:
    return reply.headers.get("access-control-allow-origin") in (origin, "*")
