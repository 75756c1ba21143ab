"""The three staging schemes: every cut-off below, at and above, and ranges where inputs are unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from mappings.load import load
from plugin import Assessment, assess
from plugin.ingest import read_record
from plugin.record import (
    Availability,
    ConditionFact,
    MedicationFact,
    PatientRecord,
    ProcedureFact,
    Read,
    Score,
    Verification,
)
from plugin.resistance.optimisation import Points
from plugin.resistance.staging import Stages, category_of, stage
from plugin.spans import months_between
from plugin.trial.eligibility import Eligibility
from plugin.trial.episode import Episode
from plugin.trial.lifetime import Setting
from plugin.trial.neuromodulation import courses_of, episode_series
from plugin.trial.trials import Trial
from tests.reasoning.facts import ADULT, INSTRUMENTS, RULES, fill, on, phq9, product, report, when

KNOWLEDGE = load()
SCHEMES = KNOWLEDGE.staging
DEFINITION = KNOWLEDGE.definitions["TRD-6W-50"]
KINDS = ("MedicationRequest", "MedicationDispense", "Condition", "Procedure", "Observation")
READ = {kind: Availability(read=Read.COMPLETE) for kind in KINDS}
FITS = Eligibility(decided=None, reasons=(), basis=(), caps=(), flags=(), missing=())
EPISODE = Episode(start=on(0), basis="score", uncertain=False, may_have_ended=False, reasons=())


def condition(*categories: str, sure: Verification = Verification.CONFIRMED, clinical: str = "active") -> ConditionFact:
    return ConditionFact(
        reference=f"Condition/{categories[0]}",
        categories=frozenset(categories),
        verification=sure,
        clinical=clinical,
        onset=when(0),
        recorded=when(0),
    )


def judged(*medications: MedicationFact, scores: Sequence[Score] = (), as_of: int = 400, **more: Any) -> Assessment:
    record = PatientRecord(
        patient=ADULT,
        medications=tuple(medications),
        scores=tuple(scores),
        **{"conditions": (condition("depression"),), "availability": READ, **more},
    )
    return assess(record, knowledge=KNOWLEDGE, as_of=on(as_of))


def staged(*medications: MedicationFact, **more: Any) -> Stages:
    found = judged(*medications, **more).staging
    assert found is not None
    return found


def bare(
    trials: Sequence[Trial] = (),
    *,
    episode: Episode = EPISODE,
    as_of: int = 100,
    severity: Score | None = None,
    record: PatientRecord | None = None,
) -> Stages:
    """The stages of given trials, with everything else at rest."""
    held = record or PatientRecord(patient=ADULT, availability=READ)
    setting = Setting(drugs=KNOWLEDGE.drugs, instruments=INSTRUMENTS, rules=RULES, as_of=on(as_of))
    courses = courses_of(
        episode_series(held, KNOWLEDGE.procedures.kinds, episode=episode, as_of=on(as_of)),
        held.scores,
        windows=KNOWLEDGE.procedures.windows,
        definition=DEFINITION,
        setting=setting,
    )
    found = stage(
        held,
        trials,
        (),
        courses,
        episode=episode,
        eligibility=FITS,
        history_unread=False,
        severity=severity,
        scales={id_: one.label for id_, one in KNOWLEDGE.instruments.items()},
        knowledge=SCHEMES,
        as_of=on(as_of),
    )
    assert found is not None
    return found


def course_of(name: str, number: int, *, dose: float, days: int = 60, measured: bool = True) -> list[Any]:
    """A drug taken for sixty days from the `number`th quarter of a year on, with a failure measured or left open."""
    start = 90 * number
    fact = fill(number + 1, start, days, product=product(name, dose))
    scores = [phq9(start, 20), phq9(start + 55, 19)] if measured else [phq9(start, 20)]
    return [fact, scores]


def failing(*names: tuple[str, float], open_: Sequence[str] = ()) -> dict[str, Any]:
    told = [course_of(name, n, dose=dose, measured=name not in open_) for n, (name, dose) in enumerate(names)]
    return {"medications": [t[0] for t in told], "scores": [s for t in told for s in t[1]]}


def after(*names: tuple[str, float], open_: Sequence[str] = (), **more: Any) -> Stages:
    told = failing(*names, open_=open_)
    return staged(*told["medications"], scores=told["scores"], as_of=90 * len(names) + 10, **more)


@pytest.mark.parametrize(
    ("start", "day", "months"),
    [
        (date(2025, 1, 1), date(2025, 1, 1), 0),
        (date(2025, 1, 1), date(2025, 1, 2), 1),
        (date(2025, 1, 1), date(2026, 1, 1), 12),
        (date(2025, 1, 1), date(2026, 1, 2), 13),
        (date(2025, 1, 1), date(2027, 1, 1), 24),
        (date(2025, 1, 1), date(2027, 1, 2), 25),
    ],
)
def test_months(start: date, day: date, months: int) -> None:
    assert months_between(start, day) == months


@pytest.mark.parametrize(("day", "points"), [(365, 1), (366, 2), (730, 2), (731, 3)])
def test_the_duration_of_the_episode(day: int, points: int) -> None:
    assert bare(as_of=day).maudsley["duration"] == Points(points, points)


def test_an_uncertain_start_or_end_widens_the_duration() -> None:
    first = replace(EPISODE, basis="first-evidence", uncertain=True)
    ended = replace(EPISODE, may_have_ended=True)
    none = replace(EPISODE, start=None, basis="none")

    assert bare(episode=first, as_of=400).maudsley["duration"] == Points(2, 3)
    assert bare(episode=ended, as_of=400).maudsley["duration"] == Points(1, 2)
    assert bare(episode=none).maudsley["duration"] == Points(1, 3)


@pytest.mark.parametrize(
    ("instrument", "value", "low", "high"),
    [
        *[("phq9", v, lo, hi) for v, lo, hi in [(4, 1, 1), (5, 1, 2), (9, 1, 2), (10, 2, 3), (14, 2, 3), (15, 3, 4)]],
        *[("phq9", v, lo, hi) for v, lo, hi in [(19, 3, 4), (20, 4, 4)]],
        *[("qids-sr16", v, lo, hi) for v, lo, hi in [(5, 1, 1), (6, 1, 2), (11, 2, 3), (15, 2, 3), (16, 4, 4)]],
        *[("hamd17", v, lo, hi) for v, lo, hi in [(7, 1, 1), (8, 1, 2), (14, 2, 2), (17, 3, 3), (24, 4, 4)]],
        *[("madrs", v, lo, hi) for v, lo, hi in [(6, 1, 1), (7, 1, 2), (20, 2, 3), (26, 3, 3), (35, 4, 4)]],
        *[("bdi-ii", v, lo, hi) for v, lo, hi in [(13, 1, 1), (14, 1, 2), (20, 3, 3), (29, 4, 4)]],
    ],
)
def test_the_severity_by_each_scale(instrument: str, value: float, low: int, high: int) -> None:
    score = Score(instrument=instrument, value=value, day=on(95), references=("Observation/1",))

    assert bare(severity=score).maudsley["severity"] == Points(low, high)


def test_severity_without_a_score_or_by_a_scale_without_bands_is_open() -> None:
    other = Score(instrument="phq8", value=20, day=on(95), references=("Observation/1",))

    assert bare().maudsley["severity"] == Points(1, 4)
    assert bare(severity=other).maudsley["severity"] == Points(1, 4)


@pytest.mark.parametrize(
    ("value", "features", "low", "high"),
    [
        (20, condition("psychotic-depression"), 5, 5),
        (19, condition("psychotic-depression"), 3, 5),
        (20, condition("psychotic-depression", sure=Verification.SUSPECTED), 4, 5),
        (20, condition("psychotic-depression", sure=Verification.REFUTED), 4, 4),
        (20, condition("psychotic-depression", clinical="resolved"), 4, 4),
        (20, condition("insomnia"), 4, 4),
    ],
)
def test_psychotic_features(value: float, features: ConditionFact, low: int, high: int) -> None:
    record = PatientRecord(patient=ADULT, conditions=(features,), availability=READ)

    assert bare(severity=phq9(95, value), record=record).maudsley["severity"] == Points(low, high)


@pytest.mark.parametrize(("value", "high"), [(20, 5), (19, 5), (14, 3)])
def test_psychotic_features_are_unknown_where_conditions_were_not_read(value: float, high: int) -> None:
    unread = {**READ, "Condition": Availability(read=Read.PARTIAL)}
    record = PatientRecord(patient=ADULT, availability=unread)

    assert bare(severity=phq9(95, value), record=record).maudsley["severity"].hi == high


def test_the_failures_and_their_steps() -> None:
    told = failing(("sertraline", 100))
    [trial] = judged(*told["medications"], scores=told["scores"], as_of=100).trials
    points = [bare([trial] * n).maudsley["failures"].lo for n in (0, 1, 2, 3, 4, 5, 6, 7, 10, 11)]

    assert points == [1, 1, 1, 2, 2, 3, 3, 4, 4, 5]


def test_open_trials_widen_the_failures() -> None:
    names = (("sertraline", 100), ("venlafaxine", 150), ("mirtazapine", 30))

    assert after(*names).maudsley["failures"] == Points(2, 2)
    assert after(*names, open_=["mirtazapine"]).maudsley["failures"] == Points(1, 2)


def test_an_augmentation_surely_perhaps_and_not_failed() -> None:
    base = fill(1, 0, 150)
    start, before = phq9(0, 19), phq9(84, 16)

    def points(dose: float, *scores: Score) -> Points:
        agent = fill(2, 85, 60, product=product("aripiprazole", dose))
        return staged(base, agent, scores=[start, before, *scores], as_of=200).maudsley["augmentation"]

    assert points(5, phq9(145, 15)) == Points(1, 1)
    assert points(5) == Points(0, 1)
    assert points(5, phq9(145, 4)) == Points(0, 1)
    assert points(1, phq9(145, 15)) == Points(0, 0)


def shocks(count: int, first: int = 100, *traits: str) -> tuple[ProcedureFact, ...]:
    return tuple(
        ProcedureFact(
            reference=f"Procedure/{n}",
            kind="ect",
            status="completed",
            start=when(first + 3 * n),
            end=when(first + 3 * n),
            traits=frozenset(traits),
        )
        for n in range(count)
    )


@pytest.mark.parametrize(
    ("count", "end", "maudsley", "massachusetts"),
    [
        (0, None, Points(0, 0), Points(0, 0)),
        (6, 19, Points(0, 0), Points(0, 0)),
        (7, 19, Points(1, 1), Points(3, 3)),
        (7, 9, Points(0, 1), Points(0, 3)),
        (7, None, Points(0, 1), Points(0, 3)),
    ],
)
def test_ect(count: int, end: int | None, maudsley: Points, massachusetts: Points) -> None:
    scores = (phq9(99, 20), *([phq9(119, end)] if end is not None else []))
    record = PatientRecord(patient=ADULT, procedures=shocks(count), scores=scores, availability=READ)
    found = bare(record=record, as_of=200)

    assert (found.maudsley["ect"], found.massachusetts["ect"]) == (maudsley, massachusetts)


def test_ect_of_an_earlier_episode_does_not_count_and_unread_procedures_leave_it_open() -> None:
    earlier = replace(EPISODE, start=on(150))
    scores = (phq9(99, 20), phq9(119, 19))
    record = PatientRecord(patient=ADULT, procedures=shocks(7), scores=scores, availability=READ)
    unread = {**READ, "Procedure": Availability(read=Read.UNREAD)}

    assert bare(record=record, episode=earlier, as_of=200).maudsley["ect"] == Points(0, 0)
    assert bare(record=replace(record, procedures=(), availability=unread)).maudsley["ect"] == Points(0, 1)


@pytest.mark.parametrize(
    ("total", "name"), [(2, "mild"), (6, "mild"), (7, "moderate"), (10, "moderate"), (11, "severe"), (15, "severe")]
)
def test_the_names_of_totals(total: int, name: str) -> None:
    assert category_of(SCHEMES.maudsley, total, on(0)) == name


def test_the_total_and_its_category() -> None:
    found = after(("sertraline", 100), ("venlafaxine", 150))
    total = Points.total(found.maudsley.values())

    assert found.maudsley["duration"] == Points(1, 3)  # the first evidence is where the episode begins
    assert (total, found.category) == (Points(5, 8), ("mild", "moderate"))


def test_each_failed_trial_counts_in_massachusetts() -> None:
    names = (("sertraline", 50), ("venlafaxine", 150), ("mirtazapine", 15))

    assert after(*names).massachusetts["trials"] == Points(3, 3)
    assert after(*names, open_=["mirtazapine"]).massachusetts["trials"] == Points(2, 3)


@pytest.mark.parametrize(("days", "points"), [(55, (0, 0)), (56, (0, 0.5)), (83, (0, 0.5)), (84, (0.5, 0.5))])
def test_an_optimised_duration(days: int, points: tuple[float, float]) -> None:
    found = staged(fill(1, 0, days), scores=[phq9(0, 19), phq9(50, 17)], as_of=100)

    assert found.massachusetts["durationOptimised"] == Points(*points)


@pytest.mark.parametrize(
    ("doses", "points"),
    [((50, 50), (0, 0)), ((25, 50), (0, 0)), ((50, 100), (0.5, 0.5)), ((100, 100), (0, 0.5)), ((100, 50), (0.5, 0.5))],
)
def test_an_optimised_dose(doses: tuple[float, float], points: tuple[float, float]) -> None:
    first, second = (fill(n, 45 * (n - 1), 45, product=product("sertraline", d)) for n, d in enumerate(doses, 1))
    found = staged(first, second, scores=[phq9(0, 19), phq9(88, 17)], as_of=100)

    assert found.massachusetts["doseOptimised"] == Points(*points)


def test_an_undated_report_may_have_been_optimised() -> None:
    found = staged(report(1, None, None), scores=[phq9(0, 19)], as_of=100)

    assert found.massachusetts["trials"] == Points(0, 1)
    assert found.massachusetts["doseOptimised"] == found.massachusetts["durationOptimised"] == Points(0, 0.5)


def test_a_combination_adds_half_a_point_once() -> None:
    first = [fill(n, 30 * (n - 1), 30, product=product("venlafaxine", 225)) for n in range(1, 8)]
    second = [fill(20 + n, 90 + 30 * n, 30, product=product("mirtazapine", 30)) for n in range(4)]
    scores = [phq9(0, 21), phq9(89, 18), phq9(200, 17)]

    assert staged(*first, *second, scores=scores, as_of=300).massachusetts["combinations"] == Points(0.5, 0.5)
    assert staged(*first, *second, scores=scores[:1], as_of=300).massachusetts["combinations"].lo == 0


def test_a_failed_augmentation_adds_half_a_point() -> None:
    agent = fill(2, 85, 60, product=product("aripiprazole", 5))
    scores = [phq9(0, 19), phq9(84, 16), phq9(145, 15)]

    assert staged(fill(1, 0, 150), agent, scores=scores, as_of=200).massachusetts["augmentations"] == Points(0.5, 0.5)


SSRI, SNRI, SSRI_2 = ("sertraline", 100), ("venlafaxine", 150), ("escitalopram", 10)
TCA, MAOI, RIMA = ("nortriptyline", 100), ("tranylcypromine", 40), ("moclobemide", 450)


@pytest.mark.parametrize(
    ("names", "stages"),
    [
        ((), (0, 0)),
        ((SSRI,), (1, 1)),
        ((SSRI, SSRI_2), (1, 1)),
        ((SSRI, SNRI), (2, 2)),
        ((SSRI, TCA), (2, 3)),
        ((SSRI, SNRI, TCA), (3, 3)),
        ((SSRI, SNRI, TCA, MAOI), (4, 4)),
        ((SSRI, SNRI, TCA, RIMA), (3, 4)),
        ((SSRI, SNRI, MAOI), (2, 2)),
    ],
)
def test_the_stages_of_thase_and_rush(names: tuple[tuple[str, float], ...], stages: tuple[int, int]) -> None:
    assert after(*names).thase_rush == stages


def test_an_open_trial_makes_the_stage_a_range() -> None:
    assert after(SSRI, SNRI, open_=["venlafaxine"]).thase_rush == (1, 2)


@pytest.mark.parametrize(
    ("traits", "end", "stages"),
    [
        (("bilateral",), 19, (5, 5)),
        ((), 19, (4, 5)),
        (("unilateral",), 19, (4, 4)),
        (("bilateral",), None, (4, 5)),
    ],
)
def test_bilateral_ect_is_the_last_stage(traits: tuple[str, ...], end: int | None, stages: tuple[int, int]) -> None:
    told = failing(SSRI, SNRI, TCA, MAOI)
    first = 360
    scores = [*told["scores"], phq9(first - 1, 20)] + ([phq9(first + 19, end)] if end is not None else [])
    found = staged(*told["medications"], scores=scores, procedures=shocks(7, first, *traits), as_of=first + 40)

    assert found.thase_rush == stages


def test_unread_procedures_leave_the_last_stage_open() -> None:
    unread = {**READ, "Procedure": Availability(read=Read.UNREAD)}

    assert after(SSRI, SNRI, TCA, MAOI, availability=unread).thase_rush == (4, 5)


def test_no_stages_for_the_excluded_for_others_and_for_an_unread_history() -> None:
    told = failing(SSRI)
    excluded = (condition("depression"), condition("bipolar"))
    unread = {**READ, "MedicationRequest": Availability(read=Read.PARTIAL)}

    assert judged(*told["medications"], scores=told["scores"], conditions=excluded).staging is None
    assert judged(*told["medications"], conditions=(condition("insomnia"),)).staging is None
    assert judged(*told["medications"], availability=unread).staging is None
    assert assess(read_record([], knowledge=KNOWLEDGE), knowledge=KNOWLEDGE, as_of=on(0)).staging is None


def test_every_number_has_its_reasons() -> None:
    found = after(SSRI, SNRI)

    assert {reason.rule for reason in found.reasons} == {"G1", "G2", "G3"}
    assert all(reason.cites for reason in found.reasons)
    named = {name for reason in found.reasons for name, _ in reason.facts}
    assert {f"{part}_{end}" for part in (*found.maudsley, *found.massachusetts) for end in ("lo", "hi")} <= named
    assert any(reason.uses for reason in found.reasons)
