"""What is written on a card: short enough in every combination, plain enough to read, with its labels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from types import MappingProxyType

import pytest
import readability
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.stories import load_stories
from mappings.load import Knowledge, load
from plugin import assess
from plugin.advice.policy import CardDraft, advise
from plugin.advice.wording import SUMMARY_BELOW, Wording
from plugin.assessment import Assessment
from plugin.ingest import read_orders, read_record
from plugin.record import LABORATORY, Availability, DraftOrder, MedicationFact, PatientRecord, Read
from tests.properties.effort import effort
from tests.properties.records import DAY_0, Scope, records
from tests.reasoning.facts import fill, product, report
from tests.reasoning.test_advice import ALL_READ, NOT_TOLERATED, SERTRALINE, TWO_FAILED, VENLAFAXINE, cards, judge
from tests.reasoning.test_cards_pattern import with_ect
from tests.reasoning.test_next_step_cards import PLAN
from tests.reasoning.test_next_step_cards import cards as next_step_cards
from tests.reasoning.test_unread_scores import HALF, REMITTED, RESPONDED, ordered

KNOWLEDGE = load()
TODAY = date(2026, 3, 1)
GRADE = 9.0
WIDE = Scope(ranges=True, orders=True, reports=True, stops=True, reasons=True, unknown_supply=True)
MATCHED = ["sertraline 200 mg daily, dispensed 70 on day 20", "bupropion xl 300 mg daily, dispensed 56 on day 90"]
LONG = "dextromethorphan-bupropion hydrochloride extended release"
DRUGS = sorted(drug.id for drug in KNOWLEDGE.drugs.values())
PROCEDURES = sorted(kind.id for kind in KNOWLEDGE.procedures.kinds)


def renamed(knowledge: Knowledge) -> Knowledge:
    """The knowledge with a very long name for every drug."""
    drugs = {key: drug.model_copy(update={"label": f"{drug.label} {LONG}"}) for key, drug in knowledge.drugs.items()}
    return replace(knowledge, drugs=MappingProxyType(drugs))


LONG_NAMES = renamed(KNOWLEDGE)


def drafts(drug: str, procedure: str) -> tuple[DraftOrder, ...]:
    return (
        DraftOrder(reference="MedicationRequest/new", product=product(drug)),
        DraftOrder(reference="ServiceRequest/new", procedure=procedure),
    )


@given(
    records(WIDE, most_drugs=6, with_scores=True),
    st.sampled_from(DRUGS),
    st.sampled_from(PROCEDURES),
    st.integers(60, 500),
    st.booleans(),
)
@effort(40)
def test_summaries_are_short_whole_and_on_one_line(
    record: PatientRecord, drug: str, procedure: str, days: int, long: bool
) -> None:
    knowledge = LONG_NAMES if long else KNOWLEDGE
    as_of = date.fromordinal(DAY_0.toordinal() + days)
    judged = assess(record, knowledge=knowledge, as_of=as_of, orders=drafts(drug, procedure))
    for hook in ("order-sign", "patient-view"):
        for card in advise(judged, hook=hook, knowledge=knowledge):
            assert 0 < len(card.summary) < SUMMARY_BELOW, card.kind
            assert "\n" not in card.summary
            assert "…" not in card.summary, f"{card.kind} was cut: {card.summary}"
            assert card.finding.startswith(card.kind)
            assert card.facts == tuple(sorted(set(card.facts)))
            assert card.facts


@given(st.lists(st.sampled_from(DRUGS), min_size=1, max_size=60, unique=True), st.integers(0, 139))
@effort(60)
def test_as_many_names_are_told_as_fit_and_the_others_are_counted(drugs: list[str], _: int) -> None:
    words = Wording(LONG_NAMES)
    names = [KNOWLEDGE.drugs[drug].label for drug in drugs]
    fitting = words.summary(
        [*words.summaries("met-summary", names, count=len(names)), words.say("met-summary-short", count=len(names))]
    )
    assert len(fitting) < SUMMARY_BELOW
    listed = sum(name in fitting for name in names)
    if listed < len(names) and "(" in fitting:
        assert re.search(r"and \d+ more", fitting)


@pytest.mark.parametrize(("length", "cut"), [(138, False), (139, False), (140, True), (141, True)])
def test_what_has_no_shorter_form_is_cut_at_a_word(length: int, cut: bool) -> None:
    text = ("word " * 60)[: length - 1] + "x"
    said = Wording(KNOWLEDGE).summary([text])
    assert (said != text) is cut
    assert len(said) < SUMMARY_BELOW
    assert said.endswith("…") is cut


def test_dates_go_through_one_place() -> None:
    texts = {"date-form": "{day}.{month}.{year}", **{f"month-{month:02}": f"{month:02}" for month in range(1, 13)}}
    german = {key: KNOWLEDGE.sentences[key].model_copy(update={"text": text}) for key, text in texts.items()}
    own = replace(KNOWLEDGE, sentences=MappingProxyType({**KNOWLEDGE.sentences, **german}))
    judged = judge(*SERTRALINE, *VENLAFAXINE, scores=TWO_FAILED[:2], drafted="sertraline")
    said = "\n".join(line for card in cards(judged, knowledge=own).values() for line in (card.summary, *card.detail))
    assert not re.search(r"\d{4}-\d{2}-\d{2}|\d\d [A-Z][a-z]{2} \d{4}", said)
    assert re.search(r"\d{2}\.\d{2}\.2025", said)
    assert Wording(own).told("Seen on 2025-02-30 and 2025-01-02.") == "Seen on 2025-02-30 and 02.01.2025"


def test_every_card_says_the_day_and_that_nothing_is_reviewed_or_validated() -> None:
    for card in _told():
        assert "not clinically reviewed, not clinically validated" in card.detail[-1], card.kind
        assert card.detail[-1].startswith("As of ")
        if card.kind in {"trd-options", "mismatch-plausible", "refractory-pattern"}:
            assert KNOWLEDGE.sentences["option-proposal"].text in card.detail


def test_a_card_says_what_was_looked_at_and_what_was_not() -> None:
    card = cards(judge(*SERTRALINE, *VENLAFAXINE, scores=TWO_FAILED))["trd-status"]
    [line] = [line for line in card.detail if line.startswith("Looked at: ")]
    assert "orders, dispenses" in line
    assert line.endswith("Not looked at: notes, and care that is not in this record")
    assert any(line.startswith("Not read completely: allergies") for line in card.detail)


@pytest.mark.parametrize("by", ["EUPEARL-25", "ESM-CLASS"])
def test_the_first_line_says_which_definitions_disagree_and_that_they_agree(by: str) -> None:
    judged = judge(*SERTRALINE, *VENLAFAXINE, scores=TWO_FAILED)
    assert cards(judged)["trd-status"].detail[0] == "All 6 definitions checked here say the same"
    counts, _ = judged.by_definition[by] or (None, None)
    assert counts is not None
    other = {**judged.by_definition, by: (counts, type(judged.verdict.value).NOT_MET)}
    first = cards(replace(judged, by_definition=MappingProxyType(other)))["trd-status"].detail[0]
    assert first.startswith(f"The definitions do not agree: not met by “{KNOWLEDGE.definitions[by].label}”.")
    assert first.endswith("5 of 6 say the same as here")


def _stories() -> Iterator[CardDraft]:
    for story in load_stories(TODAY, KNOWLEDGE):
        record = read_record(story.resources, knowledge=KNOWLEDGE, patient_id=story.patient_id)
        orders = read_orders([story.suggested_order], knowledge=KNOWLEDGE)
        judged = assess(record, knowledge=KNOWLEDGE, as_of=TODAY, orders=orders)
        yield from advise(judged, hook="order-sign", knowledge=KNOWLEDGE)


def _procedures() -> Iterator[Assessment]:
    judged = judge(*SERTRALINE, *VENLAFAXINE, scores=TWO_FAILED, drafted="venlafaxine")
    for procedure in PROCEDURES:
        orders = tuple(replace(one, ingredient=None, label=procedure) for one in judged.next_step.orders)
        orders = tuple(replace(one, order=replace(one.order, product=None, procedure=procedure)) for one in orders)
        yield replace(judged, next_step=replace(judged.next_step, orders=orders))


def _told() -> list[CardDraft]:
    """Cards of every kind, as they are rendered."""
    said = [*_stories()]
    for judged in _procedures():
        said += cards(judged, "order-sign").values()
    for made in (
        next_step_cards(),
        next_step_cards(change=with_ect),
        next_step_cards(answers=[PLAN]),
        next_step_cards(answers=["cssrs-screener item 3 yes on day 208"]),
        next_step_cards(scales=["cssrs-screener high on day 208"]),
        next_step_cards(draft="bupropion xl 300 mg daily", conditions=["G40.909 active, recorded day 0"]),
        next_step_cards(unread="MedicationDispense"),
        *(next_step_cards(conditions=[f"{code} active confirmed"]) for code in ("F31.81", "F33.3", "F06.1", "F03.90")),
        next_step_cards(history=MATCHED),
        cards(judge(fill(1, 0, 90, product=product("sertraline", 100)), drafted="sertraline", as_of=20)),
        cards(judge(SERTRALINE[0], drafted="aripiprazole", as_of=28)),
        cards(judge(SERTRALINE[0], drafted="sertraline", as_of=100)),
        cards(judge(*SERTRALINE, *VENLAFAXINE)),
        cards(ordered(*RESPONDED, read={"Observation": HALF})),
        cards(ordered(*REMITTED, read={"Observation": HALF})),
    ):
        said += made.values()
    return said


def _masked(text: str) -> str:
    """The text with names taken out: of drugs, scales, definitions, domains, conditions and options."""
    names = {drug.label for drug in KNOWLEDGE.drugs.values()} | {one.label for one in KNOWLEDGE.definitions.values()}
    names |= {one.label for one in KNOWLEDGE.instruments.values()} | set(KNOWLEDGE.definitions)
    names |= {one.label for one in KNOWLEDGE.clinical.options.values()} | set(PROCEDURES)
    names |= {one.label for one in KNOWLEDGE.clinical.domains.values()}
    names |= {rule.label for rule in KNOWLEDGE.clinical.safety.values()}
    names |= {kind.label for kind in KNOWLEDGE.procedures.kinds} | {c.label for c in KNOWLEDGE.conditions.categories}
    names |= {one.label for one in KNOWLEDGE.clinical.measures.values()}
    names |= {"treatment-resistant depression", "C-SSRS"}
    for name in sorted(names, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "Name", text, flags=re.IGNORECASE)
    return re.sub(r"[*\\]|\d{2} [A-Z][a-z]{2} \d{4}", "", text)


def grade(text: str) -> float:
    """The US school grade (Kincaid) of a text with names masked; digits are left as they stand."""
    sentences = [part for part in re.split(r"\.\s+|\.$", _masked(text)) if re.search(r"\w", part)]
    tokens = "\n".join(" ".join(re.findall(r"[\w'-]+", part)) + " ." for part in sentences)
    return float(readability.getmeasures(tokens, lang="en")["readability grades"]["Kincaid"])


def test_the_measure_tells_plain_from_hard() -> None:
    assert grade("The drug was stopped before because of side effects.") < 6
    assert grade("Pharmacotherapeutic reevaluation necessitates multidisciplinary consideration.") > 20


def test_summaries_and_first_lines_are_plain() -> None:
    said = _told()
    assert {card.kind for card in said} == {
        key.removeprefix("topic-") for key in KNOWLEDGE.sentences if key.startswith("topic-")
    }
    hard = {}
    for card in said:
        for place, text in (("summary", card.summary), ("first line", card.detail[0])):
            # A trial is a row of values, not a sentence.
            if not text.startswith("**") and grade(text) > GRADE:
                hard[text] = f"{card.kind} {place}: {grade(text):.1f}"
    assert hard == {}


def test_a_story_shows_an_option_that_matches_the_domain_at_order_sign() -> None:
    [story] = [one for one in load_stories(TODAY, KNOWLEDGE) if one.id == "anhedonia-stands-out"]
    read = (*ALL_READ, "AllergyIntolerance", LABORATORY)
    record = read_record(
        story.resources,
        knowledge=KNOWLEDGE,
        patient_id=story.patient_id,
        availability={kind: Availability(read=Read.COMPLETE) for kind in read},
    )
    orders = read_orders([story.suggested_order], knowledge=KNOWLEDGE)
    judged = assess(record, knowledge=KNOWLEDGE, as_of=TODAY, orders=orders)
    said = {card.kind: card for card in advise(judged, hook="order-sign", knowledge=KNOWLEDGE)}
    assert list(said) == ["trd-status", "mismatch-plausible", "trd-options"]
    assert any(line.startswith("Matched: ") for line in said["trd-options"].detail)


def test_a_report_without_dates_is_told_with_the_dose_it_states() -> None:
    undated = report(40, None, None, product=product("venlafaxine", 75))
    [line] = _undated_lines(undated)
    assert "dates not recorded, 75 mg a day: borderline, reported without dates;" in line
    [line] = _undated_lines(replace(undated, dosage=()))
    assert "dates not recorded, dose not readable: borderline, reported without dates or dose;" in line


def _undated_lines(undated: MedicationFact) -> list[str]:
    judged = judge(*SERTRALINE, undated)
    [trial] = [trial for trial in judged.trials if trial.undated]
    return [Wording(KNOWLEDGE).trial(trial, judged.definition)]


@pytest.mark.parametrize(("count", "said"), [(1, "1 adequate trial failed"), (2, "2 adequate trials failed")])
def test_one_is_told_as_one(count: int, said: str) -> None:
    assert Wording(KNOWLEDGE).say("met-summary-short", count=count).endswith(said)


@pytest.mark.parametrize(
    ("as_of", "stopped", "ongoing"),
    [(80, False, True), (103, False, True), (104, False, False), (80, True, False)],
)
def test_a_trial_that_goes_on_is_told_with_its_start(as_of: int, stopped: bool, ongoing: bool) -> None:
    last = replace(SERTRALINE[2], stop_reasons=NOT_TOLERATED) if stopped else SERTRALINE[2]
    judged = judge(*SERTRALINE[:2], last, drafted="sertraline", as_of=as_of, scores=[TWO_FAILED[0]])
    [trial] = judged.trials
    assert trial.ongoing is ongoing
    line = Wording(KNOWLEDGE).trial(trial, judged.definition)
    assert ("since 01 Jan 2025 (on record to" in line) is ongoing
    assert ("01 Jan 2025 to" in line) is not ongoing
