"""Why a listed option stands where it stands: each sentence with the numbers compared and its citations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mappings.arranged import Arranged
from mappings.clinical import Clinical
from mappings.option_schema import Option as Treatment
from plugin.findings import Reason
from plugin.options.lanes import Choice, place_of
from plugin.options.ranking import Rank, grades_on

_STATUS = {
    "labelled-trd": "labelled for treatment-resistant depression",
    "labelled-depression": "labelled for depression",
    "cleared": "cleared or marked for this use",
    "other-indication": "labelled for other indications only",
    "no-label": "no label applies",
    "not-authorised": "not authorised",
}
_LET_IN = {"suicidality-high": "high suicidality recorded", "pain": "a pain condition recorded"}


def reasons_of(treatment: Treatment, lane: str, choice: Choice) -> tuple[Reason, ...]:
    """Every reason of an option in `lane` (``matched``, ``guideline`` or ``adjunct``), the most telling first."""
    rank, opening = choice.rank(treatment), choice.opening(treatment)
    hits = choice.safety.cautions.get(treatment.id, ())
    return (
        _place(treatment, lane, rank, choice),
        *_lifted(rank, treatment, choice),
        *((opening.reason,) if opening.reason is not None else ()),
        _label(treatment, choice),
        *_standing(treatment, choice.knowledge.clinical),
        *(reason for hit in hits for reason in hit.reasons),
    )


def _place(treatment: Treatment, lane: str, rank: Rank, choice: Choice) -> Reason:
    """Why the option is in this lane."""
    dated = grades_on(treatment, choice.as_of)
    facts = (("grade", rank.grade), ("domains", " ".join(choice.focus.named)), ("tier", treatment.tier))
    if choice.is_gated:
        text = "Listed under the gate of psychosis and catatonia, whatever the domains."
        return Reason(rule="L4", text=text, facts=facts, cites=treatment.cites)
    names = " and ".join(choice.knowledge.clinical.domains[domain].label for domain in choice.focus.named)
    if lane == "matched":
        let_in = sorted(choice.let_in(treatment))
        line = choice.parameter("matched-lane-from")
        if rank.grade >= line:
            text = f"Best grade {rank.grade} of the domains named ({names}); {line} needed for this lane."
            return Reason(rule="L1", text=text, facts=facts, cites=dated.cites)
        text = f"Listed whatever the domains: {' and '.join(_LET_IN[one] for one in let_in)}."
        return Reason(rule="L1", text=text, facts=(*facts, ("because", " ".join(let_in))), cites=treatment.cites)
    if lane == "adjunct":
        least = choice.parameter("adjunct-lane-from")
        text = f"Best grade {rank.grade} of the domains named ({names}); {least} needed for an adjunct."
        if treatment.unconditional:
            text = "Adjunct that is open to everybody."
        return Reason(rule="L3", text=text, facts=facts, cites=dated.cites)
    text = "Supported by a label or guidelines whatever the domains (first effective tier)."
    if place_of(treatment, choice.as_of) is not None:
        text = "Listed last, for those in whom several adequate trials failed."
    return Reason(rule="L2", text=text, facts=facts, cites=treatment.cites)


def _lifted(rank: Rank, treatment: Treatment, choice: Choice) -> Iterator[Reason]:
    cites = choice.knowledge.clinical.strategies.cites
    facts = (("tier", treatment.tier), ("grade", rank.grade), ("certainty", choice.focus.certainty))
    if rank.promoted:
        text = f"Ordered one tier higher than {treatment.tier}: the match rests on a domain-specific trial."
        yield Reason(rule="L6", text=text, facts=facts, cites=cites)
    if rank.mismatch:
        text = f"Ordered one tier lower than {treatment.tier}: a mismatch with the domain is plausible."
        yield Reason(rule="L6", text=text, facts=facts, cites=cites)


def _label(treatment: Treatment, choice: Choice) -> Reason:
    status = choice.status(treatment)
    words = f"Label ({choice.jurisdiction.upper()}): {_STATUS[status.status]}"
    words += "; off-label for depression" if status.off_label else ""
    words += f"; {status.note}" if status.note else ""
    facts = (("status", status.status), ("confidence", status.confidence))
    return Reason(rule="L9", text=f"{words}.", facts=facts, cites=status.cites)


def _standing(treatment: Treatment, clinical: Clinical) -> tuple[Reason, ...]:
    """What no patient changes, evidence first and then guidelines."""
    return _standing_of(clinical)[treatment.id]


def _arranged(clinical: Clinical) -> Mapping[str, tuple[Reason, ...]]:
    return {id_: (*_evidence(option), *_guidelines(option, clinical)) for id_, option in clinical.options.items()}


_standing_of = Arranged(_arranged)


def _evidence(treatment: Treatment) -> Iterator[Reason]:
    for one in treatment.evidence:
        facts = (("confidence", one.confidence), *((("domain", one.domain),) if one.domain is not None else ()))
        yield Reason(rule="L9", text=one.statement, facts=facts, cites=one.cites)


def _guidelines(treatment: Treatment, clinical: Clinical) -> Iterator[Reason]:
    for one in clinical.guidelines.statements:
        if treatment.id in one.options:
            facts = (("edition", one.edition), ("confidence", one.confidence))
            yield Reason(rule="L9", text=f"{one.edition}: {one.statement}", facts=facts, cites=one.cites)
