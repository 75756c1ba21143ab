"""What fuzzing found: the smallest input of each find (docs/fuzzing.md)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any

import orjson
import pytest

from mappings.load import Knowledge
from plugin import assess
from plugin.document.assessment_document import to_document
from plugin.exposure import dose, order_supply
from plugin.ingest import read_record, resources_of_text, written_strengths
from plugin.ingest.product_words import read_wording
from plugin.ingest.resources import text
from plugin.ingest.written_strengths import _COUNT
from tests.fuzz.oracle import AS_OF
from tests.ingest.shorthand import Resource, one_daily, order, patient


def steps(module: ModuleType, work: Callable[[], object]) -> int:
    """How many instructions of `module` are carried out: the same on every machine, whatever the time they take."""
    count, file = 0, module.__file__

    def inside(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        count += event == "opcode"
        return inside

    def entered(frame: FrameType, _: str, __: Any) -> Any:
        if frame.f_code.co_filename != file:
            return None
        frame.f_trace_opcodes = True
        return inside

    before = sys.gettrace()
    sys.settrace(entered)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def test_a_count_of_tablets_begins_at_the_first_figure_of_a_number() -> None:
    """From within a number the search would begin again at each figure, and take the square of their number."""
    assert _COUNT.match("11 tablets", 0) is not None
    assert _COUNT.match("11 tablets", 1) is None
    found = [match[0] for match in _COUNT.finditer("50 mg 30 tablets .5 ml 1.5.2 caps 12,5 tab")]
    assert found == ["50 mg", "30 tablets", ".5 ml", "5.2 caps", "12,5 tab"]


@pytest.mark.parametrize("text", ["sertraline ", "sertraline/fluoxetine ", "sertraline 50 mg and ", "1 mg sertraline "])
def test_the_work_on_a_text_grows_no_faster_than_the_text(knowledge: Knowledge, text: str) -> None:
    few, many = (steps(written_strengths, lambda n=n: read_wording([text * n], knowledge)) for n in (50, 200))
    assert many < 5 * few


def many_orders(count: int) -> list[Resource]:
    """Orders of one drug on one day, each for the next."""
    following = [{"reference": f"MedicationRequest/o{number + 1}"} for number in range(count)]
    return [order(f"o{number}", basedOn=[reference]) for number, reference in enumerate(following)]


def one_order(count: int) -> list[Resource]:
    """One order with so many numbered instructions."""
    return [order(dosageInstruction=[one_daily(1, "{tbl}", sequence=number) for number in range(count)])]


@pytest.mark.parametrize(("orders", "module"), [(many_orders, order_supply), (one_order, dose)])
def test_the_work_on_orders_grows_no_faster_than_their_number(
    knowledge: Knowledge, orders: Callable[[int], list[Resource]], module: ModuleType
) -> None:
    few, many = (read_record([patient(), *orders(n)], knowledge=knowledge) for n in (40, 160))
    less, more = (steps(module, lambda r=r: assess(r, knowledge=knowledge, as_of=AS_OF)) for r in (few, many))
    assert 0 < more < 5 * less


def test_strengths_of_many_displays_are_all_kept(knowledge: Knowledge) -> None:
    wording = read_wording([f"sertraline {mg} mg" for mg in range(1, 41)], knowledge)
    assert sorted(one.amount for one in wording.strengths["sertraline"]) == [float(mg) for mg in range(1, 41)]
    assert wording.strength_of("sertraline") is None


@pytest.mark.parametrize("lines", [False, True])
def test_half_of_a_surrogate_pair_in_a_file_is_read_as_a_question_mark(knowledge: Knowledge, *, lines: bool) -> None:
    texts = [
        '{"resourceType": "Patient", "id": "p1", "birthDate": "1980-01-01"}',
        '{"resourceType": "MedicationRequest", "id": "o\\ud800", "status": "active", "intent": "order", '
        '"subject": {"reference": "Patient/p1"}, "authoredOn": "2026-01-01", '
        '"medicationCodeableConcept": {"text": "\\udfff sertraline 50 mg \\ud83d\\ude00"}}',
    ]
    resources = resources_of_text("\n".join(texts) if lines else f"[{','.join(texts)}]")
    assert resources[1]["id"] == "o?"
    assert resources[1]["medicationCodeableConcept"]["text"] == "? sertraline 50 mg \U0001f600"
    record = read_record(resources, knowledge=knowledge)
    assert orjson.dumps(to_document(assess(record, knowledge=knowledge, as_of=AS_OF)))


def test_of_a_text_beyond_measure_the_beginning_is_read(knowledge: Knowledge) -> None:
    named = "sertraline 50 mg tablet " + "and so on " * 100_000
    assert len(text(named)) == 20_000
    record = read_record([patient(), order(medicationCodeableConcept={"text": named})], knowledge=knowledge)
    [fact] = record.medications
    assert fact.product is not None
    assert fact.product.ingredients == ("sertraline",)
