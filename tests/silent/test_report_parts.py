"""The parts of the report against cohorts whose numbers are known: they count what they say and add up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.measurereport import MeasureReport
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds_hooks.disclosure.cells import Cells
from cds_hooks.fhir_writer.measure_report import measure_report
from cds_hooks.governance.intervals import difference, proportion
from cds_hooks.silent.report import making
from cds_hooks.silent.report.making import make_report
from cds_hooks.silent.report.page import report_page
from cds_hooks.silent.report.run_reading import open_run
from mappings.load import Knowledge
from tests.silent.attack import leaks
from tests.silent.report_tables import DEFINITION, Cohort, row

CARD = {"kind": "trd-status", "indicator": "info", "finding": "x"}
DAY = date(2026, 3, 1)
Made = Callable[..., dict[str, Any]]


@pytest.fixture
def made(tmp_path: Path, knowledge: Knowledge) -> Made:
    """The report on a cohort of these rows."""

    def report(cohort: Cohort, **more: Any) -> dict[str, Any]:
        return make_report(open_run(cohort.write(tmp_path / "run", **more)), knowledge)

    return report


def crowd() -> Cohort:
    """Somebody at every exit of the flow, enough of each to be told."""
    cohort = Cohort()
    for number in range(12):
        cohort.patient(f"fault-{number}", moments=0, failed="KeyError", drug_records=None)
        cohort.patient(f"none-{number}", moments=0, drug_records=0, supply_records=0, dose_records=0)
        cohort.patient(f"no-order-{number}", moments=0, age_at_end_years=16)
    for number in range(13):
        cohort.patient(f"old-{number}", moments=0, age_at_end_years=45 if number < 12 else None)
        order = {"order": f"o-{number}", "why_not": "outside the days of the run"}
        cohort.tables["orders"].append(row("orders", patient=f"old-{number}", ingredients=[], **order))
    cohort.people(14, "young", verdict="OUT_OF_SCOPE", decided_by=["X5"], age_years=15)
    cohort.people(15, "bipolar", verdict="EXCLUDED", decided_by=["X1"])
    cohort.people(16, "unlisted", verdict="OUT_OF_SCOPE", decided_by=["X4"])
    cohort.people(17, "met", verdict="MET", decided_by=["V1"], cards=[CARD])
    cohort.people(18, "probable", verdict="PROBABLE", decided_by=["V2"], settled_by=["score-past"], missing=["trials"])
    cohort.people(19, "ageless", verdict="INDETERMINATE", decided_by=["X5", "V1"], capped="MET", age_years=None)
    cohort.people(20, "open", verdict="INDETERMINATE", decided_by=["V3"], settled_by=["score-past", "dose"])
    cohort.people(90, "not", verdict="NOT_MET")
    return cohort


def test_the_flow_leads_every_patient_to_one_exit(made: Made) -> None:
    flow = made(crowd())["flow"]
    left = flow["all"]
    assert left == 258
    for step in flow["steps"]:
        assert step["count"] == left - sum(out["count"] for out in step["fellOut"]), step
        left = step["count"]
    assert [[out["count"] for out in step["fellOut"]] for step in flow["steps"]] == [
        [12], [12], [12, 13], [14], [15], [16]
    ]  # fmt: skip
    decided = {name: flow["verdicts"][name] for name in ("MET", "PROBABLE", "INDETERMINATE", "NOT_MET")}
    assert decided == {"MET": 17, "PROBABLE": 18, "INDETERMINATE": 39, "NOT_MET": 90}
    assert sum(decided.values()) == left
    assert sum(flow["verdicts"].values()) == flow["judged"] == 209
    assert (flow["ageUnknown"], flow["heldBack"], flow["notSettled"]) == (19, 19, 57)
    # One of unknown age is withheld, and with it the smallest company.
    ages = {one["who"]: one["count"] for one in flow["withoutMoment"]}
    assert ages == {"younger than 18": 12, "18 or older": None, "of unknown age": None}


def test_what_is_open_is_ranked_by_what_one_datum_would_settle(made: Made) -> None:
    told = made(crowd())["unsettled"]
    assert (told["unsettled"]["count"], told["unsettled"]["of"], told["byOneDatum"]["count"]) == (57, 209, 38)
    assert [(one["datum"], one["settles"]["count"], one["settlesAlone"]["count"]) for one in told["data"]] == [
        ("score-past", 38, 18),
        ("dose", 20, 0),
    ]
    assert [(one["rule"], one["count"]) for one in told["rules"]] == [("V3", 20), ("X5", 19), ("V2", 18)]
    assert told["rules"][0]["name"].startswith("Indeterminate: ")
    assert [(one["name"], one["count"]) for one in told["lacking"]] == [("the outcome of a trial", 18)]


def test_groups_are_compared_with_everybody_else(made: Made) -> None:
    cohort = Cohort()
    cohort.people(60, "a", sex="female", verdict="MET", cards=[CARD], age_years=30)
    cohort.people(40, "b", sex="female", verdict="NOT_MET", age_years=50)
    cohort.people(20, "c", sex="male", verdict="MET", cards=[CARD], age_years=30)
    cohort.people(80, "d", sex="male", verdict="NOT_MET", age_years=50)
    cohort.people(3, "e", sex="other", verdict="NOT_MET", age_years=80)
    cohort.people(3, "f", sex="unknown", verdict="NOT_MET", age_years=90)
    cohort.people(15, "g", sex="male", verdict="NOT_MET", age_years=20)
    by = {grouping["by"]: grouping for grouping in made(cohort)["subgroups"]["groupings"]}
    ages = [("18–24", 15), ("25–34", 80), ("45 or older", 126)]  # the six of 75 or older go with those before them
    assert [(one["group"], one["patients"]) for one in by["age"]["groups"]] == ages
    # Six would be small together: they are told with the next smallest group.
    assert [(one["group"], one["patients"]) for one in by["sex"]["groups"]] == [
        ("male", 115),
        ("female with 2 small groups", 106),
    ]
    assert set(by) == {"age", "sex"}
    young = by["age"]["groups"][1]["columns"]["MET"]
    share, apart = proportion(80, 80), difference((80, 80), (0, 141))
    assert share is not None
    assert apart is not None
    assert (young["count"], young["low"], young["high"]) == (80, round(share.low, 4), round(share.high, 4))
    assert young["difference"] == {
        "value": round(apart.value, 4), "low": round(apart.low, 4), "high": round(apart.high, 4)
    }  # fmt: skip


def test_sensitive_groups_are_told_only_where_the_run_kept_them(made: Made) -> None:
    cohort = Cohort()
    cohort.people(30, "a", race="2106-3", verdict="MET")
    cohort.people(30, "b", race="2054-5", verdict="NOT_MET")
    told = made(cohort)["subgroups"]
    assert [one["by"] for one in told["groupings"]] == ["age", "sex"]
    assert told["notKept"] == ["race", "ethnicity", "language"]


def test_kept_groups_are_told_by_name(tmp_path: Path, knowledge: Knowledge) -> None:
    cohort = Cohort()
    cohort.people(30, "a", race="2106-3", verdict="MET")
    cohort.people(30, "b", race="2054-5", verdict="NOT_MET")
    report = make_report(open_run(cohort.write(tmp_path / "run", plan={"keep": ["race"]})), knowledge)
    assert [one["by"] for one in report["subgroups"]["groupings"]] == ["age", "sex", "race"]
    assert "Black or African American" in report_page(report)


def test_the_spread_over_prescribers_is_that_of_their_rates(made: Made) -> None:
    """Six prescribers of 20 moments with 0, 2, 5, 10, 15 and 20 cards; two more with 3 and 9 moments; 12 unnamed."""
    cohort = Cohort()
    for number, fired in enumerate((0, 2, 5, 10, 15, 20)):
        cohort.people(fired, f"f{number}", prescriber=f"Practitioner/{number}", cards=[CARD])
        cohort.people(20 - fired, f"n{number}", prescriber=f"Practitioner/{number}")
    cohort.people(3, "few", prescriber="Practitioner/few")
    cohort.people(9, "some", prescriber="Practitioner/some")
    cohort.people(12, "unnamed", prescriber=None)
    report = made(cohort)
    told = report["firing"]["prescribers"]
    assert (told["named"], told["withEnough"], told["ratesPer100"]) == (8, 6, [0, 10, 25, 50, 75, 100])
    # By hand: 0.25 x 5 = 1.25 and 3.75 places along the ranked rates.
    assert [told[name] for name in ("lowest", "lowerQuartile", "median", "upperQuartile", "highest")] == [
        0, 13.75, 37.5, 68.75, 100
    ]  # fmt: skip
    assert (told["others"]["prescribers"], told["others"]["fired"]["of"]) == (2, 12)
    assert (report["firing"]["fired"]["count"], report["firing"]["moments"]) == (52, 144)
    assert "Practitioner" not in json.dumps(report) + report_page(report)


def test_the_rate_per_order_counts_each_order_of_a_cart(made: Made) -> None:
    """Fifteen carts of two orders with a card, thirty of one without: 30 of 60 orders, 15 of 45 carts."""
    cohort = Cohort()
    cohort.people(15, "two", cards=[CARD])
    cohort.people(30, "one")
    for one in list(cohort.tables["assessments"]):
        for number in range(2 if one["fired"] else 1):
            place = {"patient": one["patient"], "moment": one["moment"], "order": f"o{number}"}
            cohort.tables["orders"].append(row("orders", **place, ingredients=[]))
    firing = made(cohort)["firing"]
    assert (firing["orders"]["count"], firing["orders"]["of"], firing["orders"]["share"]) == (30, 60, 0.5)
    assert (firing["fired"]["count"], firing["moments"]) == (15, 45)


def test_a_definition_close_to_the_chosen_one_is_withheld_and_said_to_be_close(made: Made) -> None:
    """Six patients more are met under the other definition, which contains the first: six patients."""
    cohort = Cohort()
    cohort.people(40, "met", verdict="MET")
    cohort.people(100, "not", verdict="NOT_MET")
    for one in list(cohort.tables["definitions"]):
        verdict = "MET" if one["patient"] in {f"not-{number}" for number in range(6)} else one["verdict"]
        cohort.tables["definitions"].append({**one, "definition": "ATHF4W", "verdict": verdict})
    chosen, other = made(cohort)["verdicts"]["definitions"]
    assert (chosen["definition"], chosen["verdicts"]["MET"]["count"]) == (DEFINITION, 40)
    assert other["nearTheChosen"] == ["MET", "NOT_MET"]
    assert other["verdicts"]["MET"]["count"] is None
    assert other["verdicts"]["NOT_MET"]["count"] is None


def test_published_figures_stand_beside_the_rule_that_comes_closest(made: Made, knowledge: Knowledge) -> None:
    cohort = Cohort()
    cohort.people(100, "a")
    for number in range(100):
        moment = {"patient": f"a-{number}", "moment": f"{DAY.isoformat()} o-a-{number}"}
        cohort.tables["published_rules"].append(
            row("published_rules", **moment, rule="FABBRI-UKB", resistant=number < 25)
        )
    told = made(cohort)["published"]
    assert told["rules"][0]["answers"]["resistant"]["share"] == 0.25
    figures = {one["figure"]: one for one in told["figures"]}
    assert set(figures) == {one.id for one in knowledge.clinical.published_figures.figures}
    assert [each["here"]["count"] for each in figures["uk-biobank"]["closest"]] == [25]
    assert figures["us-payers"]["closest"] == []  # its rule is not computed
    assert all(one["caveat"] and one["sources"] for one in told["figures"])


def test_reasons_name_no_record_and_the_place_of_a_withheld_row_says_nothing(made: Made) -> None:
    cohort = Cohort()
    cohort.people(60, "p")
    reasons = ["entered in error"] * 30 + ["duplicate of MedicationRequest/secret-7"] * 25 + ["status cancelled"] * 5
    for number, reason in enumerate(reasons):
        cohort.tables["set_aside"].append(
            row("set_aside", patient=f"p-{number}", reference=f"Observation/{number}", reason=reason)
        )
    report = made(cohort)
    told = report["dataQuality"]["setAsideReasons"]
    assert "secret" not in json.dumps(report)
    assert [one["name"] for one in told][-1] == "status cancelled"
    assert told[-1]["count"] is None
    assert {one["name"] for one in told} == {"entered in error", "duplicate of another record", "status cancelled"}
    shown = [one["count"] for one in told if one["count"] is not None]
    assert shown == sorted(shown, reverse=True)
    assert [one["count"] is None for one in told] == sorted(one["count"] is None for one in told)


def test_the_measure_report_is_valid_and_masks_what_the_report_withholds(made: Made) -> None:
    cohort = crowd()
    cohort.people(4, "late", verdict="NOT_MET", cards=[{"kind": "order-stop", "indicator": "critical"}])
    report = made(cohort)
    told = measure_report(report)
    assert MeasureReport.model_validate(told).type == "summary"
    text = json.dumps(told)
    assert "masked" in text
    [stratum] = told["group"][0]["stratifier"]
    assert [one["value"]["text"] for one in stratum["stratum"]] == [one["name"] for one in report["firing"]["byKind"]]
    assert told["group"][1]["population"][0]["count"] == report["flow"]["judged"] == 213


COUNT = st.integers(0, 30)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    groups=st.lists(st.tuples(COUNT, COUNT, COUNT, COUNT), min_size=2, max_size=4),
    fired=st.integers(0, 12),
    differing=st.integers(0, 14),
)
def test_nothing_small_can_be_worked_out_from_a_whole_report(
    groups: list[tuple[int, int, int, int]],
    fired: int,
    differing: int,
    tmp_path_factory: pytest.TempPathFactory,
    knowledge: Knowledge,
) -> None:
    """Linear programming over all the sums of all the tables that a reader can hold against each other."""
    cohort = Cohort()
    for place, counts in enumerate(groups):
        for verdict, many in zip(("MET", "PROBABLE", "INDETERMINATE", "NOT_MET"), counts, strict=True):
            person = {"sex": ("female", "male", "other", "")[place], "age_years": 20 + 15 * place, "verdict": verdict}
            cohort.people(min(fired, many), f"f{place}{verdict}", cards=[CARD], **person)
            cohort.people(max(many - fired, 0), f"n{place}{verdict}", settled_by=["dose"], **person)
    for number, one in enumerate(list(cohort.tables["definitions"])):
        changed = {"MET": "NOT_MET"}.get(one["verdict"], one["verdict"]) if number < differing else one["verdict"]
        cohort.tables["definitions"].append({**one, "definition": "ATHF4W", "verdict": changed})
    kept: list[Cells] = []

    def watched() -> Cells:
        kept.append(Cells())
        return kept[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(making, "Cells", watched)
        report = make_report(open_run(cohort.write(tmp_path_factory.mktemp("run") / "run")), knowledge)
    assert leaks(kept[0], report["smallestCell"]) == []
    small = {count for count in counts_in(report) if 0 < count < report["smallestCell"]}
    assert small == set()


COUNTS = (
    "count",
    "of",
    "all",
    "judged",
    "moments",
    "cards",
    "patients",
    "orders",
    "setAside",
    "heldBack",
    "ageUnknown",
)


def counts_in(told: Any) -> Iterator[int]:
    """Every count of people or moments that the document holds."""
    for name, value in told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ():
        if isinstance(value, int) and name in COUNTS:
            yield value
        if name not in ("run", "prescribers"):
            yield from counts_in(value)


def test_the_limits_of_a_share_solve_the_equation_of_wilson() -> None:
    """Wilson's limits solve (p - x)^2 = z^2 x (1 - x) / n: put back in fractions, they do."""
    found = proportion(7, 25)
    assert found is not None
    z = Fraction("1.959963984540054")
    for limit in (found.low, found.high):
        x = Fraction(limit)
        assert abs((Fraction(7, 25) - x) ** 2 - z * z * x * (1 - x) / 25) < Fraction(1, 10**12)
