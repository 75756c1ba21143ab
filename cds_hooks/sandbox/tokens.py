"""Tokens of a search, ``system|code`` in its four forms, and the codings they are compared with.

Source of the rules: FHIR R4, Search, "token" and "Escaping Search Parameters".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

_ESCAPED = re.compile(r"\\([,|$\\])")


def split(text: str, separator: str) -> list[str]:
    r"""The parts of `text` at each one-character `separator` that no backslash escapes; escapes stay in.

    >>> split(r"a\,b,c", ",")
    ['a\\,b', 'c']
    """
    parts, start, skip = [], 0, False
    for place, char in enumerate(text):
        if skip:
            skip = False
        elif char == "\\":
            skip = True
        elif char == separator:
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]


def unescape(text: str) -> str:
    """`text` with the search escapes resolved."""
    return _ESCAPED.sub(r"\1", text)


class Coding(NamedTuple):
    """A code in a resource. `plain` marks a primitive, whose system its element implies."""

    system: str | None
    code: str | None
    plain: bool = False


class Token(NamedTuple):
    """A token searched for. `system` None: any; empty: none. `code` None: any in that system."""

    system: str | None
    code: str | None

    @classmethod
    def parse(cls, text: str) -> Token:
        """Read ``code``, ``system|code``, ``|code`` or ``system|``.

        >>> Token.parse("http://loinc.org|")
        Token(system='http://loinc.org', code=None)
        """
        parts = [unescape(part) for part in split(text, "|")]
        if len(parts) == 1:
            return cls(None, parts[0].casefold())
        code = "|".join(parts[1:])
        return cls(parts[0], code.casefold() or None)

    def matches(self, coding: Coding) -> bool:
        """Whether `coding` is one of those meant. Codes compare without case, systems as they stand."""
        if self.code is not None and (coding.code is None or coding.code.casefold() != self.code):
            return False
        if self.system is None:
            return True
        if coding.plain:
            return self.code is not None
        return coding.system == self.system if self.system else coding.system is None


def codings_of(value: Any) -> list[Coding]:
    """The codings in a code, boolean, Coding, CodeableConcept, Identifier or ContactPoint element."""
    if isinstance(value, bool):
        return [Coding(None, "true" if value else "false", plain=True)]
    if isinstance(value, str):
        return [Coding(None, value, plain=True)]
    if not isinstance(value, Mapping):
        return []
    inner = value.get("coding")
    if isinstance(inner, list):
        return [found for one in inner if isinstance(one, Mapping) for found in codings_of({**one, "coding": None})]
    system, code = value.get("system"), value.get("code", value.get("value"))
    text = code if isinstance(code, str) else None
    return [Coding(system if isinstance(system, str) else None, text)] if text or system else []
