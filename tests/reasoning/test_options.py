"""Options: lanes, order, gates, eligibility, jurisdiction, severity, closing, visibility, pairing, fail closed.

Lists are those that follow from the published table of grades and tiers; failed drugs are two SSRIs unless named.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.load import load
from plugin.options.lanes import rules_of
from plugin.options.listing import Options
from plugin.options.ranking import Focus, Rank, grades_on, rank_of
from plugin.resistance.verdict import Value
from plugin.trial.adequacy import Adequacy
from tests.reasoning.facts import phq9
from tests.reasoning.option_cases import (
    BETTER,
    CATATONIC,
    DAY,
    KNOWLEDGE,
    PROXY,
    PSYCHOTIC,
    SUICIDAL,
    TWO_FAILED,
    UNDETERMINED,
    UNKNOWN,
    choose,
    course,
    failures_of,
    hit,
    ids,
    modifiers,
    profile,
    safety,
    switched,
    taking,
    trial,
    tried,
)

ANH = profile("DOMINANT", "ANH")
OPTIONS = KNOWLEDGE.clinical.options
PARAMETERS = KNOWLEDGE.clinical.strategies.parameters


def lanes(found: Options) -> tuple[str, str, str]:
    return ids(found.matched), ids(found.guideline), ids(found.adjunct)


def find(found: Options, id_: str):
    return next((one for one in found.listed if one.id == id_), None)


# Lanes and order, domain by domain


@pytest.mark.parametrize(
    ("who", "matched", "guideline", "adjunct"),
    [
        (profile("DOMINANT", "ANH"), "ESK TMS CAR PPX BUP DXB KET", "ARI BRX SAINT LIT LUM OFC QUE", "PSYT"),
        (profile("DOMINANT", "ANX"), "ARI BRX QUE", "ESK TMS LUM CAR LIT OFC SAINT", "PSYT"),
        (
            profile("DOMINANT", "ANX", secondary=("ANH", "CIR")),
            "QUE ARI BRX",
            "ESK TMS LUM CAR SAINT LIT OFC",
            "PSYT",
        ),
        (profile("DOMINANT", "COG"), "VOR SNRI", "TMS ESK ARI BRX CAR LIT LUM SAINT", "PSYT"),
        (profile("DOMINANT", "CIR"), "QUE MIR", "ESK TMS ARI BRX CAR LIT LUM OFC SAINT", "PSYT CBTI LGT DORA"),
        (
            profile("DOMINANT", "INF", secondary=("ANH",)),
            "BUP TCA",
            "ESK TMS CAR ARI BRX SAINT LIT LUM",
            "PSYT MIN OM3 CEL",
        ),
        (
            profile("MIXED", "CIR", "ANX", secondary=("INF",)),
            "ARI BRX QUE MIR",
            "ESK TMS LUM CAR LIT OFC SAINT",
            "PSYT CBTI LGT DORA",
        ),
        (UNDETERMINED, "", "ESK TMS ARI BRX CAR LIT LUM OFC QUE SAINT", "PSYT"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join((value.label, *value.domains)),
)
def test_lanes_in_order(who, matched, guideline, adjunct) -> None:
    assert lanes(choose(who)) == (matched, guideline, adjunct)


def test_a_named_domain_means_nothing_under_an_undetermined_label() -> None:
    assert lanes(choose(profile("UNDETERMINED", "ANH", certainty="high"))) == lanes(choose(UNDETERMINED))


@pytest.mark.parametrize(
    ("label", "certainty", "tier"),
    [
        ("DOMINANT", "high", 0),
        ("DOMINANT", "moderate", 0),
        ("MIXED", "moderate", 0),
        ("DOMINANT", "low", 1),
        ("LEANING", "high", 1),
        ("LEANING", "low", 1),
    ],
)
def test_a_grade_of_three_lifts_by_one_tier_when_the_domains_are_certain(label, certainty, tier) -> None:
    found = choose(profile(label, "COG", certainty=certainty))
    assert ranked("VOR", Focus(label=label, named=("COG",), certainty=certainty)).tier == tier
    lifted = [reason for reason in find(found, "VOR").reasons if reason.rule == "L6"]
    assert bool(lifted) == (tier == 0)


def ranked(id_: str, focus: Focus, jurisdiction: str = "us", cautions: tuple[str, ...] = ()) -> Rank:
    return rank_of(
        OPTIONS[id_],
        focus,
        status=OPTIONS[id_].jurisdictions[jurisdiction],
        circumstances=(),
        cautions=cautions,
        parameters=PARAMETERS,
        as_of=DAY,
    )


@pytest.mark.parametrize(
    ("id_", "domain", "jurisdiction", "tier"),
    [
        ("PPX", "ANH", "us", 1),  # grade 3, off-label: never lifted
        ("VOR", "COG", "eu", 0),  # grade 3, labelled
        ("SNRI", "COG", "us", 1),  # grade 2
        ("AGO", "CIR", "eu", 0),
        ("CBTI", "CIR", "us", 1),  # no drug
        ("LGT", "CIR", "us", 1),
        ("DORA", "CIR", "us", 2),  # grade 2
        ("MIN", "INF", "us", 3),  # the lowest tier stays
        ("OM3", "INF", "us", 3),
    ],
)
def test_who_is_lifted(id_, domain, jurisdiction, tier) -> None:
    focus = Focus(label="DOMINANT", named=(domain,), certainty="high")
    assert ranked(id_, focus, jurisdiction).tier == tier


@pytest.mark.parametrize(("kind", "status", "tier"), [("supplement", "no-label", 3), ("therapy", "no-label", 3)])
def test_the_lowest_tier_is_never_lifted_even_by_a_grade_of_three(kind, status, tier) -> None:
    dated = OPTIONS["OM3"].grades
    three = {day: g.model_copy(update={"by_domain": {**g.by_domain, "INF": 3}}) for day, g in dated.values.items()}
    made = OPTIONS["OM3"].model_copy(update={"kind": kind, "grades": dated.model_copy(update={"values": three})})
    focus = Focus(label="DOMINANT", named=("INF",), certainty="high")
    status_ = made.jurisdictions["us"]
    rank = rank_of(made, focus, status=status_, circumstances=(), cautions=(), parameters=PARAMETERS, as_of=DAY)
    assert (rank.grade, rank.tier, rank.promoted) == (3, tier, False)


@pytest.mark.parametrize(
    ("id_", "named", "tier", "grade"),
    [
        ("QUE", ("COG",), 1, 0),  # grade -1 and none positive: one lower
        ("QUE", ("COG", "ANX"), 0, 2),  # another named domain fits
        ("DXB", ("ANX",), 2, 0),
        ("BUP", ("ANX", "INF"), 1, 2),
        ("QUE", ("ANH",), 0, 0),  # 0 is no mismatch
    ],
)
def test_a_plausible_mismatch_lowers_by_one_tier(id_, named, tier, grade) -> None:
    rank = ranked(id_, Focus(label="MIXED", named=named, certainty="high"))
    assert (rank.tier, rank.grade, rank.mismatch) == (tier, grade, tier > "ABCD".index(OPTIONS[id_].tier))


def test_a_mismatched_option_of_the_first_tier_leaves_the_guideline_lane() -> None:
    assert "QUE" not in ids(choose(profile("DOMINANT", "COG")).guideline)


def test_a_mismatch_is_said_where_the_option_is_listed() -> None:
    found = choose(profile("DOMINANT", "ANX", certainty="high"), flags=modifiers(SUI="high"))
    assert find(found, "ESK").grade == 1
    found = choose(profile("DOMINANT", "COG", certainty="high"), flags=modifiers(SUI="high"))
    assert any("one tier lower" in reason.text for reason in find(found, "ECT").reasons)


def test_negative_grades_of_secondary_domains_count_as_none() -> None:
    assert ranked("QUE", Focus(label="DOMINANT", named=("ANX",), secondary=("COG",))).secondary == 0


def test_cautions_are_counted_by_rule_and_decide_before_the_id() -> None:
    """With one caution fewer TMS stands before esketamine."""
    found = choose(ANH, rules=safety(cautions={"ESK": "S05"}))
    assert ids(found.matched).split()[:2] == ["TMS", "ESK"]
    assert find(found, "ESK").cautions == ("S05",)
    assert any(reason.rule == "S05" for reason in find(found, "ESK").reasons)
    assert ranked("ESK", Focus(), cautions=("S05", "S05", "S29")).cautions == 2
    assert rules_of([hit("S05", "caution"), hit("S05", "caution"), hit("S29", "caution")]) == ("S05", "S29")


def test_grades_have_a_history() -> None:
    early = min(OPTIONS["ESK"].grades.values)
    before = early.replace(year=early.year - 1)
    assert grades_on(OPTIONS["ESK"], before) == OPTIONS["ESK"].grades.values[early]


# Properties of the order

RANKS = st.builds(
    Rank,
    id=st.sampled_from(sorted(OPTIONS)),
    urgent=st.booleans(),
    tier=st.integers(0, 4),
    grade=st.integers(0, 3),
    priority=st.sampled_from([0.0, 1.0, 2.0]),
    secondary=st.integers(0, 3),
    cautions=st.integers(0, 5),
)


@given(st.lists(RANKS, unique_by=lambda rank: rank.id), st.randoms(use_true_random=False))
def test_the_order_is_total_and_does_not_depend_on_the_input(ranks: list[Rank], mixer: Random) -> None:
    ordered = sorted(ranks, key=lambda rank: rank.key)
    mixer.shuffle(ranks)
    assert sorted(ranks, key=lambda rank: rank.key) == ordered
    assert all(one.key < other.key for one, other in pairwise(ordered))


@given(RANKS, RANKS)
def test_urgency_comes_before_tier_before_match(one: Rank, other: Rank) -> None:
    if one.urgent != other.urgent:
        assert (one.key < other.key) == one.urgent
    elif one.tier != other.tier:
        assert (one.key < other.key) == (one.tier < other.tier)
    elif one.grade != other.grade:
        assert (one.key < other.key) == (one.grade > other.grade)


DOMAINS = st.lists(st.sampled_from(list(KNOWLEDGE.clinical.domains)), unique=True, max_size=3)


@given(
    named=DOMAINS,
    second=DOMAINS,
    label=st.sampled_from(["DOMINANT", "MIXED", "LEANING", "UNDETERMINED"]),
    certainty=st.sampled_from(["high", "moderate", "low", "none"]),
    blocked=st.sets(st.sampled_from(sorted(OPTIONS))),
    jurisdiction=st.sampled_from(["us", "eu"]),
    shuffled=st.permutations(sorted(OPTIONS)),
)
def test_lanes_are_disjoint_safe_and_independent_of_the_order_of_the_files(
    named, second, label, certainty, blocked, jurisdiction, shuffled
) -> None:
    who = profile(label, *named, secondary=tuple(second), certainty=certainty)
    rules = safety(blocked=dict.fromkeys(blocked, "S99"))
    found = choose(who, rules=rules, jurisdiction=jurisdiction)
    listed = ids(found.listed).split()
    assert len(listed) == len(set(listed))
    assert not set(listed) & blocked
    assert all(OPTIONS[id_].jurisdictions[jurisdiction].offered for id_ in listed)
    assert {one.id for one in found.blocked} <= blocked
    clinical = replace(KNOWLEDGE.clinical, options={id_: OPTIONS[id_] for id_ in shuffled})
    again = choose(who, rules=rules, jurisdiction=jurisdiction, knowledge=replace(KNOWLEDGE, clinical=clinical))
    assert again == found


# Eligibility: below, at and above every number


@pytest.mark.parametrize(
    ("id_", "need", "who"),
    [
        ("ESK", 2, ANH),
        ("KET", 2, ANH),
        ("TMS", 2, ANH),
        ("SAINT", 2, ANH),
        ("ECT", 3, ANH),
        ("VNS", 4, ANH),
        ("T3", 4, ANH),
        ("MAOI", 4, ANH),
    ],
)
def test_the_failures_that_open_an_option(id_, need, who) -> None:
    for count in range(6):
        assert (find(choose(who, history=failures_of(count)), id_) is not None) == (count >= need)


def test_an_open_option_says_by_what_count() -> None:
    reason = next(r for r in find(choose(ANH), "ESK").reasons if r.rule == "L5")
    assert dict(reason.facts) == {"failed": 2, "with_proxy": 2, "needed": 2}
    assert set(reason.uses) == {"MedicationDispense/sertraline", "MedicationDispense/citalopram"}


@pytest.mark.parametrize(
    ("second", "listed", "probable"),
    [
        (trial("citalopram", PROXY), True, True),
        (trial("citalopram", UNKNOWN), False, False),
        (trial("citalopram", BETTER), False, False),
        (trial("citalopram", adequacy=Adequacy.BORDERLINE), False, False),
        (trial("sertraline"), False, False),  # the same drug twice is one failure
    ],
)
def test_failures_that_count_and_those_that_make_it_probable(second, listed, probable) -> None:
    found = find(choose(ANH, history=tried("sertraline", second)), "ESK")
    assert (found is not None) == listed
    if found is not None:
        assert found.probable == probable
        assert any("Probable" in reason.text for reason in found.reasons)
    assert not find(choose(ANH), "ESK").probable
    assert not find(choose(ANH), "CAR").probable


def test_augmentations_and_courses_do_not_open_options() -> None:
    history = tried("sertraline", augmentations=[trial("lithium")], courses=[course("ect")])
    assert find(choose(ANH, history=history), "ESK") is None


def test_appended_options_stand_last_in_their_order() -> None:
    assert ids(choose(ANH, history=failures_of(4)).guideline).endswith("VNS T3 MAOI")
    blocked = choose(ANH, history=failures_of(4), rules=safety(blocked={"T3": "S35"}))
    assert ids(blocked.guideline).endswith("VNS MAOI")


# Severity


def test_mild_severity_hides_procedures_and_glutamatergic_drugs() -> None:
    mild = profile("DOMINANT", "ANH", mild=True)
    found = choose(mild, history=failures_of(5))
    assert not {"ESK", "KET", "TMS", "SAINT", "ECT", "VNS"} & set(ids(found.listed).split())
    assert {"CAR", "T3", "MAOI"} <= set(ids(found.listed).split())


@pytest.mark.parametrize(("value", "hidden"), [(9, True), (10, False), (15, False)])
def test_less_than_mild_hides_as_well_and_what_is_not_recorded_does_not(value, hidden) -> None:
    """The profile says whether 10 to 14 is mild; what lies below is not said to be, and hides too."""
    who = profile("UNDETERMINED", severity=phq9(0, value), mild=False, certainty="none")
    assert (find(choose(who), "TMS") is None) == hidden
    assert find(choose(profile("UNDETERMINED", mild=None)), "TMS") is not None
    other = replace(phq9(0, 1), instrument="no-such-scale")
    assert find(choose(profile("UNDETERMINED", severity=other)), "TMS") is not None


# Current and failed


@pytest.mark.parametrize(
    ("drug", "option", "who"),
    [
        ("bupropion", "BUP", ANH),
        ("mirtazapine", "MIR", profile("DOMINANT", "CIR")),
        ("venlafaxine", "SNRI", profile("DOMINANT", "COG")),
        ("levomilnacipran", "SNRI", profile("DOMINANT", "COG")),
        ("nortriptyline", "TCA", profile("DOMINANT", "INF")),
        ("trimipramine", "TCA", profile("DOMINANT", "INF")),
        ("vortioxetine", "VOR", profile("DOMINANT", "COG")),
        ("quetiapine", "QUE", profile("DOMINANT", "ANX")),
        ("olanzapine", "OFC", UNDETERMINED),
        ("esketamine", "ESK", ANH),
        ("ketamine", "KET", ANH),
        ("pramipexole", "PPX", ANH),
        ("dextromethorphan-bupropion", "DXB", ANH),
    ],
)
def test_an_option_is_closed_by_what_is_taken_and_by_what_failed(drug, option, who) -> None:
    assert find(choose(who), option) is not None
    assert find(choose(who, history=tried("sertraline", "citalopram", taken=[drug])), option) is None
    assert find(choose(who, history=tried("sertraline", "citalopram", drug)), option) is None
    augmented = tried("sertraline", "citalopram", augmentations=[trial(drug)])
    assert find(choose(who, history=augmented), option) is None
    better = tried("sertraline", "citalopram", trial(drug, BETTER), trial(drug, adequacy=Adequacy.INADEQUATE))
    assert find(choose(who, history=better), option) is not None


@pytest.mark.parametrize(
    ("drug", "option"), [("phenelzine", "MAOI"), ("tranylcypromine", "MAOI"), ("liothyronine", "T3")]
)
def test_an_appended_option_is_closed_too(drug, option) -> None:
    four = ("sertraline", "citalopram", "escitalopram", "fluoxetine")
    assert find(choose(ANH, history=tried(*four)), option) is not None
    assert find(choose(ANH, history=tried(*four, taken=[drug])), option) is None


def test_what_is_no_longer_taken_does_not_close() -> None:
    past = taking("bupropion", last=DAY.replace(day=21))
    assert find(choose(ANH, history=tried("sertraline", "citalopram", taken=[past])), "BUP") is not None
    today = taking("bupropion", last=DAY)
    assert find(choose(ANH, history=tried("sertraline", "citalopram", taken=[today])), "BUP") is None


def test_the_combination_closes_bupropion_while_it_is_taken_and_not_by_failing() -> None:
    combined = "dextromethorphan-bupropion"
    assert find(choose(ANH, history=tried("sertraline", "citalopram", taken=[combined])), "BUP") is None
    assert find(choose(ANH, history=tried("sertraline", "citalopram", combined)), "BUP") is not None


def test_fluoxetine_alone_does_not_close_its_combination() -> None:
    assert find(choose(history=tried("fluoxetine", "citalopram", taken=["fluoxetine"])), "OFC") is not None


@pytest.mark.parametrize(
    ("one", "closed"),
    [
        (course("rtms"), {"TMS"}),
        (course("rtms", traits=["accelerated"]), {"TMS", "SAINT"}),
        (course("rtms", BETTER), set()),
        (course("rtms", UNKNOWN), set()),
        (course("rtms", adequacy=Adequacy.BORDERLINE), set()),
        (course("rtms", current=False), set()),
        (course("rtms", UNKNOWN, Adequacy.IN_PROGRESS, ongoing=True), {"TMS"}),
        (course("esketamine-administration"), {"ESK"}),
        (course("ketamine-infusion", UNKNOWN, Adequacy.EXCLUDED, ongoing=True), {"KET"}),
        (course("ect"), {"ECT"}),
        (course("vns", UNKNOWN, Adequacy.BORDERLINE, ongoing=True, current=False), {"VNS"}),
    ],
    ids=lambda value: value.kind if not isinstance(value, set) else "-".join(sorted(value)),
)
def test_courses_close_their_option(one, closed) -> None:
    four = ("sertraline", "citalopram", "escitalopram", "fluoxetine")
    before = set(ids(choose(ANH, history=tried(*four)).listed).split())
    after = set(ids(choose(ANH, history=tried(*four, courses=[one])).listed).split())
    assert before - after == closed


# Jurisdiction, visibility


def test_what_is_not_offered_in_the_eu() -> None:
    found = choose(ANH, jurisdiction="eu")
    assert lanes(found) == ("ESK TMS PPX AGO BUP KET", "ARI SAINT LIT QUE", "PSYT")
    assert find(found, "ARI").off_label
    assert not find(choose(ANH), "ARI").off_label


def test_a_jurisdiction_that_the_file_does_not_name_offers_nothing() -> None:
    assert choose(ANH, jurisdiction="xx").listed == ()


def test_off_label_options_are_inline_only_where_the_site_says_so() -> None:
    usual = choose(ANH)
    assert not find(usual, "KET").shown_inline
    assert not find(usual, "LIT").shown_inline
    assert find(usual, "ESK").shown_inline
    site = choose(ANH, knowledge=switched(KET=True))
    assert find(site, "KET").shown_inline
    assert not find(site, "PPX").shown_inline


def test_a_site_can_switch_an_option_off() -> None:
    found = choose(ANH, knowledge=switched(ESK=False), rules=safety(blocked={"ESK": "S02"}))
    assert find(found, "ESK") is None
    assert found.blocked == ()


def test_anti_inflammatory_options_are_never_inline_and_never_orders() -> None:
    found = choose(profile("DOMINANT", "INF"), knowledge=switched(MIN=True, CEL=True, OM3=True))
    for id_ in ("MIN", "CEL", "OM3"):
        assert not find(found, id_).shown_inline
        assert find(found, id_).as_information
    null_first = [reason for reason in find(found, "MIN").reasons if "MINO-TRD" in reason.text]
    statements = [reason.text for reason in find(found, "MIN").reasons if reason.rule == "L9"]
    assert statements.index(null_first[0].text) == 1  # after the label, before everything else


# Circumstances and gates


def test_pain_lets_snri_and_tricyclics_in_whatever_the_label() -> None:
    assert lanes(choose(UNDETERMINED, flags=modifiers(PAI="present")))[0] == "SNRI TCA"
    assert lanes(choose(UNDETERMINED, flags=modifiers(PAI="possible")))[0] == ""
    assert lanes(choose(ANH, flags=modifiers(PAI="present")))[0] == "ESK TMS CAR PPX BUP DXB KET SNRI TCA"
    blocked = choose(UNDETERMINED, flags=modifiers(PAI="present"), rules=safety(blocked={"TCA": "S23"}))
    assert ids(blocked.matched) == "SNRI"
    reason = next(r for r in find(blocked, "SNRI").reasons if r.rule == "L1")
    assert dict(reason.facts)["because"] == "pain"


def test_high_suicidality_puts_esketamine_and_ect_first_and_open_without_failures_of() -> None:
    found = choose(ANH, flags=SUICIDAL)
    assert lanes(found)[0] == "ESK ECT TMS CAR PPX BUP DXB KET"
    none_failed = choose(UNDETERMINED, flags=SUICIDAL, history=tried())
    assert ids(none_failed.matched) == "ESK ECT"
    assert not find(none_failed, "ESK").probable
    assert any("urgent" in reason.text for reason in find(none_failed, "ECT").reasons)


@pytest.mark.parametrize("level", ["moderate", "low", "none-recorded", "not-assessed"])
def test_no_other_level_of_suicidality_changes_the_lanes(level) -> None:
    assert lanes(choose(ANH, flags=modifiers(SUI=level))) == lanes(choose(ANH))


def test_under_acute_safety_only_esketamine_and_ect_stand_inline_as_information() -> None:
    found = choose(ANH, flags=SUICIDAL)
    assert {one.id for one in found.listed if one.shown_inline} == {"ESK", "ECT"}
    assert all(one.as_information for one in found.listed)


def test_mild_severity_hides_esketamine_even_under_high_suicidality() -> None:
    assert ids(choose(profile("UNDETERMINED", mild=True), flags=SUICIDAL).matched) == ""


def test_the_gate_of_psychosis() -> None:
    rules = safety(blocked=dict.fromkeys(("ESK", "KET", "SAINT", "DXB", "PPX", "TMS"), "S26"), cautions={"BUP": "S26"})
    found = choose(profile("MIXED", "ANH", "CIR", secondary=("ANX",)), flags=PSYCHOTIC, rules=rules)
    assert lanes(found) == ("", "ECT APC LIT", "PSYT")
    assert ids(found.blocked) == "DXB ESK KET PPX SAINT TMS"
    assert {one.rules for one in found.blocked} == {("S26",)}


def test_the_order_under_the_gate_does_not_follow_the_domains() -> None:
    assert ids(choose(profile("DOMINANT", "COG"), flags=PSYCHOTIC).guideline) == "ECT APC LIT"


def test_the_gate_of_catatonia() -> None:
    assert lanes(choose(UNDETERMINED, flags=CATATONIC)) == ("", "ECT LIT", "PSYT")
    both = modifiers("PSYCHOSIS_CATATONIA", PSY="present", CAT="present")
    assert ids(choose(UNDETERMINED, flags=both).guideline) == "ECT APC LIT"


def test_mild_severity_does_not_hide_ect_under_the_gate() -> None:
    assert (
        ids(choose(profile("DOMINANT", "ANH", mild=True), flags=PSYCHOTIC, history=tried()).guideline) == "ECT APC LIT"
    )


def test_under_the_gate_blocked_current_and_failed_options_are_left_out() -> None:
    assert ids(choose(flags=PSYCHOTIC, rules=safety(blocked={"LIT": "S17"})).guideline) == "ECT APC"
    failed = tried("sertraline", "citalopram", courses=[course("ect")])
    assert ids(choose(flags=PSYCHOTIC, history=failed).guideline) == "APC LIT"
    assert ids(choose(flags=PSYCHOTIC, history=tried("sertraline", taken=["olanzapine"])).guideline) == "ECT LIT"
    assert ids(choose(flags=PSYCHOTIC, history=tried("sertraline", taken=["sertraline"])).guideline) == "ECT APC LIT"


def test_bipolar_disorder_leaves_no_lane_and_keeps_the_blocks() -> None:
    found = choose(ANH, flags=modifiers("BIPOLAR", MIX="present"), rules=safety(blocked={"BUP": "S01"}))
    assert found.listed == ()
    assert ids(found.blocked) == "BUP"
    assert "Bipolar" in found.why_none.text
    assert found.information_only


def test_a_possible_bipolar_disorder_is_no_gate() -> None:
    assert choose(ANH, flags=modifiers(MIX="possible")).listed


def test_a_primary_psychotic_disorder_leaves_no_lane() -> None:
    found = choose(ANH, flags=PSYCHOTIC, verdict=Value.EXCLUDED)
    assert found.listed == ()
    assert "psychotic" in found.why_none.text


@pytest.mark.parametrize("verdict", [v for v in Value if v is not Value.OUT_OF_SCOPE])
def test_options_are_computed_for_every_verdict_in_scope(verdict) -> None:
    assert choose(ANH, verdict=verdict).matched


def test_under_eighteen_lanes_are_empty_and_blocks_name_the_rule() -> None:
    rules = safety(blocked={id_: "S00" for id_ in OPTIONS if id_ != "PSYT"} | {"ESK": "S00 S02"})
    found = choose(ANH, verdict=Value.OUT_OF_SCOPE, age=17, rules=rules)
    assert found.listed == ()
    offered = {id_ for id_, one in OPTIONS.items() if one.jurisdictions["us"].offered}
    assert {one.id for one in found.blocked} == offered - {"PSYT"}
    assert next(one for one in found.blocked if one.id == "ESK").rules == ("S00", "S02")


def test_out_of_scope_for_another_reason_says_nothing_of_options() -> None:
    found = choose(ANH, verdict=Value.OUT_OF_SCOPE, rules=safety(blocked={"ESK": "S02"}))
    assert (found.listed, found.blocked, found.information_only) == ((), (), ())
    assert found.why_none.rule == "L0"


def test_the_neurocognitive_gate_leaves_the_lanes() -> None:
    assert lanes(choose(ANH, flags=modifiers("NEUROCOGNITIVE", NCD="present"))) == lanes(choose(ANH))


# Fail closed, blocks


@pytest.mark.parametrize(("complete", "age"), [(False, 41), (True, None), (False, None)])
def test_what_is_not_known_closes_everything(complete, age) -> None:
    found = choose(ANH, complete=complete, age=age, rules=safety(blocked={"ESK": "S02"}), flags=SUICIDAL)
    assert (found.listed, found.blocked, found.pairing) == ((), (), None)
    assert dict(found.why_none.facts) == {"complete": str(complete).lower(), "age_known": str(age is not None).lower()}


def test_blocked_options_are_named_whether_or_not_a_lane_would_show_them() -> None:
    rules = safety(blocked={"MAOI": "S11", "BUP": "S06 S07", "AGO": "S21"})
    found = choose(ANH, rules=rules, history=tried("sertraline", "bupropion", taken=["bupropion"]))
    assert {one.id: one.rules for one in found.blocked} == {"BUP": ("S06", "S07"), "MAOI": ("S11",)}
    assert all(one.reasons for one in found.blocked)


# Multimodal pairing


@pytest.mark.parametrize(
    ("domain", "leading", "therapies", "first"),
    [
        ("ANH", "ESK", ["PSYT", "PSYT", "PSYT"], "behavioural activation"),
        ("ANX", "ARI", ["PSYT", "PSYT"], "CBT"),
        ("CIR", "QUE", ["CBTI", "LGT", "PSYT", "PSYT"], "CBT for insomnia"),
        ("INF", "BUP", ["PSYT", "PSYT"], "CBT"),
    ],
)
def test_the_leading_option_is_paired(domain, leading, therapies, first) -> None:
    pairing = choose(profile("DOMINANT", domain)).pairing
    assert pairing.leading == leading
    assert [one.therapy for one in pairing.companions] == therapies
    assert pairing.forms[0] == first
    assert pairing.therapy == therapies[0]
    assert all(reason.cites for reason in (*pairing.together, *pairing.apart))


def test_a_blocked_therapy_is_no_companion() -> None:
    found = choose(profile("DOMINANT", "CIR"), rules=safety(blocked={"LGT": "S37"}))
    assert "LGT" not in {one.therapy for one in found.pairing.companions}
    assert all("LGT" not in one.pairs_with for one in found.listed)


def test_no_biological_option_no_pairing_and_no_therapy_no_companion() -> None:
    everything = safety(blocked=dict.fromkeys(set(OPTIONS) - {"PSYT"}, "S99"))
    assert choose(ANH, rules=everything).pairing is None
    alone = choose(ANH, knowledge=switched(PSYT=False)).pairing
    assert (alone.leading, alone.therapy, alone.forms) == ("ESK", "", ())


@pytest.mark.parametrize(
    ("one", "other"),
    [("ESK", "KET"), ("BUP", "DXB"), ("TMS", "SAINT"), ("CAR", "ARI"), ("PPX", "CAR"), ("QUE", "OFC")],
)
def test_what_may_not_run_together_is_said_on_both_sides(one, other) -> None:
    found = choose(ANH)
    assert other in find(found, one).not_with
    assert one in find(found, other).not_with


@given(named=DOMAINS, count=st.integers(0, 6), gate=st.sampled_from([None, PSYCHOTIC, SUICIDAL]))
def test_pairs_are_symmetric_and_name_listed_options_only(named, count, gate) -> None:
    found = choose(profile("MIXED", *named), history=failures_of(count), flags=gate)
    listed = {one.id: one for one in found.listed}
    for one in found.listed:
        assert {*one.pairs_with, *one.not_with} <= set(listed)
        assert not set(one.pairs_with) & set(one.not_with)
        assert one.id not in (*one.pairs_with, *one.not_with)
        assert all(one.id in listed[other].not_with for other in one.not_with)
        assert bool(one.pairs_with) == (one.kind in {"drug", "procedure"})


def test_the_mao_inhibitor_meets_no_serotonergic_option() -> None:
    four = failures_of(4)
    found = choose(profile("DOMINANT", "COG"), history=four)
    assert {"SNRI", "VOR", "OFC"} & set(ids(found.listed).split()) <= set(find(found, "MAOI").not_with)
    assert find(found, "MAOI").not_with


# Reasons


@given(named=DOMAINS, count=st.integers(0, 5), gate=st.sampled_from([None, PSYCHOTIC, CATATONIC, SUICIDAL]))
def test_every_sentence_of_an_option_is_cited(named, count, gate) -> None:
    found = choose(
        profile("DOMINANT", *named), history=failures_of(count), flags=gate, rules=safety(cautions={"ESK": "S05"})
    )
    sources = KNOWLEDGE.sources
    told = [reason for one in (*found.listed, *found.blocked, *found.information_only) for reason in one.reasons]
    assert told
    assert all(reason.cites and set(reason.cites) <= set(sources) for reason in told)
    assert all(reason.text.endswith(".") for reason in told)


def test_guideline_statements_stand_with_their_edition() -> None:
    texts = [reason.text for reason in find(choose(ANH), "ESK").reasons]
    assert any(text.startswith("NICE TA854") for text in texts)


def test_agents_under_study_are_information_and_nothing_else() -> None:
    found = choose(ANH)
    agents = {agent.id for agent in load().clinical.investigational.agents}
    assert {one.id for one in found.information_only} == agents
    assert not agents & {one.id.lower() for one in found.listed}
    assert all(one.reasons[0].rule == "L8" and one.status for one in found.information_only)


def test_two_failures_is_the_history_these_tests_assume() -> None:
    assert (TWO_FAILED.measured, TWO_FAILED.with_proxy, TWO_FAILED.strategies_failed) == (2, 2, 2)
