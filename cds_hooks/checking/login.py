"""Whether and how a service makes clients log in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import orjson

from cds_hooks.checking.calls import Call
from cds_hooks.checking.findings import Findings
from cds_hooks.checking.target import JSON, Reply, Target
from cds_hooks.checking.tokens import Signer

OPEN = "open mode: the service answers callers without a token"
STRANGER = (
    "the service asks clients to log in and does not know this checker: register the key set in --keys DIR/jwks.json "
    "and the issuer given by --issuer"
)
LOGIN_ROWS = ("SE-05", "JW-06", "JW-07", "JW-08", "JW-09", "JW-10", "JW-13", "JW-14", "JW-15", "BP-02")
Mode = Literal["open", "known", "stranger"]
_REFUSED = (401, 403)


async def login_mode(target: Target, call: Call, signer: Signer) -> Mode:
    """How the service of `call` takes a conforming call without a token, and with one."""
    if (await _post(target, call, {})).status not in _REFUSED:
        return "open"
    reply = await _post(target, call, _bearer(signer.token(target.base + call.service.path)))
    return "stranger" if reply.status in _REFUSED else "known"


async def judge_login(target: Target, call: Call, signer: Signer, findings: Findings) -> None:
    """Every bad token once, at one service; a good token of each algorithm; one good token twice."""
    address = target.base + call.service.path
    findings.judged("SE-03")
    refused: list[Reply] = [await _post(target, call, {})]
    for row, words, token in signer.bad(address):
        reply = await _post(target, call, _bearer(token))
        about = {"sent": words, "service": call.service.id}
        problem = reply.said or f"the service answered {reply.status}; 401 was due"
        findings.need(reply.status in _REFUSED, row, problem, **about)
        refused.append(reply)
    alike = {(one.status, one.body) for one in refused if one.status in _REFUSED}
    findings.need(len(alike) <= 1, "BP-02", "refusals differ from one another", service=call.service.id)
    for algorithm in ("ES384", "RS384"):
        other = replace(signer, algorithm=algorithm)
        reply = await _post(target, call, _bearer(other.token(address)))
        taken = reply.status not in _REFUSED
        problem = "a good token is refused"
        findings.need(taken, "JW-15", problem, sent=f"a token signed {algorithm}", service=call.service.id)
    twice = signer.token(address)
    if (await _post(target, call, _bearer(twice))).status not in _REFUSED:
        reply = await _post(target, call, _bearer(twice))
        problem = f"the service answered {reply.status}; 401 was due"
        findings.need(reply.status in _REFUSED, "JW-10", problem, sent="one token twice", service=call.service.id)


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def _post(target: Target, call: Call, headers: Mapping[str, str]) -> Reply:
    content = orjson.dumps(call.changed())
    return await target.send("POST", call.service.path, content=content, headers={**JSON, **headers})
