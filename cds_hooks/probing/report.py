"""From a survey and what follows from it to the probe's document: every count, and never a reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from cds_hooks.ehr.searches import Search
from cds_hooks.outbound import FhirBase
from cds_hooks.probing.conclusion import Conclusion, why_open
from cds_hooks.probing.document import (
    Concluded,
    RepairMade,
    Report,
    Said,
    SearchLine,
    Server,
    SheetRow,
    StrictFault,
    StrictType,
    ToDo,
    TrialSeen,
    TypeStated,
)
from cds_hooks.probing.findings import Finding
from cds_hooks.probing.lines import Line, Survey
from cds_hooks.probing.sheet import Row
from cds_hooks.probing.strictness import Strictness
from mappings.load import Knowledge
from plugin import Assessment
from plugin.document.assessment_document import engine_version
from plugin.trial.trials import Trial


def report(
    survey: Survey,
    *,
    base: FhirBase,
    as_of: str,
    strictness: Strictness,
    conclusion: Conclusion,
    findings: Sequence[Finding],
    rows: Sequence[Row],
    repairs: dict[str, int],
    knowledge: Knowledge,
) -> Report:
    """Everything in one document. `repairs` are those of everything received, not only of what is in use."""
    described = {str(one.id): one for one in knowledge.repairs.repairs}
    return Report(
        engine=engine_version(),
        knowledge=knowledge.version,
        as_of=as_of,
        server=_server(survey, base),
        searches=tuple(_line(line, survey) for line in survey.lines),
        strict=tuple(
            StrictType(resource_type=kind, checked=count, faulty=strictness.faulty.get(kind, 0))
            for kind, count in strictness.checked.items()
        ),
        strict_faults=tuple(
            StrictFault(resource_type=one.resource_type, element=one.element, fault=one.fault, count=one.count)
            for one in strictness.faults
        ),
        repairs=tuple(
            RepairMade(repair=name, count=count, what=described[name].what, allowed=described[name].allowed)
            for name, count in repairs.items()
        ),
        conclusion=_concluded(conclusion),
        prefetch=tuple(SheetRow(key=row.key, query=row.query, note=row.note) for row in rows),
        ask_vendor=tuple(ToDo(id=one.id, text=one.text) for one in findings if one.to == "vendor"),
        set_here=tuple(ToDo(id=one.id, text=one.text) for one in findings if one.to == "site"),
    )


def _server(survey: Survey, base: FhirBase) -> Server:
    capability = survey.capability
    return Server(
        base=str(base),
        statement="none" if capability is None else "with-login" if survey.stated_with_login else "read",
        why=survey.unstated,
        fhir_version=capability.version if capability is not None else "unknown",
        includes=tuple(sorted(capability.includes & _includes(survey))) if capability is not None else (),
        types=tuple(_types(survey)),
        patient_form=survey.form,
    )


def _includes(survey: Survey) -> frozenset[str]:
    return frozenset(one for line in survey.lines for one in line.search.include)


def _types(survey: Survey) -> Iterator[TypeStated]:
    """By resource type that is asked for: what the statement lists of what the searches use."""
    if survey.capability is None:
        return
    used: dict[str, dict[str, None]] = {}
    searches: dict[str, Search] = {line.search.key: line.search for line in survey.lines}
    for search in searches.values():
        for variant in search.variants:
            used.setdefault(search.resource_type, {}).update(dict.fromkeys(variant.parameters))
    for kind, names in used.items():
        listed = survey.capability.searches.get(kind, frozenset())
        yield TypeStated(
            resource_type=kind,
            listed=tuple(name for name in names if name in listed),
            unlisted=tuple(name for name in names if name not in listed),
        )


def _line(line: Line, survey: Survey) -> SearchLine:
    answer = line.answer
    return SearchLine(
        search=line.search.key,
        resource_type=line.search.resource_type,
        variant=line.variant.id,
        purpose=line.purpose,
        form=line.form,
        used=survey.used.get(line.search.key) is line,
        listed=line.listed,
        method="POST" if answer.posted else "GET",
        outcome=answer.outcome,
        status=answer.status,
        milliseconds=round(answer.milliseconds),
        requests=answer.requests,
        pages=answer.pages,
        entries=line.entries,
        total=answer.total,
        others=line.others,
        why=why_open(line) if answer.answered else answer.why,
    )


def _concluded(conclusion: Conclusion) -> Concluded:
    judged = conclusion.assessment
    counts = judged.verdict.counts if judged is not None else None
    return Concluded(
        refused=conclusion.refused,
        verdict=judged.verdict.value.value if judged is not None else None,
        definition=judged.definition.id if judged is not None else None,
        failed_at_least=counts.lo if counts is not None else None,
        failed_with_proxies=counts.lo_proxy if counts is not None else None,
        failed_at_most=counts.hi if counts is not None else None,
        trials=tuple(map(_trial, judged.trials)) if judged is not None else (),
        earlier_trials=len(judged.earlier) if judged is not None else 0,
        received=len(judged.record.received) if judged is not None else 0,
        used=len(judged.used & frozenset(judged.record.received)) if judged is not None else 0,
        set_aside=_aside(judged),
        not_read=tuple(Said(what=gap.what, why=gap.why, count=1) for gap in judged.gaps) if judged is not None else (),
        not_recorded=_missing(judged),
    )


def _trial(trial: Trial) -> TrialSeen:
    era = trial.judged.era
    return TrialSeen(
        drug=trial.drug.label,
        start=None if trial.undated else era.start.isoformat(),
        end=None if trial.undated else era.end.isoformat(),
        adequacy=trial.judged.adequacy.value,
        outcome=trial.outcome.status.value,
    )


def _aside(judged: Assessment | None) -> tuple[Said, ...]:
    """What was received and not used, by type and reason: never by reference."""
    found = Counter((one.reference.partition("/")[0], one.reason) for one in (judged.set_aside if judged else ()))
    return tuple(
        Said(what=kind, why=reason, count=count)
        for (kind, reason), count in sorted(found.items(), key=lambda one: (-one[1], one[0]))
    )


def _missing(judged: Assessment | None) -> tuple[Said, ...]:
    found = Counter((one.what, one.would_affect.partition("[")[0]) for one in (judged.missing if judged else ()))
    return tuple(Said(what=what, why=f"would affect {part}", count=count) for (what, part), count in found.items())
