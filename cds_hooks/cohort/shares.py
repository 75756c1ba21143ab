"""How often each verdict, each published rule and each missing datum occurs in a cohort."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mappings.load import Knowledge
from plugin import Assessment
from plugin.baselines import Baseline
from plugin.resistance.verdict import Value

VALUES = tuple(value.value for value in Value)
UNSETTLED = frozenset({Value.PROBABLE, Value.INDETERMINATE})
SETTLED = frozenset({Value.MET, Value.NOT_MET, Value.EXCLUDED, Value.OUT_OF_SCOPE})
ANSWERS: Mapping[bool | None, str] = {True: "resistant", False: "notResistant", None: "cannotTell"}
CAVEAT = (
    "Shares describe this cohort and nothing else; on a synthetic one they describe the generator. "
    "Agreement with a simulated truth is agreement with a simulation: no accuracy is claimed."
)


@dataclass
class Shares:
    """Counts over the patients added. `definition` is the id of the definition that the details are about."""

    knowledge: Knowledge
    definition: str
    as_of: str = ""
    patients: int = 0
    verdicts: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    baselines: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    settling: Counter[str] = field(default_factory=Counter)
    unsettled: int = 0
    settled_by_something: int = 0
    truth: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    without_truth: int | None = None

    def add(self, assessment: Assessment, rules: tuple[Baseline, ...]) -> None:
        """Count one patient."""
        self.patients += 1
        self.as_of = assessment.as_of.isoformat()
        for name, result in assessment.by_definition.items():
            self.verdicts[name][result[1].value if result is not None else "notBuilt"] += 1
        for rule in rules:
            self.baselines[rule.rule][ANSWERS[rule.resistant]] += 1
        if assessment.verdict.value in UNSETTLED:
            self.unsettled += 1
            kinds = {change.kind for change in assessment.changes if change.verdict in SETTLED}
            self.settling.update(kinds)
            self.settled_by_something += bool(kinds)

    def compare(self, assessment: Assessment, told: Mapping[str, Any] | None) -> None:
        """Count one patient's verdict against the simulated truth `told`, None where it has none."""
        self.without_truth = (self.without_truth or 0) + (told is None)
        if told is not None:
            said = "resistant" if told["resistant"] else "notResistant"
            self.truth[said][assessment.verdict.value.value] += 1

    def report(self) -> dict[str, Any]:
        """Everything counted as one JSON document; shares are of all patients unless named otherwise."""
        made: dict[str, Any] = {
            "caveat": CAVEAT,
            "patients": self.patients,
            "asOf": self.as_of,
            "definition": self.definition,
            "verdicts": {
                name: {
                    value: self._part(counts[value])
                    for value in (*VALUES, "notBuilt")
                    if counts[value] or value != "notBuilt"
                }
                for name, counts in sorted(self.verdicts.items())
            },
            "publishedRules": [self._rule(name, counts) for name, counts in sorted(self.baselines.items())],
            "wouldSettle": {
                "unsettled": self._part(self.unsettled),
                "bySomeSingleDatum": _part(self.settled_by_something, self.unsettled),
                "byDatum": {
                    kind: _part(count, self.unsettled)
                    for kind, count in sorted(self.settling.items(), key=lambda each: (-each[1], each[0]))
                },
            },
            "simulatedTruth": None,
        }
        if self.without_truth is not None:
            made["simulatedTruth"] = {
                "patientsWithoutTruth": self.without_truth,
                **{
                    said: {value: _part(self.truth[said][value], self.truth[said].total()) for value in VALUES}
                    for said in ("resistant", "notResistant")
                },
            }
        return made

    def _part(self, count: int) -> dict[str, Any]:
        return _part(count, self.patients)

    def _rule(self, name: str, counts: Counter[str]) -> dict[str, Any]:
        clinical = self.knowledge.clinical
        rule = clinical.comparisons[name] if clinical is not None else None
        found = rule.found if rule is not None else ()
        return {
            "rule": name,
            "label": rule.label if rule is not None else name,
            **{answer: self._part(counts[answer]) for answer in ANSWERS.values()},
            "published": [
                {
                    "population": each.population,
                    "share": list(each.share.values.values())[-1].amount,
                    "cites": list(each.cites),
                    "confidence": list(each.share.values.values())[-1].confidence,
                }
                for each in found
            ],
        }


def _part(count: int, of: int) -> dict[str, Any]:
    return {"count": count, "share": round(count / of, 3) if of else None}
