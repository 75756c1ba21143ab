"""What the page that shows the basis of an assessment costs: reading, assessing and rendering apart, and its size.

Every story of the demo, the largest page last, and synthetic records of ten years; each as the best and the median of
some runs in one process, without any network. The aim for the stories: rendered in 100 ms, smaller than 150 kB.

    python -m benchmarks.basis_page [--repeats 9] [--sizes 300 3000]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

from benchmarks.corpora import LONG_PATIENT, long_record
from cds_hooks.basis.page import Surroundings, basis_page
from cds_hooks.catalogue import queries
from cds_hooks.clock import SystemClock
from cds_hooks.fhir_writer import Resource
from cds_hooks.on_need import needs
from cds_hooks.stories import load_stories
from mappings.load import Knowledge, load
from plugin import assess
from plugin.ingest import read_orders, read_record
from plugin.record import Availability, Read

SIZES = (300, 3_000)


def measured(
    name: str, resources: Sequence[Resource], patient: str, draft: Resource | None, knowledge: Knowledge, repeats: int
) -> tuple[float, str]:
    """The line of one record, with the best time of rendering to sort by."""
    today = SystemClock().today("UTC")
    kinds = [*(one.resource_type for one in queries(knowledge)), *(one.read_as for one in needs(knowledge))]
    complete = {kind: Availability(read=Read.COMPLETE) for kind in kinds}
    drafts = [draft] if draft is not None else []

    def reading() -> object:
        return read_record(resources, knowledge=knowledge, patient_id=patient, availability=complete)

    record = read_record(resources, knowledge=knowledge, patient_id=patient, availability=complete)
    orders = read_orders(drafts, knowledge=knowledge)

    def assessing() -> object:
        return assess(record, knowledge=knowledge, as_of=today, orders=orders)

    assessment = assess(record, knowledge=knowledge, as_of=today, orders=orders)

    def rendering() -> str:
        return basis_page(assessment, knowledge=knowledge, around=Surroundings(demo=True))

    size = len(rendering().encode())
    read, judged, rendered = (_timed(step, repeats) for step in (reading, assessing, rendering))
    parts = "  ".join(f"{best:7.1f} {middle:7.1f}" for best, middle in (read, judged, rendered))
    return rendered[0], f"{name:28} {len(resources):6}  {parts}  {size / 1000:8.1f}"


def _timed(step: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Best and median time in milliseconds."""
    taken = []
    for _ in range(repeats):
        begun = time.perf_counter()
        step()
        taken.append((time.perf_counter() - begun) * 1000)
    return min(taken), statistics.median(taken)


def main() -> None:
    """Print one line for each record."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--repeats", type=int, default=9)
    asked.add_argument("--sizes", type=int, nargs="*", default=list(SIZES))
    chosen = asked.parse_args()
    knowledge = load()
    today = SystemClock().today("UTC")
    print(f"{'record':28} {'size':>6}  {'read ms':>15}  {'assess ms':>15}  {'render ms':>15}  {'page kB':>8}")
    print(f"{'':28} {'':6}  {'best  median':>15}  {'best  median':>15}  {'best  median':>15}")
    lines = [
        measured(story.id, story.resources, story.patient_id, story.suggested_order, knowledge, chosen.repeats)
        for story in load_stories(today, knowledge)
    ]
    for _, line in sorted(lines):
        print(line)
    for size in chosen.sizes:
        resources = long_record(size)
        print(measured(f"synthetic, {size}", resources, LONG_PATIENT, None, knowledge, chosen.repeats)[1])


if __name__ == "__main__":
    main()
