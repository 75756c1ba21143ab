"""Values of named facts with what they rest on, and conditions and results that may hold.

A fact is *sure* where the record leaves no doubt. For safety more may hold: a provisional diagnosis, a condition
named in words only (decisions 26, 110), an event without a date, either of two results of one moment, a value known
only as a bound. What is not recorded at all is no value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import IntEnum

from mappings.decision_tables import Fact
from mappings.domain_schema import Measure
from plugin.amounts import Amount
from plugin.domains.lab_results import place_of
from plugin.record import ConditionFact, ItemAnswer, LabResult, Verification
from plugin.safety.taken import Intake

_PLAIN = str.maketrans(dict.fromkeys("[]{}"))
_ENDED = frozenset({"inactive", "resolved", "remission"})
# The unit of a result told as a multiple of the laboratory's own upper limit.
_MULTIPLE = "{ULN}"


class Certainty(IntEnum):
    """How sure a value is."""

    WORDS = 0  # a condition named in uncoded text only
    PROVISIONAL = 1  # a coded condition that is not confirmed
    SURE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A fact that is known. `shown` is its value in words, `day` the day it is of, `uses` what it rests on.

    `dated` is the day of a condition in words, `intake` tells of drugs what is taken and what was. `ordered` names what
    is drafted in this request; not `taken`: nothing else is meant. `bound` is set where a number is only a bound (see
    `plugin.amounts.Amount`).
    """

    value: bool | float | str
    shown: str = ""
    day: date | None = None
    uses: tuple[str, ...] = ()
    bound: str = ""
    ordered: str = ""
    taken: bool = True
    dated: str = ""
    intake: Intake | None = None
    certainty: Certainty = Certainty.SURE


def is_held(condition: ConditionFact, fact: Fact, *, since: date, as_of: date, dated: bool) -> bool:
    """Whether a condition is, was or has ended as the fact asks, and not before `since`.

    Its day is that of its onset, else that of its recording; `dated`: without a day it is not held when `since` limits.
    """
    day = condition.onset or condition.recorded
    noted = condition.recorded or condition.onset
    if noted is not None and noted.earliest > as_of:
        return False
    if since > date.min and ((day is None and dated) or (day is not None and day.latest < since)):
        return False
    ended = condition.clinical in _ENDED or (condition.abatement is not None and condition.abatement.latest <= as_of)
    return fact.status == "ever" or ended is (fact.status == "ended")


def certainty_of(condition: ConditionFact) -> Certainty:
    """How sure a condition is; words alone are the weakest, whatever the status written beside them."""
    if condition.by_text:
        return Certainty.WORDS
    return Certainty.SURE if condition.verification is Verification.CONFIRMED else Certainty.PROVISIONAL


def strongest(held: Sequence[ConditionFact], fact: Fact, labels: Mapping[str, str]) -> Known | None:
    """The conditions of the greatest certainty among `held` as one value; None when there are none."""
    if not held:
        return None
    certainty = max(certainty_of(condition) for condition in held)
    chosen = [condition for condition in held if certainty_of(condition) is certainty]
    names = dict.fromkeys(labels[c] for one in chosen for c in fact.categories if c in one.categories)
    uses = tuple(one.reference for one in chosen)
    return Known(value=True, shown=", ".join(names), dated=_dated(chosen), uses=uses, certainty=certainty)


def _dated(conditions: Sequence[ConditionFact]) -> str:
    """The newest day of conditions in words: that of the onset, else that of the recording."""
    onset = [("onset", one.onset) for one in conditions if one.onset is not None]
    recorded = [("recorded", one.recorded) for one in conditions if one.onset is None and one.recorded is not None]
    if not onset and not recorded:
        return "no date recorded"
    word, day = max((*onset, *recorded), key=lambda one: (one[1].latest, one[0]))
    return f"{word} {day.latest}" if day.is_exact else f"{word} between {day.earliest} and {day.latest}"


def read_result(result: LabResult, fact: Fact, measure: Measure, place: str) -> Known | None:
    """One result as the value of a fact; None when it cannot be interpreted."""
    shown = with_unit(result.amount, measure) if result.amount is not None else result.meaning
    known = Known(value=False, shown=shown, day=result.day, uses=(result.reference,))
    if fact.type == "choice":
        return replace(known, value=result.meaning) if result.meaning in fact.choices else None
    if fact.type == "number":
        return _number(result, fact, known)
    inside = place_of(fact.position, place)
    return None if inside is None else replace(known, value=inside)


def _number(result: LabResult, fact: Fact, known: Known) -> Known | None:
    amount = result.amount
    if amount is None:
        return None
    if fact.unit == _MULTIPLE:
        if not result.high:
            return None
        amount = amount.times(1 / result.high)
        known = replace(known, shown=f"{known.shown} ({amount} times the upper limit)")
    return replace(known, value=amount.value, bound=amount.bound)


def latest_results(results: Sequence[LabResult]) -> list[LabResult]:
    """The results of the latest moment: of several on one day the later counts, of one moment each may be right."""
    moment = max(((result.day, result.order) for result in results), default=None)
    return [result for result in results if (result.day, result.order) == moment]


def worst_answer(answers: Iterable[ItemAnswer]) -> Known | None:
    """The newest answer, the worst of its day; None when no answer has a value."""
    scored = [answer for answer in answers if answer.value is not None]
    if not scored:
        return None
    last = max(answer.day for answer in scored)
    worst = max((a for a in scored if a.day == last), key=lambda a: (a.value or 0.0, a.reference))
    return Known(value=worst.value or 0.0, shown=f"{worst.value or 0.0:g}", day=last, uses=(worst.reference,))


def with_unit(amount: Amount, measure: Measure) -> str:
    """An amount with its unit as people write it, without the brackets of UCUM."""
    return f"{amount} {(measure.unit or '').translate(_PLAIN)}".strip()


def sure_only(values: Iterable[Known]) -> Iterator[Known]:
    """Those without doubt and without a bound."""
    return (known for known in values if known.certainty is Certainty.SURE and not known.bound)
