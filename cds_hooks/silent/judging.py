"""One patient of an export, judged at each of its moments: the rows of every table.

The same function runs in every engine. It is pure: the same lines, plan and knowledge give the same rows. At a moment
nothing is read that was not known then (`plugin.ingest.as_known`); the orders signed then are the drafts, not history.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from cds_hooks.silent.demographics import demographics_of
from cds_hooks.silent.moments import Moment, moments_of, why_not_judged
from cds_hooks.silent.plan import RunPlan
from cds_hooks.silent.tables import TABLES, Row, Rows
from mappings.load import Knowledge
from plugin import Assessment, assess
from plugin.advice.policy import CardDraft, advise
from plugin.baselines import baselines
from plugin.ingest import (
    Past,
    PastOrder,
    ReadOnce,
    as_drafted,
    past_orders,
    read_orders,
    read_record,
)
from plugin.record import Availability, PatientRecord, Read
from plugin.resistance.verdict import Value
from plugin.trial.trials import Trial

_LOUDEST = "critical"
_SHARED = "Medication"  # one that names no patient comes along with each of those whose records refer to it
_SETTLED = frozenset({Value.MET, Value.NOT_MET, Value.EXCLUDED, Value.OUT_OF_SCOPE})


def judge_patient(patient_id: str, lines: Sequence[bytes], *, plan: RunPlan, knowledge: Knowledge) -> Rows:
    """The rows of one patient for every table of `TABLES`.

    `lines` are the patient's resources, one JSON object each, in any order. Nothing is raised: a patient that cannot be
    judged has one row in `patients` that names the kind of fault, and no other.
    """
    try:
        return _judged(patient_id, lines, plan, knowledge)
    except Exception as fault:  # one patient must never cost the run; the report counts these
        rows: Rows = {name: [] for name in TABLES}
        told = sum(_kind(line) != _SHARED for line in lines)
        rows["patients"].append(_row("patients", patient=patient_id, resources=told, failed=type(fault).__name__))
        return rows


def _judged(patient_id: str, lines: Sequence[bytes], plan: RunPlan, knowledge: Knowledge) -> Rows:
    resources = [orjson.loads(line) for line in sorted(lines)]
    orders = past_orders(resources, knowledge=knowledge, jurisdiction=plan.jurisdiction)
    moments = moments_of(orders, plan)
    rows: Rows = {name: [] for name in TABLES}
    told: dict[str, tuple[tuple[str, ...], date]] = {}
    past, already = Past(resources, knowledge), ReadOnce()
    record: PatientRecord | None = None
    for moment in moments:
        record = _read(_known_at(moment, past), patient_id, plan, knowledge, already)
        assessment = _assessed(record, moment, plan, knowledge)
        drafts = advise(assessment, hook=plan.hook, knowledge=knowledge) if moment.orders else ()
        place = {"patient": patient_id, "moment": moment.id}
        rows["assessments"].append(_assessment_row(place, assessment, moment, plan, drafts))
        rows["definitions"] += _definition_rows(place, assessment)
        rows["published_rules"] += [
            _row("published_rules", **place, rule=one.rule, resistant=one.resistant)
            for one in baselines(record, knowledge=knowledge, as_of=moment.day, exposures=assessment.exposures)
        ]
        rows["trials"] += [_trial_row(place, number, trial) for number, trial in enumerate(assessment.trials)]
        rows["cards"] += _card_rows(place, moment.day, drafts, told, plan)
        if moment is moments[-1]:
            rows["set_aside"] += [
                _row("set_aside", patient=patient_id, reference=one.reference, reason=one.reason)
                for one in {entry.reference: entry for entry in assessment.set_aside}.values()
            ]
    rows["orders"] += _order_rows(patient_id, orders, moments, plan)
    if record is None:
        record = _read(resources, patient_id, plan, knowledge, already)
    rows["patients"].append(_patient_row(patient_id, resources, record, len(moments), plan))
    return rows


def _known_at(moment: Moment, past: Past) -> list[Mapping[str, Any]]:
    """What was known when the orders of `moment` were signed, without those orders."""
    ours = {id(order.resource) for order in moment.orders}
    begun = [order.moment for order in moment.orders if order.moment is not None]
    before = min(begun, key=lambda one: one.isoformat()) if begun and len(begun) == len(moment.orders) else None
    return past.on(moment.day, before=before, but=ours)


def _read(
    resources: Sequence[Any], patient_id: str, plan: RunPlan, knowledge: Knowledge, already: ReadOnce
) -> PatientRecord:
    return read_record(
        resources,
        knowledge=knowledge,
        patient_id=patient_id,
        availability={kind: Availability(read=Read.COMPLETE) for kind in plan.kinds},
        zone=ZoneInfo(plan.zone),
        jurisdiction=plan.jurisdiction,
        already=already,
    )


def _assessed(record: PatientRecord, moment: Moment, plan: RunPlan, knowledge: Knowledge) -> Assessment:
    kinds = {kind.type: kind for kind in knowledge.known_then.kinds}
    cart = [as_drafted(order.resource, moment.day, kinds) for order in moment.orders]
    return assess(
        record,
        knowledge=knowledge,
        as_of=moment.day,
        definition=plan.definition,
        jurisdiction=plan.jurisdiction,
        orders=read_orders(cart, knowledge=knowledge, jurisdiction=plan.jurisdiction) if cart else (),
    )


def _assessment_row(
    place: Row, assessment: Assessment, moment: Moment, plan: RunPlan, drafts: Sequence[CardDraft]
) -> Row:
    verdict, step, patient = assessment.verdict, assessment.next_step, assessment.record.patient
    age = patient.age_on(moment.day) if patient is not None else None
    settled_by: list[str] = []
    if verdict.value not in _SETTLED:
        settled_by = sorted({change.kind for change in assessment.changes if change.verdict in _SETTLED})
    first = moment.orders[0] if moment.orders else None
    return _row(
        "assessments",
        **place,
        as_of=moment.day,
        occasion={"orders": "order", "date": "date", "months": "month"}[plan.occasion],
        order=first.id if first is not None else None,
        prescriber=first.prescriber or None if first is not None else None,
        ingredients=sorted({name for order in moment.orders for name in order.ingredients}),
        age_years=age[0] if age is not None and age[0] == age[1] else None,
        verdict=verdict.value.value,
        capped=verdict.capped.value if verdict.capped is not None else None,
        decided_by=list(dict.fromkeys(reason.rule for reason in verdict.reasons)),
        failed_sure=verdict.counts.lo,
        failed_with_proxy=verdict.counts.lo_proxy,
        failed_possible=verdict.counts.hi,
        trials=len(assessment.trials),
        episode_start=assessment.episode.start,
        episode_uncertain=assessment.episode.uncertain,
        severity_band=assessment.severity.band if assessment.severity is not None else None,
        profile=step.profile.label,
        domains=list(step.profile.domains),
        gates=sorted(step.modifiers.gates),
        settled_by=settled_by,
        missing=sorted({one.would_affect.partition("[")[0] for one in assessment.missing}),
        fired=bool(drafts),
        hard_stop=any(draft.indicator == _LOUDEST for draft in drafts),
    )


def _definition_rows(place: Row, assessment: Assessment) -> list[Row]:
    rows = []
    for name, result in assessment.by_definition.items():
        counts, value = result if result is not None else (None, None)
        rows.append(
            _row(
                "definitions",
                **place,
                definition=name,
                verdict=value.value if value is not None else None,
                failed_sure=counts.lo if counts is not None else None,
                failed_with_proxy=counts.lo_proxy if counts is not None else None,
                failed_possible=counts.hi if counts is not None else None,
            )
        )
    return rows


def _trial_row(place: Row, number: int, trial: Trial) -> Row:
    judged, outcome = trial.judged, trial.outcome
    return _row(
        "trials",
        **place,
        number=number,
        ingredient=trial.ingredient,
        start=None if trial.undated else judged.era.start,
        end=None if trial.undated else judged.era.end,
        ongoing=trial.ongoing,
        undated=trial.undated,
        days_sure=judged.sure.days if judged.sure is not None else 0,
        days_possible=judged.possible.days if judged.possible is not None else 0,
        adequacy=judged.adequacy.value,
        outcome=outcome.status.value,
        basis=outcome.basis,
        grade=trial.grade,
        flags=list(dict.fromkeys((*judged.flags, *trial.flags, *outcome.flags))),
        sources=list(trial.sources),
    )


def _card_rows(
    place: Row, day: date, drafts: Sequence[CardDraft], told: dict[str, tuple[tuple[str, ...], date]], plan: RunPlan
) -> list[Row]:
    """The cards of one moment; `told` is what this patient's moments said before, and is brought up to date.

    No answer is recorded in an export. `silenced_if_answered` says what repeat control would have left out, had every
    lasting finding been answered when it was first told: the most it can do.
    """
    rows = []
    for number, draft in enumerate(drafts):
        before = told.get(draft.finding) if draft.finding else None
        same = before is not None and before[0] == draft.facts
        days = (day - before[1]).days if before is not None and same else None
        silenced = draft.lasting and days is not None and days <= plan.repeat_days
        rows.append(
            _row(
                "cards",
                **place,
                number=number,
                kind=draft.kind,
                indicator=draft.indicator,
                finding=draft.finding or None,
                rules=list(draft.rules),
                options=list(draft.offers),
                lasting=draft.lasting,
                repeat_days=days,
                silenced_if_answered=silenced,
            )
        )
        if draft.finding and not silenced:
            told[draft.finding] = (draft.facts, day)
    return rows


def _order_rows(patient_id: str, orders: Sequence[PastOrder], moments: Sequence[Moment], plan: RunPlan) -> list[Row]:
    judged_at = {id(order.resource): moment.id for moment in moments for order in moment.orders}
    rows = {}
    for order in orders:
        rows[order.id] = _row(
            "orders",
            patient=patient_id,
            order=order.id,
            moment=judged_at.get(id(order.resource)),
            ordered=order.day,
            prescriber=order.prescriber or None,
            ingredients=list(order.ingredients),
            why_not=why_not_judged(order, plan) or None,
        )
    return list(rows.values())


def _patient_row(patient_id: str, resources: Sequence[Any], record: PatientRecord, moments: int, plan: RunPlan) -> Row:
    stated = demographics_of(resources)
    drugs = [fact for fact in record.medications if fact.product is not None]
    age = record.patient.age_on(plan.until) if record.patient is not None else None
    return _row(
        "patients",
        patient=patient_id,
        resources=sum(_kind_of(one) != _SHARED for one in resources),
        moments=moments,
        drug_records=len(drugs),
        supply_records=sum(
            any(one is not None for one in (fact.days_supply, fact.quantity, fact.end, fact.validity_end))
            for fact in drugs
        ),
        dose_records=sum(any(line.dose_low is not None for line in fact.dosage) for fact in drugs),
        scores=len(record.scores),
        sex=record.patient.sex if record.patient is not None else None,
        age_at_end_years=age[0] if age is not None and age[0] == age[1] else None,
        **{name: stated[name] if name in plan.keep else None for name in stated},
    )


def _kind(line: bytes) -> object:
    """The type of the resource in a line; None where it cannot be read."""
    try:
        return _kind_of(orjson.loads(line))
    except orjson.JSONDecodeError:
        return None


def _kind_of(resource: object) -> object:
    return resource.get("resourceType") if isinstance(resource, dict) else None


def _row(table: str, **values: Any) -> Row:
    """A row with every column of `table`; what is not given is None."""
    return {column.name: values.pop(column.name, None) for column in TABLES[table].columns}
