"""Everything in the knowledge that has a name of its own, found by walking the files as they were read.

Nothing here knows a particular file, so that new content is shown, compared and printed without a change of this
module; only the singular words for some lists are given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from mappings.describe import QUALIFIERS, REVIEW, Parameter, key_of, nth, scalar
from mappings.load import Knowledge
from mappings.values import Reviewed

_SINGULAR = {
    "adherence": "adherence meaning",
    "categories": "condition category",
    "comparisons": "comparison rule",
    "figures": "published figure",
    "groups": "drug group",
    "statements": "guideline statement",
    "agents": "investigational agent",
    "checks": "pseudo-resistance check",
    "safety": "safety rule",
    "kinds": "procedure kind",
    "sources": "citation",
    "systems": "code system",
    "scales": "prefetch code",
    "on_need": "data need",
    "timing": "timing code",
    "units": "dose unit",
    "codes": "code table",
    "override_reasons": "override reason",
    "rules": "rule",
    "reasons": "override reason",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing with a name: a drug, a definition, a condition category, a citation, a parameter.

    `file` is relative to the knowledge directory; `review` the review of the file that holds the entry, None where
    the file carries none.
    """

    kind: str
    id: str
    file: str
    content: object
    review: Reviewed | None


def entries(knowledge: Knowledge) -> tuple[Entry, ...]:
    """Every named entry of the knowledge, in the order of its files; rows of code tables are not entries."""
    return tuple(entry for name, content in knowledge.files.items() for entry in _of_file(name, content))


def _of_file(name: str, content: object) -> Iterator[Entry]:
    folder = name.partition("/")[0].removesuffix(".yaml")
    # A file whose entries stand under keys of their own (the sentences of a language) is no single entry.
    whole = isinstance(content, Reviewed) and "id" in type(content).model_fields
    if whole and isinstance(content, Reviewed) and not content.__pydantic_extra__:
        yield Entry(_kind(folder, name), key_of(content), name, content, content)
    else:
        yield from _named(folder, content, name, None)


def _named(field: str, value: object, file: str, review: Reviewed | None) -> Iterator[Entry]:
    """The entries of one file: those of its lists, and each of its plain values as a parameter."""
    kind = _kind(field, file)
    if isinstance(value, Mapping):
        yield from (Entry(kind, str(key), file, inner, review) for key, inner in value.items())
    elif isinstance(value, tuple):
        taken: dict[str, int] = {}
        for inner in value:
            key = nth(key_of(inner) if isinstance(inner, BaseModel) else scalar(inner), taken)
            yield Entry(kind, key, file, inner, review)
    elif isinstance(value, BaseModel):
        review = value if isinstance(value, Reviewed) else review
        for name in type(value).model_fields:
            inner = getattr(value, name)
            if name in QUALIFIERS or name in REVIEW or (name == "id" and value.__pydantic_extra__):
                continue
            if _is_collection(inner):
                yield from _named(name, inner, file, review)
            elif inner is not None and inner != ():
                yield Entry("parameter", name, file, Parameter.of(value, name), review)
        yield from _named(field, value.__pydantic_extra__ or {}, file, review)


def _kind(field: str, file: str) -> str:
    words = file.removesuffix(".yaml") if field == "meanings" else field
    return _SINGULAR.get(words) or words.replace("_", " ").removesuffix("s")


def _is_collection(value: object) -> bool:
    elements = value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple) else ()
    return bool(elements) and all(isinstance(element, BaseModel) for element in elements)
