"""Modifiers and gates from FHIR: what shuts a gate, what only makes a modifier possible, and what does neither."""

from __future__ import annotations

from typing import Any

import pytest

from mappings.load import load
from plugin.safety.modifiers import MODIFIERS, Modifiers
from tests.safety_cases.cases import AS_OF, Case
from tests.safety_cases.judging import judge

KNOWLEDGE = load()
MELANCHOLIC = [
    "hamd17-items item 6 value 2 on day 395",
    "hamd17-items item 8 value 2 on day 395",
    "phq9 item 1 value 3 on day 395",
]


def modifiers(**story: Any) -> Modifiers:
    case = Case("", "", {"id": "story", **story}, "here")
    return judge(case.record(KNOWLEDGE), knowledge=KNOWLEDGE, as_of=AS_OF).modifiers


def test_nothing_recorded_is_no_modifier_and_no_gate() -> None:
    said = modifiers()
    assert dict(said.values) == dict.fromkeys(MODIFIERS, "none") | {"SUI": "not-assessed"}
    assert said.gates == ()
    assert [reason.rule for reason in said.reasons] == ["SUI"]


@pytest.mark.parametrize(
    ("story", "modifier", "value", "gate"),
    [
        ({"conditions": ["F33.3 active, onset day 300"]}, "PSY", "present", "PSYCHOSIS_CATATONIA"),
        ({"conditions": ["F20.9 active, onset day 10"]}, "PSY", "present", "PSYCHOSIS_CATATONIA"),
        ({"conditions": ["F33.3 provisional, recorded day 300"]}, "PSY", "possible", ""),
        ({"conditions": ["snomed 69322001 active, recorded day 300"]}, "PSY", "present", "PSYCHOSIS_CATATONIA"),
        ({"conditions": ["snomed 69322001 provisional, recorded day 300"]}, "PSY", "possible", ""),
        ({"conditions": ['"psychosis", recorded day 300']}, "PSY", "possible", ""),
        ({"conditions": ["F33.3 resolved, onset day 10"]}, "PSY", "none", ""),
        ({"conditions": ["F06.1 active, onset day 390"]}, "CAT", "present", "PSYCHOSIS_CATATONIA"),
        ({"scales": ["bfcrs-screen 2 on day 395"]}, "CAT", "present", "PSYCHOSIS_CATATONIA"),
        ({"scales": ["bfcrs-screen 1 on day 395"]}, "CAT", "none", ""),
        ({"scales": ["bfcrs-screen 5 on day 369"]}, "CAT", "none", ""),
        ({"conditions": ["F31.81 active, onset day 10"]}, "MIX", "present", "BIPOLAR"),
        ({"conditions": ["F31.70 remission, onset day 10"]}, "MIX", "present", "BIPOLAR"),
        ({"conditions": ["F31.9 provisional, recorded day 300"]}, "MIX", "possible", ""),
        ({"conditions": ["F31.9 refuted, recorded day 300"]}, "MIX", "none", ""),
        ({"conditions": ['"bipolar?", recorded day 300']}, "MIX", "possible", ""),
        ({"conditions": ["F34.0 active, onset day 10"]}, "MIX", "possible", ""),
        ({"conditions": ["F25.0 active, onset day 10"]}, "MIX", "possible", "PSYCHOSIS_CATATONIA"),
        ({"scales": ["mdq-positive yes on day 10"]}, "MIX", "possible", ""),
        ({"scales": ["mdq-positive no on day 10"]}, "MIX", "none", ""),
        ({"scales": ["ymrs 12 on day 395"]}, "MIX", "possible", ""),
        ({"scales": ["ymrs 11 on day 395"]}, "MIX", "none", ""),
        ({"scales": ["hcl32 14 on day 10"]}, "MIX", "possible", ""),
        ({"scales": ["hcl32 13 on day 10"]}, "MIX", "none", ""),
        ({"answers": MELANCHOLIC}, "MEL", "present", ""),
        ({"answers": MELANCHOLIC[:2]}, "MEL", "none", ""),
        ({"answers": [*MELANCHOLIC[:2], "madrs-items item 8 value 6 on day 395"]}, "MEL", "present", ""),
        ({"answers": [*MELANCHOLIC[:2], "phq9 item 1 value 2 on day 395"]}, "MEL", "none", ""),
        ({"scales": ["core 8 on day 395"]}, "MEL", "present", ""),
        ({"scales": ["core 7 on day 395"]}, "MEL", "none", ""),
        ({"conditions": ["M79.7 active, onset day 10"]}, "PAI", "present", ""),
        ({"scales": ["phq15 10 on day 395"]}, "PAI", "present", ""),
        ({"scales": ["phq15 9 on day 395"]}, "PAI", "none", ""),
        ({"scales": ["pain-nrs 4 on day 395"]}, "PAI", "present", ""),
        ({"scales": ["pain-nrs 4 on day 309"]}, "PAI", "none", ""),
        ({"conditions": ["F03.90 active, onset day 10"]}, "NCD", "present", "NEUROCOGNITIVE"),
        ({"conditions": ["F03.90 provisional, recorded day 10"]}, "NCD", "possible", ""),
        ({"conditions": ["G31.84 active, onset day 10"]}, "NCD", "possible", ""),
        ({"scales": ["moca 20 on day 370"]}, "NCD", "present", "NEUROCOGNITIVE"),
        ({"scales": ["moca 21 on day 370"]}, "NCD", "none", ""),
        ({"scales": ["moca 15 on day 34"]}, "NCD", "none", ""),
        ({"answers": ["cssrs-screener item 5 yes on day 400"]}, "SUI", "high", "ACUTE_SAFETY"),
        ({"answers": ["cssrs-screener item 3 yes on day 400"]}, "SUI", "moderate", ""),
    ],
    ids=str,
)
def test_a_modifier_and_its_gate(story: dict[str, Any], modifier: str, value: str, gate: str) -> None:
    said = modifiers(**story)
    assert said.values[modifier] == value
    assert said.gates == ((gate,) if gate else ())
    if value != "none":
        assert any(reason.rule == modifier and reason.uses and reason.cites for reason in said.reasons)
        assert said.uses


def test_gates_stand_in_their_order() -> None:
    said = modifiers(
        conditions=["F03.90 active, onset day 10", "F33.3 active, onset day 300", "F31.9 active, onset day 10"],
        answers=["cssrs-screener item 5 yes on day 400"],
    )
    assert said.gates == ("ACUTE_SAFETY", "BIPOLAR", "PSYCHOSIS_CATATONIA", "NEUROCOGNITIVE")


def test_a_suspicion_beside_a_certainty_does_not_weaken_it() -> None:
    said = modifiers(conditions=["F31.9 active, onset day 10", '"bipolar?", recorded day 300'])
    assert said.values["MIX"] == "present"
    assert said.gates == ("BIPOLAR",)
