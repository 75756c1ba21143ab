"""From totals and item answers of one day to scores.

Items are summed again wherever they are complete enough; missing ones are prorated, half up (decision 43).
Where sum and total of one day differ among Observations the items win (decision 96); a questionnaire against
an Observation is a conflict that is kept visible on both. A number under the panel's code is an upper bound
at most.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from math import floor, fsum

from mappings.schema import Instrument
from plugin.ingest.readings import Answer, Total
from plugin.record import Score


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One filling-in of a scale: the item answers that belong together, and what they sum to."""

    instrument: Instrument
    answers: tuple[Answer, ...]
    value: float
    missing: int

    @property
    def references(self) -> tuple[str, ...]:
        """The panel, if any, and the resources of the answers, each once."""
        panel = (self.group,) if self.group else ()
        return tuple(dict.fromkeys((*panel, *(answer.reference for answer in self.answers))))

    @property
    def order(self) -> str:
        """The latest time of day among the answers."""
        return max(answer.order for answer in self.answers)

    @property
    def group(self) -> str:
        """The panel or resource the answers share."""
        return self.answers[0].group

    def allows(self, total: float) -> bool:
        """Whether the missing items could explain `total`."""
        answered = sum(answer.value for answer in self.answers)
        return answered <= total <= answered + self.missing * self.instrument.item_maximum


def sheet_of(answers: Sequence[Answer]) -> Sheet | None:
    """Sum the answers of one filling-in, prorated; None when more items are missing than the scale allows."""
    instrument = answers[0].instrument
    first = {answer.item: answer for answer in reversed(answers) if 0 <= answer.value <= instrument.item_maximum}
    expected = len(instrument.items)
    missing = expected - len(first)
    if not first or missing > instrument.missing_items_max:
        return None
    given = [answer.value for answer in first.values()]
    value = _prorated(given, expected) if missing else fsum(given)
    return Sheet(instrument=instrument, answers=tuple(answers), value=value, missing=missing)


def _prorated(given: Sequence[float], expected: int) -> float:
    """What the answers given come to for all expected, half up and exactly."""
    total = sum(map(Fraction, given), Fraction(0))
    return float(floor(total * expected / len(given) + Fraction(1, 2)))


def sheets_among(answers: Iterable[Answer]) -> list[Sheet]:
    """The complete enough filling-ins among answers, panel by panel, then the unlinked ones of each day.

    Unlinked answers of a day belong together unless an item occurs twice: then those with the same time of
    day do. An answer that items of several scales share goes to the longest of them.
    """
    groups: dict[tuple[str, str, date], list[Answer]] = defaultdict(list)
    for answer in answers:
        groups[answer.instrument.id, answer.group, answer.day].append(answer)
    found: list[Sheet] = []
    taken: set[str] = set()
    for (_, group, _), members in sorted(groups.items(), key=lambda entry: -len(entry[1][0].instrument.items)):
        for part in [members] if group else _by_time(members):
            free = [answer for answer in part if answer.element not in taken]
            sheet = sheet_of(free) if free else None
            if sheet is not None:
                found.append(sheet)
                taken.update(answer.element for answer in free)
    return found


def _by_time(members: Sequence[Answer]) -> list[list[Answer]]:
    if len({answer.item for answer in members}) == len(members):
        return [list(members)]
    times: dict[str, list[Answer]] = defaultdict(list)
    for answer in members:
        times[answer.order].append(answer)
    return list(times.values())


def settle(totals: Sequence[Total], sheets: Sequence[Sheet], *, source: str = "observation") -> list[Score]:
    """The scores of one scale on one day from one kind of source."""
    open_totals = _sent_once(total for total in totals if not total.suspect)
    scores: list[Score] = []
    for sheet in sheets:
        own = _own_total(sheet, open_totals)
        if own is not None:
            open_totals.remove(own)
        scores.append(_score_of(sheet, own, source))
    scores.extend(
        Score(
            instrument=total.instrument.id,
            value=total.value,
            day=total.day,
            references=total.references,
            order=total.order,
            source=source,
        )
        for total in open_totals
    )
    if len(scores) > 1:
        scores = _with_conflicts(_merged(scores))
    return _with_suspects(scores, [total for total in totals if total.suspect], source)


def _sent_once(totals: Iterable[Total]) -> list[Total]:
    """The totals, one for all copies of the same value, time and panel: a copy must not contradict its sheet."""
    known: dict[tuple[float, str, str], Total] = {}
    for total in totals:
        same = known.setdefault((total.value, total.order, total.group), total)
        if same is not total:
            references = tuple(dict.fromkeys((*same.references, *total.references)))
            known[total.value, total.order, total.group] = same._replace(references=references)
    return list(known.values())


def _own_total(sheet: Sheet, totals: Sequence[Total]) -> Total | None:
    """The total that belongs to a sheet: of the same panel, else time of day, else value, else the only one.

    A total of another panel never does.
    """
    open_totals = [total for total in totals if not (sheet.group and total.group) or sheet.group == total.group]
    if not open_totals:
        return None

    def apart(total: Total) -> tuple[bool, bool, bool]:
        return total.group != sheet.group, total.order != sheet.order, total.value != sheet.value

    nearest = min(open_totals, key=apart)
    linked = bool(sheet.group) and nearest.group == sheet.group
    alike = nearest.order == sheet.order or nearest.value == sheet.value
    return nearest if linked or alike or len(totals) == 1 else None


def _score_of(sheet: Sheet, own: Total | None, source: str) -> Score:
    flags: list[str] = []
    value = sheet.value
    if own is not None and (own.value == value or (sheet.missing and sheet.allows(own.value))):
        value = own.value
    else:
        flags += ["prorated"] if sheet.missing else []
        flags += ["resummed"] if own is not None else []
    references = (*(own.references if own is not None else ()), *sheet.references)
    return Score(
        instrument=sheet.instrument.id,
        value=value,
        day=sheet.answers[0].day,
        references=tuple(dict.fromkeys(references)),
        order=own.order if own is not None and own.order else sheet.order,
        source=source,
        flags=tuple(flags),
    )


def _merged(scores: Iterable[Score]) -> list[Score]:
    """Scores of the same value and time sent under several ids are one; without a time, of the same value."""
    known: dict[tuple[float, str], Score] = {}
    for score in sorted(scores, key=lambda s: not s.order):
        timed = [key for key in known if key[0] == score.value and not score.order]
        key = timed[0] if timed else (score.value, score.order)
        same = known.get(key)
        known[key] = score if same is None else _joined(same, score)
    return list(known.values())


def _joined(one: Score, other: Score) -> Score:
    references = tuple(dict.fromkeys((*one.references, *other.references)))
    return replace(one, references=references, flags=tuple(dict.fromkeys((*one.flags, *other.flags))))


def _with_conflicts(scores: Sequence[Score]) -> list[Score]:
    """Different totals of one day contradict each other unless each has a time of its own (decision 45)."""
    orders = [score.order for score in scores]
    if len(scores) > 1 and "" in orders:
        return [flagged(score, "conflict") for score in scores]
    return [flagged(score, "conflict") if orders.count(score.order) > 1 else score for score in scores]


def _with_suspects(scores: list[Score], suspects: Sequence[Total], source: str) -> list[Score]:
    """A number on the panel's code stands only where nothing better is known of that day."""
    for total in suspects:
        if scores and "suspect-total" not in scores[0].flags:
            same = next((s for s in scores if total.order and s.order == total.order), scores[0])
            joined = replace(same, references=tuple(dict.fromkeys((*same.references, *total.references))))
            scores[scores.index(same)] = joined
            continue
        suspect = Score(
            instrument=total.instrument.id,
            value=total.value,
            day=total.day,
            references=total.references,
            order=total.order,
            source=source,
            flags=("suspect-total",),
        )
        scores = _merged([*scores, suspect])
    return scores


def flagged(score: Score, flag: str) -> Score:
    """The score with one more flag."""
    return score if flag in score.flags else replace(score, flags=(*score.flags, flag))


def reconciled(observed: Sequence[Score], answered: Sequence[Score]) -> list[Score]:
    """Observations and questionnaires of one day: equal ones are one score, different ones are both in
    conflict.
    """
    if not observed or not answered:
        return [*observed, *answered]
    result = [score for score in observed if "suspect-total" not in score.flags]
    suspects = [score for score in observed if "suspect-total" in score.flags]
    if not result:
        first = answered[0]
        references = (*first.references, *(r for score in suspects for r in score.references))
        return [replace(first, references=tuple(dict.fromkeys(references))), *answered[1:]]
    alone: list[Score] = []
    for score in answered:
        twin = next((known for known in result if known.value == score.value), None)
        if twin is None:
            alone.append(flagged(score, "conflict"))
        else:
            result[result.index(twin)] = _joined(twin, score)
    return [*(flagged(score, "conflict") for score in result), *alone] if alone else result
