"""What a vignette says of domains, gates and options, held against the assessment and its document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mappings.load import load
from plugin import Assessment
from plugin.safety.option_safety import RuleHit

GUIDELINE_TOLD = 5
_LANES = ("matched", "guideline", "adjunct")


def step_differences(judged: Assessment, document: Mapping[str, Any], expect: Mapping[str, Any]) -> list[str]:
    """What was concluded otherwise than the vignette says, in words; what it does not mention is not compared.

    Scores and completeness are compared to two decimals as published. Lanes are compared in order, an option with a
    caution marked ``!``; blocks and cautions by rule. A domain the vignette leaves out has no data at all.
    """
    found: list[str] = []
    if "domains" in expect:
        for name, domain in document["domains"].items():
            found += _differ(name, _domain(domain), expect["domains"].get(name))
    if "profile" in expect:
        said = {key: document["profile"][key] for key in expect["profile"]}
        found += _differ("profile", said, expect["profile"])
    if "modifiers" in expect:
        unsaid = {name: "none-recorded" if name == "SUI" else "none" for name in document["modifiers"]}
        found += _differ("modifiers", document["modifiers"], {**unsaid, **expect["modifiers"]})
    if "notices" in expect:
        found += _differ("notices", [one["rule"] for one in document["profile"]["notices"]], expect["notices"])
    if "pairing" in expect:
        pairing = document["options"]["pairing"]
        said = list(dict.fromkeys([pairing["leading"], *(one["option"] for one in pairing["companions"])]))
        found += _differ("pairing", said, expect["pairing"])
    if "informationOnly" in expect:
        found += _differ("informationOnly", len(document["options"]["informationOnly"]) > 0, expect["informationOnly"])
    if "pattern" in expect:
        found += _differ("pattern", document["pattern"]["value"], expect["pattern"])
    if "gates" in expect:
        found += _differ("gates", document["gates"], expect["gates"])
    for lane in _LANES:
        if lane in expect:
            options = document["options"][lane][: GUIDELINE_TOLD if lane == "guideline" else None]
            shown = [option["id"] + ("!" if option["cautions"] else "") for option in options]
            found += _differ(lane, shown, expect[lane])
    if "blocked" in expect:
        blocked = {name: _rules(hits) for name, hits in judged.next_step.safety.blocked.items()}
        found += _differ("blocked", _by_rule(blocked), expect["blocked"])
        # The document may leave out what the jurisdiction does not offer at all, and nothing else.
        offered = {name: rules for name, rules in blocked.items() if _is_offered(name, judged.jurisdiction)}
        found += _differ("blocked", {o["id"]: o["rules"] for o in document["options"]["blocked"]}, offered)
    if "cautions" in expect:
        safety = judged.next_step.safety
        open_ = {name: _rules(hits) for name, hits in safety.cautions.items() if name not in safety.blocked}
        found += _differ("cautions", _by_rule(open_), expect["cautions"])
    return found


def _is_offered(option: str, jurisdiction: str) -> bool:
    places = load().clinical.options[option].jurisdictions
    return any(place == jurisdiction and status.offered for place, status in places.items())


def _domain(domain: Mapping[str, Any]) -> list[Any] | None:
    if domain["score"] is None:
        return None
    said = [round(domain["score"], 2), round(domain["completeness"], 2)]
    return said if domain["assessable"] else [*said, "n/a"]


def _rules(hits: Iterable[RuleHit]) -> list[str]:
    return list(dict.fromkeys(hit.rule for hit in hits))


def _by_rule(rules: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Options by rule, both sorted, from rules by option."""
    found: dict[str, list[str]] = {}
    for option, named in sorted(rules.items()):
        for rule in named:
            found.setdefault(rule, []).append(option)
    return dict(sorted(found.items()))


def _differ(what: str, said: object, wanted: object) -> list[str]:
    return [] if said == wanted else [f"{what}: {said}, not {wanted}"]
