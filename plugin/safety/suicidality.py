"""The level of recorded suicidality, from recorded answers only (decision 73). No risk is computed.

The screener's answers since its newest complete asking count; a newer complete screener supersedes the single item on
or before its day. Answers age: a high one of the screener is high while acute, then counts as faded; what is older than
the window says nothing any more but when it was recorded. Nothing within the window is "not assessed", never "none".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from mappings.load import Knowledge
from mappings.modifier_schema import AnswerLevel, Screen
from mappings.modifier_schema import Suicidality as Levels
from plugin.findings import Reason
from plugin.record import ConditionFact, ItemAnswer, LabResult, PatientRecord, Verification

NOT_ASSESSED = "not-assessed"
NONE_RECORDED = "none-recorded"
# From the mildest to the gravest.
ORDER = (NOT_ASSESSED, NONE_RECORDED, "low", "moderate", "high")
_ENDED = frozenset({"inactive", "resolved", "remission"})
Source = ItemAnswer | LabResult | ConditionFact


@dataclass(frozen=True, slots=True, kw_only=True)
class Suicidality:
    """`level` is one of `ORDER`. `day` is that of what decides, `deciding` what decides it.

    `last_recorded` is the newest day of any answer, however old; `rescreen`: the single item is newer and graver than
    the screener. `acute`: a high answer of the screener within its days (decision 25).
    """

    level: str
    day: date | None
    last_recorded: date | None
    rescreen: bool
    acute: bool
    deciding: tuple[Source, ...]
    reasons: tuple[Reason, ...]

    @property
    def uses(self) -> tuple[str, ...]:
        """References of what decides."""
        return tuple(dict.fromkeys(source.reference for source in self.deciding))

    @property
    def known_level(self) -> str:
        """The level as decision tables test it: empty when not assessed."""
        return "" if self.level == NOT_ASSESSED else self.level


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What one answer, result or condition means on its day, before it ages. `screen`: it is of the screener."""

    level: str
    day: date
    source: Source
    cites: tuple[str, ...]
    screen: bool = False


def suicidality_of(record: PatientRecord, *, knowledge: Knowledge, as_of: date) -> Suicidality:
    """The level on `as_of`, with what decides it."""
    levels = knowledge.clinical.suicidality
    screened = [*_screened(record, levels, as_of)]
    single = [*_single(record, levels, as_of)]
    complete = _complete_on(record, levels.screen, as_of)
    current = [said for said in screened if complete is None or said.day >= complete]
    last_single = max((said.day for said in single), default=None)
    recorded = int(levels.recorded.on(as_of).amount)
    acute = int(levels.acute.on(as_of).amount)
    fresh = [s for s in single if s.day == last_single and (complete is None or s.day > complete)]
    fresh = [s for s in fresh if (as_of - s.day).days <= recorded]
    within = [_aged(said, levels, acute, as_of) for said in (*current, *fresh) if (as_of - said.day).days <= recorded]
    # Denials count only where all was asked: the single item, or a complete screener.
    asked = complete is not None and (as_of - complete).days <= recorded
    within = [s for s in within if s.level != NONE_RECORDED or not s.screen or asked]
    within += _conditions(record, levels, as_of)
    level = max((said.level for said in within), key=ORDER.index, default=NOT_ASSESSED)
    deciding = [said for said in within if said.level == level]
    day = max((said.day for said in deciding), default=None)
    last = max((said.day for said in (*screened, *single)), default=None)
    return Suicidality(
        level=level,
        day=day,
        last_recorded=last,
        rescreen=_graver(fresh, current),
        acute=any(s.level == ORDER[-1] and s.screen for s in within),
        deciding=tuple(dict.fromkeys(said.source for said in deciding)),
        reasons=(_reason(level, deciding, last, levels),),
    )


def _screened(record: PatientRecord, levels: Levels, as_of: date) -> Iterator[_Said]:
    """Every answer and result of the screener up to `as_of`."""
    screen = levels.screen
    for answer in _answers(record, screen.measure, as_of):
        level, cites = _level_of(answer, screen.answers)
        yield _Said(level=level, day=answer.day, source=answer, cites=cites, screen=True)
    for result in record.laboratory:
        for word in levels.words:
            if (result.measure, result.meaning) == (word.measure, word.meaning) and result.day <= as_of:
                yield _Said(level=word.level, day=result.day, source=result, cites=word.cites, screen=True)


def _single(record: PatientRecord, levels: Levels, as_of: date) -> Iterator[_Said]:
    for answer in _answers(record, levels.item.instrument, as_of):
        if answer.item == levels.item.item:
            level, cites = _level_of(answer, levels.item.answers)
            yield _Said(level=level, day=answer.day, source=answer, cites=cites)


def _answers(record: PatientRecord, instrument: str, as_of: date) -> Iterator[ItemAnswer]:
    return (a for a in record.answers if a.instrument == instrument and a.value is not None and a.day <= as_of)


def _level_of(answer: ItemAnswer, rows: Sequence[AnswerLevel]) -> tuple[str, tuple[str, ...]]:
    """The gravest level that the answer means, with its sources; an answer below all of them denies it."""
    asked = [row for row in rows if answer.item in row.items]
    meant = [row for row in asked if (answer.value or 0.0) >= row.at_least.on(answer.day).amount]
    gravest = max(meant, key=lambda row: ORDER.index(row.level), default=None)
    denied = tuple(dict.fromkeys(cite for row in asked for cite in row.cites))
    return (gravest.level, gravest.cites) if gravest is not None else (NONE_RECORDED, denied)


def _complete_on(record: PatientRecord, screen: Screen, as_of: date) -> date | None:
    """The newest day on which the screener was asked completely; a recorded overall level is a complete asking."""
    by_day: dict[date, dict[int, bool]] = {}
    for answer in _answers(record, screen.measure, as_of):
        said = by_day.setdefault(answer.day, {})
        said[answer.item] = said.get(answer.item, False) or bool(answer.value)
    days = [day for day, said in by_day.items() if _is_complete(said, screen)]
    days += [r.day for r in record.laboratory if r.measure == screen.measure and r.meaning and r.day <= as_of]
    return max(days, default=None)


def _is_complete(said: dict[int, bool], screen: Screen) -> bool:
    asked = all(item in said for item in screen.always) and any(item in said for item in screen.one_of)
    return asked and (not said.get(screen.branch) or all(item in said for item in screen.after_branch))


def _aged(said: _Said, levels: Levels, acute: int, as_of: date) -> _Said:
    """A high answer of the screener that is no longer acute counts as faded."""
    if not said.screen or said.level != ORDER[-1] or (as_of - said.day).days <= acute:
        return said
    return _Said(level=levels.faded, day=said.day, source=said.source, cites=said.cites, screen=True)


def _conditions(record: PatientRecord, levels: Levels, as_of: date) -> Iterator[_Said]:
    """Coded conditions that began within their days; words alone decide no level."""
    for row in levels.conditions:
        since = as_of - timedelta(days=int(row.within.on(as_of).amount))
        for condition in record.conditions:
            began = condition.onset or condition.recorded
            sure = condition.verification is Verification.CONFIRMED and row.category in condition.categories
            ended = condition.clinical in _ENDED or (
                condition.abatement is not None and condition.abatement.latest <= as_of
            )
            if not sure or began is None or (row.current and ended):
                continue
            if began.earliest <= as_of and began.latest >= since:
                yield _Said(level=row.level, day=min(began.latest, as_of), source=condition, cites=row.cites)


def _graver(fresh: Iterable[_Said], current: Sequence[_Said]) -> bool:
    """Whether the single item, newer than all answers of the screener, is graver than they are."""
    newest = max((said.day for said in current), default=None)
    gravest = max((ORDER.index(said.level) for said in current), default=len(ORDER))
    return newest is not None and any(s.day > newest and ORDER.index(s.level) > gravest for s in fresh)


def _reason(level: str, deciding: Sequence[_Said], last: date | None, levels: Levels) -> Reason:
    uses = tuple(dict.fromkeys(said.source.reference for said in deciding))
    cites = tuple(dict.fromkeys(cite for said in deciding for cite in said.cites)) or levels.cites
    if level == NOT_ASSESSED:
        told = f"last recorded on {last}" if last is not None else "nothing is recorded"
        text = f"{levels.label.capitalize()}: not assessed within the window ({told})."
        return Reason(rule=levels.id, text=text, cites=cites)
    days = ", ".join(dict.fromkeys(str(said.day) for said in sorted(deciding, key=lambda said: said.day)))
    text = f"{levels.label.capitalize()}: {level.replace('-', ' ')}, by what was recorded on {days}."
    return Reason(rule=levels.id, text=text, facts=(("level", level),), cites=cites, uses=uses)
