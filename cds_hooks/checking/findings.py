"""What was found: breaches by requirement, what was looked at, and what could not be judged and why."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from cds_hooks.checking.requirements import SEVERITIES, Profile, Requirement, Severity, requirements

_PLACE = re.compile(r"\[\d+\]")
# Names that a service makes up may be anything, also data of a patient.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,39}")
_LISTED = 5


@dataclass(slots=True, kw_only=True)
class Finding:
    """One breach. `where` is a place in the answer without indices, `sent` what was sent in a few words each time (the
    first few), `services` the ids concerned, and `count` how often it was seen.
    """

    requirement: Requirement
    severity: Severity
    where: str
    problem: str
    sent: list[str] = field(default_factory=list)
    services: list[str] = field(default_factory=list)
    count: int = 0


class Findings:
    """Collects what a run finds under `profile`; `only` limits it to some requirements, `strict` makes warnings faults.

    A requirement that the profile has off is neither judged nor reported.
    """

    def __init__(self, profile: Profile, *, only: Iterable[str] = (), strict: bool = False) -> None:
        self._rows = requirements()
        self._profile = profile
        self._strict = strict
        wanted = frozenset(only)
        self._on = {
            name for name, row in self._rows.items() if profile.counts(row) != "off" and (not wanted or name in wanted)
        }
        self._found: dict[tuple[str, str, str], Finding] = {}
        self._judged: set[str] = set()
        self._unjudged: dict[str, str] = {}

    def need(self, holds: bool, name: str, problem: str, *, where: str = "", sent: str = "", service: str = "") -> bool:
        """Judge requirement `name`: enter a breach unless `holds`, which is handed back."""
        self._judged.add(name)
        if not holds:
            self.broken(name, problem, where=where, sent=sent, service=service)
        return holds

    def broken(
        self,
        name: str,
        problem: str,
        *,
        where: str = "",
        sent: str = "",
        service: str = "",
        severity: Severity | None = None,
    ) -> None:
        """Enter a breach; `severity` in place of what it counts for by itself. Breaches alike are counted together."""
        self._judged.add(name)
        if name not in self._on:
            return
        row = self._rows[name]
        counts = severity or self._profile.counts(row)
        if counts == "off":
            return
        if self._strict and counts == "warning":
            counts = "fault"
        place = _PLACE.sub("[]", where)
        one = self._found.setdefault(
            (name, place, problem), Finding(requirement=row, severity=counts, where=place, problem=problem)
        )
        one.severity = min(one.severity, counts, key=SEVERITIES.index)
        one.count += 1
        for texts, text in ((one.sent, sent), (one.services, service)):
            if text and text not in texts and len(texts) < _LISTED:
                texts.append(text)

    def judged(self, *names: str) -> None:
        """These were looked at, and what was seen is in order unless a breach says otherwise."""
        self._judged.update(names)

    def not_judged(self, why: str, *names: str) -> None:
        """These cannot be judged, because `why`; the first reason stays."""
        for name in names:
            self._unjudged.setdefault(name, why)

    @property
    def breaches(self) -> list[Finding]:
        """All breaches, the worst first, then in the order of the requirements."""
        order = list(self._rows)
        return sorted(
            self._found.values(),
            key=lambda one: (SEVERITIES.index(one.severity), order.index(one.requirement.id), -one.count),
        )

    @property
    def kept(self) -> list[Requirement]:
        """What was judged and not broken."""
        broken = {one.requirement.id for one in self._found.values()}
        return [row for name, row in self._rows.items() if name in self._on & self._judged - broken]

    @property
    def unjudged(self) -> list[tuple[Requirement, str]]:
        """What was not judged, each with the reason."""
        left = self._on - self._judged
        return [(row, self._unjudged.get(name) or _reason(row)) for name, row in self._rows.items() if name in left]


def _reason(row: Requirement) -> str:
    return f"there was no occasion: {row.needs} is needed" if row.needs else "the run did not get that far"


def named(name: object) -> str:
    """A name that a service made up, or words of ours where it could be something else."""
    return name if isinstance(name, str) and _NAME.fullmatch(name) else "(a name not repeated here)"
