"""Every row of the response, HL7's invariants and what must hold of contents, on random answers and on the gallery.

`make test` looks at a slice of the sample; the whole of it is marked ``deep`` and run by `make test-all`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest

from cds_hooks.gallery.cases import gallery_cases
from plugin.resistance.verdict import Value
from tests.edge.every_card import CLIENTS
from tests.response.card_traces import CONTENTS
from tests.response.offer_rows import ROWS
from tests.response.random_assessments import SIZE, SLICE, Told, answered, case, gallery, sample
from tests.response.random_charts import KNOWLEDGE
from tests.response.response_rows import broken, suggestions_of

CHECKS = {**ROWS, **CONTENTS}
KINDS = {name.removeprefix("topic-") for name in KNOWLEDGE.sentences if name.startswith("topic-")}
GATES = {"ACUTE_SAFETY", "BIPOLAR", "PSYCHOSIS_CATATONIA", "NEUROCOGNITIVE"}
# A client that shows one card sees what comes first, so some kinds never.
ONE_CARD = "epic without Markdown"
AT_LEAST = 8  # cards of each kind among the two thousand answers
REACHED = {
    **dict.fromkeys((str(value.value) for value in Value), 40),
    **dict.fromkeys(("order-select", "order-sign", "patient-view"), 250),
    **dict.fromkeys(("ACUTE_SAFETY", "BIPOLAR", "PSYCHOSIS_CATATONIA"), 60),
    **dict.fromkeys(("mismatch-plausible", "NEUROCOGNITIVE", "delete"), 20),
    **dict.fromkeys(("matched-failure", "refractory-pattern"), 12),
    **dict.fromkeys(KNOWLEDGE.definitions, 60),
    **dict.fromkeys(("us", "eu", "packaged", "long names", "everything allowed"), 200),
    **dict.fromkeys(("told", "vignette", "cohort", "gallery"), 100),
    **dict.fromkeys(("0 cards", "1 cards", "2 cards", "3 cards", "no option", "stopped"), 150),
    **dict.fromkeys(("loud acute-safety critical", "loud order-stop critical", "remission", "update"), 40),
    **dict.fromkeys(("loud acute-safety info", "loud already-failed info", "loud not-tolerated info"), 10),
    "create": 1_000,
}  # of what else there must be so many


@dataclass
class Reached:
    """What answers come to, and the faults in them."""

    faults: list[str] = field(default_factory=list)
    uuids: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    values: Counter[str] = field(default_factory=Counter)

    def note(self, told: Told) -> None:
        """Look at one answer."""
        self.faults += [f"call {told.case.number} for {told.case.client}: {fault}" for fault in broken(told, CHECKS)]
        self.uuids.update(one["uuid"] for one in (*told.cards, *suggestions_of(told)))
        self.kinds.update(draft.kind for draft in told.drafts)
        self.pairs.update((draft.kind, told.case.client) for draft in told.drafts)
        seen = [told.case.hook, told.case.chart.source, told.case.jurisdiction, told.case.site]
        seen += [f"{len(told.cards)} cards", *(f"loud {draft.kind} {draft.indicator}" for draft in told.drafts)]
        seen += [action["type"] for one in suggestions_of(told) for action in one["actions"]]
        if told.assessment is not None:
            step, severity = told.assessment.next_step, told.assessment.severity
            seen += [str(told.assessment.verdict.value), told.assessment.definition.id]
            seen += [*step.modifiers.gates, step.pattern.value]
            seen += ["stopped"] * told.stopped + ["no option"] * (step.options.why_none is not None)
            seen += ["remission"] * (severity is not None and severity.in_remission)
        self.values.update(seen)


def reached(answers: Iterable[Told]) -> Reached:
    """What these answers come to."""
    made = Reached()
    for told in answers:
        made.note(told)
    return made


@cache
def slice_reached() -> Reached:
    """The slice, looked at once."""
    return reached(sample(SLICE))


@cache
def gallery_reached() -> Reached:
    """The gallery before two clients a case, looked at once."""
    return reached(gallery(clients=2))


@pytest.mark.proves(
    "RS-01", "RS-02", "RS-03", "RS-10", "CA-01", "CA-02", "CA-03", "CA-04", "CA-05", "CA-06", "CA-07", "CA-08",
    "CA-11", "CA-12", "CA-18", "SO-01", "SO-02", "SO-04", "SU-01", "SU-07", "AC-01", "AC-02", "AC-03", "AC-04",
    "LK-01", "LK-02", "LK-03", "LK-04", "SY-03", "CO-01", "CO-02", "EX-01", "TR-02", "TR-03", "RS-11", "CA-09",
    "CA-10", "SU-02", "SU-03", "SU-04", "AC-06", "AC-08", "LK-10", "SE-06", "TR-06", "EX-02",
)  # fmt: skip
def test_every_row_holds_on_a_slice_of_the_random_answers() -> None:
    made = slice_reached()
    assert made.faults == []
    assert made.uuids.most_common(1)[0][1] == 1, "a uuid came twice"


def test_slice_and_gallery_reach_every_kind_of_card_verdict_and_hook() -> None:
    made = slice_reached()
    assert KINDS - set(made.kinds) - set(gallery_reached().kinds) == set()
    assert len(made.kinds) > len(KINDS) - 4
    assert {str(value.value) for value in Value} - set(made.values) == set()
    assert {*GATES, "order-select", "order-sign", "patient-view", "create", "stopped"} - set(made.values) == set()


@pytest.mark.proves("RS-01", "CA-02", "CA-03", "CA-07", "CA-08", "CA-18", "SO-04", "AC-03", "LK-04", "CO-01")
def test_every_row_holds_on_the_gallery() -> None:
    made = gallery_reached()
    assert made.faults == []
    assert {one.kind for one in gallery_cases().cases} - set(made.kinds) == set()


@pytest.mark.deep
@pytest.mark.proves("RS-01", "CA-02", "CA-03", "CA-07", "CA-08", "CA-18", "SO-04", "AC-03", "LK-04", "CO-01")
def test_every_row_holds_on_the_gallery_for_every_client() -> None:
    made = reached(gallery())
    assert made.faults == []
    unseen = {(kind, client) for kind in made.kinds for client in CLIENTS} - set(made.pairs)
    assert {client for _, client in unseen} <= {ONE_CARD}, "a client without a kind of card"


@pytest.mark.proves("RS-09")
def test_the_same_call_is_answered_alike_but_for_its_uuids() -> None:
    """RS-09: a hook that fires again gets the whole set again."""
    for number in range(0, SLICE, 9):
        first, again = answered(case(number)), answered(case(number))
        assert _without_uuids(first.answer) == _without_uuids(again.answer)


def _without_uuids(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_uuids(item) for name, item in value.items() if name != "uuid"}
    return [_without_uuids(item) for item in value] if isinstance(value, list) else value


@pytest.mark.deep
@pytest.mark.proves(
    "RS-01", "RS-02", "RS-03", "RS-10", "CA-01", "CA-02", "CA-03", "CA-04", "CA-05", "CA-06", "CA-07", "CA-08",
    "CA-11", "CA-12", "CA-18", "SO-01", "SO-02", "SO-04", "SU-01", "SU-07", "AC-01", "AC-02", "AC-03", "AC-04",
    "LK-01", "LK-02", "LK-03", "LK-04", "SY-03", "CO-01", "CO-02", "EX-01", "TR-02", "TR-03", "RS-11", "CA-09",
    "CA-10", "SU-02", "SU-03", "SU-04", "AC-06", "AC-08", "LK-10", "SE-06", "TR-06", "EX-02",
)  # fmt: skip
def test_every_row_holds_on_two_thousand_random_answers() -> None:
    """One test of a minute or two, because what the sample reaches is counted over all of it."""
    made = reached(sample(SIZE))
    assert made.faults == []
    assert made.uuids.most_common(1)[0][1] == 1, "a uuid came twice"
    assert {kind: made.kinds[kind] for kind in KINDS if made.kinds[kind] < AT_LEAST} == {}
    unseen = {(kind, client) for kind in KINDS for client in CLIENTS} - set(made.pairs)
    assert {pair for pair in unseen if pair[1] != ONE_CARD} == set()
    assert len(unseen) < len(KINDS) / 2, "the client with one card sees too few kinds"
    assert {name: made.values[name] for name, least in REACHED.items() if made.values[name] < least} == {}
