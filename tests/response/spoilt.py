"""Good answers made bad, one fault each: a check that finds none of them would check nothing.

`SPOILT` lists for each check of `response_rows` and `card_contents` at least one fault, with the kind of answer that
can have it. A fault changes the JSON of the answer, or what it is held against.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from cds_hooks.render import PROVENANCE
from plugin.record import Availability, Read
from plugin.resistance.verdict import Value
from tests.response.card_contents import kind_of
from tests.response.random_assessments import Told
from tests.response.response_rows import actions_of, created, links_of, suggestions_of

Json = dict[str, Any]
Fits = Callable[[Told], bool]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that the check `name` must find in any answer that `fits`."""

    name: str
    fits: Fits
    spoil: Callable[[Told], object]

    def in_answer(self, told: Told) -> Told:
        """A copy of a good answer with the fault."""
        spoilt = replace(told, answer=copy.deepcopy(told.answer))
        other = self.spoil(spoilt)
        return other if isinstance(other, Told) else spoilt


def carded(told: Told) -> bool:
    """It has a card."""
    return bool(told.cards)


def offering(told: Told) -> bool:
    """It proposes something."""
    return bool(suggestions_of(told))


def acting(kind: str) -> Fits:
    """It has an action of this kind."""
    return lambda told: any(action["type"] == kind for action in actions_of(told))


def no_suggestions(told: Told) -> bool:
    """Its first card proposes nothing."""
    return carded(told) and "suggestions" not in told.cards[0]


def silent(told: Told) -> bool:
    """It has no card."""
    return not told.cards


def linked(told: Told) -> bool:
    """It has a link."""
    return bool(links_of(told))


def showing(kind: str) -> Fits:
    """It has a card of this kind."""
    return lambda told: any(kind_of(card) == kind for card in told.cards)


def two_drugs(told: Told) -> bool:
    """One card proposes two drugs, of which one may be chosen."""
    return any(sum(one["resourceType"] == "MedicationRequest" for one in made(card)) > 1 for card in told.cards)


def made(card: Json) -> list[Json]:
    """What a card would create."""
    actions = [action for one in card.get("suggestions", []) for action in one["actions"]]
    return [action["resource"] for action in actions if action["type"] == "create"]


def of_client(fits: Fits, **wanted: Any) -> Fits:
    """It fits, and its client behaves so."""
    return lambda told: fits(told) and all(getattr(told.client, name) == value for name, value in wanted.items())


def card(change: Callable[[Json], object]) -> Callable[[Told], object]:
    """Spoil the first card."""
    return lambda told: change(told.cards[0])


def suggestion(change: Callable[[Json], object]) -> Callable[[Told], object]:
    """Spoil the first suggestion."""
    return lambda told: change(suggestions_of(told)[0])


def action(kind: str, change: Callable[[Json], object]) -> Callable[[Told], object]:
    """Spoil the first action of a kind."""
    return lambda told: change(next(one for one in actions_of(told) if one["type"] == kind))


def link(change: Callable[[Json], object]) -> Callable[[Told], object]:
    """Spoil the first link."""
    return lambda told: change(links_of(told)[0])


def each(parts: Callable[[Told], Iterable[Json]], **changed: Any) -> Callable[[Told], object]:
    """Change all cards, suggestions or resources alike."""

    def spoil(told: Told) -> None:
        for one in parts(told):
            one.update(changed)

    return spoil


def cards(told: Told) -> list[Json]:
    """All cards."""
    return told.cards


def order(change: Callable[[Json], object]) -> Callable[[Told], object]:
    """Spoil the first resource that would be created."""
    return lambda told: change(next(created(told)))


def saying(text: str) -> Callable[[Told], object]:
    """Add a line to the first card."""
    return card(lambda one: one.update(detail=f"{one['detail']}\n- {text}"))


def of_kind(kind: str, change: Callable[[Json], object]) -> Callable[[Told], object]:
    """Spoil the first card of a kind."""
    return lambda told: change(next(one for one in told.cards if kind_of(one) == kind))


def become(kind: str) -> Callable[[Told], object]:
    """Make the first card pass for one of another kind."""
    return card(lambda one: one["source"]["topic"].update(code=kind))


def _swapped(told: Told) -> None:
    told.answer["cards"].reverse()


def _safety_behind_another(told: Told) -> bool:
    return len(told.cards) > 1 and kind_of(told.cards[0]) in ("acutesafety", "orderstop") and "order" not in kind_of(
        told.cards[-1]
    ) and not kind_of(told.cards[-1]).startswith("gate")  # fmt: skip


def _without_stops(told: Told) -> None:
    told.answer["cards"] = [one for one in told.cards if kind_of(one) != "orderstop"]


def _not_stopped(told: Told) -> bool:
    return carded(told) and told.assessment is not None and not told.stopped


def _judged(told: Told, **changed: Any) -> Told:
    assert told.assessment is not None
    return replace(told, assessment=replace(told.assessment, **changed))


def _scores_known(told: Told) -> bool:
    return _severe(told) and told.assessment is not None and not told.assessment.record.lacks_scores


def _scores_lacking(told: Told) -> Told:
    assert told.assessment is not None
    record = told.assessment.record
    lacking = {**record.availability, "Observation": Availability(read=Read.PARTIAL, why="more pages than are read")}
    return _judged(told, record=replace(record, availability=lacking))


def _silent_in_doubt(told: Told) -> Told:
    told.answer["cards"] = []
    return _remitted(_scores_lacking(told))


def _remitted(told: Told) -> Told:
    assert told.assessment is not None
    assert told.assessment.severity is not None
    return _judged(told, severity=replace(told.assessment.severity, in_remission=True))


def _gated(gate: str) -> Callable[[Told], Told]:
    def close(told: Told) -> Told:
        assert told.assessment is not None
        step = told.assessment.next_step
        return _judged(told, next_step=replace(step, modifiers=replace(step.modifiers, gates=(gate,))))

    return close


def _blocking(told: Told) -> Told:
    """All that is offered is blocked after all."""
    assert told.assessment is not None
    step = told.assessment.next_step
    blocked = {offered: () for draft in told.drafts for offered in draft.offers}
    return _judged(told, next_step=replace(step, safety=replace(step.safety, blocked=blocked)))


def _offers_options(told: Told) -> bool:
    return any(draft.kind == "trd-options" and draft.offers for draft in told.drafts)


def _ungated_options(told: Told) -> bool:
    return showing("trdoptions")(told) and told.assessment is not None and not told.stopped


def _severe(told: Told) -> bool:
    return told.assessment is not None and told.assessment.severity is not None


def _quiet_trial(told: Told) -> bool:
    """At an order for somebody treated: not met, with a score on record."""
    here = told.case.hook != "patient-view" and _severe(told) and told.assessment is not None
    return here and told.assessment.verdict.value is Value.NOT_MET and bool(told.assessment.trials)


def _proposed_twice(told: Told) -> None:
    """A drug that the history says failed is proposed."""
    assert told.assessment is not None
    drafted = next(one for one in told.case.drafts if one["resourceType"] == "MedicationRequest")
    proposal = {"type": "create", "description": "x", "resource": {**drafted, "id": "own"}}
    told.cards[0]["suggestions"] = [{"label": "x", "uuid": "x", "actions": [proposal]}]


def _failed_before(told: Told) -> bool:
    louder = any(draft.kind == "already-failed" and draft.indicator == "warning" for draft in told.drafts)
    return louder and [one["resourceType"] for one in told.case.drafts] == ["MedicationRequest"]


def _drawn_from(name: str, *held: str) -> Callable[[Told], object]:
    return card(lambda one: one["extension"][PROVENANCE].update({name: list(held)}))


def _numbered(told: Told) -> None:
    """The first number of days on a trial's line is another."""
    one = next(card for card in told.cards if " needed)" in card["detail"])
    one["detail"] = one["detail"].replace(" needed)", "9999 needed)")


def _unselectable(told: Told) -> None:
    for one in told.cards:
        one.pop("selectionBehavior", None)


def _on_every_card(told: Told) -> None:
    offered = suggestions_of(told)
    for one in told.cards:
        one.update(suggestions=offered, selectionBehavior="at-most-one")


def _earlier(told: Told) -> Told:
    """The call was a day later than the cards say."""
    chart = told.case.chart
    return replace(told, case=replace(told.case, chart=replace(chart, as_of=chart.as_of + timedelta(days=1))))


def _concluded(told: Told, value: Value) -> Told:
    assert told.assessment is not None
    return _judged(told, verdict=replace(told.assessment.verdict, value=value))


SPOILT: tuple[Fault, ...] = (
    Fault("FHIRPath cds-resp-1", two_drugs, each(suggestions_of, isRecommended=True)),
    Fault("FHIRPath cds-resp-2", acting("create"), action("create", lambda one: one.update(type="delete"))),
    Fault("FHIRPath cds-resp-3", linked, link(lambda one: one.update(appContext="x"))),
    Fault("FHIRPath cds-resp-4", carded, card(lambda one: one["overrideReasons"][0].pop("display"))),
    Fault("FHIRPath cds-resp-5", offering, suggestion(lambda one: one["actions"][0].pop("description"))),
    Fault("FHIRPath cds-resp-6", offering, _unselectable),
    Fault("FHIRPath cds-resp-7", offering, suggestion(lambda one: one.update(actionSelectionBehavior="one"))),
    Fault("RS-01", carded, lambda told: told.answer.pop("cards") and replace(told, answer={"cards": {}})),
    Fault("RS-02", silent, lambda told: told.answer.update(extension={"a.b.c": {"d": "e"}})),
    Fault("RS-03", carded, lambda told: told.answer.update(systemActions=[])),
    Fault("RS-10", carded, _earlier),
    Fault("RS-11", carded, card(lambda one: one.update(summary="see below"))),
    Fault("CA-01", carded, card(lambda one: one.update(uuid="123456"))),
    Fault("CA-01", lambda told: len(told.cards) > 1, lambda told: told.cards[0].update(uuid=told.cards[1]["uuid"])),
    Fault("CA-02", carded, card(lambda one: one.update(summary="x" * 140))),
    Fault("CA-02", carded, card(lambda one: one.update(summary="X\u2028y"))),
    Fault("CA-03", of_client(carded, markdown="gfm"), saying("<b>x</b>")),
    Fault("CA-03", of_client(carded, markdown="gfm"), saying("[x](y)")),
    Fault("CA-03", of_client(carded, markdown="gfm"), saying("*soft*")),
    Fault("CA-03", of_client(carded, markdown="gfm"), card(lambda one: one.update(detail="|a|b|\n|-|-|\n|c|d|"))),
    Fault("CA-03", of_client(carded, markdown="plain"), saying("**x**")),
    Fault("CA-03", offering, suggestion(lambda one: one.update(label="<b>x</b>"))),
    Fault("CA-04", carded, card(lambda one: one.update(indicator="hard-stop"))),
    Fault("CA-05", carded, card(lambda one: one["source"].update(label="TRD-CDS"))),
    Fault("CA-06", no_suggestions,
          card(lambda one: one.update(suggestions=[]))),
    Fault("CA-06", linked, card(lambda one: one.update(links=[]))),
    Fault("SU-04", offering, suggestion(lambda one: one.update(actions=[]))),
    Fault("CA-07", no_suggestions, card(lambda one: one.update(selectionBehavior="any"))),
    Fault("CA-08", of_client(offering, selection_behavior="any"),
          each(cards, selectionBehavior="at-most-one")),
    Fault("CA-08", offering, each(cards, selectionBehavior="all")),
    Fault("CA-12", carded, card(lambda one: one["overrideReasons"].pop())),
    Fault("CA-17", carded, card(lambda one: one.update(extension=[{"url": "x"}]))),
    Fault("EX-02", carded, card(lambda one: one.update(extension={"provenance": {"a": "b"}}))),
    Fault("CA-18", carded, card(lambda one: one.update(name="x"))),
    Fault("CA-18", carded, card(lambda one: one["source"].update(icon="https://cds.example/x.png"))),
    Fault("SU-07", offering, suggestion(lambda one: one.update(actionSelectionBehavior="any"))),
    Fault("SU-03", offering, suggestion(lambda one: one.update(isRecommended=False))),
    Fault("LK-07", linked, link(lambda one: one.update(autolaunchable=True))),
    Fault("SO-02", carded, card(lambda one: one["source"].update(url="/intended-use"))),
    Fault("SO-02", carded, card(lambda one: one["source"].update(url="https://cds.example/trd/x?card=1"))),
    Fault("SO-04", carded, card(lambda one: one["source"]["topic"].update(code="trd-status"))),
    Fault("SO-04", carded, become("another")),
    Fault("SU-01", offering, suggestion(lambda one: one.pop("label"))),
    Fault("SU-01", offering, suggestion(lambda one: one["actions"][0].update(description="another"))),
    Fault("SU-02", offering, lambda told: suggestions_of(told)[0].update(uuid=told.cards[0]["uuid"])),
    Fault("SU-02", offering, suggestion(lambda one: one.pop("uuid"))),
    Fault("SU-05", of_client(offering, actions_per_suggestion=1),
          suggestion(lambda one: one["actions"].append(one["actions"][0]))),
    Fault("AC-01", offering, suggestion(lambda one: one["actions"][0].update(type="CREATE"))),
    Fault("AC-01", of_client(acting("create"), updates=()), action("create", lambda one: one.update(type="update"))),
    Fault("AC-03", acting("create"), order(lambda one: one.update(id="x"))),
    Fault("AC-03", acting("create"), order(lambda one: one.update(subject={"reference": "Patient/other"}))),
    Fault("AC-03", acting("create"), order(lambda one: one.update(status=["draft"]))),
    Fault("AC-04", acting("update"), action("update", lambda one: one["resource"].pop("code"))),
    Fault("AC-04", acting("update"), action("update", lambda one: one["resource"].update(id="another"))),
    Fault("AC-04", acting("update"),
          action("update", lambda one: one["resource"]["supportingInfo"].append({"reference": "Observation/none"}))),
    Fault("AC-06", acting("delete"), action("delete", lambda one: one.update(resourceId="MedicationRequest/none"))),
    Fault("AC-07", acting("delete"), action("delete", lambda one: one.update(resource="draft-1"))),
    Fault("AC-08", acting("create"), order(lambda one: one.update(status="active"))),
    Fault("AC-08", acting("create"), order(lambda one: one.update(intent="filler-order"))),
    Fault("EP-18", of_client(acting("create"), order_dose="ignored"),
          order(lambda one: one.update(dosageInstruction=[{}]))),
    Fault("EP-19", of_client(acting("create"), order_codes_required=True),
          each(created, code={"text": "x"}, medicationCodeableConcept={"text": "x"})),
    Fault("LK-01", linked, link(lambda one: one.pop("label"))),
    Fault("LK-02", linked, link(lambda one: one.update(url=f"{one['url']}?patient=p"))),
    Fault("LK-03", linked, link(lambda one: one.update(type="smart"))),
    Fault("LK-05", of_client(carded, links=False),
          card(lambda one: one.update(links=[{"label": "x", "url": "https://cds.example/trd/x", "type": "absolute"}]))),
    Fault("LK-04", linked, link(lambda one: one.update(appContext="x"))),
    Fault("LK-10", carded, saying("https://evil.example")),
    Fault("CO-01", carded, card(lambda one: one["overrideReasons"][0].pop("system"))),
    Fault("CO-02", carded, card(lambda one: one["source"]["topic"].update(system="card-topics"))),
    Fault("TR-02", carded, card(lambda one: one.update(detail=None))),
    Fault("TR-03", carded, lambda told: told.answer["extension"].update({"a.b.c": {}})),
    Fault("three cards at most", carded, lambda told: told.answer["cards"].extend(told.cards * 3)),
    Fault("safety comes first", _safety_behind_another, _swapped),
    Fault("safety comes first", lambda told: {one["indicator"] for one in told.cards} == {"warning", "info"}
          and kind_of(told.cards[0]) == "trdstatus", _swapped),
    Fault("no hard stop is lost", showing("orderstop"), _without_stops),
    Fault("no hard stop is lost", lambda told: any(kind_of(one) == "orderstop" and one["indicator"] == "critical"
          for one in told.cards), each(cards, indicator="warning")),
    Fault("recorded danger is always told", showing("acutesafety"), lambda told: told.answer["cards"].pop(0)),
    Fault("closed gates close", _ungated_options, _gated("BIPOLAR")),
    Fault("closed gates close", _ungated_options, _gated("ACUTE_SAFETY")),
    Fault("closed gates close", showing("mismatchplausible"), _gated("PSYCHOSIS_CATATONIA")),
    Fault("remission is left alone", lambda told: _scores_known(told) and showing("trdstatus")(told), _remitted),
    Fault("remission is left alone", lambda told: _severe(told) and showing("trdoptions")(told),
          lambda told: _remitted(_scores_lacking(told))),
    Fault("a good outcome is doubted for a reason", showing("remissionunsure"),
          lambda told: _concluded(told, Value.MET)),
    Fault("a good outcome is doubted for a reason", showing("trdstatus"), become("remissionunsure")),
    Fault("a good outcome is doubted for a reason", _quiet_trial, _silent_in_doubt),
    Fault("the verdict decides who speaks", showing("trdstatus"), lambda told: _concluded(told, Value.NOT_MET)),
    Fault("the verdict decides who speaks", lambda told: showing("trdoptions")(told) and _not_stopped(told),
          lambda told: _concluded(told, Value.INDETERMINATE)),
    Fault("nothing is directed", carded, saying("Switch to venlafaxine")),
    Fault("nothing is directed", offering, suggestion(lambda one: one.update(label="You should order lithium"))),
    Fault("the labels stand on every card", carded, card(lambda one: one.update(detail="- x"))),
    Fault("the labels stand on every card", showing("trdoptions"),
          of_kind("trdoptions", lambda one: one.update(detail=one["detail"].replace("is a proposal", "is proven")))),
    Fault("alternatives are never parallel", two_drugs,
          each(cards, selectionBehavior="any")),
    Fault("alternatives are never parallel", lambda told: two_drugs(told) and len(told.cards) > 1,
          _on_every_card),
    Fault("nothing blocked is offered", _offers_options, _blocking),
    Fault("what is proposed is not stopped", _failed_before, _proposed_twice),
    Fault("all that is behind a card exists", carded, _drawn_from("resources", "Observation/none")),
    Fault("all that is behind a card exists", carded, _drawn_from("sources", "nobody-1999")),
    Fault("all that is behind a card exists", carded, _drawn_from("rules", "Z99")),
    Fault("all that is behind a card exists", carded,
          lambda told: told.answer["extension"][PROVENANCE].update(asOf="2020-01-01")),
    Fault("every number is known", lambda told: any(" needed)" in one["detail"] for one in told.cards), _numbered),
    Fault("every number is known", carded, card(lambda one: one.update(summary="98765 trials failed"))),
    Fault("every percentage is known", carded, saying("PHQ-9 20 to 3, (\u221285 %), response")),
    Fault("every date is known", carded, saying("last seen on 01 Jan 1999")),
)  # fmt: skip
