"""Everything concluded about one patient on one day: what every rendering (document, text, cards) reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from mappings.schema import Definition
from mappings.site_schema import SiteOverlay
from plugin.exposure.exposures import Exposures
from plugin.findings import Gap, Missing, SetAside
from plugin.options.next_step import NextStep
from plugin.record import PatientRecord
from plugin.resistance.counterfactual import Change
from plugin.resistance.pseudo_resistance import Consideration
from plugin.resistance.severity import Severity
from plugin.resistance.staging import Stages
from plugin.resistance.verdict import Counts, Value, Verdict
from plugin.safety.drafts import JudgedOrder
from plugin.trial.eligibility import Eligibility
from plugin.trial.episode import Episode
from plugin.trial.neuromodulation import Course
from plugin.trial.trials import Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """The result of `plugin.assess`. `by_definition` maps each definition id to its counts and value.

    A definition whose rules are not built yet maps to None. `never_filled` names drugs ordered but never dispensed.
    `next_step` is what could come next. `pseudo_resistance` is what to consider before concluding resistance, most
    important first. `used` are all references relied on; with `set_aside` they account for everything received.
    `exposures` are the days of supply behind all of it. `site` is the overlay in force, with who changed what and why.
    """

    as_of: date
    jurisdiction: str
    definition: Definition
    record: PatientRecord
    episode: Episode
    eligibility: Eligibility
    trials: tuple[Trial, ...]
    earlier: tuple[Trial, ...]
    augmentations: tuple[Trial, ...]
    courses: tuple[Course, ...]
    staging: Stages | None
    verdict: Verdict
    by_definition: Mapping[str, tuple[Counts, Value] | None]
    changes: tuple[Change, ...]
    severity: Severity | None
    next_step: NextStep
    orders: tuple[JudgedOrder, ...]
    never_filled: tuple[str, ...]
    pseudo_resistance: tuple[Consideration, ...]
    missing: tuple[Missing, ...]
    gaps: tuple[Gap, ...]
    set_aside: tuple[SetAside, ...]
    used: frozenset[str]
    exposures: Exposures
    knowledge_version: str
    knowledge_hash: str
    site: SiteOverlay | None = None
