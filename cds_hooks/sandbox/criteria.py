"""One search parameter with its value, made into a test on a resource.

Source of the rules: FHIR R4, Search, "Search Parameter Types", "Modifiers" and "Chained Parameters". A
modifier that is not offered is refused, never ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cds_hooks.sandbox import dates
from cds_hooks.sandbox.elements import Document, fold, walk
from cds_hooks.sandbox.faults import InvalidRequest, UnknownParameter
from cds_hooks.sandbox.parameters import SEARCHABLE, SearchParameter
from cds_hooks.sandbox.references import is_bare_id, key_of, local, resolve
from cds_hooks.sandbox.store import ResourceStore, index_key
from cds_hooks.sandbox.tokens import Token, codings_of, split, unescape

Test = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a search takes place: the resources, and the base address that makes a reference local."""

    store: ResourceStore
    base: str


@dataclass(frozen=True, slots=True)
class Criterion:
    """A test on a resource; `ids` and `keys`, when not None, narrow beforehand what has to be tested."""

    test: Callable[[Document], bool]
    ids: frozenset[str] | None = None
    keys: frozenset[str] | None = None


def criterion(kind: str, name: str, value: str, place: Place) -> Criterion:
    """The criterion ``name=value`` of a search over resources of type `kind`.

    `name` may carry a modifier (``status:not``) or a chain (``medication.code``); `value` may hold
    alternatives. Raises UnknownParameter when the type has no such parameter, InvalidRequest for a modifier
    or value that cannot be used.
    """
    head, _, chained = name.partition(".")
    bare, _, modifier = head.partition(":")
    parameter = SEARCHABLE[kind].get(bare)
    if parameter is None:
        raise UnknownParameter(
            f"{kind} has no such search parameter here; /metadata lists those there are.", where=kind
        )
    if chained:
        return _chain(parameter, modifier, chained, value, place)
    if modifier == "missing":
        return _missing(parameter, value)
    alternatives = [part for part in split(value, ",") if part]
    if parameter.name == "_id":
        return _identified(alternatives, modifier)
    match parameter.kind:
        case "token":
            _permit(parameter, modifier, "", "not")
            found = _any_value(parameter, _token_test([Token.parse(part) for part in alternatives]))
            return Criterion((lambda document: not found(document)) if modifier == "not" else found)
        case "date":
            _permit(parameter, modifier, "")
            return Criterion(_any_value(parameter, _date_test(parameter, alternatives)))
        case "string":
            _permit(parameter, modifier, "", "exact", "contains")
            texts = [unescape(part) for part in alternatives]
            return Criterion(_any_value(parameter, _string_test(texts, modifier)))
        case "reference":
            return _reference(parameter, modifier, alternatives, place)


def reference_values(parameter: SearchParameter, document: Document) -> list[str]:
    """The literal references (or canonical addresses) a reference parameter finds in `document`."""
    found = (value for path in parameter.paths for value in walk(document, path))
    literal = (value.get("reference") if isinstance(value, Mapping) else value for value in found)
    return [value for value in literal if isinstance(value, str)]


def _permit(parameter: SearchParameter, modifier: str, *permitted: str) -> None:
    if modifier not in permitted:
        offered = ", ".join(f":{one}" for one in (*permitted, "missing") if one)
        raise InvalidRequest(
            f"This modifier is not offered on {parameter.name}; offered: {offered}.",
            where=parameter.name,
            code="not-supported",
        )


def _any_value(parameter: SearchParameter, test: Test) -> Callable[[Document], bool]:
    return lambda document: any(test(value) for path in parameter.paths for value in walk(document, path))


def _identified(alternatives: list[str], modifier: str) -> Criterion:
    wanted = frozenset(alternatives)
    _permit(SEARCHABLE["Patient"]["_id"], modifier, "", "not")
    if modifier == "not":
        return Criterion(lambda document: document.get("id") not in wanted)
    return Criterion(lambda document: document.get("id") in wanted, ids=wanted)


def _missing(parameter: SearchParameter, value: str) -> Criterion:
    if value not in ("true", "false"):
        raise InvalidRequest("The modifier :missing takes true or false.", where=parameter.name, code="value")
    present = _any_value(parameter, lambda _: True)
    return Criterion((lambda document: not present(document)) if value == "true" else present)


def _token_test(wanted: list[Token]) -> Test:
    return lambda value: any(token.matches(coding) for coding in codings_of(value) for token in wanted)


def _date_test(parameter: SearchParameter, alternatives: list[str]) -> Test:
    wanted: list[tuple[str, dates.Interval]] = []
    for text in alternatives:
        prefix = text[:2] if text[:2] in dates.PREFIXES else "eq"
        found = dates.interval(text.removeprefix(prefix))
        if found is None:
            raise InvalidRequest(
                f"{parameter.name} takes a date (YYYY, YYYY-MM, YYYY-MM-DD or with a time), with one of the "
                f"prefixes {', '.join(dates.PREFIXES)} or none.",
                where=parameter.name,
                code="value",
            )
        wanted.append((prefix, found))

    def test(value: Any) -> bool:
        actual = dates.intervals_of(value)
        return any(dates.compare(prefix, limits, one) for prefix, limits in wanted for one in actual)

    return test


def _string_test(alternatives: list[str], modifier: str) -> Test:
    if modifier == "exact":
        return lambda value: value in alternatives
    folded = [fold(text) for text in alternatives]
    if modifier == "contains":
        return lambda value: isinstance(value, str) and any(text in fold(value) for text in folded)
    return lambda value: isinstance(value, str) and any(fold(value).startswith(text) for text in folded)


def _targets(parameter: SearchParameter, modifier: str) -> tuple[str, ...]:
    """The types a reference may lead to, when `modifier` (a type name, or nothing) narrows them."""
    if modifier and parameter.targets and modifier not in parameter.targets:
        _permit(parameter, modifier, "", "identifier", *parameter.targets)
    return (modifier,) if modifier else parameter.targets


def _reference(parameter: SearchParameter, modifier: str, alternatives: list[str], place: Place) -> Criterion:
    if modifier == "identifier":
        test = _token_test([Token.parse(part) for part in alternatives])
        identified = SearchParameter(parameter.name, "token", tuple(f"{path}.identifier" for path in parameter.paths))
        return Criterion(_any_value(identified, test))
    types = _targets(parameter, modifier)
    keys: set[str] = set()
    tests: list[Callable[[str], bool]] = []
    for wanted in alternatives:
        test_one, its_keys = _one_reference(wanted, types, place.base)
        tests.append(test_one)
        keys |= its_keys
    # A bare id without known target types can be any resource: the index cannot narrow that.
    open_ended = not types and any(is_bare_id(wanted) for wanted in alternatives)
    return Criterion(
        lambda document: any(test(value) for value in reference_values(parameter, document) for test in tests),
        keys=None if open_ended or parameter.canonical else frozenset(keys),
    )


def _one_reference(wanted: str, types: tuple[str, ...], base: str) -> tuple[Callable[[str], bool], set[str]]:
    if is_bare_id(wanted):

        def by_id(value: str) -> bool:
            target = local(value, base)
            return target is not None and target.id == wanted and (not types or target.kind in types)

        return by_id, {f"{kind}/{wanted}" for kind in types}
    named = local(wanted, base)
    if named is None:
        return lambda value: wanted in (value, value.partition("|")[0]), {index_key(wanted)}
    if types and named.kind not in types:
        return lambda _: False, set()
    return lambda value: local(value, base) == named, {key_of(named)}


def _chain(parameter: SearchParameter, modifier: str, chained: str, value: str, place: Place) -> Criterion:
    if parameter.kind != "reference":
        raise UnknownParameter(
            f"{parameter.name} is no reference, so nothing can be chained to it.", where=parameter.name
        )
    inner: dict[str, Criterion] = {}
    for kind in _targets(parameter, modifier) or tuple(SEARCHABLE):
        if kind in SEARCHABLE and chained.partition(".")[0].partition(":")[0] in SEARCHABLE[kind]:
            inner[kind] = criterion(kind, chained, value, place)
    if not inner:
        raise UnknownParameter(
            f"No type that {parameter.name} refers to has this parameter; /metadata lists those there are.",
            where=parameter.name,
        )

    def test(document: Document) -> bool:
        for reference in reference_values(parameter, document):
            target = resolve(reference, document, place.store, place.base)
            found = inner.get(str(target.get("resourceType"))) if target else None
            if target is not None and found is not None and found.test(target):
                return True
        return False

    return Criterion(test)
