"""Builders of what options are made from: profiles, modifiers, safety, failed trials and courses, and one call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from types import MappingProxyType
from typing import Any

from mappings.load import Knowledge, load
from mappings.site_schema import Site, SiteOverlay
from plugin.domains.profile import DomainProfile
from plugin.exposure.eras import Era
from plugin.exposure.exposures import ExposureKey
from plugin.exposure.supply import Days
from plugin.findings import Reason
from plugin.options.listing import Options, options_of
from plugin.options.tried import Tried, tried_of
from plugin.record import Score
from plugin.resistance.verdict import Value
from plugin.safety.modifiers import Modifiers
from plugin.safety.option_safety import RuleHit, Safety
from plugin.safety.suicidality import Suicidality
from plugin.safety.taken import Taking
from plugin.trial.adequacy import Adequacy, Intent, Judged
from plugin.trial.neuromodulation import Course
from plugin.trial.scale_reading import Outcome, Status
from plugin.trial.sessions import Interval, Series
from plugin.trial.trials import Trial
from tests.reasoning.facts import fill, product

KNOWLEDGE = load()
DAY = date(2026, 11, 22)
FAILED, PROXY, BETTER, UNKNOWN = Status.FAILED_MEASURED, Status.FAILED_PROXY, Status.NOT_FAILED, Status.UNKNOWN


def profile(
    label: str = "DOMINANT",
    *domains: str,
    secondary: tuple[str, ...] = (),
    certainty: str = "high",
    severity: Score | None = None,
    mild: bool | None = False,
) -> DomainProfile:
    return DomainProfile(
        scores=MappingProxyType({}),
        label=label,
        domains=domains,
        secondary=secondary,
        certainty=certainty,
        collect_next=(),
        severity=severity,
        mild=mild,
        reasons=(),
    )


UNDETERMINED = profile("UNDETERMINED", certainty="none")


def modifiers(*gates: str, **values: str) -> Modifiers:
    """Modifier values by id, all others none; `gates` as stated."""
    level = values.get("SUI", "not-assessed")
    none = dict.fromkeys(("PSY", "CAT", "MEL", "MIX", "PAI", "NCD"), "none")
    said = Suicidality(level=level, day=None, last_recorded=None, rescreen=False, acute=False, deciding=(), reasons=())
    held = MappingProxyType({"SUI": level, **none, **values})
    return Modifiers(values=held, gates=gates, suicidality=said, reasons=())


PSYCHOTIC = modifiers("PSYCHOSIS_CATATONIA", PSY="present")
CATATONIC = modifiers("PSYCHOSIS_CATATONIA", CAT="present")
SUICIDAL = modifiers("ACUTE_SAFETY", SUI="high")


def hit(rule: str, effect: str) -> RuleHit:
    told = (Reason(rule=rule, text=f"{rule} holds.", cites=("trd-cds-rules",), uses=(f"Condition/{rule}",)),)
    return RuleHit(rule=rule, effect=effect, label=rule, means="", drugs=(), agents=(), reasons=told)


def safety(blocked: Mapping[str, str] | None = None, cautions: Mapping[str, str] | None = None) -> Safety:
    """Option ids with their rule ids, separated by blanks."""
    held = {"block": blocked or {}, "caution": cautions or {}}
    made = {
        effect: {id_: tuple(hit(rule, effect) for rule in rules.split()) for id_, rules in by_option.items()}
        for effect, by_option in held.items()
    }
    return Safety(blocked=made["block"], cautions=made["caution"], needed=(), warnings=(), complete=True, unread=())


def trial(drug: str, status: Status = FAILED, adequacy: Adequacy = Adequacy.ADEQUATE) -> Trial:
    era = Era(
        key=ExposureKey(ingredient=drug),
        days=Days(),
        facts=(replace(fill(1, 0), reference=f"MedicationDispense/{drug}", product=product(drug)),),
        began=date(2026, 1, 1),
    )
    judged = Judged(
        era=era,
        adequacy=adequacy,
        sure=None,
        possible=None,
        thresholds=None,
        reaches_lenient=True,
        intent=Intent(value="depression", basis="stated"),
        flags=(),
        reasons=(),
    )
    outcome = Outcome(status=status, basis="score")
    return Trial(ingredient=drug, drug=KNOWLEDGE.drugs[drug], judged=judged, outcome=outcome)


def course(
    kind: str,
    status: Status = FAILED,
    adequacy: Adequacy = Adequacy.ADEQUATE,
    *,
    ongoing: bool = False,
    current: bool = True,
    traits: Iterable[str] = (),
) -> Course:
    [known] = [one for one in KNOWLEDGE.procedures.kinds if one.id == kind]
    series = Series(
        kind=known,
        start=date(2026, 1, 1),
        known_start=None,
        last=date(2026, 2, 1),
        end=date(2026, 2, 1),
        days=(),
        proven_days=0,
        sessions=Interval(0, 0),
        in_window=Interval(0, 0),
        traits=frozenset(traits),
        intent="depression",
        current=current,
        sources=(f"Procedure/{kind}",),
    )
    outcome = Outcome(status=status, basis="score")
    return Course(series=series, adequacy=adequacy, outcome=outcome, ongoing=ongoing, flags=(), reasons=())


def taking(drug: str, first: date = date(2026, 10, 1), last: date = DAY) -> Taking:
    return Taking(groups=frozenset({drug}), label=drug, first=first, last=last, uses=(f"MedicationRequest/{drug}",))


def tried(
    *failed: str | Trial,
    augmentations: Iterable[Trial] = (),
    courses: Iterable[Course] = (),
    taken: Iterable[str | Taking] = (),
) -> Tried:
    """Failed drugs by name (or trials as they are), and what else was tried."""
    return tried_of(
        trials=[trial(one) if isinstance(one, str) else one for one in failed],
        augmentations=list(augmentations),
        courses=list(courses),
        taken=[taking(one) if isinstance(one, str) else one for one in taken],
        as_of=DAY,
    )


_SSRI = ("sertraline", "citalopram", "escitalopram", "fluoxetine", "paroxetine", "fluvoxamine")


def failures_of(count: int) -> Tried:
    """So many SSRIs failed, up to six."""
    return tried(*_SSRI[:count])


TWO_FAILED = tried("sertraline", "citalopram")


def choose(
    who: DomainProfile = UNDETERMINED,
    *,
    history: Tried = TWO_FAILED,
    flags: Modifiers | None = None,
    rules: Safety | None = None,
    verdict: Value = Value.MET,
    jurisdiction: str = "us",
    knowledge: Knowledge = KNOWLEDGE,
    complete: bool = True,
    age: int | None = 41,
) -> Options:
    return options_of(
        profile=who,
        modifiers=flags or modifiers(),
        safety=rules or safety(),
        tried=history,
        verdict=verdict,
        jurisdiction=jurisdiction,
        knowledge=knowledge,
        as_of=DAY,
        complete=complete,
        age=age,
    )


def switched(**switches: bool) -> Knowledge:
    """The knowledge with a site that switched rules; an underscore in a name stands for a hyphen."""
    named = {name.replace("_", "-"): on for name, on in switches.items()}
    site = Site(id="a-site", name="A site", accepted_by="A committee", accepted_on=DAY)
    return replace(KNOWLEDGE, site=SiteOverlay(site, (), MappingProxyType(named)))


def ids(options: Iterable[Any]) -> str:
    """The ids in order, separated by blanks."""
    return " ".join(one.id for one in options)
