"""How many examples a property tries: few and the same ones by default, many new ones in the profile ``deep``."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

_DEEP = 100


def effort(examples: int) -> settings:
    """Settings for one property that by default tries `examples` histories."""
    deep = settings.get_current_profile_name() == "deep"
    return settings(
        max_examples=examples * (_DEEP if deep else 1),
        derandomize=not deep,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
