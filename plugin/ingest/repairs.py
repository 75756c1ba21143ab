"""Which repairs a resource needed: deviations from FHIR R4 that reading mends without a word, counted by name.

Nothing is changed here. The accessors of `plugin.ingest.resources` and the readers take what real servers send; this is
one walk over a resource beside them that names what they took. Names, elements and words come from ``repairs.yaml``,
which says for each repair why it is safe. What has no name there is no repair.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

import orjson

from mappings.load import Knowledge
from plugin.ingest.references import reference_of, type_of
from plugin.ingest.repair_elements import ANYWHERE, Element, Elements, TextKind, arranged, worded
from plugin.ingest.resources import Json, number, objects
from plugin.spans import PartialDate

Found = defaultdict[str, int]
_Counts = tuple[tuple[str, int], ...]
_Waiting = list[tuple[Json, Elements]]
_Arranged = tuple[Mapping[str, Elements], Mapping[str, tuple[str, ...]]]  # by place; which of its elements hold words
_DAY_LENGTH = len("YYYY-MM-DD")
_TIME = re.compile(r"T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
_NAIVE = re.compile(r"T\d\d:\d\d(:\d\d(?:\.\d+)?)?")
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_NO_ID = re.compile(r"[/?#\s]")
_ADDRESS = re.compile(r"https?://[^?#\s]*/[A-Z][A-Za-z]+/[^/?#\s]+(?:/_history/[^/?#\s]*)?/?", re.IGNORECASE)
_VERSION = "/_history/"
_ADDRESSES = ("h", "H")
# Signs that make no difference to the form of a resource; they are what dates, amounts and most ids are made of.
_ALIKE = b"0123456789abcdef"
_FORM = bytes.maketrans(_ALIKE, b"0" * len(_ALIKE))
_UNSURE = ""  # counts, while a resource is walked, what a form alone does not decide
_BOOLEANS = ("true", "false")


class Repairs(Mapping[str, int]):
    """The repairs that one record needed, by name, in how many places; counted when first asked for."""

    def __init__(self, resources: Iterable[Json], knowledge: Knowledge) -> None:
        self._count: Callable[[], Mapping[str, int]] = lambda: repairs_in(resources, knowledge)

    @cached_property
    def _counted(self) -> Mapping[str, int]:
        counted = self._count()
        del self._count  # and with it the resources
        return counted

    def __getitem__(self, name: str) -> int:
        return self._counted[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._counted)

    def __len__(self) -> int:
        return len(self._counted)

    def __repr__(self) -> str:
        return repr(self._counted)


def repairs_in(resources: Iterable[Json], knowledge: Knowledge) -> Mapping[str, int]:
    """The repairs that the resources of one record needed, contained ones included: by name, in how many places.

    Never raises, however deep or odd a resource is.
    """
    walk = _Walk(_places_of(knowledge))
    total = _none_found()
    for resource in resources:
        for name, count in walk.repairs_of(resource):
            total[name] += count
    return MappingProxyType({name: total[name] for name in sorted(total)})


class _Walk:
    """Walks over resources and all below them.

    Whether a repair was needed is a matter of form, and resources of one record are much alike: each form is walked
    once. A form is the JSON with all digits and hexadecimal letters taken for one. Concepts and directions, whose words
    differ most, are looked at apart from the rest. Where an outcome hangs on more than the form, each is walked.
    """

    def __init__(self, places: _Arranged) -> None:
        self._places, self._worded = places
        self._anywhere = self._places[ANYWHERE]
        self._forms: dict[tuple[str, bytes], _Counts] = {}

    def repairs_of(self, resource: Json) -> _Counts:
        """What a resource needed."""
        kind = type_of(resource)
        rest = dict(resource)
        found = _id_repairs(rest.pop("id", None))
        if kind == "OperationOutcome":
            found += (("outcome-entry", 1),)
        for name in self._worded.get(kind, ()):
            if name in rest and f"_{name}" not in rest:
                found += self._of_form(kind, {name: rest.pop(name)})
        return found + self._of_form(kind, rest)

    def _of_form(self, kind: str, part: Json) -> _Counts:
        try:
            form = (kind, orjson.dumps(part).translate(_FORM))
        except TypeError:  # something nested beyond measure, or a number no other library writes
            return self._walked(kind, part)[0]
        known = self._forms.get(form)
        if known is None:
            known, sure = self._walked(kind, part)
            if sure:
                self._forms[form] = known
        return known

    def _walked(self, kind: str, part: Json) -> tuple[_Counts, bool]:
        """What a part of a resource needed, and whether every other of its form needs the same."""
        found = _none_found()
        waiting: _Waiting = [(part, self._places.get(kind, self._anywhere))]
        while waiting:
            holder, known = waiting.pop()
            for name, value in holder.items():
                element = known.get(name, _NOTHING)
                if isinstance(value, str):
                    if not _is_usual(value, element):
                        _note_text(element, value, found)
                elif isinstance(value, dict):
                    if not value:
                        found["empty-element"] += 1
                        continue
                    if not element.bare:
                        _note_object(element, value, found)
                    waiting.append(self._below(name, element, value, found))
                elif isinstance(value, list):
                    self._note_list(name, element, value, found, waiting, padded=f"_{name}" in holder)
                elif value is None:
                    found["empty-element"] += 1
                elif element is not _NOTHING:
                    _note_plain(element, value, found)
        unsure = found.pop(_UNSURE, 0)
        return tuple(found.items()), not unsure

    def _below(self, name: str, element: Element, value: Json, found: Found) -> tuple[Json, Elements]:
        """What to walk below an element; a contained resource is looked at as one of its type."""
        if name != "contained":
            return value, self._places[element.inside]
        _note_id(value.get("id"), found)
        return {**value, "id": 0}, self._places.get(type_of(value), self._anywhere)

    def _note_list(
        self, name: str, element: Element, value: list[Any], found: Found, waiting: _Waiting, *, padded: bool
    ) -> None:
        """Look at a list and go into it; in a `padded` one a null stands for what the element beside it tells."""
        if not value:
            found["empty-element"] += 1
            return
        if element.version is not None:
            found[element.version] += 1
        if element.many is False and len(value) == 1 and isinstance(value[0], dict) and value[0]:
            found["list-for-object"] += 1
        for member in value:
            if isinstance(member, dict) and member:
                if element.concept:
                    _note_concept(element, member, found)
                waiting.append(self._below(name, element, member, found))
            elif isinstance(member, dict) or (member is None and not padded):
                found["empty-element"] += 1
            elif isinstance(member, str):
                if not member or member.isspace():
                    found["empty-string"] += 1
                elif element.dosage:
                    found["sentence-for-dosage"] += 1
                elif element.concept:
                    found["code-for-concept"] += 1


_NOTHING = Element()


def _is_usual(value: str, element: Element) -> bool:
    """Whether a text plainly needs no repair: a quick look for what nearly every text is."""
    kind, trimmed = element.usual, value.strip()
    if kind is TextKind.ANY:
        return bool(trimmed)
    if kind is None or trimmed != value or not value:
        return False
    if kind is TextKind.TOKEN:
        return True
    if kind is TextKind.STATUS:
        return value in element.words
    if kind is TextKind.REFERENCE:
        return _VERSION not in value and not value.startswith(_ADDRESSES)
    return kind in (TextKind.MOMENT, TextKind.DAY) and len(value) <= _DAY_LENGTH


def _none_found() -> Found:
    return defaultdict(int)


def _id_repairs(sent: object) -> _Counts:
    if isinstance(sent, str) and _ID.fullmatch(sent):
        return ()
    found = _none_found()
    _note_id(sent, found)
    return tuple(found.items())


def _note_id(sent: object, found: Found) -> None:
    """What the id of a resource needed."""
    if isinstance(sent, str) and not _ID.fullmatch(sent):
        named = sent.strip()
        if not named:
            found["empty-string"] += 1
            return
        if named != sent:
            found["surrounding-blanks"] += 1
        if not _ID.fullmatch(named) and not _NO_ID.search(named):
            found["odd-id"] += 1
    elif isinstance(sent, int) and not isinstance(sent, bool):
        found["text-as-number"] += 1


def _note_text(element: Element, sent: str, found: Found) -> None:
    """What a text at a known element needed."""
    value = sent.strip()
    if not value:
        found["empty-string"] += 1
        return
    if element.version is not None:
        found[element.version] += 1
    if element.dosage:
        found["sentence-for-dosage"] += 1
    elif element.concept:
        found["code-for-concept"] += 1
    kind = element.text
    if kind is None:
        return
    if value != sent:
        found["surrounding-blanks"] += 1
    if kind is TextKind.TOKEN:
        if element.many:
            found["object-for-list"] += 1
    elif kind is TextKind.REFERENCE:
        _note_reference(value, found)
    elif kind is TextKind.STATUS:
        _note_status(element, value, found)
    elif kind is TextKind.NUMBER:
        found[_UNSURE] += 1
        if number(value) is not None:
            found["number-as-text"] += 1
    elif kind is TextKind.BOOLEAN:
        found[_UNSURE] += 1
        if value.lower() in _BOOLEANS:
            found["boolean-as-text"] += 1
    elif len(value) > _DAY_LENGTH:
        _note_time(kind, value, found)


def _note_time(kind: TextKind, value: str, found: Found) -> None:
    """What was written after a day needed; nothing where no day can be read."""
    time = value[_DAY_LENGTH:]
    if kind is TextKind.MOMENT and _TIME.fullmatch(time):
        return
    found[_UNSURE] += 1
    if PartialDate.parse(value) is None:
        return
    if kind is TextKind.DAY:
        found["time-in-date"] += 1
    else:
        naive = _NAIVE.fullmatch(time)
        if naive is not None:
            found["naive-time"] += 1
        if naive is None or naive.group(1) is None:
            found["time-spelling"] += 1


def _note_reference(value: str, found: Found) -> None:
    if value.lower().startswith("http") and _ADDRESS.fullmatch(value):
        found["absolute-reference"] += 1
    if _VERSION in value and _VERSION not in reference_of(value):
        found["versioned-reference"] += 1


def _note_status(element: Element, value: str, found: Found) -> None:
    if value not in element.words:
        found[_UNSURE] += 1
        if element.spelt.word(value):
            found["status-spelling"] += 1


def _note_object(element: Element, value: Json, found: Found) -> None:
    """What an object that is not empty needed."""
    if element.version is not None:
        found[element.version] += 1
    if element.many:
        found["object-for-list"] += 1
    if element.concept:
        _note_concept(element, value, found)
    elif element.text is TextKind.STATUS:
        found[_UNSURE] += 1
        if element.spelt.word(value):
            found["concept-for-code"] += 1


def _note_concept(element: Element, value: Json, found: Found) -> None:
    if "coding" not in value:
        if "code" in value or "display" in value:
            found["code-for-concept"] += 1
    elif element.spelt:
        for coding in objects(value["coding"]):
            if isinstance(code := coding.get("code"), str):
                _note_status(element, code.strip(), found)


def _note_plain(element: Element, value: object, found: Found) -> None:
    """What a number or a truth value needed."""
    if element.version is not None:
        found[element.version] += 1
    if element.text is TextKind.TOKEN and isinstance(value, int) and not isinstance(value, bool):
        found["text-as-number"] += 1


_ARRANGED: list[tuple[Knowledge, _Arranged]] = []
_ARRANGED_MAX = 4


def _places_of(knowledge: Knowledge) -> _Arranged:
    """The elements of `knowledge` by place, arranged on first use and kept for the few most recent ones."""
    for known, places in _ARRANGED:
        if known is knowledge:
            return places
    elements = arranged(knowledge.repairs)
    arranged_now = (elements, worded(elements))
    _ARRANGED.append((knowledge, arranged_now))
    del _ARRANGED[:-_ARRANGED_MAX]
    return arranged_now
