"""Whether a finished resource is valid FHIR R4, and if not, where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError


class InvalidResourceError(ValueError):
    """A resource that is not valid FHIR R4. The message names type, path and fault."""


def check(resource: Mapping[str, Any]) -> None:
    """Raise `InvalidResourceError` unless `resource` is valid FHIR R4; every fault is named by its path."""
    from fhir.resources.R4B import get_fhir_model_class  # noqa: PLC0415 - large, and the service never checks itself

    kind = resource.get("resourceType")
    try:
        model = get_fhir_model_class(str(kind))
    except (KeyError, ValueError):
        raise InvalidResourceError("resourceType: not a FHIR R4 resource type") from None
    try:
        model.model_validate(dict(resource))
    except ValidationError as fault:
        places = "; ".join(f"{_path(error['loc'])}: {error['msg']}" for error in fault.errors())
        raise InvalidResourceError(f"{kind}: {places}") from None


def _path(location: Sequence[int | str]) -> str:
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path or "the resource itself"
