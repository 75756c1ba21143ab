"""Finding an entry or a code of the knowledge by what a reader calls it, and every place that refers to it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from mappings.describe import Statement, phrase, statements
from mappings.entries import Entry, entries
from mappings.load import Knowledge
from mappings.products import CodedIngredients, ProductRow
from mappings.values import Code, CodeSet

# Lists of words for free text: a word there is no reference to the entry of the same name.
_FREE_TEXT = frozenset({"words", "names", "written", "not_the_patient", "text", "label", "display", "notes", "summary"})
# Scores of answers stand under the LOINC code of the answer.
_ANSWERS = "answers"
_NEAR = 5
_LIKENESS = 0.7


@dataclass(frozen=True, slots=True)
class Use:
    """One reference: the entry that holds it, and the place in it."""

    entry: Entry
    place: tuple[str, ...]

    @property
    def text(self) -> str:
        """File, entry and place in words."""
        place = f", {phrase(self.place)}" if self.place else ""
        return f"{self.entry.file}: {self.entry.kind} {self.entry.id}{place}"


@dataclass(frozen=True, slots=True)
class FoundCode:
    """One code: its system (short name), what the code tables hold, and the entries that list or cover it."""

    system: str
    code: str
    row: ProductRow | CodedIngredients | None
    uses: tuple[Use, ...]


def find(knowledge: Knowledge, wanted: str) -> tuple[Entry, ...]:
    """The entries whose id is `wanted`, letter case aside; several kinds may share an id."""
    return tuple(entry for entry in entries(knowledge) if entry.id.lower() == wanted.strip().lower())


def find_codes(knowledge: Knowledge, wanted: str) -> tuple[FoundCode, ...]:
    """The codes meant by ``SYSTEM CODE`` or a bare code, in every system that knows it."""
    *named, code = wanted.split() or [""]
    if len(named) > 1 or (named and named[0].lower() not in knowledge.systems):
        return ()
    systems = [named[0].lower()] if named else list(knowledge.systems)
    covering = _covering(knowledge, code)
    found = []
    for system in systems:
        row = _row(knowledge, system, code)
        uses = tuple(covering.get(system, ()))
        if row is not None or uses:
            found.append(FoundCode(system, code, row, uses))
    return tuple(found)


def near(knowledge: Knowledge, wanted: str) -> tuple[str, ...]:
    """Ids and brand names that look like `wanted`, the likeliest first."""
    spelled: dict[str, str] = {entry.id.lower(): entry.id for entry in entries(knowledge)}
    for name, drug in knowledge.products.names.items():
        spelled.setdefault(" ".join(name), drug)
    close = difflib.get_close_matches(wanted.strip().lower(), list(spelled), n=_NEAR, cutoff=_LIKENESS)
    return tuple(dict.fromkeys(spelled[match] for match in close))


def uses_of(knowledge: Knowledge, wanted: Entry) -> tuple[Use, ...]:
    """Every other entry that cites `wanted` or names its id in a field that is not free text."""
    found: dict[tuple[str, str, tuple[str, ...]], Use] = {}
    for entry in entries(knowledge):
        if (entry.kind, entry.id) == (wanted.kind, wanted.id):
            continue
        for statement in statements(entry.content):
            place = _reference(statement, wanted)
            if place is not None:
                found.setdefault((entry.file, entry.id, place), Use(entry, place))
    return tuple(found.values())


def _reference(statement: Statement, wanted: Entry) -> tuple[str, ...] | None:
    """The place at which a statement refers to `wanted`, None when it does not."""
    if wanted.kind == "citation":
        return statement.cited_at if wanted.id in statement.cites else None
    if wanted.kind != "parameter" and wanted.id in statement.place:
        return statement.place[: statement.place.index(wanted.id) + 1]
    named = wanted.id in statement.value and not _FREE_TEXT & set(statement.place[-1:])
    return statement.place if named else None


def _row(knowledge: Knowledge, system: str, code: str) -> ProductRow | CodedIngredients | None:
    products = knowledge.products
    if system == "rxnorm":
        return products.rxnorm.get(code)
    if system == "ndc":
        return products.ndc.get(code.replace("-", ""))
    coded = {"atc": products.atc, "snomed": products.snomed}.get(system, {})
    return coded.get(code)


def _covering(knowledge: Knowledge, code: str) -> dict[str, list[Use]]:
    """Every entry that lists or covers `code`, by the system in which it does."""
    found: dict[str, list[Use]] = {}
    for entry in entries(knowledge):
        for system, place in _places(entry.content, (), code):
            found.setdefault(system, []).append(Use(entry, place))
    return found


def _places(value: object, place: tuple[str, ...], code: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Where `value` lists the code or has a prefix of it, each with the code's system."""
    if isinstance(value, Code):
        if value.code == code:
            yield value.system, place
    elif isinstance(value, CodeSet):
        if not any(code.startswith(taken) for taken in value.except_):
            if code in value.exact:
                yield value.system, (*place, "exact")
            for prefix in value.prefixes:
                if code.startswith(prefix):
                    yield value.system, (*place, "prefixes", prefix)
    elif isinstance(value, BaseModel):
        if getattr(value, "code", None) == code and isinstance(system := getattr(value, "system", None), str):
            yield system, place
        for field in type(value).model_fields:
            yield from _places(getattr(value, field), (*place, field), code)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if key == code and place[-1:] == (_ANSWERS,):
                yield "loinc", (*place, str(key))
            yield from _places(inner, (*place, str(key)), code)
    elif isinstance(value, tuple):
        for inner in value:
            yield from _places(inner, place, code)
