"""Checks of courses, augmentation and staging against the drugs, conditions and instruments they name."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from mappings.strict_yaml import KnowledgeError

if TYPE_CHECKING:
    from mappings.load import Knowledge


def check_courses(knowledge: Knowledge) -> None:
    """Raise KnowledgeError at the first name that nothing stands behind, or at steps out of order."""
    conditions = {category.id for category in knowledge.conditions.categories}
    drugs = knowledge.drugs.keys()
    for kind in knowledge.procedures.kinds:
        place = f"kinds {kind.id}"
        _known("procedures.yaml", f"{place}.other_uses", kind.other_uses, conditions, "condition category")
        _known("procedures.yaml", f"{place}.drug", (kind.drug,) if kind.drug else (), drugs, "drug")
        _known("procedures.yaml", f"{place}.gives", (kind.gives,) if kind.gives else (), drugs, "drug")
        if kind.counts_as_trial and kind.course is None:
            raise KnowledgeError(
                "procedures.yaml",
                f"{place}.course",
                "is missing though the kind counts",
                "state when a course is adequate",
            )
    for agent in knowledge.augmentation.agents:
        place = f"agents {agent.drug}"
        named = (*agent.other_uses, *agent.never_with)
        _known("augmentation.yaml", place, named, conditions, "condition category")
        _known("augmentation.yaml", place, (agent.drug, *agent.never_beside), drugs, "drug")
    _staging(knowledge)


def _staging(knowledge: Knowledge) -> None:
    staging = knowledge.staging
    scales = staging.maudsley.severity
    _known("staging.yaml", "severity", [s.instrument for s in scales], knowledge.instruments.keys(), "instrument")
    classes = {drug.drug_class for drug in knowledge.drugs.values()}
    stages = staging.thase_rush
    named = (*stages.tricyclic, *stages.monoamine_oxidase, *stages.monoamine_oxidase_possible)
    _known("staging.yaml", "thase_rush", named, classes, "drug class")
    for name, steps in (("duration", staging.maudsley.duration), ("failures", staging.maudsley.failures)):
        if not steps or steps[-1].to is not None or any(step.to is None for step in steps[:-1]):
            raise KnowledgeError(
                "staging.yaml",
                f"maudsley.{name}",
                "only the last step is open upwards",
                "give `to` to all but the last",
            )


def _known(file: str, place: str, found: Iterable[str], known: Collection[str], what: str) -> None:
    for one in found:
        if one not in known:
            raise KnowledgeError(file, place, f"there is no {what} {one!r}", "correct the name")
