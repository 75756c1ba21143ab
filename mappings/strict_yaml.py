"""Strict reading of one knowledge file: no duplicate keys, no type guesses, errors that say where.

Sequences become tuples so that the strict models accept them. Scalars keep YAML's types on purpose: a code
written without quotes arrives as a number or a date and is then refused by the model, with the remedy in the
message.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")

_DATE_KEY = re.compile(r"datetime\.date\((\d+), (\d+), (\d+)\)")
_TEXT = "tag:yaml.org,2002:str"
_FILES_KEPT = 512  # the knowledge has about half as many
REMEDIES = {
    "repairs_incomplete": "describe every repair once",
    "places_wrong": "list each place once, `anywhere` among them",
    "kind_twice": "list the element under one kind at this place",
    "extra_forbidden": "remove the key or correct its spelling; the allowed keys are in mappings/schema.py",
    "missing": "add the key; see mappings/schema.py for its meaning",
    "string_type": "write the value in quotes; codes and texts are always quoted strings",
    "literal_error": "use one of the listed values",
    "date_type": "write the date as YYYY-MM-DD, without quotes",
    "model_type": "write keys and values; a clinical number is {unit, values: {DATE: {amount, cites, confidence}}}",
    "dates_disordered": "put the oldest date first",
    "unit_wrong": "restate the amounts in that unit",
    "not_whole": "write a whole number",
    "none_verified": "have one value verified and give it a confidence of medium or high",
    "out_of_range": "give an amount that can be meant",
    "silent_rule": "give why_not to a rule that no reason names, and to no other",
    "kinds_incomplete": "list every kind of missing fact once, in the order of effort",
    "attributes_disordered": "list all thirteen attributes once, in the order of the regulation",
    "field_owned_twice": "keep the field under the attribute that owns it",
    "rule_twice": "give each rule an id of its own; ids are stable",
    "one_meaning": "give either drug or procedure",
    "bool_type": "write true or false",
    "review_order": "set review_by to a day after last_reviewed",
    "too_short": "give at least one entry (citations are never optional)",
}


class KnowledgeError(Exception):
    """The knowledge is unusable. The message names the file, the place in it and how to mend it."""

    def __init__(self, file: str, place: str, problem: str, remedy: str) -> None:
        """Compose the message from `file`, `place` inside it, what is wrong and the `remedy`."""
        self.file, self.place, self.problem, self.remedy = file, place, problem, remedy
        super().__init__(f"{file}: {place}: {problem}; {remedy}")


if TYPE_CHECKING:
    from yaml import SafeLoader as _SafeLoader
else:  # the parser written in C reads the same YAML several times faster; not every build of the library has it
    _SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _StrictLoader(_SafeLoader):
    """Safe loader that refuses duplicate keys and builds tuples."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """What `node` stands for. Most are plain text, which needs nothing of what the library does for others."""
        if node.tag == _TEXT and isinstance(node, yaml.ScalarNode):
            return node.value
        return super().construct_object(node, deep)


def _mapping(loader: _StrictLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    built: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in built:
            raise yaml.constructor.ConstructorError(
                None, None, f"key {key if isinstance(key, date) else repr(key)} is given twice", key_node.start_mark
            )
        built[key] = loader.construct_object(value_node, deep=True)
    return built


def _sequence(loader: _StrictLoader, node: yaml.SequenceNode) -> tuple[Any, ...]:
    return tuple(loader.construct_object(item, deep=True) for item in node.value)


_StrictLoader.add_constructor("tag:yaml.org,2002:map", _mapping)
_StrictLoader.add_constructor("tag:yaml.org,2002:seq", _sequence)


def read_yaml(path: Path, name: str) -> Any:
    """The content of the YAML file `path`; `name` is how messages call it.

    Raises KnowledgeError when the file is absent, is not YAML or gives a key twice.
    """
    return _content(_text(path, name), name)


def read_model(path: Path, name: str, kind: type[T]) -> T:
    """The file `path` validated as `kind` (a model, or a plain container of models).

    Raises KnowledgeError with the path of the first offending value.
    """
    wanted: Any = kind
    read: T = _model(_text(path, name), name, wanted)
    return read


def _text(path: Path, name: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as failure:
        raise KnowledgeError(
            name, "file", "cannot be read", "restore the file, UTF-8 encoded, from the release"
        ) from failure


@lru_cache(maxsize=_FILES_KEPT)
def _model(text: str, name: str, kind: Any) -> Any:
    """`text` as `kind`. Models never change, so where two directories hold the same text they share its model."""
    try:
        return TypeAdapter(kind).validate_python(_content(text, name), strict=True)
    except ValidationError as failure:
        raise KnowledgeError(name, *complaint(failure)) from failure


def _content(text: str, name: str) -> Any:
    try:
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader subclass
    except yaml.MarkedYAMLError as failure:
        mark = failure.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "file"
        remedy = "keep one of the two" if "twice" in str(failure.problem) else "correct the YAML"
        raise KnowledgeError(name, place, str(failure.problem), remedy) from failure
    except (yaml.YAMLError, TypeError, ValueError) as failure:
        raise KnowledgeError(name, "file", "is not valid YAML", "correct the YAML") from failure


def complaint(failure: ValidationError) -> tuple[str, str, str]:
    """Place, problem and remedy of the first thing a model refused."""
    first = failure.errors(include_url=False, include_input=False)[0]
    # Pydantic spells a key that is a date as Python would; the file has it as YYYY-MM-DD.
    steps = (_DATE_KEY.sub(lambda d: f"{d[1]}-{d[2]:0>2}-{d[3]:0>2}", str(step)) for step in first["loc"])
    place = ".".join(steps) or "top level"
    return place, first["msg"], REMEDIES.get(first["type"], "correct the value; see mappings/schema.py")
