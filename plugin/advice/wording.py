"""From structured conclusions to the sentences of the knowledge. No prose of its own; every chart word is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from textwrap import shorten

from mappings.load import Knowledge
from mappings.schema import Definition
from plugin.record import Score
from plugin.trial.adequacy import Adequacy
from plugin.trial.measurement import Outcome, Status
from plugin.trial.trials import Trial

_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~&])")
_ISO_DAY = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
SUMMARY_BELOW = 140
"""A summary has fewer characters than this: a rule of CDS Hooks cards."""


def escape(text: str) -> str:
    """Text from a record made harmless in Markdown: markup and HTML lose their meaning, line breaks become blanks."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def capitalised(label: str) -> str:
    """A label at the beginning of a line; names in capitals keep them."""
    return label[:1].upper() + label[1:]


@dataclass(frozen=True, slots=True)
class Wording:
    """Fills the sentences of one knowledge version."""

    knowledge: Knowledge

    def say(self, sentence: str, **fields: object) -> str:
        """One sentence with its fields; an unknown sentence is a fault of ours and raises KeyError."""
        said = {name: self.day(value) if isinstance(value, date) else value for name, value in fields.items()}
        form = self.knowledge.sentences[sentence]
        return (form.one if form.one and fields.get("count") == 1 else form.text).format(**said)

    def day(self, day: date) -> str:
        """A date in the reader's form: the sentences ``date-form`` and ``month-01`` ... of the language or the site."""
        said = self.knowledge.sentences
        month = said[f"month-{day.month:02}"].text
        return said["date-form"].text.format(year=f"{day.year:04}", month=month, day=f"{day.day:02}")

    def told(self, text: str) -> str:
        """A sentence of the reasoning for a card: escaped, its dates in the reader's form, without a full stop."""
        return _ISO_DAY.sub(self._reformed, escape(text)).rstrip(".")

    def _reformed(self, found: re.Match[str]) -> str:
        try:
            return self.day(date(int(found[1]), int(found[2]), int(found[3])))
        except ValueError:  # digits that are no date
            return found[0]

    def summary(self, alternatives: Iterable[str]) -> str:
        """The first of `alternatives` that fits a card's first line; the last one, cut at a word, if none does."""
        said = ""
        for said in alternatives:
            if len(said) < SUMMARY_BELOW:
                return said
        return shorten(said, SUMMARY_BELOW - 1, placeholder="…")

    def summaries(self, sentence: str, names: Sequence[str], **fields: object) -> Iterator[str]:
        """A sentence with the field `names`, all of them first and then ever fewer."""
        for shown in range(len(names), 0, -1):
            yield self.say(sentence, names=self.several(names, shown), **fields)

    def several(self, names: Sequence[str], most: int) -> str:
        """At most so many of `names`, joined by commas, and how many more there are."""
        listed = ", ".join(names[:most])
        return listed if len(names) <= most else self.say("and-more", list=listed, count=len(names) - most)

    def override_reasons(self, kind: str) -> tuple[str, ...]:
        """The codes of the reasons that a clinician may give for not following a card of this kind."""
        return tuple(reason.code for reason in self.knowledge.override_reasons if kind not in reason.not_on)

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
        known = "dates-ongoing" if trial.ongoing else "dates-known"
        dates = self.say("dates-unknown") if trial.undated else self.say(known, start=era.start, end=era.end)
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
        doses = [trial.stated_dose] if trial.undated else [day.dose for day in trial.judged.era.days.each()]
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
            return self.say(f"{key}-undated" if not trial.stated_dose.is_known else f"{key}-undated-dose")
        if judged.adequacy is Adequacy.EXCLUDED or doses is None:
            return self.say("adequacy-EXCLUDED")
        if judged.adequacy is Adequacy.BORDERLINE and sure >= definition.min_days_at_dose:
            unmeant = judged.intent.value != "depression"
            weak = judged.sure is not None and judged.sure.graded < definition.min_days_at_dose
            key = f"{key}-intent" if unmeant else f"{key}-weak" if weak else key
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
            label = escape(outcome.stop.label) if outcome.stop is not None else ""
            return self.say("outcome-intolerance-for", label=label) if label else self.say("outcome-intolerance")
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
