"""From structured conclusions to the sentences of the knowledge. No prose of its own; every chart word is escaped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mappings.load import Knowledge
from mappings.schema import Definition
from plugin.adequacy import Adequacy
from plugin.measurement import Outcome, Status
from plugin.record import Score
from plugin.trials import Trial

_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~&])")


def escape(text: str) -> str:
    """Text from a record made harmless in Markdown: markup and HTML lose their meaning, line breaks become blanks."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


@dataclass(frozen=True, slots=True)
class Wording:
    """Fills the sentences of one knowledge version."""

    knowledge: Knowledge

    def say(self, sentence: str, **fields: object) -> str:
        """One sentence with its fields; an unknown sentence is a fault of ours and raises KeyError."""
        return self.knowledge.sentences[sentence].text.format(**fields)

    @property
    def override_reasons(self) -> tuple[str, ...]:
        """The codes of the reasons that a clinician may give for not following a card."""
        return tuple(reason.code for reason in self.knowledge.override_reasons)

    def basis(self, cites: Sequence[str]) -> list[str]:
        """The line that names the sources, if any of them has a short name."""
        sources = self.knowledge.sources
        named = [sources[cite].short for cite in dict.fromkeys(cites) if sources[cite].short]
        return [self.say("citation-line", list="; ".join(named))] if named else []

    def source_label(self, definition: Definition) -> str:
        """The primary source of a card: the definition applied and its first published sources."""
        named = [self.knowledge.sources[cite].short for cite in definition.cites if self.knowledge.sources[cite].short]
        return self.say("source-label", definition=definition.id, label=definition.label, sources=", ".join(named[:2]))

    def trial(self, trial: Trial, definition: Definition) -> str:
        """One line: drug, dates, dose, adequacy, outcome, and what went with it."""
        era = trial.judged.era
        dates = self.say("dates-unknown") if trial.undated else self.say("dates-known", start=era.start, end=era.end)
        line = self.say(
            "trial-line",
            drug=f"**{trial.drug.label}**",
            dates=dates,
            dose=self._dose(trial),
            adequacy=self._adequacy(trial, definition),
            outcome=self._outcome(trial),
        )
        extras = []
        if era.in_combination_with:
            extras.append(self.say("in-combination", names=self.names(era.in_combination_with)))
        if trial.augmented_by:
            extras.append(self.say("augmented", names=self.names(trial.augmented_by)))
        if trial.outcome.stop is not None and trial.outcome.basis == "score":
            extras.append(self.say("stopped", label=escape(trial.outcome.stop.label)))
        return "; ".join((line, *extras))

    def names(self, ingredients: Sequence[str]) -> str:
        """Drug labels joined by commas."""
        return ", ".join(self.knowledge.drugs[i].label if i in self.knowledge.drugs else i for i in ingredients)

    def _dose(self, trial: Trial) -> str:
        doses = [day.dose for day in trial.judged.era.days.each()]
        if not doses or not all(dose.is_known for dose in doses):
            return self.say("dose-unknown")
        low, high = min(d.low for d in doses), max(d.high for d in doses)
        unit = trial.judged.thresholds.unit.removesuffix("/d") if trial.judged.thresholds is not None else "mg"
        if round(low, 2) == round(high, 2):
            return self.say("dose-one", low=f"{low:.4g}", unit=unit)
        return self.say("dose-known", low=f"{low:.4g}", high=f"{high:.4g}", unit=unit)

    def _adequacy(self, trial: Trial, definition: Definition) -> str:
        judged, doses = trial.judged, trial.judged.thresholds
        sure = judged.sure.days if judged.sure is not None else 0
        key = f"adequacy-{judged.adequacy.value}"
        if trial.undated:
            return self.say(f"{key}-undated")
        if judged.adequacy is Adequacy.EXCLUDED or doses is None:
            return self.say("adequacy-EXCLUDED")
        if judged.adequacy is Adequacy.BORDERLINE and sure >= definition.min_days_at_dose:
            unmeant = judged.intent.value != "depression"
            key = f"{key}-intent" if unmeant else key
        return self.say(
            key,
            sure=sure,
            possible=judged.possible.days if judged.possible is not None else 0,
            days=definition.min_days_at_dose,
            default=f"{doses.default:g}",
            lenient=f"{doses.lenient:g}",
            unit=doses.unit.replace("/d", " a day"),
        )

    def _outcome(self, trial: Trial) -> str:
        outcome = trial.outcome
        if trial.judged.adequacy is Adequacy.EXCLUDED:
            return self.say("outcome-not-rated")
        if outcome.category == "intolerance":
            return self.say("outcome-intolerance")
        if outcome.endpoint is not None:
            return self._scores(outcome, outcome.endpoint)
        if trial.judged.adequacy is Adequacy.IN_PROGRESS:
            return self.say("outcome-not-due")
        if trial.judged.adequacy is Adequacy.INADEQUATE:
            return self.say("outcome-not-rated")
        return self.say(f"outcome-{outcome.basis if outcome.basis != 'score' else 'none'}")

    def _scores(self, outcome: Outcome, endpoint: Score) -> str:
        baseline = outcome.baseline
        category = self._category(outcome)
        label = self.knowledge.instruments[endpoint.instrument].label
        if baseline is None or outcome.change is None:
            return self.say(
                "outcome-endpoint",
                instrument=label,
                endpoint=f"{endpoint.value:g}",
                endpoint_date=endpoint.day,
                category=category,
            )
        return self.say(
            "outcome-pair",
            instrument=label,
            baseline=f"{baseline.value:g}",
            baseline_date=baseline.day,
            endpoint=f"{endpoint.value:g}",
            endpoint_date=endpoint.day,
            change=f"{float(-outcome.change) * 100:+.0f}".replace("-", "\u2212"),
            category=category,
        )

    def _category(self, outcome: Outcome) -> str:
        if outcome.category == "lost-response" or (outcome.status is not Status.UNKNOWN and outcome.category):
            return self.say(f"category-{outcome.category}")
        return self.say("category-probable" if outcome.status is Status.FAILED_PROXY else "category-unclear")
