"""What the reasoning costs as a record grows: reading, assessing and writing the document, without any network.

Records of 30 to 10,000 resources of one patient over ten years: a fifth antidepressant orders and fills, a fifth other
drugs, a tenth depression scores, the rest laboratory values and other conditions. The floor is decoding the same bytes
with the fastest JSON library; the growth column compares the cost per resource with that of the 300-resource record.

    python -m benchmarks.long_records [--repeats 5] [--sizes 30 300 3000]
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial

import orjson

from cds_hooks.clock import SystemClock
from cds_hooks.fhir_writer import (
    Resource,
    coding,
    concept,
    condition,
    dosage,
    medication_dispense,
    medication_request,
    observation,
    patient,
    quantity,
)
from cds_hooks.memory import settle_memory
from cds_hooks.simulator.drafting import choices
from mappings.load import Knowledge, load
from plugin import assess
from plugin.document.assessment_document import to_document
from plugin.ingest import read_record

SIZES = (30, 100, 300, 1_000, 3_000, 10_000)
BASELINE = 300
YEARS = 10
DRUGS = 4
PATIENT = "long"


def record_of(size: int, knowledge: Knowledge, today: date) -> list[Resource]:
    """`size` resources of one patient, the same for the same size."""
    chance = random.Random(size)  # noqa: S311 - no secrets: the same record every time
    offered = [drug.products[-1] for drug in choices(knowledge)]
    products = [offered[number * 5 % len(offered)] for number in range(DRUGS)]
    scale = next(iter(knowledge.instruments.values()))
    score = scale.total_codes[0]
    depression = next(category for category in knowledge.conditions.categories if category.id == "depression")
    problem = depression.code_sets[0]
    begun = today - timedelta(days=365 * YEARS)
    resources: list[Resource] = [
        patient(id_=PATIENT, birth=today.replace(year=today.year - 50, day=1), sex="female"),
        condition(
            id_="depression",
            patient_id=PATIENT,
            code=concept(coding(knowledge.uri_of(problem.system), (*problem.exact, *problem.prefixes)[0])),
            onset=begun,
        ),
    ]
    rxnorm, loinc = knowledge.uri_of("rxnorm"), knowledge.uri_of("loinc")
    for number in range(size - len(resources)):
        day = begun + timedelta(days=chance.randrange(365 * YEARS))
        kind, id_ = number % 10, f"r{number}"
        product = products[int((day - begun).days * DRUGS / (365 * YEARS + 1))]
        drug = concept(coding(rxnorm, product.code, product.name), text=product.name)
        once = dosage(text="1 a day", dose=quantity(1, "tablet", ucum="{tbl}"), frequency=1)
        if kind == 0:
            resources.append(
                medication_dispense(
                    id_=id_,
                    patient_id=PATIENT,
                    medication=drug,
                    status="completed",
                    handed_over=day,
                    supply=quantity(30, "tablet"),
                    supply_days=30,
                    dosages=[once],
                )
            )
        elif kind == 1:
            resources.append(
                medication_request(
                    id_=id_,
                    patient_id=PATIENT,
                    medication=drug,
                    status="completed",
                    authored=day,
                    dosages=[once],
                    fill=quantity(30, "tablet"),
                    fill_days=30,
                )
            )
        elif kind in (2, 3):
            other = concept(coding(rxnorm, f"0{number % 7}"), text="another drug")
            resources.append(
                medication_request(
                    id_=id_, patient_id=PATIENT, medication=other, status="completed", authored=day, dosages=[once]
                )
            )
        elif kind == 4:
            code = concept(coding(knowledge.uri_of(score.system), score.code))
            value = chance.randrange(int(scale.maximum * 0.3), int(scale.maximum * 0.8))
            resources.append(observation(id_=id_, patient_id=PATIENT, code=code, day=day, value=value))
        elif kind == 9:
            code = concept(coding(knowledge.uri_of("icd10cm"), f"Z0{number % 9}"), text="a check-up")
            resources.append(condition(id_=id_, patient_id=PATIENT, code=code, onset=day))
        else:
            code = concept(coding(loinc, f"0000-{number % 9}"), text="a laboratory value")
            resources.append(observation(id_=id_, patient_id=PATIENT, code=code, day=day, value=kind))
    return resources


def fastest(work: Callable[[], object], repeats: int) -> float:
    """Milliseconds of the fastest of several runs: what else the machine does only ever adds."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000)
    return min(times)


def main() -> None:
    """Measure each size and print one line for it."""
    parser = argparse.ArgumentParser(description="Cost of an assessment as the record grows.")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    given = parser.parse_args()
    knowledge, today = load(), SystemClock().today("UTC")
    settle_memory()  # as the service does before it answers
    print(
        f"{'resources':>10}{'kB':>8}{'floor':>9}{'read':>9}{'assess':>9}{'document':>10}"
        f"{'all ms':>9}{'us each':>9}{'growth':>8}"
    )
    baseline = 0.0
    for size in sorted({BASELINE, *given.sizes}):
        resources = record_of(size, knowledge, today)
        body = orjson.dumps(resources)
        record = read_record(resources, knowledge=knowledge)
        assessment = assess(record, knowledge=knowledge, as_of=today)
        floor = fastest(partial(orjson.loads, body), given.repeats)
        read = fastest(partial(read_record, resources, knowledge=knowledge), given.repeats)
        judged = fastest(partial(assess, record, knowledge=knowledge, as_of=today), given.repeats)
        written = fastest(partial(to_document, assessment), given.repeats)
        whole = floor + read + judged + written
        each = whole * 1000 / size
        baseline = each if size == BASELINE else baseline
        growth = f"{each / baseline:.2f}" if baseline else "-"
        print(
            f"{size:>10}{len(body) // 1000:>8}{floor:>9.2f}{read:>9.1f}{judged:>9.1f}{written:>10.1f}"
            f"{whole:>9.1f}{each:>9.1f}{growth:>8}"
        )


if __name__ == "__main__":
    main()
