"""How long answers take: a number of conforming calls, one after the other."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from cds_hooks.checking.findings import Findings
from cds_hooks.checking.firing import Fired, Firing, plain

_GUIDANCE = 500


class Latency(BaseModel):
    """Milliseconds of `calls` conforming calls of one service, as seen from here, the network included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: str
    calls: int
    p50: float
    p95: float


async def measure(firing: Firing, called: Sequence[Fired], findings: Findings, *, calls: int) -> list[Latency]:
    """Measure each service of `called`; guidance of about 500 ms is judged as such."""
    measured = []
    for one in called:
        taken = []
        for _ in range(calls):
            reply = await firing.send(one.call, plain(one.call))
            if reply.status == 200:
                taken.append(reply.milliseconds)
        if not taken:
            continue
        ordered = sorted(taken)
        p50, p95 = (ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.95))
        found = Latency(service=one.call.service.id, calls=len(taken), p50=round(p50, 1), p95=round(p95, 1))
        measured.append(found)
        problem = f"95 % of the answers take up to {p95:.0f} ms"
        findings.need(p95 <= _GUIDANCE, "RS-07", problem, sent="conforming calls", service=found.service)
    return measured
