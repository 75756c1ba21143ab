"""The requests that are measured, by size: invented records, the same bytes on every machine and every day.

Lives and records come from the generator of synthetic cohorts and the ordinary rest of a chart from the stories, all
with a fixed seed. Days are those of the cohort: whoever serves a corpus stands at `moment`, the noon after its last
day. Every resource is valid FHIR R4 (tests/performance/test_corpora.py).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any

import orjson

from cds_hooks.catalogue import queries
from cds_hooks.cohort.drawing import Draw
from cds_hooks.cohort.life import Life
from cds_hooks.cohort.living import live
from cds_hooks.cohort.plan import Plan
from cds_hooks.cohort.record import patient_id_of, record_of
from cds_hooks.fhir_writer import (
    Resource,
    coding,
    collection,
    concept,
    condition,
    dosage,
    medication_dispense,
    medication_request,
    observation,
    patient,
    quantity,
)
from cds_hooks.simulator.drafting import Choice, choices, draft
from cds_hooks.simulator.hook_requests import USER
from cds_hooks.stories.background import read_shares
from mappings.load import Knowledge, load
from plugin import assess
from plugin.ingest import read_record
from plugin.record import Availability, Read
from plugin.resistance.verdict import Value

SEED = 11
ORDERS, SCORES = 50, 30
SIZES = (50, 500, 5_000)
FHIR_SERVER = "https://ehr.example/fhir"
_ANYBODY = "bench-0000"  # whom the canned FHIR server knows
_DRUGS = range(5, 9)  # how many antidepressants and augmenting agents the history names
_FAILED = 2  # how many of them did not help in the present episode, at least
LONG_PATIENT = "long"
_LONG_YEARS = 10
_LONG_DRUGS = 4


@dataclass(frozen=True, slots=True)
class Corpus:
    """One request: its `name`, what it is, the body to send, how many resources it brings and how many cards are due.

    `cards` is None where any number will do.
    """

    name: str
    meaning: str
    body: bytes
    resources: int
    cards: int | None = None


@cache
def knowledge() -> Knowledge:
    """The packaged knowledge, read once."""
    return load()


@cache
def _plan() -> Plan:
    """The generator's plan for a hospital where each renewal is an order of its own."""
    plan = Plan(knowledge())
    plan.number["fills-per-order"] = 1
    return plan


def last_day() -> date:
    """The day on which every corpus ends and every answer is given."""
    return _plan().end


def moment() -> datetime:
    """Noon of `last_day`, for the clock of whoever answers."""
    return datetime.combine(last_day(), time(12), UTC)


@cache
def history() -> Corpus:
    """50 orders of one patient's five to eight drugs with their refills, and 30 scores; a further one is drafted."""
    record = _history()
    return _corpus("history", "50 orders of 5 to 8 drugs, 30 scores", record, _next_drug(record))


@cache
def no_concern() -> Corpus:
    """The same record with a draft that is of no concern: a drug for high blood pressure."""
    said = _plan().file.unrelated_drugs[0]
    uri = knowledge().uri_of(said.code.system)
    order = _order(uri, said.code.code, said.text, status="draft", id_="draft", day=last_day(), who=_patient_id())
    return _corpus("no-concern", "the same record, a drug of no concern drafted", _history(), order, cards=0)


@cache
def all_drugs() -> Corpus:
    """The worst case: 50 orders, as far as they reach each of another antidepressant product, and 30 scores."""
    record, products = _all_drugs()
    return _corpus(
        "all-drugs",
        "50 orders of all antidepressants in turn, 30 scores",
        record,
        _drafted(products[0], str(record[0]["id"])),
    )


@cache
def sized(resources: int) -> Corpus:
    """One patient's ten years in so many resources; the mix is the same whatever the size."""
    order = _drafted(_long_products()[0], LONG_PATIENT)  # a drug that the patient has had
    return _corpus(f"{resources}-resources", f"{resources:,} resources of ten years", long_record(resources), order)


def nothing_sent(fhir_server: str = FHIR_SERVER) -> Corpus:
    """An antidepressant is drafted and nothing is sent along: everything is to be read from `fhir_server`."""
    body = _request(_drafted(_products()[0], _ANYBODY), None, fhir_server)
    return Corpus("nothing-sent", "an antidepressant drafted, nothing prefetched", body, 0)


def corpora(sizes: Sequence[int] = SIZES) -> Iterator[Corpus]:
    """All of them, with `sized` of these sizes."""
    yield from (history(), no_concern(), all_drugs(), nothing_sent())
    yield from map(sized, sizes)


def resources_in(corpus: Corpus) -> list[Resource]:
    """The resources of a request: those prefetched, then the drafts."""
    sent = orjson.loads(corpus.body)
    prefetched = sent.get("prefetch", {}).values()
    found = [item for one in prefetched for item in _items(one)]
    return found + _items(sent["context"]["draftOrders"])


def _items(sent: Mapping[str, Any]) -> list[Resource]:
    return [entry["resource"] for entry in sent.get("entry", ())] if sent["resourceType"] == "Bundle" else [dict(sent)]


@cache
def _life() -> Life:
    """The first life of the seed that is still ill after drugs that did not help, long enough recorded, and judged to
    be resistant to treatment: nothing of the reasoning or of its answer is left out.
    """
    plan, number = _plan(), 0
    while True:
        life = live(plan, SEED, number)
        number += 1
        drugs = {course.drug for course in life.courses if course.use != "other" and course.filled}
        now = [course for course in life.courses if course.episode == len(life.spells) - 1]
        failed = sum(course.use == "antidepressant" and course.ending == "inefficacy" for course in now)
        if len(drugs) not in _DRUGS or failed < _FAILED or life.spells[-1].end is not None:
            continue
        record = _history_of(life)
        counts = Counter(one["resourceType"] for one in record)
        if counts["MedicationRequest"] == ORDERS and counts["Observation"] == SCORES and _is_resistant(record):
            return life


def _history() -> list[Resource]:
    return _history_of(_life())


def _history_of(life: Life) -> list[Resource]:
    """The newest 50 orders and 30 scores, diagnoses and procedures.

    Without dispenses: the pharmacy's records do not arrive there.
    """
    record = record_of(life, _plan(), seed=SEED, hidden={**_plan().hidden("complete"), "dispense-feed": 1.0})
    kept: list[Resource] = []
    for kind, most in (("MedicationRequest", ORDERS), ("Observation", SCORES)):
        day = "authoredOn" if kind == "MedicationRequest" else "effectiveDateTime"
        all_ = sorted((one for one in record if one["resourceType"] == kind), key=lambda one: str(one.get(day)))
        kept += all_[-most:]
    return [one for one in record if one["resourceType"] in {"Patient", "Condition", "Procedure"}] + kept


def _is_resistant(record: Sequence[Resource]) -> bool:
    complete = {query.resource_type: Availability(read=Read.COMPLETE) for query in queries(knowledge())}
    known = read_record(record, knowledge=knowledge(), patient_id=str(record[0]["id"]), availability=complete)
    return assess(known, knowledge=knowledge(), as_of=last_day()).verdict.value is Value.MET


def _patient_id() -> str:
    return patient_id_of(SEED, _life().number)


def _all_drugs() -> tuple[list[Resource], list[Choice]]:
    products, end, who = _products(), last_day(), "every-drug"
    uri = knowledge().uri_of("rxnorm")
    record = [patient(id_=who, birth=end.replace(year=end.year - 45, day=1), sex="female"), _depression(who)]
    for number in range(ORDERS):
        product = products[number * 7 % len(products)]
        day = end - timedelta(days=30 * (ORDERS - number))
        record.append(_order(uri, product.code, product.name, id_=f"order-{number}", day=day, who=who, supplied=True))
    record += [_score(f"score-{number}", who, end - timedelta(days=30 * (SCORES - number))) for number in range(SCORES)]
    return record, products


def long_record(size: int) -> list[Resource]:
    """`size` resources of one patient over ten years, the same for the same size.

    A fifth are orders and fills of four antidepressants, a fifth orders of other drugs, a tenth depression scores; the
    rest are laboratory values within the ordinary ranges, and other conditions.
    """
    chance, draw = random.Random(size), Draw("long-record", size)  # noqa: S311 - no secrets: the same every time
    known, end, who = knowledge(), last_day(), LONG_PATIENT
    products = _long_products()
    labs = [lab for lab in read_shares().labs if lab.sex in (None, "female")]
    others = _plan().file.unrelated_drugs
    rxnorm, begun = known.uri_of("rxnorm"), end - timedelta(days=365 * _LONG_YEARS)
    record = [patient(id_=who, birth=end.replace(year=end.year - 50, day=1), sex="female"), _depression(who)]
    for number in range(size - len(record)):
        day = begun + timedelta(days=chance.randrange(365 * _LONG_YEARS))
        kind, id_ = number % 10, f"r{number}"
        product = products[int((day - begun).days * _LONG_DRUGS / (365 * _LONG_YEARS + 1))]
        if kind == 0:
            record.append(_fill(rxnorm, product, id_=id_, day=day, who=who))
        elif kind == 1:
            record.append(_order(rxnorm, product.code, product.name, id_=id_, day=day, who=who, supplied=True))
        elif kind in (2, 3):
            other = others[number // 10 % len(others)]
            record.append(
                _order(known.uri_of(other.code.system), other.code.code, other.text, id_=id_, day=day, who=who)
            )
        elif kind == 4:
            record.append(_score(id_, who, day, share=chance.uniform(0.3, 0.8)))
        elif kind == 9:
            code = concept(coding(known.uri_of("icd10cm"), f"Z0{number // 10 % 9}"), text="an encounter for a check-up")
            record.append(condition(id_=id_, patient_id=who, code=code, recorded=day))
        else:
            lab = labs[number % len(labs)]
            measure = known.clinical.measures[lab.name]
            code = concept(coding(known.uri_of(measure.codes[0].system), measure.codes[0].code), text=measure.label)
            value = quantity(lab.draw(draw), lab.unit, ucum=lab.unit)
            record.append(observation(id_=id_, patient_id=who, code=code, day=day, value=value, category="laboratory"))
    return record


def _long_products() -> list[Choice]:
    offered = [drug.products[-1] for drug in choices(knowledge())]
    return [offered[number * 5 % len(offered)] for number in range(_LONG_DRUGS)]


def _products() -> list[Choice]:
    return [product for drug in choices(knowledge()) for product in drug.products]


def _next_drug(record: Sequence[Resource]) -> Resource:
    """A draft of the antidepressant most often chosen next by the generator's prescribers, of those not on record."""
    written, plan = orjson.dumps(record).decode().lower(), _plan()
    weighed = sorted(plan.weights(plan.file.antidepressants, later=True), key=lambda pair: -pair[1])
    labels = [knowledge().drugs[choice.drug].label for choice, _ in weighed]
    new = next(label for label in labels if label.lower() not in written)
    offered = next(drug for drug in choices(knowledge()) if drug.label == new)
    return _drafted(offered.products[0], str(record[0]["id"]))


def _drafted(product: Choice, who: str) -> Resource:
    order = draft(product.code, 1, patient_id=who, day=last_day(), knowledge=knowledge())
    assert order is not None
    return order


def _order(
    system: str,
    code: str,
    name: str,
    *,
    id_: str,
    day: date,
    who: str,
    status: str = "completed",
    supplied: bool = False,
) -> Resource:
    return medication_request(
        id_=id_,
        patient_id=who,
        medication=concept(coding(system, code, name), text=name),
        status=status,
        authored=day,
        dosages=[_once()],
        fill=quantity(30, "tablet") if supplied else None,
        fill_days=30 if supplied else None,
    )


def _fill(system: str, product: Choice, *, id_: str, day: date, who: str) -> Resource:
    return medication_dispense(
        id_=id_,
        patient_id=who,
        medication=concept(coding(system, product.code, product.name), text=product.name),
        status="completed",
        handed_over=day,
        supply=quantity(30, "tablet"),
        supply_days=30,
        dosages=[_once()],
    )


def _once() -> dict[str, Any]:
    return dosage(text="1 a day", dose=quantity(1, "tablet", ucum="{tbl}"), frequency=1)


def _score(id_: str, who: str, day: date, *, share: float = 0.7) -> Resource:
    scale = next(iter(knowledge().instruments.values()))
    code = concept(coding(knowledge().uri_of(scale.total_codes[0].system), scale.total_codes[0].code))
    return observation(id_=id_, patient_id=who, code=code, day=day, value=int(scale.maximum * share))


def _depression(who: str) -> Resource:
    said = _plan().file.depression["recurrent"]
    code = concept(coding(knowledge().uri_of(said.code.system), said.code.code), text=said.text)
    return condition(
        id_="depression", patient_id=who, code=code, recorded=last_day() - timedelta(days=365 * _LONG_YEARS)
    )


def _corpus(name: str, meaning: str, record: Sequence[Resource], order: Resource, cards: int | None = None) -> Corpus:
    sent: dict[str, Any] = {}
    for query in queries(knowledge()):
        of_type = [one for one in record if one["resourceType"] == query.resource_type]
        sent[query.key] = of_type[0] if query.is_read else collection(of_type, kind="searchset")
    return Corpus(name, meaning, _request(order, sent), len(record), cards)


def _request(order: Resource, prefetch: dict[str, Any] | None, fhir_server: str = FHIR_SERVER) -> bytes:
    request = {
        "hook": "order-select",
        "hookInstance": "00000000-0000-4000-8000-000000000011",  # the same bytes every time
        "fhirServer": fhir_server,
        "context": {
            "userId": USER,
            "patientId": order["subject"]["reference"].removeprefix("Patient/"),
            "draftOrders": collection([order]),
            "selections": [f"MedicationRequest/{order['id']}"],
        },
    }
    return orjson.dumps(request if prefetch is None else {**request, "prefetch": prefetch})
