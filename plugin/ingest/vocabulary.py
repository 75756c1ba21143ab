"""The knowledge arranged for looking things up: code to category, unit to factor, frequency word to intakes a
day.

Codes are compared within their system only; dots and letter case do not matter. Arranging costs milliseconds
and is done once per `Knowledge`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from mappings.direction_schema import DirectionWords
from mappings.load import Knowledge
from mappings.schema import CodeSet, ConditionCategory, Dosing, Instrument, ProcedureKind, StopMeaning
from plugin.ingest.codings import Coding, WordSieve
from plugin.ingest.directions import DirectionsReader
from plugin.record import Product

T = TypeVar("T")
_WORD = re.compile(r"[^\W\d_]+")


def plain_code(code: str) -> str:
    """A code without dots, in capitals: F32.1 and f321 are the same."""
    return code.replace(".", "").strip().upper()


def plain_word(written: str) -> str:
    """A unit or frequency word in lower case without dots and doubled blanks."""
    return " ".join(written.lower().replace(".", "").split())


class CodeIndex(Generic[T]):
    """Which of some values a coding belongs to, by exact codes and prefixes.

    A code listed under `except` of a code set is out of it, and where the set works by prefixes so is all
    below it.
    """

    def __init__(self, entries: Iterable[tuple[T, Sequence[CodeSet]]], knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._values: list[T] = []
        self._exact: dict[tuple[str, str], set[int]] = defaultdict(set)
        self._prefixes: dict[tuple[str, str], list[tuple[tuple[str, ...], int]]] = defaultdict(list)
        lengths: dict[str, set[int]] = defaultdict(set)  # of the prefixes of a system
        for position, (value, code_sets) in enumerate(entries):
            self._values.append(value)
            for code_set in code_sets:
                excepted = tuple(plain_code(code) for code in code_set.except_)
                for code in code_set.exact:
                    if plain_code(code) not in excepted:
                        self._exact[code_set.system, plain_code(code)].add(position)
                for prefix in map(plain_code, code_set.prefixes):
                    self._prefixes[code_set.system, prefix].append((excepted, position))
                    lengths[code_set.system].add(len(prefix))
        self._lengths = {system: tuple(known) for system, known in lengths.items()}

    def find(self, codings: Iterable[Coding]) -> tuple[T, ...]:
        """The values that any of `codings` belongs to, in the order of the knowledge."""
        found: set[int] = set()
        for coding in codings:
            system = self._knowledge.system_of(coding.system) if coding.system and coding.code else None
            if system is None:
                continue
            code = plain_code(coding.code)
            found.update(self._exact.get((system, code), ()))
            for length in self._lengths.get(system, ()):
                for excepted, position in self._prefixes.get((system, code[:length]), ()):
                    if not (excepted and code.startswith(excepted)):
                        found.add(position)
        return tuple([self._values[position] for position in sorted(found)]) if found else ()


class DosingTerms:
    """Units of dose, frequency words, units of time and whole directions, by the way they are written."""

    def __init__(self, dosing: Dosing, languages: Iterable[DirectionWords]) -> None:
        self._units = {plain_word(w): (unit.to, unit.factor) for unit in dosing.units for w in unit.written}
        self._timing = {plain_word(w): timing.per_day for timing in dosing.timing for w in timing.written}
        self._periods = dosing.period_days
        self.directions = DirectionsReader(languages, dosing.period_days)

    def unit(self, *written: str) -> tuple[str, float] | None:
        """What the first known of `written` counts (``mg``, ``mL``, ``unit``) and the factor to it.

        A longer description counts what its one known word counts, if that is a unit: "Tablet (oral)".
        """
        for word in written:
            known = self._units.get(word) or self._units.get(plain_word(word))
            if known is not None:
                return known
        described = {known for word in written if "/" not in word for known in self._words_counting(word)}
        return described.pop() if len(described) == 1 and ("unit", 1.0) in described else None

    def _words_counting(self, written: str) -> Iterator[tuple[str, float]]:
        return (self._units[word] for word in _WORD.findall(written.lower()) if word in self._units)

    def per_day(self, written: str) -> float | None:
        """Intakes a day that a timing code or frequency word stands for."""
        return self._timing.get(plain_word(written))

    def period_days(self, unit: str) -> float | None:
        """Days in one unit of time such as ``wk``, ``Weeks`` or ``day(s)``."""
        if unit in self._periods:  # as it should be: spared the search
            return self._periods[unit]
        plain = unit.strip().lower().removesuffix("(s)").removesuffix(".")
        for candidate in (
            unit.strip(),
            plain,
            plain.removesuffix("s"),
            _TIME_UNITS.get(plain.removesuffix("s"), ""),
        ):
            if candidate in self._periods:
                return self._periods[candidate]
        return None


# English names of the time units that FHIR codes; their lengths are knowledge.
_TIME_UNITS = {
    **{"second": "s", "minute": "min", "hour": "h", "hr": "h", "day": "d", "week": "wk", "month": "mo"},
    **{"year": "a", "yr": "a"},
}


class Role:
    """What a code means for one instrument: its ``total``, ``panel``, an ``item`` (numbered) or ``other``
    scale. `scores` are those of the instrument's coded answers.
    """

    __slots__ = ("instrument", "item", "kind", "scores")

    def __init__(self, kind: str, instrument: Instrument, scores: Mapping[str, float], item: int = 0) -> None:
        self.kind, self.instrument, self.scores, self.item = kind, instrument, scores, item


class ScaleCodes:
    """Which role a code plays for the rating scales."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._by_code: dict[tuple[str, str], list[Role]] = defaultdict(list)
        self._by_bare_code: dict[str, list[Role]] = defaultdict(list)
        for instrument in knowledge.instruments.values():
            scores = {plain_code(answer): score for answer, score in instrument.answers.items()}
            listed = [(code, Role("total", instrument, scores)) for code in instrument.total_codes]
            listed += [(code, Role("panel", instrument, scores)) for code in instrument.panel_codes]
            listed += [(code, Role("item", instrument, scores, i.number)) for i in instrument.items for code in i.codes]
            listed += [(code, Role("other", instrument, scores)) for code in instrument.other_scales]
            for code, role in listed:
                self._by_code[code.system, plain_code(code.code)].append(role)
                if code.system not in knowledge.local_systems:  # a row number alone could be anybody's
                    self._by_bare_code[plain_code(code.code)].append(role)

    def roles(self, codings: Iterable[Coding]) -> tuple[Role, ...]:
        """All roles of the codes, system by system."""
        found: list[Role] = []
        for coding in codings:
            if coding.code:
                system = self._knowledge.system_of(coding.system) or ""
                found.extend(self._by_code.get((system, plain_code(coding.code)), ()))
        return tuple(found)

    def roles_of_bare(self, code: str) -> tuple[Role, ...]:
        """All roles of a code whose system is not stated, as in the linkId of a questionnaire item."""
        return tuple(self._by_bare_code.get(plain_code(code), ()))


class Vocabulary:
    """All lookups that reading FHIR needs, over one `Knowledge`."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self.products: dict[tuple[str, str, str], Product | None] = {}
        """Products met that RxNorm's code and names say in full, by code, name and jurisdiction (`named_drug`)."""
        self.dosing = DosingTerms(knowledge.dosing, knowledge.directions.values())
        self.scales = ScaleCodes(knowledge)
        groups = knowledge.clinical.drug_groups.values()
        self.drug_group_words = tuple(dict.fromkeys(word for group in groups for word in group.words))
        self.drug_group_codes = frozenset((code.system, plain_code(code.code)) for g in groups for code in g.codes)
        self.denials = knowledge.conditions.not_the_patient
        self.condition_words = WordSieve(w for category in knowledge.conditions.categories for w in category.words)
        self.conditions: CodeIndex[str] = CodeIndex(
            [
                (category.id, [s for s in category.code_sets if not s.with_words])
                for category in knowledge.conditions.categories
            ],
            knowledge,
        )
        # Codes that name a condition only where the words with them do.
        self.conditions_with_words: CodeIndex[ConditionCategory] = CodeIndex(
            [
                (category, [s for s in category.code_sets if s.with_words])
                for category in knowledge.conditions.categories
            ],
            knowledge,
        )
        self.procedures: CodeIndex[ProcedureKind] = CodeIndex(
            [(kind, kind.code_sets) for kind in knowledge.procedures.kinds], knowledge
        )
        self.procedure_traits: CodeIndex[tuple[str, str]] = CodeIndex(
            [((kind.id, t.id), t.code_sets) for kind in knowledge.procedures.kinds for t in kind.traits], knowledge
        )
        self.stop_reasons: CodeIndex[StopMeaning] = CodeIndex(
            [(meaning, meaning.code_sets) for meaning in knowledge.stop_reasons.meanings], knowledge
        )
        self.adherence: CodeIndex[str] = CodeIndex(
            [(meaning.meaning, meaning.code_sets) for meaning in knowledge.adherence.meanings], knowledge
        )


_ARRANGED: list[Vocabulary] = []
_ARRANGED_MAX = 4


def vocabulary_of(knowledge: Knowledge) -> Vocabulary:
    """The vocabulary of `knowledge`, arranged on first use and kept for the few most recent ones."""
    for known in _ARRANGED:
        if known.knowledge is knowledge:
            return known
    arranged = Vocabulary(knowledge)
    _ARRANGED.append(arranged)
    del _ARRANGED[:-_ARRANGED_MAX]
    return arranged
