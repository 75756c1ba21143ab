"""A plasma level outranks the dose, in both directions (rule A4): each cut-off from below, at it and above."""

from __future__ import annotations

import pytest

from mappings.load import load
from plugin.amounts import Amount
from plugin.exposure.dose import UNKNOWN, DailyDose
from plugin.exposure.supply import CoveredDay
from plugin.record import LabResult, Layer
from plugin.timeline import Timeline
from plugin.trial.levels import Band, DrugLevels, LevelEffect, band_of_level, level_effect, levels_of
from tests.reasoning.facts import DAY_0, on

MEASURES = load().clinical.measures


def level(offset: int, value: float | None, bound: str = "", *, drug: str = "nortriptyline") -> LabResult:
    amount = Amount(value, bound) if value is not None else None
    flags = () if value is not None else ("unit-unknown",)
    return LabResult(
        reference=f"Observation/{offset}-{value}", measure=f"{drug}-level", day=on(offset), amount=amount, flags=flags
    )


def of(*results: LabResult, drug: str = "nortriptyline") -> DrugLevels:
    return levels_of(results, MEASURES, on(1000))[drug]


def taken(*stretches: tuple[int, int, float]) -> Timeline[CoveredDay]:
    """Days (first offset, number, mg a day) on a drug."""
    return Timeline(
        (DAY_0.toordinal() + first, DAY_0.toordinal() + first + days, covered(DailyDose(mg, mg)))
        for first, days, mg in stretches
    )


def covered(dose: DailyDose) -> CoveredDay:
    return CoveredDay(dose=dose, layer=Layer.DISPENSE, grade="A")


def effect(*results: LabResult, days: Timeline[CoveredDay] | None = None, lenient: float = 75) -> LevelEffect:
    era = days if days is not None else taken((0, 60, 75))
    return level_effect(era, of(*results), adequate=lambda day: day.dose.high >= lenient)


@pytest.mark.parametrize(
    ("value", "band"),
    [
        (49.9, Band.BELOW),
        (50, Band.WITHIN),
        (50.1, Band.WITHIN),
        (149.9, Band.WITHIN),
        (150, Band.WITHIN),
        (150.1, Band.ABOVE),
    ],
)
def test_nortriptyline_bands(value: float, band: Band) -> None:
    assert band_of_level(level(1, value), of(level(1, value))) is band


@pytest.mark.parametrize(
    ("value", "band"),
    [
        (0.39, Band.BELOW),
        (0.4, Band.BORDERLINE),
        (0.59, Band.BORDERLINE),
        (0.6, Band.WITHIN),
        (1.2, Band.WITHIN),
        (1.21, Band.ABOVE),
    ],
)
def test_lithium_bands(value: float, band: Band) -> None:
    one = level(1, value, drug="lithium")
    assert band_of_level(one, of(one, drug="lithium")) is band


@pytest.mark.parametrize(
    ("value", "bound", "band"),
    [
        (50, "<", Band.BELOW),
        (51, "<", None),
        (40, "<=", Band.BELOW),
        (50, "<=", None),
        (150, ">", Band.ABOVE),
        (149, ">", None),
        (49, ">", None),
        (151, ">=", Band.ABOVE),
        (None, "", None),
    ],
)
def test_a_level_that_may_lie_on_either_side_has_no_band(value: float | None, bound: str, band: Band | None) -> None:
    one = level(1, value, bound)
    assert band_of_level(one, of(one)) is band


def test_a_censored_lithium_level_between_the_cut_offs_has_no_band() -> None:
    assert band_of_level(level(1, 0.6, "<", drug="lithium"), of(level(1, 0.6, drug="lithium"), drug="lithium")) is None
    assert (
        band_of_level(level(1, 0.4, "<", drug="lithium"), of(level(1, 0.6, drug="lithium"), drug="lithium"))
        is Band.BELOW
    )


def test_without_an_upper_limit_a_level_is_never_too_high() -> None:
    plain = of(level(1, 900))
    levels = DrugLevels(
        ingredient=plain.ingredient,
        label=plain.label,
        unit=plain.unit,
        adequate_from=plain.adequate_from,
        borderline_from=None,
        toxic_above=None,
        results=plain.results,
        cites=plain.cites,
    )
    assert band_of_level(level(1, 900), levels) is Band.WITHIN
    found = level_effect(taken((0, 60, 75)), levels, adequate=lambda _: True)
    assert "too high" not in found.reasons[0].text


def test_levels_belong_to_their_drug_and_none_lies_after_the_day_of_judgement() -> None:
    results = (level(3, 60), level(1, 0.7, drug="lithium"), level(2, 55), level(30, 80))
    tsh = LabResult(reference="Observation/t", measure="tsh", day=on(1), amount=Amount(9))
    unknown = LabResult(reference="Observation/u", measure="no-measure", day=on(1), amount=Amount(9))
    found = levels_of((*results, tsh, unknown), MEASURES, on(10))
    assert set(found) == {"nortriptyline", "lithium"}
    assert [r.day for r in found["nortriptyline"].results] == [on(2), on(3)]
    assert found["lithium"].unit == "mmol/L"


def test_no_levels_change_nothing() -> None:
    nothing = level_effect(taken((0, 60, 75)), None, adequate=lambda _: True)
    assert nothing == LevelEffect()
    assert nothing.band_of(covered(DailyDose(75, 75))) is None
    assert effect(level(300, 80)) == LevelEffect()  # not on the drug that day


def test_a_level_speaks_for_all_days_at_its_dose_and_for_no_other() -> None:
    days = taken((0, 30, 25), (30, 30, 50), (60, 30, 75), (90, 10, 50))
    found = effect(level(40, 80), days=days)
    assert {mg: found.band_of(covered(DailyDose(mg, mg))) for mg in (25, 50, 75)} == {
        25: None,
        50: Band.WITHIN,
        75: None,
    }
    assert (found.at_most_borderline, found.flags, found.lowest) == (False, (), Band.WITHIN)
    (reason,) = found.reasons
    assert reason.rule == "A4"
    assert reason.uses == ("Observation/40-80",)
    assert "within range" in reason.text
    assert dict(reason.facts) == {"level": "80", "adequate_from": 50, "toxic_above": 150}
    assert reason.cites


@pytest.mark.parametrize(
    ("value", "capped", "flags"),
    [(49.9, True, ("level_below_range",)), (50, False, ()), (150, False, ()), (150.1, False, ("level_toxic",))],
)
def test_a_level_below_range_at_an_adequate_dose_caps_the_era(
    value: float, capped: bool, flags: tuple[str, ...]
) -> None:
    found = effect(level(30, value))
    assert (found.at_most_borderline, found.flags) == (capped, flags)


@pytest.mark.parametrize(("mg", "capped"), [(74, False), (75, True), (76, True)])
def test_a_level_below_range_at_a_lower_dose_does_not(mg: float, capped: bool) -> None:
    found = effect(level(30, 20), days=taken((0, 60, mg)))
    assert found.at_most_borderline is capped
    assert found.flags == (("level_below_range",) if capped else ())
    assert found.lowest is Band.BELOW


def test_of_several_levels_at_one_dose_the_lowest_holds() -> None:
    found = effect(level(20, 80), level(40, 30), level(50, 200))
    assert found.band_of(covered(DailyDose(75, 75))) is Band.BELOW
    assert found.at_most_borderline
    assert set(found.flags) == {"level_below_range", "level_toxic"}
    assert len(found.reasons) == 3


def test_a_later_level_in_range_at_a_higher_dose_does_not_take_the_cap_away() -> None:
    found = effect(level(20, 30), level(80, 90), days=taken((0, 40, 75), (40, 60, 100)))
    assert found.at_most_borderline
    assert found.band_of(covered(DailyDose(100, 100))) is Band.WITHIN


@pytest.mark.parametrize(("offset", "band"), [(29, Band.WITHIN), (30, None), (31, Band.WITHIN)])
def test_a_level_of_the_first_day_of_a_dose_says_nothing_about_it(offset: int, band: Band | None) -> None:
    found = effect(level(offset, 80), days=taken((0, 30, 50), (30, 30, 75)))
    mg = 50 if offset < 30 else 75
    assert found.band_of(covered(DailyDose(mg, mg))) is band
    assert found.flags == (("level_unknown",) if band is None else ())


@pytest.mark.parametrize("value", [30, 80])
def test_a_level_of_the_first_day_of_an_era_is_flagged_and_changes_nothing(value: float) -> None:
    found = effect(level(0, value))
    assert (found.at_most_borderline, found.lowest, found.flags) == (False, None, ("level_unknown",))
    assert "shows nothing about this dose" in found.reasons[0].text


def test_after_an_uncovered_day_the_last_covered_one_counts() -> None:
    days = taken((0, 30, 75), (35, 30, 75))
    assert effect(level(35, 30), days=days).at_most_borderline
    assert not effect(level(32, 30), days=days).at_most_borderline


@pytest.mark.parametrize("dose", [DailyDose(50, 100), UNKNOWN])
def test_a_dose_that_is_not_exactly_known_is_never_raised_but_capped(dose: DailyDose) -> None:
    days = Timeline([(DAY_0.toordinal(), DAY_0.toordinal() + 60, covered(dose))])
    assert effect(level(30, 80), days=days).band_of(covered(dose)) is None
    assert effect(level(30, 30), days=days).at_most_borderline


@pytest.mark.parametrize("one", [level(30, None), level(30, 60, "<")])
def test_an_unknown_level_is_flagged_and_changes_nothing(one: LabResult) -> None:
    found = effect(one)
    assert (found.flags, found.lowest, found.at_most_borderline) == (("level_unknown",), None, False)
    assert found.band_of(covered(DailyDose(75, 75))) is None
    assert found.reasons[0].uses == (one.reference,)


def test_a_borderline_lithium_level_is_flagged_and_does_not_cap() -> None:
    one = level(30, 0.5, drug="lithium")
    found = level_effect(taken((0, 60, 900)), of(one, drug="lithium"), adequate=lambda _: True)
    assert (found.flags, found.lowest, found.at_most_borderline) == (("level_borderline",), Band.BORDERLINE, False)


def test_the_order_of_results_changes_nothing() -> None:
    results = (level(20, 80), level(40, 30), level(50, 200))
    assert effect(*results) == effect(*reversed(results))


@pytest.mark.parametrize(
    ("bound", "value", "below", "above"),
    [
        ("", 4.9, True, False),
        ("", 5, False, False),
        ("", 5.1, False, True),
        ("<", 5, True, False),
        ("<", 5.1, None, None),
        ("<=", 4.9, True, False),
        ("<=", 5, None, False),
        ("<=", 5.1, None, None),
        (">", 4.9, None, None),
        (">", 5, False, True),
        (">=", 4.9, None, None),
        (">=", 5, False, None),
        (">=", 5.1, False, True),
    ],
)
def test_a_bound_is_compared_only_where_it_decides(
    bound: str, value: float, below: bool | None, above: bool | None
) -> None:
    amount = Amount(value, bound)
    assert (amount.below(5), amount.above(5)) == (below, above)
    assert (amount.times(2).below(10), amount.times(2).above(10)) == (below, above)
    assert str(Amount(value, bound)) == f"{bound}{value:g}"


def test_a_converted_value_at_the_cut_off_is_not_below_it() -> None:
    assert Amount(0.1 + 0.2).below(0.3) is False
    assert Amount(0.1 + 0.2).above(0.3) is False
