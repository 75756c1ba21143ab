"""The description in docs/openapi.yaml, and whether an answer is one that it describes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import yaml
from jsonschema import Draft202012Validator

from tests.fuzz.doors import Said

FILE = Path(__file__).parents[2] / "docs" / "openapi.yaml"
_NEVER = (500,)


@cache
def described() -> dict[str, Any]:
    """The description, as it is written."""
    document: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return document


def _followed(value: Any) -> Any:
    """`value`, or what its reference names."""
    while isinstance(value, dict) and "$ref" in value:
        place: Any = described()
        for step in value["$ref"].removeprefix("#/").split("/"):
            place = place[step]
        value = place
    return value


@cache
def _validator(pointer: str) -> Draft202012Validator:
    return Draft202012Validator({**orjson.loads(pointer), "components": described()["components"]})


def operation_of(path: str, method: str) -> dict[str, Any] | None:
    """The described operation that a request to `path`, a real or a described one, is."""
    for written, item in described()["paths"].items():
        if written == path or re.fullmatch(re.sub(r"\{[a-z_]+\}", "[^/]+", written), path):
            operation = item.get(method)
            return dict(operation) if operation is not None else None
    return None


def answer_fits(path: str, method: str, said: Said) -> Iterator[str]:
    """What of an answer is not as described: its status, its type, its body. A fault of our own never fits."""
    operation = operation_of(path, method)
    if operation is None or said.status in _NEVER:
        yield f"status {said.status} of an operation that is {'not ' if operation is None else ''}described"
        return
    answer = _followed(operation["responses"].get(str(said.status)))
    if answer is None:
        if said.status != 405:
            yield f"status {said.status} is not described"
        return
    kinds = answer.get("content", {})
    if not said.body:
        # Feedback has an answer without a body, also through the address of a service.
        if kinds and not (said.status == 200 and method == "post"):
            yield "an empty body where one is described"
        return
    kind = said.headers.get("content-type", "").partition(";")[0]
    if kind not in kinds:
        yield f"a body of the type {kind}"
    elif kind.endswith("json"):
        schema = kinds[kind]["schema"]
        faults = list(_validator(orjson.dumps(schema).decode()).iter_errors(orjson.loads(said.body)))
        yield from (f"not as described at {'/'.join(map(str, fault.schema_path))}" for fault in faults[:3])
