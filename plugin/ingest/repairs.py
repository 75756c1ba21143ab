"""Which repairs a resource needed: deviations from FHIR R4 that reading mends without a word, counted by name.

Nothing is changed here. The accessors of `plugin.ingest.resources` and the readers take what real servers send; this is
one walk over a resource beside them that names what they took. Names, elements and words come from ``repairs.yaml``,
which says for each repair why it is safe. What has no name there is no repair.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import orjson

from mappings.load import Knowledge
from plugin.ingest.references import reference_of, type_of
from plugin.ingest.repair_elements import ANYWHERE, Element, Elements, TextKind, arranged
from plugin.ingest.resources import Json, code_word, number, objects
from plugin.spans import PartialDate

Found = Counter[str]
_Waiting = list[tuple[Json, Elements]]
_DAY_LENGTH = len("YYYY-MM-DD")
_TIME = re.compile(r"T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
_NAIVE = re.compile(r"T\d\d:\d\d(:\d\d(?:\.\d+)?)?")
_ID_LENGTH = 64
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_NO_ID = re.compile(r"[/?#\s]")
_ADDRESS = re.compile(r"https?://[^?#\s]*/[A-Z][A-Za-z]+/[^/?#\s]+(?:/_history/[^/?#\s]*)?/?", re.IGNORECASE)
_VERSION = "/_history/"
# Signs that make no difference to the form of a resource; they are what dates, amounts and most ids are made of.
_ALIKE = b"0123456789abcdef"
_FORM = bytes.maketrans(_ALIKE, b"0" * len(_ALIKE))
_UNSURE = ""  # counts, while a resource is walked, what a form alone does not decide
_BOOLEANS = ("true", "false")


def repairs_in(resources: Iterable[Json], knowledge: Knowledge) -> Mapping[str, int]:
    """The repairs that the resources of one record needed, contained ones included: by name, in how many places.

    Whether a repair was needed is a matter of form, and resources of one record are much alike: each form is walked
    once. A form is the JSON without the id, all digits and hexadecimal letters taken for one. Where an outcome hangs on
    more than that, every resource of the form is walked. Never raises, however deep or odd a resource is.
    """
    walk = _Walk(_places_of(knowledge))
    members = list(resources)
    first: dict[bytes, Json] = {}  # of each form
    try:
        alike = [first.setdefault(orjson.dumps({**one, "id": 0}).translate(_FORM), one) for one in members]
    except TypeError:  # something nested beyond measure, or a number no other library writes: all are walked
        alike = members
    times = Counter(map(id, alike))
    total: Found = Counter()
    unsure = set()
    for example in {id(one): one for one in alike}.values():
        own = walk.repairs_of(example)
        if own.pop(_UNSURE, 0):
            unsure.add(id(example))
            continue
        for name, count in own.items():
            total[name] += count * times[id(example)]
    if unsure:
        for example, resource in zip(alike, members, strict=True):
            if id(example) in unsure:
                total.update(walk.repairs_of(resource))
    ids = [one.get("id") for one in members]
    if not all(map(_is_plain_id, ids)):
        for sent in ids:
            _note_id(sent, total)
    return MappingProxyType({name: total[name] for name in sorted(total) if name != _UNSURE})


class _Walk:
    """One walk over a resource and all below it."""

    def __init__(self, places: Mapping[str, Elements]) -> None:
        self._places = places
        self._anywhere = places[ANYWHERE]

    def repairs_of(self, resource: Json) -> Found:
        """What a resource needed but for its own id."""
        found: Found = Counter()
        kind = type_of(resource)
        if kind == "OperationOutcome":
            found["outcome-entry"] += 1
        anywhere = self._anywhere
        waiting: _Waiting = [({**resource, "id": 0}, self._places.get(kind, anywhere))]
        while waiting:
            holder, known = waiting.pop()
            for name, value in holder.items():
                element = known.get(name)
                if isinstance(value, str):
                    if element is not None:
                        _note_text(element, value, found)
                    elif not value or value.isspace():
                        found["empty-string"] += 1
                elif isinstance(value, dict):
                    if not value:
                        found["empty-element"] += 1
                    elif element is None:
                        waiting.append((value, anywhere))
                    else:
                        _note_object(element, value, found)
                        waiting.append(self._below(name, element, value, found))
                elif isinstance(value, list):
                    self._note_list(name, element, value, found, waiting, padded=f"_{name}" in holder)
                elif value is None:
                    found["empty-element"] += 1
                elif element is not None:
                    _note_plain(element, value, found)
        return found

    def _below(self, name: str, element: Element, value: Json, found: Found) -> tuple[Json, Elements]:
        """What to walk below an element; a contained resource is looked at as one of its type."""
        if name != "contained":
            return value, self._places[element.inside]
        _note_id(value.get("id"), found)
        return {**value, "id": 0}, self._places.get(type_of(value), self._anywhere)

    def _note_list(
        self, name: str, known: Element | None, value: list[Any], found: Found, waiting: _Waiting, *, padded: bool
    ) -> None:
        """Look at a list and go into it; in a `padded` one a null stands for what the element beside it tells."""
        element = known or _NOTHING
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


def _is_plain_id(sent: object) -> bool:
    return isinstance(sent, str) and sent.isalnum() and sent.isascii() and len(sent) <= _ID_LENGTH


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
        if code_word(value, element.spelt):
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
        if code_word(value, element.spelt):
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


_ARRANGED: list[tuple[Knowledge, Mapping[str, Elements]]] = []
_ARRANGED_MAX = 4


def _places_of(knowledge: Knowledge) -> Mapping[str, Elements]:
    """The elements of `knowledge` by place, arranged on first use and kept for the few most recent ones."""
    for known, places in _ARRANGED:
        if known is knowledge:
            return places
    arranged_now = arranged(knowledge.repairs)
    _ARRANGED.append((knowledge, arranged_now))
    del _ARRANGED[:-_ARRANGED_MAX]
    return arranged_now
