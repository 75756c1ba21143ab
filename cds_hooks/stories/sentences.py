"""The common parts of all story lines: clauses, days, codes, and the refusal of unreadable lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from cds_hooks.fhir_writer import Element, coding, concept
from mappings.load import Knowledge

NUMBER = r"-?\d+(?:\.\d+)?"
DAY = r"day -?\d+"
_CLAUSE = re.compile(r'\s*[,;]\s*(?=(?:[^"]*"[^"]*")*[^"]*$)')
_CODED = re.compile(r'^(?P<system>[a-z][a-z0-9-]*) (?P<code>[A-Za-z0-9.\-]+)(?: "(?P<display>[^"]*)")?$')
_QUOTED = re.compile(r'^"(?P<text>[^"]+)"$')


class UnreadableLineError(ValueError):
    """A story line outside the notation. The message holds line, part at fault and what is accepted."""

    def __init__(self, line: object, part: str, accepted: str) -> None:
        super().__init__(f"cannot read {part!r} in {line!r}; accepted: {accepted}")


@dataclass
class Scene:
    """What every line needs: the patient, the date of day 0, the knowledge, and the next free ids."""

    patient_id: str
    day_zero: date
    knowledge: Knowledge
    _used: dict[str, int] = field(default_factory=dict)

    def day(self, offset: int) -> date:
        """The date of day `offset`."""
        return self.day_zero + timedelta(days=offset)

    def new_id(self, kind: str) -> str:
        """An id that no other resource of this patient, and no other patient's resource, has."""
        self._used[kind] = self._used.get(kind, 0) + 1
        return f"{self.patient_id}-{kind}-{self._used[kind]}"

    def coded(self, system: str, code: str, display: str = "") -> Element:
        """A Coding in the code system with the short name `system`; KeyError when the knowledge has none."""
        return coding(self.knowledge.uri_of(system), code, display)


def clauses(line: object) -> list[str]:
    """The clauses of a line, split at commas and semicolons outside quotation marks, spaces made single."""
    if not isinstance(line, str) or not line.strip() or line.count('"') % 2:
        raise UnreadableLineError(line, str(line), "a sentence, with quotation marks in pairs")
    parts = [" ".join(part.split()) for part in _CLAUSE.split(line.strip())]
    if not all(parts):
        raise UnreadableLineError(line, line, "clauses separated by one comma or semicolon each")
    return parts


def day_numbers(text: str) -> tuple[int, ...]:
    """All day offsets named in `text`, in order.

    >>> day_numbers("on day 0 and day -14")
    (0, -14)
    """
    return tuple(int(found.split()[1]) for found in re.findall(DAY, text))


def concept_of(scene: Scene, phrase: str) -> Element | None:
    """The concept that `phrase` names, None when it names none.

    Either a system and a code (``icd10cm F33.1``, with a quoted display if wanted) or a quoted text alone.
    """
    if quoted := _QUOTED.match(phrase):
        return concept(text=quoted["text"])
    coded = _CODED.match(phrase)
    if coded is None or coded["system"] not in scene.knowledge.systems:
        return None
    display = coded["display"] or ""
    return concept(scene.coded(coded["system"], coded["code"], display), text=display)


def one_of(words: Sequence[str]) -> str:
    """A regular expression for any of `words`, the longest first."""
    return "(?:" + "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)) + ")"
