"""The soft and the hard end of reading."""

from __future__ import annotations

import pytest

from cds_hooks.ehr.budget import Budget


@pytest.mark.parametrize(
    ("soft", "hard", "token", "expected"),
    [
        (0.35, 1.6, None, (10.35, 11.6)),
        (0.35, 1.6, 299.0, (10.35, 11.6)),
        (0.35, 1.6, 0.2, (10.2, 10.2)),
        (0.35, 0.2, None, (10.2, 10.2)),
        (0.35, 1.6, -5.0, (10.0, 10.0)),
    ],
)
@pytest.mark.proves("FA-04")
def test_neither_end_lies_behind_the_life_of_the_token(soft, hard, token, expected):
    budget = Budget.starting(10.0, soft_seconds=soft, hard_seconds=hard, token_seconds=token)
    assert (budget.soft, budget.hard) == pytest.approx(expected)


def test_a_cap_never_prolongs():
    budget = Budget(soft=1.0, hard=3.0)
    assert budget.capped(2.0) == Budget(soft=1.0, hard=2.0)
    assert budget.capped(0.5) == Budget(soft=0.5, hard=0.5)
    assert budget.capped(9.0) == budget


def test_the_soft_end_comes_first():
    with pytest.raises(ValueError, match="soft"):
        Budget(soft=2.0, hard=1.0)
