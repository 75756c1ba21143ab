"""The document tells what the assessment holds: every value under its name of the contract, nothing lost or renamed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

import pytest

from cds_hooks.stories import load_stories
from mappings.load import load
from plugin import Assessment, assess
from plugin.advice.policy import advise
from plugin.document.assessment_document import to_document
from plugin.document.explain import explain
from plugin.findings import Reason
from plugin.ingest import read_orders, read_record
from plugin.record import Availability, Read, Score
from plugin.trial.measurement import Outcome
from plugin.trial.trials import Trial
from tests.reasoning.test_explain import record as explained_record
from tests.vignettes.told_well import card_faults, reason_faults

KNOWLEDGE = load()
TODAY = date(2026, 11, 22)
STORIES = {story.id: story for story in load_stories(TODAY, KNOWLEDGE)}
READ = {
    kind: Availability(read=Read.COMPLETE)
    for kind in (
        "MedicationRequest",
        "MedicationDispense",
        "MedicationStatement",
        "Observation",
        "Condition",
        "Procedure",
        "AllergyIntolerance",
        "QuestionnaireResponse",
    )
}
Element = dict[str, Any]


@cache
def judged(name: str) -> Assessment:
    """One story with its draft order, judged once."""
    story = STORIES[name]
    record = read_record(story.resources, knowledge=KNOWLEDGE, availability=READ)
    drafts = [one for one in story.resources if one["resourceType"] == "MedicationRequest"][:1]
    orders = read_orders([{**draft, "id": "draft"} for draft in drafts], knowledge=KNOWLEDGE)
    return assess(record, knowledge=KNOWLEDGE, as_of=TODAY, orders=orders)


@pytest.fixture(params=sorted(STORIES))
def found(request: pytest.FixtureRequest) -> Assessment:
    return judged(request.param)


def day(value: date | None) -> str | None:
    return None if value is None else value.isoformat()


def share(value: float | None) -> Any:
    return None if value is None else pytest.approx(value, abs=5e-5)


def reasons(these: Sequence[Reason]) -> list[Element]:
    return [
        {"rule": r.rule, "text": r.text, "facts": dict(r.facts), "cites": list(r.cites), "uses": list(r.uses)}
        for r in these
    ]


def score(one: Score | None) -> Element | None:
    if one is None:
        return None
    refs = list(one.references)
    return {"value": one.value, "date": one.day.isoformat(), "reference": refs[0], "references": refs}


def outcome(one: Outcome) -> Element:
    return {
        "status": one.status.value,
        "basis": one.basis,
        "category": one.category,
        "instrument": one.endpoint.instrument if one.endpoint is not None else None,
        "baseline": score(one.baseline),
        "endpoint": score(one.endpoint),
        "best": score(one.best),
        "percentChange": None if one.change is None else pytest.approx(-100 * float(one.change), abs=0.05),
        "strict": None if one.strict is None else {"status": one.strict[0].value, "category": one.strict[1]},
    }


def within(part: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Each expected member stands in the part as it is."""
    assert {key: part.get(key, "absent") for key in expected} == expected


def check_trial(part: Element, trial: Trial) -> None:
    one, era = trial.judged, trial.judged.era
    codes = [(code.system, code.code) for code in trial.drug.codes]
    within(
        part,
        {
            "ingredient": trial.ingredient,
            "class": trial.drug_class,
            "start": None if trial.undated else day(era.start),
            "end": None if trial.undated else day(era.end),
            "ongoing": trial.ongoing,
            "atDoseDays": {
                "sure": one.sure.days if one.sure is not None else 0,
                "possible": one.possible.days if one.possible is not None else 0,
            },
            "adequacy": one.adequacy.value,
            "outcome": outcome(trial.outcome),
            "evidenceGrade": trial.grade,
            "inCombinationWith": list(era.in_combination_with),
            "augmentedBy": list(trial.augmented_by),
            "indication": {"value": one.intent.value, "basis": one.intent.basis},
            "sources": list(trial.sources),
            "reasons": reasons((*one.reasons, *trial.outcome.reasons)),
        },
    )
    for system, key in (("rxnorm", "rxcui"), ("atc", "atc")):
        assert part[key] is None if system not in dict(codes) else (system, part[key]) in codes
    stop = trial.outcome.stop
    assert part["stopReason"] == (
        None if stop is None else {"value": stop.meaning, "basis": stop.by, "label": stop.label}
    )
    assert set(part["flags"]) == {*one.flags, *trial.flags, *trial.outcome.flags}
    run = one.sure or one.possible
    assert (part["run"] is None) is (run is None)
    if run is not None:
        within(part["run"], {"start": day(run.span.start), "end": day(run.span.end)})
        assert part["run"]["coverage"] == pytest.approx(run.coverage, abs=5e-4)
    for other, (judgement, result) in zip(part["otherEras"], trial.others, strict=True):
        assert other == {
            "start": day(judgement.era.start),
            "end": day(judgement.era.end),
            "adequacy": judgement.adequacy.value,
            "outcome": result.status.value,
            "reasons": reasons((*judgement.reasons, *result.reasons)),
        }
    for stretch, (first, stop_before, told) in zip(part["exposure"], era.days.stretches, strict=True):
        known = told.dose.is_known
        assert stretch == {
            "start": day(date.fromordinal(first)),
            "end": day(date.fromordinal(stop_before - 1)),
            "dose": {"min": told.dose.low if known else None, "max": told.dose.high if known else None},
            "sure": told.sure and not told.doubtful,
            "grade": told.grade,
            "layer": told.layer.value,
            "uses": list(told.uses),
        }


def test_trials_augmentations_and_courses(found: Assessment) -> None:
    document = to_document(found)
    for key, trials in (
        ("trials", found.trials),
        ("earlierTrials", found.earlier),
        ("augmentations", found.augmentations),
    ):
        for part, trial in zip(document[key], trials, strict=True):
            check_trial(part, trial)
    for part, course in zip(document["neuromodulation"], found.courses, strict=True):
        assert part == {
            "kind": course.kind,
            "label": course.label,
            "start": day(course.series.start),
            "end": day(course.series.end),
            "ongoing": course.ongoing,
            "sessions": {"lo": course.series.sessions.lo, "hi": course.series.sessions.hi},
            "traits": sorted(course.series.traits),
            "indication": course.series.intent,
            "inEpisode": course.series.current,
            "adequacy": course.adequacy.value,
            "outcome": outcome(course.outcome),
            "flags": list(dict.fromkeys((*course.flags, *course.outcome.flags))),
            "sources": list(course.sources),
            "reasons": reasons((*course.reasons, *course.outcome.reasons)),
        }


def test_the_verdict_and_what_stands_beside_it(found: Assessment) -> None:
    document, verdict = to_document(found), found.verdict
    counted = {
        name: None if told is None else {"lo": told[0].lo, "loProxy": told[0].lo_proxy, "hi": told[0].hi}
        for name, told in found.by_definition.items()
    }
    within(
        document,
        {
            "contract": "1",
            "asOf": day(found.as_of),
            "counts": counted,
            "gaps": [{"what": gap.what, "why": gap.why} for gap in found.gaps],
            "missing": [{"what": one.what, "wouldAffect": one.would_affect} for one in found.missing],
            "setAside": [{"reference": one.reference, "reason": one.reason} for one in found.set_aside],
            "pseudoResistance": [
                {"id": o.id, "kind": o.kind, "finding": o.finding, "cites": list(o.cites), "uses": list(o.uses)}
                for o in found.pseudo_resistance
            ],
        },
    )
    within(
        document["verdict"],
        {
            "value": verdict.value.value,
            "capped": None if verdict.capped is None else verdict.capped.value,
            "reasons": reasons(verdict.reasons),
            "byDefinition": {
                name: None if told is None else told[1].value for name, told in found.by_definition.items()
            },
        },
    )
    for part, change in zip(document["verdict"]["wouldChangeIf"], found.changes, strict=True):
        first, last = change.window or (None, None)
        assert part == {
            "fact": change.fact,
            "verdict": change.verdict.value,
            "kind": change.kind,
            "effort": change.effort,
            "trial": change.trial,
            "ingredient": change.ingredient,
            "instrument": change.instrument,
            "date": day(change.day),
            "from": day(first),
            "to": day(last),
        }
    within(
        document["episode"],
        {
            "start": day(found.episode.start),
            "basis": found.episode.basis,
            "uncertain": found.episode.uncertain,
            "flags": list(found.eligibility.flags),
            "reasons": reasons(found.episode.reasons),
        },
    )
    assert document["eligibility"] == {
        "decided": found.eligibility.decided,
        "reasons": reasons((*found.eligibility.reasons, *found.eligibility.basis, *found.eligibility.caps)),
    }
    severity = found.severity
    assert (document["currentSeverity"] is None) is (severity is None)
    if severity is not None:
        within(
            document["currentSeverity"],
            {
                "instrument": severity.score.instrument,
                "value": severity.score.value,
                "date": day(severity.score.day),
                "band": severity.band,
                "references": list(severity.score.references),
            },
        )


def test_domains_and_profile(found: Assessment) -> None:
    document, profile = to_document(found), found.next_step.profile
    assert document["domains"].keys() == profile.scores.keys()
    for name, told in profile.scores.items():
        part = document["domains"][name]
        within(
            part,
            {
                "score": share(told.score),
                "completeness": share(told.completeness),
                "lower": share(told.lower),
                "upper": share(told.upper),
                "assessable": told.assessable,
                "reasons": reasons(told.reasons),
            },
        )
        for evidence, one in zip(part["evidence"], told.evidence, strict=True):
            assert evidence == {
                "family": one.family,
                "indicator": one.indicator,
                "label": one.label,
                "raw": share(one.raw),
                "unit": one.unit,
                "date": day(one.date),
                "weight": share(one.weight),
                "recency": share(one.recency),
                "evidence": share(one.evidence),
                "reference": one.references[0],
                "references": list(one.references),
                "cites": list(one.cites),
                "flags": list(one.flags),
            }
        for boost, one in zip(part["boosts"], told.boosts, strict=True):
            assert boost == {
                "category": one.category,
                "label": one.label,
                "share": share(one.share),
                "cites": list(one.cites),
                "uses": list(one.references),
            }
        for ignored, one in zip(part["ignored"], told.ignored, strict=True):
            assert ignored == {
                "indicator": one.indicator,
                "raw": share(one.raw),
                "date": day(one.date),
                "why": one.why,
                "references": list(one.references),
            }
    assert document["profile"] == {
        "label": profile.label,
        "domains": list(profile.domains),
        "secondary": list(profile.secondary),
        "certainty": profile.certainty,
        "collectNext": list(profile.collect_next),
        "mild": profile.mild,
        "reasons": reasons(profile.reasons),
        "notices": reasons(profile.notices),
        "limits": list(profile.limits),
    }


def test_safety_options_and_orders(found: Assessment) -> None:
    document, step = to_document(found), found.next_step
    suicidality = step.modifiers.suicidality
    assert document["modifiers"] == dict(step.modifiers.values)
    assert document["gates"] == list(step.modifiers.gates)
    assert document["safety"] == {
        "suicidality": {
            "level": suicidality.level,
            "date": day(suicidality.day),
            "lastRecorded": day(suicidality.last_recorded),
            "rescreen": suicidality.rescreen,
            "reasons": reasons(suicidality.reasons),
        },
        "complete": step.safety.complete,
        "unread": reasons(step.safety.unread),
        "reasons": reasons(step.modifiers.reasons),
        "warnings": [
            {"rule": hit.rule, "label": hit.label, "reasons": reasons(hit.reasons)} for hit in step.safety.warnings
        ],
    }
    assert document["neededBeforeStart"] == [
        {"option": one.option, "what": one.what, "rule": one.rule, "reasons": reasons(one.reasons)}
        for one in step.safety.needed
    ]
    assert document["pattern"] == {
        "value": step.pattern.value,
        "because": [reason.text for reason in step.pattern.because],
        "reasons": reasons(step.pattern.because),
    }
    options = step.options
    for lane in ("matched", "guideline", "adjunct"):
        for part, one in zip(document["options"][lane], getattr(options, lane), strict=True):
            assert part == {
                "id": one.id,
                "label": one.label,
                "kind": one.kind,
                "tier": one.tier,
                "grade": one.grade,
                "cautions": list(one.cautions),
                "offLabel": one.off_label,
                "shownInline": one.shown_inline,
                "asInformation": one.as_information,
                "probable": one.probable,
                "pairsWith": list(one.pairs_with),
                "notWith": list(one.not_with),
                "reasons": reasons(one.reasons),
            }
    assert document["options"]["blocked"] == [
        {"id": one.id, "label": one.label, "rules": list(one.rules), "reasons": reasons(one.reasons)}
        for one in options.blocked
    ]
    for part, order in zip(document["orders"], found.orders, strict=True):
        within(part, {"reference": order.order.reference, "ingredient": order.ingredient})
        told = [(one.rule, one.level, list(dict.fromkeys(one.uses))) for one in (*order.findings, *order.stops)]
        assert [(one["rule"], one["level"], one["uses"]) for one in part["findings"]] == told


def test_a_hard_stop_of_a_draft_stands_under_the_names_of_the_contract() -> None:
    found = replace(judged(next(iter(STORIES))), orders=())
    assert to_document(found)["orders"] == []
    stopped = [(name, order) for name in STORIES for order in judged(name).orders if order.stops]
    assert stopped, "no story has a draft that is stopped"
    for name, order in stopped:
        [part] = [p for p in to_document(judged(name))["orders"] if p["reference"] == order.order.reference]
        assert part["findings"][len(order.findings) :] == [
            {"rule": stop.rule, "level": stop.level, "uses": list(stop.uses), "reasons": reasons(stop.reasons)}
            for stop in order.stops
        ]


def test_every_reason_is_whole_and_stands_in_the_text_tree(found: Assessment) -> None:
    document, text = to_document(found), explain(found)
    known = {*found.record.received, *(order.order.reference for order in found.orders)}
    assert reason_faults(document, known, KNOWLEDGE.sources) == []
    for hook in ("order-select", "order-sign", "patient-view"):
        drafts = advise(found, hook=hook, knowledge=KNOWLEDGE)
        assert card_faults(drafts, known, KNOWLEDGE.sources) == []
    for trial in (*found.trials, *found.earlier, *found.augmentations):
        for reason in (*trial.judged.reasons, *trial.outcome.reasons):
            assert f"    [{reason.rule}] {reason.text}\n" in text
    for reason in (*found.verdict.reasons, *found.episode.reasons):
        assert f"  [{reason.rule}] {reason.text}\n" in text


def test_the_text_tree_says_plainly_what_there_is_none_of() -> None:
    empty = assess(read_record([], knowledge=KNOWLEDGE), knowledge=KNOWLEDGE, as_of=TODAY)
    lines = explain(empty).splitlines()
    assert "No trials" in lines
    assert "Staging: none" in lines
    assert "Would change: no single missing fact that was tried" not in lines
    settled = explain(replace(empty, changes=())).splitlines()
    assert "Would change: no single missing fact that was tried" in settled
    unjudged = replace(empty, by_definition={**empty.by_definition, "ATHF4W": None})
    assert "  under ATHF4W: not computed yet" in explain(unjudged).splitlines()
    assert to_document(unjudged)["counts"]["ATHF4W"] is None


def test_an_option_in_the_text_tree_has_its_cautions_and_whether_it_is_off_label(found: Assessment) -> None:
    lines, options = explain(found).splitlines(), found.next_step.options
    for lane in (options.matched, options.guideline, options.adjunct):
        for place, one in enumerate(lane, start=1):
            said = [f"tier {one.tier}, match {one.grade:g}"]
            said += ["off-label"] if one.off_label else []
            said += [f"cautions {', '.join(one.cautions)}"] if one.cautions else []
            assert f"    {place}. {one.id} {one.label} ({'; '.join(said)})" in lines


def test_a_full_record_keeps_its_parts() -> None:
    found = assess(explained_record(), knowledge=KNOWLEDGE, as_of=date(2026, 6, 15))
    document = to_document(found)
    assert [part["label"] for part in document["neuromodulation"]] == [course.label for course in found.courses]
    assert document["earlierTrials"]
