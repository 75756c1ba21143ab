"""The elements of ``repairs.yaml`` arranged by the place where they are met, so that one look-up tells all of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum, auto
from typing import NamedTuple

from mappings.repair_schema import Place, RepairName, Repairs
from plugin.ingest.resources import ClosedList

ANYWHERE = "anywhere"
_NO_WORDS = ClosedList()


class TextKind(IntEnum):
    """What a text at an element is."""

    ANY = auto()
    TOKEN = auto()
    REFERENCE = auto()
    MOMENT = auto()
    DAY = auto()
    NUMBER = auto()
    BOOLEAN = auto()
    STATUS = auto()


class Element(NamedTuple):
    """What R4 says of one element at one place.

    `many` says whether it repeats, None where nothing is said. `version` is the repair that its presence means, `words`
    are those of its closed list and `spelt` all that are read as one of them. `inside` names the place below it.
    What most elements are is told beforehand: `usual` is the kind of text that needs no repair here, None where every
    text does or may; an object at a `bare` element needs none.
    """

    many: bool | None = None
    text: TextKind | None = None
    concept: bool = False
    dosage: bool = False
    version: RepairName | None = None
    words: frozenset[str] = frozenset()
    spelt: ClosedList = _NO_WORDS
    inside: str = ANYWHERE
    usual: TextKind | None = TextKind.ANY
    bare: bool = True


Elements = Mapping[str, Element]


def arranged(table: Repairs) -> dict[str, Elements]:
    """By place: its own elements over those known anywhere."""
    places = {name: place for place in table.places for name in place.at}
    below = [name for name in places if name[0].islower() and name != ANYWHERE]
    common = places[ANYWHERE]
    return {
        name: {
            element: _element(element, name, (place, common), places)
            for element in dict.fromkeys((*_named(common), *_named(place), *below))
        }
        for name, place in places.items()
    }


def worded(places: Mapping[str, Elements]) -> dict[str, tuple[str, ...]]:
    """By place: which of its elements are concepts or directions."""
    return {
        name: tuple(one for one, element in known.items() if element.concept or element.dosage)
        for name, known in places.items()
    }


def _named(place: Place) -> Iterable[str]:
    """Every element that a place speaks of."""
    for names in (place.lists, place.singles, place.concepts, place.dosages, place.earlier, place.later):
        yield from names
    yield from _texts(place)
    yield from place.statuses


def _texts(place: Place) -> dict[str, TextKind]:
    kinds = (
        (TextKind.TOKEN, place.tokens),
        (TextKind.REFERENCE, place.references),
        (TextKind.MOMENT, place.times),
        (TextKind.DAY, place.dates),
        (TextKind.NUMBER, place.numbers),
        (TextKind.BOOLEAN, place.booleans),
        (TextKind.STATUS, tuple(place.statuses)),
    )
    return {name: kind for kind, names in kinds for name in names}


def _element(name: str, at: str, said: tuple[Place, Place], places: Mapping[str, Place]) -> Element:
    """What is known of `name` at a place: `said` by the place itself, then by what holds anywhere."""
    own = said[0]
    many = next((name in one.lists for one in said if name in (*one.lists, *one.singles)), None)
    concept = any(name in one.concepts for one in said)
    text = next((kind for one in said if (kind := _texts(one).get(name)) is not None), None)
    if concept and text is TextKind.TOKEN and name not in _texts(own):
        text = None  # `code` is a code nearly everywhere, and a concept where the place says so
    status = own.statuses.get(name)
    version: RepairName | None = None
    if name in own.earlier or name in own.later:
        version = "earlier-version-element" if name in own.earlier else "later-version-element"
    marked = version is not None or concept or name in own.dosages
    usual = TextKind.ANY if text is None else text
    return Element(
        usual=None if marked or (many and text is TextKind.TOKEN) else usual,
        bare=not (version is not None or many or concept or text is TextKind.STATUS),
        many=many,
        text=text,
        concept=concept,
        dosage=name in own.dosages,
        version=version,
        words=frozenset(status.words) if status else frozenset(),
        spelt=ClosedList(*status.words, *status.other) if status else _NO_WORDS,
        inside=next((place for place in (f"{at}.{name}", name) if place in places and place != ANYWHERE), ANYWHERE),
    )
