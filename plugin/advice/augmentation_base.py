"""Is there an antidepressant that a drug could be added to? One predicate for what is offered and objected to."""

from __future__ import annotations

from mappings.load import Knowledge
from plugin.assessment import Assessment
from plugin.options.listing import Option
from plugin.resistance.verdict import Value
from plugin.trial.adequacy import Adequacy
from plugin.trial.trials import Trial

_NOT_YET = (Adequacy.INADEQUATE, Adequacy.IN_PROGRESS)
_REACHED = (Value.MET, Value.PROBABLE)
_AUGMENTS, _FOR_RESISTANT = "augmentation", "labelled-trd"


def bases_not_yet_adequate(assessment: Assessment) -> list[Trial]:
    """The antidepressants that are taken, where none of them has had, or may have had, an adequate trial; else none."""
    bases = _bases(assessment)
    return [] if any(base.judged.adequacy not in _NOT_YET for base in bases) else bases


def may_be_added(option: Option, assessment: Assessment, knowledge: Knowledge) -> bool:
    """Whether a card may offer `option`: nothing is added to an antidepressant whose own trial is not adequate yet,
    nor, before the criteria are met, to none at all. What is labelled for resistant depression waits for the criteria.
    """
    treatment = knowledge.clinical.options[option.id]
    drugs, here = treatment.drugs, {str(where): status for where, status in treatment.jurisdictions.items()}
    if assessment.verdict.value not in _REACHED and here[assessment.jurisdiction].status == _FOR_RESISTANT:
        return False
    is_added = bool(drugs) and all(
        drug in knowledge.drugs and knowledge.drugs[drug].role == _AUGMENTS for drug in drugs
    )
    if not is_added:
        return True
    has_base = bool(_bases(assessment)) or assessment.verdict.value in _REACHED
    return has_base and not bases_not_yet_adequate(assessment)


def _bases(assessment: Assessment) -> list[Trial]:
    taken = {group for taking in assessment.next_step.tried.taken for group in taking.groups}
    return [trial for trial in assessment.trials if trial.ingredient in taken and not trial.undated]
