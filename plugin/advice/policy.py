"""What to say, where and how loudly: from an assessment to card drafts. The whole speaking policy is this file.

`POLICY` is the table, most important first: which card may speak for which verdict, at which hook, in remission and
beside recorded danger; how loud it may be; and whether an answer may silence it. The cards of the first rows come first
whatever their loudness; all others come by loudness and then in the order of the table. Three at most are shown, and
what another card says as well gives way first. An assessment to which no row applies is answered with silence.

Cards carry sentences of the knowledge only; they state options and gaps, never directives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from mappings.load import Knowledge
from mappings.rule_names import ALWAYS_ON
from plugin.advice.card_draft import CardDraft
from plugin.advice.card_footing import gap_line
from plugin.advice.option_card import closed_line, option_card
from plugin.advice.order_cards import augmentation_cards, history_cards, taken_cards
from plugin.advice.pattern_cards import pattern_card
from plugin.advice.remission_card import remission_card
from plugin.advice.safety_cards import gate_cards, safety_card, stop_cards, unchecked_card
from plugin.advice.status_card import status_card
from plugin.advice.support_card import support_cards
from plugin.advice.wording import Wording, escape
from plugin.assessment import Assessment
from plugin.options.inputs import ACUTE_SAFETY
from plugin.resistance.verdict import Value

__all__ = ["POLICY", "SHOWN_AT_MOST", "CardDraft", "Row", "advise", "escape", "would_tell"]

SHOWN_AT_MOST = 3
ON_VIEW = "patient-view"
LOUDNESS = ("critical", "warning", "info")

_ANY = frozenset(Value)
_REACHED = frozenset({Value.MET, Value.PROBABLE})
_OPEN = _REACHED | {Value.INDETERMINATE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """When one kind of card speaks.

    `verdicts`: at an order hook, for these; `on_view`: when a record is opened, for these. `if_stopped`: for any
    verdict when a drafted order meets a hard stop. `in_remission`: also while the latest score is in remission.
    `proposes`: speaks of a next treatment, so that a remission silences it also where a relapse may stand in scores
    that were not read; there the other rows speak as if there were none.
    `in_danger`: also beside suicidality recorded at its highest level. `indicators`: the loudness it may take. `first`:
    comes before all louder cards of later rows. `lasting`: an answer may silence it while its facts are unchanged.
    `told_by`: the kind of card that says the same more briefly, so that this one gives way to it when there is no room
    for both. `alone`: speaks only where no other card tells what was not read.
    """

    kind: str
    says: str
    indicators: tuple[str, ...]
    verdicts: frozenset[Value] = _ANY
    on_view: frozenset[Value] = frozenset()
    if_stopped: bool = False
    in_remission: bool = False
    proposes: bool = False
    in_danger: bool = False
    first: bool = False
    lasting: bool = True
    told_by: str = ""
    alone: bool = False


def _safety(kind: str, says: str, *indicators: str, on_view: frozenset[Value] = frozenset()) -> Row:
    """A row that nothing silences: in remission, in danger, for every verdict, and before all others."""
    return Row(
        kind=kind,
        says=says,
        indicators=indicators,
        on_view=on_view,
        in_remission=True,
        in_danger=True,
        first=True,
        lasting=False,
    )


POLICY: tuple[Row, ...] = (
    _safety("acute-safety", "recorded suicidality, high or moderate", *LOUDNESS, on_view=_ANY),
    _safety("order-stop", "a drafted order meets a named hard stop", "critical", "warning"),
    _safety("gate-bipolar", "bipolar disorder is recorded: other guidance applies", "warning"),
    _safety("gate-psychosis-catatonia", "psychosis or catatonia: comes before any symptom profile", "warning"),
    _safety("gate-neurocognitive", "a cognitive disorder: work-up before the cognitive domain", "info"),
    Row(
        kind="trd-status",
        says="criteria met, probable, or cannot tell and the one fact that would settle most",
        indicators=("warning", "info"),
        verdicts=_OPEN,
        on_view=_REACHED,
        in_danger=True,
    ),
    Row(
        kind="already-failed",
        says="the drafted drug failed an adequate trial",
        indicators=("warning", "info"),
        in_danger=True,
    ),
    Row(
        kind="not-tolerated",
        says="the drafted drug was stopped for side effects",
        indicators=("warning", "info"),
        in_remission=True,
        in_danger=True,
    ),
    Row(
        kind="procedure-support",
        says="which failures support a drafted procedure or supervised drug, and what is missing for it",
        indicators=("info",),
        in_danger=True,
    ),
    Row(
        kind="augmentation-base",
        says="a drafted addition to an antidepressant without an adequate trial",
        indicators=("info",),
    ),
    Row(
        kind="refractory-pattern",
        says="re-evaluation and referral come before a further drug",
        indicators=("info",),
        verdicts=_REACHED,
        proposes=True,
    ),
    Row(
        kind="mismatch-plausible",
        says="the adequate trials did not target the domain that now predominates",
        indicators=("info",),
        verdicts=_REACHED,
        proposes=True,
        told_by="trd-options",
    ),
    Row(
        kind="matched-failure",
        says="a trial that targeted the domain failed",
        indicators=("info",),
        verdicts=_REACHED,
        proposes=True,
        told_by="trd-options",
    ),
    Row(
        kind="trd-options",
        says="options for the recorded profile, by label or guideline, with what goes together",
        indicators=("info",),
        verdicts=_REACHED,
        proposes=True,
        if_stopped=True,
    ),
    Row(
        kind="tried-too-low-or-short",
        says="the drafted drug was tried below adequate dose or duration: no failed trial",
        indicators=("info",),
        in_danger=True,
    ),
    Row(
        kind="already-taken",
        says="the drafted drug is being taken, with supply in hand",
        indicators=("info",),
    ),
    Row(
        kind="order-unchecked",
        says="hard stops of the drafted drug could not all be checked, and no other card says what was not read",
        indicators=("info",),
        in_remission=True,
        in_danger=True,
        alone=True,
    ),
    Row(
        kind="remission-unsure",
        says="a good outcome may have ended in scores that were not read, and no other card says what was not read",
        indicators=("info",),
        verdicts=frozenset({Value.NOT_MET}),
        in_remission=True,
        in_danger=True,
        alone=True,
    ),
)

_ALONE = frozenset(row.kind for row in POLICY if row.alone)


def advise(
    assessment: Assessment,
    *,
    hook: str,
    knowledge: Knowledge,
    user: str = "",
    encounter: str = "",
    silenced: Callable[[CardDraft], bool] | None = None,
    at_most: int = SHOWN_AT_MOST,
) -> tuple[CardDraft, ...]:
    """The cards for one hook, most important first, `at_most` of them; empty when there is nothing to say.

    `user` and `encounter` (references, empty when unknown) are those of the call: see `plugin.advice.safety_cards`.
    `silenced` says of a draft whether an earlier answer silences it; it is asked of lasting drafts only, before the
    choice of three, so that what is answered leaves its place to the next. `at_most`, from 1 to `SHOWN_AT_MOST`, is how
    many cards the client shows: what nothing may silence and has no card of its own is named on the last one.
    """
    words = Wording(knowledge)
    said = [
        replace(draft, lasting=row.lasting, override_reasons=words.override_reasons(row.kind))
        for row in POLICY
        if _is_on(row, knowledge) and _speaks(row, assessment, hook, knowledge)
        for draft in _drafts(row, assessment, words, hook=hook, user=user, encounter=encounter)
    ]
    # Opening a record is answered by news on the verdict and by high danger; a moderate level is told beside the news.
    if hook == ON_VIEW and not any(draft.lasting or draft.indicator == LOUDNESS[0] for draft in said):
        return ()
    heard = [draft for draft in said if silenced is None or not draft.lasting or not silenced(draft)]
    gap = set(gap_line(assessment, words))
    told = any(gap & set(draft.detail) for draft in heard if draft.kind not in _ALONE)
    heard = [draft for draft in heard if draft.kind not in _ALONE or not told]
    return _chosen(sorted(heard, key=_place), words, min(max(at_most, 1), SHOWN_AT_MOST))


def _is_on(row: Row, knowledge: Knowledge) -> bool:
    """A site may have switched a kind of card off; the page and the document still hold what it would say."""
    return row.kind in ALWAYS_ON or knowledge.is_on(row.kind)


def would_tell(assessment: Assessment, knowledge: Knowledge) -> bool:
    """Whether a verdict that was reached would be told: then silence about one that is open needs a reason."""
    row = next(row for row in POLICY if row.kind == "trd-status")
    return _is_on(row, knowledge) and not _is_held_back(row, assessment)


def _is_held_back(row: Row, assessment: Assessment) -> bool:
    """Whether a remission or recorded danger silences the row, whatever the verdict."""
    if _in_remission(assessment) and not row.in_remission and (row.proposes or not assessment.record.lacks_scores):
        return True
    return ACUTE_SAFETY in assessment.next_step.modifiers.gates and not row.in_danger


def _speaks(row: Row, assessment: Assessment, hook: str, knowledge: Knowledge) -> bool:
    """Whether the row applies to this assessment at this hook."""
    if _is_held_back(row, assessment):
        return False
    if hook == ON_VIEW:
        return assessment.verdict.value in row.on_view
    return assessment.verdict.value in row.verdicts or (row.if_stopped and _is_stopped(assessment, knowledge))


def _in_remission(assessment: Assessment) -> bool:
    return assessment.severity is not None and assessment.severity.in_remission


def _is_stopped(assessment: Assessment, knowledge: Knowledge) -> bool:
    """Whether a drafted order is blocked (decision 5); the same substance twice is no reason for another treatment."""
    twice = knowledge.clinical.order_checks.duplicate.id
    stops = (stop for order in assessment.next_step.orders for stop in order.stops)
    return any(stop.level != LOUDNESS[-1] and stop.rule != twice for stop in stops)


def _drafts(
    row: Row, assessment: Assessment, words: Wording, *, hook: str, user: str, encounter: str
) -> Iterable[CardDraft]:
    """What the cards of one row would say."""
    match row.kind:
        case "acute-safety":
            made: Iterable[CardDraft | None] = [safety_card(assessment, words, user=user, encounter=encounter)]
        case "order-stop":
            made = stop_cards(assessment, words)
        case "trd-status":
            # Where this verdict would show options and none may be named, why; gates have cards of their own.
            options_due = assessment.verdict.value in _REACHED and hook != ON_VIEW
            made = [status_card(assessment, words, note=_why_no_option(assessment, words) if options_due else "")]
        case "order-unchecked":
            made = [unchecked_card(assessment, words)]
        case "remission-unsure":
            made = [remission_card(assessment, words)]
        case "trd-options":
            made = [option_card(assessment, words)]
        case "procedure-support":
            made = support_cards(assessment, words)
        case "augmentation-base":
            made = augmentation_cards(assessment, words)
        case "already-taken":
            made = taken_cards(assessment, words)
        case "refractory-pattern" | "mismatch-plausible" | "matched-failure":
            made = [pattern_card(assessment, words)]
        case _:
            made = [*gate_cards(assessment, words), *history_cards(assessment, words)]
    return [draft for draft in made if draft is not None and draft.kind == row.kind]


def _why_no_option(assessment: Assessment, words: Wording) -> str:
    """Why a verdict that would show options shows none; empty where it shows some."""
    return (
        words.say("options-none-remission") if _in_remission(assessment) else closed_line(assessment.next_step, words)
    )


def _place(draft: CardDraft) -> tuple[int, int, int]:
    """Rows that come first keep their place; the others come by loudness, then in the order of the table."""
    number, row = next((n, row) for n, row in enumerate(POLICY) if row.kind == draft.kind)
    loudness = LOUDNESS.index(draft.indicator)
    return (0, number, loudness) if row.first else (1, loudness, number)


def _chosen(drafts: Sequence[CardDraft], words: Wording, at_most: int) -> tuple[CardDraft, ...]:
    """So many at most; what another card says as well gives way first, and no danger, hard stop or gate is lost."""
    kept = list(drafts)
    for row in POLICY:
        kinds = {draft.kind for draft in kept}
        if row.told_by in kinds and row.kind in kinds and len(kept) > at_most:
            kept = [draft for draft in kept if draft.kind != row.kind]
    shown, cut = kept[:at_most], [draft for draft in kept[at_most:] if not draft.lasting]
    if cut:
        others = "; ".join(draft.summary for draft in cut)
        last = shown[-1]
        loudest = min((draft.indicator for draft in (last, *cut)), key=LOUDNESS.index)
        shown[-1] = replace(
            last,
            detail=(words.say("safety-further", list=others), *last.detail),
            indicator=loudest,
            cites=tuple(dict.fromkeys(cite for draft in (last, *cut) for cite in draft.cites)),
            rules=tuple(dict.fromkeys(rule for draft in (last, *cut) for rule in draft.rules)),
            uses=tuple(dict.fromkeys(use for draft in (last, *cut) for use in draft.uses)),
        )
    return tuple(shown)
