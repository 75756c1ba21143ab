"""JSON Schema of every kind of knowledge file, for editors that check YAML while it is typed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from mappings.load import Knowledge
from mappings.reference import MADE_BY
from mappings.site_schema import Override, RuleSwitch, Site, SiteCodes, SiteReasons, SiteSentences

# The files of a site overlay, which the knowledge itself does not hold.
_SITE: Mapping[str, Any] = {
    "site": Site,
    "site-overrides": tuple[Override, ...],
    "site-rules": tuple[RuleSwitch, ...],
    "site-codes": SiteCodes,
    "site-override-reasons": SiteReasons,
    "site-sentences": SiteSentences,
}
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas(knowledge: Knowledge) -> dict[str, str]:
    """Text by file name, such as ``drug.schema.json``: one for a folder of like files, one for each single file."""
    kinds: dict[str, Any] = {_name(file, content): type(content) for file, content in knowledge.files.items()}
    kinds |= _SITE
    return {f"{name}.schema.json": schema_text(name, kind) for name, kind in sorted(kinds.items())}


def _name(file: str, content: object) -> str:
    if "/" not in file:
        return file.removesuffix(".yaml").replace("_", "-")
    words = re.findall(r"[A-Z][a-z]*", type(content).__name__.removesuffix("File"))
    return "-".join(word.lower() for word in words)


def schema_text(name: str, kind: Any) -> str:
    """The JSON Schema of `kind`, a model or a container of models, as it is committed under `name`."""
    schema = TypeAdapter(kind).json_schema(mode="validation", by_alias=True)
    note = f"Made by `{MADE_BY} schema --write`; do not edit."
    whole = {"$schema": _DIALECT, "$comment": note, "title": name, **_open_to_comment(schema)}
    return json.dumps(whole, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _open_to_comment(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without the title of the model, which names a Python class."""
    return {key: value for key, value in schema.items() if key != "title"}
