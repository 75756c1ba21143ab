"""What a silent run is asked to do: everything beside the records that its result depends on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

Occasion = Literal["orders", "date", "months"]
Demographic = Literal["race", "ethnicity", "language"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """One run. Two runs of equal plans, knowledge and records give equal tables, whatever the engine.

    `occasion`: at each past order, at `until` only, or on the last day of each month from `since` to `until`. Orders
    before `since` (None: all) or after `until` are not judged. `kinds` are the resource types that the export holds,
    be their files empty: those were read completely, all others were not read. `keep` are the sensitive groups the
    site opted in to. `hook` is the hook whose cards are made; `repeat_days` how long an answer would silence.
    """

    occasion: Occasion
    until: date
    since: date | None = None
    definition: str
    jurisdiction: str = "us"
    zone: str = "UTC"
    hook: str = "order-sign"
    kinds: tuple[str, ...] = ()
    keep: tuple[Demographic, ...] = ()
    repeat_days: int = 30
