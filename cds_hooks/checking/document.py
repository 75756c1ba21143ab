"""The document of a run: strict models, which are the schema of its JSON (``docs/schema/check.schema.json``). It holds
nothing that the service wrote but the ids and hooks of its discovery.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from cds_hooks.app import engine_version
from cds_hooks.checking.findings import Finding, Findings
from cds_hooks.checking.latency import Latency
from cds_hooks.checking.requirements import Level, Profile, Requirement, Severity


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Row(_Part):
    """A requirement that was judged and kept."""

    id: str
    level: Level
    text: str


class Unjudged(_Part):
    """A requirement that was not judged, and why."""

    id: str
    level: Level
    text: str
    why: str


class Breach(_Part):
    """One breach: `where` in the answer (no indices), `sent` what was sent, `count` how often it was seen."""

    id: str
    level: Level
    severity: Severity
    text: str
    where: str
    problem: str
    mend: str
    sent: tuple[str, ...]
    services: tuple[str, ...]
    count: int


class Called(_Part):
    """One service: the status of the conforming call and how many cards it brought."""

    service: str
    hook: str
    status: int
    cards: int


class Report(_Part):
    """All of it. `login`: open (no token is asked for), known (this checker is a client), stranger, unknown."""

    check: Literal["1"] = "1"
    engine: str
    base: str
    at: str
    profile: str
    profile_title: str
    strict: bool
    login: Literal["open", "known", "stranger", "unknown"]
    requests: int
    services: tuple[Called, ...]
    breaches: tuple[Breach, ...]
    not_judged: tuple[Unjudged, ...]
    kept: tuple[Row, ...]
    latency: tuple[Latency, ...]

    def of(self, severity: Severity) -> list[Breach]:
        """The breaches that count for `severity`."""
        return [one for one in self.breaches if one.severity == severity]

    @property
    def clean(self) -> bool:
        """Whether there is no fault."""
        return not self.of("fault")


def report(
    findings: Findings,
    *,
    plan: str,
    profile: Profile,
    strict: bool,
    base: str,
    mode: Literal["open", "known", "stranger", "unknown"],
    called: Sequence[Called],
    latency: Sequence[Latency],
    requests: int,
    at: datetime,
) -> Report:
    """Everything in one document."""
    return Report(
        engine=engine_version(),
        base=base,
        at=at.isoformat(timespec="seconds"),
        profile=plan,
        profile_title=profile.title,
        strict=strict,
        login=mode,
        requests=requests,
        services=tuple(called),
        breaches=tuple(map(_breach, findings.breaches)),
        not_judged=tuple(
            Unjudged(id=row.id, level=row.level, text=row.text, why=why) for row, why in findings.unjudged
        ),
        kept=tuple(map(_row, findings.kept)),
        latency=tuple(latency),
    )


def _breach(one: Finding) -> Breach:
    row = one.requirement
    return Breach(
        id=row.id,
        level=row.level,
        severity=one.severity,
        text=row.text,
        where=one.where,
        problem=one.problem,
        mend=row.mend,
        sent=tuple(one.sent),
        services=tuple(one.services),
        count=one.count,
    )


def _row(row: Requirement) -> Row:
    return Row(id=row.id, level=row.level, text=row.text)
