"""Published figures: each is a share with a source and a caveat, and leads to a rule that exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from mappings.load import KnowledgeError, load
from tests.knowledge.spoiling import edit

KNOWLEDGE = load()
FIGURES = KNOWLEDGE.clinical.published_figures.figures


def test_every_figure_says_how_far_it_compares_and_whence_it_is() -> None:
    assert {one.about for one in FIGURES} == {"resistance", "course", "agreement"}
    for one in FIGURES:
        assert one.caveat, one.id
        assert set(one.cites) <= set(KNOWLEDGE.sources), one.id
        assert all(each.label for each in one.found) or len(one.found) == 1 or not one.found, one.id


def test_what_a_rule_found_elsewhere_is_the_same_in_both_files() -> None:
    """The rules of others carry their shares too: whoever corrects one must correct the other."""
    for rule in KNOWLEDGE.clinical.comparisons.values():
        closest = [one for one in FIGURES if rule.id in one.compare_with]
        shares = {each.latest for one in closest for each in one.found}
        for found in rule.found:
            assert list(found.share.values.values())[-1].amount in shares, (rule.id, found.population)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("compare_with: [KIM]", "compare_with: [NOBODY]", "there is no comparison rule 'NOBODY'"),
        ("amount: 0.132,", "amount: 13.2,", "lies between 0 and 1"),
        ("- id: exceed", "- id: uk-biobank", "is given twice"),
        (
            "unit: share, values: {2026-11-23: {amount: 0.08,",
            "unit: d, values: {2026-11-23: {amount: 0.08,",
            "unit share",
        ),
    ],
)
def test_a_figure_that_nobody_can_have_meant_is_refused(copy: Path, old: str, new: str, says: str) -> None:
    edit(copy, "published_figures.yaml", old, new)
    with pytest.raises(KnowledgeError, match=says):
        load(copy)
