"""What a total on a rating scale means: remission, response, still ill, severity band.

Cut-offs come from the instrument's file in the knowledge (section "thresholds" of each scale). A percentage is
only ever taken between two totals of the same scale, and never on a scale whose totals have no meaningful zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache

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


def has_line(score: Score, instruments: Instruments) -> bool:
    """Whether the scale says by itself who is ill; the others only speak of change, or of nothing."""
    return instruments[score.instrument].line is not None


def is_baseline(score: Score, instruments: Instruments) -> bool:
    """Whether a later total of the same scale may be compared with this one.

    At the line where the scale has one; a scale without any line compares all the same, which is weaker evidence.
    """
    scale = instruments[score.instrument]
    return is_at_line(score, instruments) or (scale.line is None and scale.percent_change)


def is_good_rating(score: Score, instruments: Instruments) -> bool:
    """Whether a clinician's global rating says response or remission."""
    scale = instruments[score.instrument]
    best = [rated for rated in (scale.rated_response, scale.rated_remission) if rated is not None]
    return any(score.value <= rated for rated in best)


def improvement(baseline: Score, endpoint: Score, instruments: Instruments) -> Fraction | None:
    """Share of the baseline gone at the endpoint, exact; negative when worse.

    None at a baseline of zero, between different scales, and on scales where a share of the total means nothing.
    """
    if not baseline.value or baseline.instrument != endpoint.instrument:
        return None
    if not instruments[baseline.instrument].percent_change:
        return None
    return (exact(baseline.value) - exact(endpoint.value)) / exact(baseline.value)


@lru_cache
def exact(value: float) -> Fraction:
    """A number of the record or the knowledge as an exact fraction: a change of exactly one half is one half."""
    return Fraction(str(value))


def band_of(score: Score, instruments: Instruments) -> str | None:
    """The name of the severity band the total falls in, None where the scale has no bands."""
    bands = [band for band in instruments[score.instrument].bands if score.value >= band.low]
    return max(bands, key=lambda band: band.low).name if bands else None


def is_plain(score: Score) -> bool:
    """Whether the total can be used as a number: not a suspect total and not in conflict with another source."""
    return "suspect-total" not in score.flags and "conflict" not in score.flags
