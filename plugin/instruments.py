"""What a total on a rating scale means: remission, response, still ill, severity band.

Cut-offs come from the instrument's file in the knowledge (section "thresholds" of each scale). A percentage is
only ever
taken between two totals of the same scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from mappings.schema import Instrument
from plugin.record import Score

Instruments = Mapping[str, Instrument]


def is_remission(score: Score, instruments: Instruments) -> bool:
    """Whether the total lies in the scale's remission range; False where the scale has none."""
    scale = instruments[score.instrument]
    return scale.remission is not None and score.value <= scale.remission


def is_at_line(score: Score, instruments: Instruments) -> bool:
    """Whether the total is at or above the line at which a patient counts as still ill."""
    scale = instruments[score.instrument]
    return scale.line is not None and score.value >= scale.line


def improvement(baseline: Score, endpoint: Score) -> Fraction | None:
    """Share of the baseline gone at the endpoint, exact; negative when worse; None at a baseline of zero."""
    if not baseline.value or baseline.instrument != endpoint.instrument:
        return None
    return (_exact(baseline.value) - _exact(endpoint.value)) / _exact(baseline.value)


def _exact(value: float) -> Fraction:
    return Fraction(str(value))


def band_of(score: Score, instruments: Instruments) -> str | None:
    """The name of the severity band the total falls in, None where the scale has no bands."""
    bands = [band for band in instruments[score.instrument].bands if score.value >= band.low]
    return max(bands, key=lambda band: band.low).name if bands else None


def is_plain(score: Score) -> bool:
    """Whether the total can be used as a number: not a suspect total and not in conflict with another source."""
    return "suspect-total" not in score.flags and "conflict" not in score.flags
