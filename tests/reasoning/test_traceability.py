"""What is said of a patient leads back to records, sources and amounts, on cards and in the reasons of the document."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mappings.load import load
from plugin.advice.policy import advise
from plugin.advice.wording import Wording
from plugin.document.accounting import denied_aside
from plugin.document.assessment_document import to_document
from plugin.exposure.directed_dose import line_length
from plugin.exposure.dose_schedule import DailyDose
from plugin.record import DosageLine
from plugin.trial.adequacy import Adequacy
from plugin.trial.at_dose import Run
from tests.reasoning import test_augmentation as added
from tests.reasoning import test_cards_support as support
from tests.reasoning import test_drafts_together as together
from tests.reasoning import test_neuromodulation as courses
from tests.reasoning import test_next_step_cards as next_step
from tests.reasoning import test_safety as safety_stories
from tests.reasoning import test_unread_scores as unread
from tests.reasoning.facts import fill, on, phq9, product, report, when
from tests.reasoning.option_cases import switched
from tests.reasoning.test_advice import judge
from tests.reasoning.test_cards_policy import _in_hand
from tests.vignettes.told_well import card_faults, reason_faults

KNOWLEDGE = load()


# Cards


@pytest.mark.parametrize("procedure", ["rtms", "ect", "esketamine-administration", "ketamine-infusion"])
def test_what_a_drafted_procedure_lacks_is_named(procedure: str) -> None:
    judged = support.drafted(procedure, *support.SERTRALINE, scores=support.TWO_FAILED[:2])
    card = support.told(judged)
    known = {*card.uses, *judged.record.received}
    assert card_faults([card], known, KNOWLEDGE.sources) == []
    option = {"rtms": "TMS", "ect": "ECT", "esketamine-administration": "ESK", "ketamine-infusion": "KET"}[procedure]
    needed = [one.what for one in judged.next_step.safety.needed if one.option == option]
    lines = [line for line in card.detail if all(what in line for what in needed)]
    assert bool(lines) or not needed


def test_a_supply_in_hand_is_told_with_its_record_and_its_last_day_as_facts() -> None:
    said = {card.kind: card for card in advise(_in_hand(40), hook="order-select", knowledge=KNOWLEDGE)}
    card = said["already-taken"]
    assert card.uses == ("MedicationDispense/1",)
    assert card.facts == ("MedicationDispense/1", f"until:{on(68).isoformat()}")
    later = {card.kind: card for card in advise(_in_hand(41), hook="order-select", knowledge=KNOWLEDGE)}
    assert later["already-taken"].facts != card.facts


def test_a_remission_read_in_part_names_the_scores_it_rests_on() -> None:
    for scores in (unread.REMITTED, unread.RESPONDED):
        found = unread.ordered(*scores, read={"Observation": unread.HALF})
        [card] = advise(found, hook="order-sign", knowledge=KNOWLEDGE)
        assert card.uses
        assert len(set(card.uses)) == len(card.uses)
        if (severity := found.severity) is not None:
            assert set(severity.score.references) <= set(card.uses)
        good = [trial for trial in found.trials if trial.outcome.status.value == "NOT_FAILED"]
        assert all(set(trial.sources) <= set(card.uses) for trial in good)


def test_a_coded_attempt_stands_on_the_card_with_its_day() -> None:
    said = next_step.cards(conditions=["T14.91 active confirmed, onset day 200"], answers=[next_step.PLAN])
    for card in said.values():
        assert card_faults([card], card.uses, KNOWLEDGE.sources) == []


def test_a_blocked_off_label_option_is_named_on_a_card_only_where_the_site_shows_it() -> None:
    label = KNOWLEDGE.clinical.options["KET"].label
    usual = next_step.cards(conditions=["I67.1 active confirmed, onset day 10"])["trd-options"]
    site = next_step.cards(conditions=["I67.1 active confirmed, onset day 10"], knowledge=switched(KET=True))
    blocked = [line for line in usual.detail if "aneurysm" in line.lower()]
    assert blocked, usual.detail
    assert not any(label in line for line in blocked)
    assert any(label in line for line in site["trd-options"].detail if "aneurysm" in line.lower())


def test_a_trial_at_the_days_asked_for_is_not_called_weakly_evidenced() -> None:
    trial = judge(fill(1, 0, 42, product=product("sertraline", 100)), as_of=120).trials[0]
    words, definition = Wording(KNOWLEDGE), KNOWLEDGE.definitions["TRD-6W-50"]
    sure = trial.judged.sure
    assert sure is not None
    assert (sure.days, sure.graded) == (42, 42)
    borderline = replace(trial.judged, adequacy=Adequacy.BORDERLINE)
    plain = words.trial(replace(trial, judged=borderline), definition)
    assert plain == words.trial(replace(trial, judged=replace(borderline, sure=sure)), definition)
    weaker = replace(borderline, sure=_graded(sure, 41))
    assert words.trial(replace(trial, judged=weaker), definition) != plain


def _graded(run: Run, days: int) -> Run:
    return replace(run, graded=days)


# Reasons


def test_an_augmentation_by_level_tells_its_amounts_sources_and_records() -> None:
    for days in (28, 27):
        found = added.judged(added.BASE, added.agent("lithium", 900, days=days), laboratory=(added.level(100, 0.8),))
        [trial] = found.augmentations
        judged = [reason for reason in trial.judged.reasons if reason.rule == "A4"]
        assert judged
        for reason in judged:
            assert reason.cites
            assert reason.uses
        assert dict(judged[-1].facts) == {"days_in_range": days, "days_possible": days, "days_needed": 28}
        assert judged[-1].uses == ("MedicationDispense/2",)
        known = {use for reason in trial.judged.reasons for use in reason.uses} | found.used
        assert reason_faults(to_document(found), known, KNOWLEDGE.sources) == []


def test_lithium_never_at_a_dose_or_level_that_may_suffice_is_no_augmentation_of_the_stages() -> None:
    low = added.only(added.BASE, added.agent("lithium", 300))
    enough = added.only(added.BASE, added.agent("lithium", 900))
    in_range = added.only(added.BASE, added.agent("lithium", 300), laboratory=(added.level(100, 0.8),))
    assert [one.judged.reaches_lenient for one in (low, enough, in_range)] == [False, True, True]


@pytest.mark.parametrize(("days", "beside"), [(60, 27), (60, 28)])
def test_days_beside_the_base_stand_as_amounts(days: int, beside: int) -> None:
    base = fill(1, 0, 85 + beside)
    trial = added.only(base, added.agent("aripiprazole", 5, days=days))
    [reason] = [reason for reason in trial.judged.reasons if reason.rule == "T6"]
    facts = dict(reason.facts)
    assert facts["days_needed"] == 28
    assert facts["days_beside_adequate"] == beside
    assert f"{beside} days at its dose" in reason.text


def test_a_borderline_base_gives_borderline_days_as_amounts() -> None:
    base = fill(1, 0, 90, product=product("venlafaxine", 75))
    trial = added.only(base, added.agent("aripiprazole", 5, start=40, days=45), scores=())
    [reason] = [reason for reason in trial.judged.reasons if reason.rule == "T6"]
    assert trial.judged.adequacy is Adequacy.BORDERLINE
    assert dict(reason.facts) == {"days_beside_adequate": 0, "days_beside_possible": 45, "days_needed": 28}


def test_another_use_of_an_agent_follows_the_rule_of_augmentations() -> None:
    replaced = added.having("hypothyroidism")
    trial = added.only(added.BASE, added.agent("liothyronine", 0.025), conditions=(replaced,))
    assert trial.judged.adequacy is Adequacy.EXCLUDED
    [reason] = [reason for reason in trial.judged.reasons if "replaces a hormone" in reason.text]
    assert (reason.rule, reason.uses) == ("T6", (replaced.reference,))
    assert reason.cites


def test_partial_adherence_is_told_with_its_record() -> None:
    doubtful = fill(1, 0, 60, product=product("sertraline", 100), adherence="partial", adherence_asserted=when(20))
    trial = judge(doubtful, as_of=120).trials[0]
    [reason] = [reason for reason in trial.judged.reasons if reason.rule == "E9"]
    assert reason.text == "Partial adherence is recorded: its days are not sure."
    assert reason.uses == (doubtful.reference,)


def test_a_course_without_a_score_says_so_and_asks_for_one() -> None:
    course = courses.only(courses.sessions(9))
    assert (course.outcome.status.value, course.outcome.basis) == ("UNKNOWN", "none")
    [reason] = course.outcome.reasons
    assert (reason.rule, reason.text[:8]) == ("C2", "No score")
    assert [one.would_affect for one in course.outcome.missing] == ["outcome of ect"]


def test_a_course_that_is_not_rated_has_an_outcome_on_no_basis() -> None:
    course = courses.only(courses.sessions(2))
    assert course.adequacy is Adequacy.INADEQUATE
    assert (course.outcome.status.value, course.outcome.basis) == ("UNKNOWN", "none")


# What is set aside, and why


@pytest.mark.parametrize(("end", "covered"), [(None, True), (40, True), (29, False), (30, True)])
def test_a_denial_covers_the_days_it_names_and_without_an_end_all_that_follow(end: int | None, covered: bool) -> None:
    denial = replace(report(1, 10, end), status="not-taken")
    supply = fill(2, 30, 10)
    found = judge(denial, supply, as_of=120)
    told = {one.reference: one.reason for one in denied_aside(found.exposures)}
    assert told[denial.reference] == "read; says that the drug was not taken, so that those days do not count"
    assert (told.get(supply.reference) == "read; another record says that the drug was not taken then") is covered


@pytest.mark.parametrize(("first", "last", "days"), [(10, 10, 1), (10, 12, 3), (10, 9, 0), (10, 5, 0)])
def test_a_period_that_ends_before_it_begins_has_no_day(first: int, last: int, days: int) -> None:
    assert line_length(DosageLine(bounds_start=when(first), bounds_end=when(last))) == days


# Orders of the request that stood before


@pytest.mark.parametrize("status", ["stopped", "completed", "cancelled"])
def test_an_old_order_that_only_the_request_tells_of_is_no_lost_washout(status: str) -> None:
    old = together.phenelzine(day=together.TODAY - 9) | {"status": status}
    found = together.judged(together.order("ssri", "sertraline 50 mg daily"), old)
    assert together.stops(found)["ssri"] == {"S10"}
    written = (together.DAY - together.timedelta(days=9)).isoformat()
    antibiotic = together.worded("lz", "linezolid 600 mg tablet", status=status, authoredOn=written)
    found = together.judged(together.order("ssri", "sertraline 50 mg daily"), antibiotic)
    assert together.stops(found)["ssri"] == {"S10"}


@pytest.mark.parametrize(("days_ago", "met"), [(43, True), (44, False), (45, False)])
def test_the_washout_of_an_order_completed_on_record_counts_from_the_last_day_supplied(
    days_ago: int, met: bool
) -> None:
    """Thirty days from the start on: the last is start + 29; up to and including day 14 after it the rule holds."""
    supply = {"expectedSupplyDuration": {"value": 30, "unit": "days", "code": "d"}}
    old = together.phenelzine(day=together.TODAY - days_ago, dispenseRequest=supply) | {"status": "completed"}
    found = together.judged(together.order(*together.VOR), old, recorded=(old,))
    assert ("S10" in together.stops(found)["vor"]) is met


def test_an_order_not_to_give_a_drug_never_stood() -> None:
    old = together.phenelzine(day=together.TODAY - 9) | {"doNotPerform": True}
    found = together.judged(together.order(*together.VOR), {**old, "status": "stopped"}, recorded=(old,))
    assert together.stops(found)["vor"] == set()


# Doses without dates


def test_a_dose_stated_without_dates_is_read_from_its_words() -> None:
    told = replace(report(1, None, None, product=product("sertraline", 100)), dosage=fill(1, 0).dosage)
    [trial] = judge(told).trials
    assert trial.undated
    assert trial.stated_dose == DailyDose(100.0, 100.0)
    assert trial.judged.adequacy is Adequacy.BORDERLINE


# What is said of a drug given before, of a product for another use, and of what has failed


@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
def test_the_history_of_a_drafted_drug_is_whole(hook: str) -> None:
    found = judge(*support.SERTRALINE, scores=support.TWO_FAILED[:2], drafted="sertraline", as_of=250)
    cards = advise(found, hook=hook, knowledge=KNOWLEDGE)
    assert "already-failed" in {card.kind for card in cards}
    assert card_faults(cards, {use for card in cards for use in card.uses}, KNOWLEDGE.sources) == []


def test_a_product_for_another_use_is_excluded_by_its_rule() -> None:
    asleep = fill(1, 0, 60, product=product("doxepin", 6, excluded_for="insomnia"))
    [trial] = judge(asleep, as_of=120).trials
    assert trial.judged.adequacy is Adequacy.EXCLUDED
    [reason] = [reason for reason in trial.judged.reasons if "labelled for insomnia" in reason.text]
    assert (reason.rule, reason.uses) == ("E10", (asleep.reference,))


def test_a_low_dose_for_another_reason_is_excluded_by_its_rule() -> None:
    little = fill(1, 0, 60, product=product("sertraline", 25), indications=("insomnia",))
    [trial] = judge(little, as_of=120).trials
    assert trial.judged.adequacy is Adequacy.EXCLUDED
    [reason] = [reason for reason in trial.judged.reasons if "below the lenient dose" in reason.text]
    assert (reason.rule, reason.uses) == ("E10", (little.reference,))
    assert reason.cites


def test_days_of_an_earlier_episode_are_left_out_by_their_rule() -> None:
    scores = [phq9(0, 20), phq9(60, 3), phq9(120, 2), phq9(200, 19)]
    found = judge(*(fill(n, 30 * n) for n in range(12)), scores=scores, as_of=380)
    rules = {
        reason.rule for trial in found.trials for reason in trial.judged.reasons if "earlier episode" in reason.text
    }
    assert rules == {"T7"}


def test_a_failed_course_is_named_where_a_rule_speaks_of_it() -> None:
    said = safety_stories.said(
        conditions=["F33.2 active confirmed, onset day 0"],
        procedures=["esketamine-administration 8 sessions from day 300 every 4 days"],
        scores=["phq9 20 on day 298", "phq9 19 on day 332"],
    )
    reasons = [
        reason
        for hits in (*said.safety.blocked.values(), *said.safety.cautions.values())
        for hit in hits
        if hit.rule == "S45"
        for reason in hit.reasons
    ]
    assert reasons
    assert all("esketamine administration" in reason.text for reason in reasons)


def test_a_warning_stands_in_the_document_with_its_reasons() -> None:
    found = together.judged(
        together.order("a", "sertraline 50 mg daily"),
        patient={"age": 30, "sex": "female"},
        medications=['text "divalproex 500 mg" twice daily, ordered on day 150, status active'],
    )
    document = to_document(found)
    hits = found.next_step.safety.warnings
    assert [hit.rule for hit in hits] == ["W01"]
    [told] = document["safety"]["warnings"]
    assert told["rule"] == "W01"
    assert told["label"]
    assert [reason["text"] for reason in told["reasons"]] == [reason.text for reason in hits[0].reasons]
    assert told["reasons"]


def test_a_dose_never_raised_is_told_with_the_records_of_the_trial() -> None:
    taken = tuple(fill(n, 30 * n, product=product("sertraline", 50)) for n in range(3))
    found = judge(*taken, scores=support.TWO_FAILED[:2], as_of=100)
    [told] = [one for one in found.pseudo_resistance if one.id == "dose-optimisation"]
    assert set(told.uses) == {use for trial in found.trials for use in trial.sources} != set()


def test_the_amounts_of_a_domain_stand_beside_its_sentence() -> None:
    found = together.judged(together.order("a", "sertraline 50 mg daily"))
    told = [
        dict(reason.facts)
        for score in found.next_step.profile.scores.values()
        for reason in score.reasons
        if reason.rule == "D1" and "indicator" in dict(reason.facts)
    ]
    assert told
    names = {"indicator", "family", "value", "unit", "date", "weight", "recency", "evidence"}
    assert all(facts.keys() == names for facts in told)


def test_recorded_suicidality_reaches_the_cautions_of_the_options() -> None:
    """S42: caution with what is dangerous in overdose where suicidality is moderate or high; none without."""
    draft = together.order("a", "sertraline 50 mg daily")
    said = together.judged(draft, answers=["cssrs-screener item 5 yes on day 205"])
    quiet = together.judged(draft)
    cautioned = {id_ for id_, hits in said.next_step.safety.cautions.items() if any(hit.rule == "S42" for hit in hits)}
    assert {"TCA", "MAOI", "LIT"} <= cautioned
    assert not any(hit.rule == "S42" for hits in quiet.next_step.safety.cautions.values() for hit in hits)
    hits = [hit for hit in said.next_step.safety.cautions["TCA"] if hit.rule == "S42"]
    assert all(reason.uses for hit in hits for reason in hit.reasons)
