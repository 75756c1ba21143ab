"""What every number opens to: the records it rests on and the sources it follows, numbered once for the whole page.

A record is called by its kind and its number in the list of records, runs of numbers in one ("dispenses 4 to 9"); a
source by its short name. Both lead to the lists at the end of the page, where the full reference and citation stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from cds_hooks.basis.records import KINDS, descriptions
from cds_hooks.basis.telling import plain
from plugin.advice.wording import Wording
from plugin.assessment import Assessment
from plugin.findings import Reason

_SHORT = 60  # characters of a citation that stand for a source without a short name
_KNOWN_KINDS = tuple(KINDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """A run of records in the list: `text` is ``4`` or ``4–9``, `first` the number it leads to."""

    text: str
    first: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """Records of one kind behind a statement."""

    kind: str
    runs: tuple[Numbers, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A source by its short name; `number` is its place in the bibliography."""

    number: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """A statement that can be opened: what it says, by which rule, from which records, after which sources."""

    text: str
    rule: str = ""
    records: tuple[Behind, ...] = ()
    sources: tuple[Named, ...] = ()

    @property
    def opens(self) -> bool:
        """Whether there is anything to open."""
        return bool(self.rule or self.records or self.sources)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRecord:
    """One line of the list of records; `reported`: it comes from the form of the page and not from the record."""

    number: int
    id: str
    said: str
    day: str
    reported: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordGroup:
    """The records of one kind; `type` is the FHIR resource type, which the references are shown without."""

    kind: str
    type: str
    records: tuple[ListedRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSource:
    """One line of the bibliography."""

    number: int
    name: str
    citation: str
    url: str


@dataclass(slots=True)
class Register:
    """Numbers records and remembers which sources were named while a page is made."""

    words: Wording
    reported: frozenset[str] = frozenset()
    _numbers: dict[str, int] = field(default_factory=dict)
    _said: dict[str, tuple[str, date | None]] = field(default_factory=dict)
    _cited: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, assessment: Assessment, words: Wording, reported: frozenset[str]) -> Register:
        """A register of everything the assessment relies on, in the order of kinds and days."""
        said = descriptions(assessment.record, words.knowledge)

        def place(reference: str) -> tuple[int, str, date, str]:
            kind = _kind(reference)
            rank = _KNOWN_KINDS.index(kind) if kind in KINDS else len(KINDS)
            return rank, kind, said.get(reference, ("", None))[1] or date.min, reference

        numbers = {reference: number for number, reference in enumerate(sorted(assessment.used, key=place), start=1)}
        return cls(words, reported, numbers, said)

    def behind(self, references: Iterable[str]) -> tuple[Behind, ...]:
        """The records of these references by kind, in runs of numbers."""
        wanted = sorted({self._number(reference): reference for reference in references}.items())
        by_kind: dict[str, list[int]] = {}
        for number, reference in wanted:
            by_kind.setdefault(_kind(reference), []).append(number)
        found = []
        for kind, numbers in by_kind.items():
            one, several = KINDS.get(kind, (kind, kind))
            found.append(Behind(kind=one if len(numbers) == 1 else several, runs=_runs(numbers)))
        return tuple(found)

    def named(self, cites: Iterable[str]) -> tuple[Named, ...]:
        """The sources of these keys, each once; they will stand in the bibliography."""
        known = self.words.knowledge.sources
        found = []
        for key in dict.fromkeys(cites):
            number = self._cited.setdefault(key, len(self._cited) + 1)
            source = known.get(key)
            found.append(Named(number=number, name=key if source is None else source.short or _cut(source.citation)))
        return tuple(found)

    def why(self, reason: Reason) -> Why:
        """A reason of the reasoning as a statement that can be opened."""
        return self.statement(reason.text, rule=reason.rule, uses=reason.uses, cites=reason.cites)

    def whys(self, reasons: Iterable[Reason]) -> tuple[Why, ...]:
        """Several of them, each once."""
        return tuple(dict.fromkeys(self.why(reason) for reason in reasons))

    def statement(self, text: str, *, rule: str = "", uses: Iterable[str] = (), cites: Iterable[str] = ()) -> Why:
        """Any sentence with what it rests on."""
        return Why(text=plain(text, self.words), rule=rule, records=self.behind(uses), sources=self.named(cites))

    def is_reported(self, references: Iterable[str]) -> bool:
        """Whether any of these records comes from the form of the page."""
        return not self.reported.isdisjoint(references)

    def records(self) -> tuple[RecordGroup, ...]:
        """Every numbered record, by kind."""
        by_kind: dict[str, list[ListedRecord]] = {}
        for reference, number in self._numbers.items():
            by_kind.setdefault(_kind(reference), []).append(self._listed(reference, number))
        return tuple(
            RecordGroup(kind=KINDS.get(kind, (kind, kind))[1], type=kind, records=tuple(records))
            for kind, records in by_kind.items()
        )

    def sources(self) -> tuple[ListedSource, ...]:
        """Every source named so far, by its name."""
        known = self.words.knowledge.sources
        listed = [
            ListedSource(number=number, name=one.short, citation=one.citation, url=one.url)
            for key, number in self._cited.items()
            if (one := known.get(key)) is not None
        ]
        return tuple(sorted(listed, key=lambda one: one.citation.lower()))

    def _number(self, reference: str) -> int:
        return self._numbers.setdefault(reference, len(self._numbers) + 1)

    def _listed(self, reference: str, number: int) -> ListedRecord:
        said, day = self._said.get(reference, ("", None))
        return ListedRecord(
            number=number,
            id=reference.partition("/")[2],
            said=said,
            day=self.words.day(day) if day is not None else "",
            reported=reference in self.reported,
        )


def _kind(reference: str) -> str:
    return reference.partition("/")[0]


def _runs(numbers: Sequence[int]) -> tuple[Numbers, ...]:
    """Ascending numbers as runs: 4, 5, 6, 9 as ``4–6`` and ``9``."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return tuple(Numbers(text=str(a) if a == b else f"{a}–{b}", first=a) for a, b in found)


def _cut(citation: str) -> str:
    return citation if len(citation) <= _SHORT else f"{citation[:_SHORT].rsplit(' ', 1)[0]} …"
