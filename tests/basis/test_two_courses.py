"""A drug taken twice in the episode: the row says of the course judged what the card says, and names the other one."""

from __future__ import annotations

from cds_hooks.basis.page import basis_of
from plugin.advice.wording import Wording
from tests.reported.charts import KNOWLEDGE, PERSON, fills, judged, phq9


def test_the_dose_beside_the_judgement_is_the_one_that_was_judged() -> None:
    found = judged([*PERSON, *fills("a", "sertraline", 100, 0), *fills("b", "sertraline", 25, 140, 1), phq9(85, 16)])
    [row], [trial] = basis_of(found, knowledge=KNOWLEDGE).groups[0].rows, found.trials
    assert trial.others
    assert row.dose == "100 mg a day"
    assert row.dose in Wording(KNOWLEDGE).trial(trial, found.definition)
    assert row.when == "01 Jun 2025 to 29 Aug 2025; also 19 Oct 2025 to 17 Nov 2025"
