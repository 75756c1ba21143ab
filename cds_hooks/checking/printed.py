"""A run's document as text for a terminal, the worst first."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping

from cds_hooks.checking.document import Breach, Report
from cds_hooks.checking.requirements import SEVERITIES, Profile, requirements
from cds_hooks.checking.requirements import Breach as Counts

_WIDTH = 110
_TITLES: Mapping[str, str] = {"fault": "Faults", "warning": "Warnings", "note": "Notes"}
_LOGIN: Mapping[str, str] = {
    "open": "none is asked for (open mode)",
    "known": "the checker is a registered client",
    "stranger": "asked for, and the checker is not known: services were not judged",
    "unknown": "not seen",
}


def printed(document: Report) -> str:
    """The report in lines of at most 110 characters, where words allow it."""
    return "\n".join([*_head(document), *_breaches(document), *_open(document), *_tail(document)])


def _head(document: Report) -> Iterator[str]:
    strict = ", warnings count as faults" if document.strict else ""
    yield f"CDS Hooks check of {document.base}, {document.at}, profile {document.profile}{strict}"
    yield f"Login: {_LOGIN[document.login]}. Requests sent: {document.requests}."
    for one in document.services:
        seen = next((each for each in document.latency if each.service == one.service), None)
        took = f", p50 {seen.p50} ms, p95 {seen.p95} ms of {seen.calls}" if seen else ""
        yield f"  {one.service} ({one.hook}): {one.status or 'no answer'}, {one.cards} cards{took}"


def _breaches(document: Report) -> Iterator[str]:
    for severity in SEVERITIES:
        found = document.of(severity)
        if found or severity == "fault":
            yield ""
            yield f"{_TITLES[severity]}: {len(found) or 'none'}"
        for one in found:
            yield from _breach(one)


def _breach(one: Breach) -> Iterator[str]:
    yield from _wrapped(f"[{one.id} {one.level}] {one.text}", "  ")
    where = f"{one.where} " if one.where else ""
    times = f" ({one.count} times)" if one.count > 1 else ""
    yield from _wrapped(f"wrong: {where}{one.problem}{times}", "      ")
    if one.sent:
        services = f" to {', '.join(one.services)}" if one.services else ""
        yield from _wrapped(f"sent:  {'; '.join(one.sent)}{services}", "      ")
    yield from _wrapped(f"mend:  {one.mend}", "      ")


def _open(document: Report) -> Iterator[str]:
    reasons: dict[str, list[str]] = {}
    for one in document.not_judged:
        reasons.setdefault(one.why, []).append(one.id)
    yield ""
    yield f"Not judged: {len(document.not_judged) or 'nothing was left'}"
    for why, names in reasons.items():
        yield from _wrapped(f"{', '.join(names)}: {why}", "  ")


def _tail(document: Report) -> Iterator[str]:
    yield ""
    yield from _wrapped(f"Kept: {len(document.kept)}: {', '.join(one.id for one in document.kept)}", "")
    counts = ", ".join(f"{len(document.of(one))} {_TITLES[one].lower()}" for one in SEVERITIES)
    yield ""
    yield f"{'Clean' if document.clean else 'Not clean'}: {counts}, {len(document.not_judged)} not judged"


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=f"{indent}    ", break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


def listed(profile: Profile) -> str:
    """All requirements with what a breach counts for under `profile`, one a line."""

    def counts(name: str) -> Counts:
        return profile.counts(requirements()[name])

    width = max(map(len, requirements()))
    return "\n".join(
        f"{name:<{width}}  {row.level:<11} {counts(name):<8} {row.text}" for name, row in requirements().items()
    )
