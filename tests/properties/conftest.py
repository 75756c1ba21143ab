"""How hard to look: `pytest tests/properties --hypothesis-profile deep` tries a hundred times as many histories."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("deep", deadline=None)
