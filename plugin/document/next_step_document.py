"""Profile, modifiers, gates, pattern, options and what is needed first as parts of the public JSON document."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from plugin.domains.domain_scores import DomainScore
from plugin.domains.indicators import Evidence
from plugin.findings import Reason
from plugin.options.listing import Option, Options
from plugin.options.next_step import NextStep
from plugin.safety.drafts import JudgedOrder
from plugin.safety.suicidality import Suicidality

Element = dict[str, Any]
_SHARE_DIGITS = 4


def next_step_parts(step: NextStep) -> Element:
    """The keys of the document that tell what could come next, in the order of the contract."""
    profile, modifiers = step.profile, step.modifiers
    return {
        "domains": {name: _domain(score) for name, score in profile.scores.items()},
        "profile": {
            "label": profile.label,
            "domains": list(profile.domains),
            "secondary": list(profile.secondary),
            "certainty": profile.certainty,
            "collectNext": list(profile.collect_next),
            "mild": profile.mild,
            "reasons": reasons_part(profile.reasons),
            "notices": reasons_part(profile.notices),
            "limits": list(profile.limits),
        },
        "modifiers": dict(modifiers.values),
        "gates": list(modifiers.gates),
        "safety": {
            "suicidality": _suicidality(modifiers.suicidality),
            "complete": step.safety.complete,
            "unread": reasons_part(step.safety.unread),
            "reasons": reasons_part(modifiers.reasons),
            "warnings": [
                {"rule": hit.rule, "label": hit.label, "reasons": reasons_part(hit.reasons)}
                for hit in step.safety.warnings
            ],
        },
        "pattern": {
            "value": step.pattern.value,
            "because": [reason.text for reason in step.pattern.because],
            "reasons": reasons_part(step.pattern.because),
        },
        "options": _options(step.options),
    }


def needed_part(step: NextStep) -> list[Element]:
    """What an option needs before its start and what is not known."""
    return [
        {"option": one.option, "what": one.what, "rule": one.rule, "reasons": reasons_part(one.reasons)}
        for one in step.safety.needed
    ]


def stops_part(order: JudgedOrder) -> list[Element]:
    """The hard stops of one drafted order, as findings beside those of its history."""
    return [
        {"rule": stop.rule, "level": stop.level, "uses": list(stop.uses), "reasons": reasons_part(stop.reasons)}
        for stop in order.stops
    ]


def reasons_part(reasons: Iterable[Reason]) -> list[Element]:
    """Reasons as the contract has them."""
    return [reason_part(reason) for reason in reasons]


def reason_part(reason: Reason) -> Element:
    """One reason as the contract has it."""
    return {
        "rule": reason.rule,
        "text": reason.text,
        "facts": dict(reason.facts),
        "cites": list(reason.cites),
        "uses": list(reason.uses),
    }


def _domain(score: DomainScore) -> Element:
    return {
        "score": _share(score.score),
        "completeness": _share(score.completeness),
        "lower": _share(score.lower),
        "upper": _share(score.upper),
        "assessable": score.assessable,
        "evidence": [_evidence(one) for one in score.evidence],
        "boosts": [
            {
                "category": boost.category,
                "label": boost.label,
                "share": _share(boost.share),
                "cites": list(boost.cites),
                "uses": list(boost.references),
            }
            for boost in score.boosts
        ],
        "ignored": [
            {
                "indicator": one.indicator,
                "raw": _number(one.raw),
                "date": _day(one.date),
                "why": one.why,
                "references": list(one.references),
            }
            for one in score.ignored
        ],
        "reasons": reasons_part(score.reasons),
    }


def _evidence(one: Evidence) -> Element:
    return {
        "family": one.family,
        "indicator": one.indicator,
        "label": one.label,
        "raw": _number(one.raw),
        "unit": one.unit,
        "date": _day(one.date),
        "weight": _share(one.weight),
        "recency": _share(one.recency),
        "evidence": _share(one.evidence),
        "reference": one.references[0],
        "references": list(one.references),
        "cites": list(one.cites),
        "flags": list(one.flags),
    }


def _suicidality(found: Suicidality) -> Element:
    return {
        "level": found.level,
        "date": _day(found.day),
        "lastRecorded": _day(found.last_recorded),
        "rescreen": found.rescreen,
        "reasons": reasons_part(found.reasons),
    }


def _options(options: Options) -> Element:
    pairing, why = options.pairing, options.why_none
    return {
        "matched": [_option(one) for one in options.matched],
        "guideline": [_option(one) for one in options.guideline],
        "adjunct": [_option(one) for one in options.adjunct],
        "blocked": [
            {"id": one.id, "label": one.label, "rules": list(one.rules), "reasons": reasons_part(one.reasons)}
            for one in options.blocked
        ],
        "informationOnly": [f"{one.label}: {one.status}" for one in options.information_only],
        "pairing": None
        if pairing is None
        else {
            "leading": pairing.leading,
            "companions": [{"option": one.therapy, "form": one.form} for one in pairing.companions],
            "together": reasons_part(pairing.together),
            "apart": reasons_part(pairing.apart),
        },
        "whyNone": reasons_part((why,))[0] if why is not None else None,
    }


def _option(option: Option) -> Element:
    return {
        "id": option.id,
        "label": option.label,
        "kind": option.kind,
        "tier": option.tier,
        "grade": option.grade,
        "cautions": list(option.cautions),
        "offLabel": option.off_label,
        "shownInline": option.shown_inline,
        "asInformation": option.as_information,
        "probable": option.probable,
        "pairsWith": list(option.pairs_with),
        "notWith": list(option.not_with),
        "reasons": reasons_part(option.reasons),
    }


def _share(value: float | None) -> float | None:
    return None if value is None else round(value, _SHARE_DIGITS)


def _number(value: float | None) -> float | int | None:
    if value is None:
        return None
    return int(value) if value == int(value) else round(value, _SHARE_DIGITS)


def _day(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None
