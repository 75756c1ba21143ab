"""The part of docs/client-profiles.md that is made from data: the profiles, their sources, the names of our orders.

``python -m cds_hooks.trust.profile_page docs/client-profiles.md`` writes it anew; a test compares.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cds_hooks.proposals import order_names
from cds_hooks.trust.behaviour import Behaviour
from cds_hooks.trust.profiles import profiles_as_written
from mappings.load import Knowledge, load

BEGIN, END = "<!-- made from data: begin -->", "<!-- made from data: end -->"


def profile_page(knowledge: Knowledge) -> str:
    """The made part, between and without its marks."""
    return "\n".join(_lines(knowledge)) + "\n"


def with_made_part(text: str, knowledge: Knowledge) -> str:
    """The page with its made part as it should be. Raises ValueError when the marks are missing."""
    before, _, rest = text.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"the page has no part between {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{profile_page(knowledge)}{END}{after}"


def _lines(knowledge: Knowledge) -> Iterator[str]:
    written = profiles_as_written()
    names = list(written.profiles)
    yield "## The profiles side by side\n"
    yield f"| attribute | {' | '.join(f'`{name}`' for name in names)} |"
    yield "|---" * (len(names) + 1) + "|"
    for attribute in Behaviour.model_fields:
        values = (_shown(written.profiles[name].attributes[attribute].value) for name in names)
        yield f"| `{attribute}` | {' | '.join(values)} |"
    for name, profile in written.profiles.items():
        yield f"\n## `{name}`\n\n{' '.join(profile.note.split())}\n"
        yield "| attribute | value | why | source |\n|---|---|---|---|"
        for attribute in Behaviour.model_fields:
            one = profile.attributes[attribute]
            yield f"| `{attribute}` | {_shown(one.value)} | {one.note} | {one.source} |"
    yield "\n## Sources\n"
    yield from (f"- `{id_}`: {text}" for id_, text in written.sources.items())
    yield "\n## Names of orders\n\nFor `site_codes`. Measures that have no code of their own travel in words.\n"
    yield from (f"- `{name}`" for name in order_names(knowledge))


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: `{one}`" for name, one in value.items()) or "none"
    if isinstance(value, (tuple, list)):
        return ", ".join(str(one) for one in value) or "none"
    return str(value)


def main(path: str) -> None:
    """Write the made part of the page at `path` anew."""
    page = Path(path)
    page.write_text(with_made_part(page.read_text(encoding="utf-8"), load()), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
