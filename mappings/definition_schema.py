"""The shape of definitions and of the reconstruction: as written, with histories, and as applied on one day."""

from __future__ import annotations

from datetime import date
from typing import Literal

from mappings.values import CitationIds, Count, Days, Reviewed, Share, Years, flat

Family = Literal["clinical", "register", "payer"]


class Definition(Reviewed):
    """One published or composed definition of treatment resistance, as the parameters of one rule set.

    Days are whole days, fractions are shares of 1. `response` is the improvement from baseline that is not a
    failure. `family` says what a definition is for: care, comparison with registers, or a payer's rule.
    """

    id: str
    label: str
    summary: str
    family: Family = "clinical"
    min_days_at_dose: int
    borderline_days: int
    response: float
    min_failed_trials: int
    augmentation_counts: bool
    neuromodulation_counts: bool
    require_distinct_class: bool
    cites: CitationIds


class DefinitionFile(Reviewed):
    """A definition as written in its file: every number with its history, citations and confidence."""

    id: str
    label: str
    summary: str
    family: Family = "clinical"
    min_days_at_dose: Days
    borderline_days: Days
    response: Share
    min_failed_trials: Count
    augmentation_counts: bool
    neuromodulation_counts: bool
    require_distinct_class: bool
    cites: CitationIds

    def on(self, day: date) -> Definition:
        """The definition as it applies on `day`."""
        return flat(self, Definition, day)


class Reconstruction(Reviewed):
    """Parameters of the reconstruction that every definition shares. All in days unless named otherwise."""

    era_gap_days: int
    run_gap_days: int
    run_coverage_min: float
    crosstaper_overlap_max_days: int
    truncation_leftover_max_days: int
    truncation_ended_before_days: int
    switch_window_after_days: int
    switch_window_before_days: int
    baseline_before_days: int
    baseline_after_days: int
    titration_before_days: int
    outcome_after_end_days: int
    outcome_after_next_start_days: int
    early_response_from_days: int
    in_progress_days: int
    stock_cap_days: int
    supply_suspect_above_days: int
    issue_interval_max_days: int
    assumed_last_issue_days: int
    inpatient_bridge_days: int
    feed_window_days: int
    fill_window_days: int
    order_add_days: int
    order_replaced_after_days: int
    stop_before_era_days: int
    reaction_around_end_days: int
    dose_agreement: float
    partial_response: float
    episode_remission_days: int
    episode_silence_days: int
    reopen_score_days: int
    severity_days: int
    adult_from_years: int
    cites: CitationIds


class ReconstructionFile(Reviewed):
    """The shared parameters as written: every number with its history, citations and confidence."""

    era_gap_days: Days
    run_gap_days: Days
    run_coverage_min: Share
    crosstaper_overlap_max_days: Days
    truncation_leftover_max_days: Days
    truncation_ended_before_days: Days
    switch_window_after_days: Days
    switch_window_before_days: Days
    baseline_before_days: Days
    baseline_after_days: Days
    titration_before_days: Days
    outcome_after_end_days: Days
    outcome_after_next_start_days: Days
    early_response_from_days: Days
    in_progress_days: Days
    stock_cap_days: Days
    supply_suspect_above_days: Days
    issue_interval_max_days: Days
    assumed_last_issue_days: Days
    inpatient_bridge_days: Days
    feed_window_days: Days
    fill_window_days: Days
    order_add_days: Days
    order_replaced_after_days: Days
    stop_before_era_days: Days
    reaction_around_end_days: Days
    dose_agreement: Share
    partial_response: Share
    episode_remission_days: Days
    episode_silence_days: Days
    reopen_score_days: Days
    severity_days: Days
    adult_from_years: Years
    cites: CitationIds

    def on(self, day: date) -> Reconstruction:
        """The parameters as they apply on `day`."""
        return flat(self, Reconstruction, day)
