"""What a story must show: the conclusion, the cards at signing, and the traps it sets.

The expectations are derived from the rules and stand in the story's file; a test holds the product against them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Verdict = Literal["MET", "PROBABLE", "INDETERMINATE", "NOT_MET", "EXCLUDED", "OUT_OF_SCOPE"]
Domain = Literal["ANH", "ANX", "COG", "CIR", "INF"]
Gate = Literal["ACUTE_SAFETY", "BIPOLAR", "PSYCHOSIS_CATATONIA", "NEUROCOGNITIVE"]
Trap = Literal[
    "adherence",
    "adolescent",
    "allergy",
    "augmentation",
    "bipolar",
    "combination",
    "conditions-of-start",
    "dispenses",
    "dose-limit-by-age",
    "dose-too-low",
    "earlier-episode",
    "ect-and-tms",
    "gaps",
    "intolerance",
    "item-nine",
    "level-in-blood",
    "lists-disagree",
    "maoi-wash-out",
    "no-score",
    "orders",
    "other-indication",
    "overlap-and-switch",
    "pregnancy",
    "pregnancy-not-known",
    "psychotic-features",
    "recorded-plan",
    "remission",
    "same-class",
    "starter-pack",
    "taken-together",
    "titration",
    "undated-report",
    "unspecified-code",
]

TRAPS: Mapping[Trap, str] = {
    "adherence": "tablets not fetched or not taken are no failed trial",
    "adolescent": "rules, doses and scales are those of adults",
    "allergy": "an allergy recorded under another name of the same substance",
    "augmentation": "an added drug is no second antidepressant trial",
    "bipolar": "bipolar disorder is outside every definition used",
    "combination": "two antidepressants at once, each rated on its own",
    "conditions-of-start": "what must hold before a supervised drug is started",
    "dispenses": "fills outrank orders on what was taken",
    "dose-limit-by-age": "a dose above the limit for the age, because of the QT interval",
    "dose-too-low": "hypnotic doses of an antidepressant",
    "earlier-episode": "failures before a full remission are history",
    "ect-and-tms": "sessions make courses, and courses are no drug trials",
    "gaps": "runs apart by more than two weeks do not add up",
    "intolerance": "stopping early for a side effect is no failure",
    "item-nine": "an answer to one item is no total score",
    "level-in-blood": "an added drug that is judged by its level in blood",
    "lists-disagree": "a dose that published lists rate differently",
    "maoi-wash-out": "an MAO inhibitor before the last drug has left the body",
    "no-score": "a switch without any score makes failure probable only",
    "orders": "an order shows what was prescribed, not what was taken",
    "other-indication": "a package for another indication is no trial",
    "overlap-and-switch": "a short overlap is a switch",
    "pregnancy": "a recorded pregnancy blocks options and orders",
    "pregnancy-not-known": "pregnancy status is asked for where age and sex make it possible",
    "psychotic-features": "psychotic depression is not excluded, yet changes what is named",
    "recorded-plan": "recorded intent or plan comes before everything",
    "remission": "a patient who is well gets no card on resistance",
    "same-class": "two drugs of one class meet some definitions and not others",
    "starter-pack": "a titration pack is counted day by day",
    "taken-together": "the drafted drug meets one that is still taken",
    "titration": "days below the dose do not count, and a change of dose is no second trial",
    "undated-report": "a remembered trial without dates can count and cannot prove",
    "unspecified-code": "depression, unspecified, leaves eligibility open",
}
"""Every trap and what it is about."""

GATES: tuple[Gate, ...] = get_args(Gate)
DOMAINS: tuple[Domain, ...] = get_args(Domain)
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class ExpectedProfile(_Model):
    """The label of the domain profile with the domains it names, the strongest first, and its certainty."""

    label: Literal["DOMINANT", "LEANING", "MIXED", "UNDETERMINED"]
    domains: tuple[Domain, ...] = ()
    secondary: tuple[Domain, ...] = ()
    certainty: Literal["high", "moderate", "low", "none"]


class Expected(_Model):
    """What must come out: `cards` are the kinds at order-sign for the suggested order, in order.

    `definitions` are those that say otherwise than the default one, each with its verdict.
    """

    verdict: Verdict
    profile: ExpectedProfile
    gates: tuple[Gate, ...]
    cards: tuple[Annotated[str, Field(min_length=1)], ...]
    definitions: Mapping[str, Verdict] = {}
    traps: tuple[Trap, ...]
