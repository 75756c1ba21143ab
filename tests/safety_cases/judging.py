"""What the safety rules say of one case: the stages of the reasoning in their order, as the pipeline runs them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from mappings.load import Knowledge
from plugin.exposure.exposures import expose
from plugin.pipeline import assess
from plugin.record import DraftOrder, PatientRecord
from plugin.safety.concluded_facts import Concluded
from plugin.safety.drafts import JudgedOrder
from plugin.safety.modifiers import Modifiers, modifiers_of
from plugin.safety.named_facts import NamedFacts
from plugin.safety.option_safety import Safety, safety_of
from plugin.safety.order_stops import with_stops
from plugin.safety.suicidality import suicidality_of
from plugin.trial.levels import levels_of
from plugin.trial.lifetime import Setting, lifetime_of


@dataclass(frozen=True)
class Said:
    """Everything said of one record."""

    facts: NamedFacts
    safety: Safety
    modifiers: Modifiers
    orders: tuple[JudgedOrder, ...]

    def options(self, rule: str, effect: str) -> set[str]:
        """The options of which `rule` says `effect`."""
        if effect == "needed":
            return {needed.option for needed in self.safety.needed if needed.rule == rule}
        hits = self.safety.blocked if effect == "block" else self.safety.cautions
        return {option for option, found in hits.items() if rule in {hit.rule for hit in found}}

    @property
    def stops(self) -> set[str]:
        """All hard stops of all orders, as ``NAME LEVEL``."""
        return {f"{stop.rule} {stop.level}" for order in self.orders for stop in order.stops}


def judge(
    record: PatientRecord,
    orders: tuple[DraftOrder, ...] = (),
    *,
    knowledge: Knowledge,
    as_of: date,
    jurisdiction: str = "us",
) -> Said:
    """Suicidality, facts, modifiers, safety and stops of one record."""
    judged = assess(record, knowledge=knowledge, as_of=as_of, orders=orders, suppose=False)
    setting = Setting(
        drugs=knowledge.drugs,
        instruments=knowledge.instruments_on(as_of),
        rules=knowledge.reconstruction_on(as_of),
        as_of=as_of,
        levels=levels_of(record.laboratory, knowledge.clinical.measures, as_of),
    )
    exposures = expose(record.medications, rules=setting.rules, as_of=as_of, cites=setting.rules.cites)
    suicidality = suicidality_of(record, knowledge=knowledge, as_of=as_of)
    concluded = Concluded(
        eras=lifetime_of(exposures, record, setting).eras,
        exposures=exposures,
        trials=judged.trials,
        earlier=judged.earlier,
        augmentations=judged.augmentations,
        courses=judged.courses,
        suicidality=suicidality.known_level,
        suicidality_uses=suicidality.uses,
    )
    facts = NamedFacts(record, concluded, knowledge=knowledge, as_of=as_of)
    return Said(
        facts=facts,
        safety=safety_of(facts, record, knowledge=knowledge, as_of=as_of, jurisdiction=jurisdiction, orders=orders),
        modifiers=modifiers_of(facts, suicidality=suicidality, knowledge=knowledge, as_of=as_of),
        orders=with_stops(
            judged.orders, orders, record, facts, knowledge=knowledge, as_of=as_of, jurisdiction=jurisdiction
        ),
    )
