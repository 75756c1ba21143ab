"""Mutation of documents and of bytes. The same `Random` gives the same result; the original is never changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from tests.fuzz.hostile import KEYS, deep, hostile

_GO_DEEPER = 0.82
_SHORT = 2_000  # what is longer is not multiplied any more
_TOKENS = (
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\u0000", b"\\ud800", b"null", b"true", b"NaN", b"-", b"1e999",
    b"00", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\x00", b"\r\n", b"/*x*/", b"'", b'"feedback":[],',
    b'"hook":"patient-view",', b'"prefetch":null,', b'"context":{},', b'"id":"p2",', b'"entry":[{}],',
)  # fmt: skip


def mutated(document: Any, chance: Random, donors: Sequence[Any], *, gently: bool = False) -> Any:
    """`document` with one change or several, `gently` mostly with one; only what leads to a change is copied."""
    for _ in range(1 if gently and chance.random() < 0.6 else _changes(chance)):
        document = _changed_somewhere(document, chance, donors)
    return document


def _changes(chance: Random) -> int:
    count = 1
    while count < 12 and chance.random() < 0.5:
        count += 1
    return count


def _changed_somewhere(value: Any, chance: Random, donors: Sequence[Any]) -> Any:
    if isinstance(value, dict) and value:
        name = chance.choice(list(value))
        if chance.random() < _GO_DEEPER and isinstance(value[name], dict | list):
            return {**value, name: _changed_somewhere(value[name], chance, donors)}
        return _changed_member(value, name, chance, donors)
    if isinstance(value, list) and value:
        place = chance.randrange(len(value))
        if chance.random() < _GO_DEEPER and isinstance(value[place], dict | list):
            return [*value[:place], _changed_somewhere(value[place], chance, donors), *value[place + 1 :]]
        return _changed_item(value, place, chance, donors)
    return _replaced(value, chance, donors)


def _changed_member(value: dict[str, Any], name: str, chance: Random, donors: Sequence[Any]) -> dict[str, Any]:
    kind = chance.random()
    if kind < 0.16:
        return {key: item for key, item in value.items() if key != name}
    if kind < 0.22:
        return {chance.choice(KEYS) if key == name else key: item for key, item in value.items()}
    if kind < 0.28:
        return {**value, chance.choice(KEYS): value[name]}
    if kind < 0.32:
        names = list(value)
        chance.shuffle(names)
        return {key: value[key] for key in names}
    if kind < 0.36:
        other = chance.choice(list(value))
        return {**value, name: value[other], other: value[name]}
    return {**value, name: _replaced(value[name], chance, donors)}


def _changed_item(value: list[Any], place: int, chance: Random, donors: Sequence[Any]) -> list[Any]:
    kind = chance.random()
    if kind < 0.2:
        return [*value[:place], *value[place + 1 :]]
    if kind < 0.4:
        return [
            *value[:place],
            *([value[place]] * (chance.choice((2, 2, 3, 20)) if len(value) < 60 else 2)),
            *value[place + 1 :],
        ]
    if kind < 0.5:
        return chance.sample(value, len(value))
    return [*value[:place], _replaced(value[place], chance, donors), *value[place + 1 :]]


def _replaced(value: Any, chance: Random, donors: Sequence[Any]) -> Any:
    """Another value in the place of `value`: close to it, of another type, of another document, or hostile."""
    kind = chance.random()
    if kind < 0.30:
        return _near(value, chance)
    if kind < 0.42:
        return _of_other_type(value, chance)
    if kind < 0.58 and donors:
        return _piece(chance.choice(donors), chance)
    if kind < 0.62:
        return None
    if kind < 0.63:
        return deep(chance.choice((3, 30, 130, 900)), value, lists=chance.random() < 0.5)
    return hostile(chance, numbers_of_no_json=chance.random() < 0.2)


def _near(value: Any, chance: Random) -> Any:
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int | float) and abs(value) < 1e300:
        return chance.choice((value + 1, value - 1, -value, value * 10, value // 3, value * 10**6, 0))
    if isinstance(value, str):
        return text_near(value, chance)
    if isinstance(value, list):
        return value[: chance.randrange(len(value) + 1)] + value[: chance.randrange(2)]
    if isinstance(value, dict):
        return {key: item for key, item in value.items() if chance.random() < 0.7}
    return value


def text_near(text: str, chance: Random) -> str:
    """`text` with something left out, put in, doubled, or written otherwise."""
    place, until = sorted((chance.randrange(len(text) + 1), chance.randrange(len(text) + 1)))
    changes: tuple[Callable[[], str], ...] = (
        lambda: text[:place] + text[until:],
        lambda: text[:until] + text[place:],
        lambda: text[:place] + chr(chance.randrange(0x20, 0x2FFF)) + text[place:],
        lambda: text[:place] + chance.choice("0123456789.,-/ \u00a0\u00bd") + text[place + 1 :],
        lambda: text.upper() if chance.random() < 0.5 else text.title(),
        lambda: text.translate({0x30 + digit: 0x0660 + digit for digit in range(10)}),
        lambda: text[::-1],
        lambda: f" {text}\u00a0",
        lambda: text * chance.choice((2, 10, 200)) if len(text) < _SHORT else text[: _SHORT // 2],
    )
    return chance.choice(changes)()


def _of_other_type(value: Any, chance: Random) -> Any:
    made: tuple[Any, ...] = ([value], {"value": value}, [value, None], {"coding": value})
    if isinstance(value, list) and value:
        made = (value[0], {"entry": value}, {"0": value[0]})
    elif isinstance(value, dict) and value:
        made = (list(value.values()), next(iter(value.values())), str(list(value)), [value])
    elif isinstance(value, str):
        made = (*made, len(value), True, {"text": value})
    elif isinstance(value, int | float):
        made = (*made, str(value), f"{value} mg", {"value": str(value)})
    return chance.choice(made)


def _piece(document: Any, chance: Random) -> Any:
    """Some part of another document."""
    while isinstance(document, dict | list) and document and chance.random() < 0.7:
        document = chance.choice(list(document.values()) if isinstance(document, dict) else document)
    return document


def written_out(document: Any, chance: Random) -> bytes:
    """The document as JSON, in ASCII or not; nested deeper than can be written, another that is as deep."""
    try:
        return json.dumps(document, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    except RecursionError:
        levels = chance.choice((1_500, 20_000))
        return b'{"hook":"order-select","prefetch":{"patient":' + b"[" * levels + b"]" * levels + b"}}"


def mutated_bytes(body: bytes, chance: Random, donor: bytes) -> bytes:
    """`body` with bytes turned, lost, doubled, put in, or taken from `donor`."""
    for _ in range(_changes(chance)):
        place = chance.randrange(len(body) + 1)
        until = min(len(body), place + int(chance.expovariate(1 / 40)))
        kind = chance.randrange(8)
        if kind == 0 and body:
            at = min(place, len(body) - 1)
            body = body[:at] + bytes((body[at] ^ (1 << chance.randrange(8)),)) + body[at + 1 :]
        elif kind == 1:
            body = body[:place] + body[until:]
        elif kind == 2:
            body = body[:until] + body[place:]
        elif kind in (3, 4):
            body = body[:place] + chance.choice(_TOKENS) + body[place:]
        elif kind == 5:
            body = body[:place] + donor[place:until] + body[until:]
        elif kind == 6:
            body = body[:place] + chance.randbytes(chance.randrange(1, 9)) + body[until:]
        else:
            body = body[: chance.choice((place, len(body) - 1))] if chance.random() < 0.5 else body[place:]
    return body
